"""Every path: the webhooks, the API, the pages, the admin."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("restaurant_integration.health_urls")),
    path("", include("integration.urls")),
    path("", include("orders.api_urls")),
    path("", include("integration.api_urls")),
    path("", include("orders.urls")),
    path("", include("integration.page_urls")),
    path("admin/", admin.site.urls),
]
if settings.ROLE == "hub":
    # Before the API of orders, which would take "sync" for an order.
    urlpatterns.insert(0, path("", include("integration.hub.urls")))
if settings.SANDBOX_ENABLED and settings.ROLE == "platform":
    urlpatterns.append(path("sandbox/", include("integration.sandbox.urls")))

handler400 = "orders.errors.bad_request"
handler403 = "orders.errors.permission_denied"
handler404 = "orders.errors.page_not_found"
handler500 = "orders.errors.server_error"
