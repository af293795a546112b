"""The grid of the office: many orders in short rows, filtered and sorted by what stands in a list here, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from orders.access import Access
from orders.forms import OPEN, GridFilter
from orders.models import Order
from orders.pages import ATTENTION_TITLES, STATUS_WORDS, Text, member_page
from orders.pagination import after, cursor_at, invalid, place_of
from orders.serializers import money
from orders.timeline import last_seq
from orders.times import iso_time
from orders.transitions import BY_PERSON
from providers.events import Status
from providers.money import currency_digits
from providers.registry import ADAPTERS

FIELDS = {
    "id": "id", "seq": "seq", "status": "status", "provider": "provider", "externalOrderId": "external_id",
    "displayId": "display_id", "branch": "branch__name", "customer": "customer_name", "itemCount": "item_count",
    "total": "total", "currency": "currency", "paymentMethod": "payment_method", "cashDue": "cash_due",
    "orderType": "order_type", "fulfilledBy": "fulfilled_by", "courier": "courier", "isTest": "is_test",
    "attentionReasons": "attention_reasons", "storeId": "store_id", "placedAt": "placed_at", "receivedAt": "received_at",
    "acceptBy": "accept_by", "scheduledFor": "scheduled_for", "createdAt": "created_at", "updatedAt": "updated_at",
}  # fmt: skip
"""What a row tells, in its order, and where it stands: lines, phones and addresses are not among it."""
_NAMES = list(FIELDS)
_LOOKUPS = list(FIELDS.values())
_TIMES = [place for place, name in enumerate(FIELDS) if name.endswith("At") or name in {"acceptBy", "scheduledFor"}]
SORTS = {
    "received": "created_at", "changed": "updated_at", "total": "total", "items": "item_count",
    "customer": "customer_name", "provider": "provider",
}  # fmt: skip
"""A minus before the name puts the greatest first. Nothing else sorts: no field of these is ever empty."""
USUAL_SORT = "-received"
COUNTED = 50_000
"""Orders are counted up to here: nobody scrolls further, and counting all of them would cost more than the page."""


def read_sort(query: QueryDict) -> tuple[str, bool]:
    """Return the field that sorts, and whether the least stands first. Raises ApiError for what does not sort."""
    wanted = query.get("sort") or USUAL_SORT
    field = SORTS.get(wanted.removeprefix("-"))
    if field is None:
        raise invalid(sort=f"expected one of {', '.join(SORTS)}, with a minus before it for the greatest first")
    return field, not wanted.startswith("-")


def grid_rows(orders: QuerySet[Order], sort: tuple[str, bool], cursor: str, limit: int) -> tuple[list[list[Any]], str]:
    """Return the rows behind a cursor, the first where it is blank, and the next page's cursor; ``""`` after the last.

    One query. Raises ApiError for a cursor that is none of this list's.
    """
    field, rising = sort
    fields, sign = (field, "id"), "" if rising else "-"
    if cursor:
        orders = orders.filter(after(fields, place_of(cursor, Order, fields), rising=rising))
    found = list(orders.order_by(*(f"{sign}{name}" for name in fields)).values_list(*_LOOKUPS)[: limit + 1])
    rows = [_row(values) for values in found[:limit]]
    if len(found) <= limit:
        return rows, ""
    return rows, cursor_at([found[limit - 1][_LOOKUPS.index(name)] for name in fields])


def _row(values: tuple[Any, ...]) -> list[Any]:
    row = list(values)
    at = _NAMES.index
    digits, courier = currency_digits(row[at("currency")]), row[at("courier")]
    row[at("id")] = str(row[at("id")])
    row[at("total")], row[at("cashDue")] = money(row[at("total")], digits), money(row[at("cashDue")], digits)
    row[at("courier")] = courier.get("name", "") if courier else ""
    for place in _TIMES:
        row[place] = iso_time(row[place])
    return row


# -- the page ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a person may choose. ``width_rem`` is its least; one that ``is_usual`` is shown unasked."""

    name: str
    title: Text
    width_rem: float
    sort: str = ""
    is_usual: bool = True


COLUMNS = (
    Column("number", _("Order"), 10),
    Column("provider", _("Provider"), 7, "provider"),
    Column("status", _("Status"), 8.5),
    Column("deadline", _("Time left"), 10),
    Column("customer", _("Customer"), 11, "customer"),
    Column("items", _("Items"), 4.75, "items"),
    Column("total", _("Total"), 8.5, "total"),
    Column("attention", _("Attention"), 11.5),
    Column("received", _("Received"), 10.5, "received"),
    Column("branch", _("Branch"), 10, is_usual=False),
    Column("payment", _("Payment"), 7.5, is_usual=False),
    Column("kind", _("Kind"), 9, is_usual=False),
    Column("courier", _("Courier"), 10, is_usual=False),
    Column("scheduled", _("Ordered for"), 10.5, is_usual=False),
    Column("changed", _("Changed"), 10.5, "changed", is_usual=False),
)
KINDS: dict[str, Text] = {
    "pickup": _("pickup"),
    "dine_in": _("dine in"),
    "restaurant": _("we deliver"),
    "provider": _("delivered by the provider"),
    "customer": _("pickup"),
}
_OPEN = "&".join(f"status={status.value}" for status in OPEN)
VIEWS: tuple[tuple[Text, str], ...] = (
    (_("All"), ""),
    (_("Open"), _OPEN),
    (_("Needs attention"), f"{_OPEN}&needsAttention=true"),
    (_("Not completed"), "status=cancelled&status=rejected&status=failed"),
)
"""Ways to look that are one press away. Every other one is the page's address too, to keep and to send."""


@member_page
def grid(request: HttpRequest, access: Access) -> HttpResponse:
    """Show the grid; its script fetches the rows."""
    form = GridFilter(request.GET, access)
    is_one_branch = len(form.branches) < 2
    context = {
        "seq": last_seq(access.company.id),
        "form": form,
        "columns": [column for column in COLUMNS if not (is_one_branch and column.name == "branch")],
        "views": VIEWS,
        "words": {
            "statuses": STATUS_WORDS,
            "providers": {slug: adapter.name for slug, adapter in ADAPTERS.items()},
            "attention": ATTENTION_TITLES,
            "kinds": KINDS,
            "steps": {status.value: BY_PERSON[status][0].value for status in OPEN},
        },
        "targets": [(status.value, STATUS_WORDS[status]) for status in (*OPEN[1:], Status.DELIVERED)],
    }
    return render(request, "orders/grid.html", context)
