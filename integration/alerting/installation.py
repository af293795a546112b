"""The rules about the installation: what operators have to see, whoever's orders it touches."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from integration.addresses import AddressError
from integration.alerting.steady import Finding
from integration.alerting.thresholds import Thresholds
from integration.alerting.turns import PRUNING, silent_for_s
from integration.heartbeat import NAMES
from integration.models import Alert, OutboundPush, WebhookLog, WebhookStatus
from integration.models.outbound import UNFINISHED
from integration.own_certificate import certificate_end
from orders.times import iso_time

BACKLOG, MISSING, DISK, RETENTION, CERTIFICATE = (
    "backlog", "process_missing", "disk_low", "retention_overdue", "certificate_expiring",
)  # fmt: skip
CERTIFICATE_EVERY_S = 6 * 3600
_DUE = (WebhookStatus.RECEIVED, WebhookStatus.PROCESSING, WebhookStatus.FAILED)
_CRITICAL = Alert.Severity.CRITICAL.value


def backlogs(limits: Thresholds, now: datetime) -> Iterator[Finding]:
    """Yield what waits longer, or in greater number, than it may: deliveries to be tried, and what providers are to be told."""
    most, longest = limits.get("backlogDepth"), limits.get("backlogAgeSeconds")
    for subject, rows in (
        ("inbox", WebhookLog.objects.filter(status__in=_DUE)),
        ("outbox", OutboundPush.objects.filter(status__in=UNFINISHED)),
    ):
        # The index of what is due, from its oldest end, and no further than the threshold.
        due = (
            rows.filter(next_attempt_at__lte=now).order_by("next_attempt_at").values_list("next_attempt_at", flat=True)
        )
        found = list(due[: max(most, 1)])
        age_s = int((now - found[0]).total_seconds()) if found else 0  # type: ignore[operator]
        is_deep, is_old = bool(most) and len(found) >= most, bool(longest) and age_s >= longest
        if is_deep or is_old:
            number = f"At least {len(found)}" if is_deep else f"{len(found)}"
            yield Finding(
                None, subject, f"{number} overdue rows of the {subject}; the oldest waits for {_rounded(age_s)}.", _CRITICAL,
                {"depth": len(found), "oldestSeconds": age_s},
            )  # fmt: skip


def missing_processes(limits: Thresholds, now: datetime) -> Iterator[Finding]:
    """Yield each process that has not been heard of for too long."""
    limit = limits.get("processMissingSeconds")
    for name in NAMES:
        silent_s = silent_for_s(name, now)
        if limit and silent_s > limit:
            yield Finding(None, name, f"The {name} has not been heard of for {_rounded(silent_s)}.", _CRITICAL)


def full_disks(limits: Thresholds) -> Iterator[Finding]:
    """Yield the disk of the data directory where too little of it is free."""
    limit = limits.get("diskFreePercent")
    place = settings.DATA_DIR if settings.DATA_DIR.exists() else Path("/")
    usage = shutil.disk_usage(place)
    free = usage.free * 100 // usage.total
    if limit and free < limit:
        yield Finding(
            None, "data", f"Only {free} % of the data directory's disk is free.", _CRITICAL, {"percent": free}
        )


def overdue_retention(limits: Thresholds, now: datetime) -> Iterator[Finding]:
    """Yield that old bodies are not deleted any more: their job has not ended well for too long."""
    hours = limits.get("retentionOverdueHours")
    silent_s = silent_for_s(PRUNING, now)
    if hours and silent_s > hours * 3600:
        yield Finding(None, "bodies", f"Old bodies have not been deleted for {_rounded(silent_s)}.")


def expiring_certificate(limits: Thresholds, now: datetime) -> list[Finding] | None:
    """Return what is wrong with the certificate of our own address; None where it cannot be seen from here."""
    days, address = limits.get("certificateDays"), urlsplit(settings.APP_BASE_URL)
    host = address.hostname or ""
    if address.scheme != "https" or not days:
        return []
    try:
        ends_at = certificate_end(host, address.port or 443)
    except ssl.SSLCertVerificationError as error:
        return [Finding(None, host, f"The certificate of {host} is not valid: {error.verify_message}.", _CRITICAL)]
    except (OSError, AddressError):
        return None
    if ends_at >= now + timedelta(days=days):
        return []
    severity = _CRITICAL if ends_at < now + timedelta(days=3) else Alert.Severity.WARNING.value
    details = {"expiresAt": iso_time(ends_at)}
    return [Finding(None, host, f"The certificate of {host} expires soon.", severity, details)]


def _rounded(seconds: float) -> str:
    """Return a duration in its greatest whole unit, so that a message changes now and then and not at every look."""
    for unit_s, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit_s:
            return f"{seconds // unit_s:.0f} {unit}"
    return "over a minute" if seconds >= 60 else f"{seconds:.0f} s"
