"""What deliveries came to, day by day; beside ``orders.models.OrderRollup``, and written with it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from orders.models.analytics import HourRollup


class DeliveryRollup(HourRollup):
    """The deliveries of an hour, or of a whole day, by what became of them.

    ``branch`` is that of the order; None where there is no order.
    """

    status = models.CharField(max_length=12)
    error = models.CharField(max_length=64, blank=True)
    """The code of the error; blank where there was none."""
    deliveries = models.PositiveIntegerField(default=0)
    """How many came; of those that were rejected, requests."""
    duplicates = models.PositiveIntegerField(default=0)
    timed = models.PositiveIntegerField(default=0)
    """Those that went well by themselves, and whose time is known."""
    took_us = models.BigIntegerField(default=0)
    """The time of those together, in microseconds."""

    class Meta:
        db_table = "delivery_rollups"
        indexes = [
            models.Index(fields=["company", "day"], name="delivery_rollup_day"),
            models.Index(fields=["company", "day"], condition=Q(clock_hour=None), name="delivery_rollup_whole_day"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.hour or ''} {self.provider} {self.status} {self.error}: {self.deliveries}"
