"""The hub dialect: the NEXARA form, in which a provider's order is passed on. An adapter gives only its table of fields.

Source: the hub's documentation of its envelope and of each provider's fields. Alternatives stand in order of preference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from providers.events import (
    Address,
    Courier,
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
from providers.money import currency_digits, is_known_currency
from providers.payload import MAX_LINES, Reader
from providers.words import COURIER_WORDS, ORDER_TYPES, TIMELINE_WORDS, EventWord

ORDER_OBJECTS = (
    "orderData", "details", "body.order", "data.order", "data.order_details", "data", "order_details", "order",
)  # fmt: skip
OUTSIDE = (
    "order_id", "orderId", "restaurant_id", "restaurantId", "restaurantCode", "restaurantReference", "branchId",
    "status", "current_status", "cancellationReason", "timestamp",
)  # fmt: skip
"""Fields that count when they stand beside the order object and it lacks them."""

Paths = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFields:
    """Where one provider's hub payload has each field. Each tuple holds dotted paths in order of preference."""

    event: Paths
    external_id: Paths
    display_id: Paths
    store_id: Paths
    customer_name: Paths
    customer_surname: Paths = ()
    customer_phone: Paths
    customer_email: Paths
    address: Paths
    lines: Paths
    line_name: Paths
    line_name_ar: Paths = ("name_ar",)
    line_id: Paths
    unit_price: Paths
    line_total: Paths
    line_notes: Paths
    modifiers: Paths
    modifier_id: Paths
    modifier_value: Paths = ()
    """The chosen value of an option that names its group; both make the modifier's name."""
    modifier_price: Paths
    subtotal: Paths
    tax: Paths
    delivery_fee: Paths
    service_fee: Paths
    discount: Paths
    tip: Paths = ()
    total: Paths
    minor: Paths = ()
    """Amounts in minor units although their names do not end in ``_cents``."""
    currency: Paths
    payment: Paths
    payment_default: str = ""
    notes: Paths
    promised: Paths


def order_object(body: Reader) -> Reader:
    """Return the order object: the first known place that holds a JSON object, else the body itself."""
    for path in ORDER_OBJECTS:
        candidate = body.at(path)
        if candidate.is_object():
            return candidate.under(body, *OUTSIDE)
    return body


def read_event(
    body: Reader,
    *,
    fields: HubFields,
    events: Mapping[str, EventWord],
    ignored: frozenset[str],
    statuses: Mapping[str, Status],
    created_when: Callable[[str, str], bool] = lambda word, status: False,
) -> OrderEvent:
    """Read one hub payload. ``created_when`` tells of a word and a status whether together they are a creation."""
    order = order_object(body)
    known = (r for r in map(body.at, fields.event) if r.word() in events or r.word() in ignored)
    word_reader = next(known, body.first(*fields.event))
    word = word_reader.word()
    status_word = order.first("status", "current_status").word()
    if word in ignored:
        return OrderEvent(kind=Kind.IGNORED, word=word, reason="nothing to do with orders")
    meaning = events.get(word)
    if meaning is None and word:
        return OrderEvent(kind=Kind.IGNORED, word=word, reason=f"unknown event {word!r}")
    if meaning is None:
        meaning = _meaning_without_word(order, fields, status_word, word_reader)
    elif created_when(word, status_word):
        meaning = EventWord(Kind.CREATED)
    return build_event(
        meaning,
        word=word,
        status_word=status_word,
        statuses=statuses,
        external_id=order.first(*fields.external_id, "order_id", "orderId").required_identifier(),
        order=order,
        snapshot=read_snapshot(order, fields, creating=meaning.kind is Kind.CREATED),
        courier=read_courier(order),
    )


def _meaning_without_word(order: Reader, fields: HubFields, status_word: str, word_reader: Reader) -> EventWord:
    """Tell what a payload without an event word is: with lines a creation, with a status an update, else a fault."""
    if order.first(*fields.lines).value:
        return EventWord(Kind.CREATED)
    if not status_word:
        word_reader.fault("expected an event, got nothing")
    return EventWord(Kind.UPDATED)


def build_event(
    meaning: EventWord,
    *,
    word: str,
    status_word: str,
    statuses: Mapping[str, Status],
    external_id: str,
    order: Reader,
    snapshot: OrderSnapshot | None,
    courier: Courier | None,
    order_ref: str = "",
) -> OrderEvent:
    """Put an event together: the status from its word, else from the event; the kind from what came out.

    A courier's word changes only ``courier``; a word of the timeline, and an unknown one, change no status.
    """
    status = statuses.get(status_word)
    if status_word in COURIER_WORDS:
        courier = Courier(
            name=courier.name if courier else "", phone=courier.phone if courier else "", status=status_word
        )
    elif status_word and status is None and status_word not in TIMELINE_WORDS:
        order.at("status").warn(f"unknown status {status_word!r}, the order keeps the one it has")
    if meaning.binding or not status_word:
        status = meaning.status
    kind = meaning.kind
    if kind is Kind.CREATED:
        status = status or Status.RECEIVED
    elif status is Status.CANCELLED:
        kind = Kind.CANCELLED
    elif status is Status.DELIVERED:
        kind = Kind.DELIVERED
    return OrderEvent(
        kind=kind,
        word=word,
        external_id=external_id,
        order_ref=order_ref,
        status=status,
        provider_status=status_word,
        occurred_at=order.first("timestamp", "occurred_at", "occurredAt", "updated_at").time(),
        reason=order.first("cancellationReason", "cancellation_reason", "cancel_reason", "reason").text(500),
        snapshot=snapshot,
        courier=courier,
        warnings=order.warnings,
    )


def read_snapshot(order: Reader, fields: HubFields, *, creating: bool) -> OrderSnapshot:
    """Read the fields of an order object; a creation needs at least one line."""
    currency = order.first(*fields.currency).text(8).upper() or None
    digits = currency_digits(currency) if currency and is_known_currency(currency) else None
    lines = read_lines(order.first(*fields.lines), fields, digits, required=creating)

    def amount(paths: Paths):  # type: ignore[no-untyped-def]
        return order.amount_of(paths, digits, fields.minor)

    order_type, fulfilled_by = _fulfilment(order, creating)
    name = " ".join(
        part for part in (order.first(*fields.customer_name).text(), *(order.at(p).text() for p in fields.customer_surname))
        if part
    )  # fmt: skip
    return OrderSnapshot(
        display_id=order.first(*fields.display_id).text(64) or None,
        store_ids=_store_ids(order, fields),
        customer=CustomerInfo(
            name=name,
            phone=order.first(*fields.customer_phone).text(64),
            email=order.first(*fields.customer_email).text(254),
        ),
        lines=lines,
        subtotal=amount(fields.subtotal),
        tax=amount(fields.tax),
        delivery_fee=amount(fields.delivery_fee),
        service_fee=amount(fields.service_fee),
        discount=amount(fields.discount),
        tip=amount(fields.tip),
        total=amount(fields.total),
        cash_due=order.amount_of(("cash_due", "cashDue", "cash_due_cents"), digits),
        currency=currency,
        payment_method=order.first(*fields.payment).word() or (fields.payment_default if creating else "") or None,
        order_type=order_type,
        fulfilled_by=fulfilled_by,
        delivery_address=read_address(order.first(*fields.address)),
        notes=order.first(*fields.notes).text(2000) or None,
        is_test=order.first("is_test", "isTest", "test").flag(),
        placed_at=order.first("created_at", "createdAt", "placed_at", "placedAt").time(),
        scheduled_for=order.first("scheduled_for", "scheduledFor").time(),
        estimated_delivery_at=order.first(*fields.promised).time(),
    )


def _store_ids(order: Reader, fields: HubFields) -> tuple[str, ...]:
    paths = (*fields.store_id, "restaurantId", "restaurantCode", "restaurantReference", "branchId")
    found = (order.at(path).text(255) for path in paths)
    return tuple(dict.fromkeys(store_id for store_id in found if store_id))


def _fulfilment(order: Reader, creating: bool) -> tuple[OrderType | None, FulfilledBy | None]:
    word = order.first("order_type", "orderType", "fulfillment_type").word()
    if not word and not creating:
        return None, None
    order_type = ORDER_TYPES.get(word, OrderType.DELIVERY)
    if order_type is not OrderType.DELIVERY:
        return order_type, FulfilledBy.CUSTOMER
    own_fleet = word in {"restaurant", "merchant"} or order.at("delivery_type").word() in {"restaurant", "merchant"}
    return order_type, FulfilledBy.RESTAURANT if own_fleet else FulfilledBy.PROVIDER


def read_lines(source: Reader, fields: HubFields, digits: int | None, *, required: bool) -> tuple[Line, ...] | None:
    """Read the lines; None where the payload has none, which is a fault only where they are ``required``."""
    lines = tuple(_read_line(line, fields, digits) for line in checked_lines(source, required=required))
    return lines or None


def checked_lines(source: Reader, *, required: bool) -> list[Reader]:
    """Return the readers of the lines; none on a new order, or more than 500, is a fault."""
    readers = list(source.objects())
    if len(readers) > MAX_LINES:
        source.fault(f"expected at most {MAX_LINES} lines, got {len(readers)}")
        return readers[:1]
    if required and not readers:
        source.fault(f"expected at least one line, got {'an empty list' if source.value == [] else 'nothing'}")
    return readers


def _read_line(line: Reader, fields: HubFields, digits: int | None) -> Line:
    return Line(
        external_id=line.first(*fields.line_id).text(255),
        name=line.first(*fields.line_name).text(),
        name_ar=line.first(*fields.line_name_ar).text(),
        quantity=line.at("quantity").quantity(),
        unit_price=line.amount_of(fields.unit_price, digits, fields.minor),
        total_price=line.amount_of(fields.line_total, digits, fields.minor),
        notes=line.first(*fields.line_notes).text(2000),
        modifiers=_read_modifiers(line, fields, digits),
    )


def _read_modifiers(holder: Reader, fields: HubFields, digits: int | None) -> tuple[Modifier, ...]:
    return tuple(
        Modifier(
            external_id=modifier.first(*fields.modifier_id).text(255),
            name=_modifier_name(modifier, fields),
            name_ar=modifier.at("name_ar").text(),
            quantity=modifier.at("quantity").quantity(default=1),
            price=modifier.amount_of(fields.modifier_price, digits, fields.minor),
            modifiers=_read_modifiers(modifier, fields, digits),
        )
        for modifier in holder.first(*fields.modifiers).objects()
    )


def _modifier_name(modifier: Reader, fields: HubFields) -> str:
    name = modifier.at("name").text()
    value = modifier.first(*fields.modifier_value).text() if fields.modifier_value else ""
    return f"{name}: {value}" if name and value else name or value


def read_address(source: Reader) -> Address | None:
    """Read an address that is one text or an object of parts; None where there is nothing of it."""
    if not source.is_object():
        text = source.text(1000)
        return Address(text=text) if text else None
    return make_address(
        text=source.first("full_address", "formatted_address", "text", "address", "address_line_1").text(1000),
        street=source.first("street", "street_name", "line1").text(),
        building=source.first("building", "building_number", "number").text(),
        floor=source.at("floor").text(64),
        apartment=source.first("apartment", "flat", "flat_number", "flatNumber", "unit").text(64),
        area=source.first("area", "district", "neighborhood").text(),
        city=source.at("city").text(),
        notes=source.first("notes", "note", "instructions", "delivery_instructions", "landmark").text(1000),
        latitude=source.first("latitude", "lat", "location.latitude", "location.lat", "geolocation.latitude"),
        longitude=source.first(
            "longitude", "lng", "lon", "location.longitude", "location.lng", "geolocation.longitude"
        ),
    )


def make_address(*, latitude: Reader, longitude: Reader, text: str = "", **parts: str) -> Address | None:
    """Put an address together; ``text`` is joined from the parts where there is none. None where all is blank."""
    joined = ", ".join(
        part for part in (parts.get(name, "") for name in ("street", "building", "floor", "apartment", "area", "city"))
        if part
    )  # fmt: skip
    address = Address(
        text=text or joined, latitude=latitude.coordinate(90), longitude=longitude.coordinate(180), **parts
    )
    return None if address == Address() else address


def read_courier(order: Reader) -> Courier | None:
    """Read the courier, by whatever word the provider calls one; None where nothing is told."""
    source = order.first("courier", "driver", "rider", "captain")
    if not source.is_object():
        return None
    courier = Courier(
        name=source.first("name", "full_name").text(),
        phone=source.first("phone", "phone_number", "mobile", "contact_number").text(64),
        status=source.at("status").text(64),
    )
    return None if courier == Courier() else courier
