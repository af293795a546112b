"""The rules about a company: what its deliveries, credentials and providers say now."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from integration.alerting.steady import Finding
from integration.alerting.thresholds import Thresholds
from integration.alerts import resolve_alert
from integration.inbox import SETTLED
from integration.models import Alert, ProviderCredential, WebhookAttempt, WebhookLog, WebhookStatus
from integration.silence import silences
from integration.stats import nearest_rank
from orders.models import Company
from orders.times import iso_time

ERROR_RATE, SLOW, EXPIRING, SILENT = "error_rate", "processing_slow", "credential_expiring", "provider_silent"
WINDOW = timedelta(minutes=10)
SAMPLE = 500
"""How many of a company's newest deliveries are looked at: a range of its own index, however busy it is."""
LEAST_ENDED, LEAST_TIMED = 10, 20
"""Fewer deliveries than this say nothing of a rate, or of a twentieth."""
URGENT_WITHIN = timedelta(days=2)
REFUSALS_OVER_AFTER = timedelta(minutes=15)
_FAILURES = (WebhookStatus.FAILED.value, WebhookStatus.DEAD.value, WebhookStatus.QUARANTINED.value)
_ENDED = (*SETTLED, *_FAILURES)


def companies() -> Iterator[uuid.UUID]:
    """Return the ids of all companies."""
    return Company.objects.order_by("pk").values_list("pk", flat=True).iterator()


def deliveries_that_fail(company_id: uuid.UUID, limits: Thresholds, now: datetime) -> Iterator[Finding]:
    """Yield each provider of a company of whose latest deliveries too many failed."""
    limit = limits.get("errorRatePercent", company_id)
    if not limit:
        return
    recent = WebhookLog.objects.filter(company_id=company_id, received_at__gt=now - WINDOW).order_by(
        "-received_at", "-id"
    )
    statuses: dict[str, list[str]] = defaultdict(list)
    for provider, status, is_test in recent.values_list("provider", "status", "is_test")[:SAMPLE]:
        if status in _ENDED and not is_test:
            statuses[provider].append(status)
    for provider, ended in statuses.items():
        failed = sum(status in _FAILURES for status in ended)
        if len(ended) >= LEAST_ENDED and failed * 100 >= limit * len(ended):
            percent = failed * 100 // len(ended)
            yield Finding(
                company_id, provider, f"{percent} % of the last {len(ended)} deliveries of {provider} failed.",
                Alert.Severity.CRITICAL.value, {"percent": percent, "failed": failed, "ended": len(ended)},
            )  # fmt: skip


def deliveries_that_are_slow(company_id: uuid.UUID, limits: Thresholds, now: datetime) -> Iterator[Finding]:
    """Yield each provider of a company whose slowest twentieth takes too long; what a person replayed does not count."""
    limit = limits.get("slowP95Ms", company_id)
    if not limit:
        return
    recent = WebhookLog.objects.filter(company_id=company_id, received_at__gt=now - WINDOW).exclude(
        attempt_set__trigger=WebhookAttempt.Trigger.REPLAY
    )
    times: dict[str, list[float]] = defaultdict(list)
    rows = recent.order_by("-received_at", "-id").values_list("provider", "status", "duration_ms")
    for provider, status, duration_ms in rows[:SAMPLE]:
        if status in SETTLED and duration_ms is not None:
            times[provider].append(duration_ms)
    for provider, durations in times.items():
        p95 = nearest_rank(sorted(durations), 95) or 0.0
        if len(durations) >= LEAST_TIMED and p95 > limit:
            yield Finding(
                company_id, provider, f"Deliveries of {provider} take long: 95 % of them up to {p95:.0f} ms.",
                details={"p95Ms": round(p95), "sample": len(durations)},
            )  # fmt: skip


def credentials_that_expire(limits: Thresholds, now: datetime) -> Iterator[Finding]:
    """Yield each credential in use whose end is near or has come."""
    greatest = timedelta(days=limits.greatest("credentialExpiringDays"))
    rows = ProviderCredential.objects.filter(is_enabled=True, expires_at__lt=now + greatest)
    for company_id, provider, expires_at in rows.values_list("company_id", "provider", "expires_at"):
        assert expires_at is not None
        if expires_at >= now + timedelta(days=limits.get("credentialExpiringDays", company_id)):
            continue
        said = "has expired" if expires_at <= now else "expires soon"
        severity = Alert.Severity.CRITICAL if expires_at < now + URGENT_WITHIN else Alert.Severity.WARNING
        yield Finding(
            company_id, provider, f"The credential for {provider} {said}.", severity.value,
            {"expiresAt": iso_time(expires_at)},
        )  # fmt: skip


def providers_that_are_silent(company: Company, limits: Thresholds, now: datetime) -> Iterator[Finding]:
    """Yield each provider without a delivery in opening hours that, in past weeks, had some at this time."""
    least = limits.get("silentUsualDeliveries", company.pk)
    if not least:
        return
    off = set(company.credentials.filter(is_enabled=False).values_list("provider", flat=True))
    for provider, silence in silences(company, now).items():
        if silence.is_open and not silence.recent and silence.usual >= least and provider not in off:
            usual = round(silence.usual)
            yield Finding(
                company.pk, provider,
                f"No delivery of {provider} in two hours in which there usually are {usual}.",
                Alert.Severity.CRITICAL.value, {"usual": usual},
            )  # fmt: skip


# -- what was raised when it happened, and resolves when nothing of it is left -------------------------------------------

_WAITING: dict[str, dict[str, str]] = {
    "event_dead": {"status": WebhookStatus.DEAD},
    "event_parked": {"status": WebhookStatus.PARKED},
    "event_invalid_payload": {"status": WebhookStatus.QUARANTINED, "error_code": "invalid_payload"},
    "event_invalid_envelope": {"status": WebhookStatus.QUARANTINED, "error_code": "invalid_envelope"},
    "event_delivery_conflict": {"status": WebhookStatus.QUARANTINED, "error_code": "delivery_conflict"},
}
REFUSED = "signatures_failing"
MOST_LOOKED_AT = 500


def resolve_what_is_mended(now: datetime) -> int:
    """Resolve alerts about deliveries of which none waits any longer; return how many."""
    causes = [*_WAITING, REFUSED]
    alerts = (
        Alert.objects.filter(cause__in=causes)
        .select_related("company")
        .exclude(state=Alert.State.RESOLVED)
        .order_by("last_seen_at")
    )
    mended = 0
    for alert in alerts[:MOST_LOOKED_AT]:
        logs = WebhookLog.objects.filter(company=alert.company, provider=alert.subject)
        if alert.cause == REFUSED:
            since = now - REFUSALS_OVER_AFTER
            still = logs.filter(status=WebhookStatus.REJECTED, received_at__gt=since)
            is_over = alert.last_seen_at <= since and not still.exists()
        else:
            is_over = not logs.filter(**_WAITING[alert.cause]).exists()
        if is_over:
            resolve_alert(alert, None)
            mended += 1
    return mended
