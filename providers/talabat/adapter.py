"""Talabat: Delivery Hero's POS middleware, and the hub's "basket" form.

Sources: Delivery Hero's ``pluginApi.yaml`` and ``middlewareExternalApi.yaml`` for the native dialect (native.py); the
hub's documentation for its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from providers.base import InboundRequest, ProviderAdapter
from providers.events import OrderEvent, Status
from providers.hub import HubFields, order_object, read_event
from providers.payload import Reader
from providers.signatures import JsonWebToken, Scheme, StaticKey
from providers.strict_json import clean, shown
from providers.talabat.calls import TalabatCalls
from providers.talabat.listing import TalabatListing
from providers.talabat.native import (
    POS_OTHER_WORDS,
    POS_STATUSES,
    is_dispatch,
    our_id,
    read_dispatch,
    read_pos_status,
)
from providers.words import (
    CANCELLED,
    CONFIRMED,
    COURIER_WORDS,
    CREATED,
    DELIVERED,
    HUB_EVENTS,
    IGNORED_EVENTS,
    PICKED_UP,
    UPDATED,
    EventWord,
)

FIELDS = HubFields(
    event=("event", "type", "eventType"),
    external_id=("order_id", "id"),
    display_id=("order_number",),
    store_id=("vendor_id", "restaurant_id", "branchId"),
    customer_name=("customer_name", "customer_info.name", "customer.name"),
    customer_phone=("customer_phone", "customer_info.phone", "customer.phone"),
    customer_email=("customer_email",),
    address=("customer_address", "customer_info.address"),
    lines=("basket", "items"),
    line_name=("name",),
    line_id=("id",),
    unit_price=("price", "unit_price"),
    line_total=("total",),
    line_notes=("special_request",),
    modifiers=("options",),
    modifier_id=("id",),
    modifier_value=("value",),
    modifier_price=("price",),
    subtotal=("basket_amount", "subtotal"),
    tax=("tax", "vat"),
    delivery_fee=("delivery_fee",),
    service_fee=("service_charge",),
    discount=("discount",),
    total=("order_amount", "total_amount", "total"),
    currency=("currency",),
    payment=("payment_method", "payment_info.method"),
    notes=("customer_notes", "customer_info.notes"),
    promised=("estimated_delivery_time",),
)


@dataclass(frozen=True, slots=True)
class Route:
    """A path below the registered base URL. ``ignored`` names one that has nothing to do with orders."""

    pattern: re.Pattern[str]
    method: str = "POST"
    ignored: str = ""
    status: int = 200


ROOT_ROUTE = Route(re.compile(""))
DISPATCH_ROUTE = Route(re.compile(r"order/(?P<remote_id>[^/]+)"))
POS_STATUS_ROUTE = Route(
    re.compile(r"remoteId/(?P<remote_id>[^/]+)/remoteOrder/(?P<order>[^/]+)/posOrderStatus"), method="PUT"
)
ROUTES = (
    ROOT_ROUTE,
    DISPATCH_ROUTE,
    POS_STATUS_ROUTE,
    Route(re.compile(r"remoteId/[^/]+/availability"), method="PUT", ignored="availability"),
    Route(re.compile(r"menuimport/[^/]+"), method="GET", ignored="menuimport", status=202),
    Route(re.compile(r"catalog(/.*)?", re.DOTALL), ignored="catalog"),
)
"""Source: pluginApi, "Endpoints to be implemented by the plugin"; the catalog's is the callback URL that we give."""


class TalabatAdapter(ProviderAdapter):
    """Reads Talabat.

    The seconds until an unanswered order is cancelled are not published: ``expiryDate`` of each order tells them.
    Deliveries carry no id: a repeated one is known by its path and body.
    """

    slug = "talabat"
    name = "Talabat"
    colour = "#c04300"
    schemes: ClassVar[tuple[Scheme, ...]] = (
        StaticKey(header="x-talabat-api-key", secret="apiKey", timestamp_header="x-talabat-timestamp"),  # noqa: S106
        JsonWebToken(secret="jwtSecret"),  # noqa: S106 — the name of a field
    )
    hub_secret = "apiKey"  # noqa: S105
    native_secret = "jwtSecret"  # noqa: S105
    events: ClassVar[Mapping[str, EventWord]] = {
        **HUB_EVENTS,
        "order_created": CREATED,
        "order_notification": CREATED,
        "order_confirmed": CONFIRMED,
        "order_status_update": UPDATED,
        "status_update": UPDATED,
        "order_cancelled": CANCELLED,
        "order_delivered": DELIVERED,
        "order_picked_up": PICKED_UP,
        **dict.fromkeys(POS_OTHER_WORDS, UPDATED),
    }
    ignored_events = IGNORED_EVENTS | {route.ignored for route in ROUTES if route.ignored}
    statuses: ClassVar[Mapping[str, Status]] = {
        "new": Status.RECEIVED,
        "accepted": Status.CONFIRMED,
        "confirmed": Status.CONFIRMED,
        "preparing": Status.PREPARING,
        "ready_for_pickup": Status.READY,
        "ready": Status.READY,
        "out_for_delivery": Status.OUT_FOR_DELIVERY,
        "picked_up": Status.OUT_FOR_DELIVERY,
        "delivered": Status.DELIVERED,
        "cancelled": Status.CANCELLED,
        "rejected": Status.REJECTED,
        **POS_STATUSES,
    }
    default_currency = "JOD"
    calls = TalabatCalls()
    listing = TalabatListing()
    stored_status = 202  # pluginApi: 200 and 202 both acknowledge a dispatch

    def methods(self, path: str) -> tuple[str, ...]:
        """Return the methods of one of Talabat's paths."""
        return tuple(route.method for route in ROUTES if route.pattern.fullmatch(path.strip("/")))

    def ignored_path(self, request: InboundRequest) -> str:
        """Return the word of a path that has nothing to do with orders."""
        return next((route.ignored for route in ROUTES if _match(route, request)), "")

    def answer_status(self, request: InboundRequest) -> int:
        """Return 202 for a menu trigger, else 200. Source: pluginApi."""
        return next((route.status for route in ROUTES if _match(route, request)), 200)

    def answer_fields(self, order_id: str) -> dict[str, Any]:
        """Return our id under Talabat's name; without it no later update comes, cancellations included."""
        return {"remoteResponse": {"remoteOrderId": order_id}}

    def read(self, body: Reader, request: InboundRequest) -> list[OrderEvent]:
        """Read a native body by its path or its shape, else a hub body."""
        pos_status = _match(POS_STATUS_ROUTE, request)
        if pos_status:
            reference = Reader(pos_status["order"], "path", body.faults)
            order_ref = our_id(reference)
            if not order_ref:
                _no_order(reference)
            return [read_pos_status(body, order_ref=order_ref, remote_id=clean(pos_status["remote_id"], 255))]
        dispatch = _match(DISPATCH_ROUTE, request)
        remote_id = clean(dispatch["remote_id"], 255) if dispatch else ""
        word = body.first(*FIELDS.event).word()
        if is_dispatch(body) or (dispatch and not word):
            return [read_dispatch(body, self.events.get(word, CREATED), word=word, remote_id=remote_id)]
        order = order_object(body)
        if is_dispatch(order) and (not word or word in self.events):
            store_id = order.first(*FIELDS.store_id, "restaurantId", "restaurantCode", "restaurantReference").text()
            meaning = self.events.get(word, CREATED)
            return [read_dispatch(order, meaning, word=word, remote_id=remote_id or store_id)]
        status_word = order.first("status", "current_status").word()
        if self._is_pos_status(word, status_word):
            return [_pos_status_in_a_body(order, status_word or word)]
        return [self._read_hub(body, remote_id)]

    def _is_pos_status(self, word: str, status_word: str) -> bool:
        """Tell whether a body off Talabat's own path is a ``posOrderStatus``, bare or in the hub's envelope.

        In an envelope the hub's reader knows the words that move the order and those of the courier, and reads the
        order's fields as well; what is left are the words that it does not know.
        """
        if not word:
            return status_word in POS_STATUSES or status_word in POS_OTHER_WORDS
        if not status_word:
            return word in POS_OTHER_WORDS
        return self.events.get(word) == UPDATED and status_word in POS_OTHER_WORDS - COURIER_WORDS

    def _read_hub(self, body: Reader, remote_id: str) -> OrderEvent:
        event = read_event(body, fields=FIELDS, events=self.events, ignored=self.ignored_events, statuses=self.statuses)
        snapshot = event.snapshot
        if snapshot is None:
            return event
        customer = snapshot.customer
        if customer and "@" not in customer.email:
            snapshot = replace(snapshot, customer=replace(customer, email=""))
        if remote_id:
            snapshot = replace(snapshot, store_ids=tuple(dict.fromkeys((remote_id, *snapshot.store_ids))))
        return replace(event, snapshot=snapshot)


def _match(route: Route, request: InboundRequest) -> re.Match[str] | None:
    return route.pattern.fullmatch(request.path.strip("/"))


def _no_order(reference: Reader) -> None:
    reference.fault(f"expected the id of an order of ours, got {shown(reference.value)}")


def _pos_status_in_a_body(order: Reader, word: str) -> OrderEvent:
    """Read a ``posOrderStatus`` that did not come to its path: the body names the order, by our id or by theirs."""
    external_id = order.first("token", "order_id", "orderId", "id").identifier()
    order_ref = "" if external_id else our_id(order.at("remoteOrderId"))
    if not external_id and not order_ref:
        _no_order(order.at("remoteOrderId"))
    return read_pos_status(order, word=word, order_ref=order_ref, external_id=external_id)
