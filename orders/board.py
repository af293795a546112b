"""The kitchen's board: open orders by status, the most urgent first, each with everything that is to be cooked."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from orders.access import Access
from orders.forms import OPEN, BoardFilter
from orders.models import Order, OrderItem
from orders.order_page import modifier_tree
from orders.pages import STATUS_WORDS, Text, member_page, uuid_or_none
from orders.serializers import with_details
from orders.timeline import last_seq
from providers.events import Status

CARDS = 60
"""Cards that a column shows at most; the grid has the others."""
LOOKED_AT = 1_000
"""Open orders whose place is looked at, the newest: more than that nobody cooks at once."""
ASKED_AT_ONCE = 100
LATER = timedelta(hours=1)
"""An order for later than this stands behind those that are due, and is told apart."""


@dataclass(frozen=True, slots=True)
class Card:
    """An order as the kitchen reads it. ``rank`` sorts a column as text; at ``wakes`` an order for later becomes due."""

    order: Order
    lines: list[tuple[OrderItem, list[dict[str, Any]]]]
    rank: str
    wakes: datetime | None


@dataclass(frozen=True, slots=True)
class Column:
    """The orders of one status. ``hidden`` counts those for which there is no room."""

    status: str
    title: Text
    count: int
    cards: list[Card]
    is_whole: bool

    @property
    def hidden(self) -> int:
        return max(0, self.count - len(self.cards)) if self.is_whole else 0


@member_page
def board(request: HttpRequest, access: Access) -> HttpResponse:
    """Show the open orders by status; the page's script keeps them up to date."""
    return render(request, "orders/board.html", _context(request, access))


@member_page
def cards(request: HttpRequest, access: Access) -> HttpResponse:
    """Show the board's columns alone: with the orders of ``id``, as far as they are open and match, else with all."""
    return render(request, "orders/_columns.html", _context(request, access))


def _context(request: HttpRequest, access: Access) -> dict[str, Any]:
    # The number is read before the orders: what is committed in between comes again, never not at all.
    seq = last_seq(access.company.id)
    now = timezone.now()
    form = BoardFilter(request.GET, access)
    orders = form.apply()
    counts = dict.fromkeys((status.value for status in OPEN), 0)
    counts |= dict(orders.order_by().values_list("status").annotate(Count("id")))
    asked = [found for text in request.GET.getlist("id")[:ASKED_AT_ONCE] if (found := uuid_or_none(text))]
    ids = asked if "id" in request.GET else _most_urgent(orders, now)
    shown: dict[str, list[Card]] = {status.value: [] for status in OPEN}
    for card in sorted(_cards(orders.filter(id__in=ids), now), key=lambda card: card.rank):
        shown[card.order.status].append(card)
    is_whole = "id" not in request.GET
    columns = [Column(status.value, STATUS_WORDS[status], counts[status], shown[status], is_whole) for status in OPEN]
    return {"seq": seq, "form": form, "columns": columns, "many_branches": len(form.branches) > 1, "most": CARDS}


def _cards(orders: QuerySet[Order], now: datetime) -> Iterable[Card]:
    for order in with_details(orders):
        lines = [(item, modifier_tree(list(item.modifiers.all()))) for item in order.items.all()]
        due = _due(order)
        yield Card(order, lines, rank_of(order, now), due if due and due > now else None)


def _most_urgent(orders: QuerySet[Order], now: datetime) -> Collection[Any]:
    """Return the ids of the orders that have room on the board. They are ranked before their lines are read."""
    fields = ("id", "status", "accept_by", "scheduled_for", "received_at")
    places: dict[str, list[tuple[str, Any]]] = {}
    for order in orders.only(*fields).order_by("-created_at", "-id")[:LOOKED_AT]:
        places.setdefault(order.status, []).append((rank_of(order, now), order.id))
    return [key for found in places.values() for _, key in sorted(found)[:CARDS]]


def rank_of(order: Order, now: datetime) -> str:
    """Return an order's place in its column: what is due before what is for later; unanswered by its deadline."""
    due = _due(order)
    is_later = due is not None and due > now
    deadline = order.accept_by if order.status == Status.RECEIVED else None
    moment = (order.scheduled_for if is_later else deadline) or order.received_at
    return f"{int(is_later)}.{int(moment.timestamp() * 1000):015d}.{order.id}"


def _due(order: Order) -> datetime | None:
    return order.scheduled_for - LATER if order.scheduled_for else None
