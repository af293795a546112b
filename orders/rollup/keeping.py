"""Keeping a company's closed days in step with its orders: which days have to be counted, and writing one of them.

Every change of an order takes the company's next number, so nothing that changes an order has to know of any of this: the
days of the numbers that are not counted yet are looked up. Whatever else changes a closed day marks it (``mark``).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Min
from django.db.models.functions import Trunc
from django.db.models.signals import pre_delete
from django.dispatch import receiver

from orders.business_day import business_date, day_span, month_end, month_start
from orders.models import Company, MenuProduct, Order, OrderRollup, PendingDay, RollupState
from orders.rollup.counting import KINDS, TIMES_OF, changed_moments, count_figures, count_things, count_times
from orders.rollup.rows import (
    BATCH,
    ORDERS,
    THINGS,
    TIMES,
    Buckets,
    Figures,
    Layout,
    Place,
    Tally,
    Thing,
    Times,
    compare,
)
from orders.timeline import last_seq
from providers.events import Status

SETTLES_IN = timedelta(minutes=15)
"""So long after its end a day is counted: what came in its last moment has had its retries."""
LAYOUTS: tuple[Layout[Any, Any], ...] = (ORDERS, THINGS, TIMES)
ONE_DAY = timedelta(days=1)


def last_closed(company: Company, now: datetime) -> date:
    """Return the last business day that is over and settled."""
    return business_date(company, now - SETTLES_IN) - ONE_DAY


def days_between(first: date, last: date) -> list[date]:
    """Return the days from ``first`` to ``last``, both in it."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def mark(company_id: uuid.UUID, days: Iterable[date]) -> None:
    """Have closed days counted again, with the commit of whatever changes them. Waits for nobody."""
    PendingDay.objects.bulk_create(
        [PendingDay(company_id=company_id, day=day) for day in sorted(set(days))], batch_size=BATCH
    )


# -- which days --------------------------------------------------------------------------------------------------------


def is_same_clock(state: RollupState, company: Company) -> bool:
    """Tell whether the days that are kept were cut by the clock that the company has now."""
    return (state.time_zone, state.business_day_cutoff) == (company.time_zone, company.business_day_cutoff)


def uncounted_days(company: Company, state: RollupState, now: datetime, until: int | None = None) -> set[date]:
    """Return the closed days of which something has changed that is neither counted nor pending."""
    assert state.closed_through is not None
    late = Order.objects.filter(
        company=company, status=Status.RECEIVED, accept_by__gt=state.deadlines_until, accept_by__lte=now
    ).values_list("received_at", flat=True)
    days = {business_date(company, moment) for moment in (*changed_moments(company, state.seq, until), *late)}
    return {day for day in days if day <= state.closed_through}


Others = Callable[[Company, int, int], Iterable[datetime]]
"""Returns further moments whose days have changed between two numbers."""


def advance(company: Company, now: datetime, first: datetime | None, others: Others) -> None:
    """Note every closed day that has to be counted. ``first`` is when the oldest raw row came. Safe to call twice, and at once.

    A company whose clock has changed starts anew; days of which no raw row is left stay as they were counted.
    """
    with transaction.atomic():
        state = _locked(company, now)
        # First the number, then whatever it leads to: what is committed later has a greater one.
        seq, closed = last_seq(company.id), last_closed(company, now)
        if state.closed_through is not None and is_same_clock(state, company):
            days = uncounted_days(company, state, now, seq)
            moments = others(company, state.seq, seq) if seq > state.seq else ()
            days |= {day for moment in moments if (day := business_date(company, moment)) <= state.closed_through}
            days.update(days_between(state.closed_through + ONE_DAY, closed))
        else:
            days = set(days_between(_first_whole_day(company, first), closed)) if first else set()
        if not days and state.seq == seq and state.closed_through == closed and is_same_clock(state, company):
            return
        mark(company.id, days)
        state.seq, state.closed_through, state.deadlines_until = seq, closed, now
        if not is_same_clock(state, company):
            state.summed_months = []
        state.time_zone, state.business_day_cutoff = company.time_zone, company.business_day_cutoff
        state.save()


def _first_whole_day(company: Company, first: datetime) -> date:
    """Return the first day that can be counted from its rows, of which the oldest came at ``first``.

    Where older days are kept, older rows are gone, and some of that day's may be. Else it is the day before: by another
    clock the oldest row may have belonged to it.
    """
    day = business_date(company, first)
    is_pruned = OrderRollup.objects.filter(company=company, day__lt=day - ONE_DAY).exists()
    return day + ONE_DAY if is_pruned else day - ONE_DAY


def _locked(company: Company, now: datetime) -> RollupState:
    state, _ = RollupState.objects.select_for_update().get_or_create(
        company=company,
        defaults={
            "deadlines_until": now,
            "time_zone": company.time_zone,
            "business_day_cutoff": company.business_day_cutoff,
        },
    )
    return state


def pending_days(company: Company) -> list[date]:
    """Return the days that wait to be counted, the newest first: they are looked at most."""
    return list(PendingDay.objects.filter(company=company).order_by("-day").values_list("day", flat=True).distinct())


def start_over(company: Company) -> None:
    """Forget up to where the company is counted, so that every day with raw rows is counted again."""
    RollupState.objects.filter(company=company).update(closed_through=None)


# -- one day -----------------------------------------------------------------------------------------------------------


def write_day(
    company: Company, day: date, now: datetime, others: Callable[[Company, date], Callable[[], None]]
) -> bool:
    """Count a marked day and put it in the place of what was kept of it; False where somebody else has just done so.

    Counted outside of the transaction, so that nobody who writes waits for it. What is marked meanwhile stays marked.
    ``others`` counts what others keep of the day, and returns what writes it.
    """
    marks = set(PendingDay.objects.filter(company=company, day=day).values_list("pk", flat=True))
    counted, write_others = count_day(company, day, now), others(company, day)
    with transaction.atomic():
        state = _locked(company, now)
        if not marks or PendingDay.objects.filter(pk__in=marks).count() < len(marks):
            return False  # theirs may be the newer count
        counted.write(company, day)
        write_others()
        _set_months(state, set(state.summed_months) - {month_start(day).isoformat()})
        PendingDay.objects.filter(pk__in=marks).delete()
    return True


@dataclass(frozen=True, slots=True)
class Counted:
    """What the orders of a day come to."""

    figures: dict[Place, Figures]
    things: dict[Thing, Tally]
    times: dict[Times, Buckets]

    def write(self, company: Company, day: date) -> None:
        ORDERS.write(company, day, self.figures)
        THINGS.write(company, day, self.things)
        TIMES.write(company, day, self.times, kind__in=TIMES_OF)

    def differences(self, company: Company, day: date) -> list[str]:
        return [
            *compare(ORDERS.with_whole_days(self.figures), ORDERS.kept(company, day)),
            *compare(self.things, THINGS.kept(company, day)),
            *compare(self.times, TIMES.kept(company, day, kind__in=TIMES_OF)),
        ]


def count_day(company: Company, day: date, now: datetime) -> Counted:
    """Count the orders that were received on a business day."""
    span = day_span(company, day)
    orders = Order.objects.filter(company=company, received_at__gte=span.since, received_at__lt=span.until)
    return Counted(
        count_figures(company, orders, now),
        {key: tally for kind in KINDS for key, tally in count_things(company, orders, kind).items()},
        {key: buckets for kind in TIMES_OF for key, buckets in count_times(company, orders, kind).items()},
    )


@receiver(pre_delete, sender=MenuProduct, dispatch_uid="rollup-product-deleted")
def _mark_days_of_product(sender: type[MenuProduct], instance: MenuProduct, **kwargs: object) -> None:
    """Have the days counted again on which a product was sold: without it their lines are unmapped."""
    company = instance.company
    orders = Order.objects.filter(company=company, items__menu_product=instance).order_by()
    moments = orders.annotate(moment=Trunc("received_at", "minute", tzinfo=UTC)).values_list("moment", flat=True)
    if days := {business_date(company, moment) for moment in moments.distinct()}:
        mark(company.id, days)


# -- months ------------------------------------------------------------------------------------------------------------


def _set_months(state: RollupState, months: Iterable[str]) -> None:
    if (found := sorted(months)) != state.summed_months:
        state.summed_months = found
        state.save(update_fields=["summed_months"])


def summed_months(state: RollupState) -> list[date]:
    """Return the first days of the months that may be read instead of their days."""
    return [date.fromisoformat(month) for month in state.summed_months]


def months_to_sum(company: Company) -> list[date]:
    """Return the months that are over and wait to be added up, the newest first; not those with a day that waits itself."""
    state = RollupState.objects.filter(company=company).first()
    first = OrderRollup.objects.filter(company=company, is_month=False).aggregate(first=Min("day"))["first"]
    if state is None or state.closed_through is None or first is None:
        return []
    kept = {*summed_months(state), *map(month_start, pending_days(company))}
    found, month = [], month_start(first)
    while month_end(month) <= state.closed_through:
        if month not in kept:
            found.append(month)
        month = month_end(month) + ONE_DAY
    return found[::-1]


def write_month(company: Company, month: date, now: datetime, layouts: Iterable[Layout[Any, Any]]) -> bool:
    """Add up a month from its days, in ``layouts`` besides; False where one of them waits again. Safe to call twice."""
    with transaction.atomic():
        state = _locked(company, now)
        if PendingDay.objects.filter(company=company, day__gte=month, day__lte=month_end(month)).exists():
            return False
        for layout in (*LAYOUTS, *layouts):
            layout.write_month(company, month)
        _set_months(state, {*state.summed_months, month.isoformat()})
    return True


# -- checking ----------------------------------------------------------------------------------------------------------


def differences(company: Company, day: date, now: datetime) -> list[str]:
    """Return where what is kept of a day is not what its raw rows come to now; one line each, none where it is exact."""
    return count_day(company, day, now).differences(company, day)


def month_differences(company: Company, month: date, layouts: Iterable[Layout[Any, Any]]) -> list[str]:
    """Return where what is kept of a month is not what is kept of its days; one line each."""
    return [line for layout in (*LAYOUTS, *layouts) for line in layout.month_differences(company, month)]
