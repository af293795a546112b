"""What was sold, hour by hour or day by day, by provider or branch: the numbers that the chart of the dashboard draws.

The amounts are those of ``/api/analytics?metric=revenue``: by order received, business days of the company, currencies apart.
"""

from __future__ import annotations

import uuid
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from orders.access import Access
from orders.analytics import FIELDS, LOST, received_in, sold_by
from orders.business_day import Span, business_date, day_start
from orders.charts import Bucket, period_span, placer, time_buckets
from orders.models import Branch, Company, Order
from orders.rollup.reading import Scope, kept_by, look_at
from orders.rollup.rows import ORDERS
from orders.serializers import money
from orders.times import iso_time
from providers.events import Status
from providers.money import currency_digits
from providers.registry import ADAPTERS

PERIODS = {"hour": "day", "day": "month", "week": "quarter", "month": "quarter"}
"""The size of a point to the period of the API that is drawn."""
MOST_SERIES = 6
"""More lines than these nobody tells apart: the smallest are drawn as one."""
OTHERS = "others"
SOLD = [status for status in Status if status not in LOST]


@dataclass(frozen=True, slots=True)
class RevenueQuery:
    """What somebody wants to see. ``split`` is ``provider``, ``branch`` or blank; ``branch`` is an id or blank."""

    by: str = "hour"
    split: str = ""
    provider: str = ""
    branch: str = ""


def read_query(access: Access, data: QueryDict) -> RevenueQuery:
    """Return what a request asks for; what is not known counts as not said, and a branch that one may not see is not known."""
    known = {"by": list(PERIODS), "split": ["provider", "branch"], "provider": list(ADAPTERS)}
    given = {name: data.get(name, "") for name in known}
    found = {name: value for name, value in given.items() if value in known[name]}
    branch = data.get("branch", "")
    if branch and branch in [str(each.id) for each in visible_branches(access)]:
        found["branch"] = branch
    return RevenueQuery(**found)


def visible_branches(access: Access) -> list[Branch]:
    """Return the branches whose orders a person may see, by name."""
    return [branch for branch in Branch.objects.filter(company=access.company) if access.sees_branch(branch.id)]


@dataclass(slots=True)
class Line:
    """One line of a chart: its amounts in the order of the points."""

    key: str
    name: str
    values: list[Decimal]

    @property
    def total(self) -> Decimal:
        return sum(self.values, Decimal(0))


@dataclass(slots=True)
class _Sums:
    """Amounts of one currency by line and point."""

    lines: dict[Hashable, list[Decimal]] = field(default_factory=dict)

    def add(self, part: Hashable, place: int, count: int, amount: Decimal) -> None:
        self.lines.setdefault(part, [Decimal(0)] * count)[place] += amount


def revenue_json(access: Access, query: RevenueQuery, now: datetime) -> dict[str, Any]:
    """Return the points and, for each currency, its lines; amounts are texts with the currency's own decimals."""
    company = access.company
    span = period_span(company, PERIODS[query.by], now)
    place = placer(company, query.by)
    points = time_buckets(company, query.by, span)
    places = {bucket: number for number, bucket in enumerate(points)}
    sums: dict[str, _Sums] = {}
    for moment, part, currency, amount in _sold(access, query, span):
        sums.setdefault(currency, _Sums()).add(part, places[place(moment)], len(points), amount)
    names = _names(access, query.split)
    return {
        "by": query.by,
        "split": query.split,
        "timeZone": company.time_zone,
        "since": iso_time(span.since),
        "until": iso_time(span.until),
        "points": [_point_json(company, query.by, bucket) for bucket in points],
        "currencies": [
            _currency_json(currency, _lines(sums.get(currency, _Sums()), names, len(points)))
            for currency in sorted(sums) or [company.currency]
        ],
    }


def _sold(access: Access, query: RevenueQuery, span: Span) -> Iterator[tuple[datetime, Hashable, str, Decimal]]:
    """Yield what was sold by moment, part and currency: of closed days as it is kept, of the others from the rows."""
    company = access.company
    providers = (query.provider,) if query.provider else ()
    scope = Scope(access, providers, (uuid.UUID(query.branch),) if query.branch else ())
    if query.by == "hour":  # of today
        orders = received_in(scope.narrow(Order.objects.all()), span)
    else:
        days = look_at(company, business_date(company, span.since), business_date(company, span.until), span.until)
        keys = ("day", *([FIELDS[query.split]] if query.split else []), "currency")
        for (day, *part, currency), figures in kept_by(ORDERS, scope, days, keys, status__in=SOLD).items():
            yield day_start(company, day), part[0] if part else "", currency, figures.total
        orders = scope.narrow(Order.objects.filter(days.received(company)))
    for (moment, name, currency), amount in sold_by(company, orders, query.split).items():
        yield moment, name, currency, amount


def _names(access: Access, split: str) -> dict[Hashable, str]:
    if split == "provider":
        return {slug: adapter.name for slug, adapter in ADAPTERS.items()}
    if split == "branch":
        return {branch.id: branch.display_name for branch in visible_branches(access)}
    return {"": _("All")}


def _lines(sums: _Sums, names: dict[Hashable, str], count: int) -> list[Line]:
    """Return a line for each name, and for each part that has none; of too many the smallest are one."""
    parts = [*names, *(part for part in sums.lines if part not in names)]
    lines = [
        Line(
            str(part or ""),
            names.get(part) or str(part or _("No branch")),
            sums.lines.get(part) or [Decimal(0)] * count,
        )
        for part in parts
    ]
    if len(lines) <= MOST_SERIES:
        return lines
    largest = sorted(lines, key=lambda line: line.total, reverse=True)[: MOST_SERIES - 1]
    rest = [line for line in lines if line not in largest]
    together = [sum(column, Decimal(0)) for column in zip(*(line.values for line in rest), strict=True)]
    return [line for line in lines if line in largest] + [Line(OTHERS, _("%d others") % len(rest), together)]


def _currency_json(currency: str, lines: list[Line]) -> dict[str, Any]:
    digits = currency_digits(currency)
    return {
        "currency": currency,
        "digits": digits,
        "total": money(sum((line.total for line in lines), Decimal(0)), digits),
        "lines": [
            {
                "key": line.key,
                "name": line.name,
                "total": money(line.total, digits),
                "values": [money(value, digits) for value in line.values],
            }
            for line in lines
        ],
    }


def _point_json(company: Company, by: str, bucket: Bucket) -> dict[str, Any]:
    """Return a point with its name for the axis and, whole, for whoever reads it out."""
    assert bucket.since is not None
    if by == "hour":
        local = bucket.since.astimezone(ZoneInfo(company.time_zone))
        label, title = f"{local:%H:%M}", f"{date_format(local, 'D j M')} {local:%H:%M}"
    elif by == "month":
        first = date.fromisoformat(f"{bucket.key}-01")
        label, title = date_format(first, "M"), date_format(first, "F Y")
    else:
        first = date.fromisoformat(bucket.key or "")
        label, title = date_format(first, "j M"), date_format(first, "D j M Y")
        title = _("Week of %s") % title if by == "week" else title
    return {"key": bucket.key, "since": iso_time(bucket.since), "label": label, "title": title}
