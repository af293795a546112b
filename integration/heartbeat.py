"""Signs of life of the processes that nobody calls: the worker and the sweeper."""

from __future__ import annotations

import time
from datetime import datetime

from django.utils import timezone

from integration.models import Heartbeat

EVERY_S = 10.0
LATE_AFTER_S = 60.0
"""So long without a sign, and the process is taken for dead: six were missed."""
WORKER, SWEEPER = "worker", "sweeper"
NAMES = (WORKER, SWEEPER)


def beat(name: str, now: datetime | None = None) -> None:
    """Write that a process lives. Raises the database's errors. Safe to call twice."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": now or timezone.now()})


class Heart:
    """Beats for a process that has a loop of its own, every ten seconds however often it is asked to."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._next = 0.0

    def beat(self) -> None:
        """Write a sign of life where one is due. Raises the database's errors."""
        if time.monotonic() >= self._next:
            beat(self._name)
            self._next = time.monotonic() + EVERY_S


def ages(now: datetime) -> dict[str, float | None]:
    """Return the seconds since the last sign of each process; None where there never was one."""
    seen = dict(Heartbeat.objects.values_list("name", "at"))
    return {name: max(0.0, (now - seen[name]).total_seconds()) if name in seen else None for name in NAMES}


def state_of(age_s: float | None) -> str:
    """Return ``ok``, ``late``, or ``never`` where there was no sign yet."""
    if age_s is None:
        return "never"
    return "ok" if age_s <= LATE_AFTER_S else "late"
