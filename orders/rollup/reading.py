"""Reading figures over days: what is kept of the closed ones, counted from the raw rows for those that are not in step."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.db.models import Model, Q, QuerySet

from orders.access import Access
from orders.business_day import Span, day_span, month_end, month_start
from orders.models import Company, Order, RollupState
from orders.rollup.counting import count_figures, count_things, count_times
from orders.rollup.keeping import (
    ONE_DAY,
    days_between,
    is_same_clock,
    pending_days,
    summed_months,
    uncounted_days,
)
from orders.rollup.rows import ORDERS, THINGS, TIMES, Buckets, Figures, Kept, Key, Layout, Tally, read

MOST_RAW_DAYS = 31
"""So many days that are not in step are counted at once for a report; the older ones of more are as they were kept."""
Row = TypeVar("Row", bound=Model)
T = TypeVar("T")


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

    @property
    def is_of_branches(self) -> bool:
        """Tell whether some branches alone are counted."""
        return self.access.branch_ids is not None or bool(self.branches)

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
    months: tuple[date, ...] = ()
    """The first days of those whole months that may be read instead of their days, the oldest first."""
    counted: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)
    """What has been counted from the raw rows already: several tables of one answer ask for the same."""

    def kept(self, rows: QuerySet[Row], *, by_month: bool) -> list[QuerySet[Row]]:
        """Return the roll-ups that are read: those of days, and where it may be those of months instead."""
        months = self.months if by_month else ()
        single = Q(pk__in=[])
        since = self.first
        for month in (*months, None):
            until = month - ONE_DAY if month else self.last
            if since <= until:
                single |= Q(day__gte=since, day__lte=until)
            since = month_end(month) + ONE_DAY if month else since
        found = [rows.filter(single, is_month=False).exclude(day__in=self.raw)]
        return [*found, rows.filter(day__in=months, is_month=True)] if months else found

    def received(self, company: Company) -> Q:
        """Return the condition of raw rows that are counted; it holds for nothing where all days are kept."""
        found = Q(pk__in=[])
        for span in _together(company, sorted(self.raw)):
            found |= Q(received_at__gte=span.since, received_at__lt=min(span.until, self.now))
        return found

    def once(self, what: Hashable, count: Callable[[], T]) -> T:
        """Return what was counted from the raw rows of these days, and count it where nobody has yet."""
        if what not in self.counted:
            self.counted[what] = count()
        found: T = self.counted[what]
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
    state = RollupState.objects.filter(company=company).first()
    open_days = sorted(day for day in _open_days(company, state, now, first, last) if first <= day <= last)
    raw = open_days if most_raw is None else open_days[-most_raw:]
    waiting = set(map(month_start, open_days))
    months = [
        month
        for month in (summed_months(state) if state else ())
        if month not in waiting and first <= month and month_end(month) <= last
    ]
    return Days(first, last, now, frozenset(raw), len(open_days) - len(raw), tuple(sorted(months)))


def out_of_step(company: Company, now: datetime, first: date, last: date) -> set[date]:
    """Return the days that are not closed, or have changed since they were counted. Four small queries."""
    return _open_days(company, RollupState.objects.filter(company=company).first(), now, first, last)


def _open_days(company: Company, state: RollupState | None, now: datetime, first: date, last: date) -> set[date]:
    if state is None or state.closed_through is None or not is_same_clock(state, company):
        return set(days_between(first, last))
    # Marks first: a day that is written meanwhile is then counted once more, and none is passed over.
    open_days = {*pending_days(company), *uncounted_days(company, state, now)}
    return open_days | set(days_between(max(first, state.closed_through), last)) - {state.closed_through}


# -- figures -----------------------------------------------------------------------------------------------------------


def figures_by(scope: Scope, days: Days, *keys: str) -> dict[tuple[Any, ...], Figures]:
    """Return figures by any of ``day month hour clock_hour provider branch_id status currency``, in the order of ``keys``.

    A month is told by its first day.
    """

    def count() -> Mapping[Any, Figures]:
        return count_figures(scope.company, _raw(scope, days), days.now)

    return sums_by(ORDERS, scope, days, keys, {"figures": count})


def things_by(scope: Scope, days: Days, kinds: Collection[str], *keys: str) -> dict[tuple[Any, ...], Tally]:
    """Return counts of some kinds by any of ``day month provider branch_id kind key currency``, in the order of ``keys``."""

    def counting(kind: str) -> Callable[[], Mapping[Any, Tally]]:
        return lambda: count_things(scope.company, _raw(scope, days), kind)

    return sums_by(THINGS, scope, days, keys, {kind: counting(kind) for kind in kinds}, kind__in=kinds)


def times_by(scope: Scope, days: Days, kinds: Collection[str], *keys: str) -> dict[tuple[Any, ...], Buckets]:
    """Return how long orders took, by any of ``day month provider branch_id kind``, in the order of ``keys``."""

    def counting(kind: str) -> Callable[[], Mapping[Any, Buckets]]:
        return lambda: count_times(scope.company, _raw(scope, days), kind)

    return sums_by(TIMES, scope, days, keys, {kind: counting(kind) for kind in kinds}, kind__in=kinds)


def _raw(scope: Scope, days: Days) -> QuerySet[Order]:
    return scope.narrow(Order.objects.filter(days.received(scope.company)))


def sums_by(
    layout: Layout[Key, Kept],
    scope: Scope,
    days: Days,
    keys: Collection[str],
    raw: Mapping[str, Callable[[], Mapping[Key, Kept]]],
    **only: Any,
) -> dict[tuple[Any, ...], Kept]:
    """Return what is kept in a table of roll-ups, and what is counted from the raw rows, added up by ``keys``.

    ``raw`` has what counts them, each by its name.
    """
    found = kept_by(layout, scope, days, keys, **only)
    if days.raw:
        value_of = _reader(scope.company)
        for name, count in raw.items():
            counted = days.once((layout, name, scope), count)
            for place, numbers in counted.items():
                # What was counted is asked for again: it is added to numbers of this answer's own.
                found.setdefault(tuple(value_of(place, key) for key in keys), layout.numbers()).add(numbers)
    return found


def kept_by(
    layout: Layout[Any, Kept], scope: Scope, days: Days, keys: Collection[str], **only: Any
) -> dict[tuple[Any, ...], Kept]:
    """Return what is kept in a table of roll-ups alone, added up by ``keys``."""
    rows: QuerySet[Any] = scope.narrow(layout.model._default_manager.filter(**only))
    if layout.has_hours:
        rows = rows.filter(clock_hour__isnull={"hour", "clock_hour"}.isdisjoint(keys))
    columns = ["day" if key == "month" else key for key in keys]
    months = [place for place, key in enumerate(keys) if key == "month"]
    found: dict[tuple[Any, ...], Kept] = {}
    for part in days.kept(rows, by_month={"day", "hour"}.isdisjoint(keys)):
        for key, numbers in read(layout, part, *columns).items():
            name = _in_month(key, months) if months else key
            if name in found:
                found[name].add(numbers)
            else:
                found[name] = numbers
    return found


def _in_month(key: tuple[Any, ...], months: Collection[int]) -> tuple[Any, ...]:
    return tuple(month_start(value) if place in months else value for place, value in enumerate(key))


def _reader(company: Company) -> Callable[[Any, str], Hashable]:
    zone = ZoneInfo(company.time_zone)

    def value_of(place: Any, key: str) -> Hashable:
        if key == "month":
            return month_start(place.day)
        if key == "clock_hour":
            return place.hour.astimezone(zone).hour if place.hour else None
        found: Hashable = getattr(place, key)
        return found

    return value_of
