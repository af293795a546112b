"""What the sandbox remembers while it plays the providers: its orders, the webhooks it owes us, the calls it got."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q


class SandboxOrder(models.Model):
    """An order as its provider sees it. ``orders.Order`` is ours; the two meet only over HTTP.

    ``next_at`` is when the sandbox has to look at it again, in real time; None: nothing more will happen by itself.
    """

    class Status(models.TextChoices):
        PLACED = "placed", "Placed"
        ACCEPTED = "accepted", "Accepted"
        COURIER_HERE = "courier_here", "Courier here"
        PICKED_UP = "picked_up", "Picked up"
        DELIVERED = "delivered", "Delivered"
        CANCELLED = "cancelled", "Cancelled"
        REJECTED = "rejected", "Rejected"
        TIMED_OUT = "timed_out", "Timed out"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    company = models.ForeignKey("orders.Company", models.CASCADE, related_name="sandbox_orders")
    provider = models.CharField(max_length=32)
    external_id = models.CharField(max_length=512)
    dialect = models.CharField(max_length=8)
    store_id = models.CharField(max_length=255)
    number = models.PositiveIntegerField(default=1)
    payload = models.JSONField()
    """What the creation said; a provider that sends whole orders again sends this one."""
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PLACED)
    answers_by_call = models.BooleanField(default=True)
    """Whether the company answers through the provider's API; else on the provider's tablet, which is our own status."""
    carried_by_provider = models.BooleanField(default=True)
    is_scheduled = models.BooleanField(default=False)
    speed = models.FloatField(default=20)
    late_courier = models.BooleanField(default=False)
    order_ref = models.CharField(max_length=255, blank=True)
    """Our id of the order, from the answer to its creation."""
    marks = models.JSONField(default=dict, blank=True)
    """Calls that a provider takes once, by name."""
    placed_at = models.DateTimeField()
    answer_by = models.DateTimeField()
    customer_cancels_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    ready_at = models.DateTimeField(null=True, blank=True)
    picked_up_at = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=0)
    """Rises with every change: who read an older one changes nothing."""

    class Meta:
        db_table = "sandbox_orders"
        ordering = ["-placed_at", "-id"]
        constraints = [
            # A provider's call names the order by this.
            models.UniqueConstraint(fields=["company", "provider", "external_id"], name="sandbox_order_external_id"),
        ]
        indexes = [
            # What the loop has to look at.
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="sandbox_order_due"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.external_id}"


class SandboxDelivery(models.Model):
    """A webhook that the sandbox sends us, and sends again as its provider would. Signed when it is sent."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        GIVEN_UP = "given_up", "Given up"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    order = models.ForeignKey(SandboxOrder, models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=32)
    delivery_id = models.CharField(max_length=64)
    """The provider's id of the delivery: a second copy of the same event has the same one."""
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=1024, blank=True)
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    answer_status = models.PositiveSmallIntegerField(null=True, blank=True)
    due_at = models.DateTimeField()

    class Meta:
        db_table = "sandbox_deliveries"
        ordering = ["due_at", "id"]
        indexes = [
            # What the loop has to send.
            models.Index(fields=["due_at"], condition=Q(status="waiting"), name="sandbox_delivery_due"),
        ]

    def __str__(self) -> str:
        return f"{self.event} of {self.order_id}"


class SandboxCall(models.Model):
    """A call that one of the played providers got, with what it answered. Holds no secret."""

    id = models.BigAutoField(primary_key=True)
    company = models.ForeignKey("orders.Company", models.CASCADE, null=True, related_name="sandbox_calls")
    """Whose account called; None where no account could be told."""
    provider = models.CharField(max_length=32)
    external_id = models.CharField(max_length=512, blank=True)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=1024)
    body = models.JSONField(null=True, blank=True)
    answer_status = models.PositiveSmallIntegerField()
    answer = models.JSONField(null=True, blank=True)
    received_at = models.DateTimeField()

    class Meta:
        db_table = "sandbox_calls"
        ordering = ["-id"]
        indexes = [
            # A company's calls at a provider, newest first.
            models.Index(fields=["company", "provider", "-id"], name="sandbox_call_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.answer_status}"
