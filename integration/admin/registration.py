"""What is registered with the hub."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin

from integration.models import IntegrationWebhook
from orders.admin.lists import CompanyFilter, ProviderFilter
from orders.admin_scope import ReadOnlyAdmin


@admin.register(IntegrationWebhook)
class IntegrationWebhookAdmin(ReadOnlyAdmin):
    """Registrations, without the keys that came with them."""

    list_display = ("provider", "status", "url", "company", "updated_at")
    list_select_related = ("company",)
    list_filter: ClassVar[Any] = (ProviderFilter, "status", ("company", CompanyFilter))
    search_fields = ("provider", "webhook_id")
    ordering = ("provider", "id")
    fields = ("id", "company", "provider", "webhook_id", "url", "events", "status", "error", "created_at", "updated_at")
