"""The shapes of alerts and of the audit trail in the OpenAPI schema."""

from __future__ import annotations

from rest_framework import serializers as s

from integration.api.shapes import Shape, answer_shape, maybe, maybe_time, page_shape, query_parameter
from integration.models import Alert

ALERT_FILTERS = [
    query_parameter("state", "One or several, repeated or comma separated.", enum=Alert.State.values),
    query_parameter("severity", "One or several, repeated or comma separated.", enum=Alert.Severity.values),
]
AUDIT_FILTERS = [
    query_parameter("action", "Such as `credential.rotated`, exactly."),
    query_parameter("actor", "A username, exactly."),
    query_parameter("target", "What it was done to, exactly."),
    query_parameter("since", "Done at this time or later, or from this date on."),
    query_parameter("until", "Done before this time, or up to the end of this date."),
]


class AlertShape(Shape):
    """What waits for a person."""

    id = s.UUIDField()
    cause = s.CharField()
    subject = maybe()
    severity = s.ChoiceField(Alert.Severity.choices)
    message = s.CharField()
    details = s.DictField()
    count = s.IntegerField()
    state = s.ChoiceField(Alert.State.choices)
    firstSeenAt = s.DateTimeField()
    lastSeenAt = s.DateTimeField()
    acknowledgedAt = maybe_time()
    acknowledgedBy = maybe()
    resolvedAt = maybe_time()
    resolvedBy = maybe()


AlertPage = page_shape("AlertPage", AlertShape)
AlertAnswer = answer_shape("AlertAnswer", AlertShape())


class AuditShape(Shape):
    """One act."""

    id = s.UUIDField()
    actor = s.CharField()
    action = s.CharField()
    target = maybe()
    details = s.DictField()
    address = s.IPAddressField(allow_null=True)
    createdAt = s.DateTimeField()


AuditPage = page_shape("AuditPage", AuditShape)
