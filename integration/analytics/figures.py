"""The table of figures: by day, week, month, hour of the day, provider or branch, what orders and deliveries came to."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from integration.analytics.query import Query, percentile
from integration.delivery_rollup import BUCKETS_MS, PROCESSING, Passed, deliveries_by, processing_by
from integration.models import WebhookStatus
from integration.models.webhook import SETTLED
from orders.analytics import LOST
from orders.business_day import week_start
from orders.models import Branch
from orders.rollup.counting import ACCEPTING, BUCKETS_S, PREPARING
from orders.rollup.keeping import days_between
from orders.rollup.reading import figures_by, times_by
from orders.rollup.rows import Buckets, Figures
from orders.serializers import money
from providers.events import Status
from providers.money import currency_digits
from providers.registry import ADAPTERS

NO_BRANCH = "none"
WAITING = (WebhookStatus.RECEIVED, WebhookStatus.PROCESSING)


@dataclass(slots=True)
class Line:
    """Everything that is told of one group."""

    key: str
    label: str
    orders: int = 0
    by_status: dict[str, int] = field(default_factory=dict)
    sold: dict[str, list[Any]] = field(default_factory=dict)
    """Currency to how many orders were sold in it, and for how much."""
    times: Figures = field(default_factory=Figures)
    deliveries: dict[str, int] = field(default_factory=dict)
    passed: Passed = field(default_factory=Passed)
    buckets: dict[str, Buckets] = field(default_factory=dict)
    """By the kind of a time."""

    def add_orders(self, status: str, currency: str, figures: Figures) -> None:
        self.orders += figures.orders
        self.by_status[status] = self.by_status.get(status, 0) + figures.orders
        if status not in LOST and figures.orders:
            self._add_sold(currency, figures.orders, figures.total)
        self.times.add(figures)

    def _add_sold(self, currency: str, orders: int, total: Decimal) -> None:
        entry = self.sold.setdefault(currency, [0, Decimal(0)])
        entry[0] += orders
        entry[1] += total

    def add_deliveries(self, status: str, passed: Passed) -> None:
        self.deliveries[status] = self.deliveries.get(status, 0) + passed.deliveries
        self.passed.add(passed)

    def add_buckets(self, kind: str, buckets: Buckets) -> None:
        self.buckets.setdefault(kind, Buckets()).add(buckets)

    def add(self, other: Line) -> None:
        """Add what another line tells of other orders."""
        self.orders += other.orders
        for status, orders in other.by_status.items():
            self.by_status[status] = self.by_status.get(status, 0) + orders
        for currency, (orders, total) in other.sold.items():
            self._add_sold(currency, orders, total)
        self.times.add(other.times)
        for status, deliveries in other.deliveries.items():
            self.deliveries[status] = self.deliveries.get(status, 0) + deliveries
        self.passed.add(other.passed)
        for kind, buckets in other.buckets.items():
            self.add_buckets(kind, buckets)

    def as_json(self, *, sees_refusals: bool, has_percentiles: bool) -> dict[str, Any]:
        times, lost = self.times, sum(self.by_status.get(status, 0) for status in LOST)
        return {
            "key": self.key,
            "label": self.label,
            "orders": self.orders,
            "sold": self.orders - lost,
            **{status.value: self.by_status.get(status, 0) for status in LOST},
            "cancellationRate": _share(lost, self.orders),
            "rejectionRate": _share(self.by_status.get(Status.REJECTED, 0), self.orders),
            "revenue": [_revenue(currency, *self.sold[currency]) for currency in sorted(self.sold)],
            "acceptance": self._time(ACCEPTING, times.accepted, times.waited_us, has_percentiles),
            "preparation": self._time(PREPARING, times.prepared, times.preparing_us, has_percentiles),
            "deadlines": {
                "due": times.due,
                "inTime": times.in_time,
                "missed": times.due - times.in_time,
                "inTimeRate": _share(times.in_time, times.due),
            },
            "deliveries": self._deliveries(sees_refusals),
            "processing": {
                "count": self.passed.timed,
                "averageMs": round(self.passed.took_us / self.passed.timed / 1000, 1) if self.passed.timed else None,
                **self._percentiles(PROCESSING, BUCKETS_MS, "Ms", has_percentiles),
            },
        }

    def _time(self, kind: str, count: int, whole_us: int, has_percentiles: bool) -> dict[str, Any]:
        return {
            "count": count,
            "averageSeconds": round(whole_us / count / 1_000_000, 1) if count else None,
            **self._percentiles(kind, BUCKETS_S, "Seconds", has_percentiles),
        }

    def _percentiles(self, kind: str, bounds: tuple[int, ...], unit: str, is_known: bool) -> dict[str, float | None]:
        counts = self.buckets[kind].counts if is_known and kind in self.buckets else ()
        return {f"p{each}{unit}": percentile(counts, bounds, each) for each in (50, 95)}

    def _deliveries(self, sees_refusals: bool) -> dict[str, Any]:
        refused = self.deliveries.get(WebhookStatus.REJECTED, 0)
        total = sum(self.deliveries.values()) - refused
        well = sum(self.deliveries.get(status, 0) for status in SETTLED)
        ended = total - sum(self.deliveries.get(status, 0) for status in WAITING)
        answered = total + self.passed.duplicates
        return {
            "total": total,
            "failed": ended - well,
            "duplicates": self.passed.duplicates,
            "refused": refused if sees_refusals else None,
            "successRate": _share(well, ended),
            "answeredRate": _share(answered, answered + refused) if sees_refusals else None,
        }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _revenue(currency: str, orders: int, amount: Decimal) -> dict[str, Any]:
    digits = currency_digits(currency)
    return {
        "currency": currency,
        "amount": money(amount, digits),
        "orders": orders,
        "averageBasket": money(amount / orders, digits),
    }


# -- grouping ----------------------------------------------------------------------------------------------------------

_KEYS = {"month": "month", "hour": "clock_hour", "provider": "provider", "branch": "branch_id"}
"""The field that a group goes by; the others go by the day."""


def figures(query: Query) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the whole, and every group as the API tells it, those without an order too.

    Percentiles are not known by the hour: times are kept in buckets by the day.
    """
    group_by, by_hour = query.group_by, query.group_by == "hour"
    scope, days, key = query.scope, query.days, _KEYS.get(group_by, "day")
    lines, place, whole = _lines(query), _placer(group_by), Line("", "")

    def line(value: Hashable) -> Line:
        name = place(value)
        found = lines.get(name)
        if found is None:
            found = lines[name] = Line(name, name)
        return found

    for (value, status, currency), found in figures_by(scope, days, key, "status", "currency").items():
        line(value).add_orders(status, currency, found)
    for (value, status), passed in deliveries_by(scope, days, key, "status").items():
        line(value).add_deliveries(status, passed)
    keys = () if by_hour else (key,)
    for (*values, kind), buckets in times_by(scope, days, (ACCEPTING, PREPARING), *keys, "kind").items():
        (line(*values) if values else whole).add_buckets(kind, buckets)
    for group, buckets in processing_by(scope, days, *keys).items():
        (line(*group) if group else whole).add_buckets(PROCESSING, buckets)
    for each in lines.values():
        whole.add(each)
    sees = query.sees_refusals
    return whole.as_json(sees_refusals=sees, has_percentiles=True), [
        each.as_json(sees_refusals=sees, has_percentiles=not by_hour) for each in lines.values()
    ]


def _lines(query: Query) -> dict[str, Line]:
    """Return an empty line for all there can be, in the order in which they are told."""
    if query.group_by == "provider":
        chosen = query.scope.providers or tuple(ADAPTERS)
        return {slug: Line(slug, ADAPTERS[slug].name) for slug in chosen}
    if query.group_by == "branch":
        access, wanted = query.scope.access, query.scope.branches
        branches = [each for each in Branch.objects.filter(company=query.company) if access.sees_branch(each.id)]
        found = [each for each in branches if not wanted or each.id in wanted]
        return {str(branch.id): Line(str(branch.id), branch.name) for branch in found}
    if query.group_by == "hour":
        return {f"{hour:02}:00": Line(f"{hour:02}:00", f"{hour:02}:00") for hour in range(24)}
    place = _placer(query.group_by)
    names = [place(day) for day in days_between(query.days.first, query.days.last)]
    return {name: Line(name, name) for name in names}


def _placer(group_by: str) -> Callable[[Any], str]:
    """Return the function that names the group of a value: a day, a month such as 2026-03, an hour such as 14:00, an id."""
    if group_by == "hour":
        return lambda hour: f"{hour:02}:00"
    if group_by == "branch":
        return lambda branch: str(branch) if branch else NO_BRANCH
    if group_by == "week":
        return lambda day: week_start(day).isoformat()
    if group_by == "month":
        return lambda day: f"{day:%Y-%m}"
    return lambda value: value.isoformat() if isinstance(value, date) else str(value)
