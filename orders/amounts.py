"""The check of an order's amounts. The provider's are stored as sent; this only says whether they add up."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import product

from providers.events import Line, Modifier, OrderSnapshot

ZERO = Decimal(0)


def _decimal(amount: object) -> Decimal | None:
    return amount if isinstance(amount, Decimal) else None


def modifiers_price(modifiers: Iterable[Modifier]) -> Decimal:
    """Return the price of the options of one piece, those inside others included."""
    return sum(
        ((_decimal(m.price) or ZERO) * m.quantity for top in modifiers for m in top.walk()),
        start=ZERO,
    )


def line_total(line: Line) -> Decimal | None:
    """Return a line's total as sent, else its unit price and options times its quantity; None where neither is told."""
    total = _decimal(line.total_price)
    if total is not None:
        return total
    unit = _decimal(line.unit_price)
    return None if unit is None else (unit + modifiers_price(line.modifiers)) * line.quantity


def goods_total(order: OrderSnapshot) -> Decimal | None:
    """Return the subtotal as sent, else the sum of the lines; None where a line's amount is not told."""
    subtotal = _decimal(order.subtotal)
    if subtotal is not None:
        return subtotal
    totals = [line_total(line) for line in order.lines or ()]
    return None if None in totals or not totals else sum((t for t in totals if t is not None), start=ZERO)


def computed_total(order: OrderSnapshot) -> Decimal | None:
    """Return what the total would be with tax on top and the tip in: for an order that tells no total."""
    goods = goods_total(order)
    if goods is None:
        return None
    fees = sum((_decimal(a) or ZERO for a in (order.delivery_fee, order.service_fee, order.tax, order.tip)), start=ZERO)
    return goods + fees - abs(_decimal(order.discount) or ZERO)


def adds_up(order: OrderSnapshot, digits: int) -> bool:
    """Tell whether the total fits, with tax on top or included, the tip in or out, within a minor unit per line.

    ``order`` is in its currency, which has ``digits`` decimals. An order whose goods are not priced cannot be checked, and
    passes.
    """
    nearest, total = nearest_total(order), _decimal(order.total)
    if nearest is None or total is None:
        return True
    tolerance = max(1, len(order.lines or ())) * Decimal(1).scaleb(-digits)
    return abs(nearest - total) <= tolerance


def nearest_total(order: OrderSnapshot) -> Decimal | None:
    """Return what the amounts make, with tax on top or included and the tip in or out, whichever is nearest to the total.

    None where the goods are not priced, or no total is told.
    """
    goods, total = goods_total(order), _decimal(order.total)
    if goods is None or total is None:
        return None
    fees = (_decimal(order.delivery_fee) or ZERO) + (_decimal(order.service_fee) or ZERO)
    base = goods + fees - abs(_decimal(order.discount) or ZERO)
    fitting = (
        base + tax + tip
        for tax, tip in product((ZERO, _decimal(order.tax) or ZERO), (ZERO, _decimal(order.tip) or ZERO))
    )
    return min(fitting, key=lambda makes: abs(makes - total))
