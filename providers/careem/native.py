"""Careem's own dialect: ``{event_type, details}`` of the POS API 2.1.0.

Sources: docs.careemnow.com (POS API, OpenAPI 2.1.0), and payloads of integrations that run against it. What is
particular: lines and options are ids of the catalog that the restaurant published, without names; amounts are JSON
numbers, and no currency is named; a customer whom Careem delivers to is blank, with the phone number 0.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from decimal import Decimal

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
from providers.hub import build_event, checked_lines, make_address, read_courier
from providers.payload import Reader
from providers.words import CREATED, ORDER_TYPES, UPDATED, EventWord

NATIVE_WORDS = frozenset({"order_status_updated", "order_item_replacement_accepted"})
"""Event words that the hub has no use for; ``order_created`` it has."""

DISCOUNTS = ("merchant_discount_amount", "careem_discount_amount", "merchant_promo_amount", "careem_promo_amount")
"""What is taken off the order, whoever pays for it; ``discount`` of a line or an option is part of these."""

FLEETS = {
    "careem": FulfilledBy.PROVIDER,
    "merchant": FulfilledBy.RESTAURANT,
}


def is_native(body: Reader, order: Reader) -> bool:
    """Tell whether the order object is Careem's own: it has a branch, a price object or a merchant's pay type.

    A status update may be as bare as an id and a status; then the event's word and ``details`` tell.
    """
    if order.at("branch").is_object() or order.at("price").is_object() or order.at("merchant_pay_type"):
        return True
    return body.at("details").is_object() and _event_word(body).word() in NATIVE_WORDS


def read_event(
    body: Reader,
    order: Reader,
    *,
    events: Mapping[str, EventWord],
    ignored: frozenset[str],
    statuses: Mapping[str, Status],
) -> OrderEvent:
    """Read one event. ``order`` is the order object; what stands beside it counts where it lacks it."""
    word = _event_word(body).word()
    if word in ignored:
        return OrderEvent(kind=Kind.IGNORED, word=word, reason="nothing to do with orders")
    if word and word not in events:
        return OrderEvent(kind=Kind.IGNORED, word=word, reason=f"unknown event {word!r}")
    order = order.under(body, "occurred_at", "occurredAt")
    status_word = order.first("status", "current_status").word()
    meaning = events[word] if word else _meaning_without_word(body, order, status_word)
    return build_event(
        meaning,
        word=word,
        status_word=status_word,
        statuses=statuses,
        external_id=order.first("id", "order_id", "orderId").required_identifier(),
        order=order,
        snapshot=_read_snapshot(order, creating=meaning.kind is Kind.CREATED),
        courier=_read_captain(order),
    )


def _event_word(body: Reader) -> Reader:
    return body.first("event_type", "eventType")


def _meaning_without_word(body: Reader, order: Reader, status_word: str) -> EventWord:
    """Tell what an event without a word is: with lines a creation, with a status an update, else a fault."""
    if order.at("items").value:
        return CREATED
    if not status_word:
        _event_word(body).fault("expected an event, got nothing")
    return UPDATED


def _read_snapshot(order: Reader, *, creating: bool) -> OrderSnapshot:
    price = order.at("price")
    if price and not price.is_object():
        price.warn("expected an object of amounts, left out")
    order_type, fulfilled_by = _read_fulfilment(order, creating=creating)
    return OrderSnapshot(
        display_id=order.at("id").text(64) or None,
        store_ids=_read_store_ids(order),
        customer=_read_customer(order.at("customer")),
        lines=_read_lines(order.at("items"), required=creating),
        subtotal=price.at("original_total_price").amount(),
        delivery_fee=price.at("delivery_fee").amount(),
        service_fee=price.at("service_fee").amount(),
        discount=_read_discount(price),
        total=price.at("total_taxable_price").amount(),
        cash_due=order.at("cash_in").amount(),
        payment_method=order.first("merchant_pay_type", "customer.payment_type").word() or None,
        order_type=order_type,
        fulfilled_by=fulfilled_by,
        delivery_address=_read_address(order.at("customer.address")),
        notes="\n".join(_read_notes(order))[:2000] or None,
        placed_at=order.at("created_at").time(),
        scheduled_for=order.at("delivery.schedule_detail.time_slot.start").time(),
    )


def _read_store_ids(order: Reader) -> tuple[str, ...]:
    """Return the branch's ids, Careem's own field first. A brand is no branch: ``brand_id`` is shared by many."""
    paths = ("branch.id", "restaurant_id", "restaurantId", "restaurantCode", "restaurantReference", "branchId")
    found = (order.at(path).text(255) for path in paths)
    return tuple(dict.fromkeys(store_id for store_id in found if store_id))


def _read_customer(customer: Reader) -> CustomerInfo | None:
    """Read the customer; the phone number 0 of a masked one stays ``"0"``, so that a mask can be told from a gap."""
    info = CustomerInfo(
        name=customer.at("name").text(),
        phone=customer.at("phone_number").text(64),
        email=customer.at("email").text(254),
    )
    return None if info == CustomerInfo() else info


def _read_address(address: Reader) -> Address | None:
    """Read where to deliver. ``name`` ("Work") is the customer's own label; ``number`` is that of the door."""
    return make_address(
        street=address.at("street").text(),
        building=address.at("building").text(),
        apartment=address.at("number").text(64),
        area=address.at("area").text(),
        city=address.at("city").text(),
        notes=address.at("note").text(1000),
        latitude=address.at("location.lat"),
        longitude=address.at("location.lng"),
    )


def _read_discount(price: Reader) -> Decimal | None:
    """Return the sum of the discounts and promos, as Careem's own formula for the total has it.

    ``free_delivery_discount_value`` is not in that formula: it tells what the delivery fee would have been.
    """
    amounts = [amount for name in DISCOUNTS if (amount := price.at(name).amount()) is not None]
    return sum(amounts, Decimal(0)) if amounts else None


def _read_fulfilment(order: Reader, *, creating: bool) -> tuple[OrderType | None, FulfilledBy | None]:
    """Tell how the order reaches the customer: ``careem`` and ``merchant`` name whose rider carries it."""
    source = order.first("delivery_type", "delivery.type")
    word = source.word()
    order_type = ORDER_TYPES.get(word)
    if order_type is not None:
        return order_type, FulfilledBy.CUSTOMER
    if word in FLEETS:
        return OrderType.DELIVERY, FLEETS[word]
    if source:
        source.warn(f"unknown delivery type {word!r}")
    return (OrderType.DELIVERY, FulfilledBy.PROVIDER) if creating else (None, None)


def _read_lines(items: Reader, *, required: bool) -> tuple[Line, ...] | None:
    lines = tuple(
        Line(
            external_id=item.at("id").text(255),
            quantity=item.at("quantity").quantity(),
            unit_price=item.at("unit_price").amount(),
            total_price=item.at("total_price").amount(),
            notes=item.at("notes").text(2000),
            modifiers=_read_options(item),
        )
        for item in checked_lines(items, required=required)
    )
    return lines or None


def _read_options(holder: Reader) -> tuple[Modifier, ...]:
    """Read the options of all groups of a line or of an option; the groups themselves are no modifiers."""
    return tuple(
        Modifier(
            external_id=option.at("id").text(255),
            quantity=option.at("quantity").quantity(default=1),
            price=option.at("total_price").amount(),
            modifiers=_read_options(option),
        )
        for group in holder.at("groups").objects()
        for option in group.at("options").objects()
    )


def _read_notes(order: Reader) -> Iterator[str]:
    """Yield what the kitchen should know, each once: the order's note, then the notes and wishes for the merchant."""
    instructions = order.at("metadata.order_instructions")
    texts = [order.at("notes").text(2000), instructions.at("merchant_notes").text(2000)]
    wishes = instructions.at("merchant_instructions")
    if isinstance(wishes.value, list):
        texts += [_read_wish(wish) for wish in wishes.items()]
    else:
        texts.append(wishes.text(2000))
    yield from dict.fromkeys(text for text in texts if text)


def _read_wish(wish: Reader) -> str:
    """Read one instruction, in both languages where it has both; its label where it has none."""
    names = (wish.at("name_localized.en").text(), wish.at("name_localized.ar").text())
    return " / ".join(dict.fromkeys(filter(None, names))) or wish.at("label").text() or wish.text()


def _read_captain(order: Reader) -> Courier | None:
    """Read the captain; until one is assigned Careem sends blanks, and a phone number may be 0."""
    courier = read_courier(order)
    if courier is not None and courier.phone == "0":
        courier = dataclasses.replace(courier, phone="")
    return None if courier == Courier() else courier
