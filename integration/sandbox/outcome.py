"""What became of a rush: read from our own orders and from what the sandbox sent."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from integration.models import OutboundPush, SandboxDelivery, SandboxOrder
from integration.models.outbound import UNFINISHED
from integration.sandbox.floor import FINISHED, Placed
from orders.models import Company, Order, OrderEvent

CHUNK = 400
UNHAPPY = ("rejected", "cancelled", "failed")


@dataclass
class Outcome:
    """Counts of a rush. ``by_status`` maps provider and our status; a missing order has the status ``missing``."""

    by_status: Counter[tuple[str, str]] = field(default_factory=Counter)
    marked: int = 0
    open_orders: int = 0
    """Orders with which something still happens by itself, and webhooks on their way."""
    deliveries: Counter[str] = field(default_factory=Counter)
    retried: int = 0
    unexplained: list[str] = field(default_factory=list)
    """Orders that ended otherwise than delivered, and whose timeline does not say why."""

    @property
    def missing(self) -> int:
        return sum(count for (_, status), count in self.by_status.items() if status == "missing")


def read_outcome(company: Company, placed: Sequence[Placed]) -> Outcome:
    """Return what became of the orders that were placed."""
    outcome = Outcome()
    for chunk in chunks(placed):
        rows = Order.objects.filter(company=company, pk__in=[uuid.UUID(one.order_id) for one in chunk])
        found = {
            str(key): (status, marked) for key, status, marked in rows.values_list("id", "status", "needs_attention")
        }
        for one in chunk:
            status, marked = found.get(one.order_id, ("missing", False))
            outcome.by_status[one.planned.provider, status] += 1
            outcome.marked += marked
            outcome.open_orders += status not in FINISHED
        outcome.unexplained += _unexplained(company, chunk)
        owed = SandboxDelivery.objects.filter(
            order__company=company, order__external_id__in=[one.external_id for one in chunk]
        )
        for status, attempts in owed.values_list("status", "attempts"):
            outcome.deliveries[status] += 1
            outcome.retried += attempts > 1
            outcome.open_orders += status == SandboxDelivery.Status.WAITING
    return outcome


def _unexplained(company: Company, placed: Sequence[Placed]) -> list[str]:
    """Return the orders that were refused, cancelled or lost without a reason or a note."""
    ends = OrderEvent.objects.filter(
        company=company, order__in=[uuid.UUID(one.order_id) for one in placed], seq__isnull=False, status__in=UNHAPPY
    ).exclude(previous_status__in=UNHAPPY)
    silent = ends.filter(reason="", note="").select_related("order")
    return [f"{end.order.provider} {end.order.external_id} is {end.status}" for end in silent]


def is_settled(company: Company, placed: Sequence[Placed]) -> bool:
    """Tell whether nothing will happen with these orders by itself any more."""
    if read_outcome(company, placed).open_orders:
        return False
    return not any(
        SandboxOrder.objects.filter(
            company=company,
            external_id__in=[one.external_id for one in chunk],
            next_at__isnull=False,
        ).exists()
        or OutboundPush.objects.filter(
            order__in=[uuid.UUID(one.order_id) for one in chunk], status__in=UNFINISHED
        ).exists()
        for chunk in chunks(placed)
    )


def chunks(placed: Sequence[Placed]) -> Iterator[Sequence[Placed]]:
    """Yield some orders at a time, as many as a query may name."""
    for start in range(0, len(placed), CHUNK):
        yield placed[start : start + CHUNK]
