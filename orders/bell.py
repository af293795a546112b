"""What the staff must not miss: a new order rings, and one that is off after it was accepted, until somebody acknowledges it.

It is kept with the order, so that one device silences all, and a page that comes back rings again.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from orders.access import Access
from orders.audit import record_act
from orders.models import Order
from orders.models.order import FINISHED
from orders.timeline import lock_order, write_change
from orders.transitions import CALLED_OFF
from providers.events import Status

Ring = Order.Ring
MOST = 100
RINGS_FOR = timedelta(hours=24)
"""No kitchen waits longer for an order that nobody has answered."""


def ring_of_new(status: Status) -> str:
    """Return how an order rings that a provider opens. A hub has no kitchen that could hear it."""
    return "" if status in FINISHED or settings.ROLE == "hub" else Ring.NEW.value


def ring_after_provider(rings: str, before: Status, after: Status) -> str:
    """Return how an order rings after its provider moved it: somebody answered there, or it is off after all."""
    if after is before:
        return rings
    is_loud = after in CALLED_OFF and before is not Status.RECEIVED and settings.ROLE != "hub"
    return Ring.CANCELLED.value if is_loud else ""


def ring_after_step(rings: str, after: Status, *, by_somebody: bool) -> str:
    """Return how an order rings after a step: one that a policy accepts has still been heard by nobody."""
    return "" if by_somebody or after in FINISHED else rings


def ringing(access: Access) -> list[Order]:
    """Return the orders that ring for this person, newest first; at most ``MOST``."""
    orders = access.orders().exclude(rings="").filter(created_at__gte=timezone.now() - RINGS_FOR)
    return list(orders.order_by("-created_at")[:MOST])


def acknowledge_order(order: Order, access: Access, request: HttpRequest) -> bool:
    """Note that somebody has heard of an order, on every device; tell whether it rang. Safe to call twice.

    The caller has made sure that the person may see it.
    """
    with transaction.atomic():
        lock_order(order.id)
        order = Order.objects.select_related("company").get(pk=order.id)
        if not order.rings:
            return False
        was, order.rings = order.rings, ""
        record_act(
            "order.acknowledged",
            company=access.company,
            target=order.id,
            details={"rings": was},
            request=request,
            user=access.user,
        )
        write_change(order, ("rings",), {"rings": [was, ""]}, user=access.user)
    return True
