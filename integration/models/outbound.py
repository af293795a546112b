"""The outbox: what a provider has still to be told, how each try went, and what guards the way."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from integration.fields import EncryptedJSONField
from orders.ids import new_id


class PushStatus(models.TextChoices):
    PENDING = "pending", _("Pending")
    SENDING = "sending", _("Sending")
    FAILED = "failed", _("Failed, will be retried")
    SENT = "sent", _("Sent")
    DROPPED = "dropped", _("Dropped, no longer of use")
    NOT_SENT = "not_sent", _("Not sent, the provider has no call for it")
    DEAD = "dead", _("Dead, waits for a person")


UNFINISHED = (PushStatus.PENDING, PushStatus.SENDING, PushStatus.FAILED)


class PushRoute(models.TextChoices):
    PROVIDER = "provider", _("The provider's own API")
    HUB = "nexara", "NEXARA"
    SUBSCRIBER = "subscriber", _("Who registered with this hub")


class OutboundPush(models.Model):
    """One status of one order that a provider is to be told: a row of the outbox. At the hub also an event for a subscriber.

    Its id is the idempotency key of its call, so a call that was made and not recorded is repeated as the same one.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey("orders.Company", models.CASCADE, related_name="+")
    order = models.ForeignKey("orders.Order", models.CASCADE, related_name="pushes")
    event = models.ForeignKey("orders.OrderEvent", models.SET_NULL, null=True, related_name="pushes")
    """The entry of the timeline that caused it."""
    subscription = models.ForeignKey(
        "integration.IntegrationWebhook", models.CASCADE, null=True, related_name="forwards"
    )
    """At the hub, to whom the event is forwarded; null for what the provider is told."""
    delivery = models.ForeignKey("integration.WebhookLog", models.CASCADE, null=True, related_name="forwards")
    """The delivery that is forwarded; null where a person at the hub caused the event."""
    provider = models.CharField(max_length=32)
    route = models.CharField(max_length=10, choices=PushRoute.choices, default=PushRoute.PROVIDER)
    action = models.CharField(max_length=20)
    """The status to tell, or ``acknowledge`` or ``prep_time``; of a forward the event's type."""
    previous_status = models.CharField(max_length=20, blank=True)
    seq = models.BigIntegerField()
    """The number of the event: pushes of an order leave in this order."""
    reason = models.CharField(max_length=500, blank=True)
    prep_minutes = models.PositiveSmallIntegerField(null=True)
    occurred_at = models.DateTimeField()
    request_id = models.CharField(max_length=64, blank=True)
    """Of the request that caused it: it stands in the log of whoever sends, and goes out with the call."""
    status = models.CharField(max_length=10, choices=PushStatus.choices, default=PushStatus.PENDING)
    error_code = models.CharField(max_length=64, blank=True)
    error = models.CharField(max_length=500, blank=True)
    """Why it is not sent, in one sentence."""
    attempts = models.PositiveIntegerField(default=0)
    steps_done = models.PositiveSmallIntegerField(default=0)
    """How many of its requests have been taken; most pushes are one."""
    next_attempt_at = models.DateTimeField(null=True)
    """When it may be sent: the next try, or the end of the lease of whoever is sending."""
    claim_token = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "outbound_pushes"
        ordering = ["created_at", "id"]
        verbose_name_plural = "outbound pushes"
        constraints = [
            models.CheckConstraint(condition=Q(status__in=PushStatus.values), name="outbound_push_status_known"),
            # Whatever is not finished is found by the sweep.
            models.CheckConstraint(
                condition=~Q(status__in=["pending", "sending", "failed"]) | Q(next_attempt_at__isnull=False),
                name="outbound_push_unfinished_is_due",
            ),
            # A delivery processed again is not forwarded again.
            models.UniqueConstraint(fields=["subscription", "delivery"], name="outbound_push_one_forward"),
            # What goes to a subscriber never becomes what a provider is told.
            models.CheckConstraint(
                condition=Q(route="subscriber", subscription__isnull=False)
                | (~Q(route="subscriber") & Q(subscription__isnull=True)),
                name="outbound_push_forward_has_subscription",
            ),
        ]
        indexes = [
            # The sweep.
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(status__in=["pending", "sending", "failed"]),
                name="outbound_push_due",
            ),
            # What waits for a person, for who counts it.
            models.Index(fields=["company"], condition=Q(status="dead"), name="outbound_push_dead"),
            # The pushes of one order, in their order.
            models.Index(fields=["order", "seq"], name="outbound_push_order"),
            # A company's pushes, newest first.
            models.Index(fields=["company", "-created_at", "-id"], name="outbound_push_newest"),
            # The search by a request's id.
            models.Index(
                fields=["company", "request_id"], condition=~Q(request_id=""), name="outbound_push_by_request"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.action} ({self.status})"


class OutboundAttempt(models.Model):
    """One try to make a push's call: what went out, without secrets, and what came back."""

    push = models.ForeignKey(OutboundPush, models.CASCADE, related_name="attempt_set")
    number = models.PositiveIntegerField()
    outcome = models.CharField(max_length=16)
    """``done``, ``retry``, ``refresh_token``, ``gone``, ``permanent``, or the code of a call that got no answer."""
    error = models.CharField(max_length=500, blank=True)
    method = models.CharField(max_length=8, blank=True)
    url = models.CharField(max_length=2000, blank=True)
    request_headers = models.JSONField(default=dict)
    request_body = models.TextField(blank=True)
    response_status = models.PositiveSmallIntegerField(null=True)
    response_body = models.TextField(blank=True)
    """The first 16 KiB."""
    started_at = models.DateTimeField()
    duration_ms = models.FloatField(default=0)

    class Meta:
        db_table = "outbound_attempts"
        ordering = ["started_at", "id"]
        indexes = [
            # The calls of the last minutes, and those past their retention.
            models.Index(fields=["started_at"], name="outbound_attempt_time"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.response_status or self.outcome}"


class ProviderToken(models.Model):
    """A provider's token for a company. ``fingerprint`` tells of which credential it is: another one makes it worthless."""

    company = models.ForeignKey("orders.Company", models.CASCADE, related_name="+")
    provider = models.CharField(max_length=32)
    fingerprint = models.CharField(max_length=64, blank=True)
    secrets = EncryptedJSONField(default=dict, editable=False)
    expires_at = models.DateTimeField(null=True)
    refresher = models.UUIDField(null=True)
    """Whoever asks the provider for the next token holds this, until ``refresh_until``."""
    refresh_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "provider_tokens"
        constraints = [
            # The row is the lock of the refresh.
            models.UniqueConstraint(fields=["company", "provider"], name="provider_token_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} of {self.company_id}"


class CircuitBreaker(models.Model):
    """Whether a company's way to a provider (or to the hub) is open: after failures in a row it rests for a while."""

    class State(models.TextChoices):
        CLOSED = "closed", _("Closed")
        OPEN = "open", _("Open")
        HALF_OPEN = "half_open", _("Half open")

    company = models.ForeignKey("orders.Company", models.CASCADE, related_name="+")
    provider = models.CharField(max_length=32)
    state = models.CharField(max_length=10, choices=State.choices, default=State.CLOSED)
    failures = models.PositiveIntegerField(default=0)
    """Passing failures in a row."""
    open_for_s = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    """When a probe may go; while one is out, when it counts as lost."""
    changed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "circuit_breakers"
        constraints = [
            # One breaker per way.
            models.UniqueConstraint(fields=["company", "provider"], name="circuit_breaker_unique"),
            models.CheckConstraint(
                condition=Q(state__in=["closed", "open", "half_open"]), name="circuit_breaker_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} of {self.company_id} ({self.state})"


class AutoAcceptPolicy(models.Model):
    """Whether orders are accepted without a person. The nearest counts: of branch and provider, branch, provider, company."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    company = models.ForeignKey("orders.Company", models.CASCADE, related_name="auto_accept_policies")
    branch = models.ForeignKey("orders.Branch", models.CASCADE, null=True, blank=True, related_name="+")
    provider = models.CharField(max_length=32, blank=True)
    """Blank: every provider."""
    enabled = models.BooleanField(default=True)
    prep_minutes = models.PositiveSmallIntegerField(default=20)

    class Meta:
        db_table = "auto_accept_policies"
        verbose_name_plural = "auto-accept policies"
        constraints = [
            # One answer per scope.
            models.UniqueConstraint(
                fields=["company", "provider"], condition=Q(branch__isnull=True), name="auto_accept_unique_company"
            ),
            models.UniqueConstraint(
                fields=["branch", "provider"], condition=Q(branch__isnull=False), name="auto_accept_unique_branch"
            ),
            models.CheckConstraint(
                condition=Q(prep_minutes__gte=1, prep_minutes__lte=240), name="auto_accept_prep_minutes_sane"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider or 'every provider'} ({'on' if self.enabled else 'off'})"
