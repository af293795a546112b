"""The shapes of alert channels and thresholds in the OpenAPI schema."""

from __future__ import annotations

from rest_framework import serializers as s

from integration.alerting.channels import MOST_MINUTES
from integration.alerting.thresholds import of_companies
from integration.api.shapes import Shape, answer_shape, maybe, maybe_time, page_shape
from integration.connectivity import OUTCOMES
from integration.models import Alert, AlertChannel, AlertNotice, NoticeStatus


class ChannelChange(Shape):
    """What a channel says of itself; only what is named is set."""

    name = s.CharField(required=False, max_length=80)
    enabled = s.BooleanField(required=False)
    url = s.CharField(required=False, max_length=2000, help_text="https; masked in answers.")
    secret = s.CharField(
        required=False, help_text='`whsec_` and base64, or `"new"`; signs a webhook. Masked in answers.'
    )
    emails = s.ListField(child=s.EmailField(), required=False)
    leastSeverity = s.ChoiceField(Alert.Severity.choices, required=False, help_text="Default `warning`.")
    causes = s.ListField(child=s.CharField(), required=False, help_text="Empty: every one.")
    branchId = s.UUIDField(
        required=False, allow_null=True, help_text="Only what concerns this branch, or no one branch alone."
    )
    onlyEscalations = s.BooleanField(required=False)
    escalateTo = s.UUIDField(required=False, allow_null=True, help_text="The channel that is told next.")
    escalateAfterMinutes = s.IntegerField(
        required=False, min_value=1, max_value=MOST_MINUTES, help_text="Without anybody's acknowledgement. Default 15."
    )


class ChannelRequest(ChannelChange):
    """A new channel."""

    name = s.CharField(max_length=80)
    kind = s.ChoiceField(AlertChannel.Kind.choices)


class LastNotice(Shape):
    """What a channel was sent last."""

    kind = s.ChoiceField(AlertNotice.Kind.choices)
    status = s.ChoiceField(NoticeStatus.choices)
    error = maybe()
    createdAt = s.DateTimeField()


class Channel(ChannelRequest):
    """A channel."""

    id = s.UUIDField()
    signingSecret = s.CharField(required=False, help_text="A signing secret that is new, this once.")
    lastNotice = LastNotice(allow_null=True)


class ChannelTestStep(Shape):
    """One step of the test."""

    name = s.ChoiceField(["dns", "tls", "mail_server", "send"])
    outcome = s.ChoiceField(OUTCOMES)
    durationMs = s.FloatField(allow_null=True)
    detail = maybe()


class ChannelTest(Shape):
    """Whether a channel works."""

    ok = s.BooleanField()
    steps = ChannelTestStep(many=True)


class ChannelRemoved(Shape):
    """A channel that is gone."""

    id = s.UUIDField()
    deleted = s.BooleanField()


class NoticeAttempt(Shape):
    """One try to send a notice."""

    number = s.IntegerField()
    outcome = s.CharField()
    error = maybe()
    responseStatus = s.IntegerField(allow_null=True)
    startedAt = s.DateTimeField()
    durationMs = s.FloatField()


class Notice(Shape):
    """One message to a channel."""

    id = s.UUIDField()
    kind = s.ChoiceField(AlertNotice.Kind.choices)
    cause = maybe()
    title = maybe()
    status = s.ChoiceField(NoticeStatus.choices)
    error = maybe()
    createdAt = s.DateTimeField()
    nextAttemptAt = maybe_time()
    finishedAt = maybe_time()
    attempts = NoticeAttempt(many=True)


ChannelAnswer = answer_shape("AlertChannelAnswer", Channel())
ChannelListAnswer = answer_shape("AlertChannelListAnswer", Channel(many=True))
ChannelTestAnswer = answer_shape("AlertChannelTestAnswer", ChannelTest())
ChannelRemovedAnswer = answer_shape("AlertChannelRemovedAnswer", ChannelRemoved())
NoticePage = page_shape("AlertNoticePage", Notice)
ThresholdsRequest = type(
    "AlertThresholdsRequest",
    (s.Serializer,),
    {
        entry.name: s.IntegerField(
            required=False, allow_null=True, min_value=0, max_value=entry.most, help_text=f"Default {entry.default}."
        )
        for entry in of_companies()
    }
    | {"__doc__": "Only what is named is set."},
)
AlertThresholds = type(
    "AlertThresholds",
    (s.Serializer,),
    {entry.name: s.IntegerField(help_text=f"{entry.title}, in {entry.unit}.") for entry in of_companies()}
    | {"__doc__": "From when on something is worth an alert; 0: never."},
)
ThresholdsAnswer = answer_shape("AlertThresholdsAnswer", AlertThresholds())
