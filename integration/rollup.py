"""Keeping the roll-ups: what the task and the command do for each company."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import date, datetime

from django.utils import timezone

from integration import delivery_rollup
from integration.models import WebhookLog
from orders.business_day import business_date, month_end
from orders.models import Company, RollupState
from orders.rollup import keeping
from orders.rollup.counting import first_received
from orders.rollup.reading import out_of_step

logger = logging.getLogger(__name__)

BUDGET_S = 40.0
"""So long one run of the task counts; what it does not come to waits for the next one."""


def roll_up(budget_s: float = BUDGET_S) -> int:
    """Count the days of every company that are not in step, the newest first; return how many. Safe to run twice."""
    until, done = time.monotonic() + budget_s, 0
    for company in Company.objects.order_by("pk"):
        try:
            advance(company, timezone.now())
            for day in keeping.pending_days(company):
                if time.monotonic() > until:
                    return done
                done += write(company, day, timezone.now())
            for month in keeping.months_to_sum(company):
                if time.monotonic() > until:
                    return done
                sum_month(company, month, timezone.now())
        except Exception:
            # The figures of one company must not keep those of the others; its days stay marked.
            logger.exception("The roll-ups of company %s could not be brought up to date", company.id)
    return done


def advance(company: Company, now: datetime) -> None:
    """Note every closed day of a company that has to be counted."""
    keeping.advance(company, now, _first_row(company), delivery_rollup.moments_of_changed_orders)


def write(company: Company, day: date, now: datetime) -> bool:
    """Count one day, its orders and its deliveries; False where somebody else has just done so."""
    return keeping.write_day(company, day, now, delivery_rollup.count_day)


def sum_month(company: Company, month: date, now: datetime) -> bool:
    """Add up one month, its orders and its deliveries; False where one of its days waits again."""
    return keeping.write_month(company, month, now, [delivery_rollup.DELIVERIES])


def _first_row(company: Company) -> datetime | None:
    logs = WebhookLog.objects.filter(company=company).order_by("received_at", "id")
    firsts = (first_received(company), logs.values_list("received_at", flat=True).first())
    return min((moment for moment in firsts if moment is not None), default=None)


def check(company: Company, now: datetime) -> Iterator[tuple[date, list[str] | None]]:
    """Yield each closed day with where it is not what its raw rows come to; None for one that waits to be counted again.

    A month that is added up is compared with its days, and told with its last one. Days of which no raw row is left cannot
    be checked, and are passed over.
    """
    state, first = RollupState.objects.filter(company=company).first(), _first_row(company)
    if state is None or state.closed_through is None or first is None:
        return
    days = keeping.days_between(business_date(company, first), state.closed_through)
    waiting = out_of_step(company, now, days[0], days[-1]) if days else set()
    ends = {month_end(month): month for month in keeping.summed_months(state)}
    for day in days:
        if day in waiting:
            yield day, None
            continue
        found = [*keeping.differences(company, day, now), *delivery_rollup.differences(company, day)]
        if day in ends:
            found += keeping.month_differences(company, ends[day], [delivery_rollup.DELIVERIES])
        yield day, found
