"""The paths of a process whose sandbox is on."""

from django.urls import include, path

urlpatterns = [
    path("", include("integration.urls")),
    path("", include("orders.api_urls")),
    path("sandbox/", include("integration.sandbox.urls")),
]
