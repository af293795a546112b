"""A business day beside what each list said of it: counts, sums, and the orders that differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from integration.models import ListedOrder, ReconciliationReport, ReconciliationRun
from integration.models.credential import NEXARA
from integration.reconciliation import telling
from integration.reconciliation.companies import sources_of
from integration.reconciliation.source import Source
from orders.business_day import Span, business_date, day_span
from orders.models import Company, Order
from orders.serializers import money
from orders.times import iso_time
from orders.transitions import CALLED_OFF
from providers.events import Status
from providers.money import currency_digits
from providers.registry import ADAPTERS

SETTLE = timedelta(hours=1)
"""So long after a day's end it is reported: what came late, and the last run, are in it then."""
LOOK_BACK_DAYS = 2
"""Days that are still reported after a stop of everything."""
MOST_DIFFERENCES = 500
COMPARED, PARTLY, NOT_COMPARED = "compared", "partly", "not_compared"
NEVER_ACCEPTED = (Status.RECEIVED.value, Status.REJECTED.value, Status.FAILED.value, Status.CANCELLED.value)


@dataclass(slots=True)
class Sums:
    """Orders of one currency on both sides. ``told`` is how many of theirs the list told a total of."""

    theirs: int = 0
    told: int = 0
    ours: int = 0
    theirs_sum: Decimal = Decimal(0)
    ours_sum: Decimal = Decimal(0)


@dataclass(slots=True)
class Side:
    """One list's part of a day, for one provider."""

    source: str
    provider: str
    state: str
    reason: str
    gaps: list[tuple[datetime, datetime]]
    sums: dict[str, Sums] = field(default_factory=lambda: defaultdict(Sums))
    differences: list[dict[str, Any]] = field(default_factory=list)


def day_figures(company: Company, day: date, now: datetime) -> dict[str, Any]:
    """Return a day's comparison as the API answers it. Money is text; a sum that no list tells is null."""
    span = day_span(company, day)
    span = Span(span.since, min(span.until, now))
    sides: list[Side] = []
    for name, source in sources_of(company).items():
        providers = _providers(company, name, span)
        if isinstance(source, str) and not _has_orders(company, name, span):
            continue  # a provider that is not in use here
        state, reason, gaps = _coverage(company, name, source, span)
        for provider in providers:
            side = Side(name, provider, state, reason, gaps)
            _fill(company, side, source, span)
            sides.append(side)
    differences = [entry for side in sides for entry in side.differences]
    return {
        "day": day.isoformat(),
        "from": iso_time(span.since),
        "to": iso_time(span.until),
        "timeZone": company.time_zone,
        "rows": [row for side in sides for row in _rows(side)],
        "differences": differences[:MOST_DIFFERENCES],
        "differenceCount": len(differences),
        "isCompared": bool(sides) and all(side.state == COMPARED for side in sides),
    }


def report_finished_days(now: datetime | None = None) -> int:
    """Write the report of each company's last business days that are over; return how many. Safe to run twice."""
    now = now or timezone.now()
    made = 0
    for company in Company.objects.order_by("created_at"):
        today = business_date(company, now)
        for days in range(LOOK_BACK_DAYS, 0, -1):
            day = today - timedelta(days=days)
            if day_span(company, day).until <= now - SETTLE and company.created_at < day_span(company, day).until:
                made += _report(company, day, now)
    return made


def _report(company: Company, day: date, now: datetime) -> bool:
    if ReconciliationReport.objects.filter(company=company, day=day).exists():
        return False
    figures = day_figures(company, day, now)
    count = figures["differenceCount"]
    try:
        with transaction.atomic():
            ReconciliationReport.objects.create(
                company=company, day=day, is_different=bool(count), figures=figures, made_at=now
            )
    except IntegrityError:
        return False  # another process was quicker
    if count:
        telling.tell_of_day(company, day.isoformat(), count, now)
    return True


def figures_of(company: Company, day: date, now: datetime) -> dict[str, Any]:
    """Return a day's figures: as they were reported, else as they stand now. ``madeAt`` is null while it is not over."""
    kept = ReconciliationReport.objects.filter(company=company, day=day).first()
    if kept is not None:
        return {**kept.figures, "madeAt": iso_time(kept.made_at)}
    return {**day_figures(company, day, now), "madeAt": None}


# -- what was compared -------------------------------------------------------------------------------------------------


def _coverage(
    company: Company, name: str, source: Source | str, span: Span
) -> tuple[str, str, list[tuple[datetime, datetime]]]:
    """Say whether a list was followed for the whole time, why not, and which parts of it are missing."""
    runs = ReconciliationRun.objects.filter(company=company, source=name)
    compared = runs.filter(status=ReconciliationRun.Status.COMPARED, until__gt=span.since, since__lt=span.until)
    gaps, at = [], span.since
    for since, until in compared.order_by("since").values_list("since", "until"):
        if since > at:
            gaps.append((at, since))
        at = max(at, until)
    # The last minutes of a day that is not over are nobody's gap.
    if at < span.until - timedelta(minutes=30):
        gaps.append((at, span.until))
    if not gaps:
        return COMPARED, "", []
    failed = runs.filter(status=ReconciliationRun.Status.FAILED, started_at__gte=span.since).first()
    reason = source if isinstance(source, str) else failed.error if failed else ""
    return (PARTLY if compared.exists() else NOT_COMPARED), reason, gaps


def _providers(company: Company, name: str, span: Span) -> list[str]:
    if name != NEXARA:
        return [name]
    listed = ListedOrder.objects.filter(company=company, source=name, first_listed_at__gte=span.since)
    ours = _ours(company, name, span)
    found = {*listed.values_list("provider", flat=True), *ours.values_list("provider", flat=True)}
    return [slug for slug in ADAPTERS if slug in found]


def _has_orders(company: Company, name: str, span: Span) -> bool:
    return bool(_ours(company, name, span).exists())


def _ours(company: Company, source: str, span: Span) -> Any:
    """Return our orders of a time that a list may be expected to have; trials and tests are nobody's."""
    orders = Order.objects.filter(company=company, placed_at__gte=span.since, placed_at__lt=span.until, is_test=False)
    orders = orders.filter(via_hub=True) if source == NEXARA else orders.filter(provider=source)
    return orders.order_by()


# -- comparing ---------------------------------------------------------------------------------------------------------


def _fill(company: Company, side: Side, source: Source | str, span: Span) -> None:
    ours = {order.external_id: order for order in _ours(company, side.source, span).filter(provider=side.provider)}
    for order in ours.values():
        sums = side.sums[order.currency]
        sums.ours += 1
        sums.ours_sum += order.total
    if side.state == NOT_COMPARED:
        return
    theirs = {row.external_id: row for row in _theirs(company, side, span, ours)}
    known = _known(company, side.provider, set(theirs) - set(ours))
    for external_id, row in theirs.items():
        order = ours.get(external_id) or known.get(external_id)
        if order is not None and (order.is_test or external_id not in ours):
            continue  # a test, or an order of another day
        currency = order.currency if order else company.currency
        sums = side.sums[currency]
        sums.theirs += 1
        if row.total is not None:
            sums.told += 1
            sums.theirs_sum += row.total
        side.differences += _differences(row, order, currency)
    names_every = isinstance(source, str) or source.names_every_status
    for external_id, order in ours.items():
        is_expected = names_every or order.status not in NEVER_ACCEPTED
        if external_id not in theirs and is_expected and _was_covered(order.placed_at, side):
            side.differences.append(_difference("not_listed", side.provider, external_id, order, order.currency))


def _theirs(company: Company, side: Side, span: Span, ours: dict[str, Order]) -> Iterable[ListedOrder]:
    """Return what was listed of the time: by its own time, else by ours of the same order, else by when it was first seen."""
    rows = ListedOrder.objects.filter(company=company, source=side.source, provider=side.provider)
    in_time = Q(placed_at__gte=span.since, placed_at__lt=span.until)
    without = Q(placed_at=None, first_listed_at__gte=span.since, first_listed_at__lt=span.until + timedelta(days=1))
    for row in rows.filter(in_time | without):
        if row.placed_at is not None or row.external_id in ours or row.first_listed_at < span.until:
            yield row
    rest = set(ours) - set(rows.filter(in_time | without).values_list("external_id", flat=True))
    yield from rows.filter(external_id__in=rest)


def _known(company: Company, provider: str, external_ids: set[str]) -> dict[str, Order]:
    orders = Order.objects.filter(company=company, provider=provider, external_id__in=external_ids)
    return {order.external_id: order for order in orders}


def _was_covered(moment: datetime, side: Side) -> bool:
    return not any(since <= moment < until for since, until in side.gaps)


def _differences(row: ListedOrder, order: Order | None, currency: str) -> list[dict[str, Any]]:
    """Return how one order differs; nothing where it does not."""
    found = []
    if row.outcome == ListedOrder.Outcome.IMPORTED:
        found.append(_difference("imported", row.provider, row.external_id, order, currency, row))
    elif order is None:
        found.append(_difference("missing", row.provider, row.external_id, None, currency, row))
    if order is not None and row.total is not None and row.total != order.total:
        found.append(_difference("total", row.provider, row.external_id, order, currency, row))
    if order is not None and row.status in CALLED_OFF and order.status not in CALLED_OFF:
        found.append(_difference("called_off", row.provider, row.external_id, order, currency, row))
    return found


def _difference(
    kind: str, provider: str, external_id: str, order: Order | None, currency: str, row: ListedOrder | None = None
) -> dict[str, Any]:
    digits = currency_digits(currency)
    return {
        "kind": kind,
        "provider": provider,
        "externalOrderId": external_id,
        "orderId": str(order.id) if order else None,
        "theirTotal": money(row.total, digits) if row is not None else None,
        "ourTotal": money(order.total, digits) if order else None,
        "currency": currency,
        "theirStatus": (row.status or None) if row is not None else None,
        "ourStatus": order.status if order else None,
        "error": (row.error or None) if row is not None else None,
    }


def _rows(side: Side) -> list[dict[str, Any]]:
    """Return a row for each currency; one without figures where nothing was ordered."""
    head = {
        "source": side.source,
        "provider": side.provider,
        "state": side.state,
        "reason": side.reason or None,
        "gaps": [{"from": iso_time(since), "to": iso_time(until)} for since, until in side.gaps],
    }
    currencies = sorted(side.sums) or [""]
    return [head | _figures(side, currency) for currency in currencies]


def _figures(side: Side, currency: str) -> dict[str, Any]:
    sums, digits = side.sums.get(currency, Sums()), currency_digits(currency) if currency else 2
    is_compared = side.state != NOT_COMPARED
    is_told = is_compared and sums.told == sums.theirs
    return {
        "currency": currency or None,
        "theirCount": sums.theirs if is_compared else None,
        "ourCount": sums.ours,
        "countDifference": sums.ours - sums.theirs if is_compared else None,
        "theirSum": money(sums.theirs_sum, digits) if is_told else None,
        "ourSum": money(sums.ours_sum, digits),
        "sumDifference": money(sums.ours_sum - sums.theirs_sum, digits) if is_told else None,
    }
