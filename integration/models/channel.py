"""How alerts reach people: the channels, what each was told, and the rows that are still to be sent."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from integration.fields import EncryptedJSONField
from integration.models.alert import Alert
from integration.models.credential import mask
from providers.payload import parse_time


class AlertChannel(models.Model):
    """A way to people: e-mail addresses, a signed webhook, or an incoming webhook as Slack has them.

    Without a company it is the operators': it is told of the installation's own alerts alone.
    """

    class Kind(models.TextChoices):
        EMAIL = "email", "E-mail"
        WEBHOOK = "webhook", "Signed webhook"
        SLACK = "slack", "Slack or compatible"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    company = models.ForeignKey("orders.Company", models.CASCADE, null=True, blank=True, related_name="alert_channels")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    enabled = models.BooleanField(default=True)
    secrets = EncryptedJSONField(default=dict, editable=False)
    """``url``: of Slack's kind it is a secret itself. ``secret`` signs a webhook, ``previous`` too until ``previousUntil``."""
    emails = models.JSONField(default=list, blank=True)
    least_severity = models.CharField(
        max_length=10, choices=Alert.Severity.choices, default=Alert.Severity.WARNING.value
    )
    causes = models.JSONField(default=list, blank=True)
    """The causes that it is told of; empty: every one."""
    branch = models.ForeignKey("orders.Branch", models.CASCADE, null=True, blank=True, related_name="+")
    """Only what concerns this branch, or no one branch alone."""
    only_escalations = models.BooleanField(default=False)
    """Told only of what nobody took up elsewhere."""
    escalate_to = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="escalated_from")
    escalate_after_minutes = models.PositiveSmallIntegerField(default=15)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "alert_channels"
        ordering = ["name", "id"]
        constraints = [
            # People tell channels apart by their names.
            models.UniqueConstraint(fields=["company", "name"], name="alert_channel_unique_name"),
            models.UniqueConstraint(
                fields=["name"], condition=Q(company__isnull=True), name="alert_channel_unique_name_of_operators"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["email", "webhook", "slack"]), name="alert_channel_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(escalate_after_minutes__gte=1, escalate_after_minutes__lte=1440),
                name="alert_channel_escalation_sane",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def url(self) -> str:
        return str(self.secrets.get("url", ""))

    def signing_secrets(self, now: datetime) -> tuple[str, ...]:
        """Return the secrets that sign now, the current one first; the one before holds for the overlap."""
        found = [str(self.secrets.get("secret", ""))]
        until = parse_time(str(self.secrets.get("previousUntil", "")))
        if until is not None and now < until:
            found.append(str(self.secrets.get("previous", "")))
        return tuple(secret for secret in found if secret)

    @property
    def masked_secret(self) -> str:
        """The signing secret as people may see it; ``""`` where there is none."""
        secret = str(self.secrets.get("secret", ""))
        return mask(secret) if secret else ""

    @property
    def masked_url(self) -> str:
        """The address without what may be secret in it: its origin, and the last four characters of its path."""
        scheme, _, rest = self.url.partition("://")
        host, slash, path = rest.partition("/")
        return f"{scheme}://{host}{slash}{mask(path) if path else ''}" if self.url else ""


class AlertThread(models.Model):
    """What a channel has been told of one cause, from its first notice until it is told that the cause is gone."""

    channel = models.ForeignKey(AlertChannel, models.CASCADE, related_name="threads")
    cause = models.CharField(max_length=64)
    severity = models.CharField(max_length=10)
    """The worst that it has been told."""
    opened_at = models.DateTimeField()
    told_at = models.DateTimeField()
    escalated_at = models.DateTimeField(null=True)
    escalated_to = models.ForeignKey(AlertChannel, models.SET_NULL, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "alert_threads"
        constraints = [
            # The row is the lock: two planners at once open one thread, and tell once.
            models.UniqueConstraint(
                fields=["channel", "cause"], condition=Q(closed_at__isnull=True), name="alert_thread_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cause} on {self.channel_id}"


class NoticeStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    SENDING = "sending", "Sending"
    FAILED = "failed", "Failed, will be retried"
    SENT = "sent", "Sent"
    DEAD = "dead", "Dead, gave up"


NOTICE_UNFINISHED = (NoticeStatus.PENDING, NoticeStatus.SENDING, NoticeStatus.FAILED)


class AlertNotice(models.Model):
    """One message that a channel is to be sent. Its id is the ``webhook-id``: what is repeated has the same one."""

    class Kind(models.TextChoices):
        OPENED = "opened", "Opened"
        REPEATED = "repeated", "Still open"
        ESCALATED = "escalated", "Escalated"
        RESOLVED = "resolved", "Resolved"
        TEST = "test", "Test"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    channel = models.ForeignKey(AlertChannel, models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    cause = models.CharField(max_length=64, blank=True)
    content = models.JSONField(default=dict)
    """What it says, as it stood then: title, severity, the alerts' sentences, a link. No secret, no customer."""
    status = models.CharField(max_length=8, choices=NoticeStatus.choices, default=NoticeStatus.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    next_attempt_at = models.DateTimeField(null=True)
    """When it may be sent: the next try, or the end of the lease of whoever is sending."""
    claim_token = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "alert_notices"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=NoticeStatus.values), name="alert_notice_status_known"),
            # Whatever is not finished is found by the sweep.
            models.CheckConstraint(
                condition=~Q(status__in=["pending", "sending", "failed"]) | Q(next_attempt_at__isnull=False),
                name="alert_notice_unfinished_is_due",
            ),
        ]
        indexes = [
            # The sweep.
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(status__in=["pending", "sending", "failed"]),
                name="alert_notice_due",
            ),
            # What a channel was sent last.
            models.Index(fields=["channel", "-created_at", "-id"], name="alert_notice_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.cause} ({self.status})"


class AlertNoticeAttempt(models.Model):
    """One try to send a notice."""

    notice = models.ForeignKey(AlertNotice, models.CASCADE, related_name="attempt_set")
    number = models.PositiveIntegerField()
    outcome = models.CharField(max_length=16)
    """``done``, ``retry``, ``permanent``, or the code of a call that got no answer."""
    error = models.CharField(max_length=500, blank=True)
    response_status = models.PositiveSmallIntegerField(null=True)
    started_at = models.DateTimeField()
    duration_ms = models.FloatField(default=0)

    class Meta:
        db_table = "alert_notice_attempts"
        ordering = ["started_at", "id"]

    def __str__(self) -> str:
        return f"{self.number}: {self.outcome}"


class AlertThreshold(models.Model):
    """A threshold of a company that differs from the default; without a company, of the installation."""

    company = models.ForeignKey(
        "orders.Company", models.CASCADE, null=True, blank=True, related_name="alert_thresholds"
    )
    name = models.CharField(max_length=40)
    value = models.PositiveIntegerField()
    """Zero turns the rule off."""

    class Meta:
        db_table = "alert_thresholds"
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["company", "name"], name="alert_threshold_unique"),
            models.UniqueConstraint(
                fields=["name"], condition=Q(company__isnull=True), name="alert_threshold_unique_of_installation"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} = {self.value}"
