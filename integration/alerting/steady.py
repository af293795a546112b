"""Keeping alerts in step with what is true now: raised once when a cause appears, resolved when it is gone."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from integration.alerts import announce_alert, raise_alert, resolve_alert
from integration.models import Alert
from orders.models import Company

LEFT_ALONE_FOR = timedelta(hours=1)
"""What a person resolved though its cause stands is not raised again for so long: they know."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A cause that stands now, of a company or (None) of the installation."""

    company_id: uuid.UUID | None
    subject: str
    message: str
    severity: str = Alert.Severity.WARNING.value
    details: dict[str, Any] = field(default_factory=dict)


def keep_in_step(cause: str, findings: Iterable[Finding], now: datetime) -> None:
    """Raise what is found and not raised yet, resolve what is raised and not found, and correct what still stands.

    Safe to run twice: the second run finds everything in step.
    """
    found = {(finding.company_id, finding.subject): finding for finding in findings}
    unresolved = Alert.objects.filter(cause=cause).exclude(state=Alert.State.RESOLVED)
    standing = {(alert.company_id, alert.subject): alert for alert in unresolved}
    new = {key: finding for key, finding in found.items() if key not in standing}
    if new:
        left = Alert.objects.filter(cause=cause, resolved_by__isnull=False, resolved_at__gt=now - LEFT_ALONE_FOR)
        known = set(left.values_list("company_id", "subject"))
        companies = Company.objects.in_bulk({company_id for company_id, _ in new if company_id is not None})
        for key, finding in new.items():
            company = companies.get(finding.company_id) if finding.company_id else None
            if key not in known and (company is None) == (finding.company_id is None):
                raise_alert(
                    company, cause, finding.message, subject=finding.subject, severity=finding.severity,
                    details=finding.details, now=now,
                )  # fmt: skip
    for key, alert in standing.items():
        if key in found:
            _correct(alert, found[key])
        else:
            resolve_alert(alert, None)


def _correct(alert: Alert, finding: Finding) -> None:
    """Write what has changed of a cause that still stands; people hear of it only when it is worse or better."""
    is_other = alert.severity != finding.severity
    if not is_other and (alert.message, alert.details) == (finding.message[:500], finding.details):
        return
    alert.severity, alert.message, alert.details = finding.severity, finding.message[:500], finding.details
    alert.save(update_fields=["severity", "message", "details"])
    if is_other:
        announce_alert(alert)
