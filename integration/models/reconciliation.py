"""What a provider, or the hub, says that there was, and how it compares with what came here."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class ReconciliationRun(models.Model):
    """One comparison with one list. ``source`` is whose list: a provider's slug, or ``nexara``."""

    class Status(models.TextChoices):
        RUNNING = "running", _("Running")
        COMPARED = "compared", _("Compared")
        FAILED = "failed", _("Could not be compared")

    company = models.ForeignKey("orders.Company", models.CASCADE, related_name="+")
    source = models.CharField(max_length=32)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.RUNNING)
    since = models.DateTimeField()
    until = models.DateTimeField()
    """What the list is known to cover, from ``since`` on and before ``until``."""
    error = models.CharField(max_length=300, blank=True)
    listed = models.PositiveIntegerField(default=0)
    imported = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "reconciliation_runs"
        ordering = ["-started_at", "-id"]
        constraints = [
            # Two at once would ask a provider for everything twice.
            models.UniqueConstraint(
                fields=["company", "source"], condition=Q(status="running"), name="reconciliation_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["running", "compared", "failed"]), name="reconciliation_status_known"
            ),
        ]
        indexes = [
            # How far a list was followed, and what a day's report may say.
            models.Index(fields=["company", "source", "-started_at"], name="reconciliation_newest"),
            # What is past its retention.
            models.Index(fields=["started_at"], name="reconciliation_run_time"),
        ]

    def __str__(self) -> str:
        return f"{self.source} of {self.company_id} ({self.status})"


class ListedOrder(models.Model):
    """An order as ``source`` has listed it: what a day's report compares with. Holds nothing of a customer."""

    class Outcome(models.TextChoices):
        IMPORTED = "imported", _("Never came, imported")
        FAILED = "failed", _("Never came, could not be imported")

    company = models.ForeignKey("orders.Company", models.CASCADE, related_name="+")
    source = models.CharField(max_length=32)
    provider = models.CharField(max_length=32)
    external_id = models.CharField(max_length=512)
    status = models.CharField(max_length=20, blank=True)
    """Ours; blank: the list's word says none of ours."""
    total = models.DecimalField(max_digits=15, decimal_places=4, null=True)
    """As told, in the currency of the order; null: not told."""
    placed_at = models.DateTimeField(null=True)
    first_listed_at = models.DateTimeField()
    listed_at = models.DateTimeField()
    outcome = models.CharField(max_length=8, choices=Outcome.choices, blank=True)
    """What became of one that had never come; blank: it came by itself, or is looked at again."""
    error = models.CharField(max_length=300, blank=True)
    event_id = models.UUIDField(null=True)
    """The delivery that was made of it."""

    class Meta:
        db_table = "listed_orders"
        constraints = [
            # Listed again, it stays one.
            models.UniqueConstraint(
                fields=["company", "source", "provider", "external_id"], name="listed_order_unique"
            ),
        ]
        indexes = [
            # The orders of a day, and what is past its retention.
            models.Index(fields=["company", "first_listed_at"], name="listed_order_by_time"),
            models.Index(fields=["listed_at"], name="listed_order_retention"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.external_id}"


class ReconciliationReport(models.Model):
    """A business day's comparison, as it stood when the day was over. ``figures`` is what the API answers."""

    company = models.ForeignKey("orders.Company", models.CASCADE, related_name="reconciliation_reports")
    day = models.DateField()
    is_different = models.BooleanField()
    figures = models.JSONField()
    made_at = models.DateTimeField()

    class Meta:
        db_table = "reconciliation_reports"
        ordering = ["-day"]
        constraints = [
            # A day is reported once.
            models.UniqueConstraint(fields=["company", "day"], name="reconciliation_report_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.company_id} {self.day}"
