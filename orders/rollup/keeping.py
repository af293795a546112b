"""Keeping a company's closed days in step with its orders: which days have to be counted, and writing one of them.

Every change of an order takes the company's next number, so nothing that changes an order has to know of any of this: the
days of the numbers that are not counted yet are looked up. Whatever else changes a closed day marks it (``mark``).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Trunc
from django.db.models.signals import pre_delete
from django.dispatch import receiver

from orders.business_day import business_date, day_span
from orders.models import Company, CountRollup, MenuProduct, Order, OrderRollup, PendingDay, RollupState
from orders.rollup.counting import (
    KINDS,
    NUMBERS,
    Figures,
    Place,
    Tally,
    Thing,
    changed_moments,
    count_figures,
    count_things,
)
from orders.timeline import last_seq
from providers.events import Status

SETTLES_IN = timedelta(minutes=15)
"""So long after its end a day is counted: what came in its last moment has had its retries."""
BATCH = 1_000
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
    orders = orders_of(company, day)
    figures, things, write_others = (
        count_figures(company, orders, now),
        count_things(company, orders),
        others(company, day),
    )
    with transaction.atomic():
        _locked(company, now)
        if not marks or PendingDay.objects.filter(pk__in=marks).count() < len(marks):
            return False  # theirs may be the newer count
        OrderRollup.objects.filter(company=company, day=day).delete()
        rows = (_order_row(company, place, entry) for place, entry in (*figures.items(), *by_day(figures).items()))
        OrderRollup.objects.bulk_create(rows, batch_size=BATCH)
        write_things(company, day, KINDS, things)
        write_others()
        PendingDay.objects.filter(pk__in=marks).delete()
    return True


def orders_of(company: Company, day: date) -> QuerySet[Order]:
    """Return the orders that were received on a business day."""
    span = day_span(company, day)
    return Order.objects.filter(company=company, received_at__gte=span.since, received_at__lt=span.until)


def by_day(figures: Mapping[Place, Figures]) -> dict[Place, Figures]:
    """Return figures of hours added up to those of whole days."""
    found: dict[Place, Figures] = {}
    for place, entry in figures.items():
        found.setdefault(place._replace(hour=None), Figures()).add(**entry.as_dict())
    return found


def _order_row(company: Company, place: Place, figures: Figures) -> OrderRollup:
    clock_hour = place.hour.astimezone(ZoneInfo(company.time_zone)).hour if place.hour else None
    return OrderRollup(company=company, clock_hour=clock_hour, **place._asdict(), **figures.as_dict())


def write_things(company: Company, day: date, kinds: Collection[str], things: Mapping[Thing, Tally]) -> None:
    """Put what was counted on a day in the place of what was kept of these kinds, in the caller's transaction."""
    CountRollup.objects.filter(company=company, day=day, kind__in=kinds).delete()
    rows = (
        CountRollup(company=company, **thing._asdict(), count=tally.count, amount=tally.amount, name=tally.name)
        for thing, tally in things.items()
    )
    CountRollup.objects.bulk_create(rows, batch_size=BATCH)


@receiver(pre_delete, sender=MenuProduct, dispatch_uid="rollup-product-deleted")
def _mark_days_of_product(sender: type[MenuProduct], instance: MenuProduct, **kwargs: object) -> None:
    """Have the days counted again on which a product was sold: without it their lines are unmapped."""
    company = instance.company
    orders = Order.objects.filter(company=company, items__menu_product=instance).order_by()
    moments = orders.annotate(moment=Trunc("received_at", "minute", tzinfo=UTC)).values_list("moment", flat=True)
    if days := {business_date(company, moment) for moment in moments.distinct()}:
        mark(company.id, days)


# -- checking ----------------------------------------------------------------------------------------------------------


def differences(company: Company, day: date, now: datetime) -> list[str]:
    """Return where what is kept of a day is not what its raw rows come to now; one line each, none where it is exact."""
    orders = orders_of(company, day)
    figures = count_figures(company, orders, now)
    kept: dict[Place, Figures] = {}
    for row in OrderRollup.objects.filter(company=company, day=day):
        place = Place(*(getattr(row, name) for name in Place._fields))
        kept.setdefault(place, Figures()).add(**{name: getattr(row, name) for name in NUMBERS})
    things: dict[Thing, Tally] = {}
    for entry in CountRollup.objects.filter(company=company, day=day, kind__in=KINDS):
        thing = Thing(*(getattr(entry, name) for name in Thing._fields))
        things.setdefault(thing, Tally()).add(entry.count, entry.amount, entry.name)
    return [*compare({**figures, **by_day(figures)}, kept), *compare(count_things(company, orders), things)]


def compare(counted: Mapping[Any, Any], kept: Mapping[Any, Any]) -> list[str]:
    """Return a line for each key under which the two are not equal."""
    return [
        f"{key}: counted {counted.get(key)}, kept {kept.get(key)}"
        for key in {**counted, **kept}
        if counted.get(key) != kept.get(key)
    ]
