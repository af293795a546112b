"""Every path of a platform and of a hub, the sandbox's with them, which is off while tests run."""

from __future__ import annotations

from django.urls import include, path

from restaurant_integration.urls import urlpatterns as usual

urlpatterns = [
    path("", include("integration.hub.urls")),
    *usual,
    path("sandbox/", include("integration.sandbox.urls")),
]
