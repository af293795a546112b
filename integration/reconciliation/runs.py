"""One comparison: what a list has and we have not is asked for and taken, and what it said is kept for the day's report."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from integration.models import ListedOrder, ReconciliationRun, WebhookLog, WebhookStatus
from integration.models.credential import NEXARA
from integration.reconciliation import telling
from integration.reconciliation.source import GRACE, Listed, Source, SourceError, TooFreshError
from orders.models import Order
from orders.models.order import FINISHED
from orders.transitions import CALLED_OFF
from providers.events import Status
from providers.listing import Window

logger = logging.getLogger(__name__)

USUAL = timedelta(hours=3)
"""How far back each run looks, and further where the run before it failed: an order that was missed once is seen again."""
OVERLAP = timedelta(minutes=15)
STOPPED_AFTER = timedelta(minutes=10)
"""A run that is older than this has died with its process."""
MOST_CALLS = 30
"""Orders asked for in one run; the next goes on. Careem takes 100 calls a minute, the kitchen's answers among them."""
BATCH = 500
WAITS = (
    WebhookStatus.RECEIVED, WebhookStatus.PROCESSING, WebhookStatus.FAILED, WebhookStatus.DEAD,
    WebhookStatus.QUARANTINED,
)  # fmt: skip
"""Deliveries that came, and wait for another try or for a person: their orders are not missing."""


@dataclass(slots=True)
class Comparison:
    """What a run found. ``error`` says why it could not compare; blank: it did."""

    source: str
    window: Window
    error: str = ""
    since: datetime | None = None
    listed: int = 0
    missing: list[Listed] = field(default_factory=list)
    """Listed and never come."""
    called_off: list[Listed] = field(default_factory=list)
    """Called off there, and still open here."""
    fresh: int = 0
    """Placed a moment ago: they may come by themselves."""
    left: int = 0
    """Not asked for yet; the next run does."""
    imported: list[tuple[Listed, WebhookLog]] = field(default_factory=list)
    failed: list[tuple[Listed, str]] = field(default_factory=list)


def window_of(source: Source, now: datetime, since: datetime | None = None) -> Window:
    """Return what to look at: the last hours, since the last run that compared, or since a time that somebody names."""
    runs = ReconciliationRun.objects.filter(company=source.company, source=source.name)
    last = runs.filter(status=ReconciliationRun.Status.COMPARED).values_list("until", flat=True).first()
    wanted = since or min(now - USUAL, (last or now) - OVERLAP)
    return Window(max(now - source.reach, wanted), now, now)


def compare(source: Source, window: Window) -> tuple[Comparison, list[Listed]]:
    """Ask for the list and say what of it has never come; writes nothing. Raises SourceError."""
    first = _first_delivery(source)
    if first is None:
        raise SourceError(gettext_noop("Nothing of it has come here yet: is its webhook registered?"))
    reading = source.read(window)
    since = max(reading.since, first)
    # What was placed before the first delivery came was answered elsewhere, and nobody missed it here.
    listed = [each for each in reading.orders if each.placed_at is None or each.placed_at >= since]
    done = Comparison(source.name, window, since=since, listed=len(listed))
    known = _known_orders(source, listed)
    came = _came(source, listed)
    for each in listed:
        status = known.get((each.provider, each.external_id))
        if status is None and (each.provider, each.external_id) not in came:
            is_fresh = each.placed_at is not None and each.placed_at > window.now - GRACE
            done.fresh += is_fresh
            if not is_fresh:
                done.missing.append(each)
        elif status is not None and status not in FINISHED and each.status in CALLED_OFF:
            done.called_off.append(each)
    # What can still be cooked first; where no time is told, as listed.
    done.missing.sort(key=lambda each: each.placed_at or window.now, reverse=True)
    return done, listed


def reconcile(source: Source, now: datetime | None = None, *, since: datetime | None = None) -> Comparison | None:
    """Compare, import what never came, keep what was said, tell people; None while another run is under way.

    Safe to run twice and at once: an order is taken once, whoever asks for it.
    """
    now = now or timezone.now()
    window = window_of(source, now, since)
    run = _begin(source, window)
    if run is None:
        return None
    try:
        done, listed = compare(source, window)
        rows = _keep(source, listed, now)
        _take(source, done, rows, now)
        _ask_for_totals(source, listed, rows, MOST_CALLS - len(done.imported) - len(done.failed))
    except SourceError as error:
        done = Comparison(source.name, window, error=str(error)[:300])
    except Exception as error:
        _end(run, Comparison(source.name, window, error=f"Failed here: {type(error).__name__}."))
        raise
    _end(run, done)
    telling.tell(source, done, now)
    return done


# -- what came ---------------------------------------------------------------------------------------------------------


def _first_delivery(source: Source) -> datetime | None:
    """Return when the first delivery of a provider came, or through the hub; None where none ever did."""
    logs = WebhookLog.objects.filter(company=source.company).exclude(status=WebhookStatus.REJECTED)
    logs = logs.filter(is_envelope=True) if source.name == NEXARA else logs.filter(provider=source.name)
    return logs.order_by("received_at").values_list("received_at", flat=True).first()


def _batches(listed: list[Listed]) -> Iterator[list[str]]:
    ids = list(dict.fromkeys(each.external_id for each in listed))
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]


def _known_orders(source: Source, listed: list[Listed]) -> dict[tuple[str, str], Status]:
    found: dict[tuple[str, str], Status] = {}
    for ids in _batches(listed):
        rows = Order.objects.filter(company=source.company, external_id__in=ids)
        found |= {
            (provider, external_id): Status(status)
            for provider, external_id, status in rows.values_list("provider", "external_id", "status")
        }
    return found


def _came(source: Source, listed: list[Listed]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for ids in _batches(listed):
        rows = WebhookLog.objects.filter(company=source.company, external_id__in=ids, status__in=WAITS)
        found |= set(rows.values_list("provider", "external_id"))
    return found


# -- taking what never came --------------------------------------------------------------------------------------------


def _take(source: Source, done: Comparison, rows: dict[tuple[str, str], ListedOrder], now: datetime) -> None:
    """Ask for what is missing or called off, so many at most. A list that answers no more is left for the next run."""
    wanted = [*done.called_off, *done.missing]
    for number, listed in enumerate(wanted):
        if len(done.imported) + len(done.failed) >= MOST_CALLS:
            done.left = len(wanted) - number
            return
        row = rows[listed.provider, listed.external_id]
        try:
            log = source.take(listed, now)
        except TooFreshError:
            done.fresh += 1
            continue
        except SourceError as error:
            if row.outcome != ListedOrder.Outcome.FAILED:
                done.failed.append((listed, str(error)))
            _note(row, ListedOrder.Outcome.FAILED, error=str(error)[:300])
            continue
        done.imported.append((listed, log))
        # A cancellation is an event of an order that did come.
        outcome = "" if listed in done.called_off else ListedOrder.Outcome.IMPORTED
        _note(row, outcome, event_id=log.id)
        logger.info("An order of %s that had not come was imported as event %s", source.name, log.id)


def _note(row: ListedOrder, outcome: str, **fields: object) -> None:
    changes = {"outcome": outcome, "error": "", **fields}
    ListedOrder.objects.filter(pk=row.pk).update(**changes)
    row.outcome = outcome


def _ask_for_totals(
    source: Source, listed: list[Listed], rows: dict[tuple[str, str], ListedOrder], calls_left: int
) -> None:
    """Ask for the totals that the list does not tell, a few in each run. Without them a day's sums cannot be compared."""
    for each in listed:
        row = rows[each.provider, each.external_id]
        if row.total is not None or each.total is not None or row.outcome == ListedOrder.Outcome.FAILED:
            continue
        if calls_left <= 0:
            return
        try:
            told = source.tell(each)
        except SourceError:
            return  # the next run asks again
        if told is None:
            return
        calls_left -= 1
        ListedOrder.objects.filter(pk=row.pk).update(total=told.total, placed_at=row.placed_at or told.placed_at)


def _keep(source: Source, listed: list[Listed], now: datetime) -> dict[tuple[str, str], ListedOrder]:
    """Keep what the list said; what it told once and tells no more stays. Return the rows by provider and id."""
    drafts = [
        ListedOrder(
            company=source.company, source=source.name, provider=each.provider, external_id=each.external_id,
            status=each.status or "", total=each.total, placed_at=each.placed_at, first_listed_at=now, listed_at=now,
        )
        for each in listed
    ]  # fmt: skip
    ListedOrder.objects.bulk_create(drafts, ignore_conflicts=True, batch_size=BATCH)
    rows: dict[tuple[str, str], ListedOrder] = {}
    for ids in _batches(listed):
        found = ListedOrder.objects.filter(company=source.company, source=source.name, external_id__in=ids)
        rows |= {(row.provider, row.external_id): row for row in found}
    changed = []
    for each in listed:
        row = rows[each.provider, each.external_id]
        row.status = each.status or row.status
        row.total = row.total if each.total is None else each.total
        row.placed_at = each.placed_at or row.placed_at
        row.listed_at = now
        changed.append(row)
    ListedOrder.objects.bulk_update(changed, ["status", "total", "placed_at", "listed_at"], batch_size=BATCH)
    return rows


# -- the run itself ----------------------------------------------------------------------------------------------------


def _begin(source: Source, window: Window) -> ReconciliationRun | None:
    """Note that a run begins; None where another is under way."""
    runs = ReconciliationRun.objects.filter(company=source.company, source=source.name)
    lost = runs.filter(status=ReconciliationRun.Status.RUNNING, started_at__lt=window.now - STOPPED_AFTER)
    lost.update(status=ReconciliationRun.Status.FAILED, error="It was stopped half-way.", finished_at=window.now)
    try:
        with transaction.atomic():
            return ReconciliationRun.objects.create(
                company=source.company, source=source.name, since=window.since, until=window.until,
                started_at=window.now,
            )  # fmt: skip
    except IntegrityError:
        return None


def _end(run: ReconciliationRun, done: Comparison) -> None:
    ReconciliationRun.objects.filter(pk=run.pk).update(
        status=ReconciliationRun.Status.FAILED if done.error else ReconciliationRun.Status.COMPARED,
        error=done.error,
        since=done.since or done.window.since,
        until=max(done.window.until - GRACE, done.since or done.window.since),
        listed=done.listed,
        imported=len(done.imported),
        finished_at=timezone.now(),
    )
