"""The table of figures: by day, week, month, hour of the day, provider or branch, what orders and deliveries came to."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from integration.analytics.query import Query, percentile
from integration.delivery_rollup import BUCKETS_MS, deliveries_by, processing_by
from integration.models import WebhookStatus
from integration.models.webhook import SETTLED
from orders.analytics import LOST
from orders.business_day import week_start
from orders.models import Branch
from orders.rollup.counting import ACCEPTING, BUCKETS_S, PREPARING, Figures
from orders.rollup.keeping import days_between
from orders.rollup.reading import figures_by, things_by
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
    duplicates: int = 0
    timed: int = 0
    took_us: int = 0
    buckets: dict[str, dict[int, int]] = field(default_factory=dict)
    """Kind of a time to how many were in which bucket."""

    def add_orders(self, status: str, currency: str, figures: Figures) -> None:
        self.orders += figures.orders
        self.by_status[status] = self.by_status.get(status, 0) + figures.orders
        if status not in LOST and figures.orders:
            entry = self.sold.setdefault(currency, [0, Decimal(0)])
            entry[0] += figures.orders
            entry[1] += figures.total
        self.times.add(**figures.as_dict())

    def add_bucket(self, kind: str, bucket: str, count: int) -> None:
        counts = self.buckets.setdefault(kind, {})
        counts[int(bucket)] = counts.get(int(bucket), 0) + count

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
                "count": self.timed,
                "averageMs": round(self.took_us / self.timed / 1000, 1) if self.timed else None,
                **_percentiles(self.buckets.get("processing", {}), BUCKETS_MS, "Ms", has_percentiles),
            },
        }

    def _time(self, kind: str, count: int, whole_us: int, has_percentiles: bool) -> dict[str, Any]:
        average = round(whole_us / count / 1_000_000, 1) if count else None
        buckets = self.buckets.get(kind, {})
        return {
            "count": count,
            "averageSeconds": average,
            **_percentiles(buckets, BUCKETS_S, "Seconds", has_percentiles),
        }

    def _deliveries(self, sees_refusals: bool) -> dict[str, Any]:
        refused = self.deliveries.get(WebhookStatus.REJECTED, 0)
        total = sum(self.deliveries.values()) - refused
        well = sum(self.deliveries.get(status, 0) for status in SETTLED)
        ended = total - sum(self.deliveries.get(status, 0) for status in WAITING)
        answered = total + self.duplicates
        return {
            "total": total,
            "failed": ended - well,
            "duplicates": self.duplicates,
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


def _percentiles(counts: dict[int, int], bounds: tuple[int, ...], unit: str, is_known: bool) -> dict[str, float | None]:
    return {f"p{each}{unit}": percentile(counts, bounds, each) if is_known else None for each in (50, 95)}


# -- grouping ----------------------------------------------------------------------------------------------------------

_KEYS = {"hour": "clock_hour", "provider": "provider", "branch": "branch_id"}
"""The field that a group goes by; the others go by the day."""


def figures(query: Query) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the whole, and every group as the API tells it, those without an order too.

    Percentiles are not known by the hour: times are kept in buckets by the day.
    """
    group_by, by_hour = query.group_by, query.group_by == "hour"
    key = _KEYS.get(group_by, "day")
    lines, place = _lines(query), _placer(group_by)
    whole = Line("", "")

    def each(value: Hashable) -> tuple[Line, Line]:
        name = place(value)
        return lines.setdefault(name, Line(name, name)), whole

    for (value, status, currency), found in figures_by(query.scope, query.days, key, "status", "currency").items():
        for line in each(value):
            line.add_orders(status, currency, found)
    for (value, status), passed in deliveries_by(query.scope, query.days, key, "status").items():
        for line in each(value):
            line.deliveries[status] = line.deliveries.get(status, 0) + passed.deliveries
            line.duplicates += passed.duplicates
            line.timed += passed.timed
            line.took_us += passed.took_us
    keys = () if by_hour else (key,)
    kinds = (ACCEPTING, PREPARING)
    for (*value, kind, bucket), tally in things_by(query.scope, query.days, kinds, *keys, "kind", "key").items():
        for line in each(value[0]) if value else (whole,):
            line.add_bucket(kind, bucket, tally.count)
    for (*value, bucket), tally in processing_by(query.scope, query.days, *keys, "key").items():
        for line in each(value[0]) if value else (whole,):
            line.add_bucket("processing", bucket, tally.count)
    sees = query.sees_refusals
    return whole.as_json(sees_refusals=sees, has_percentiles=True), [
        line.as_json(sees_refusals=sees, has_percentiles=not by_hour) for line in lines.values()
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
