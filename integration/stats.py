"""How the webhooks go: figures over a period, and the present state of each provider."""

from __future__ import annotations

import math
import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Q, QuerySet, Sum
from django.db.models.functions import Trunc

from integration.claims import WAITING
from integration.inbox import SETTLED
from integration.models import (
    CircuitBreaker,
    IntegrationWebhook,
    ProviderCredential,
    WebhookAttempt,
    WebhookLog,
    WebhookStatus,
)
from integration.models.credential import NEXARA
from orders.models import Company
from orders.times import iso_time
from providers.registry import ADAPTERS

PERIODS = {"hour": ("minute", 60), "day": ("hour", 24), "week": ("day", 7), "month": ("day", 30)}
"""Period to the unit of its buckets and their number; the last one is running."""
MAX_DURATIONS = 20_000
EXPIRING_WITHIN = timedelta(days=14)
_FAILURES = (WebhookStatus.FAILED, WebhookStatus.DEAD, WebhookStatus.QUARANTINED)

_COUNTS: dict[str, Any] = {
    "total": Count("pk", filter=~Q(status=WebhookStatus.REJECTED)),
    "processed": Count("pk", filter=Q(status=WebhookStatus.PROCESSED)),
    "ignored": Count("pk", filter=Q(status=WebhookStatus.IGNORED)),
    "parked": Count("pk", filter=Q(status=WebhookStatus.PARKED)),
    "waiting": Count("pk", filter=Q(status__in=(WebhookStatus.RECEIVED, WebhookStatus.PROCESSING))),
    "failed": Count("pk", filter=Q(status=WebhookStatus.FAILED)),
    "dead": Count("pk", filter=Q(status=WebhookStatus.DEAD)),
    "quarantined": Count("pk", filter=Q(status=WebhookStatus.QUARANTINED)),
    "rejected": Sum("count", filter=Q(status=WebhookStatus.REJECTED), default=0),
    "duplicates": Sum("duplicates", default=0),
}


def webhook_stats(company: Company, period: str, provider: str, now: datetime) -> dict[str, Any]:
    """Return the figures of a company's deliveries in a period, ``""`` for all providers.

    A delivery is counted once, where it came. ``total`` is what was authentic; ``rejected`` (requests) and ``duplicates``
    (repetitions) stand beside it. Buckets are in the company's time zone, gap-free, oldest first.
    """
    zone = zoneinfo.ZoneInfo(company.time_zone)
    unit, number = PERIODS[period]
    starts = bucket_starts(now, unit, number, zone)
    logs = WebhookLog.objects.filter(company=company, received_at__gte=starts[0], received_at__lte=now)
    if provider:
        logs = logs.filter(provider=provider)
    # One pass over the rows: figures of a month are many rows, and the sums of the parts cost nothing.
    parts = logs.annotate(bucket=Trunc("received_at", unit, tzinfo=zone)).values("provider", "bucket")
    rows = list(parts.annotate(**_COUNTS).order_by("provider", "bucket"))
    return {
        "period": period,
        "from": iso_time(starts[0]),
        "to": iso_time(now),
        "timeZone": company.time_zone,
        "provider": provider or None,
        **_sum(rows),
        "durationMs": percentiles(logs),
        "byProvider": [
            {"provider": slug, **_sum(row for row in rows if row["provider"] == slug)}
            for slug in sorted({row["provider"] for row in rows})
        ],
        "byError": _by_error(logs),
        "buckets": [
            {"from": iso_time(start), **_sum(row for row in rows if row["bucket"].astimezone(UTC) == start)}
            for start in starts
        ],
    }


def counts_by_provider(logs: QuerySet[WebhookLog]) -> dict[str, dict[str, Any]]:
    """Return the figures of some deliveries by provider, without those that have none; one query."""
    rows = logs.order_by().values("provider").annotate(**_COUNTS)
    return {row["provider"]: _sum([row]) for row in rows}


def bucket_starts(now: datetime, unit: str, number: int, zone: zoneinfo.ZoneInfo) -> list[datetime]:
    """Return when each bucket begins, the running one last; days are local ones, be they 23 or 25 hours long."""
    local = now.astimezone(zone).replace(second=0, microsecond=0)
    if unit == "day":
        # Wall-clock arithmetic: local midnight of each day.
        today = local.replace(hour=0, minute=0)
        return [(today - timedelta(days=back)).astimezone(UTC) for back in reversed(range(number))]
    local = local if unit == "minute" else local.replace(minute=0)
    last, step = local.astimezone(UTC), timedelta(minutes=1) if unit == "minute" else timedelta(hours=1)
    return [last - step * back for back in reversed(range(number))]


def _sum(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the sum of rows of counts, with ``successRate``: the part, 0 to 1, of what has ended that ended well.

    It is None where nothing has ended.
    """
    counts: dict[str, Any] = dict.fromkeys(_COUNTS, 0)
    for row in rows:
        for name in counts:
            counts[name] += row[name]
    well = counts["processed"] + counts["ignored"] + counts["parked"]
    ended = counts["total"] - counts["waiting"]
    return {**counts, "successRate": round(well / ended, 4) if ended else None}


def _by_error(logs: QuerySet[WebhookLog]) -> list[dict[str, Any]]:
    """Return the twenty most frequent errors; of rejected requests their true reason, which nobody outside is told."""
    rows = (
        logs.filter(status__in=(*_FAILURES, WebhookStatus.REJECTED))
        .values("provider", "status", "error_code")
        .annotate(count_=Sum("count"), last=Max("received_at"))
        .order_by("-count_", "provider", "error_code", "status")
    )
    return [
        {
            "error": row["error_code"],
            "provider": row["provider"],
            "status": row["status"],
            "count": row["count_"],
            "lastAt": iso_time(row["last"]),
        }
        for row in rows[:20]
    ]


def percentiles(logs: QuerySet[WebhookLog], most: int | None = None) -> dict[str, Any]:
    """Return p50, p95 and p99 (nearest rank) of the processing time in milliseconds; None where nothing was processed.

    Of the newest ``most`` (20,000) that went well by themselves: a replay's time says when a person came, not how fast we are.
    """
    sample = logs.filter(status__in=SETTLED, duration_ms__isnull=False).exclude(
        attempt_set__trigger=WebhookAttempt.Trigger.REPLAY
    )
    newest = sample.order_by("-received_at", "-id").values_list("duration_ms", flat=True)[: most or MAX_DURATIONS]
    durations = sorted(duration for duration in newest if duration is not None)
    return {**{f"p{percent}": nearest_rank(durations, percent) for percent in (50, 95, 99)}, "sample": len(durations)}


def nearest_rank(ordered: Sequence[float], percent: int) -> float | None:
    """Return the value that so many percent of the others do not exceed; None where there is none."""
    return ordered[math.ceil(len(ordered) * percent / 100) - 1] if ordered else None


# -- the present state -------------------------------------------------------------------------------------------------


def provider_status(company: Company, now: datetime) -> list[dict[str, Any]]:
    """Return the state of each provider and of the hub: enabled, credential, registration, breaker, last events, 24 h.

    Looks back as far as bodies are kept.
    """
    credentials = {credential.provider: credential for credential in company.credentials.all()}
    registrations = {row.provider: row for row in IntegrationWebhook.objects.filter(company=company)}
    day = WebhookLog.objects.filter(company=company, received_at__gte=now - timedelta(hours=24))
    breakers = dict(CircuitBreaker.objects.filter(company=company).values_list("provider", "state"))
    counts = counts_by_provider(day)
    return [
        {
            "provider": slug,
            "name": ADAPTERS[slug].name if slug in ADAPTERS else "NEXARA",
            **_credential_state(slug, credentials.get(slug), now),
            **_registration_state(registrations.get(slug)),
            "breaker": breakers.get(slug, CircuitBreaker.State.CLOSED.value),
            **_last_times(company, slug, now),
            "last24h": counts.get(slug) or _sum(()),
        }
        for slug in (*ADAPTERS, NEXARA)
    ]


def _credential_state(slug: str, credential: ProviderCredential | None, now: datetime) -> dict[str, Any]:
    expires_at = credential.expires_at if credential else None
    return {
        "enabled": settings.PROVIDER_ENABLED.get(slug, True) and (credential is None or credential.is_enabled),
        "credentialSet": credential is not None and credential.is_set,
        "environment": credential.environment if credential else None,
        "credentialExpiresAt": iso_time(expires_at),
        "credentialExpiring": expires_at is not None and expires_at < now + EXPIRING_WITHIN,
    }


def _registration_state(row: IntegrationWebhook | None) -> dict[str, Any]:
    return {
        "registered": row is not None and row.status == IntegrationWebhook.Status.ACTIVE,
        "registration": row
        and {"status": row.status, "url": row.url, "error": row.error or None, "updatedAt": iso_time(row.updated_at)},
    }


def _last_times(company: Company, slug: str, now: datetime) -> dict[str, Any]:
    """Return the last times of a provider; a failure counts though a retry mended it."""
    since = now - timedelta(days=settings.WEBHOOK_LOG_RETENTION_DAYS)
    logs = WebhookLog.objects.filter(company=company, provider=slug, received_at__gte=since)

    def newest(*statuses: str) -> datetime | None:
        rows = logs.filter(status__in=statuses).order_by("-received_at", "-id")
        return rows.values_list("received_at", flat=True).first()

    tries = WebhookAttempt.objects.filter(log__company=company, log__provider=slug, started_at__gte=since)
    failed_try = tries.filter(outcome__in=_FAILURES).aggregate(last=Max("started_at"))["last"]
    failures = [moment for moment in (newest(*_FAILURES), failed_try) if moment is not None]
    return {
        "lastEventAt": iso_time(newest(*SETTLED, *WAITING, *_FAILURES)),
        "lastSuccessAt": iso_time(newest(*SETTLED)),
        "lastFailureAt": iso_time(max(failures, default=None)),
        "lastRejectedAt": iso_time(newest(WebhookStatus.REJECTED)),
    }
