"""Careem: what its two dialects say, and how its requests prove themselves.

Sources: the hub's documentation of Careem's fields; for the native dialect see :mod:`providers.careem.native`.
"""

from __future__ import annotations

from providers.base import InboundRequest, ProviderAdapter
from providers.careem import native
from providers.careem.calls import CareemCalls
from providers.careem.listing import CareemListing
from providers.events import OrderEvent, Status
from providers.hub import HubFields, order_object, read_event
from providers.payload import Reader
from providers.signatures import HexSignature, StaticKey
from providers.words import CANCELLED, CONFIRMED, CREATED, DELIVERED, HUB_EVENTS, IGNORED_EVENTS, UPDATED

EVENTS = {
    **HUB_EVENTS,
    "order_created": CREATED,
    "new_order": CREATED,
    "order_accepted": CONFIRMED,
    "status_changed": UPDATED,
    "order_cancelled": CANCELLED,
    "order_delivered": DELIVERED,
    # Native; order_created is a word of both dialects.
    "order_status_updated": UPDATED,
    "order_item_replacement_accepted": UPDATED,
}

IGNORED = IGNORED_EVENTS | {"catalog_request_status_updated", "catalog_status_updated"}
"""Careem's documentation calls the answer to a catalog push by both words."""

STATUSES = {
    "pending": Status.RECEIVED,
    "accepted": Status.CONFIRMED,
    "confirmed": Status.CONFIRMED,
    "preparing": Status.PREPARING,
    "ready": Status.READY,
    "picked_up": Status.OUT_FOR_DELIVERY,
    "trip_started": Status.OUT_FOR_DELIVERY,
    "delivered": Status.DELIVERED,
    "trip_ended": Status.DELIVERED,
    "cancelled": Status.CANCELLED,
    "rejected": Status.REJECTED,
}
"""``driver_coming`` and ``driver_here`` speak of the captain, ``slot_upcoming`` and ``slot_started`` of the time."""

HUB_FIELDS = HubFields(
    event=("event_type", "eventType"),
    external_id=("id", "order_id", "orderId"),
    display_id=("order_number",),
    store_id=("restaurant_id", "store_id"),
    customer_name=("customer.name",),
    customer_phone=("customer.phone",),
    customer_email=("customer.email",),
    address=("delivery_address", "customer.address"),
    lines=("items",),
    line_name=("name", "product_name"),
    line_id=("menu_item_id", "id"),
    unit_price=("unit_price", "unitPrice", "price"),
    line_total=("total_price", "totalPrice"),
    line_notes=("special_instructions", "specialInstructions", "notes"),
    modifiers=("modifiers",),
    modifier_id=("id",),
    modifier_price=("price",),
    subtotal=("subtotal", "order_amount", "pricing.subtotal"),
    tax=("tax_amount", "taxAmount", "pricing.tax"),
    delivery_fee=("delivery_fee", "deliveryFee", "pricing.delivery_fee"),
    service_fee=("service_fee", "serviceFee", "pricing.service_fee"),
    discount=("discount",),
    # The hub's table lacks the bare word; its envelope has it.
    total=("total_amount", "totalAmount", "order_amount", "pricing.total", "total"),
    currency=("currency", "pricing.currency"),
    payment=("payment_method", "payment.method"),
    notes=("special_instructions", "notes"),
    promised=("estimated_delivery_time", "expectedDeliveryAt", "delivery_time.estimated_at"),
)


class CareemAdapter(ProviderAdapter):
    """Reads Careem: one URL for every event, ``event_type`` tells what happened."""

    slug = "careem"
    name = "Careem"
    colour = "#0a7d3c"
    schemes = (
        HexSignature(header="x-careem-signature", secret="webhookSecret", timestamp_header="x-careem-timestamp"),  # noqa: S106 — a field's name
        StaticKey(header="x-careem-api-key", secret="apiKey"),  # noqa: S106 — a field's name
    )
    hub_secret = "webhookSecret"  # noqa: S105 — a field's name
    native_secret = "apiKey"  # noqa: S105 — a field's name
    events = EVENTS
    ignored_events = IGNORED
    statuses = STATUSES
    calls = CareemCalls()
    listing = CareemListing()

    def accept_within_s(self, country: str) -> int | None:
        """Return ten minutes, our own caution: Careem documents a partner timeout but not its length."""
        return 600

    def read(self, body: Reader, request: InboundRequest) -> list[OrderEvent]:
        """Read either dialect: the order object's shape tells which, wherever the hub has put it."""
        order = order_object(body)
        if native.is_native(body, order):
            return [native.read_event(body, order, events=EVENTS, ignored=IGNORED, statuses=STATUSES)]
        return [read_event(body, fields=HUB_FIELDS, events=EVENTS, ignored=IGNORED, statuses=STATUSES)]
