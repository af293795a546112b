"""What is asked of the analytics: whose orders, over which business days, grouped how."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import accumulate

from django.http import QueryDict

from orders.access import Access
from orders.api.figures import one_of, read_scope
from orders.business_day import business_date
from orders.models import Company
from orders.pagination import invalid
from orders.rollup.reading import MOST_RAW_DAYS, Days, Scope, look_at

PERIODS = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}
"""The last so many business days, with today's."""
MOST_DAYS = 1_100
GROUPS = ("day", "week", "month", "hour", "provider", "branch")
TABLES = ("figures", "reasons", "errors", "products", "unmapped")


@dataclass(frozen=True, slots=True)
class Query:
    """``group_by`` is for the figures; ``period`` is blank where the days are named."""

    scope: Scope
    days: Days
    group_by: str
    period: str

    @property
    def company(self) -> Company:
        return self.scope.company

    @property
    def sees_refusals(self) -> bool:
        """Tell whether refused requests are counted: they belong to no order, and so to no branch."""
        return not self.scope.is_of_branches

    def before(self) -> Query:
        """Return the same for as many days before."""
        length = (self.days.last - self.days.first).days + 1
        first, last = self.days.first - timedelta(days=length), self.days.first - timedelta(days=1)
        return replace(self, days=look_at(self.company, first, last, self.days.now, most_raw=MOST_RAW_DAYS))


def read_query(access: Access, given: QueryDict, now: datetime) -> Query:
    """Return what a request asks for: by default 30 days by day. Raises ApiError that names what cannot be read."""
    scope, today = read_scope(access, given), business_date(access.company, now)
    group_by = one_of(given, "groupBy", list(GROUPS), "day")
    first, last = _day(given, "from"), _day(given, "to")
    period = "" if first or last else one_of(given, "period", list(PERIODS), "month")
    # A day that has not come has nothing to tell, and neither has one before there was any of this.
    last = min(last or today, today)
    first = first or (last - timedelta(days=PERIODS[period or "month"] - 1))
    if not timedelta(0) <= last - first < timedelta(days=MOST_DAYS):
        raise invalid(**{"from": f"expected a day not after `to`, and at most {MOST_DAYS:,} days before it"})
    return Query(scope, look_at(access.company, first, last, now, most_raw=MOST_RAW_DAYS), group_by, period)


def _day(given: QueryDict, name: str) -> date | None:
    text = (given.get(name) or "").strip()
    try:
        found = date.fromisoformat(text) if text else None
    except ValueError:
        found = date.min
    if found is not None and (len(text) != 10 or not 2000 <= found.year <= 2999):
        raise invalid(**{name: "expected a day such as 2026-03-01"})
    return found


def percentile(counts: Sequence[int], bounds: Sequence[float], percent: int) -> float | None:
    """Return the bound that so many percent of what was counted in buckets do not exceed; None where there is nothing.

    What exceeds the last bound is told as that bound.
    """
    seen = list(accumulate(counts))
    if not seen or not seen[-1]:
        return None
    enough = -(-seen[-1] * percent // 100)
    return float(bounds[min(bisect_left(seen, enough), len(bounds) - 1)])
