"""What came and is not on the menu: which items, how often, since when; and how much of what comes is known."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, F, Max, Min, Q, QuerySet, When
from django.utils import timezone

from orders.access import Access
from orders.models import BranchStore, Company, Order, OrderItem, OrderItemModifier
from orders.models.order import FINISHED
from orders.names import name_key
from providers.registry import ADAPTERS

WORK_DAYS = 90
"""How far back the work list looks."""
COVERAGE_DAYS = 30
MAX_GROUPS = 5_000
"""The most frequent writings of items that are read for the list."""
_ROW = ("external_id", "name", "name_ar")


@dataclass(slots=True)
class Unmapped:
    """An item that a provider sends and the menu does not know. Without an id it is told apart by its name."""

    provider: str
    external_id: str
    """The provider's id of the product: the same in each branch."""
    name: str
    name_ar: str
    is_option: bool
    """An option without a name; one that has a name needs no menu."""
    count: int
    """How many lines or options had it."""
    first_at: datetime
    last_at: datetime
    ids: set[str] = field(default_factory=set)
    """The ids as they came, with the branch behind them where the provider does that."""
    names: set[str] = field(default_factory=set)
    last: OrderItem | None = None
    """A line of the newest order that has it; None where that order is not for this person's eyes."""

    @property
    def key(self) -> str:
        """Return a short name for the page's elements: the same each time the page is drawn."""
        text = "\n".join((self.provider, self.external_id, "" if self.external_id else name_key(self.name)))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def title(self) -> str:
        return self.name or self.name_ar or self.external_id


# -- the ids of an item ------------------------------------------------------------------------------------------------


def stores_of(company: Company, providers: Iterable[str]) -> dict[str, list[str]]:
    """Return the company's store ids at the providers that hang them on the ids of items."""
    wanted = [slug for slug in providers if slug in ADAPTERS and ADAPTERS[slug].item_ids_end_in_store]
    stores: dict[str, list[str]] = {slug: [] for slug in wanted}
    rows = (
        BranchStore.objects.filter(branch__company=company, provider__in=wanted)
        if wanted
        else BranchStore.objects.none()
    )
    for provider, store_id in rows.values_list("provider", "store_id"):
        stores[provider].append(store_id)
    return stores


def bare_id(external_id: str, stores: Iterable[str]) -> str:
    """Return an item's id without the store behind it; the longest store counts."""
    ends = [store for store in stores if external_id.endswith(f"-{store}") and len(external_id) > len(store) + 1]
    return external_id.removesuffix(f"-{max(ends, key=len)}") if ends else external_id


def writings_of(company: Company, provider: str, external_id: str) -> set[str]:
    """Return how an id comes: alone, and with each of the company's stores behind it where the provider does that."""
    stores = stores_of(company, [provider]).get(provider, [])
    return {external_id, *(f"{external_id}-{store}" for store in stores)}


# -- the orders that wait ----------------------------------------------------------------------------------------------


def waiting_orders(
    company: Company, provider: str, ids: Collection[str], names: Collection[str] = ()
) -> QuerySet[Order]:
    """Return the orders that have one of these ids unmapped; for an item without an id, one of these names.

    Those that are open first, the newest first.
    """
    has_id = Q(external_id__in=[each for each in ids if each])
    lines = has_id | Q(external_id="", name__in=names) if names else has_id
    here = {"order__company": company, "order__provider": provider}
    items = OrderItem.objects.filter(lines, menu_product=None, **here)
    options = OrderItemModifier.objects.filter(
        has_id, name="", name_ar="", **{f"item__{name}": value for name, value in here.items()}
    )
    orders = Order.objects.filter(company=company, provider=provider, needs_attention=True)
    return _open_first(orders, items, options)


def orders_with(company: Company, provider: str, ids: Collection[str], product_id: uuid.UUID) -> QuerySet[Order]:
    """Return the orders whose lines or options are a product because of these ids; open first, the newest first."""
    here = {"order__company": company, "order__provider": provider}
    items = OrderItem.objects.filter(external_id__in=ids, menu_product=product_id, **here)
    options = OrderItemModifier.objects.filter(
        external_id__in=ids, has_menu_name=True, **{f"item__{name}": value for name, value in here.items()}
    )
    return _open_first(Order.objects.filter(company=company, provider=provider), items, options)


def _open_first(
    orders: QuerySet[Order], items: QuerySet[OrderItem], options: QuerySet[OrderItemModifier]
) -> QuerySet[Order]:
    found = orders.filter(Q(pk__in=items.values("order_id")) | Q(pk__in=options.values("item__order_id")))
    return found.order_by(Case(When(status__in=FINISHED, then=1), default=0), "-created_at", "-id")


# -- the work list -----------------------------------------------------------------------------------------------------


def unmapped_items(access: Access, now: datetime | None = None) -> list[Unmapped]:
    """Return what the menu does not know in the orders that a person may see, the most frequent first. Three queries."""
    since = (now or timezone.now()) - timedelta(days=WORK_DAYS)
    orders = access.orders().filter(needs_attention=True, created_at__gte=since)
    items = OrderItem.objects.filter(order__in=orders, menu_product=None).exclude(external_id="", name="", name_ar="")
    options = OrderItemModifier.objects.filter(item__order__in=orders, name="", name_ar="").exclude(external_id="")
    rows = [(row, False) for row in _grouped(items, "order__")] + [
        (row, True) for row in _grouped(options, "item__order__")
    ]
    stores = stores_of(access.company, {row["provider"] for row, _ in rows})
    found: dict[tuple[str, str, str], Unmapped] = {}
    for row, is_option in rows:
        _add(found, row, is_option, stores)
    return sorted(found.values(), key=lambda entry: (-entry.count, -entry.last_at.timestamp(), entry.key))


def _grouped(rows: QuerySet[Any], to_order: str) -> list[dict[str, Any]]:
    grouped = rows.order_by().values(*_ROW, provider=F(f"{to_order}provider"))
    at = f"{to_order}created_at"
    return list(grouped.annotate(n=Count("id"), first=Min(at), last=Max(at)).order_by("-n", "-last")[:MAX_GROUPS])


def _add(
    found: dict[tuple[str, str, str], Unmapped],
    row: Mapping[str, Any],
    is_option: bool,
    stores: Mapping[str, list[str]],
) -> None:
    provider, name = row["provider"], row["name"] or row["name_ar"]
    external_id = bare_id(row["external_id"], stores.get(provider, ()))
    key = (provider, external_id, "" if external_id else name_key(name))
    entry = found.get(key)
    if entry is None:
        entry = found[key] = Unmapped(
            provider, external_id, row["name"], row["name_ar"], is_option, 0, row["first"], row["last"]
        )
    elif row["last"] > entry.last_at:
        entry.name, entry.name_ar = row["name"] or entry.name, row["name_ar"] or entry.name_ar
    entry.is_option = entry.is_option and is_option
    entry.count += row["n"]
    entry.first_at, entry.last_at = min(entry.first_at, row["first"]), max(entry.last_at, row["last"])
    entry.ids.add(row["external_id"])
    entry.names.add(row["name"])


def add_last_lines(access: Access, entries: Collection[Unmapped]) -> None:
    """Add to each item a line of the newest order that has it. One query; an option has its order alone."""
    moments = {entry.last_at for entry in entries}
    orders = access.orders().filter(created_at__in=moments)
    lines = OrderItem.objects.filter(order__in=orders).select_related("order")
    by_moment: dict[tuple[str, datetime], list[OrderItem]] = {}
    for line in lines:
        by_moment.setdefault((line.order.provider, line.order.created_at), []).append(line)
    for entry in entries:
        there = by_moment.get((entry.provider, entry.last_at), [])
        same = [line for line in there if line.external_id in entry.ids and line.name in entry.names]
        entry.last = next(iter(same or there), None)


# -- how much is known -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of a provider's lines the menu knew."""

    provider: str
    lines: int
    mapped: int

    @property
    def percent(self) -> int | None:
        """Return the share in whole per cent, None without lines. Not 100 while one is missing."""
        return self.mapped * 100 // self.lines if self.lines else None


def coverage(access: Access, now: datetime | None = None) -> list[Coverage]:
    """Return each provider's share of mapped lines in the orders of the last 30 days that a person may see. One query."""
    since = (now or timezone.now()) - timedelta(days=COVERAGE_DAYS)
    lines = OrderItem.objects.filter(order__in=access.orders().filter(created_at__gte=since)).order_by()
    told = {
        provider: (number, mapped)
        for provider, number, mapped in lines.values_list("order__provider").annotate(
            Count("id"), Count("menu_product")
        )
    }
    return [Coverage(slug, *told.get(slug, (0, 0))) for slug in (*ADAPTERS, *sorted(told.keys() - ADAPTERS.keys()))]
