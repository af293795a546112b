"""Orders as a file that a spreadsheet opens, and cannot be tricked by."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from channels.db import database_sync_to_async
from django.db.models import QuerySet

from orders.access import Access
from orders.contacts import mask_phone
from orders.models import Order, OrderItem
from orders.pagination import after
from orders.serializers import hides_phone, money, with_details
from orders.times import iso_time
from providers.money import currency_digits

PAGE = 200
"""Orders that are in memory at a time."""
BOM = "\ufeff"
"""Without it a spreadsheet takes Arabic names for another alphabet."""
COLUMNS = (
    "id", "externalOrderId", "displayId", "provider", "branch", "status", "placedAt", "receivedAt", "createdAt",
    "customerName", "customerPhone", "items", "itemCount", "subtotal", "tax", "deliveryFee", "serviceFee", "discount",
    "tip", "total", "currency", "paymentMethod", "cashDue", "orderType", "fulfilledBy", "isTest", "needsAttention",
    "attentionReasons",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula; None is empty.

    One that begins like a formula, also behind white space, which spreadsheets pass over, gets an apostrophe before it.
    """
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


def csv_pages(orders: QuerySet[Order], access: Access) -> Iterator[str]:
    """Yield the file in pieces, newest order first; each page is a query of its own, so nothing stays open between."""
    yield BOM + csv_lines([COLUMNS])
    orders = with_details(orders).order_by("-created_at", "-id")
    page = list(orders[:PAGE])
    while page:
        yield csv_lines([_row(order, access) for order in page])
        if len(page) < PAGE:
            return
        last = page[-1]
        page = list(orders.filter(after(("created_at", "id"), (last.created_at, last.id)))[:PAGE])


async def in_threads(pages: Iterator[str]) -> AsyncIterator[str]:
    """Yield the same pieces to an ASGI server; each query runs in the request's thread, never on the loop."""
    take = database_sync_to_async(next)
    while (piece := await take(pages, None)) is not None:
        yield piece


def csv_lines(rows: Iterable[Iterable[Any]]) -> str:
    """Return rows as lines of CSV."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _row(order: Order, access: Access) -> list[str]:
    digits = currency_digits(order.currency)
    phone = mask_phone(order.customer_phone) if hides_phone(order, access) else order.customer_phone
    cells = (
        order.id,
        order.external_id,
        order.display_id,
        order.provider,
        order.branch.name if order.branch else "",
        order.status,
        iso_time(order.placed_at),
        iso_time(order.received_at),
        iso_time(order.created_at),
        order.customer_name,
        phone,
        "; ".join(map(_item, order.items.all())),
        order.item_count,
        money(order.subtotal, digits),
        money(order.tax, digits),
        money(order.delivery_fee, digits),
        money(order.service_fee, digits),
        money(order.discount, digits),
        money(order.tip, digits),
        money(order.total, digits),
        order.currency,
        order.payment_method,
        money(order.cash_due, digits),
        order.order_type,
        order.fulfilled_by,
        str(order.is_test).lower(),
        str(order.needs_attention).lower(),
        " ".join(order.attention_reasons),
    )
    return [safe_cell(cell) for cell in cells]


def _item(item: OrderItem) -> str:
    options = ", ".join(option.name or option.name_ar or option.external_id for option in item.modifiers.all())
    name = item.name or item.name_ar or item.external_id
    return f"{item.quantity} × {name}" + (f" ({options})" if options else "")
