"""The webhook log: what came in, byte for byte, what became of it, and doing it again."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from integration import inbox
from integration.admin.payload import readable
from integration.models import WebhookAttempt, WebhookBody, WebhookLog, WebhookStatus
from orders.admin.lists import (
    CompanyFilter,
    DayFilter,
    LargeListAdmin,
    ProviderFilter,
    searched_company_ids,
)
from orders.admin_scope import ReadOnlyAdmin, ScopedInline
from orders.audit import record_act
from orders.models import Order, User

FOUND_AT_MOST = 200
REPLAYED_AT_ONCE = 100
"""A request has seconds, not minutes; for more there is the ``replay`` command."""


class LogProviderFilter(ProviderFilter):
    extra_choices = (("nexara", "NEXARA"),)


class ReceivedDayFilter(DayFilter):
    field = "received_at"


class AttemptInline(ScopedInline):
    model = WebhookAttempt
    is_read_only = True
    fields = ("started_at", "trigger", "outcome", "duration_ms", "error", "user")
    verbose_name = "attempt"

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookAttempt]:
        return super().get_queryset(request).select_related("user")


@admin.register(WebhookLog)
class WebhookLogAdmin(LargeListAdmin, ReadOnlyAdmin):
    """Every delivery. Whoever may look at one may replay it, unless it was rejected."""

    list_display = (
        "received_at", "provider", "event_type", "status", "external_id", "order_status", "error_code", "attempts",
        "count", "duration_ms", "company",
    )  # fmt: skip
    list_select_related = ("company",)
    list_filter: ClassVar[Any] = (LogProviderFilter, "status", ReceivedDayFilter, ("company", CompanyFilter))
    allowed_lookups = ("order_id__exact",)
    search_fields = ("external_id",)
    search_help_text = _("A whole external id, an event's id, or an order's id.")
    ordering = ("-received_at", "-id")
    readonly_fields = ("order_link", "pretty_body", "body_line")
    fieldsets = (
        (None, {"fields": ("id", "company", "provider", "status", "event_type", "provider_event", "external_id",
                           "order_link", "order_status")}),
        (_("What went wrong"), {"fields": ("error_code", "error", "details", "warnings", "attempts", "next_attempt_at")}),
        (_("Request"), {"fields": ("received_at", "processed_at", "duration_ms", "method", "path", "remote_address",
                                "request_id", "proof", "is_envelope", "duplicates", "count", "headers",
                                "body_line", "pretty_body")}),
    )  # fmt: skip
    inlines = (AttemptInline,)
    actions = ("replay_selected",)
    change_form_template = "admin/integration/webhooklog/change_form.html"

    class Media:
        css: ClassVar[Any] = {"all": ("admin_extra/operators.css",)}

    # -- looking -------------------------------------------------------------------------------------------------------

    def found_ids(self, request: HttpRequest, term: str) -> Iterable[Any]:
        own = WebhookLog.objects.filter(company_id__in=searched_company_ids(request)).order_by()
        found = list(own.filter(external_id=term).values_list("pk", flat=True)[:FOUND_AT_MOST])
        try:
            wanted = uuid.UUID(term)
        except ValueError:
            return found
        return [*found, wanted, *own.filter(order_id=wanted).values_list("pk", flat=True)[:FOUND_AT_MOST]]

    @admin.display(description=_("order"))
    def order_link(self, log: WebhookLog) -> str:
        if log.order_id is None or log.company_id is None:
            return "–"
        if not Order.objects.filter(pk=log.order_id, company_id=log.company_id).exists():
            return gettext("%(order)s (has not come)") % {"order": log.order_id}
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:orders_order_change", args=[log.order_id]), log.order_id
        )

    @admin.display(description=_("body"))
    def body_line(self, log: WebhookLog) -> str:
        digest = f", SHA-256 {log.body_sha256}" if log.body_sha256 else ""
        return gettext("%(size)s bytes") % {"size": log.body_size} + digest

    @admin.display(description=_("payload"))
    def pretty_body(self, log: WebhookLog) -> str:
        body = WebhookBody.objects.filter(log=log).values_list("body", flat=True).first()
        if body is None:
            return gettext("Nothing is kept: the request was rejected, or its bytes are past their retention.")
        return format_html('<pre class="payload" dir="ltr">{}</pre>', readable(bytes(body)))

    # -- doing it again ------------------------------------------------------------------------------------------------

    @admin.action(description=_("Replay selected events"), permissions=["view"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[WebhookLog]) -> None:
        """Replay what has not succeeded; say what became of it, and why the rest was left alone."""
        logs = list(queryset.select_related("company").order_by("received_at", "id")[: REPLAYED_AT_ONCE + 1])
        became: Counter[str] = Counter()
        left: Counter[str] = Counter()
        for log in logs[:REPLAYED_AT_ONCE]:
            try:
                became[self._replay(request, log, force=False).get_status_display()] += 1
            except inbox.NotReplayableError as error:
                left[str(error)] += 1
        for outcome, count in became.items():
            text = ngettext("%(count)d event replayed: %(outcome)s.", "%(count)d events replayed: %(outcome)s.", count)
            self.message_user(request, text % {"count": count, "outcome": outcome}, messages.SUCCESS)
        for reason, count in left.items():
            text = ngettext("%(count)d event left alone: %(reason)s", "%(count)d events left alone: %(reason)s", count)
            self.message_user(request, text % {"count": count, "reason": reason}, messages.WARNING)
        if len(logs) > REPLAYED_AT_ONCE:
            text = gettext("Only the %(count)d oldest were taken: replay the rest again, or use the replay command.")
            self.message_user(request, text % {"count": REPLAYED_AT_ONCE}, messages.WARNING)

    def get_urls(self) -> list[URLPattern]:
        replay = path(
            "<path:object_id>/replay/",
            self.admin_site.admin_view(self.replay_view),
            name="integration_webhooklog_replay",
        )
        return [replay, *super().get_urls()]

    def replay_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Replay one event at the press of its button."""
        log = self.get_object(request, object_id) if self.has_view_permission(request) else None
        if log is None:
            raise Http404
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            done = self._replay(request, log, force="force" in request.POST)
        except inbox.NotReplayableError as error:
            self.message_user(request, str(error), messages.WARNING)
        else:
            text = gettext("Replayed: %(status)s.") % {"status": done.get_status_display()}
            self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:integration_webhooklog_change", args=[log.pk]))

    def _replay(self, request: HttpRequest, log: WebhookLog, *, force: bool) -> WebhookLog:
        assert isinstance(request.user, User)
        was = log.status
        done = inbox.replay(log, user=request.user, force=force)
        details = {"provider": log.provider, "was": was, "became": done.status, "force": force}
        self.record(request, log, "replayed", details)
        return done

    def record(self, request: HttpRequest, obj: Any, act: str, details: dict[str, Any] | None = None) -> None:
        record_act(f"event.{act}", company=obj.company, target=obj.pk, details=details, request=request)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        log = kwargs.get("obj")
        if isinstance(log, WebhookLog):
            context["can_replay"] = log.status != WebhookStatus.REJECTED
            context["needs_force"] = log.status in inbox.SETTLED
        return super().render_change_form(request, context, *args, **kwargs)
