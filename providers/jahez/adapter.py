"""Jahez: its own webhooks, which name ids and letters only, and the hub's form of its orders.

Jahez publishes no specification. What is here rests on public integrators of its integration API, and on the hub's
documentation of its fields; the doubtful points are named where they matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from providers.base import InboundRequest, ProviderAdapter
from providers.events import (
    CustomerInfo,
    FulfilledBy,
    Kind,
    Line,
    Modifier,
    OrderEvent,
    OrderSnapshot,
    OrderType,
    Status,
)
from providers.hub import HubFields, build_event, checked_lines, order_object, read_address, read_event
from providers.jahez.calls import JahezCalls
from providers.payload import Reader
from providers.signatures import BearerToken, Scheme
from providers.words import CANCELLED, CONFIRMED, CREATED, DELIVERED, HUB_EVENTS, UPDATED, EventWord

CREATION_ID = "jahez_id"
UPDATE_ID = "jahezOrderId"
ACTION = "order_action"
"""The hub's word for a change of status; with the status ``placed`` it is a new order."""

HUB_FIELDS = HubFields(
    event=("event_type", "action", "eventType"),
    external_id=("order_number", "order_id", "orderId"),
    display_id=("order_number",),
    store_id=("restaurant_id", "restaurantCode"),
    customer_name=("customer_name", "customer_details.name", "customer.name"),
    customer_phone=("customer_mobile", "customer_details.mobile", "customer.phone"),
    customer_email=("customer_email", "customer_details.email"),
    address=("delivery_address", "customer_details.delivery_address"),
    lines=("items", "order_items"),
    line_name=("product_name", "item_name", "name"),
    line_name_ar=("item_name_ar",),
    line_id=("item_id", "id"),
    unit_price=("unit_price", "price"),
    line_total=("total_price",),
    line_notes=("special_requests",),
    modifiers=("customizations",),
    modifier_id=("customization_id",),
    modifier_price=("price",),
    subtotal=("subtotal", "payment_details.breakdown.subtotal"),
    tax=("tax_amount", "payment_details.breakdown.vat"),
    delivery_fee=("delivery_fee", "payment_details.breakdown.delivery_fee"),
    service_fee=("payment_details.breakdown.service_fee",),
    discount=("discount",),
    total=("total_amount", "total"),
    currency=("currency",),
    payment=("payment_method", "payment_details.payment_method"),
    notes=("special_requests",),
    promised=("delivery_time",),
)

BEARER = BearerToken(
    secret="bearerToken",  # noqa: S106 — the name of the credential's field
    request_id_header="x-request-id",
    request_id_field="requestId",
    native_fields=(CREATION_ID, UPDATE_ID),
)


class JahezAdapter(ProviderAdapter):
    """Jahez, of Riyadh. Its native requests carry no proof of their own: the operator has a bearer token set."""

    slug = "jahez"
    name = "Jahez"
    item_ids_end_in_store = True
    colour = "#b3122a"
    calls = JahezCalls()
    schemes: ClassVar[tuple[Scheme, ...]] = (BEARER,)
    hub_secret = "bearerToken"  # noqa: S105 — the name of the credential's field
    native_secret = "bearerToken"  # noqa: S105
    events: ClassVar[Mapping[str, EventWord]] = {
        **HUB_EVENTS,
        "order_received": CREATED,
        ACTION: UPDATED,
        "order_confirmed": CONFIRMED,
        "order_cancelled": CANCELLED,
        "order_delivered": DELIVERED,
    }
    statuses: ClassVar[Mapping[str, Status]] = {
        "placed": Status.RECEIVED,
        "pending_acceptance": Status.RECEIVED,
        "accepted": Status.CONFIRMED,
        "confirmed": Status.CONFIRMED,
        "in_preparation": Status.PREPARING,
        "preparing": Status.PREPARING,
        "ready": Status.READY,
        "on_the_way": Status.OUT_FOR_DELIVERY,
        "out_for_delivery": Status.OUT_FOR_DELIVERY,
        "delivered": Status.DELIVERED,
        "cancelled": Status.CANCELLED,
        "rejected": Status.REJECTED,
        # The letters of Jahez's own update webhook: T is an order that nobody answered in time.
        "n": Status.RECEIVED,
        "a": Status.CONFIRMED,
        "o": Status.OUT_FOR_DELIVERY,
        "d": Status.DELIVERED,
        "c": Status.CANCELLED,
        "r": Status.REJECTED,
        "t": Status.FAILED,
    }
    default_currency = "SAR"

    def delivery_id(self, request: InboundRequest) -> str:
        """Return the request id from the header, else from the body; Jahez's own webhooks have none."""
        return BEARER.request_id(request)

    def accept_within_s(self, country: str) -> int | None:
        """Return 300: an order that is not answered within 5 minutes times out. Source: working integrations."""
        return 300

    def read(self, body: Reader, request: InboundRequest) -> list[OrderEvent]:
        """Read Jahez's own form, also where the hub passes it on inside its envelope, else the hub's."""
        word = body.first(*HUB_FIELDS.event).word()
        if _is_native(body):
            return [self._read_native(body, word)]
        order = order_object(body)
        if _is_native(order) and (not word or word in self.events):
            return [self._read_native(order, word)]
        return [
            read_event(
                body,
                fields=HUB_FIELDS,
                events=self.events,
                ignored=self.ignored_events,
                statuses=self.statuses,
                created_when=lambda word, status: word == ACTION and status == "placed",
            )
        ]

    def _read_native(self, order: Reader, envelope_word: str) -> OrderEvent:
        """Read a creation (``jahez_id``) or an update (``jahezOrderId``).

        What Jahez puts into ``event`` is not known: only the id and the word of a hub's envelope say what it is.
        """
        whole = bool(order.at(CREATION_ID)) or not order.at(UPDATE_ID)
        meaning = self.events.get(envelope_word)
        if meaning is None or envelope_word == ACTION:
            meaning = CREATED if whole else UPDATED
        creating = meaning.kind is Kind.CREATED
        return build_event(
            meaning,
            word=envelope_word or order.at("event").word(),
            status_word=order.at("status").word(),
            statuses=self.statuses,
            external_id=order.at(CREATION_ID if whole else UPDATE_ID).required_identifier(),
            order=order,
            snapshot=_read_order(order, creating=creating) if whole or creating else _read_change(order),
            courier=None,
        )


def _is_native(order: Reader) -> bool:
    """Tell whether an order object is Jahez's own: it names one of its ids, and nothing that only the hub has."""
    return order.named(CREATION_ID, UPDATE_ID) and not order.named("order_number", "order_id", "items", "order_items")


def _payment_method(order: Reader) -> str | None:
    return order.at("payment_method").word() or None


def _read_change(order: Reader) -> OrderSnapshot | None:
    """Read an update: besides the status it may change nothing but the payment method."""
    method = _payment_method(order)
    return OrderSnapshot(payment_method=method) if method else None


def _read_order(order: Reader, *, creating: bool) -> OrderSnapshot:
    """Read a creation. It names no currency, fees, tax or times, and only ids of products and options.

    ``price`` is the sum before the offer and ``final_price`` what the customer pays. Jahez names no way of delivery but
    its own. The ids are those that we published, with ``-{BRANCH}`` behind them where they were published per branch.
    """
    total = order.at("final_price").amount()
    method = _payment_method(order)
    customer = CustomerInfo(name=order.at("customer_name").text(), phone=order.at("phone_number").text(64))
    store_id = order.at("branch_id").text()
    return OrderSnapshot(
        display_id=order.at(CREATION_ID).text(64) or None,
        store_ids=(store_id,) if store_id else (),
        customer=None if customer == CustomerInfo() else customer,
        lines=tuple(map(_read_line, checked_lines(order.at("products"), required=creating))) or None,
        subtotal=order.at("price").amount(),
        discount=order.at("offer.amount").amount(),
        total=total,
        cash_due=total if method == "cash" else None,
        payment_method=method,
        order_type=OrderType.DELIVERY,
        fulfilled_by=FulfilledBy.PROVIDER,
        delivery_address=read_address(order.at("delivery_address")),
        notes=order.at("notes").text(2000) or None,
    )


def _read_line(product: Reader) -> Line:
    return Line(
        external_id=product.at("product_id").text(),
        quantity=product.at("quantity").quantity(),
        unit_price=product.at("original_price").amount(),
        total_price=product.at("final_price").amount(),
        notes=product.at("notes").text(2000),
        modifiers=_read_options(product),
    )


def _read_options(holder: Reader) -> tuple[Modifier, ...]:
    """Read the options of every group of a product; the groups themselves are no modifiers."""
    return tuple(
        Modifier(
            external_id=option.at("id").text(),
            quantity=option.at("quantity").quantity(default=1),
            price=option.at("final_price").amount(),
            modifiers=_read_options(option),
        )
        for group in holder.at("modifiers").objects()
        for option in group.at("options").objects()
    )
