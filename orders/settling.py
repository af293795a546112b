"""Marks of an order that ask for a person: set when something about it went wrong later, taken off by whoever has looked."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest

from orders.access import Access
from orders.audit import record_act
from orders.models import Order
from orders.services import MARK_FIELDS, set_reasons
from orders.signals import mark_settled
from orders.timeline import lock_order, write_change

NOT_TOLD = "provider_not_told"
"""The provider did not take what the kitchen did."""
BY_HAND = ("amount_mismatch", "missing_customer", NOT_TOLD, "unknown_branch", "unknown_currency")
"""What a person settles by a look. An item that is not on the menu is mended there, for this order and the next ones."""


class NotSettledError(Exception):
    """The order is not marked with this; the message is one sentence for a person."""


def settle(order: Order, code: str, access: Access, request: HttpRequest) -> None:
    """Take a mark off an order, and write who did it into its timeline and the trail. Raises NotSettledError.

    The provider may bring it back: amounts that it changes are added up again. The caller has made sure that the person may
    see the order.
    """
    with transaction.atomic():
        lock_order(order.id)
        order = Order.objects.select_related("company").get(pk=order.id)
        if code not in order.attention_reasons:
            raise NotSettledError("The order is not marked with this any more.")
        set_reasons(order, set(order.attention_reasons) - {code})
        record_act(
            "order.settled",
            company=access.company,
            target=order.id,
            details={"reason": code},
            request=request,
            user=access.user,
        )
        write_change(order, MARK_FIELDS, {"settled": [code, ""]}, user=access.user)
        mark_settled.send(sender=Order, order=order, code=code)


def mark(order: Order, code: str) -> None:
    """Mark an order, loudly, in the caller's transaction, which holds its lock and has read it since. Safe to call twice."""
    if code not in order.attention_reasons:
        set_reasons(order, {*order.attention_reasons, code})
        write_change(order, MARK_FIELDS, {"marked": [code, ""]}, user=None, is_loud=True)


def unmark(order: Order, code: str) -> None:
    """Take a mark off that has mended itself, as :func:`mark` sets it. Safe to call twice."""
    if code in order.attention_reasons:
        set_reasons(order, set(order.attention_reasons) - {code})
        write_change(order, MARK_FIELDS, {"settled": [code, ""]}, user=None)
