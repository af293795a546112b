"""How each integration was: a small row for each company, provider and five minutes in which there was something to tell."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from integration.hub import is_hub
from integration.inbox import SETTLED
from integration.models import (
    CircuitBreaker,
    HealthSample,
    IntegrationWebhook,
    OutboundAttempt,
    WebhookLog,
    WebhookStatus,
)
from integration.models.credential import NEXARA
from integration.nexara import check_health
from integration.stats import nearest_rank
from orders.models import Company
from orders.times import floor_time, iso_time
from providers.registry import ADAPTERS

Status = HealthSample.Status
STEP = timedelta(minutes=5)
SETTLES_IN = timedelta(minutes=1)
"""So long after the five minutes they are looked at: what was failing in passing has had its first retries."""
MAKES_UP_FOR = 12
"""So many steps back what was not written, because beat or the database was away, is written later."""
BATCH = 1_000
UNHEALTHY_FROM, DEGRADED_FROM = 0.5, 0.05
"""The part of the deliveries, or of the calls, that failed."""
PERIODS = {
    "hour": (STEP, 12),
    "day": (timedelta(minutes=15), 96),
    "week": (timedelta(hours=2), 84),
    "month": (timedelta(hours=8), 90),
}
"""Period to the length of its points and their number; the last one is running."""


# -- writing -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Sums:
    """What is known of a company's integration in one step."""

    deliveries: int = 0
    deliveries_failed: int = 0
    processing: list[float] = field(default_factory=list)
    calls: int = 0
    calls_failed: int = 0
    call_times: list[float] = field(default_factory=list)
    breaker: str = CircuitBreaker.State.CLOSED.value


def record_health(now: datetime | None = None) -> int:
    """Write the samples of every step that is over and was not written; return how many. Safe to call twice.

    The hub is asked how it is where a company is registered with it; what it answers counts for the newest step.
    """
    now = now or timezone.now()
    newest = floor_time(now - SETTLES_IN, STEP) - STEP
    steps = [newest - STEP * back for back in range(MAKES_UP_FOR)]
    known = set(HealthSample.objects.filter(started_at__gte=steps[-1]).values_list("started_at", flat=True).distinct())
    samples = [sample for start in steps if start not in known for sample in _samples(start, is_newest=start == newest)]
    if newest not in known and not is_hub() and IntegrationWebhook.objects.exists():
        samples.append(_hub_sample(newest))
    with transaction.atomic():
        HealthSample.objects.bulk_create(samples, batch_size=BATCH, ignore_conflicts=True)
    return len(samples)


def _samples(start: datetime, *, is_newest: bool) -> Iterable[HealthSample]:
    found: dict[tuple[uuid.UUID, str], _Sums] = {}

    def sums(company_id: uuid.UUID, provider: str) -> _Sums:
        return found.setdefault((company_id, provider), _Sums())

    logs = WebhookLog.objects.filter(received_at__gte=start, received_at__lt=start + STEP, company__isnull=False)
    logs = logs.exclude(status=WebhookStatus.REJECTED).order_by()
    for company_id, provider, status, took_ms in logs.values_list("company_id", "provider", "status", "duration_ms"):
        entry = sums(company_id, provider)
        entry.deliveries += 1
        entry.deliveries_failed += status not in SETTLED
        if status in SETTLED and took_ms is not None:
            entry.processing.append(took_ms)
    calls = OutboundAttempt.objects.filter(
        started_at__gte=start, started_at__lt=start + STEP, push__subscription__isnull=True
    ).order_by()
    # The push itself may have been turned round since: where a call went, its address tells.
    calls = calls.annotate(to_hub=Q(url__startswith=f"{settings.NEXARA_BASE_URL}/"))
    fields = ("push__company_id", "push__provider", "to_hub", "response_status", "duration_ms")
    for company_id, provider, to_hub, answered, took_ms in calls.values_list(*fields):
        entry = sums(company_id, NEXARA if to_hub else provider)
        entry.calls += 1
        entry.calls_failed += answered is None or answered == 429 or answered >= 500
        entry.call_times.append(took_ms)
    if is_newest:
        broken = CircuitBreaker.objects.exclude(state=CircuitBreaker.State.CLOSED)
        for row in broken.filter(provider__in=(*ADAPTERS, NEXARA)):
            sums(row.company_id, row.provider).breaker = row.state
    for (company_id, provider), entry in found.items():
        yield HealthSample(
            company_id=company_id,
            provider=provider,
            started_at=start,
            status=judge(entry.deliveries, entry.deliveries_failed, entry.calls, entry.calls_failed, entry.breaker),
            deliveries=entry.deliveries,
            deliveries_failed=entry.deliveries_failed,
            processing_ms=nearest_rank(sorted(entry.processing), 95),
            calls=entry.calls,
            calls_failed=entry.calls_failed,
            call_ms=nearest_rank(sorted(entry.call_times), 95),
        )


def judge(deliveries: int, failed: int, calls: int, calls_failed: int, breaker: str = "closed") -> Status:
    """Return how an integration was: unhealthy from half of the deliveries or of the calls failed, degraded from a twentieth.

    An open breaker is unhealthy, a half-open one degraded, whatever went well besides.
    """
    rate = max(failed / deliveries if deliveries else 0.0, calls_failed / calls if calls else 0.0)
    if breaker == CircuitBreaker.State.OPEN or rate >= UNHEALTHY_FROM:
        return Status.UNHEALTHY
    if breaker == CircuitBreaker.State.HALF_OPEN or rate >= DEGRADED_FROM:
        return Status.DEGRADED
    return Status.HEALTHY


def _hub_sample(start: datetime) -> HealthSample:
    health = check_health()
    return HealthSample(
        provider=NEXARA,
        started_at=start,
        status=health.status,
        calls=1,
        calls_failed=health.status == Status.UNHEALTHY,
        call_ms=health.latency_ms,
    )


def old_samples(now: datetime) -> QuerySet[HealthSample]:
    """Return samples older than ``HEALTH_HISTORY_DAYS``."""
    return HealthSample.objects.filter(started_at__lt=now - timedelta(days=settings.HEALTH_HISTORY_DAYS))


# -- reading -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Point:
    """How an integration was from ``start`` on. ``status`` is None where nothing is known."""

    start: datetime
    status: Status | None
    deliveries: int = 0
    deliveries_failed: int = 0
    processing_ms: float | None = None
    calls: int = 0
    calls_failed: int = 0
    call_ms: float | None = None

    @property
    def error_rate(self) -> float | None:
        """The part, 0 to 1, of deliveries and calls together that failed; None where there were none."""
        return round(self._failed / self.handled, 4) if self.handled else None

    @property
    def _failed(self) -> int:
        return self.deliveries_failed + self.calls_failed

    @property
    def handled(self) -> int:
        """Deliveries and calls together."""
        return self.deliveries + self.calls

    @property
    def failed_share(self) -> str:
        """``error_rate`` in percent, as a person reads it; something is never shown as nothing."""
        share = self._failed * 100 / self.handled if self.handled else 0.0
        return "<0.1" if 0 < share < 0.1 else f"{share:.1f}".removesuffix(".0")

    @property
    def slowest(self) -> str:
        """The time of the calls as a person reads it; ``""`` where there were none."""
        if self.call_ms is None:
            return ""
        if self.call_ms >= 1000:
            return gettext("{number} s").format(number=f"{self.call_ms / 1000:.1f}")
        return gettext("{number} ms").format(number=f"{self.call_ms:.0f}")

    def as_json(self) -> dict[str, Any]:
        return {"from": iso_time(self.start), **self.figures()}

    def figures(self) -> dict[str, Any]:
        """Return what is known, without its time."""
        return {
            "status": self.status.value if self.status else None,
            "deliveries": self.deliveries,
            "deliveriesFailed": self.deliveries_failed,
            "processingMs": self.processing_ms,
            "calls": self.calls,
            "callsFailed": self.calls_failed,
            "latencyMs": self.call_ms,
            "errorRate": self.error_rate,
        }


def starts_of(period: str, now: datetime) -> list[datetime]:
    """Return when each point of a period begins, oldest first."""
    return last_starts(*PERIODS[period], now)


def last_starts(length: timedelta, number: int, now: datetime) -> list[datetime]:
    """Return when each of the last so many stretches begins, oldest first; the last one is running."""
    last = floor_time(now, length)
    return [last - length * back for back in reversed(range(number))]


def samples_since(company: Company, since: datetime, provider: str = "") -> dict[str, list[HealthSample]]:
    """Return a company's samples by provider, oldest first; those of the hub itself are everybody's."""
    rows = HealthSample.objects.filter(Q(company=company) | Q(company=None), started_at__gte=since)
    if provider:
        rows = rows.filter(provider=provider)
    found: dict[str, list[HealthSample]] = {}
    for row in rows.order_by("started_at", "id"):
        found.setdefault(row.provider, []).append(row)
    return found


def points_of(samples: Iterable[HealthSample], starts: Sequence[datetime]) -> list[Point]:
    """Return a point for each start, of the samples from there to the next."""
    parts: list[list[HealthSample]] = [[] for _ in starts]
    at = 0
    for sample in samples:
        while at + 1 < len(starts) and sample.started_at >= starts[at + 1]:
            at += 1
        if sample.started_at >= starts[at]:
            parts[at].append(sample)
    return [merge(start, part) for start, part in zip(starts, parts, strict=True)]


def merge(start: datetime, samples: Sequence[HealthSample]) -> Point:
    """Return samples as one point: counts add up, and a time is the worst of theirs.

    It is unhealthy where most of them were, degraded where any of them was not well.
    """
    if not samples:
        return Point(start, None)
    unhealthy = sum(sample.status == Status.UNHEALTHY for sample in samples)
    status = Status.DEGRADED if any(sample.status != Status.HEALTHY for sample in samples) else Status.HEALTHY

    def worst(name: str) -> float | None:
        return max((value for each in samples if (value := getattr(each, name)) is not None), default=None)

    return Point(
        start=start,
        status=Status.UNHEALTHY if unhealthy * 2 > len(samples) else status,
        deliveries=sum(each.deliveries for each in samples),
        deliveries_failed=sum(each.deliveries_failed for each in samples),
        processing_ms=worst("processing_ms"),
        calls=sum(each.calls for each in samples),
        calls_failed=sum(each.calls_failed for each in samples),
        call_ms=worst("call_ms"),
    )


def health_history(company: Company, period: str, provider: str, now: datetime) -> dict[str, Any]:
    """Return how each integration of a company was over a period, ``""`` for every provider. Points have no gap."""
    starts = starts_of(period, now)
    found = samples_since(company, starts[0], provider)
    return {
        "period": period,
        "from": iso_time(starts[0]),
        "to": iso_time(now),
        "stepSeconds": int(PERIODS[period][0].total_seconds()),
        "providers": [
            {
                "provider": slug,
                "name": ADAPTERS[slug].name if slug in ADAPTERS else "NEXARA",
                "whole": merge(starts[0], found.get(slug, [])).figures(),
                "points": [point.as_json() for point in points_of(found.get(slug, []), starts)],
            }
            for slug in ([provider] if provider else (*ADAPTERS, NEXARA))
        ],
    }
