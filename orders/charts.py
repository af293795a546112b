"""One metric, grouped one way, over one period: what ``/api/analytics`` answers and the charts draw."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from orders.access import Access
from orders.analytics import FIELDS, Totals, received_in, regroup, sum_up, totals_by
from orders.business_day import Span, business_date, day_start, hour_start, week_start
from orders.models import Branch, Company, Order
from orders.rollup.keeping import days_between
from orders.rollup.reading import Scope, figures_by, look_at
from orders.serializers import money
from orders.times import iso_time
from providers.events import Status
from providers.money import currency_digits
from providers.registry import ADAPTERS

UNITS = {"orders": "orders", "revenue": "major_units", "cancellation_rate": "fraction", "acceptance_time": "seconds"}
METRICS = list(UNITS)
TIME_GROUPS = ["hour", "day", "week", "month"]
GROUPS = [*TIME_GROUPS, "provider", "branch", "status"]
DAYS = {"day": 1, "week": 7, "month": 30, "quarter": 91}
PERIODS = ["hour", *DAYS]


@dataclass(frozen=True, slots=True)
class Bucket:
    """A point of a chart. ``since`` is when it begins, for a group by time."""

    key: str | None
    label: str
    since: datetime | None = None


def period_span(company: Company, period: str, now: datetime) -> Span:
    """Return the last hour, or the last 1, 7, 30 or 91 business days with today's, up to ``now``."""
    if period == "hour":
        return Span(now - timedelta(hours=1), now)
    return Span(day_start(company, business_date(company, now) - timedelta(days=DAYS[period] - 1)), now)


def chart_json(scope: Scope, *, metric: str, group_by: str, period: str, now: datetime) -> dict[str, Any]:
    """Return a metric's points, the empty ones too; revenue has a series per currency, the others have one.

    Times are local to the company: an hour is its clock's, a day its business day, a week begins on Monday.
    """
    access, company = scope.access, scope.company
    span = period_span(company, period, now)
    totals = _totals(scope, period, group_by, span)
    buckets: dict[Hashable, Bucket]
    if group_by in TIME_GROUPS:
        place = placer(company, group_by)
        buckets = {bucket: bucket for bucket in time_buckets(company, group_by, span)}
        totals = regroup(totals, buckets, place)
    else:
        buckets = _named(access, group_by)
        totals = regroup(totals, buckets, lambda key: key)
    points = [(buckets.get(key) or Bucket(None, ""), part) for key, part in totals.items()]
    whole = sum_up(totals.values())
    return {
        "metric": metric,
        "groupBy": group_by,
        "period": period,
        "unit": UNITS[metric],
        "timeZone": company.time_zone,
        "since": iso_time(span.since),
        "until": iso_time(span.until),
        "series": [
            {
                "currency": currency,
                "total": _value(metric, whole, currency),
                "points": [
                    {
                        "key": bucket.key,
                        "label": bucket.label,
                        "since": iso_time(bucket.since),
                        "value": _value(metric, part, currency),
                    }
                    for bucket, part in points
                ],
            }
            for currency in (sorted(whole.revenue) or [company.currency] if metric == "revenue" else [None])
        ],
    }


def _totals(scope: Scope, period: str, group_by: str, span: Span) -> dict[Hashable, Totals]:
    """Return totals by moment, or by what else they are grouped by: closed days as they are kept, the rest from the rows.

    The last hour does not begin with a day, and is counted from the rows alone.
    """
    company, is_time = scope.company, group_by in TIME_GROUPS
    if period == "hour":
        orders = received_in(scope.narrow(Order.objects.all()), span, with_tests=True)
        return totals_by(company, orders, "time" if is_time else group_by)
    key = ("hour" if group_by == "hour" else "day") if is_time else FIELDS[group_by]
    days = look_at(company, business_date(company, span.since), business_date(company, span.until), span.until)
    found: dict[Hashable, Totals] = {}
    for (name, status, currency), figures in figures_by(scope, days, key, "status", "currency").items():
        moment = day_start(company, name) if key == "day" else name
        found.setdefault(moment, Totals()).add(figures.totals(status, currency))
    return found


def _value(metric: str, totals: Totals, currency: str | None) -> int | float | str | None:
    if currency is not None:
        return money(totals.revenue.get(currency, Decimal(0)), currency_digits(currency))
    if metric == "cancellation_rate":
        return totals.cancellation_rate
    return totals.acceptance_s if metric == "acceptance_time" else totals.orders


def time_buckets(company: Company, group_by: str, span: Span) -> list[Bucket]:
    """Return the points of a span of time, oldest first, without a gap; the running one is the last."""
    if group_by != "hour":
        days = days_between(business_date(company, span.since), business_date(company, span.until))
        return list(dict.fromkeys(_day_bucket(company, group_by, day) for day in days))
    found: dict[Bucket, None] = {}
    moment, place = span.since, placer(company, group_by)
    while moment < span.until:
        found.setdefault(place(moment))
        moment += timedelta(hours=1)
    found.setdefault(place(span.until))
    return list(found)


def placer(company: Company, group_by: str) -> Callable[[datetime], Bucket]:
    """Return the function that tells the point of a moment."""
    if group_by == "hour":
        zone = ZoneInfo(company.time_zone)

        def place_hour(moment: datetime) -> Bucket:
            since = hour_start(company, moment)
            return Bucket(iso_time(since), f"{since.astimezone(zone):%H:%M}", since)

        return place_hour
    return lambda moment: _day_bucket(company, group_by, business_date(company, moment))


def _day_bucket(company: Company, group_by: str, day: date) -> Bucket:
    first = _first_day(group_by, day)
    key = f"{first:%Y-%m}" if group_by == "month" else first.isoformat()
    return Bucket(key, key, day_start(company, first))


def _first_day(group_by: str, day: date) -> date:
    if group_by == "week":
        return week_start(day)
    return day.replace(day=1) if group_by == "month" else day


def _named(access: Access, group_by: str) -> dict[Hashable, Bucket]:
    """Return the points of a group that is no time: all there can be, so that a chart keeps its colours."""
    if group_by == "provider":
        return {slug: Bucket(slug, adapter.name) for slug, adapter in ADAPTERS.items()}
    if group_by == "status":
        return {status.value: Bucket(status.value, status.value.replace("_", " ")) for status in Status}
    branches = Branch.objects.filter(company=access.company)
    return {branch.id: Bucket(str(branch.id), branch.name) for branch in branches if access.sees_branch(branch.id)}
