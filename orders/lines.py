"""An order's lines and their options: making their rows, and telling whether a payload tells others."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from orders.inserts import insert_all
from orders.matching import Menu
from orders.models import MenuProduct, Order, OrderItem, OrderItemModifier
from providers.events import AMOUNT_FIELDS, Line, Modifier, OrderSnapshot


@dataclass(frozen=True, slots=True)
class Lines:
    """An order's lines and their options as new rows, parents before children; not written yet."""

    items: list[OrderItem]
    options: list[OrderItemModifier]
    is_on_menu: bool
    """All of the lines are; an option that is not has a name at least."""

    @property
    def item_count(self) -> int:
        return sum(item.quantity for item in self.items)

    def write(self) -> None:
        insert_all(self.items)
        insert_all(self.options)


def build_lines(order: Order, lines: Iterable[Line], store_ids: tuple[str, ...]) -> Lines:
    """Make the rows of lines and options, with the products of the menu that they mean."""
    lines = tuple(lines)
    menu = Menu(order.company, order.provider, lines, store_ids)
    items: list[OrderItem] = []
    modifiers: list[OrderItemModifier] = []
    unmapped = False
    for position, line in enumerate(lines):
        product = menu.find(line)
        item = OrderItem(
            order_id=order.id,
            position=position,
            external_id=line.external_id,
            quantity=line.quantity,
            unit_price=line.unit_price,
            total_price=line.total_price,
            notes=line.notes,
            menu_product=product,
            **names_of(line, product),
        )
        items.append(item)
        unmapped = unmapped or product is None
        unmapped = _add_modifiers(item, None, line.modifiers, menu, modifiers) or unmapped
    return Lines(items, modifiers, is_on_menu=not unmapped)


def _add_modifiers(
    item: OrderItem,
    parent: OrderItemModifier | None,
    options: Iterable[Modifier],
    menu: Menu,
    into: list[OrderItemModifier],
) -> bool:
    """Append the rows of options, parents before children; tell whether one of them has no name at all."""
    nameless = False
    first = next((index for index, row in enumerate(into) if row.item_id == item.id), len(into))
    for option in options:
        names = names_of(option, menu.find(option))
        row = OrderItemModifier(
            item_id=item.id,
            parent=parent,
            position=len(into) - first,
            external_id=option.external_id,
            quantity=option.quantity,
            price=option.price,
            **names,
        )
        into.append(row)
        nameless = nameless or not (names["name"] or names["name_ar"])
        nameless = _add_modifiers(item, row, option.modifiers, menu, into) or nameless
    return nameless


def names_of(thing: Line | Modifier, product: MenuProduct | None) -> dict[str, Any]:
    """Return the provider's names, and the menu's where the provider sends ids alone; the flags tell which are the menu's."""
    names: dict[str, Any] = {}
    for field in ("name", "name_ar"):
        told = getattr(thing, field)
        names[field] = told or (getattr(product, field) if product else "")
        names[f"has_menu_{field}"] = not told and bool(names[field])
    return names


def as_told(row: OrderItem | OrderItemModifier) -> Line:
    """Return what the menu is asked about a row: its id, and the names that the provider itself sent."""
    name = "" if row.has_menu_name else row.name
    name_ar = "" if row.has_menu_name_ar else row.name_ar
    return Line(quantity=1, external_id=row.external_id, name=name, name_ar=name_ar)


def as_snapshot(order: Order, lines: tuple[Line, ...] | None = None) -> OrderSnapshot:
    """Return an order's amounts for the check; its lines as they stand unless others are given."""
    if lines is None:
        lines = tuple(
            Line(
                quantity=item.quantity,
                unit_price=item.unit_price,
                total_price=item.total_price,
                # Flat: the check adds up every option, however deep it stands.
                modifiers=tuple(Modifier(quantity=row.quantity, price=row.price) for row in item.modifiers.all()),
            )
            for item in order.items.prefetch_related("modifiers")
        )
    return OrderSnapshot(lines=lines, **{name: getattr(order, name) for name in AMOUNT_FIELDS})


def lines_differ(order: Order, lines: tuple[Line, ...]) -> bool:
    """Compare what the provider tells with what stands; names that the menu gave are no difference."""
    items = list(order.items.prefetch_related("modifiers"))
    if len(items) != len(lines):
        return True
    for item, line in zip(items, lines, strict=True):
        if _differs(item, line, ("external_id", "quantity", "unit_price", "total_price", "notes")):
            return True
        options = [(option, depth) for top in line.modifiers for option, depth in _with_depth(top, 0)]
        rows = list(item.modifiers.all())
        depths: dict[uuid.UUID | None, int] = {None: -1}
        for row in rows:
            depths[row.id] = depths[row.parent_id] + 1
        if len(rows) != len(options):
            return True
        for row, (option, depth) in zip(rows, options, strict=True):
            if depths[row.id] != depth or _differs(row, option, ("external_id", "quantity", "price")):
                return True
    return False


def _with_depth(modifier: Modifier, depth: int) -> Iterable[tuple[Modifier, int]]:
    yield modifier, depth
    for child in modifier.modifiers:
        yield from _with_depth(child, depth + 1)


def _differs(row: OrderItem | OrderItemModifier, told: Line | Modifier, fields: tuple[str, ...]) -> bool:
    if any(getattr(row, name) != getattr(told, name) for name in fields):
        return True
    return any(getattr(told, name) and getattr(row, name) != getattr(told, name) for name in ("name", "name_ar"))
