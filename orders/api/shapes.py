"""The shapes of the answers, for the OpenAPI schema alone: nothing is read or written through these serializers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from orders.models import OrderEvent
from orders.pagination import DEFAULT_LIMIT, MAX_LIMIT
from orders.settling import BY_HAND
from providers.events import FulfilledBy, OrderType, Status
from providers.registry import ADAPTERS

Shape = serializers.Serializer[Any]
STATUSES = [status.value for status in Status]
REASONS = [
    "amount_mismatch", "missing_customer", "provider_not_told", "unknown_branch", "unknown_currency", "unmapped_item",
]  # fmt: skip


def limit_parameter(default: int = DEFAULT_LIMIT, most: int = MAX_LIMIT) -> OpenApiParameter:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return OpenApiParameter("limit", schema, description="How many at most.")


def listed(name: str, description: str, values: list[str] | None = None) -> OpenApiParameter:
    item: dict[str, Any] = {"type": "string", "enum": values} if values else {"type": "string", "format": "uuid"}
    schema = {"type": "array", "items": item}
    return OpenApiParameter(name, schema, explode=False, style="form", description=description)


COMPANY = [
    OpenApiParameter("company", OpenApiTypes.UUID, description="The company, for who has several; default the first."),
    OpenApiParameter(
        "X-Company-Id", OpenApiTypes.UUID, OpenApiParameter.HEADER, description="The same, before `company`."
    ),
]
CURSOR = OpenApiParameter("cursor", str, description="Stands in `next`; opaque.")
PAGE = [limit_parameter(), CURSOR]
ORDER_ID = OpenApiParameter("order_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
STATUS = listed("status", "Repeated or comma separated.", STATUSES)
PROVIDER = listed("provider", "Repeated or comma separated.", list(ADAPTERS))
BRANCH = listed("branch", "Ids of branches, repeated or comma separated.")
ORDER_FILTERS = [
    STATUS,
    PROVIDER,
    BRANCH,
    OpenApiParameter(
        "since",
        str,
        description="Orders created at or after this time (UTC unless it has an offset), or from this date on in the"
        " company's time zone.",
    ),
    OpenApiParameter("until", str, description="Orders created before this time, or up to the end of this date."),
    OpenApiParameter(
        "search",
        str,
        description="The beginning of the display id or of the external id, a part of the customer's name, or at least"
        " four digits of the phone (for staff, of unfinished orders).",
    ),
    OpenApiParameter("externalOrderId", str, description="The provider's id, whole."),
    OpenApiParameter("needsAttention", bool),
]


class Branch(Shape):
    id = serializers.UUIDField()
    name = serializers.CharField()


class Customer(Shape):
    """Null when name, phone and e-mail are all blank, zero or masked."""

    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    phone = serializers.CharField(help_text="E.164 where it is valid; masked for staff once the order is finished.")
    phoneAccessCode = serializers.CharField()
    email = serializers.CharField()


class Modifier(Shape):
    id = serializers.UUIDField()
    externalId = serializers.CharField()
    name = serializers.CharField()
    nameAr = serializers.CharField()
    quantity = serializers.IntegerField()
    price = serializers.CharField(allow_null=True)
    parentId = serializers.UUIDField(allow_null=True)


class Item(Shape):
    id = serializers.UUIDField()
    externalId = serializers.CharField()
    name = serializers.CharField()
    nameAr = serializers.CharField()
    quantity = serializers.IntegerField()
    unitPrice = serializers.CharField(allow_null=True)
    totalPrice = serializers.CharField(allow_null=True)
    notes = serializers.CharField()
    menuProductId = serializers.UUIDField(allow_null=True)
    modifiers = Modifier(many=True, help_text="Flat, parents before children.")


class DeliveryAddress(Shape):
    text = serializers.CharField()
    street = serializers.CharField()
    building = serializers.CharField()
    floor = serializers.CharField()
    apartment = serializers.CharField()
    area = serializers.CharField()
    city = serializers.CharField()
    notes = serializers.CharField()
    latitude = serializers.FloatField(allow_null=True)
    longitude = serializers.FloatField(allow_null=True)


class Courier(Shape):
    name = serializers.CharField()
    phone = serializers.CharField()
    status = serializers.CharField(help_text="The provider's own word.")


class Order(Shape):
    """Amounts are strings in major units with the currency's own number of decimals; an absent one is null."""

    id = serializers.UUIDField()
    externalOrderId = serializers.CharField()
    displayId = serializers.CharField()
    provider = serializers.ChoiceField(list(ADAPTERS))
    companyId = serializers.UUIDField()
    branch = Branch(allow_null=True)
    status = serializers.ChoiceField(STATUSES)
    customer = Customer(allow_null=True)
    items = Item(many=True)
    subtotal = serializers.CharField(allow_null=True)
    tax = serializers.CharField(allow_null=True)
    deliveryFee = serializers.CharField(allow_null=True)
    serviceFee = serializers.CharField(allow_null=True)
    discount = serializers.CharField(allow_null=True)
    tip = serializers.CharField(allow_null=True)
    total = serializers.CharField()
    currency = serializers.CharField(help_text="ISO 4217.")
    paymentMethod = serializers.CharField(help_text="The provider's word in lower case.")
    cashDue = serializers.CharField(allow_null=True)
    orderType = serializers.ChoiceField([kind.value for kind in OrderType])
    fulfilledBy = serializers.ChoiceField([who.value for who in FulfilledBy])
    deliveryAddress = DeliveryAddress(allow_null=True)
    notes = serializers.CharField()
    courier = Courier(allow_null=True)
    isTest = serializers.BooleanField()
    timeZone = serializers.CharField(help_text="Of the company, as IANA names it.")
    needsAttention = serializers.BooleanField()
    attentionReasons = serializers.ListField(child=serializers.ChoiceField(REASONS))
    placedAt = serializers.DateTimeField()
    receivedAt = serializers.DateTimeField()
    acceptBy = serializers.DateTimeField(allow_null=True)
    scheduledFor = serializers.DateTimeField(allow_null=True)
    estimatedDeliveryAt = serializers.DateTimeField(allow_null=True)
    createdAt = serializers.DateTimeField()
    updatedAt = serializers.DateTimeField()
    seq = serializers.IntegerField(help_text="The number of the event that last changed the order.")


class OrderPage(Shape):
    results = Order(many=True)
    next = serializers.URLField(allow_null=True)


class GridPage(Shape):
    columns = serializers.ListField(child=serializers.CharField())
    results = serializers.ListField(child=serializers.ListField(), help_text="A row in the order of `columns`.")
    next = serializers.URLField(allow_null=True)
    total = serializers.IntegerField(allow_null=True)
    seq = serializers.IntegerField()


class StatusChange(Shape):
    status = serializers.ChoiceField(STATUSES)
    reason = serializers.CharField(required=False, max_length=500)
    prepMinutes = serializers.IntegerField(required=False, min_value=1, max_value=240, allow_null=True)


class SettleRequest(Shape):
    reason = serializers.ChoiceField(list(BY_HAND))


class Reason(Shape):
    code = serializers.CharField()
    label = serializers.CharField(help_text="For people.")  # type: ignore[assignment]


class ReasonPage(Shape):
    results = Reason(many=True)
    next = serializers.URLField(allow_null=True, help_text="Always null.")
    takesWords = serializers.BooleanField()


class TransitionDetails(Shape):
    status = serializers.ChoiceField(STATUSES, help_text="What the order is.")
    requested = serializers.ChoiceField(STATUSES)
    allowed = serializers.ListField(child=serializers.ChoiceField(STATUSES))


class TransitionFailure(Shape):
    success = serializers.BooleanField(default=False)
    error = serializers.CharField()
    message = serializers.CharField()
    details = TransitionDetails()


class TimelineEntry(Shape):
    id = serializers.UUIDField()
    seq = serializers.IntegerField(allow_null=True, help_text="Null for what came too late to change anything.")
    type = serializers.CharField()
    status = serializers.ChoiceField(STATUSES)
    previousStatus = serializers.ChoiceField(STATUSES, allow_null=True)
    providerStatus = serializers.CharField(help_text="The provider's own word.")
    source = serializers.ChoiceField(OrderEvent.Source.values)  # type: ignore[assignment]
    user = serializers.CharField(allow_null=True)
    reason = serializers.CharField()
    prepMinutes = serializers.IntegerField(allow_null=True)
    changes = serializers.DictField(
        help_text="Field name to `[before, after]`; to an empty list where the value is somebody's own."
    )
    loud = serializers.BooleanField(help_text="To be noticed by the kitchen.")
    note = serializers.CharField()
    occurredAt = serializers.DateTimeField()
    createdAt = serializers.DateTimeField()
    eventId = serializers.UUIDField(allow_null=True, help_text="The webhook event that caused it.")


class FrameData(Shape):
    customerName = serializers.CharField()
    total = serializers.FloatField(help_text="A number in this frame alone.")
    items = serializers.IntegerField(help_text="The sum of the quantities.")


class Frame(Shape):
    """The same as on the socket."""

    type = serializers.ChoiceField(["order_created", "order_updated", "order_cancelled", "order_delivered"])
    seq = serializers.IntegerField()
    orderId = serializers.UUIDField()
    externalOrderId = serializers.CharField()
    status = serializers.ChoiceField(STATUSES)
    provider = serializers.ChoiceField(list(ADAPTERS))
    eventType = serializers.ChoiceField(["order_created", "order_updated", "order_cancelled", "order_delivered"])
    currency = serializers.CharField()
    orderData = FrameData()


class ChangesPage(Shape):
    results = Frame(many=True)
    next = serializers.URLField(allow_null=True)
    lastSeq = serializers.IntegerField()
