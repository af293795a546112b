"""What orders came to, day by day: counted once from the raw rows, and kept when those are long gone.

The business day is the unit: its rows are written together, in one transaction, and written anew when an order of it changes.
"""

from __future__ import annotations

from datetime import time

from django.db import models
from django.db.models import Q

TIME_BUCKETS = tuple(f"bucket_{number:02}" for number in range(27))
"""The columns of how many took how long, the shortest first."""


class Rollup(models.Model):
    """A row belongs to a company's business day, a provider and a branch."""

    company = models.ForeignKey("orders.Company", models.CASCADE, related_name="+")
    day = models.DateField()
    provider = models.CharField(max_length=32)
    # As at the orders: of a branch that is gone no branch is left.
    branch = models.ForeignKey("orders.Branch", models.SET_NULL, null=True, related_name="+")
    is_test = models.BooleanField(default=False)
    is_month = models.BooleanField(default=False, db_default=False)
    """Added up from the days of the whole month that begins on ``day``: a year is read from twelve of them."""

    class Meta:
        abstract = True


class HourRollup(Rollup):
    """A row that belongs to an hour besides, or to a whole day (month) where ``clock_hour`` is None."""

    hour = models.DateTimeField(null=True)
    """When the company's hour began; None for a month's. An hour in which the cut-off lies has rows of both days."""
    clock_hour = models.PositiveSmallIntegerField(null=True)
    """The hour on the company's clock, 0 to 23."""

    class Meta:
        abstract = True


class OrderRollup(HourRollup):
    """The orders of an hour, or of a whole day, by status and currency."""

    status = models.CharField(max_length=20)
    currency = models.CharField(max_length=8)
    orders = models.PositiveIntegerField(default=0)
    total = models.DecimalField(max_digits=20, decimal_places=4, default=0)
    """The sum of the orders' totals, sold or not."""
    accepted = models.PositiveIntegerField(default=0)
    waited_us = models.BigIntegerField(default=0)
    """From receiving to accepting, of all that were accepted together, in microseconds: sums are exact."""
    prepared = models.PositiveIntegerField(default=0)
    preparing_us = models.BigIntegerField(default=0)
    """From accepting to ready, of all that became ready together."""
    due = models.PositiveIntegerField(default=0)
    """With a deadline that was kept or missed."""
    in_time = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "order_rollups"
        indexes = [
            models.Index(fields=["company", "day"], name="order_rollup_day"),
            # Every figure but those by the hour.
            models.Index(fields=["company", "day"], condition=Q(clock_hour=None), name="order_rollup_whole_day"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.hour or ''} {self.provider} {self.status}: {self.orders}"


class CountRollup(Rollup):
    """How often something was there on a day: a reason, a product, an unmapped item."""

    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=300)
    name = models.CharField(max_length=255, blank=True)
    currency = models.CharField(max_length=8, blank=True)
    count = models.PositiveBigIntegerField(default=0)
    amount = models.DecimalField(max_digits=20, decimal_places=4, default=0)

    class Meta:
        db_table = "count_rollups"
        indexes = [models.Index(fields=["company", "kind", "day"], name="count_rollup_kind")]

    def __str__(self) -> str:
        return f"{self.day} {self.provider} {self.kind} {self.key}: {self.count}"


class TimeRollup(Rollup):
    """How many took how long on a day, a column for each bucket: whatever is asked for, the database adds them up."""

    kind = models.CharField(max_length=16)

    class Meta:
        db_table = "time_rollups"
        indexes = [models.Index(fields=["company", "kind", "day"], name="time_rollup_kind")]

    def __str__(self) -> str:
        return f"{self.day} {self.provider} {self.kind}"


for _name in TIME_BUCKETS:
    TimeRollup.add_to_class(_name, models.PositiveIntegerField(default=0))


class RollupState(models.Model):
    """Up to where a company's roll-ups go, and by which clock their days were cut."""

    company = models.OneToOneField("orders.Company", models.CASCADE, primary_key=True, related_name="+")
    seq = models.BigIntegerField(default=0)
    """The last event of an order that is counted, or whose day is pending."""
    closed_through = models.DateField(null=True)
    """The last day that is counted, or pending; None before the first."""
    deadlines_until = models.DateTimeField()
    """What had no answer by then counts as missed."""
    summed_months = models.JSONField(default=list)
    """The first days (ISO) of the months whose rows are what their days come to."""
    time_zone = models.CharField(max_length=64)
    business_day_cutoff = models.TimeField(default=time(0, 0))

    class Meta:
        db_table = "rollup_states"

    def __str__(self) -> str:
        return f"{self.company_id}: through {self.closed_through}, number {self.seq}"


class PendingDay(models.Model):
    """A closed day that has to be counted, again or for the first time.

    Nothing is unique here, so that nobody who marks a day waits for whoever counts it.
    """

    company = models.ForeignKey("orders.Company", models.CASCADE, related_name="+")
    day = models.DateField()

    class Meta:
        db_table = "rollup_pending_days"
        indexes = [models.Index(fields=["company", "day"], name="rollup_pending_day")]

    def __str__(self) -> str:
        return f"{self.company_id} {self.day}"
