"""The audit trail."""

from __future__ import annotations

from django.contrib import admin

from orders.admin.lists import CompanyFilter, DayFilter, LargeListAdmin, OwnRowsFilter
from orders.admin_scope import ReadOnlyAdmin
from orders.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(LargeListAdmin, ReadOnlyAdmin):
    """Who did what, when, from where. Append-only."""

    list_display = ("created_at", "actor", "action", "target", "company", "address")
    list_select_related = ("company",)
    list_filter = (DayFilter, ("user", OwnRowsFilter), ("company", CompanyFilter))
    ordering = ("-created_at", "-id")
    fields = ("id", "created_at", "company", "user", "actor", "action", "target", "details", "address")
