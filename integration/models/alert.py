"""What a person has to see."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Alert(models.Model):
    """A cause that waits for a person: raised again, it counts; one of a cause is open at a time."""

    class Severity(models.TextChoices):
        INFO = "info", _("Info")
        WARNING = "warning", _("Warning")
        CRITICAL = "critical", _("Critical")

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        ACKNOWLEDGED = "acknowledged", _("Acknowledged")
        RESOLVED = "resolved", _("Resolved")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    company = models.ForeignKey("orders.Company", models.CASCADE, null=True, related_name="alerts")
    cause = models.CharField(max_length=64)
    """A stable word, such as ``event_dead``."""
    subject = models.CharField(max_length=200, blank=True)
    """What it is about, such as a provider's slug: alerts are grouped by cause and subject."""
    severity = models.CharField(max_length=10, choices=Severity.choices)
    message = models.CharField(max_length=500)
    details = models.JSONField(default=dict)
    count = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey("orders.User", models.SET_NULL, null=True, related_name="+")
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey("orders.User", models.SET_NULL, null=True, related_name="+")

    class Meta:
        db_table = "alerts"
        ordering = ["-last_seen_at", "-id"]
        constraints = [
            # Raising counts up the one that stands; two at once cannot both insert.
            models.UniqueConstraint(
                fields=["company", "cause", "subject"],
                condition=~Q(state="resolved"),
                name="alert_one_unresolved_per_cause",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "acknowledged", "resolved"]), name="alert_state_known"
            ),
        ]
        indexes = [
            # The alert centre, newest first.
            models.Index(fields=["company", "-last_seen_at", "-id"], name="alert_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.cause} {self.subject} ({self.state})"
