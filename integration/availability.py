"""The objective: 99.95 % of thirty days, 21.6 minutes, measured by probes from outside and by our own count of 5xx answers.

A process cannot count the requests that it never got, so the two stand beside each other and the worse one counts. The rules
are those of ``deploy/monitoring/alerts.yml``; the shortest window here is ten minutes, because rows are of five.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import QuerySet
from django.utils import timezone

from integration.models import AvailabilitySample
from orders.times import floor_time

STEP = timedelta(minutes=5)
DAYS = 30
ALLOWED = 0.0005
"""The part of the time, or of the requests, that may fail: 99.95 % is the objective."""
BUDGET_MINUTES = DAYS * 24 * 60 * ALLOWED
WEBHOOKS, PROBES = "webhooks", "probes"
PROBE_PREFIX = "probe:"
PROBE_SILENT_AFTER = timedelta(minutes=15)
WINDOWS = {
    "10m": timedelta(minutes=10),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "2h": timedelta(hours=2),
    "6h": timedelta(hours=6),
    "1d": timedelta(days=1),
    "3d": timedelta(days=3),
}
SHOWN_WINDOWS = ("1h", "6h", "1d", "3d")
FAST = ((14.4, "1h", "10m"), (6.0, "6h", "30m"))
SLOW = ((3.0, "1d", "2h"), (1.0, "3d", "6h"))
"""How many times as fast as allowed, in a long window, so that it means something, and in a short one, so that it ends soon."""
LEAST_FAILED = 3
"""Fewer failures than this in the long window wake nobody."""
SHOWN_FAILURES = 30


class State(StrEnum):
    """How a measure stands: burning fast or spent, burning too fast, well, or nothing was asked."""

    UNHEALTHY = "unhealthy"
    DEGRADED = "degraded"
    HEALTHY = "healthy"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Step:
    """Five minutes, by one measure: how much was asked, of all sources together, and how much of it failed."""

    start: datetime
    asked: int
    failed: int

    @property
    def minutes(self) -> float:
        """How long of it the installation was away, as far as it was asked."""
        return STEP.total_seconds() / 60 * self.failed / self.asked


@dataclass(frozen=True, slots=True)
class Measure:
    """One of the two measures over thirty days. ``steps`` are those in which something was asked, oldest first."""

    name: str
    steps: list[Step]
    now: datetime = field(default_factory=timezone.now)

    @property
    def since(self) -> datetime | None:
        return self.steps[0].start if self.steps else None

    @property
    def asked(self) -> int:
        return sum(step.asked for step in self.steps)

    @property
    def failed(self) -> int:
        return sum(step.failed for step in self.steps)

    @property
    def ratio(self) -> float:
        """The part that failed: of the requests, or of the time that was probed; 0 where nothing was asked."""
        return _ratio(self.name, self.steps)

    @property
    def percent(self) -> float:
        """What was available, in percent, cut and not rounded: 99.95 is shown only where it is reached."""
        return int((1 - self.ratio) * 1_000_000) / 10_000

    @property
    def spent_minutes(self) -> float:
        """How much of the budget is used up: of probes the minutes that failed, of requests their part in minutes."""
        if self.name == PROBES:
            return sum(step.minutes for step in self.steps)
        return self.ratio / ALLOWED * BUDGET_MINUTES

    @property
    def left_minutes(self) -> float:
        return BUDGET_MINUTES - self.spent_minutes

    @property
    def left_share(self) -> float:
        """What is left, 0 to 1; nothing where more was spent than there was."""
        return max(0.0, self.left_minutes / BUDGET_MINUTES)

    def in_window(self, window: str) -> list[Step]:
        """Return the steps of a window, the running one with them."""
        since = floor_time(self.now, STEP) - WINDOWS[window] + STEP
        return [step for step in self.steps if step.start >= since]

    def burn(self, window: str) -> float | None:
        """Return how many times as fast as allowed the budget burns; 1 makes it last thirty days. None: nothing was asked."""
        steps = self.in_window(window)
        return _ratio(self.name, steps) / ALLOWED if steps else None

    def burns(self) -> dict[str, float | None]:
        return {window: self.burn(window) for window in SHOWN_WINDOWS}

    def is_burning(self, rules: Iterable[tuple[float, str, str]]) -> bool:
        """Tell whether it burns faster than one of the rules allows, in both of its windows."""
        return any(
            (self.burn(long) or 0) > times
            and (self.burn(short) or 0) > times
            and sum(step.failed for step in self.in_window(long)) >= LEAST_FAILED
            for times, long, short in rules
        )

    @property
    def state(self) -> State:
        if not self.steps:
            return State.UNKNOWN
        if self.left_minutes < 0 or self.is_burning(FAST):
            return State.UNHEALTHY
        return State.DEGRADED if self.is_burning(SLOW) else State.HEALTHY

    def last_failures(self) -> list[Step]:
        """Return the last five minutes each in which something failed, the newest first."""
        return [step for step in reversed(self.steps) if step.failed][:SHOWN_FAILURES]


def _ratio(name: str, steps: list[Step]) -> float:
    """Return the part that failed. Of requests each counts the same; of probes each five minutes do."""
    if not steps:
        return 0.0
    if name == PROBES:
        return sum(step.failed / step.asked for step in steps) / len(steps)
    return sum(step.failed for step in steps) / sum(step.asked for step in steps)


@dataclass(frozen=True, slots=True)
class Availability:
    """Both measures, and when each probe was heard of last."""

    probes: Measure
    webhooks: Measure
    heard_at: Mapping[str, datetime]
    now: datetime

    @property
    def measures(self) -> tuple[Measure, Measure]:
        return self.probes, self.webhooks

    @property
    def worse(self) -> Measure:
        """The measure of which less is left: it is the one that counts."""
        return min(self.measures, key=lambda measure: measure.left_minutes)

    @property
    def silent_probes(self) -> list[str]:
        """Probes that have reported within thirty days, and not of late."""
        return [name for name, at in self.heard_at.items() if at < self.now - PROBE_SILENT_AFTER]


def measure(now: datetime | None = None) -> Availability:
    """Return how available the installation was in the last thirty days. One query."""
    now = now or timezone.now()
    rows = AvailabilitySample.objects.filter(started_at__gt=now - timedelta(days=DAYS), asked__gt=0)
    sums: dict[str, dict[datetime, list[int]]] = {PROBES: {}, WEBHOOKS: {}}
    heard_at: dict[str, datetime] = {}
    for source, start, asked, failed in rows.order_by("started_at").values_list(
        "source", "started_at", "asked", "failed"
    ):
        if source.startswith(PROBE_PREFIX):
            heard_at[source.removeprefix(PROBE_PREFIX)] = start
        entry = sums[WEBHOOKS if source == WEBHOOKS else PROBES].setdefault(start, [0, 0])
        entry[0] += asked
        entry[1] += failed
    made = {
        name: Measure(name, [Step(start, *pair) for start, pair in each.items()], now) for name, each in sums.items()
    }
    return Availability(made[PROBES], made[WEBHOOKS], dict(sorted(heard_at.items())), now)


def old_samples(now: datetime) -> QuerySet[AvailabilitySample]:
    """Return the rows that no window reaches any more."""
    return AvailabilitySample.objects.filter(started_at__lt=now - timedelta(days=DAYS + 1))
