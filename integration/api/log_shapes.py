"""The shapes of the log of deliveries and of replays in the OpenAPI schema."""

from __future__ import annotations

from rest_framework import serializers as s

from integration.api.shapes import Shape, answer_shape, maybe, maybe_time, page_shape, query_parameter, text
from integration.models import WebhookAttempt, WebhookStatus
from integration.models.credential import NEXARA
from providers.registry import ADAPTERS

LOG_FILTERS = [
    query_parameter("provider", "One or several, repeated or comma separated.", enum=[*ADAPTERS, NEXARA]),
    query_parameter("status", "One or several, repeated or comma separated.", enum=WebhookStatus.values),
    query_parameter("eventType", "Such as `order.created`; `order_created` means the same."),
    query_parameter("since", "Received at this time or later; a date is a day of the company's time zone."),
    query_parameter("until", "Received before this time, or up to the end of this date."),
    query_parameter("externalOrderId", "The provider's id of the order, exactly."),
    query_parameter("fingerprint", "Failures of one cause, as `failures` names it."),
    query_parameter("search", "A part of an id, an event word or an error; or an event's or order's id."),
]


class WebhookEvent(Shape):
    """A delivery as it stands in the list."""

    eventId = s.UUIDField()
    provider = s.CharField()
    status = s.ChoiceField(WebhookStatus.choices)
    eventType = maybe("Ours, dotted; the provider's word for an ignored event.")
    providerEvent = maybe("The provider's word.")
    externalOrderId = maybe()
    orderId = s.UUIDField(allow_null=True)
    orderStatus = maybe()
    error = maybe("A stable code.")
    errorMessage = maybe()
    fingerprint = maybe("Of a failure: what those of one cause have in common.")
    attempts = s.IntegerField()
    duplicates = s.IntegerField(help_text="How often the same delivery came again.")
    count = s.IntegerField(help_text="How many requests a rejected row stands for.")
    isEnvelope = s.BooleanField()
    source = s.ChoiceField(  # type: ignore[assignment]  # DRF has another use for the name, on other objects
        ["webhook", "reconciliation", "test"],
        help_text="How it got here; `reconciliation`: it never came, and we asked the provider or the hub for it.",
    )
    receivedAt = s.DateTimeField()
    processedAt = maybe_time()
    nextAttemptAt = maybe_time()
    durationMs = s.FloatField(allow_null=True)


class WebhookEventAttempt(Shape):
    """One try."""

    trigger = s.ChoiceField(WebhookAttempt.Trigger.choices)
    outcome = s.ChoiceField(WebhookStatus.choices)
    error = maybe()
    startedAt = s.DateTimeField()
    durationMs = s.FloatField(allow_null=True)
    user = maybe("Who asked for a replay.")


class WholeWebhookEvent(WebhookEvent):
    """A delivery whole."""

    method = s.CharField()
    path = text("What followed the registered address.", allow_blank=True)
    proof = maybe("Which secret proved it.")
    remoteAddress = s.IPAddressField(allow_null=True)
    requestId = maybe()
    headers = s.DictField(child=s.CharField())
    body = maybe("As it came.")
    bodyBase64 = maybe("Only where the body is not UTF-8.")
    bodyMissing = s.ChoiceField(["rejected", "past_retention", "order_finished", "no_order"], allow_null=True)
    bodySize = s.IntegerField()
    bodySha256 = maybe()
    details = s.DictField(help_text="Path to fault.")
    warnings = s.ListField(child=s.CharField())
    attemptLog = WebhookEventAttempt(many=True)


EventPage = page_shape("WebhookEventPage", WebhookEvent)
EventAnswer = answer_shape("WebhookEventAnswer", WholeWebhookEvent())


class ReplayRequest(Shape):
    """``force`` replays what succeeded, too."""

    force = s.BooleanField(default=False)


class ReplayFilter(Shape):
    """The names of the log's filters."""

    provider = s.ListField(child=s.CharField(), required=False, help_text="A list, or a text, comma separated.")
    status = s.ListField(child=s.CharField(), required=False, help_text="A list, or a text, comma separated.")
    eventType = s.CharField(required=False)
    since = s.DateTimeField(required=False)
    until = s.DateTimeField(required=False)
    externalOrderId = s.CharField(required=False)
    search = s.CharField(required=False)


class ReplayManyRequest(Shape):
    """``{}`` as the filter means every delivery that can be replayed."""

    filter = ReplayFilter()
    dryRun = s.BooleanField(default=False)
    force = s.BooleanField(default=False)


class ReplayResult(Shape):
    """A dry run answers the first three alone."""

    dryRun = s.BooleanField()
    count = s.IntegerField(help_text="How many fit and can be replayed.")
    skipped = s.IntegerField(help_text="How many fit and cannot, or succeeded already.")
    replayed = s.IntegerField(required=False)
    busy = s.IntegerField(required=False, help_text="Worked on by somebody else in that moment.")
    outcomes = s.DictField(child=s.IntegerField(), required=False, help_text="Status to number.")
    remaining = s.IntegerField(required=False)
    lastReceivedAt = s.DateTimeField(required=False, allow_null=True)


ReplayAnswer = answer_shape("ReplayAnswer", ReplayResult())
