"""The paths of a hub."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("integration.hub.urls")),
    path("", include("integration.urls")),
    path("", include("orders.api_urls")),
    path("", include("integration.api_urls")),
    path("", include("orders.urls")),
    path("", include("integration.page_urls")),
    path("admin/", admin.site.urls),
]
handler404 = "orders.errors.page_not_found"
