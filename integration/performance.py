"""How each provider's orders and deliveries of today go, beside the floors that providers hold a restaurant to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from integration.events import visible_events
from integration.stats import counts_by_provider, percentiles
from orders.access import Access
from orders.analytics import Totals, answered_in_time, received_in, totals_by
from orders.business_day import Span, business_date, day_start
from orders.comparison import minutes, percent
from orders.pages import Text
from providers.registry import ADAPTERS

MOST_DURATIONS = 2_000
"""The newest of a day that p95 is taken of: the dashboard is counted often."""


@dataclass(frozen=True, slots=True)
class Performance:
    """A provider's day so far. Shares from 0 to 1, times in their unit; None where there is nothing to take them of."""

    provider: str
    orders: int
    processed: float | None
    """Of the deliveries that have ended, those that ended well."""
    answered: float | None
    """Of the requests in the provider's name, those that we took; the others were refused as not authentic."""
    p95_ms: float | None
    in_time: float | None
    """Of the orders with a deadline, those that were accepted before it."""
    acceptance_s: float | None
    rejected: float | None


@dataclass(frozen=True, slots=True)
class Measure:
    """A row of the table: a figure of every provider, with the floor that it must not fall below or the limit above."""

    code: str
    title: Text
    floor: Text
    value: Callable[[Performance], float | None]
    write: Callable[[Any], str]
    is_broken: Callable[[float], bool] | None = None


MEASURES = (
    Measure("orders", _("Orders"), "", lambda p: p.orders, str),
    Measure("processed", _("Processed"), _("at least 98 %"), lambda p: p.processed, percent, lambda v: v < 0.98),
    Measure("answered", _("Webhooks answered"), _("at least 99 %"), lambda p: p.answered, percent, lambda v: v < 0.99),
    Measure(
        "p95", _("Processing, p95"), "", lambda p: p.p95_ms, lambda v: gettext("{number} ms").format(number=f"{v:,.0f}")
    ),
    Measure("in-time", _("Accepted in time"), "", lambda p: p.in_time, percent),
    Measure("acceptance", _("Time to accept"), _("under 3:00"), lambda p: p.acceptance_s, minutes, lambda v: v >= 180),
    Measure("rejected", _("Rejected"), _("under 1 %"), lambda p: p.rejected, percent, lambda v: v >= 0.01),
)
"""The floors are those by which the providers' agreements judge a restaurant; the rows without one only tell."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure as text, ``""`` where there is none, and whether it stands on the wrong side of its floor."""

    text: str
    is_broken: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A measure with a cell for each provider, in the order of the registry."""

    measure: Measure
    cells: list[Cell]


def performance(access: Access, now: datetime) -> list[Performance]:
    """Return each provider's business day so far, of the orders and deliveries that a person may see; tests left out."""
    company = access.company
    span = Span(day_start(company, business_date(company, now)), now)
    orders = received_in(access.orders(), span)
    totals, in_time = totals_by(company, orders, "provider"), answered_in_time(company, orders, now)
    logs = visible_events(access).filter(received_at__gte=span.since, received_at__lte=now, is_test=False)
    counts = counts_by_provider(logs)
    found = []
    for slug in ADAPTERS:
        part, log = totals.get(slug) or Totals(), counts.get(slug)
        # Refused requests belong to no order, so whoever sees some branches alone does not see them.
        taken = log["total"] + log["duplicates"] if log and access.branch_ids is None else 0
        requests = taken + log["rejected"] if log else 0
        sample = logs.filter(provider=slug)
        found.append(
            Performance(
                provider=slug,
                orders=part.orders,
                processed=log["successRate"] if log else None,
                answered=round(taken / requests, 4) if requests else None,
                p95_ms=percentiles(sample, MOST_DURATIONS)["p95"] if log and log["total"] else None,
                in_time=in_time.get(slug),
                acceptance_s=part.acceptance_s,
                rejected=part.rejection_rate,
            )
        )
    return found


def table(found: list[Performance]) -> list[Row]:
    """Return the performance by measure, as the dashboard shows it."""
    return [Row(measure, [_cell(measure, each) for each in found]) for measure in MEASURES]


def _cell(measure: Measure, found: Performance) -> Cell:
    value = measure.value(found)
    if value is None:
        return Cell("", False)
    return Cell(measure.write(value), measure.is_broken is not None and measure.is_broken(value))
