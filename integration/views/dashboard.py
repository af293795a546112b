"""The panels around the live orders at ``/``: the day's figures, how providers and hub stand, and what waits for a person.

They are fetched by the page once the orders are there, so that nothing here holds an order up, and are the same for all who
see the same branches.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone

from integration import hub_watch
from integration.alert_centre import State, cause_of
from integration.models import Alert, CircuitBreaker, HubReading
from integration.performance import Performance, performance, table
from integration.standing import standings
from orders.access import Access
from orders.business_day import business_date, day_start, hour_start
from orders.comparison import counters
from orders.dashboard import snapshot
from orders.held import Held, held
from orders.models import Company
from orders.pages import answer_if_changed, member_page
from orders.timeline import last_seq
from providers.payload import parse_time

logger = logging.getLogger(__name__)

FIGURES_HOLD_S = 5
STANDING_HOLD_S = 30
SHOWN_ALERTS = 5

T = TypeVar("T")
Version = tuple[int, datetime]
"""The company's number and the minute."""


def draw_panels(request: HttpRequest, access: Access) -> HttpResponse:
    """Show every panel; one that cannot be counted says so, and the others stand."""
    now, company = timezone.now(), access.company
    version = (last_seq(company.id), now.replace(second=0, microsecond=0))
    day = _tried("counters", lambda: _day(access, now, version))
    providers = _tried("performance", lambda: _performance(access, now, version))
    context = {
        "access": access,
        "company": company,
        "next_at": _next_change(company, now),
        "performance": table(providers.value) if providers else None,
        "providers": [each.provider for each in providers.value] if providers else [],
        "statuses": _tried("health", lambda: _standings(company, now)),
        "alerts": _tried("alerts", lambda: _alerts(company)),
        # Whoever sees some branches alone would not see the same as the hub, which knows none.
        "shows_hub": access.branch_ids is None,
        "hub": _tried("hub", lambda: _hub(company, now)) if access.branch_ids is None else None,
        **_day_context(day),
    }
    return answer_if_changed(request, render_to_string("integration/_dashboard.html", context, request), "text/html")


panels = member_page(draw_panels)


def _tried(name: str, count: Callable[[], T]) -> T | None:
    """Return what was counted, None where the database could not."""
    try:
        return count()
    except DatabaseError as error:
        logger.warning("The panel %s could not be counted: %s", name, type(error).__name__)
        return None


def _day(access: Access, now: datetime, version: Version) -> Held[dict[str, Any]]:
    key = f"day:{access.company.id}:{access.scope}"
    return held(key, version, lambda: snapshot(access, now)[1], hold_s=FIGURES_HOLD_S)


def _performance(access: Access, now: datetime, version: Version) -> Held[list[Performance]]:
    key = f"performance:{access.company.id}:{access.scope}"
    return held(key, version, lambda: performance(access, now), hold_s=FIGURES_HOLD_S)


def _day_context(day: Held[dict[str, Any]] | None) -> dict[str, Any]:
    if day is None:
        return {"seq": 0, "counters": None}
    return {
        "seq": day.value["lastSeq"],
        "counters": counters(day.value),
        "until": parse_time(day.value["until"]),
        "before": parse_time(day.value["lastWeek"]["since"]),
        "open_orders": day.value["openOrders"]["total"],
        "needs_attention": day.value["needsAttention"],
        "test_orders": day.value["testOrders"],
    }


def _standings(company: Company, now: datetime) -> list[dict[str, Any]]:
    """Return how the providers and the hub stand; a breaker that has moved since shows at once."""
    breakers = CircuitBreaker.objects.filter(company=company).order_by("pk").values_list("pk", "state")
    key = f"standings:{company.id}"
    version = (tuple(breakers), int(now.timestamp()) // STANDING_HOLD_S)
    return held(key, version, lambda: standings(company, now), hold_s=0).value


def _alerts(company: Company) -> dict[str, Any]:
    """Return the open alerts: the critical ones first, then the last raised."""
    rows = list(Alert.objects.filter(company=company, state=State.OPEN))
    rows.sort(key=lambda alert: alert.severity != Alert.Severity.CRITICAL)
    return {
        "shown": [(alert, cause_of(alert.cause)) for alert in rows[:SHOWN_ALERTS]],
        "count": len(rows),
        "more": max(0, len(rows) - SHOWN_ALERTS),
    }


def _hub(company: Company, now: datetime) -> dict[str, Any]:
    reading: HubReading | None = hub_watch.reading_for(company, now)
    if reading is None:
        return {"is_used": False}
    return {
        "is_used": True,
        "reading": reading,
        "ways": hub_watch.ways(reading),
        "since": parse_time(str(reading.figures.get("since") or "")),
        "is_old": reading.told_at is not None and now - reading.told_at > timedelta(minutes=5),
    }


def _next_change(company: Company, now: datetime) -> datetime:
    """Return when the figures change by the clock alone: the next full hour, or the next business day."""
    tomorrow = day_start(company, business_date(company, now) + timedelta(days=1))
    return min(hour_start(company, now) + timedelta(hours=1), tomorrow)
