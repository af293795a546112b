"""How many webhook requests were answered, and how many of them 5xx: counted here, kept in the database in five-minute rows.

A process counts in memory and writes every ten seconds in which something came, so that no request waits for it. While the
database is away, which is when it matters most, the counts wait here with their times.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db import Error, connection, transaction
from django.db.models import F
from django.utils import timezone

from integration.availability import STEP, WEBHOOKS
from integration.models import AvailabilitySample
from orders.times import floor_time

logger = logging.getLogger(__name__)

WRITE_EVERY_S = 10.0
MOST_STEPS = 8_640
"""Thirty days of five minutes: what waits here longer than that is nobody's budget any more."""

Counts = dict[datetime, tuple[int, int]]


class Answered:
    """The counts of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counts = {}
        self._timer: threading.Timer | None = None
        self._ends_with_process = False

    def note(self, *, failed: bool, now: datetime | None = None) -> None:
        """Count an answered request. In a process that serves nobody, such as a command, nothing is counted."""
        if not settings.SERVES_REQUESTS:
            return
        step = floor_time(now or timezone.now(), STEP)
        with self._lock:
            asked, bad = self._counts.get(step, (0, 0))
            self._counts[step] = (asked + 1, bad + failed)
            self._start_timer()

    def _start_timer(self) -> None:
        if self._timer is not None:
            return
        if not self._ends_with_process:
            self._ends_with_process = True
            atexit.register(self.write)
        self._timer = threading.Timer(WRITE_EVERY_S, self._write_in_thread)
        self._timer.daemon = True
        self._timer.start()

    def _write_in_thread(self) -> None:
        try:
            self.write()
        finally:
            connection.close()

    def write(self) -> int:
        """Write what was counted since the last time; return how many steps. What cannot be written is kept for the next."""
        with self._lock:
            taken, self._counts, self._timer = self._counts, {}, None
        if not taken:
            return 0
        try:
            add_counts(WEBHOOKS, taken)
        except Error as error:
            logger.warning("The count of answers waits: %s", type(error).__name__)
            with self._lock:
                self._counts = _added(taken, self._counts)
                self._start_timer()
            return 0
        return len(taken)


def add_counts(source: str, counts: Mapping[datetime, tuple[int, int]]) -> None:
    """Add counts to the rows of a source, all or none. Raises the database's errors."""
    with transaction.atomic():
        for step, (asked, failed) in sorted(counts.items()):
            row = AvailabilitySample.objects.filter(source=source, started_at=step)
            changes = {"asked": F("asked") + asked, "failed": F("failed") + failed}
            if not row.update(**changes):
                draft = AvailabilitySample(source=source, started_at=step)
                AvailabilitySample.objects.bulk_create([draft], ignore_conflicts=True)
                row.update(**changes)


def _added(older: Counts, newer: Counts) -> Counts:
    found = dict(newer)
    for step, (asked, failed) in older.items():
        known = found.get(step, (0, 0))
        found[step] = (known[0] + asked, known[1] + failed)
    return dict(sorted(found.items())[-MOST_STEPS:])


answered = Answered()
