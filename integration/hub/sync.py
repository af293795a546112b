"""What a platform tells the hub of its people's steps, to be handed on to the provider."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from integration.delivery_rollup import mark_late
from integration.models import WebhookLog, WebhookStatus
from integration.models.credential import NEXARA
from integration.redaction import redact_headers
from orders.models import Company, Order
from orders.services import change_status
from providers.events import Status
from providers.signatures import InboundRequest

EVENT = "order.sync"


class UnknownOrderError(Exception):
    """The hub has no such order; nothing was written."""


class KeyConflictError(Exception):
    """The same idempotency key came with another body; the first stands."""


@dataclass(frozen=True, slots=True)
class Sync:
    """A status that an order reached at its platform."""

    provider: str
    external_id: str
    status: Status
    key: str
    """The call's ``Idempotency-Key``; blank: its bytes stand for it."""
    reason: str = ""
    """Of the provider's list, or a person's words."""
    prep_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Synced:
    """The order as it is now at the hub, and what the call did: ``processed``, ``ignored`` or ``duplicate``."""

    order: Order
    outcome: str


def sync_order(company: Company, sync: Sync, call: InboundRequest, now: datetime, address: str = "") -> Synced:
    """Move the hub's order where the platform's is; the push to the provider is written with it. All of it, or nothing.

    The call stands in the hub's log without its body, so nobody replays it as a provider's. What the order has reached
    already, or is past, changes nothing. Raises UnknownOrderError and KeyConflictError.
    """
    digest = hashlib.sha256(call.body).hexdigest()
    with transaction.atomic():
        order = Order.objects.filter(
            company=company, provider=sync.provider, external_id=sync.external_id
        ).first()  # fmt: skip
        if order is None:
            raise UnknownOrderError
        log = WebhookLog(
            company=company, provider=NEXARA, status=WebhookStatus.PROCESSED, delivery_key=f"sync:{sync.key or digest}"[:600],
            event_type=EVENT, provider_event=sync.provider, external_id=order.external_id, order_id=order.id,
            method=call.method, path="orders/sync", headers=redact_headers(call.headers), proof="nexara.secretKey",
            body_sha256=digest, body_size=len(call.body), remote_address=address or None, attempts=1, received_at=now,
            processed_at=now,
        )  # fmt: skip
        if not _insert(log):
            known = WebhookLog.objects.get(company=company, provider=NEXARA, delivery_key=log.delivery_key)
            if known.body_sha256 != digest:
                raise KeyConflictError
            WebhookLog.objects.filter(pk=known.pk).update(duplicates=F("duplicates") + 1)
            mark_late(known)
            return Synced(order, WebhookStatus.DUPLICATE.value)
        before = order.status
        order = change_status(
            order, sync.status, user=None, reason=sync.reason, prep_minutes=sync.prep_minutes, told_by=log.id
        )
        log.order_status = order.status
        if order.status == before:
            log.status, log.error = WebhookStatus.IGNORED, f"the order is {order.status} already, or past it"
        log.save(update_fields=["status", "order_status", "error"])
    return Synced(order, log.status)


def _insert(log: WebhookLog) -> bool:
    try:
        with transaction.atomic():
            log.save(force_insert=True)
    except IntegrityError:
        return False
    return True
