"""What a provider does by itself with an order, and when. Pure: reads an order and a moment, changes nothing.

Minutes are the sandbox's own: an order's ``speed`` says how many of them pass in a real one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from integration.models import SandboxOrder
from providers.registry import get_adapter

Status = SandboxOrder.Status

ANSWER_WITHIN_S = {"talabat": 600}
"""Where the adapter knows of no window: Talabat names it in every order."""
TIMED_OUT_EVENT = {"careem": "cancelled", "talabat": "cancelled", "deliveroo": "rejected", "jahez": "failed"}
"""How each provider says that nobody answered."""

COURIER_AFTER = 3.0
"""From the acceptance to the courier at the door."""
PICKUP_AFTER_READY = 2.0
PICKUP_AT_LATEST = 12.0
"""From the acceptance: couriers do not wait for a kitchen that does not say when it is ready."""
PICKUP_WITHOUT_READY = 9.0
"""The same at Jahez, which has no call for it."""
DELIVERED_AFTER = 5.0
LATE_COURIER_BY = 8.0
"""How much later than it happened a late courier event is sent: after the pick-up."""
TABLET_LOOK_S = 0.5
"""How often, in real seconds, we look whether a company without an account has answered."""

ADOPTED = "adopted"
"""The mark of an order that the sandbox did not send itself: it answers calls about it, and starts nothing."""

OPEN = frozenset({Status.PLACED, Status.ACCEPTED, Status.COURIER_HERE, Status.PICKED_UP})
BEFORE_PICKUP = OPEN - {Status.PICKED_UP}


@dataclass(frozen=True, slots=True)
class Move:
    """What happens now: the provider's own status after it, and the event that tells us."""

    status: SandboxOrder.Status
    event: str


def answer_within(provider: str, market: str) -> timedelta:
    """Return how long a provider waits for an answer, in the sandbox's time."""
    return timedelta(seconds=get_adapter(provider).accept_within_s(market) or ANSWER_WITHIN_S.get(provider, 600))


def sandbox_minutes(order: SandboxOrder, minutes: float) -> timedelta:
    """Return the real duration of some of the sandbox's minutes."""
    return timedelta(minutes=minutes / order.speed)


def next_move(order: SandboxOrder, now: datetime) -> Move | None:
    """Return what is due; None where it is not time yet."""
    status = Status(order.status)
    if order.customer_cancels_at and now >= order.customer_cancels_at and status in BEFORE_PICKUP:
        return Move(Status.CANCELLED, "cancelled")
    due_at = _due_at(order)
    if due_at is None or now < due_at:
        return None
    return {
        Status.PLACED: Move(Status.TIMED_OUT, TIMED_OUT_EVENT[order.provider]),
        Status.ACCEPTED: Move(Status.COURIER_HERE, "courier"),
        Status.COURIER_HERE: Move(Status.PICKED_UP, "out_for_delivery"),
        Status.PICKED_UP: Move(Status.DELIVERED, "delivered"),
    }[status]


def next_look(order: SandboxOrder, now: datetime) -> datetime | None:
    """Return when something is due next; None where nothing happens by itself any more."""
    status = Status(order.status)
    if status not in OPEN:
        return None
    times = [_due_at(order)]
    if status in BEFORE_PICKUP:
        times.append(order.customer_cancels_at)
        if not order.answers_by_call and not order.ready_at:
            times.append(now + timedelta(seconds=TABLET_LOOK_S))
    return min((time for time in times if time), default=None)


def _due_at(order: SandboxOrder) -> datetime | None:
    if ADOPTED in order.marks:
        return None
    if order.status == Status.PLACED:
        return order.answer_by
    # What the restaurant carries goes on when it says so.
    if order.accepted_at is None or not order.carried_by_provider:
        return None
    if order.status == Status.PICKED_UP and order.picked_up_at:
        return order.picked_up_at + sandbox_minutes(order, DELIVERED_AFTER)
    # For an order of later the courier comes when it is ready.
    called_at = order.ready_at if order.is_scheduled else order.accepted_at
    if called_at is None:
        return None
    courier_at = called_at + sandbox_minutes(order, 0 if order.is_scheduled else COURIER_AFTER)
    if order.status == Status.ACCEPTED:
        return courier_at
    if order.status == Status.COURIER_HERE:
        at_latest = PICKUP_WITHOUT_READY if order.provider == "jahez" else PICKUP_AT_LATEST
        pickup_at = called_at + sandbox_minutes(order, at_latest)
        if order.ready_at:
            pickup_at = min(pickup_at, order.ready_at + sandbox_minutes(order, PICKUP_AFTER_READY))
        return max(courier_at, pickup_at)
    return None
