"""The shapes of the hub's calls, for the OpenAPI schema alone."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers as s

from integration.api.figure_shapes import Stats
from integration.api.log_shapes import WebhookEvent
from integration.api.shapes import Shape, answer_shape, maybe, maybe_time, page_shape
from integration.hub.forwards import EVENTS
from integration.models import PushStatus
from orders.api.shapes import STATUSES
from providers.registry import ADAPTERS

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="What makes two calls the same; else their bytes."
)


class PlatformScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A platform's own proof, where a person's is not needed."""

    target_class = "integration.hub.callers.PlatformAuthentication"
    name = "platform"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "X-Nexara-Signature",
            "description": (
                "With `X-Timestamp` and `X-Company-Id`: HMAC-SHA256 in hex, with a key that the hub holds for the company,"
                " over the timestamp, a full stop and the body, which is empty; or the deployer's key as"
                " `Authorization: Bearer`."
            ),
        }


_EVENTS = f"Of {', '.join(EVENTS)}; empty: all."


class Registration(Shape):
    """Who wants to be told of which provider's orders, and where."""

    clientId = s.UUIDField(help_text="The company's id at its platform.")
    provider = s.ChoiceField(list(ADAPTERS))
    url = s.URLField(max_length=500)
    events = s.ListField(child=s.CharField(), required=False, help_text=_EVENTS)
    secretKey = s.CharField(required=False, help_text="Signs what goes out; one is made where there is none.")


class Registered(Shape):
    """A registration that stands."""

    webhookId = s.CharField()
    url = s.URLField()
    secretKey = s.CharField()
    status = s.CharField(help_text="`active`")


class OrderSync(Shape):
    """A status that an order reached at its platform."""

    orderId = s.UUIDField(required=False)
    externalOrderId = s.CharField(max_length=512)
    provider = s.ChoiceField(list(ADAPTERS))
    status = s.ChoiceField(STATUSES)
    timestamp = s.DateTimeField(required=False)
    companyId = s.UUIDField()
    reason = s.CharField(required=False, max_length=500, help_text="Of the provider's list, or words, for a refusal.")
    prepMinutes = s.IntegerField(required=False, allow_null=True, min_value=1, max_value=240,
                                 help_text="How long the kitchen takes, for an acceptance.")  # fmt: skip


class Synced(Shape):
    """The order at the hub after the call."""

    success = s.BooleanField()
    status = s.CharField(help_text="`processed`, `ignored` or `duplicate`")
    orderId = s.UUIDField()
    orderStatus = s.ChoiceField(STATUSES)


class Health(Shape):
    """How the hub is."""

    status = s.CharField(help_text="`ok`, or `unavailable`")
    timestamp = s.DateTimeField()
    services = s.DictField(child=s.CharField(), help_text="`database`, `redis`: `ok`, `none` or what is wrong.")


class Forward(Shape):
    """An event on its way to a subscriber; its id is the ``X-Webhook-Id``."""

    id = s.UUIDField()
    eventType = s.CharField(help_text=f"One of {', '.join(EVENTS)}.")
    url = s.URLField(allow_null=True)
    status = s.ChoiceField(PushStatus.choices)
    attempts = s.IntegerField()
    error = maybe()
    nextAttemptAt = maybe_time()
    finishedAt = maybe_time()


class HubDelivery(WebhookEvent):
    """A delivery, and where it was forwarded."""

    forwards = Forward(many=True)


HubLogPage = page_shape("HubLogPage", HubDelivery)


class Retried(HubDelivery):
    """What was tried again, as it is then; of a step taken at the hub the forward alone."""

    def get_fields(self) -> dict[str, Any]:
        """Return the fields: only ``forwards`` is always there."""
        fields = super().get_fields()
        for name, field in fields.items():
            field.required = name == "forwards"
        return fields


HubLogAnswer = answer_shape("HubLogAnswer", Retried())


class RetryRequest(Shape):
    """Whether what was sent is sent once more."""

    force = s.BooleanField(required=False, default=False)


class ForwardCounts(Shape):
    """How many forwards of a period are what now."""

    total = s.IntegerField()
    sent = s.IntegerField()
    waiting = s.IntegerField()
    failed = s.IntegerField()
    dead = s.IntegerField()
    dropped = s.IntegerField()


HubStats = type("HubStats", (Stats,), {"forwards": ForwardCounts(), "__doc__": "Figures over a period, at the hub."})
HubStatsAnswer = answer_shape("HubStatsAnswer", HubStats())


class Subscription(Shape):
    """What is registered for a provider. ``secretKey`` is masked."""

    webhookId = s.CharField()
    provider = s.CharField()
    url = s.URLField()
    events = s.ListField(child=s.CharField())
    status = s.CharField(help_text="`active`, or `paused`")
    secretKey = s.CharField()
    previousValidUntil = maybe_time()
    breaker = s.CharField(help_text="`closed`, `open` or `half_open`")
    waiting = s.IntegerField(help_text="Events that have not reached the subscriber yet.")
    createdAt = s.DateTimeField()
    updatedAt = s.DateTimeField()


class Config(Shape):
    """A client's subscriptions."""

    clientId = s.UUIDField()
    subscriptions = Subscription(many=True)


ConfigAnswer = answer_shape("ConfigAnswer", Config())


class SubscriptionChange(Shape):
    """What changes of one subscription."""

    provider = s.ChoiceField(list(ADAPTERS))
    url = s.URLField(max_length=500, required=False)
    events = s.ListField(child=s.CharField(), required=False, help_text=_EVENTS)
    status = s.CharField(required=False, help_text="`active`, or `paused`")


class ConfigRequest(Shape):
    """The subscriptions that change."""

    subscriptions = SubscriptionChange(many=True)
