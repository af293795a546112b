"""Reading figures over days: what is kept of the closed ones, counted from the raw rows for those that are not in step."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.db.models import Max, Model, Q, QuerySet, Sum

from orders.access import Access
from orders.business_day import Span, day_span
from orders.models import Company, CountRollup, Order, OrderRollup, RollupState
from orders.rollup.counting import NUMBERS, Figures, Place, Tally, Thing, count_figures, count_things
from orders.rollup.keeping import days_between, is_same_clock, pending_days, uncounted_days

MOST_RAW_DAYS = 31
"""So many days that are not in step are counted at once for a report; the older ones of more are as they were kept."""
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose orders are counted: those that a person may see, of some providers and branches where any are named."""

    access: Access
    providers: tuple[str, ...] = ()
    branches: tuple[uuid.UUID, ...] = ()
    with_tests: bool = False

    @property
    def company(self) -> Company:
        return self.access.company

    def narrow(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        """Return those of some orders or roll-ups of the company that are counted."""
        rows = rows.filter(company=self.company)
        if self.access.branch_ids is not None:
            rows = rows.filter(branch_id__in=self.access.branch_ids)
        if self.providers:
            rows = rows.filter(provider__in=self.providers)
        if self.branches:
            rows = rows.filter(branch_id__in=self.branches)
        return rows if self.with_tests else rows.filter(is_test=False)


@dataclass(frozen=True, slots=True)
class Days:
    """Business days up to ``now``: which of them are read from the raw rows, and which are kept but not in step."""

    first: date
    last: date
    now: datetime
    raw: frozenset[date]
    behind: int = 0
    """How many days wait to be counted again, and are told as they were kept."""

    def kept(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        """Return the roll-ups that are read."""
        return rows.filter(day__gte=self.first, day__lte=self.last).exclude(day__in=self.raw)

    def received(self, company: Company) -> Q:
        """Return the condition of raw rows that are counted; it holds for nothing where all days are kept."""
        found = Q(pk__in=[])
        for span in _together(company, sorted(self.raw)):
            found |= Q(received_at__gte=span.since, received_at__lt=min(span.until, self.now))
        return found


def _together(company: Company, days: list[date]) -> list[Span]:
    """Return the spans of days, neighbours as one."""
    spans: list[Span] = []
    for day in days:
        span = day_span(company, day)
        if spans and spans[-1].until == span.since:
            spans[-1] = Span(spans[-1].since, span.until)
        else:
            spans.append(span)
    return spans


def look_at(company: Company, first: date, last: date, now: datetime, *, most_raw: int | None = None) -> Days:
    """Return how each day from ``first`` to ``last`` is to be read; at most ``most_raw`` of the newest from the raw rows."""
    open_days = sorted(day for day in out_of_step(company, now, first, last) if first <= day <= last)
    raw = open_days if most_raw is None else open_days[-most_raw:]
    return Days(first, last, now, frozenset(raw), len(open_days) - len(raw))


def out_of_step(company: Company, now: datetime, first: date, last: date) -> set[date]:
    """Return the days that are not closed, or have changed since they were counted. Four small queries."""
    state = RollupState.objects.filter(company=company).first()
    if state is None or state.closed_through is None or not is_same_clock(state, company):
        return set(days_between(first, last))
    # Marks first: a day that is written meanwhile is then counted once more, and none is passed over.
    open_days = {*pending_days(company), *uncounted_days(company, state, now)}
    return open_days | set(days_between(max(first, state.closed_through), last)) - {state.closed_through}


# -- figures -----------------------------------------------------------------------------------------------------------


def figures_by(scope: Scope, days: Days, *keys: str) -> dict[tuple[Any, ...], Figures]:
    """Return figures by any of ``day hour clock_hour provider branch_id status currency``, in the order of ``keys``."""
    by_hour = "hour" in keys or "clock_hour" in keys
    rows = days.kept(scope.narrow(OrderRollup.objects.filter(hour__isnull=not by_hour)))
    sums = {f"sum_{name}": Sum(name) for name in NUMBERS}
    found: dict[tuple[Any, ...], Figures] = {}
    for row in rows.order_by().values(*keys).annotate(**sums) if keys else [rows.aggregate(**sums)]:
        numbers = {name: row[f"sum_{name}"] for name in NUMBERS}
        found.setdefault(tuple(row[key] for key in keys), Figures()).add(**numbers)
    if days.raw:
        value_of = _reader(scope.company)
        raw = scope.narrow(Order.objects.filter(days.received(scope.company)))
        for place, entry in count_figures(scope.company, raw, days.now).items():
            found.setdefault(tuple(value_of(place, key) for key in keys), Figures()).add(**entry.as_dict())
    return found


def _reader(company: Company) -> Callable[[Place, str], Hashable]:
    zone = ZoneInfo(company.time_zone)

    def value_of(place: Place, key: str) -> Hashable:
        if key != "clock_hour":
            return getattr(place, key)  # type: ignore[no-any-return]
        return place.hour.astimezone(zone).hour if place.hour else None

    return value_of


def things_by(scope: Scope, days: Days, kinds: Collection[str], *keys: str) -> dict[tuple[Any, ...], Tally]:
    """Return counts of some kinds by any of ``day provider branch_id kind key currency``, in the order of ``keys``."""
    found: dict[tuple[Any, ...], Tally] = {}
    for *key, count, amount, name in kept_things(scope, days, kinds, *keys):
        found[tuple(key)] = Tally(count, amount, name)
    if days.raw:
        raw = scope.narrow(Order.objects.filter(days.received(scope.company)))
        add_things(found, count_things(scope.company, raw, kinds), *keys)
    return found


def kept_things(scope: Scope, days: Days, kinds: Collection[str], *keys: str) -> QuerySet[Any, tuple[Any, ...]]:
    """Return what is kept of some kinds: the keys, with the count, the amount and the name behind them."""
    rows: QuerySet[Any, Any] = days.kept(scope.narrow(CountRollup.objects.filter(kind__in=kinds)))
    sums = rows.order_by().values(*keys).annotate(n=Sum("count"), sum=Sum("amount"), says=Max("name"))
    found: QuerySet[Any, tuple[Any, ...]] = sums.values_list(*keys, "n", "sum", "says")
    return found


def add_things(found: dict[tuple[Any, ...], Tally], things: dict[Thing, Tally], *keys: str) -> None:
    for thing, tally in things.items():
        entry = found.setdefault(tuple(getattr(thing, key) for key in keys), Tally())
        entry.add(tally.count, tally.amount, tally.name)
