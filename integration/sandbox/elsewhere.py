"""Orders that the sandbox did not place, such as those of ``send_sample``: their provider knows of them all the same.

A provider lists what it sent, so they stand in its lists, and it takes our calls about them. What became of them is told by our
own order, the only one that knows; nothing comes of them by itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from integration.models import SandboxOrder
from integration.sandbox.payloads import told_by_ours
from integration.sandbox.story import ADOPTED, Status
from orders.models import BranchStore, Order
from orders.models.order import order_id_for
from providers.events import FulfilledBy
from providers.events import Status as OurStatus

REACH = timedelta(hours=24)
"""How far back a provider lists what came from elsewhere: as far as any list is asked for."""
_STATUSES = {
    OurStatus.RECEIVED: Status.PLACED,
    OurStatus.CONFIRMED: Status.ACCEPTED,
    OurStatus.PREPARING: Status.ACCEPTED,
    OurStatus.READY: Status.ACCEPTED,
    OurStatus.OUT_FOR_DELIVERY: Status.PICKED_UP,
    OurStatus.DELIVERED: Status.DELIVERED,
    OurStatus.CANCELLED: Status.CANCELLED,
    OurStatus.REJECTED: Status.REJECTED,
    OurStatus.FAILED: Status.TIMED_OUT,
}


def adopt_order(company_id: uuid.UUID, provider: str, external_id: str, now: datetime) -> SandboxOrder | None:
    """Take an order that came from elsewhere for one of the provider's; None where we have none. Safe to call twice."""
    ours = Order.objects.filter(pk=order_id_for(company_id, provider, external_id))
    _adopt(ours, now)
    return SandboxOrder.objects.filter(company_id=company_id, provider=provider, external_id=external_id).first()


def listed_orders(company_id: uuid.UUID, provider: str, now: datetime) -> QuerySet[SandboxOrder]:
    """Return what the provider knows of a company, newest first, with what came from elsewhere; tests are nobody's."""
    ours = Order.objects.filter(company_id=company_id, provider=provider, is_test=False, placed_at__gte=now - REACH)
    _adopt(ours, now)
    return SandboxOrder.objects.filter(company_id=company_id, provider=provider)


def as_ours(found: Iterable[SandboxOrder]) -> list[SandboxOrder]:
    """Return orders, those from elsewhere with the status, total and lines of our own; nothing of that is stored."""
    rows = list(found)
    keys = {order_id_for(row.company_id, row.provider, row.external_id): row for row in rows if ADOPTED in row.marks}
    for ours in Order.objects.filter(pk__in=keys).prefetch_related("items"):
        row = keys[ours.id]
        row.status = _STATUSES[OurStatus(ours.status)]
        row.payload = told_by_ours(ours, row.store_id)
    return rows


def _adopt(orders: QuerySet[Order], now: datetime) -> None:
    known = SandboxOrder.objects.filter(
        company_id=OuterRef("company_id"), provider=OuterRef("provider"), external_id=OuterRef("external_id")
    )
    new = list(orders.exclude(Exists(known)))
    if not new:
        return
    first = new[0]
    stores = BranchStore.objects.filter(branch__company=first.company_id, provider=first.provider).order_by("pk")
    pairs = list(stores.values_list("branch_id", "store_id"))
    # Of several of one branch the first; a provider has a branch for every order, whether we know it or not.
    store_of: dict[uuid.UUID | None, str] = dict(reversed(pairs))
    other = pairs[0][1] if pairs else ""
    SandboxOrder.objects.bulk_create(
        [
            SandboxOrder(
                company_id=ours.company_id,
                provider=ours.provider,
                external_id=ours.external_id,
                dialect="native",
                store_id=store_of.get(ours.branch_id, other),
                payload={},
                carried_by_provider=ours.fulfilled_by == FulfilledBy.PROVIDER,
                is_scheduled=ours.scheduled_for is not None,
                order_ref=str(ours.id),
                marks={ADOPTED: now.isoformat()},
                placed_at=ours.placed_at,
                answer_by=ours.accept_by or now,
            )
            for ours in new
        ],
        # Another call may have taken one of them meanwhile.
        ignore_conflicts=True,
    )
