"""A day of an integration as a page draws it: a bar for each quarter of an hour, and the hours as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from integration.health_history import PERIODS, Point, last_starts, merge, points_of, samples_since, starts_of
from orders.models import Company

BAR, GAP = 4, 1
HEIGHT = 34
STRIP = {None: 1, "healthy": 3, "degraded": 6, "unhealthy": 10}
"""How high the line below the bars is: what it says can be told without its colour."""
HOUR, HOURS = timedelta(hours=1), 24


@dataclass(frozen=True, slots=True)
class Bar:
    """One quarter of an hour, in units of the drawing; ``bad`` is the part at the top that failed."""

    x: int
    y: float
    height: float
    bad: float
    state: str
    strip: int


@dataclass(frozen=True, slots=True)
class Day:
    """The last 24 hours: as bars, as hours of which something is known (newest first), and as one."""

    bars: list[Bar]
    hours: list[Point]
    whole: Point

    @property
    def width(self) -> int:
        return len(self.bars) * (BAR + GAP) - GAP

    @property
    def is_known(self) -> bool:
        return self.whole.status is not None


def days_of(company: Company, now: datetime) -> dict[str, Day]:
    """Return the last day of each integration of which anything is known."""
    starts = starts_of("day", now)
    hour_starts = last_starts(HOUR, HOURS, now)
    days = {}
    for provider, samples in samples_since(company, starts[0]).items():
        points = points_of(samples, starts)
        hours = points_of(samples, hour_starts)
        known = [hour for hour in reversed(hours) if hour.status is not None]
        days[provider] = Day(_bars(points), known, merge(starts[0], samples))
    return days


def _bars(points: Sequence[Point]) -> list[Bar]:
    most = max((point.handled for point in points), default=0) or 1
    bars = []
    for number, point in enumerate(points):
        seen = point.handled
        # Something is never drawn as nothing.
        height = round(max(2.0, HEIGHT * seen / most), 1) if seen else 0.0
        bad = round(height * (point.error_rate or 0.0), 1)
        state = point.status.value if point.status else "unknown"
        bars.append(Bar(number * (BAR + GAP), HEIGHT - height, height, bad, state, STRIP[point.status]))
    return bars


def drawing() -> dict[str, Any]:
    """Return the sizes that every drawing shares."""
    minutes = int(PERIODS["day"][0].total_seconds() // 60)
    return {"bar": BAR, "base": HEIGHT + 2, "height": HEIGHT + 2 + max(STRIP.values()), "minutes": minutes}
