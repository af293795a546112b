"""``/availability/``: the installation's objective and its budget, for those who run it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from integration.availability import (
    ALLOWED,
    BUDGET_MINUTES,
    DAYS,
    FAST,
    PROBES,
    Measure,
    State,
    Step,
    measure,
)
from integration.views.acting import missing
from orders.access import Access
from orders.pages import member_page

BAR, GAP, HEIGHT = 14, 4, 60


@dataclass(frozen=True, slots=True)
class DayBar:
    """One day of the drawing. ``height`` is the part of the day's budget that was used, the whole drawing twice of it."""

    day: datetime
    x: int
    y: float
    height: float
    state: str
    asked: int
    failed: int
    minutes: float


@dataclass(frozen=True, slots=True)
class Shown:
    """One measure as the page tells it."""

    measure: Measure
    days: list[DayBar]
    failures: list[Step]
    burns: list[tuple[str, float | None, str]]

    @property
    def is_probes(self) -> bool:
        return self.measure.name == PROBES

    @property
    def left(self) -> float:
        return max(0.0, self.measure.left_minutes)

    @property
    def state(self) -> State:
        return self.measure.state


@member_page
def availability(request: HttpRequest, access: Access) -> HttpResponse:
    """Show what is left of the budget, how fast it burns, and when something failed. To all but operators it does not exist."""
    if not access.user.is_superuser:
        return missing(request)
    now = timezone.now()
    found = measure(now)
    context: dict[str, Any] = {
        "shown": [_shown(each) for each in found.measures],
        "worse": found.worse,
        "budget": BUDGET_MINUTES,
        "objective": (1 - ALLOWED) * 100,
        "probes": [(name, at, name in found.silent_probes) for name, at in found.heard_at.items()],
        "takes_probes": bool(settings.PROBE_TOKEN),
        "address": settings.APP_BASE_URL,
        "bar": BAR,
        "width": DAYS * (BAR + GAP) - GAP,
        "height": HEIGHT,
    }
    return render(request, "integration/availability.html", context)


def _shown(each: Measure) -> Shown:
    burns = [(window, burn, _burn_state(burn)) for window, burn in each.burns().items()]
    return Shown(each, _days(each), each.last_failures(), burns)


def _burn_state(burn: float | None) -> str:
    if burn is None:
        return "unknown"
    return "unhealthy" if burn > FAST[1][0] else "degraded" if burn > 1 else "healthy"


def _days(each: Measure) -> list[DayBar]:
    today = timezone.localtime(each.now).replace(hour=0, minute=0, second=0, microsecond=0)
    groups: dict[object, list[Step]] = {}
    for step in each.steps:
        groups.setdefault(timezone.localtime(step.start).date(), []).append(step)
    bars = []
    for number in range(DAYS):
        day = today - timedelta(days=DAYS - 1 - number)
        steps = groups.get(day.date(), [])
        asked, failed = sum(step.asked for step in steps), sum(step.failed for step in steps)
        minutes = sum(step.minutes for step in steps)
        burnt = failed / asked / ALLOWED if asked else 0.0
        # A day without a fault is a low line, so that it is told from one of which nothing is known.
        height = round(min(HEIGHT, max(3.0, HEIGHT / 2 * burnt)), 1) if asked else 0.0
        state = "unknown" if not asked else "unhealthy" if burnt > 1 else "degraded" if failed else "healthy"
        bars.append(DayBar(day, number * (BAR + GAP), HEIGHT - height, height, state, asked, failed, minutes))
    return bars
