"""Whose turn it is, and since when something has been silent: rows with a time beside the signs of life."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from integration.heartbeat import NAMES, WORKER, beat
from integration.models import Heartbeat

PRUNING = "pruning"
"""The job that deletes what is past its retention, as a sign of life of its own."""
PAUSE_S = 150
WORKER_MISSED_AFTER_S = 45
"""A worker that has given no sign for so long is stood in for: by the sweeper, with what is due and with the rules."""


def silent_for_s(name: str, now: datetime) -> float:
    """Return for how long something has given no sign; what never gave one is expected from now on, and silent for 0 s."""
    seen = dict(Heartbeat.objects.filter(pk__in=(name, _since(name))).values_list("name", "at"))
    if not seen:
        expect(name, now)
        return 0.0
    return max(0.0, (now - max(seen.values())).total_seconds())


def is_worker_missed(now: datetime) -> bool:
    """Tell whether somebody has to stand in for the worker; one that was never seen is expected from now on."""
    return silent_for_s(WORKER, now) > WORKER_MISSED_AFTER_S


def expect(name: str, since: datetime) -> None:
    """Count the silence of something from a time on, whatever its last sign was: that one stays as it is."""
    beat(_since(name), since)


def _since(name: str) -> str:
    return f"since:{name}"


def take_turn(job: str, every_s: float, now: datetime) -> bool:
    """Tell whether a job is due and ours to do: of several who ask at once, one is told so."""
    row = Heartbeat.objects.filter(pk=f"job:{job}")
    if row.filter(at__lte=now - timedelta(seconds=every_s)).update(at=now):
        return True
    if row.exists():
        return False
    try:
        with transaction.atomic():
            Heartbeat.objects.create(name=f"job:{job}", at=now)
    except IntegrityError:
        return False
    return True


def forgive_pause(job: str, now: datetime) -> None:
    """Let the time in which nobody watched count for nobody: after a stop of everything no process has been missing.

    ``job`` is one that somebody does all the time; a gap in it is such a stop.
    """
    last = Heartbeat.objects.filter(pk=f"job:{job}").values_list("at", flat=True).first()
    if last is None or (now - last).total_seconds() <= PAUSE_S:
        return
    for name in (*NAMES, PRUNING):
        expect(name, now - timedelta(seconds=silent_for_s(name, last)))
