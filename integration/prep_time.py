"""Another preparation time for an order that was accepted: told to the providers that have a call for it."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from integration import outbox
from integration.delivery import order_view, why_not_callable
from integration.models import OutboundPush
from integration.tokens import provider_access
from orders.models import Order, User
from orders.services import note_prep_time
from orders.timeline import lock_order
from providers.events import Status
from providers.outbound import PREP_TIME, NotSent

IN_PREPARATION = (Status.CONFIRMED, Status.PREPARING)


class PrepTimeError(Exception):
    """The time of this order cannot be changed; the message is one sentence for a person."""


def change_prep_time(order: Order, minutes: int, *, user: User | None) -> OutboundPush:
    """Note that an order will be ready in so many minutes from now, and owe it to the provider, in one transaction.

    Raises PrepTimeError, and writes nothing, where the provider has no call for it or would not take this time.
    """
    with transaction.atomic():
        lock_order(order.id)
        order = Order.objects.select_related("company", "branch").get(pk=order.id)
        why = why_not(order, minutes)
        if why:
            raise PrepTimeError(why)
        return outbox.record(order, note_prep_time(order, minutes, user=user), action=PREP_TIME)


def why_not(order: Order, minutes: int) -> str:
    """Return in one sentence why a provider cannot be told this time; ``""`` where it can."""
    if order.status not in IN_PREPARATION:
        return f"An order that is {order.status} has no preparation time to change."
    access = provider_access(order.company, order.provider)
    refused = why_not_callable(order, access)
    if access is None or refused is not None:
        return f"{order.provider} cannot be told: {refused.error}" if refused else "This provider takes no calls."
    now = timezone.now()
    # Never stored: what the adapter says of it is the answer.
    wanted = OutboundPush(
        company_id=order.company_id, order=order, provider=order.provider, action=PREP_TIME, prep_minutes=minutes,
        previous_status=order.status, seq=order.seq, occurred_at=now,
    )  # fmt: skip
    built = access.calls.build(order_view(wanted, now), access.api)
    return built.reason if isinstance(built, NotSent) else ""
