"""The shapes of what goes out, for the OpenAPI schema alone."""

from __future__ import annotations

from rest_framework import serializers as s

from integration.api.credential_shapes import CredentialRequest
from integration.api.shapes import Shape, answer_shape, maybe, maybe_time
from integration.connectivity import OUTCOMES
from integration.models import PushRoute, PushStatus
from orders.api.shapes import STATUSES, TimelineEntry
from orders.schema import Failure
from providers.registry import ADAPTERS


class RegisterRequest(Shape):
    """Which providers, and what proves them."""

    providers = s.ListField(child=s.CharField(), allow_empty=False, help_text=f"Of {', '.join(ADAPTERS)}.")
    credentials = s.DictField(
        child=CredentialRequest(), required=False, help_text="Provider to what `credentials/{provider}` takes."
    )


class RegisteredProvider(Shape):
    """A provider that NEXARA knows now."""

    provider = s.CharField()
    webhookId = s.CharField()
    url = s.URLField()
    status = s.CharField(help_text="`active`")


class FailedProvider(Shape):
    """A provider that was not registered."""

    provider = s.CharField()
    reason = s.CharField()


class Registrations(Shape):
    """What became of each provider."""

    registered = RegisteredProvider(many=True)
    failed = FailedProvider(many=True)


RegisterAnswer = answer_shape("RegisterAnswer", Registrations())


RegisterFailure = type("RegisterFailure", (Failure,), {"data": Registrations(), "__doc__": "None was registered."})


class PrepTimeRequest(Shape):
    """When an accepted order will be ready."""

    prepMinutes = s.IntegerField(min_value=1, max_value=240, help_text="From now.")


class SyncRequest(Shape):
    """The step to take first, if any."""

    status = s.ChoiceField(STATUSES, required=False)


class Push(Shape):
    """What a provider is told."""

    id = s.UUIDField()
    status = s.ChoiceField(PushStatus.choices)
    route = s.ChoiceField(PushRoute.choices)
    action = s.CharField(help_text="The order's status that is told.")
    attempts = s.IntegerField()
    error = maybe()
    nextAttemptAt = maybe_time()
    finishedAt = maybe_time()


class PushCall(Shape):
    """One call that was made for a push; an attempt can be more than one."""

    attempt = s.IntegerField()
    method = s.CharField()
    url = s.CharField()
    responseStatus = s.IntegerField(allow_null=True, help_text="Null where no answer came.")
    outcome = s.CharField(
        help_text="`done`, `retry`, `refresh_token`, `gone`, `permanent`, or why there was no answer, such as `timeout`."
    )
    error = maybe()
    startedAt = s.DateTimeField()
    durationMs = s.FloatField()


class PushWithCalls(Push):
    """What a provider is told, and how each try went."""

    calls = PushCall(many=True)


class ToldTimelineEntry(TimelineEntry):
    """An entry of the timeline, with what the provider was told because of it."""

    pushes = PushWithCalls(many=True)


class TimelinePage(Shape):
    """A page of the timeline."""

    results = ToldTimelineEntry(many=True)
    next = s.URLField(allow_null=True)


class PushedOrder(Shape):
    """An order and its push."""

    orderId = s.UUIDField()
    status = s.ChoiceField(STATUSES)
    push = Push()


PushAnswer = answer_shape("PushAnswer", PushedOrder())


class ConnectivityStep(Shape):
    """One step of the test."""

    name = s.ChoiceField(["dns", "tls", "token", "call"])
    outcome = s.ChoiceField(OUTCOMES)
    durationMs = s.FloatField(allow_null=True)
    detail = maybe()


class Connectivity(Shape):
    """How the way to a provider is."""

    provider = s.CharField()
    ok = s.BooleanField()
    steps = ConnectivityStep(many=True)


ConnectivityAnswer = answer_shape("ConnectivityAnswer", Connectivity())


class HubHealth(Shape):
    """How NEXARA is."""

    status = s.ChoiceField(["healthy", "degraded", "unhealthy"])
    latencyMs = s.FloatField(allow_null=True)
    checkedAt = s.DateTimeField()
    error = maybe()


HealthAnswer = answer_shape("HealthAnswer", HubHealth())
