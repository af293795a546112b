"""What follows from a change of an order, written in the transaction of the change itself."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from integration import outbox, untold
from integration.hub.forwards import forward_event
from orders.models import Order, OrderEvent
from orders.settling import NOT_TOLD
from orders.signals import mark_settled, status_changed_by_person
from providers.events import Status
from providers.outbound import ACKNOWLEDGE
from providers.registry import get_adapter


@receiver(status_changed_by_person)
def tell_the_provider(sender: type[Order], order: Order, event: OrderEvent, **kwargs: Any) -> None:
    """Write what the provider is to be told; what the provider itself caused is not echoed. At the hub, subscribers too."""
    outbox.record(order, event)
    forward_event(order, event)


@receiver(post_save, sender=OrderEvent)
def hear_the_provider(sender: type[OrderEvent], instance: OrderEvent, created: bool, **kwargs: Any) -> None:
    """Confirm an order that was accepted on the provider's own device, where the provider wants that.

    An order that ends takes back what was refused because of it, and what the provider says itself it need not be told.
    """
    event = instance
    if not created or event.seq is None or event.source != OrderEvent.Source.PROVIDER:
        return
    has_ended = event.status in (Status.CANCELLED, Status.REJECTED, Status.FAILED)
    if event.previous_status != event.status:
        if has_ended:
            untold.ended(event.order)
        untold.heard(event.order, event)
    if has_ended:
        return
    if event.status != Status.CONFIRMED or event.previous_status not in ("", Status.RECEIVED):
        return
    order = event.order
    calls = get_adapter(order.provider).calls
    if calls is not None and calls.acknowledges_acceptance and not order.via_hub and not order.is_test:
        outbox.record(order, event, action=ACKNOWLEDGE)


@receiver(mark_settled)
def leave_the_provider(sender: type[Order], order: Order, code: str, **kwargs: Any) -> None:
    """Take back what was not told, once somebody has settled it with the provider."""
    if code == NOT_TOLD:
        untold.settled_by_hand(order)
