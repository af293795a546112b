"""How the installation is: signs of life, and how each integration was."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Heartbeat(models.Model):
    """The last sign of life of a process that nobody calls."""

    name = models.CharField(max_length=32, primary_key=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "heartbeats"

    def __str__(self) -> str:
        return f"{self.name} {self.at:%H:%M:%S}"


class HealthSample(models.Model):
    """How a company's integration was for five minutes. Without a company: how the hub answered our question."""

    class Status(models.TextChoices):
        HEALTHY = "healthy", "Healthy"
        DEGRADED = "degraded", "Degraded"
        UNHEALTHY = "unhealthy", "Unhealthy"

    company = models.ForeignKey("orders.Company", models.CASCADE, null=True, related_name="health_samples")
    provider = models.CharField(max_length=32)
    started_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status.choices)
    deliveries = models.PositiveIntegerField(default=0)
    """What came and was authentic."""
    deliveries_failed = models.PositiveIntegerField(default=0)
    """What of it was not processed a minute after the five were over."""
    processing_ms = models.FloatField(null=True)
    """p95 of what was processed."""
    calls = models.PositiveIntegerField(default=0)
    calls_failed = models.PositiveIntegerField(default=0)
    """Calls without an answer, and answers of 429 and 5xx."""
    call_ms = models.FloatField(null=True)
    """p95 of the calls; of a row without a company the time of the question."""

    class Meta:
        db_table = "health_samples"
        ordering = ["-started_at", "-id"]
        constraints = [
            # Written again, it stays one.
            models.UniqueConstraint(fields=["company", "provider", "started_at"], name="health_sample_unique"),
            models.UniqueConstraint(
                fields=["provider", "started_at"], condition=Q(company=None), name="health_sample_unique_hub"
            ),
        ]
        indexes = [
            # What is past its retention, and the last hour of all companies.
            models.Index(fields=["started_at"], name="health_sample_time"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.started_at:%Y-%m-%d %H:%M} ({self.status})"


class AvailabilitySample(models.Model):
    """How much was asked of the installation in five minutes, and how much of it failed, as one source saw it.

    Rows are bounded: one for each five minutes of thirty days and source.
    """

    source = models.CharField(max_length=40)
    """``webhooks``: requests that the processes answered. ``probe:`` and a name: a probe from another place."""
    started_at = models.DateTimeField()
    asked = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "availability_samples"
        ordering = ["-started_at", "source"]
        constraints = [
            # Several processes count into one row.
            models.UniqueConstraint(fields=["source", "started_at"], name="availability_sample_unique"),
            models.CheckConstraint(condition=Q(failed__lte=models.F("asked")), name="availability_sample_failed_asked"),
        ]
        indexes = [
            # A window of all sources, and what is past it.
            models.Index(fields=["started_at"], name="availability_sample_time"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.started_at:%Y-%m-%d %H:%M} ({self.failed} of {self.asked})"
