"""What is past its retention: how much of each table there is, and taking it out in bounded batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from integration import availability, health_history, housekeeping, outbox
from integration.alerting import notices
from integration.alerting.turns import PRUNING
from integration.batches import delete, in_batches
from integration.heartbeat import beat
from integration.models import ListedOrder, ReconciliationRun
from orders.audit import record_act

LEAST_COMPARED_DAYS = 7
"""A day's report, and how far a list was followed, are read from these rows."""

Tell = Callable[[str, int, int], None]
"""Called after each batch with the table, how many rows are done and how many there were."""


@dataclass(frozen=True)
class Chore:
    """What goes of one table, and how."""

    table: str
    what: str
    rows: Callable[[datetime], QuerySet[Any]]
    act: Callable[[QuerySet[Any]], Any] = delete


@dataclass(slots=True)
class Cleaned:
    """How many rows were taken out of each table; ``is_done``: nothing is left that should go."""

    counts: dict[str, int] = field(default_factory=dict)
    is_done: bool = True


def _runs(now: datetime) -> QuerySet[ReconciliationRun]:
    return ReconciliationRun.objects.filter(started_at__lt=_compared_before(now))


def _listed(now: datetime) -> QuerySet[ListedOrder]:
    return ListedOrder.objects.filter(listed_at__lt=_compared_before(now))


def _compared_before(now: datetime) -> datetime:
    return now - timedelta(days=max(settings.WEBHOOK_LOG_RETENTION_DAYS, LEAST_COMPARED_DAYS))


CHORES = (
    Chore("webhook_bodies", "bodies of settled deliveries", housekeeping.old_bodies),
    Chore("outbound_attempts", "bodies of calls that went out", outbox.old_attempts, outbox.blank_attempts),
    Chore("health_samples", "samples of how integrations were", health_history.old_samples),
    Chore("availability_samples", "what was asked of the installation", availability.old_samples),
    Chore("alert_notices", "messages of alerts", notices.old_notices),
    Chore("reconciliation_runs", "comparisons with lists", _runs),
    Chore("listed_orders", "orders that lists named", _listed),
)
"""Rows of deliveries and pushes, orders, reports and the figures of closed days stay for good."""


def count_old(now: datetime | None = None) -> dict[str, int]:
    """Return how many rows of each table would go."""
    now = now or timezone.now()
    return {chore.table: chore.rows(now).count() for chore in CHORES}


def clean(now: datetime | None = None, *, within_s: float | None = None, tell: Tell | None = None) -> Cleaned:
    """Take out what is past its retention, and leave an entry in the audit trail.

    ``within_s`` ends it after a batch once that time is over; the next run goes on. Safe to run twice, and at once.
    """
    now, started = now or timezone.now(), time.monotonic()
    done = Cleaned()
    for table, count, of in _work(now):
        done.counts[table] = count
        if tell is not None:
            tell(table, count, of)
        if within_s is not None and time.monotonic() - started > within_s:
            # It may have been the last batch: the next run finds out.
            done.is_done = False
            break
    record_act("retention.cleaned", company=None, details={**done.counts, "isDone": done.is_done})
    if done.is_done:
        # Without it the alert centre says, after a day, that retention is behind.
        beat(PRUNING)
    return done


def _work(now: datetime) -> Iterator[tuple[str, int, int]]:
    """Yield after each batch the table, how many of its rows are done, and how many there were when it began."""
    for chore in CHORES:
        rows, done = chore.rows(now), 0
        of = rows.count()
        for number in in_batches(rows, chore.act):
            done += number
            yield chore.table, done, max(of, done)
