"""The paths of a hub."""

from django.urls import include, path

urlpatterns = [
    path("", include("integration.hub.urls")),
    path("", include("integration.urls")),
    path("", include("orders.api_urls")),
    path("", include("integration.api_urls")),
]
handler404 = "orders.errors.page_not_found"
