"""Matching the lines of orders with the menu once more, after the menu has changed.

A door to an order, beside those of ``orders.services``. It goes by what matching goes by, ids and exact names, so that an
order that is mended is as it would have come.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from typing import Any

from django.db import transaction
from django.db.models import Q

from orders.lines import as_told, names_of
from orders.matching import Menu
from orders.models import BranchStore, Company, MenuProduct, Order, OrderItem, OrderItemModifier, User
from orders.services import MARK_FIELDS, set_reasons
from orders.timeline import lock_order, write_change
from providers.events import Line

BATCH = 100
"""Orders of one transaction: each holds its lock, and the company's number waits for the last of them."""
REASON = "unmapped_item"


def rematch(
    company: Company,
    provider: str,
    order_ids: Collection[uuid.UUID],
    *,
    user: User | None,
    stale: Collection[str] = (),
) -> int:
    """Match what the menu did not know in a company's orders of one provider; return how many of them changed.

    ``stale`` are external ids whose product is another one by now, or none: their lines are matched again too. At most
    ``BATCH`` orders, in one transaction. Each that changes gets an entry in its timeline, with the company's next number, so
    that open screens see it. Safe to call twice, and beside the same at once.
    """
    if len(order_ids) > BATCH:
        raise ValueError(f"At most {BATCH} orders at a time.")
    with transaction.atomic():
        # Always in the same order, and all before the first number: nobody who holds one of them waits for this.
        for order_id in sorted(order_ids):
            lock_order(order_id)
        orders = {
            order.id: order for order in Order.objects.filter(company=company, provider=provider, pk__in=order_ids)
        }
        changes = _rematch_lines(company, provider, orders, stale)
        still = _still_unmapped(changes)
        for order_id in sorted(changes, key=lambda each: orders[each].created_at):
            order = orders[order_id]
            reasons = {*order.attention_reasons} - {REASON}
            set_reasons(order, reasons | {REASON} if order_id in still else reasons)
            _write(order, changes[order_id], user)
    return len(changes)


def _rematch_lines(
    company: Company, provider: str, orders: Collection[uuid.UUID], stale: Collection[str]
) -> dict[uuid.UUID, list[str | None]]:
    """Write lines and options anew; return the first product that changed, ``[before, after]``, by order."""
    unmapped = Q(menu_product=None) | Q(external_id__in=stale)
    nameless = Q(name="", name_ar="") | Q(external_id__in=stale, has_menu_name=True)
    items = list(OrderItem.objects.filter(unmapped, order__in=orders).select_related("menu_product"))
    options = list(OrderItemModifier.objects.filter(nameless, item__order__in=orders).select_related("item"))
    told: dict[uuid.UUID, Line] = {item.id: as_told(item) for item in items}
    told |= {option.id: as_told(option) for option in options}
    stores = BranchStore.objects.filter(branch__company=company, provider=provider).values_list("store_id", flat=True)
    menu = Menu(company, provider, told.values(), tuple(stores))
    changes: dict[uuid.UUID, list[str | None]] = {}
    changed_items, changed_options = [], []
    for item in items:
        product, before = menu.find(told[item.id]), item.menu_product
        if _set(item, names_of(told[item.id], product) | {"menu_product": product}):
            changed_items.append(item)
            changes.setdefault(item.order_id, [_name(before), _name(product)])
    for option in options:
        product, known = menu.find(told[option.id]), option.name or None
        if _set(option, names_of(told[option.id], product)):
            changed_options.append(option)
            changes.setdefault(option.item.order_id, [known, _name(product)])
    names = ["name", "name_ar", "has_menu_name", "has_menu_name_ar"]
    OrderItem.objects.bulk_update(changed_items, ["menu_product", *names])
    OrderItemModifier.objects.bulk_update(changed_options, names)
    return changes


def _name(product: MenuProduct | None) -> str | None:
    return product.name if product else None


def _set(row: OrderItem | OrderItemModifier, values: dict[str, Any]) -> bool:
    """Set the fields of a row; tell whether one of them was another."""
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, values[name])
    return bool(changed)


def _still_unmapped(order_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Return the orders that have a line which the menu does not know, or an option without a name."""
    order_ids = list(order_ids)
    lines = OrderItem.objects.filter(order__in=order_ids, menu_product=None).values_list("order_id", flat=True)
    options = OrderItemModifier.objects.filter(item__order__in=order_ids, name="", name_ar="")
    return {*lines, *options.values_list("item__order_id", flat=True)}


def _write(order: Order, products: list[str | None], user: User | None) -> None:
    write_change(order, MARK_FIELDS, {"menu_product": products}, user=user)
