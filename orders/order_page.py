"""One order: the page that tells everything about it, and its ticket for the kitchen."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from orders.access import Access
from orders.amounts import goods_total, nearest_total
from orders.errors import page_not_found
from orders.lines import as_snapshot
from orders.models import Order, OrderEvent, OrderItemModifier, Role
from orders.pages import member_page, phone_for
from orders.serializers import hides_phone
from orders.timeline import last_seq
from orders.transitions import CALLED_OFF


@member_page
def order(request: HttpRequest, access: Access, order_id: uuid.UUID) -> HttpResponse:
    """Show everything about one order; what this person may not see does not exist."""
    seq = last_seq(access.company.id)
    found = _find(access, order_id)
    if found is None:
        return page_not_found(request, Http404())
    events = list(OrderEvent.objects.filter(order=found).select_related("user").order_by("-occurred_at", "-created_at"))
    context = {
        "seq": seq,
        "order": found,
        "lines": _lines(found),
        "amounts": _amounts(found),
        "check": amount_check(found),
        "events": events,
        "phone": phone_for(access, found),
        "access_code": "" if hides_phone(found, access) else found.customer_phone_access_code,
        "may_export": access.at_least(Role.MANAGER),
    }
    return render(request, "orders/order.html", context)


@member_page
def ticket(request: HttpRequest, access: Access, order_id: uuid.UUID) -> HttpResponse:
    """Show what the kitchen needs on paper of 80 mm, in both languages, without amounts but the cash to collect."""
    found = _find(access, order_id)
    if found is None:
        return page_not_found(request, Http404())
    context = {
        "order": found,
        "lines": _lines(found),
        "ready_at": _ready_at(found),
        "is_off": found.status in CALLED_OFF,
        "phone": phone_for(access, found),
        "printed_at": timezone.now(),
    }
    return render(request, "orders/ticket.html", context)


def _find(access: Access, order_id: uuid.UUID) -> Order | None:
    return access.orders().select_related("branch", "company").filter(pk=order_id).first()


Tree = list[dict[str, Any]]


def _lines(order: Order) -> list[tuple[Any, Tree]]:
    items = order.items.select_related("menu_product").prefetch_related("modifiers")
    return [(item, modifier_tree(list(item.modifiers.all()))) for item in items]


def modifier_tree(rows: list[OrderItemModifier], parent: uuid.UUID | None = None) -> Tree:
    """Return a line's options as a tree: ``{"option", "children"}``, in the payload's order."""
    return [{"option": row, "children": modifier_tree(rows, row.id)} for row in rows if row.parent_id == parent]


def _amounts(order: Order) -> list[tuple[str, Any]]:
    """Return the amounts that the provider told, in the order of a receipt. A missing one has no line."""
    named = (
        (_("Subtotal"), order.subtotal),
        (_("Discount"), order.discount),
        (_("Delivery fee"), order.delivery_fee),
        (_("Service fee"), order.service_fee),
        (_("Tax"), order.tax),
        (_("Tip"), order.tip),
    )
    return [(name, amount) for name, amount in named if amount is not None]


@dataclass(frozen=True, slots=True)
class AmountCheck:
    """What an order's amounts make beside its total, in its currency; ``off`` is how much the total is above that."""

    goods: Decimal
    makes: Decimal
    off: Decimal


def amount_check(order: Order) -> AmountCheck | None:
    """Return by how much the total does not fit; None where it does, or where nothing can be added up."""
    if "amount_mismatch" not in order.attention_reasons:
        return None
    snapshot = as_snapshot(order)
    goods, makes = goods_total(snapshot), nearest_total(snapshot)
    if goods is None or makes is None:
        return None
    return AmountCheck(goods, makes, order.total - makes)


def _ready_at(order: Order) -> datetime | None:
    """Return when the kitchen said that it would be done; None where nobody named a time."""
    named = OrderEvent.objects.filter(order=order, prep_minutes__isnull=False).order_by("-created_at").first()
    return named.created_at + timedelta(minutes=named.prep_minutes or 0) if named else None
