"""What has to be done now and then."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from integration.alerts import raise_alert
from integration.inbox import SETTLED
from integration.models import Alert, WebhookBody, WebhookLog, WebhookStatus
from integration.retry import PARKED_ALERT_AFTER_S

BATCH = 1_000


def watch_parked(now: datetime | None = None) -> int:
    """Raise an alert per company and provider for events that wait too long for their order; return how many wait."""
    now = now or timezone.now()
    late = WebhookLog.objects.filter(
        status=WebhookStatus.PARKED, received_at__lt=now - timedelta(seconds=PARKED_ALERT_AFTER_S)
    ).select_related("company")
    groups: dict[tuple[object, str], list[WebhookLog]] = {}
    for log in late.order_by("received_at")[:BATCH]:
        groups.setdefault((log.company_id, log.provider), []).append(log)
    for (_, provider), logs in groups.items():
        open_alert = Alert.objects.filter(company=logs[0].company, cause="event_parked", subject=provider).exclude(
            state=Alert.State.RESOLVED
        ).first()  # fmt: skip
        # Counted up only when another event has joined those that the alert speaks of.
        if open_alert is None or open_alert.details.get("waiting") != len(logs):
            raise_alert(
                logs[0].company, "event_parked", f"{len(logs)} {provider} events wait for an order that has not come.",
                subject=provider, details={"waiting": len(logs), "eventId": str(logs[0].id)}, now=now,
            )  # fmt: skip
    return sum(map(len, groups.values()))


def old_bodies(now: datetime) -> QuerySet[WebhookBody]:
    """Return the bytes of settled deliveries past their retention. Rows and keys stay.

    What still waits for a person keeps its bytes: without them it could not be replayed.
    """
    before = now - timedelta(days=settings.WEBHOOK_LOG_RETENTION_DAYS)
    kept = [*SETTLED, WebhookStatus.DUPLICATE]
    kept.remove(WebhookStatus.PARKED)
    return WebhookBody.objects.filter(log__received_at__lt=before, log__status__in=kept)
