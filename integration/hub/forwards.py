"""Writing down what subscribers are to be told: a row of the outbox each, in the transaction of the event itself."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from integration.alerts import raise_alert
from integration.hub import is_hub
from integration.models import IntegrationWebhook, OutboundPush, PushRoute, WebhookLog, WebhookStatus
from integration.nudge import nudge
from orders.logs import request_id_var
from orders.models import Order, OrderEvent
from providers.events import Kind
from providers.signatures import NEXARA

STATUS_CHANGED = "order.status_changed"
EVENTS = (Kind.CREATED.value, Kind.UPDATED.value, Kind.CANCELLED.value, Kind.DELIVERED.value, STATUS_CHANGED)
"""What a subscriber may ask for."""


def forward_delivery(log: WebhookLog, kind: Kind, order: Order | None) -> None:
    """Write that a delivery about an order is to be forwarded, whether it changed the order or not. Safe to call twice.

    What came from a hub goes to none: two that are registered with each other would never rest. What waits for its order
    is forwarded with it; until then somebody is told.
    """
    if not is_hub() or log.is_envelope or log.proof == NEXARA.secret:
        return
    if order is None:
        if log.status == WebhookStatus.PARKED:
            _tell_of_parked(log, kind)
        return
    entry = OrderEvent.objects.filter(order=order, webhook_event_id=log.id, seq__isnull=False).order_by("seq").last()
    has_moved = entry is not None and entry.previous_status not in ("", entry.status)
    event_type = STATUS_CHANGED if kind is Kind.UPDATED and has_moved else kind.value
    occurred_at = entry.occurred_at if entry is not None else log.received_at
    _record(order, event_type, occurred_at, entry=entry, delivery=log)


def _tell_of_parked(log: WebhookLog, kind: Kind) -> None:
    """Tell people at once of an event without its order: a platform that was moved behind the hub may have that order open."""
    assert log.company_id is not None  # what is nobody's is not parked
    wanted = any(wants(subscription, kind.value) for subscription in _active(log.company_id, log.provider))
    if wanted:
        raise_alert(
            log.company, "event_parked",
            f"An event of {log.provider} is not forwarded: the hub does not have its order. The platform may have it open.",
            subject=log.provider, details={"externalOrderId": log.external_id, "eventId": str(log.id)},
        )  # fmt: skip


def _active(company_id: uuid.UUID, provider: str) -> QuerySet[IntegrationWebhook]:
    return IntegrationWebhook.objects.filter(
        company_id=company_id, provider=provider, status=IntegrationWebhook.Status.ACTIVE
    )


def forward_event(order: Order, entry: OrderEvent) -> None:
    """Write that a step which somebody took at the hub is to be forwarded; what a subscriber asked for is not echoed."""
    if is_hub() and entry.webhook_event_id is None:
        event_type = STATUS_CHANGED if entry.type == Kind.UPDATED.value else entry.type
        _record(order, event_type, entry.occurred_at, entry=entry)


def _record(
    order: Order,
    event_type: str,
    occurred_at: datetime,
    *,
    entry: OrderEvent | None,
    delivery: WebhookLog | None = None,
) -> None:
    now = timezone.now()
    for subscription in _active(order.company_id, order.provider):
        if not wants(subscription, event_type):
            continue
        forward = OutboundPush(
            company_id=order.company_id,
            order=order,
            event=entry,
            subscription=subscription,
            delivery=delivery,
            provider=order.provider,
            route=PushRoute.SUBSCRIBER,
            action=event_type,
            seq=entry.seq if entry is not None and entry.seq is not None else order.seq,
            reason=entry.reason if entry is not None and delivery is None else "",
            occurred_at=occurred_at,
            request_id=request_id_var.get(),
            next_attempt_at=now,
            created_at=now,
        )
        try:
            with transaction.atomic():
                forward.save(force_insert=True)
        except IntegrityError:
            continue  # a delivery that was replayed: its forward is there already
        nudge(order.id)


def wants(subscription: IntegrationWebhook, event_type: str) -> bool:
    """Tell whether a subscriber asked for an event; one that named none asked for all. A status is an update, too."""
    names = set(subscription.events)
    return not names or event_type in names or (event_type == STATUS_CHANGED and Kind.UPDATED.value in names)
