"""What people see and do at the hub: what came and where it went, figures, trying again, and the subscriptions."""

from __future__ import annotations

import uuid
from functools import cached_property
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import Count, Prefetch, Q
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from integration import outbox
from integration.addresses import AddressError, check_url
from integration.api.figure_shapes import STATS_FILTERS
from integration.api.log_shapes import LOG_FILTERS
from integration.api.logs import read_filter
from integration.api.paging import page_of
from integration.api.reading import Fields, body_of, query_of
from integration.breaker import state_of
from integration.events import PROVIDERS, event_json, filter_events, visible_events
from integration.hub import shapes
from integration.hub.callers import Platform, PlatformReadView
from integration.hub.envelopes import envelope_of
from integration.hub.forwards import EVENTS
from integration.hub.subscriptions import breaker_name, current_key, hurry
from integration.inbox import NotReplayableError, replay
from integration.models import IntegrationWebhook, OutboundPush, PushStatus, WebhookLog, WebhookStatus
from integration.models.credential import mask
from integration.models.outbound import UNFINISHED
from integration.stats import PERIODS, webhook_stats
from orders.access import Access, CompanyAPIView, find_access
from orders.api.shapes import COMPANY, PAGE
from orders.audit import record_act
from orders.errors import ApiError, not_found
from orders.models import ApiToken, Role
from orders.schema import extend_schema, failures
from orders.times import iso_time
from providers.registry import ADAPTERS

Status = IntegrationWebhook.Status
_CHANGEABLE = ("url", "events", "status")
_PLATFORM = (
    "A platform reads its own company's (`X-Company-Id`) as well, with the proof by which it registers: the deployer's key,"
    " or `X-Nexara-Signature` over an empty body."
)
_TO_REPLAY = (WebhookStatus.FAILED, WebhookStatus.DEAD, WebhookStatus.QUARANTINED)


def forward_json(forward: OutboundPush) -> dict[str, Any]:
    """Return a forward as it stands in the log."""
    return {
        "id": str(forward.id),
        "eventType": forward.action,
        "url": forward.subscription.url if forward.subscription else None,
        "status": forward.status,
        "attempts": forward.attempts,
        "error": forward.error or None,
        "nextAttemptAt": iso_time(forward.next_attempt_at) if forward.status == PushStatus.FAILED else None,
        "finishedAt": iso_time(forward.finished_at),
    }


def log_json(log: WebhookLog) -> dict[str, Any]:
    """Return a delivery and where it was forwarded."""
    return event_json(log) | {"forwards": [forward_json(forward) for forward in log.forwards.all()]}


class HubLogView(PlatformReadView):
    """``GET /api/webhooks/logs``."""

    @extend_schema(
        operation_id="hub_logs",
        summary="List what came and where it went",
        description=f"As `/api/integration/logs`, each delivery with its `forwards`. {_PLATFORM}",
        parameters=[*LOG_FILTERS, *PAGE, *COMPANY],
        responses={200: shapes.HubLogPage, **failures(400, 404)},
        tags=["hub"],
    )
    def get(self, request: Request) -> Response:
        """Answer a page."""
        wanted = read_filter(query_of(request, "provider", "status"), self.company)
        forwards = Prefetch("forwards", OutboundPush.objects.select_related("subscription").order_by("created_at"))
        logs = filter_events(visible_events(self.access), wanted).prefetch_related(forwards)
        return page_of(request, logs, log_json, by="received_at")


class HubStatsView(PlatformReadView):
    """``GET /api/webhooks/stats``."""

    @extend_schema(
        operation_id="hub_stats",
        summary="Read the hub's figures over a period",
        description=(
            "As `/api/integration/stats`, with `forwards`: how many were written in the period, by what they are now."
            f" {_PLATFORM}"
        ),
        parameters=[*STATS_FILTERS, *COMPANY],
        responses={200: shapes.HubStatsAnswer, **failures(400, 404)},
        tags=["hub"],
    )
    def get(self, request: Request) -> Response:
        """Answer the figures."""
        query = query_of(request)
        period, provider = query.choice("period", PERIODS, "day"), query.choice("provider", PROVIDERS)
        query.check()
        data = webhook_stats(self.company, period, provider, timezone.now())
        forwards = OutboundPush.objects.filter(
            company=self.company, subscription__isnull=False, created_at__gte=data["from"], created_at__lte=data["to"]
        )
        if provider:
            forwards = forwards.filter(provider=provider)
        counts = forwards.aggregate(
            total=Count("pk"),
            sent=Count("pk", filter=Q(status=PushStatus.SENT)),
            waiting=Count("pk", filter=Q(status__in=(PushStatus.PENDING, PushStatus.SENDING))),
            failed=Count("pk", filter=Q(status=PushStatus.FAILED)),
            dead=Count("pk", filter=Q(status=PushStatus.DEAD)),
            dropped=Count("pk", filter=Q(status=PushStatus.DROPPED)),
        )
        return Response({"success": True, "data": data | {"forwards": counts}})


class ForwardEnvelopeView(PlatformReadView):
    """``GET /api/webhooks/forwards/{forwardId}``."""

    @extend_schema(
        operation_id="hub_forward",
        summary="Read what was, or is to be, forwarded",
        description=(
            "The envelope, byte for byte as the subscriber gets it under the same `X-Webhook-Id`, for a platform that it did"
            f" not reach. Managers, and platforms. {_PLATFORM}"
        ),
        parameters=COMPANY,
        responses={
            200: OpenApiResponse(OpenApiTypes.OBJECT, "The envelope."),
            **failures(404, s410="`gone`: the provider's bytes are past their retention"),
        },
        tags=["hub"],
    )
    def get(self, request: Request, forward_id: uuid.UUID) -> HttpResponse:
        """Answer the envelope."""
        if not isinstance(self.request.auth, Platform) and not self.access.at_least(Role.MANAGER):
            raise ApiError(403, "permission_denied", "This needs the role manager.")
        forwards = OutboundPush.objects.filter(company=self.company, subscription__isnull=False)
        if self.access.branch_ids is not None:
            forwards = forwards.filter(order__in=self.access.orders())
        forward = forwards.select_related("order", "delivery", "event").filter(pk=forward_id).first()
        if forward is None:
            raise not_found("This forward")
        envelope = envelope_of(forward)
        if envelope is None:
            raise ApiError(410, "gone", "The provider's bytes are past their retention.")
        return HttpResponse(envelope, content_type="application/json")


class RetryView(CompanyAPIView):
    """``POST /api/webhooks/retry/{logId}``."""

    role_required: ClassVar[dict[str, Role]] = {"POST": Role.MANAGER}

    @extend_schema(
        operation_id="hub_retry",
        summary="Try a delivery again",
        description=(
            "`{log_id}` is a delivery's id, or a forward's. A delivery that failed, is dead or in quarantine is processed"
            " again; what of it has not reached its subscriber is sent again, now and under the same `X-Webhook-Id`. With"
            " `force` what was sent is sent once more."
        ),
        request=shapes.RetryRequest,
        parameters=COMPANY,
        responses={
            200: shapes.HubLogAnswer,
            **failures(
                400,
                404,
                s409="`not_retryable`: everything succeeded (use `force`), or is being worked on, or its body is gone",
            ),
        },
        tags=["hub"],
    )
    def post(self, request: Request, log_id: uuid.UUID) -> Response:
        """Try again, and answer how it is then."""
        fields = Fields(body_of(request), ("force",))
        force = fields.flag("force", default=False)
        fields.check()
        forwards = OutboundPush.objects.filter(company=self.company, subscription__isnull=False)
        if self.access.branch_ids is not None:
            forwards = forwards.filter(order__in=self.access.orders())
        chosen = forwards.filter(pk=log_id).select_related("delivery").first()
        log = chosen.delivery if chosen else visible_events(self.access).filter(pk=log_id).first()
        if log is None and chosen is None:
            raise not_found("This delivery")
        done = self._replay(log) if log is not None and chosen is None and log.status in _TO_REPLAY else False
        mine = forwards.filter(pk=chosen.pk) if chosen else forwards.filter(delivery=log)
        done = self._send_again(mine, force=force) or done
        if not done:
            raise ApiError(409, "not_retryable", "Nothing of this delivery has to be tried again.")
        record_act("forward.retried", company=self.company, target=log_id, details={"force": force},
                   request=request._request, user=request.user)  # fmt: skip
        shown = list(mine.select_related("subscription").order_by("created_at"))
        if log is not None:
            log.refresh_from_db()
        data = (event_json(log) if log else {}) | {"forwards": [forward_json(forward) for forward in shown]}
        return Response({"success": True, "data": data})

    def _replay(self, log: WebhookLog) -> bool:
        try:
            replay(log, user=self.access.user)
        except NotReplayableError as error:
            raise ApiError(409, "not_retryable", str(error)) from None
        return True

    def _send_again(self, forwards: Any, *, force: bool) -> bool:
        """Make forwards due, and send them here and now; return whether there were any."""
        # Without the provider's bytes there is nothing to send: what was sent would only become dead.
        able = forwards.exclude(status=PushStatus.SENDING).exclude(delivery__isnull=False, delivery__body__isnull=True)
        able = able if force else able.exclude(status=PushStatus.SENT)
        order_ids = list(able.values_list("order_id", flat=True))
        now = timezone.now()
        able.update(
            status=PushStatus.PENDING, next_attempt_at=now, created_at=now, attempts=0, claim_token=None,
            finished_at=None, error_code="", error="",
        )  # fmt: skip
        for order_id in dict.fromkeys(order_ids):
            outbox.work_order(order_id)
        return bool(order_ids)


class ConfigView(CompanyAPIView):
    """``GET`` and ``PUT /api/webhooks/config/{clientId}``."""

    role_required: ClassVar[dict[str, Role]] = {"GET": Role.MANAGER, "PUT": Role.OWNER}

    @cached_property
    def access(self) -> Access:
        """The caller's standing in the company that the path names."""
        token = self.request.auth if isinstance(self.request.auth, ApiToken) else None
        access = find_access(self.request.user, self.kwargs["client_id"], token)
        if access is None:
            raise not_found("This client")
        return access

    @extend_schema(
        operation_id="hub_config_read",
        summary="Read a client's subscriptions",
        responses={200: shapes.ConfigAnswer, **failures(404)},
        tags=["hub"],
    )
    def get(self, request: Request, client_id: str) -> Response:
        """Answer what is registered, its keys masked."""
        return Response({"success": True, "data": self._config()})

    @extend_schema(
        operation_id="hub_config_change",
        summary="Change a client's subscriptions",
        description=(
            "Of each provider that is named: `url`, `events`, `status` (`active`, or `paused`: what comes meanwhile is not"
            " forwarded). All of it, or nothing. Only what is registered can be changed; the key changes by registering."
        ),
        request=shapes.ConfigRequest,
        responses={200: shapes.ConfigAnswer, **failures(400, 404)},
        tags=["hub"],
    )
    def put(self, request: Request, client_id: str) -> Response:
        """Change what the body names."""
        fields = Fields(body_of(request), ("subscriptions",))
        entries = fields.data.get("subscriptions")
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            fields.fault("subscriptions", "expected a list of objects")
        fields.check()
        with transaction.atomic():
            # Held from here, in the order in which a registration takes them.
            held = IntegrationWebhook.objects.select_for_update().filter(company=self.company).order_by("pk")
            rows = {row.provider: row for row in held}
            changed = [self._changed(Fields(entry, ("provider", *_CHANGEABLE), prefix=f"subscriptions[{place}]."), rows)
                       for place, entry in enumerate(entries or [])]  # fmt: skip
            for row, names in changed:
                row.save(update_fields=[*names, "updated_at"])
                hurry(row)
            record_act("subscription.changed", company=self.company, target=",".join(row.provider for row, _ in changed),
                       request=request._request, user=request.user)  # fmt: skip
        return Response({"success": True, "data": self._config()})

    def _changed(self, fields: Fields, rows: dict[str, IntegrationWebhook]) -> tuple[IntegrationWebhook, list[str]]:
        """Set what an entry names in its row; return the row and the names."""
        row = rows.get(fields.choice("provider", ADAPTERS))
        if row is None:
            fields.fault("provider", "expected a provider that is registered")
            fields.check()
        assert row is not None
        if fields.has("url"):
            row.url = fields.text("url", 500, required=True)
            try:
                check_url(row.url)
            except AddressError as error:
                fields.fault("url", str(error))
        if fields.has("events"):
            row.events = list(dict.fromkeys(fields.words("events", EVENTS)))
        if fields.has("status"):
            row.status = Status(fields.choice("status", (Status.ACTIVE.value, Status.PAUSED.value), row.status))
        fields.check()
        return row, [name for name in _CHANGEABLE if fields.has(name)]

    def _config(self) -> dict[str, Any]:
        rows = IntegrationWebhook.objects.filter(company=self.company).order_by("provider")
        waiting = dict(
            OutboundPush.objects.filter(company=self.company, subscription__isnull=False, status__in=UNFINISHED)
            .values_list("subscription")
            .annotate(count=Count("pk"))
        )
        return {
            "clientId": str(self.company.id),
            "subscriptions": [
                {
                    "webhookId": row.webhook_id,
                    "provider": row.provider,
                    "url": row.url,
                    "events": row.events,
                    "status": row.status,
                    "secretKey": mask(current_key(row)),
                    "previousValidUntil": row.secrets.get("previousUntil"),
                    "breaker": state_of(self.company.id, breaker_name(row)),
                    "waiting": waiting.get(row.id, 0),
                    "createdAt": iso_time(row.created_at),
                    "updatedAt": iso_time(row.updated_at),
                }
                for row in rows
            ],
        }
