"""The inbox: every authentic request, byte for byte, and what became of it."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from integration.fields import EncryptedJSONField
from orders.ids import new_id

TEST_PROOF = "test"
"""Stands as the proof of a delivery that the webhook test made."""
RECONCILIATION = "reconciliation"
"""Stands as the proof of a delivery that never came: we asked for it ourselves, with our own credential."""


class WebhookStatus(models.TextChoices):
    RECEIVED = "received", _("Received")
    PROCESSING = "processing", _("Processing")
    PROCESSED = "processed", _("Processed")
    IGNORED = "ignored", _("Ignored")
    DUPLICATE = "duplicate", _("Duplicate")
    PARKED = "parked", _("Parked")
    FAILED = "failed", _("Failed, will be retried")
    DEAD = "dead", _("Dead, waits for a person")
    QUARANTINED = "quarantined", _("Quarantined, waits for a person")
    REJECTED = "rejected", _("Rejected, not authentic")


SETTLED = (WebhookStatus.PROCESSED, WebhookStatus.IGNORED, WebhookStatus.PARKED)
"""What ended well."""


class WebhookLog(models.Model):
    """One delivery. ``rejected`` rows count refused requests of one kind and minute, and hold nothing of them."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey(
        "orders.Company", models.CASCADE, null=True, related_name="webhook_logs", db_index=False
    )
    provider = models.CharField(max_length=32)
    status = models.CharField(max_length=12, choices=WebhookStatus.choices, default=WebhookStatus.RECEIVED)
    delivery_key = models.CharField(max_length=600, null=True)
    """What makes two requests the same delivery: the provider's id, else a digest over path and body."""
    rejection_key = models.CharField(max_length=200, null=True)
    event_type = models.CharField(max_length=64, blank=True)
    provider_event = models.CharField(max_length=64, blank=True)
    external_id = models.CharField(max_length=512, blank=True)
    order_id = models.UUIDField(null=True)
    """The order's stable id: set for a parked event too, before the order exists."""
    order_status = models.CharField(max_length=20, blank=True)
    is_envelope = models.BooleanField(default=False)
    is_test = models.BooleanField(default=False)
    """Sent with a sandbox credential or by the webhook test: what it makes is a test order, a retry's too."""
    proof = models.CharField(max_length=32, blank=True)
    """The secret field that proved the request; blank: taken unverified in development."""
    method = models.CharField(max_length=8, default="POST")
    path = models.CharField(max_length=1200, blank=True)
    """What follows the registered base URL."""
    headers = models.JSONField(default=dict)
    """Lower-case names; secrets are replaced."""
    body_sha256 = models.CharField(max_length=64, blank=True)
    body_size = models.PositiveIntegerField(default=0)
    remote_address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error = models.TextField(blank=True)
    details = models.JSONField(default=dict)
    """For a quarantined event: path to fault. For one that failed: where in the program, and the message without values."""
    fingerprint = models.CharField(max_length=16, blank=True, default="")
    """What failures of one cause have in common; blank: it did not fail, or has been mended."""
    warnings = models.JSONField(default=list)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    """When the sweep may take the row: the next try of a failed one, the end of the lease of one being worked."""
    claim_token = models.UUIDField(null=True)
    """Whoever works the row holds this; a result is written only by its holder."""
    duplicates = models.PositiveIntegerField(default=0)
    count = models.PositiveIntegerField(default=1)
    """How many requests a rejected row stands for."""
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True)
    duration_ms = models.FloatField(null=True)
    """From the last byte read to the last commit of the attempt that ended it."""

    class Meta:
        db_table = "webhook_logs"
        ordering = ["-received_at", "-id"]
        constraints = [
            # A delivery is taken once; the insert against it is the lock.
            models.UniqueConstraint(fields=["company", "provider", "delivery_key"], name="webhook_log_unique_delivery"),
            # Refusals of one kind and minute share a row.
            models.UniqueConstraint(fields=["rejection_key"], name="webhook_log_unique_rejection"),
            models.CheckConstraint(condition=Q(status__in=WebhookStatus.values), name="webhook_log_status_known"),
            # What is not authentic leaves nothing but a counted row, and never runs again.
            models.CheckConstraint(
                condition=~Q(status="rejected") | Q(rejection_key__isnull=False, delivery_key__isnull=True),
                name="webhook_log_rejected_is_counted",
            ),
        ]
        indexes = [
            # The log, newest first, of a company; and of the installation for a superuser.
            models.Index(fields=["company", "-received_at", "-id"], name="webhook_log_newest"),
            models.Index(fields=["-received_at", "-id"], name="webhook_log_newest_all"),
            # The sweep: due and stuck rows.
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(status__in=["received", "processing", "failed"]),
                name="webhook_log_due",
            ),
            # What waits for its order, and what waits for a person.
            models.Index(fields=["order_id"], condition=Q(status="parked"), name="webhook_log_parked"),
            models.Index(
                fields=["company", "status", "-received_at"],
                condition=Q(status__in=["parked", "failed", "dead", "quarantined", "rejected"]),
                name="webhook_log_open",
            ),
            # The failures of one cause.
            models.Index(
                fields=["company", "fingerprint", "-received_at"],
                condition=~Q(fingerprint=""),
                name="webhook_log_by_fingerprint",
            ),
            # "What happened to this order": from an external id, and from an order.
            models.Index(
                fields=["company", "external_id"],
                name="webhook_log_by_external_id",
                opclasses=["uuid_ops", "varchar_pattern_ops"],  # for how one begins, too
            ),
            models.Index(fields=["company", "order_id"], name="webhook_log_by_order"),
            # The search by a request's id.
            models.Index(fields=["company", "request_id"], condition=~Q(request_id=""), name="webhook_log_by_request"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.event_type or self.provider_event} {self.external_id}"

    @property
    def source(self) -> str:
        """How it got here: ``webhook``, ``reconciliation``, or ``test``."""
        return self.proof if self.proof in (RECONCILIATION, TEST_PROOF) else "webhook"


class WebhookBody(models.Model):
    """The bytes of a delivery, exactly as they came. A table of its own, so that old ones go and the row stays."""

    log = models.OneToOneField(WebhookLog, models.CASCADE, primary_key=True, related_name="body")
    body = models.BinaryField()

    class Meta:
        db_table = "webhook_bodies"
        verbose_name_plural = "webhook bodies"

    def __str__(self) -> str:
        return f"{len(self.body)} bytes of {self.log_id}"


class WebhookAttempt(models.Model):
    """One try to process a delivery. A first try that succeeds has no row: the log row says all there is."""

    class Trigger(models.TextChoices):
        RETRY = "retry", _("Retry")
        REPLAY = "replay", _("Replay")
        LIVE = "live", _("Live")

    log = models.ForeignKey(WebhookLog, models.CASCADE, related_name="attempt_set")
    trigger = models.CharField(max_length=8, choices=Trigger.choices)
    user = models.ForeignKey("orders.User", models.SET_NULL, null=True, related_name="+")
    outcome = models.CharField(max_length=12, choices=WebhookStatus.choices)
    error = models.TextField(blank=True)
    started_at = models.DateTimeField()
    duration_ms = models.FloatField()

    class Meta:
        db_table = "webhook_attempts"
        ordering = ["started_at", "id"]

    def __str__(self) -> str:
        return f"{self.trigger}: {self.outcome}"


class IntegrationWebhook(models.Model):
    """A provider of a company as registered with NEXARA. At the hub it is the other side of the same: a subscription.

    There ``url`` and ``events`` say where what goes, ``secrets`` what signs it, and the row's id is the ``webhookId``.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        FAILED = "failed", _("Failed")
        PAUSED = "paused", _("Paused")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    company = models.ForeignKey("orders.Company", models.CASCADE, related_name="integration_webhooks")
    provider = models.CharField(max_length=32)
    webhook_id = models.CharField(max_length=128, blank=True)
    url = models.URLField(max_length=500)
    events = models.JSONField(default=list)
    secrets = EncryptedJSONField(default=dict, editable=False)
    """``secretKey`` as NEXARA gave it, where it differs from the company's; it is checked first. At the hub the subscriber's,
    with the one before as ``previous`` until ``previousUntil``."""
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.ACTIVE)
    error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "integration_webhooks"
        constraints = [
            # Registering again updates.
            models.UniqueConstraint(fields=["company", "provider"], name="integration_webhook_unique_provider"),
            models.CheckConstraint(
                condition=Q(status__in=["active", "failed", "paused"]), name="integration_webhook_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} of {self.company_id}"
