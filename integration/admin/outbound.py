"""What goes out, and what is accepted without a person."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError

from integration.models import AutoAcceptPolicy, OutboundAttempt, OutboundPush
from orders.admin.lists import CompanyFilter, LargeListAdmin, ProviderFilter
from orders.admin_scope import CompanyScopedAdmin, CompanyScopedForm, ReadOnlyAdmin, ScopedInline
from providers.registry import provider_choices


class AttemptInline(ScopedInline):
    model = OutboundAttempt
    is_read_only = True
    fields = readonly_fields = (
        "number", "started_at", "outcome", "method", "url", "response_status", "duration_ms", "error", "request_body",
        "response_body",
    )  # fmt: skip
    verbose_name_plural = "attempts"


@admin.register(OutboundPush)
class OutboundPushAdmin(LargeListAdmin, ReadOnlyAdmin):
    """The outbox: what a provider is told, and how each try went."""

    list_display = ("created_at", "provider", "action", "status", "route", "attempts", "error", "company")
    list_select_related = ("company",)
    list_filter: ClassVar[Any] = (ProviderFilter, "status", "route", ("company", CompanyFilter))
    ordering = ("-created_at", "-id")
    fields = (
        "id", "company", "order", "provider", "route", "action", "status", "error_code", "error", "reason", "prep_minutes",
        "attempts", "next_attempt_at", "occurred_at", "created_at", "finished_at",
    )  # fmt: skip
    inlines = (AttemptInline,)


class PolicyForm(CompanyScopedForm):
    provider = forms.ChoiceField(required=False, choices=lambda: [("", "Every provider"), *provider_choices()])

    class Meta:
        model = AutoAcceptPolicy
        fields = ("company", "branch", "provider", "enabled", "prep_minutes")

    def clean(self) -> dict[str, Any]:
        """Refuse a branch of another company."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        company_id = self.instance.company_id or getattr(data.get("company"), "pk", None)
        branch = data.get("branch")
        if branch is not None and branch.company_id != company_id:
            raise ValidationError({"branch": "This branch belongs to another company."})
        return data


@admin.register(AutoAcceptPolicy)
class AutoAcceptPolicyAdmin(CompanyScopedAdmin):
    """Which orders are accepted without a person: the nearest policy of branch and provider counts."""

    form = PolicyForm
    list_display = ("provider", "branch", "enabled", "prep_minutes", "company")
    list_select_related = ("company", "branch")
    list_filter: ClassVar[Any] = ("enabled", ("company", CompanyFilter))
    ordering = ("provider", "id")
    fields = ("company", "branch", "provider", "enabled", "prep_minutes")
