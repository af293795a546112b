"""The shapes of the webhook test in the OpenAPI schema."""

from __future__ import annotations

from rest_framework import serializers as s

from integration.api.shapes import Shape, maybe
from providers.registry import ADAPTERS


class TrialRequest(Shape):
    """A payload to try, or which sample."""

    provider = s.ChoiceField(list(ADAPTERS), required=False, help_text="Required where the path does not name it.")
    payload = s.JSONField(required=False, help_text="An object, or a text taken as the body exactly as it is.")
    event = s.CharField(required=False, default="created")
    dialect = s.ChoiceField(["hub", "native"], default="hub")
    dryRun = s.BooleanField(default=True)


class TrialEvent(Shape):
    """An event that the payload tells."""

    eventType = maybe()
    providerEvent = maybe()
    externalOrderId = maybe()
    orderId = s.UUIDField(allow_null=True)
    orderStatus = maybe("The status that the event names.")
    outcome = s.CharField()
    note = maybe()


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

    externalId = maybe()
    name = s.CharField()
    menuProductId = s.UUIDField(allow_null=True)
    menuProductName = maybe()


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
