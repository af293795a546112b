"""A person has looked at what was wrong with an order, and it is settled: it asks for nobody any more."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest

from orders.access import Access
from orders.audit import record_act
from orders.models import Order
from orders.services import set_reasons
from orders.timeline import lock_order, write_change

BY_HAND = ("amount_mismatch", "missing_customer", "unknown_branch", "unknown_currency")
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
        write_change(order, ("attention_reasons", "needs_attention"), {"settled": [code, ""]}, user=access.user)
