"""Every path of a platform process, the sandbox's with them, which is off while tests run."""

from __future__ import annotations

from django.urls import include, path

from restaurant_integration.urls import urlpatterns as usual

urlpatterns = [*usual, path("sandbox/", include("integration.sandbox.urls"))]
