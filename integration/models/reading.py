"""What the hub last told of its own figures."""

from __future__ import annotations

from django.db import models


class HubReading(models.Model):
    """The hub's figures of a company beside ours, as of the last time it was asked. While it is silent the last ones stay."""

    company = models.OneToOneField("orders.Company", models.CASCADE, primary_key=True, related_name="+")
    wanted_at = models.DateTimeField()
    """When somebody last looked: for a company that nobody looks at the hub is not asked."""
    asked_at = models.DateTimeField(null=True)
    """Whoever asks sets this first, so that nobody else does."""
    told_at = models.DateTimeField(null=True)
    """When the figures are from."""
    error = models.CharField(max_length=300, blank=True)
    """Why the last try brought none; blank where it did."""
    figures = models.JSONField(default=dict)

    class Meta:
        db_table = "hub_readings"

    def __str__(self) -> str:
        return f"{self.company_id}: {self.error or self.told_at}"
