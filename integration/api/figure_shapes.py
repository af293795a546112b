"""The shapes of the providers' status and of figures in the OpenAPI schema."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s

from integration.api.shapes import Shape, answer_shape, maybe, maybe_time, query_parameter
from integration.models import CircuitBreaker, WebhookStatus
from integration.models.credential import NEXARA
from integration.stats import PERIODS
from providers.registry import ADAPTERS

STATS_FILTERS = [
    query_parameter("period", "Default `day`.", enum=list(PERIODS)),
    query_parameter("provider", "Only this one.", enum=[*ADAPTERS, NEXARA]),
]


class WebhookCounts(Shape):
    """Deliveries by what became of them."""

    total = s.IntegerField()
    processed = s.IntegerField()
    ignored = s.IntegerField()
    parked = s.IntegerField()
    waiting = s.IntegerField()
    failed = s.IntegerField()
    dead = s.IntegerField()
    quarantined = s.IntegerField()
    rejected = s.IntegerField()
    duplicates = s.IntegerField()
    successRate = s.FloatField(allow_null=True)


class ProviderCounts(WebhookCounts):
    """The same of one provider."""

    provider = s.CharField()


_BUCKET: dict[str, Any] = {"from": s.DateTimeField(), "__doc__": "The same of one bucket."}
BucketCounts = type("BucketCounts", (WebhookCounts,), _BUCKET)


class ErrorCount(Shape):
    """One kind of failure."""

    error = s.CharField()
    provider = s.CharField()
    status = s.ChoiceField(WebhookStatus.choices)
    count = s.IntegerField()
    lastAt = s.DateTimeField()


class Durations(Shape):
    """Milliseconds by nearest rank."""

    p50 = s.FloatField(allow_null=True)
    p95 = s.FloatField(allow_null=True)
    p99 = s.FloatField(allow_null=True)
    sample = s.IntegerField()


Stats = type(
    "Stats",
    (WebhookCounts,),
    {
        "period": s.ChoiceField(list(PERIODS)),
        "from": s.DateTimeField(),
        "to": s.DateTimeField(),
        "timeZone": s.CharField(),
        "provider": maybe(),
        "durationMs": Durations(),
        "byProvider": ProviderCounts(many=True),
        "byError": ErrorCount(many=True),
        "buckets": BucketCounts(many=True),
        "__doc__": "Figures over a period.",
    },
)
StatsAnswer = answer_shape("StatsAnswer", Stats())


class Registration(Shape):
    """What NEXARA knows of a provider."""

    status = s.CharField()
    url = s.URLField()
    error = maybe()
    updatedAt = s.DateTimeField()


class ProviderStatus(Shape):
    """A provider's state."""

    provider = s.CharField()
    name = s.CharField()
    enabled = s.BooleanField()
    credentialSet = s.BooleanField()
    environment = maybe()
    credentialExpiresAt = maybe_time()
    credentialExpiring = s.BooleanField()
    registered = s.BooleanField()
    registration = Registration(allow_null=True)
    breaker = s.ChoiceField(
        CircuitBreaker.State.choices, help_text="`open`: calls to the provider wait, because it cannot be reached."
    )
    lastEventAt = maybe_time()
    lastSuccessAt = maybe_time()
    lastFailureAt = maybe_time()
    lastRejectedAt = maybe_time()
    last24h = WebhookCounts()


class IntegrationStatus(Shape):
    """The four providers and the hub."""

    checkedAt = s.DateTimeField()
    providers = ProviderStatus(many=True)


StatusAnswer = answer_shape("StatusAnswer", IntegrationStatus())
