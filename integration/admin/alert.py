"""What waits for a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from integration.alert_words import alert_words
from integration.alerts import acknowledge_alert, resolve_alert
from integration.models import Alert
from orders.admin.lists import CompanyFilter, LargeListAdmin
from orders.admin_scope import ReadOnlyAdmin
from orders.models import User

AT_ONCE = 200


@admin.register(Alert)
class AlertAdmin(LargeListAdmin, ReadOnlyAdmin):
    """Alerts: seen here, acknowledged and resolved by the actions of the list."""

    list_display = ("cause", "subject", "severity", "state", "count", "says", "company", "last_seen_at")
    list_select_related = ("company",)
    list_filter = ("state", "severity", ("company", CompanyFilter))
    ordering = ("-last_seen_at", "-id")
    fields = (
        "id", "company", "cause", "subject", "severity", "state", "message", "details", "count", "first_seen_at",
        "last_seen_at", "acknowledged_at", "acknowledged_by", "resolved_at", "resolved_by",
    )  # fmt: skip
    actions = ("acknowledge", "resolve")

    @admin.display(description=_("Message"), ordering="message")
    def says(self, obj: Alert) -> str:
        return alert_words(obj)

    @admin.action(description=_("Acknowledge selected alerts"), permissions=["view"])
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        self._move(request, queryset, "acknowledged", acknowledge_alert)

    @admin.action(description=_("Resolve selected alerts"), permissions=["view"])
    def resolve(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        self._move(request, queryset, "resolved", resolve_alert)

    def _move(
        self, request: HttpRequest, queryset: QuerySet[Alert], state: str, move: Callable[[Alert, Any], Alert]
    ) -> None:
        """Move each alert and write it into the trail; one that is there or past it already stays as it is."""
        assert isinstance(request.user, User)
        moved = 0
        for alert in queryset[:AT_ONCE]:
            with transaction.atomic():
                was = alert.state
                if move(alert, request.user).state == was:
                    continue
                self.record(request, alert, state, {"cause": alert.cause, "subject": alert.subject})
            moved += 1
        text = ngettext("%(count)d alert is %(state)s.", "%(count)d alerts are %(state)s.", moved)
        self.message_user(request, text % {"count": moved, "state": state}, messages.SUCCESS)
