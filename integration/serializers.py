"""The shapes of the management API in the OpenAPI schema. They document; what comes in is read field by field."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers as s

from integration.models import Alert, CircuitBreaker, ProviderCredential, WebhookAttempt, WebhookStatus
from integration.models.credential import NEXARA
from integration.stats import PERIODS
from orders.models import Role
from providers.registry import ADAPTERS

Shape = s.Serializer[Any]


def _query(name: str, description: str, **kwargs: Any) -> OpenApiParameter:
    return OpenApiParameter(name, location=OpenApiParameter.QUERY, description=description, **kwargs)


LOG_FILTERS = [
    _query("provider", "One or several, repeated or comma separated.", enum=[*ADAPTERS, NEXARA]),
    _query("status", "One or several, repeated or comma separated.", enum=WebhookStatus.values),
    _query("eventType", "Such as `order.created`; `order_created` means the same."),
    _query("since", "Received at this time or later; a date is a day of the company's time zone."),
    _query("until", "Received before this time, or up to the end of this date."),
    _query("externalOrderId", "The provider's id of the order, exactly."),
    _query("fingerprint", "Failures of one cause, as `failures` names it."),
    _query("search", "A part of an id, an event word or an error; or an event's or order's id."),
]
ALERT_FILTERS = [
    _query("state", "One or several, repeated or comma separated.", enum=Alert.State.values),
    _query("severity", "One or several, repeated or comma separated.", enum=Alert.Severity.values),
]
AUDIT_FILTERS = [
    _query("action", "Such as `credential.rotated`, exactly."),
    _query("actor", "A username, exactly."),
    _query("target", "What it was done to, exactly."),
    _query("since", "Done at this time or later, or from this date on."),
    _query("until", "Done before this time, or up to the end of this date."),
]
STATS_FILTERS = [
    _query("period", "Default `day`.", enum=list(PERIODS)),
    _query("provider", "Only this one.", enum=[*ADAPTERS, NEXARA]),
]


def _text(help_text: str = "", **kwargs: Any) -> s.CharField:
    return s.CharField(help_text=help_text, **kwargs)


def _maybe(help_text: str = "") -> s.CharField:
    return s.CharField(allow_null=True, help_text=help_text)


def _time() -> s.DateTimeField:
    return s.DateTimeField(allow_null=True)


def _answer(name: str, data: s.Field[Any, Any, Any, Any]) -> type[Shape]:
    """Return the shape ``{"success": true, "data": …}``."""
    return type(name, (s.Serializer,), {"success": s.BooleanField(), "data": data, "__doc__": "A successful answer."})


def _page(name: str, row: type[Shape]) -> type[Shape]:
    """Return the shape of a page of a list."""
    fields = {"results": row(many=True), "next": s.URLField(allow_null=True), "__doc__": "A page, newest first."}
    return type(name, (s.Serializer,), fields)


# -- credentials -------------------------------------------------------------------------------------------------------


class CredentialOptions(Shape):
    """What a credential says besides its secrets."""

    enabled = s.BooleanField(required=False)
    environment = s.ChoiceField(ProviderCredential.Environment.choices, required=False)
    baseUrl = s.URLField(required=False, allow_null=True, help_text="https; blank or null for the provider's own.")
    allowedIps = s.ListField(child=s.CharField(), required=False, help_text="Addresses and networks; empty for any.")
    expiresAt = s.DateTimeField(required=False, allow_null=True)


def _secret_fields(help_text: str) -> dict[str, Any]:
    return {
        name: s.CharField(required=False, max_length=4096, help_text=help_text)
        for name in ProviderCredential.SECRET_FIELDS
    }


CredentialRequest = type(
    "CredentialRequest",
    (CredentialOptions,),
    {
        **_secret_fields("Set or rotated."),
        "overlapHours": s.IntegerField(required=False, min_value=0, max_value=168, default=24),
        "__doc__": "Only what is named is set.",
    },
)
Credential = type(
    "Credential",
    (CredentialOptions,),
    {
        "provider": s.CharField(),
        "credentialSet": s.BooleanField(),
        **_secret_fields("Masked, such as `••••1a2b`; absent where it is not set."),
        "previousValidUntil": s.DictField(
            child=s.DateTimeField(), help_text="Secret to when its previous value ends, while it is being rotated."
        ),
        "__doc__": "A credential, masked.",
    },
)
CredentialAnswer = _answer("CredentialAnswer", Credential())


class CredentialForgotten(Shape):
    """``deleted`` is false where nothing was set."""

    provider = s.CharField()
    deleted = s.BooleanField()


CredentialForgottenAnswer = _answer("CredentialForgottenAnswer", CredentialForgotten())

# -- the log -----------------------------------------------------------------------------------------------------------


class WebhookEvent(Shape):
    """A delivery as it stands in the list."""

    eventId = s.UUIDField()
    provider = s.CharField()
    status = s.ChoiceField(WebhookStatus.choices)
    eventType = _maybe("Ours, dotted; the provider's word for an ignored event.")
    providerEvent = _maybe("The provider's word.")
    externalOrderId = _maybe()
    orderId = s.UUIDField(allow_null=True)
    orderStatus = _maybe()
    error = _maybe("A stable code.")
    errorMessage = _maybe()
    fingerprint = _maybe("Of a failure: what those of one cause have in common.")
    attempts = s.IntegerField()
    duplicates = s.IntegerField(help_text="How often the same delivery came again.")
    count = s.IntegerField(help_text="How many requests a rejected row stands for.")
    isEnvelope = s.BooleanField()
    source = s.ChoiceField(  # type: ignore[assignment]  # DRF has another use for the name, on other objects
        ["webhook", "reconciliation", "test"],
        help_text="How it got here; `reconciliation`: it never came, and we asked the provider or the hub for it.",
    )
    receivedAt = s.DateTimeField()
    processedAt = _time()
    nextAttemptAt = _time()
    durationMs = s.FloatField(allow_null=True)


class WebhookEventAttempt(Shape):
    """One try."""

    trigger = s.ChoiceField(WebhookAttempt.Trigger.choices)
    outcome = s.ChoiceField(WebhookStatus.choices)
    error = _maybe()
    startedAt = s.DateTimeField()
    durationMs = s.FloatField(allow_null=True)
    user = _maybe("Who asked for a replay.")


class WholeWebhookEvent(WebhookEvent):
    """A delivery whole."""

    method = s.CharField()
    path = _text("What followed the registered address.", allow_blank=True)
    proof = _maybe("Which secret proved it.")
    remoteAddress = s.IPAddressField(allow_null=True)
    requestId = _maybe()
    headers = s.DictField(child=s.CharField())
    body = _maybe("As it came.")
    bodyBase64 = _maybe("Only where the body is not UTF-8.")
    bodyMissing = s.ChoiceField(["rejected", "past_retention", "order_finished", "no_order"], allow_null=True)
    bodySize = s.IntegerField()
    bodySha256 = _maybe()
    details = s.DictField(help_text="Path to fault.")
    warnings = s.ListField(child=s.CharField())
    attemptLog = WebhookEventAttempt(many=True)


EventPage = _page("WebhookEventPage", WebhookEvent)
EventAnswer = _answer("WebhookEventAnswer", WholeWebhookEvent())


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


ReplayAnswer = _answer("ReplayAnswer", ReplayResult())

# -- status and figures ------------------------------------------------------------------------------------------------


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
        "provider": _maybe(),
        "durationMs": Durations(),
        "byProvider": ProviderCounts(many=True),
        "byError": ErrorCount(many=True),
        "buckets": BucketCounts(many=True),
        "__doc__": "Figures over a period.",
    },
)
StatsAnswer = _answer("StatsAnswer", Stats())


class Registration(Shape):
    """What NEXARA knows of a provider."""

    status = s.CharField()
    url = s.URLField()
    error = _maybe()
    updatedAt = s.DateTimeField()


class ProviderStatus(Shape):
    """A provider's state."""

    provider = s.CharField()
    name = s.CharField()
    enabled = s.BooleanField()
    credentialSet = s.BooleanField()
    environment = _maybe()
    credentialExpiresAt = _time()
    credentialExpiring = s.BooleanField()
    registered = s.BooleanField()
    registration = Registration(allow_null=True)
    breaker = s.ChoiceField(
        CircuitBreaker.State.choices, help_text="`open`: calls to the provider wait, because it cannot be reached."
    )
    lastEventAt = _time()
    lastSuccessAt = _time()
    lastFailureAt = _time()
    lastRejectedAt = _time()
    last24h = WebhookCounts()


class IntegrationStatus(Shape):
    """The four providers and the hub."""

    checkedAt = s.DateTimeField()
    providers = ProviderStatus(many=True)


StatusAnswer = _answer("StatusAnswer", IntegrationStatus())

# -- the webhook test --------------------------------------------------------------------------------------------------


class TrialRequest(Shape):
    """A payload to try, or which sample."""

    provider = s.ChoiceField(list(ADAPTERS), required=False, help_text="Required where the path does not name it.")
    payload = s.JSONField(required=False, help_text="An object, or a text taken as the body exactly as it is.")
    event = s.CharField(required=False, default="created")
    dialect = s.ChoiceField(["hub", "native"], default="hub")
    dryRun = s.BooleanField(default=True)


class TrialEvent(Shape):
    """An event that the payload tells."""

    eventType = _maybe()
    providerEvent = _maybe()
    externalOrderId = _maybe()
    orderId = s.UUIDField(allow_null=True)
    orderStatus = _maybe("The status that the event names.")
    outcome = s.CharField()
    note = _maybe()


class TrialBranch(Shape):
    """``isKnown`` is false where the default branch stands in."""

    id = s.UUIDField()
    name = s.CharField()
    isKnown = s.BooleanField()


class TrialCustomer(Shape):
    """``isNew`` is true for one that was not known before."""

    id = s.UUIDField()
    name = s.CharField()
    isNew = s.BooleanField()


class TrialProduct(Shape):
    """A line, and the product of the menu that it means."""

    externalId = _maybe()
    name = s.CharField()
    menuProductId = s.UUIDField(allow_null=True)
    menuProductName = _maybe()


class TrialMatch(Shape):
    """What the order was matched with."""

    branch = TrialBranch(allow_null=True)
    customer = TrialCustomer(allow_null=True)
    products = TrialProduct(many=True)


class TrialStep(Shape):
    """One step."""

    name = s.CharField()
    durationMs = s.FloatField()


class TrialResult(Shape):
    """What a test run did."""

    provider = s.CharField()
    dryRun = s.BooleanField()
    eventId = s.UUIDField(allow_null=True, help_text="The delivery in the log; null for a dry run.")
    order = s.DictField(allow_null=True, help_text="The order, as `/api/orders/{id}` answers it.")
    matched = TrialMatch(allow_null=True)
    events = TrialEvent(many=True)
    warnings = s.ListField(child=s.CharField())
    steps = TrialStep(many=True)


class TrialAnswer(Shape):
    """``success`` is false for a payload that cannot be used: then ``error``, ``message`` and ``details`` say why."""

    success = s.BooleanField()
    data = TrialResult(required=False)  # type: ignore[assignment]
    error = s.CharField(required=False)
    message = s.CharField(required=False)
    details = s.DictField(required=False)


# -- alerts and the trail ----------------------------------------------------------------------------------------------


class AlertShape(Shape):
    """What waits for a person."""

    id = s.UUIDField()
    cause = s.CharField()
    subject = _maybe()
    severity = s.ChoiceField(Alert.Severity.choices)
    message = s.CharField()
    details = s.DictField()
    count = s.IntegerField()
    state = s.ChoiceField(Alert.State.choices)
    firstSeenAt = s.DateTimeField()
    lastSeenAt = s.DateTimeField()
    acknowledgedAt = _time()
    acknowledgedBy = _maybe()
    resolvedAt = _time()
    resolvedBy = _maybe()


AlertPage = _page("AlertPage", AlertShape)
AlertAnswer = _answer("AlertAnswer", AlertShape())


class AuditShape(Shape):
    """One act."""

    id = s.UUIDField()
    actor = s.CharField()
    action = s.CharField()
    target = _maybe()
    details = s.DictField()
    address = s.IPAddressField(allow_null=True)
    createdAt = s.DateTimeField()


AuditPage = _page("AuditPage", AuditShape)

# -- people and keys ---------------------------------------------------------------------------------------------------


class MemberBranch(Shape):
    """A branch that a member works in."""

    id = s.UUIDField()
    name = s.CharField()


class Member(Shape):
    """A person in a company."""

    id = s.UUIDField()
    username = s.CharField()
    name = _maybe()
    email = _maybe()
    role = s.ChoiceField(Role.choices)
    branches = MemberBranch(many=True, allow_null=True, help_text="null: all of them.")
    isActive = s.BooleanField()
    joinedAt = s.DateTimeField()
    lastSignInAt = _time()


class NewMember(Member):
    """A person in a company, and the password, shown once."""

    password = s.CharField()


class MemberChange(Shape):
    """Only what is named changes."""

    role = s.ChoiceField(Role.choices, required=False)
    branches = s.ListField(child=s.UUIDField(), required=False, allow_null=True, help_text="null: all of them.")


class MemberRequest(Shape):
    """A person to add."""

    username = s.CharField(max_length=150)
    email = s.EmailField(required=False)
    name = s.CharField(required=False, max_length=150)
    role = s.ChoiceField(Role.choices)
    branches = s.ListField(child=s.UUIDField(), required=False, allow_null=True, help_text="null: all of them.")


class Removed(Shape):
    """What is gone."""

    id = s.UUIDField()
    deleted = s.BooleanField()


class MemberRemoved(Removed):
    """Who is gone, with so many tokens."""

    revokedTokens = s.IntegerField()


MemberPage = _page("MemberPage", Member)
MemberAnswer = _answer("MemberAnswer", Member())
NewMemberAnswer = _answer("NewMemberAnswer", NewMember())
MemberRemovedAnswer = _answer("MemberRemovedAnswer", MemberRemoved())


class Token(Shape):
    """A key for programs, without the key."""

    id = s.UUIDField()
    name = s.CharField()
    username = s.CharField(help_text="Whom it acts as.")
    createdAt = s.DateTimeField()
    lastUsedAt = _time()
    expiresAt = _time()


class NewToken(Token):
    """A key for programs, shown once."""

    key = s.CharField()


class TokenRequest(Shape):
    """A name to know it by."""

    name = s.CharField(max_length=100)


TokenPage = _page("TokenPage", Token)
TokenAnswer = _answer("TokenAnswer", Token())
NewTokenAnswer = _answer("NewTokenAnswer", NewToken())
TokenRevokedAnswer = _answer("TokenRevokedAnswer", Removed())
