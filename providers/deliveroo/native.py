"""Deliveroo's own dialect: the webhooks of the Partner Platform's Order API.

Source: api-docs.deliveroo.com, "Order events" and "Rider events"; developers.deliveroo.com, "Webhook payloads" (money);
payloads of working integrations. Amounts are objects ``{fractional, currency_code}`` in the currency's subunit.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from providers.deliveroo.riders import LogEntry, log_entries, newest_entry, objects
from providers.events import (
    Address,
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
from providers.hub import build_event, checked_lines, make_address, read_courier
from providers.money import Amount, Minor, currency_digits
from providers.payload import Reader
from providers.strict_json import shown
from providers.words import CREATED, UPDATED, EventWord

FULFILMENTS: Mapping[str, tuple[OrderType, FulfilledBy]] = {
    "deliveroo": (OrderType.DELIVERY, FulfilledBy.PROVIDER),
    "autonomous": (OrderType.DELIVERY, FulfilledBy.PROVIDER),
    "restaurant": (OrderType.DELIVERY, FulfilledBy.RESTAURANT),
    "customer": (OrderType.PICKUP, FulfilledBy.CUSTOMER),
    "table_service": (OrderType.DINE_IN, FulfilledBy.CUSTOMER),
}
"""``fulfillment_type``. Source: the words of the Order API's published enum."""

CURRENCY_SOURCES = (
    "total_price", "partner_order_total", "subtotal", "partner_order_subtotal", "cash_due", "offer_discount", "bag_fee",
    "surcharge", "delivery.delivery_fee",
)  # fmt: skip
"""The amounts that name the order's currency, the one to be believed first; after them come the lines'."""

_MARKET = re.compile(r"([a-z]{2}):", re.ASCII | re.IGNORECASE)


def market_of(external_id: str) -> str | None:
    """Return the country that an order id begins with: ``ae:…`` is the UAE; None where it begins with none."""
    match = _MARKET.match(external_id)
    return match[1].upper() if match else None


# -- the order -------------------------------------------------------------------------------------------------------


def read_order(
    order: Reader, word_reader: Reader, *, events: Mapping[str, EventWord], statuses: Mapping[str, Status]
) -> OrderEvent:
    """Read one order object. ``word_reader`` stands where the event's word is or should be.

    Deliveroo promises no order of events and calls the status log the source of truth: its newest time is the event's.
    """
    log = log_entries(order.at("status_log"))
    status_word = order.at("status").word() or (newest_entry(log)[1] if log else "")
    word = word_reader.word()
    meaning = events.get(word) or _meaning_without_word(order, status_word, word_reader)
    external_id = order.first("id", "order_id", "orderId").required_identifier()
    event = build_event(
        meaning,
        word=word,
        status_word=status_word,
        statuses=statuses,
        external_id=external_id,
        order=order,
        snapshot=_read_snapshot(order, external_id, log, creating=meaning.kind is Kind.CREATED),
        courier=read_courier(order),
    )
    newest = newest_entry(log)[0] if log else None
    return dataclasses.replace(event, occurred_at=newest or event.occurred_at)


def _meaning_without_word(order: Reader, status_word: str, word_reader: Reader) -> EventWord:
    """Tell what an order without an event is: with lines a creation, with a status an update, else a fault."""
    if order.at("items").value:
        return CREATED
    if not status_word:
        word_reader.fault("expected an event, got nothing")
    return UPDATED


def _read_snapshot(order: Reader, external_id: str, log: list[LogEntry], *, creating: bool) -> OrderSnapshot:
    """Read an order's fields. ``brand_id`` is left out: a brand has many kitchens, so it would name the wrong one."""
    currency = _currency(order)
    lines = tuple(_read_line(line, currency) for line in checked_lines(order.at("items"), required=creating))
    delivery = order.at("delivery")
    order_type, fulfilled_by = _fulfilment(order.at("fulfillment_type"), creating)
    own_total = read_money(order.at("total_price"), currency)
    if order.at("remake_details").value:
        parent = order.at("remake_details.parent_order_id")
        order.at("remake_details").warn(f"this order is made again for {shown(parent.value)}")
    prepare_for = order.at("prepare_for").time()
    return OrderSnapshot(
        display_id=order.first("display_id", "order_number").text(64) or None,
        store_ids=_store_ids(order),
        customer=_customer(order.at("customer"), delivery),
        lines=lines or None,
        subtotal=read_money(order.at("subtotal"), currency),
        delivery_fee=read_money(delivery.at("delivery_fee"), currency),
        service_fee=_service_fee(order, currency),
        discount=read_money(order.at("offer_discount"), currency),
        total=read_money(order.at("partner_order_total"), currency) if own_total is None else own_total,
        cash_due=read_money(order.at("cash_due"), currency),
        currency=currency or None,
        payment_method=_payment_method(order.at("cash_due"), creating),
        order_type=order_type,
        fulfilled_by=fulfilled_by,
        delivery_address=_address(delivery) or _table(order, order_type),
        notes=_notes(order) or None,
        placed_at=_placed_at(log),
        scheduled_for=_scheduled_for(order),
        estimated_delivery_at=delivery.at("deliver_by").time() or prepare_for,
        market=market_of(external_id),
    )


def _store_ids(order: Reader) -> tuple[str, ...]:
    paths = ("location_id", "restaurant_id", "restaurantId", "restaurantCode", "restaurantReference", "branchId")
    found = (order.at(path).text(255) for path in paths)
    return tuple(dict.fromkeys(store_id for store_id in found if store_id))


def _customer(customer: Reader, delivery: Reader) -> CustomerInfo | None:
    """Read the customer; where the restaurant delivers, name and phone stand on ``delivery``. None where none is told.

    The number is a proxied one, shared by many, and goes together with its own access code.
    """
    name = " ".join(part for part in (customer.at("first_name").text(), customer.at("last_name").text()) if part)
    phone = code = ""
    for holder in (customer, delivery):
        phone = holder.first("contact_number", "phone_number").text(64)
        if phone:
            code = holder.at("contact_access_code").text(64)
            break
    info = CustomerInfo(
        name=name or delivery.at("customer_name").text(),
        phone=phone,
        phone_access_code=code,
        email=customer.at("email").text(254),
    )
    return None if info == CustomerInfo() else info


def _address(delivery: Reader) -> Address | None:
    """Read the address, which is flat on ``delivery``, or an object of its own in older payloads."""
    older = delivery.at("address")
    if not older.is_object() and older:
        return make_address(text=older.text(1000), latitude=delivery.at("latitude"), longitude=delivery.at("longitude"))
    source = older if older.value else delivery
    street, number = source.first("street", "line1", "address_line_1").text(), source.at("number").text()
    parts = (
        source.first("line1", "address_line_1").text() or " ".join(part for part in (street, number) if part),
        source.first("line2", "address_line_2").text(),
        source.at("city").text(),
        source.first("postcode", "postal_code").text(64),
    )
    return make_address(
        text=", ".join(part for part in parts if part)[:1000],
        street=street,
        building=number,
        city=source.at("city").text(),
        notes=delivery.at("delivery_notes").text(1000),
        latitude=source.first("location.latitude", "latitude"),
        longitude=source.first("location.longitude", "longitude"),
    )


def _table(order: Reader, order_type: OrderType | None) -> Address | None:
    """Return the guest's table as the place to bring an order to that is eaten in."""
    table = order.at("table_number").text(64)
    return Address(text=f"Table {table}") if table and order_type is OrderType.DINE_IN else None


def _fulfilment(source: Reader, creating: bool) -> tuple[OrderType | None, FulfilledBy | None]:
    word = source.word()
    if not word and not creating:
        return None, None
    if word and word not in FULFILMENTS:
        source.warn(f"unknown word {word!r}, read as a delivery by the provider")
    return FULFILMENTS.get(word, FULFILMENTS["deliveroo"])


def _payment_method(cash_due: Reader, creating: bool) -> str | None:
    """Return ``cash`` where some is due, else ``online``: Deliveroo names no method, and its orders are prepaid."""
    units = cash_due.at("fractional").minor()
    if isinstance(units, Minor):
        return "cash" if units.units > 0 else "online"
    return "online" if creating else None


def _notes(order: Reader) -> str:
    notes = (order.first("order_notes", "notes").text(2000), order.at("cutlery_notes").text(2000))
    return "\n".join(note for note in notes if note)[:2000]


def _placed_at(log: list[LogEntry]) -> datetime | None:
    """Return when the customer ordered: the log's ``placed``, else ``pending``, else its first time."""
    for wanted in ("placed", "pending"):
        for at, word in log:
            if at and word == wanted:
                return at
    return next((at for at, _ in log if at), None)


def _scheduled_for(order: Reader) -> datetime | None:
    if order.at("asap").flag() is not False:
        return None
    return order.at("prepare_for").time() or order.at("confirm_at").time()


# -- lines and money -------------------------------------------------------------------------------------------------


def _read_line(line: Reader, currency: str) -> Line:
    """Read an item. The PLU may be null or look like ``4534.0``; it is kept as sent."""
    return Line(
        external_id=line.at("pos_item_id").text(255),
        name=line.first("name", "operational_name").text(),
        quantity=line.at("quantity").quantity(),
        unit_price=read_money(line.first("unit_price", "menu_unit_price"), currency),
        total_price=read_money(line.at("total_price"), currency),
        notes=line.at("notes").text(2000),
        modifiers=_read_modifiers(line, currency),
    )


def _read_modifiers(holder: Reader, currency: str) -> tuple[Modifier, ...]:
    """Read the modifiers of an item or of a modifier, to any depth; older payloads hold them in groups."""
    readers = list(holder.at("modifiers").objects())
    if not readers:
        groups = holder.at("modifier_groups").objects()
        readers = [modifier for group in groups for modifier in group.first("modifiers", "items").objects()]
    return tuple(
        Modifier(
            external_id=modifier.at("pos_item_id").text(255),
            name=modifier.first("name", "operational_name").text(),
            quantity=modifier.at("quantity").quantity(default=1),
            price=read_money(modifier.first("unit_price", "menu_unit_price"), currency),
            modifiers=_read_modifiers(modifier, currency),
        )
        for modifier in readers
    )


def _currency(order: Reader) -> str:
    """Return the order's currency, that of its total; ``""`` where no amount names one."""
    amounts = [order.at(path) for path in CURRENCY_SOURCES]
    for line in objects(order.at("items")):
        amounts += [line.at("total_price"), line.at("unit_price")]
    return next((code for code in (_code(amount) for amount in amounts) if code), "")


def _code(amount: Reader) -> str:
    return amount.at("currency_code").text(8).upper()


def read_money(source: Reader, currency: str) -> Amount | None:
    """Read ``{fractional, currency_code}``; None where absent, or in another currency than the order's (a warning)."""
    if not source:
        return None
    if not source.is_object():
        source.fault(f"expected an amount with its currency, got {shown(source.value)}")
        return None
    code = _code(source) or currency
    if code != currency:
        source.warn(f"left out, because it is in {code} and the order in {currency}")
        return None
    return source.at("fractional").minor(currency_digits(code) if code else None)


def _service_fee(order: Reader, currency: str) -> Amount | None:
    """Return the sum of surcharge, bag fee and the fees of the breakdown; None where the payload has none of them."""
    fees = [order.at("surcharge"), order.at("bag_fee")]
    fees += [fee.at("amount") for fee in order.at("fee_breakdown").objects()]
    return _sum(read_money(fee, currency) for fee in fees)


def _sum(amounts: Iterable[Amount | None]) -> Amount | None:
    present = [amount for amount in amounts if amount is not None]
    if not present:
        return None
    majors = [amount for amount in present if isinstance(amount, Decimal)]
    if majors:
        return sum(majors, Decimal(0))
    return Minor(sum(amount.units for amount in present if isinstance(amount, Minor)))
