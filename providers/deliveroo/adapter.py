"""Deliveroo: its tables of words, and which of the two dialects a body is in.

Source of the native words: api-docs.deliveroo.com (order and rider events; docs spell both ``canceled`` and
``cancelled``); of the others: the hub's documentation of Deliveroo's payloads.
"""

from __future__ import annotations

import dataclasses
from decimal import Decimal

from providers.base import InboundRequest, ProviderAdapter
from providers.deliveroo.calls import DeliverooCalls
from providers.deliveroo.native import market_of, read_order
from providers.deliveroo.riders import RIDER_STATUSES, read_riders
from providers.events import Courier, OrderEvent, Status
from providers.hub import OUTSIDE, HubFields, order_object, read_address, read_event
from providers.payload import Reader
from providers.signatures import DeliverooSignature
from providers.words import (
    CANCELLED,
    CONFIRMED,
    CREATED,
    DELIVERED,
    HUB_EVENTS,
    IGNORED_EVENTS,
    PICKED_UP,
    UPDATED,
    EventWord,
)

EVENT_PATHS = ("event_name", "event", "eventType")
PAYLOAD_TYPE_HEADER = "x-deliveroo-payload-type"
RIDER_EVENT = "rider.status_update"
RIDER_HOLDERS = ("body", "orderData.body", "orderData", "details", "data")

NATIVE_EVENTS: dict[str, EventWord] = {
    "order.new": CREATED,
    "order.status_update": UPDATED,
    RIDER_EVENT: UPDATED,
    "new_order": CREATED,  # the older POS webhook
    "cancel_order": CANCELLED,
}

FIELDS = HubFields(
    event=EVENT_PATHS,
    external_id=("order_id", "id"),
    display_id=("reference",),
    store_id=("restaurant.id", "restaurant_id"),
    customer_name=("customer.first_name", "customer.name"),
    customer_surname=("customer.last_name",),
    customer_phone=("customer.phone_number", "customer.contact_number", "customer.phone"),
    customer_email=("customer.email",),
    address=("delivery_address", "customer.delivery_address"),
    lines=("items",),
    line_name=("name",),
    line_id=("plu", "external_id", "pos_item_id", "id"),
    unit_price=("price", "price_including_tax", "price_cents"),
    line_total=("total_price", "total_price_cents"),
    line_notes=("special_instructions",),
    modifiers=("modifiers",),
    modifier_id=("plu", "external_id", "pos_item_id", "id"),
    modifier_price=("price_cents", "price", "price_including_tax"),
    subtotal=("subtotal", "subtotal_cents"),
    tax=("tax", "tax_cents"),
    delivery_fee=("delivery_fee", "delivery_fee_cents"),
    service_fee=("service_charge_cents", "service_charge"),
    discount=("discount", "discount_cents"),
    tip=("rider_tip_cents", "rider_tip"),
    total=("total", "total_price_including_tax", "total_price_cents"),
    minor=("price_including_tax", "total_price_including_tax"),
    currency=("currency",),
    payment=("payment.method", "payment_method"),
    payment_default="online",
    notes=("notes",),
    promised=("delivery_time",),
)

AMOUNT_NAMES = frozenset(
    {
        "total", "total_price", "total_price_including_tax", "total_price_cents", "subtotal", "subtotal_cents", "price",
        "price_including_tax", "price_cents", "unit_price", "menu_unit_price", "partner_order_total", "bag_fee",
        "partner_order_subtotal", "offer_discount", "cash_due", "surcharge", "delivery_fee", "delivery_fee_cents",
    }
)  # fmt: skip
NATIVE_NAMES = (
    "location_id", "display_id", "status_log", "order_notes", "cutlery_notes", "asap", "prepare_for", "confirm_at",
    "start_preparing_at", "fee_breakdown", "is_tabletless", "remake_details", "meal_cards",
)  # fmt: skip
HUB_NAMES = ("order_id", "reference", "restaurant", "restaurant_id")


class DeliverooAdapter(ProviderAdapter):
    """Reads Deliveroo's Order API webhooks and the hub's form of them."""

    slug = "deliveroo"
    name = "Deliveroo"
    colour = "#00756c"
    schemes = (DeliverooSignature(),)
    hub_secret = native_secret = "webhookSecret"  # noqa: S105 — a field's name
    calls = DeliverooCalls()
    events = {
        **HUB_EVENTS,
        **NATIVE_EVENTS,
        "order_created": CREATED,
        "order_placed": CREATED,
        "order_acknowledged": CONFIRMED,
        "order_picked_up": PICKED_UP,
        "order_cancelled": CANCELLED,
        "order_delivered": DELIVERED,
    }
    ignored_events = IGNORED_EVENTS | {"menu.upload_result"}
    statuses = {
        "pending": Status.RECEIVED,
        "placed": Status.RECEIVED,
        "accepted": Status.CONFIRMED,
        "acknowledged": Status.CONFIRMED,
        "confirmed": Status.CONFIRMED,
        "in_kitchen": Status.PREPARING,
        "prepared": Status.READY,
        "ready_for_collection": Status.READY,
        "dispatched": Status.OUT_FOR_DELIVERY,
        "picked_up": Status.OUT_FOR_DELIVERY,
        "delivered": Status.DELIVERED,
        "cancelled": Status.CANCELLED,
        "canceled": Status.CANCELLED,
        "rejected": Status.REJECTED,
        **RIDER_STATUSES,
    }
    stored_status = 200
    """Deliveroo takes only 200 as accepted. Source: api-docs.deliveroo.com, webhook delivery rules."""

    def delivery_id(self, request: InboundRequest) -> str:
        """Return ``""``, on purpose: the digest over the body is the safer key.

        Whether ``x-deliveroo-sequence-guid`` is unique per delivery or per sequence of them is not known. Were it the
        latter, the second event of an order would pass for a conflicting copy of the first.
        """
        return ""

    def accept_within_s(self, country: str) -> int:
        """Return 420 s in the UAE and Kuwait, 600 s elsewhere. Source: Order API reference, "patch order"."""
        return 420 if country.upper() in {"AE", "KW"} else 600

    def read(self, body: Reader, request: InboundRequest) -> list[OrderEvent]:
        """Return the one event of a body, whichever dialect it is in. Without an event in it, the header names it."""
        if not body.first(*EVENT_PATHS):
            word = request.header(PAYLOAD_TYPE_HEADER).strip().removeprefix("event/")
            body = body.under(Reader({"event": word}), "event")
        word_reader = body.first(*EVENT_PATHS)
        word = word_reader.word()
        riders = _rider_holder(body, word) if word in {"", RIDER_EVENT} else None
        if riders:
            return [read_riders(riders, word)]
        order = _native_order(body, word)
        if order and (not word or word in self.events):
            event_at = word_reader if word else body.at("event")
            return [read_order(order, event_at, events=self.events, statuses=self.statuses)]
        event = read_event(body, fields=FIELDS, events=self.events, ignored=self.ignored_events, statuses=self.statuses)
        return [_with_own_facts(event, order_object(body))]


def _rider_holder(body: Reader, word: str) -> Reader | None:
    """Return the object that holds ``riders``; None where there is no such list."""
    for holder in (*(body.at(path) for path in RIDER_HOLDERS), body):
        if isinstance(holder.at("riders").value, list):
            return holder.under(body, "order_id", "orderId")
    # A rider event that has lost its riders still belongs to an order.
    return body.at("body") if word == RIDER_EVENT and body.at("body.order_id") else None


def _native_order(body: Reader, word: str) -> Reader | None:
    """Return the order object where it has the native shape, also inside the hub's envelope; None where it has not.

    Amounts decide: the hub's are numbers or texts, the native ones objects. Without amounts the names of fields do.
    """
    order = order_object(body)
    inner = next((inner for inner in (order.at("body.order"), order.at("order")) if inner.is_object()), None)
    if inner is not None:
        order = inner.under(order, *OUTSIDE).under(body, *OUTSIDE)
    lines = order.at("items").value
    holders = [order.value, *(lines if isinstance(lines, list) else [])]
    amounts = [
        value
        for holder in holders if isinstance(holder, dict)
        for name, value in holder.items() if name in AMOUNT_NAMES
    ]  # fmt: skip
    if any(isinstance(amount, dict) and "fractional" in amount for amount in amounts):
        native = True
    elif any(isinstance(amount, (int, Decimal, str)) and amount != "" for amount in amounts):
        native = False
    else:
        native = order.named(*NATIVE_NAMES) or (word in NATIVE_EVENTS and not order.named(*HUB_NAMES))
    return order.under(body, "location_id") if native else None


def _with_own_facts(event: OrderEvent, order: Reader) -> OrderEvent:
    """Add to a hub event what only Deliveroo tells: the market in the id, the rider's word, the phone's access code."""
    courier, snapshot = event.courier, event.snapshot
    if event.provider_status in RIDER_STATUSES:
        courier = dataclasses.replace(courier or Courier(), status=event.provider_status)
    if snapshot:
        customer = snapshot.customer
        code = order.at("customer.contact_access_code").text(64)
        snapshot = dataclasses.replace(
            snapshot,
            customer=dataclasses.replace(customer, phone_access_code=code) if customer else None,
            delivery_address=snapshot.delivery_address or read_address(order.at("customer.delivery_address")),
            market=market_of(event.external_id),
        )
    return dataclasses.replace(event, courier=courier, snapshot=snapshot)
