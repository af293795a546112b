"""Telling people: everything that waits for a person raises an alert."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from integration.models import Alert
from orders import live
from orders.models import Company, User


def raise_alert(
    company: Company | None,
    cause: str,
    message: str,
    *,
    subject: str = "",
    severity: str = Alert.Severity.WARNING,
    details: dict[str, Any] | None = None,
    now: datetime | None = None,
) -> Alert:
    """Raise an alert, or count up the one of the same cause and subject that nobody has resolved yet."""
    now = now or timezone.now()
    unresolved = Alert.objects.filter(company=company, cause=cause, subject=subject).exclude(state=Alert.State.RESOLVED)
    changes = {"count": F("count") + 1, "last_seen_at": now, "message": message[:500], "details": details or {}}
    if not unresolved.update(**changes):
        try:
            with transaction.atomic():
                Alert.objects.create(
                    company=company, cause=cause, subject=subject, severity=severity, message=message[:500],
                    details=details or {}, first_seen_at=now, last_seen_at=now,
                )  # fmt: skip
        except IntegrityError:
            # Somebody raised it in this moment.
            unresolved.update(**changes)
    alert = unresolved.get()
    announce_alert(alert)
    return alert


def acknowledge_alert(alert: Alert, user: User) -> Alert:
    """Note that somebody has seen the alert. Safe to call twice; a resolved one stays as it is."""
    changed = Alert.objects.filter(pk=alert.pk, state=Alert.State.OPEN).update(
        state=Alert.State.ACKNOWLEDGED, acknowledged_at=timezone.now(), acknowledged_by=user
    )
    return _changed(alert, changed)


def resolve_alert(alert: Alert, user: User | None) -> Alert:
    """Close the alert; the same cause raised again opens a new one. Safe to call twice."""
    changed = (
        Alert.objects.filter(pk=alert.pk)
        .exclude(state=Alert.State.RESOLVED)
        .update(state=Alert.State.RESOLVED, resolved_at=timezone.now(), resolved_by=user)
    )
    return _changed(alert, changed)


def _changed(alert: Alert, changed: int) -> Alert:
    alert.refresh_from_db()
    if changed:
        announce_alert(alert)
    return alert


def announce_alert(alert: Alert) -> None:
    """Send an alert's frame to its company's sockets; one of the installation goes to nobody's."""
    if alert.company_id is not None:
        live.announce(uuid.UUID(str(alert.company_id)), alert_frame(alert))


def alert_frame(alert: Alert) -> dict[str, Any]:
    """Return the socket frame of an alert."""
    return {
        "type": "alert",
        "id": str(alert.id),
        "severity": alert.severity,
        "cause": alert.cause,
        "count": alert.count,
        "state": alert.state,
    }


def standing_frames(company_ids: list[uuid.UUID]) -> dict[uuid.UUID, list[dict[str, Any]]]:
    """Return the frames of the alerts of some companies that nobody has resolved: what a page missed is told it again."""
    frames: dict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
    for alert in Alert.objects.filter(company_id__in=company_ids).exclude(state=Alert.State.RESOLVED):
        frames[uuid.UUID(str(alert.company_id))].append(alert_frame(alert))
    return frames


def resolve_alerts(company_id: uuid.UUID, cause: str, subject: str) -> None:
    """Resolve an alert whose cause is mended, where there is one."""
    alerts = Alert.objects.filter(company_id=company_id, cause=cause, subject=subject)
    for alert in alerts.exclude(state=Alert.State.RESOLVED):
        resolve_alert(alert, None)
