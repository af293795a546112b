"""What the NEXARA hub counts beside what has come here: asked for by a task, at most once a minute for a company.

No page waits for it: a page shows the last reading with its age, notes that somebody looks, and at most hints at a task.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.http import urlencode

from integration import breaker, nexara
from integration.models import CircuitBreaker, HubReading, IntegrationWebhook, WebhookLog, WebhookStatus
from integration.models.credential import NEXARA
from integration.nudge import Nudger
from integration.outbound import SendError
from orders.models import Company
from orders.times import iso_time
from providers.payload import parse_time
from providers.registry import ADAPTERS

FRESH = timedelta(seconds=55)
"""A little less than the minute of the schedule, so that its tick is never too early."""
LATE = timedelta(seconds=90)
"""So long after the last question the schedule has missed one, and a page hints at the task itself."""
WANTED = timedelta(minutes=65)
"""A page that is open asks at least once an hour; without one the hub is left alone."""
NOTE_EVERY = timedelta(minutes=10)
ON_THE_WAY = timedelta(minutes=1)
"""What the hub took so shortly ago may still be coming."""
LOOKED_AT, NAMED = 100, 5


@dataclass(frozen=True, slots=True)
class Way:
    """A provider's deliveries at the hub and here, over the same time."""

    provider: str
    at_hub: int
    here: int

    @property
    def difference(self) -> int:
        """How many more the hub has; negative where there are more here."""
        return self.at_hub - self.here


def uses_hub(company: Company) -> bool:
    """Tell whether a provider of the company is registered with the hub."""
    rows = IntegrationWebhook.objects.filter(company=company, status=IntegrationWebhook.Status.ACTIVE)
    return rows.exists()


def reading_for(company: Company, now: datetime) -> HubReading | None:
    """Return the last reading for somebody who looks, and have the next one made; None where the hub is not used."""
    reading = HubReading.objects.filter(company=company).first()
    if reading is None:
        if not uses_hub(company):
            return None
        reading, _ = HubReading.objects.get_or_create(company=company, defaults={"wanted_at": now})
    elif now - reading.wanted_at > NOTE_EVERY:
        HubReading.objects.filter(pk=reading.pk).update(wanted_at=now)
    if not settings.DASHBOARD_CACHE or reading.asked_at is None or now - reading.asked_at > LATE:
        nudger.send(company.id)
    return reading


def ways(reading: HubReading) -> list[Way]:
    """Return a reading's figures by provider."""
    return [Way(entry["provider"], entry["hub"], entry["here"]) for entry in reading.figures.get("providers", [])]


# -- asking ------------------------------------------------------------------------------------------------------------


def ask_for_all(now: datetime | None = None) -> None:
    """Ask for every company that somebody looks at. A hub that cannot be reached for one is not tried for the others."""
    now = now or timezone.now()
    for reading in HubReading.objects.filter(wanted_at__gt=now - WANTED).select_related("company"):
        if not uses_hub(reading.company):
            reading.delete()
        elif _claim(reading.company_id, now):
            error = _ask(reading.company, now)
            if error is not None and error.is_passing:
                return


def ask_for(company_id: uuid.UUID, now: datetime | None = None) -> None:
    """Ask for one company, unless somebody has within the minute."""
    now = now or timezone.now()
    company = Company.objects.filter(pk=company_id).first()
    if company is not None and _claim(company_id, now):
        _ask(company, now)


def _claim(company_id: uuid.UUID, now: datetime) -> bool:
    rows = HubReading.objects.filter(pk=company_id)
    if settings.DASHBOARD_CACHE:
        rows = rows.filter(Q(asked_at__isnull=True) | Q(asked_at__lte=now - FRESH))
    return bool(rows.update(asked_at=now))


def _ask(company: Company, now: datetime) -> SendError | None:
    """Read the hub's figures, count ours over the same time, keep both; return why it did not work."""
    before = HubReading.objects.get(pk=company.pk)
    state = breaker.state_of(company.id, NEXARA)
    try:
        if state == CircuitBreaker.State.OPEN:
            raise SendError("breaker_open", "NEXARA cannot be reached; calls wait.", is_passing=False)
        stats = nexara.read(company, f"/api/webhooks/stats?{urlencode({'period': 'day'})}")
        logs = nexara.read(company, f"/api/webhooks/logs?{urlencode({'limit': LOOKED_AT})}")
        figures = _compare(company, stats, logs, now)
    except SendError as error:
        HubReading.objects.filter(pk=company.pk).update(error=error.message[:300])
        if not before.error:
            breaker.announce(company.id, NEXARA, state, now)
        return error
    HubReading.objects.filter(pk=company.pk).update(error="", told_at=now, figures=figures)
    if before.error or _differences(before.figures) != _differences(figures):
        breaker.announce(company.id, NEXARA, state, now)
    return None


def _differences(figures: dict[str, Any]) -> Any:
    return [entry["hub"] - entry["here"] for entry in figures.get("providers", [])], figures.get("missing")


# -- comparing ---------------------------------------------------------------------------------------------------------


def _compare(company: Company, stats: dict[str, Any], logs: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return both sides of the same hours. Raises SendError where the hub's cannot be read."""
    told = _object(stats.get("data")) or stats
    parts = told.get("byProvider")
    if not isinstance(parts, list):
        raise SendError("unreadable", "NEXARA's figures cannot be read.", is_passing=False)
    since = parse_time(str(told.get("from") or "")) or now - timedelta(days=1)
    until = parse_time(str(told.get("to") or "")) or now
    at_hub = {str(part["provider"]): _count(part.get("total")) for part in parts if _names_provider(part)}
    here = dict(
        WebhookLog.objects.filter(company=company, is_envelope=True, received_at__gte=since, received_at__lte=now)
        .exclude(status=WebhookStatus.REJECTED)
        .order_by()
        .values_list("provider")
        .annotate(count=Count("pk"))
    )
    forwards = _object(told.get("forwards"))
    missing = _missing(company, logs, until - ON_THE_WAY)
    return {
        "since": iso_time(since),
        "until": iso_time(until),
        "providers": [
            {"provider": slug, "hub": at_hub.get(slug, 0), "here": here.get(slug, 0)}
            for slug in sorted({*at_hub, *here})
        ],
        "waiting": _count(forwards.get("waiting")) + _count(forwards.get("failed")),
        "dead": _count(forwards.get("dead")),
        "missing": missing[:NAMED],
        "missingCount": len(missing),
    }


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _names_provider(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("provider"), str) and part["provider"] in ADAPTERS


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def _missing(company: Company, logs: dict[str, Any], before: datetime) -> list[dict[str, Any]]:
    """Return the orders of the hub's newest deliveries of which nothing has come here, newest first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in _rows(logs):
        provider, external_id = str(row.get("provider")), row.get("externalOrderId")
        received_at = parse_time(str(row.get("receivedAt") or ""))
        if not _names_provider(row) or not isinstance(external_id, str) or received_at is None:
            continue
        # Of what the hub itself does not forward nothing can be missing here; what no text may hold names no order.
        is_forwarded = row.get("forwards") != []
        if external_id.isprintable() and external_id and received_at < before and is_forwarded:
            entry = {"provider": provider, "externalOrderId": external_id[:512], "receivedAt": iso_time(received_at)}
            found.setdefault((provider, external_id[:512]), entry)
    known = WebhookLog.objects.filter(company=company, external_id__in=[external_id for _slug, external_id in found])
    have = set(known.exclude(status=WebhookStatus.REJECTED).values_list("provider", "external_id"))
    return [entry for key, entry in found.items() if key not in have]


def _rows(logs: dict[str, Any]) -> Iterable[dict[str, Any]]:
    rows = logs.get("results")
    return (row for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()


def _ask_hub_for() -> Any:
    from integration.tasks import ask_hub_for

    return ask_hub_for


nudger = Nudger(_ask_hub_for)
