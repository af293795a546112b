"""Talabat's own dialect: the dispatch of an order and the later ``posOrderStatus``.

Source: the OpenAPI documents of Delivery Hero's POS middleware, ``pluginApi.yaml`` and ``shared-components.yaml``.
Facts that rest on them: amounts are decimal strings (``deliveryFees[].value`` is a number), a product's quantity is a
string and a topping's a number, any price may be ``""``, ``remoteCode`` is null for what we did not publish.
No field of ours has a place for ``itemUnavailabilityHandling``, ``riderPickupTime``, the preparation-time object,
``invoicingInformation`` and ``corporateTaxId``; they stay in the stored body.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

from babel.core import get_global

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
from providers.strict_json import clean
from providers.words import COURIER_WORDS, ORDER_TYPES, EventWord

POS_STATUSES: dict[str, Status] = {"order_cancelled": Status.CANCELLED, "order_picked_up": Status.OUT_FOR_DELIVERY}
"""Words of a ``posOrderStatus`` that move the order."""
REPORT_STATUSES: dict[str, Status] = {"accepted": Status.CONFIRMED, "cancelled": Status.CANCELLED}
"""Words that stand beside a dispatch in the middleware's report of an order."""

POS_OTHER_WORDS = frozenset(
    {
        "courier_arrived_at_vendor",
        "product_order_modification_successful",
        "product_order_modification_failed",
        "show_rider_waiting_warning",
        "hide_rider_waiting_warning",
    }
)
"""Words of a ``posOrderStatus`` that leave the order's status. The list is open-ended: any other is ignored."""

MAX_URL_LENGTH = 2048
DISPATCH_FIELDS = ("products", "localInfo", "platformRestaurant", "expeditionType")


def is_dispatch(body: Reader) -> bool:
    """Tell whether a body has the shape of a dispatch: ``token`` and one more field that only a dispatch has."""
    return body.named("token") and body.named(*DISPATCH_FIELDS)


# -- the dispatch ------------------------------------------------------------------------------------------------------


def read_dispatch(order: Reader, meaning: EventWord, *, word: str = "", remote_id: str = "") -> OrderEvent:
    """Read a dispatch. ``remote_id`` is our id of the branch, from the path."""
    creating = meaning.kind is Kind.CREATED
    snapshot = read_snapshot(order, remote_id, creating=creating)
    event = build_event(
        meaning,
        word=word,
        status_word=order.at("status").word(),
        statuses=POS_STATUSES | REPORT_STATUSES,
        external_id=order.at("token").required_identifier(),
        order=order,
        snapshot=snapshot,
        courier=None,
    )
    return replace(event, occurred_at=snapshot.placed_at) if creating and event.occurred_at is None else event


def read_snapshot(order: Reader, remote_id: str, *, creating: bool) -> OrderSnapshot:
    """Read a dispatch's order, or the ``updatedOrder`` of a modification; a creation needs at least one line."""
    country = order.at("localInfo.countryCode")
    order_type, fulfilled_by = _fulfilment(order, creating=creating)
    expected = order.at("delivery.expectedDeliveryTime").time()
    pre_order = order.at("preOrder").flag()
    return OrderSnapshot(
        # An update that leaves the rider's code out must not put the long one in its place.
        display_id=order.first("shortCode", *(("code",) if creating else ())).text(64) or None,
        store_ids=tuple(
            dict.fromkeys(store_id for store_id in (remote_id, order.at("platformRestaurant.id").text()) if store_id)
        ),
        customer=_customer(order.at("customer")),
        lines=tuple(map(_line, checked_lines(order.at("products"), required=creating))) or None,
        subtotal=order.at("price.subTotal").amount(),
        tax=order.at("price.vatTotal").amount(),
        delivery_fee=order.at("price.deliveryFee").amount()
        if order.at("price.deliveryFee")
        else _sum(order.at("price.deliveryFees"), "value"),
        service_fee=order.first("price.serviceFeeTotal", "price.serviceFee").amount(),
        discount=_sum(order.at("discounts"), "amount"),
        tip=order.at("price.riderTip").amount(),
        total=order.at("price.grandTotal").amount(),
        cash_due=order.at("price.collectFromCustomer").amount(),
        currency=_currency(country),
        payment_method=order.at("payment.type").word() or None,
        order_type=order_type,
        fulfilled_by=fulfilled_by,
        delivery_address=_address(order.at("delivery.address")),
        notes=order.at("comments.customerComment").text(2000) or None,
        is_test=order.at("test").flag(),
        placed_at=order.at("createdAt").time(),
        accept_by=order.at("expiryDate").time(),
        scheduled_for=(expected or order.at("pickup.pickupTime").time()) if pre_order else None,
        estimated_delivery_at=expected,
        market=_market(country),
        callback_urls=_callback_urls(order.at("callbackUrls")),
    )


def _line(product: Reader) -> Line:
    """Read a product. ``unitPrice`` is without toppings and ``paidPrice`` is the line's; neither is computed again.

    The official examples disagree on whether ``paidPrice`` includes the toppings. ``variation.name`` repeats the size
    that is among the toppings, so it stays out of the name.
    """
    return Line(
        external_id=product.first("remoteCode", "id").text(),
        name=product.at("name").text(),
        quantity=product.at("quantity").quantity(),
        unit_price=product.at("unitPrice").amount(),
        total_price=product.at("paidPrice").amount(),
        notes=product.at("comment").text(2000),
        modifiers=_modifiers(product.at("selectedToppings")),
    )


def _modifiers(toppings: Reader) -> tuple[Modifier, ...]:
    return tuple(
        Modifier(
            external_id=topping.first("remoteCode", "id").text(),
            name=topping.at("name").text(),
            quantity=topping.at("quantity").quantity(default=1),
            price=topping.at("price").amount(),
            modifiers=_modifiers(topping.at("children")),
        )
        for topping in toppings.objects()
    )


def _sum(source: Reader, name: str) -> Decimal | None:
    """Return the sum of an amount over a list's objects; None where no element has one."""
    if source and not isinstance(source.value, list):
        source.warn("expected a list, left out")
        return None
    amounts: list[Decimal] = []
    for element in source.items():
        amount = element.at(name).amount()
        if amount is not None:
            amounts.append(amount)
        elif not element.is_object():
            element.warn("expected an object, left out")
    return sum(amounts[1:], amounts[0]) if amounts else None


def _customer(customer: Reader) -> CustomerInfo | None:
    """Read the customer; None where there is none. What stands for an e-mail is mostly a hash, which is none."""
    if not customer.is_object():
        return None
    name = " ".join(part for part in (customer.at("firstName").text(), customer.at("lastName").text()) if part)
    email = customer.at("email").text(254)
    return CustomerInfo(name=name, phone=customer.at("mobilePhone").text(64), email=email if "@" in email else "")


def _fulfilment(order: Reader, *, creating: bool) -> tuple[OrderType | None, FulfilledBy | None]:
    """Tell how the order reaches the customer. Source: pluginApi, "Order types".

    ``riderPickupTime`` set is own delivery, by Delivery Hero's rider; null is vendor delivery. Where the field is
    missing altogether the address decides, which only a restaurant that delivers is told.
    """
    word = order.at("expeditionType").word()
    delivery = order.at("delivery")
    if not word and not creating:
        return None, None
    if not word and order.at("pickup").is_object() and not delivery.is_object():
        word = "pickup"
    order_type = ORDER_TYPES.get(word, OrderType.DELIVERY)
    if order_type is not OrderType.DELIVERY:
        return order_type, FulfilledBy.CUSTOMER
    if delivery.at("riderPickupTime"):
        return order_type, FulfilledBy.PROVIDER
    by_vendor = delivery.named("riderPickupTime") or _address(delivery.at("address")) is not None
    return order_type, FulfilledBy.RESTAURANT if by_vendor else FulfilledBy.PROVIDER


def _address(address: Reader) -> Address | None:
    """Read an address of today's fields or the older ones (``line1``…``line5``, district, room, structure, other)."""
    if not address.is_object():
        return None

    def text(name: str) -> str:
        return address.at(name).text()

    street = " ".join(part for part in (text("street"), text("number")) if part)
    building = address.first("building", "structure").text()
    floor = address.at("floor").text(64)
    apartment = address.first("flatNumber", "room").text(64)
    area = address.first("deliveryArea", "district", "deliveryMainArea").text()
    outside = dict.fromkeys((street, *(text(f"line{number}") for number in range(1, 6)), building))
    inside = (
        floor,
        apartment,
        f"entrance {text('entrance')}" if text("entrance") else "",
        f"intercom {text('intercom')}" if text("intercom") else "",
        text("company"),
    )
    around = dict.fromkeys((area, text("district"), text("deliveryMainArea"), text("city"), text("postcode")))
    notes = (address.at("deliveryInstructions").text(1000), text("other"))
    return make_address(
        text=clean(", ".join(part for part in (*outside, *inside, *around) if part), 1000),
        street=street or text("line1"),
        building=building,
        floor=floor,
        apartment=apartment,
        area=area,
        city=text("city"),
        notes=clean("; ".join(note for note in notes if note), 1000),
        latitude=address.at("latitude"),
        longitude=address.at("longitude"),
    )


def _callback_urls(source: Reader) -> dict[str, str] | None:
    """Return the addresses for our answers; one that is null or absent must not be called, so it is left out."""
    if not source.is_object():
        return None
    # One that is longer than we keep would lead elsewhere when cut.
    given = {name: url for name, url in source.value.items() if isinstance(url, str) and len(url) <= MAX_URL_LENGTH}
    urls = {clean(name, 64): clean(url, MAX_URL_LENGTH) for name, url in given.items()}
    # The documents once spell the name so.
    prepared = urls.pop("orderPreparedUpUrl", "")
    urls["orderPreparedUrl"] = urls.get("orderPreparedUrl") or prepared
    return {name: url for name, url in urls.items() if url} or None


def _market(country: Reader) -> str | None:
    code = country.text(8).upper()
    return code if re.fullmatch("[A-Z]{2}", code) else None


def _currency(country: Reader) -> str | None:
    """Return the currency of the order's country, the only name of a currency that a dispatch has besides a symbol."""
    code = country.text(8).upper()
    if not code:
        return None
    currencies = current_currencies(code)
    if len(currencies) != 1:
        country.warn(f"no one currency of {code!r} is known, the branch's or the usual one is taken")
        return None
    return currencies[0]


@lru_cache(maxsize=256)
def current_currencies(country: str) -> tuple[str, ...]:
    """Return the legal tenders of a country that have no end. Source: CLDR's supplemental data, through Babel."""
    history = get_global("territory_currencies").get(country, ())
    return tuple(currency for currency, _start, end, tender in history if tender and end is None)


# -- posOrderStatus ----------------------------------------------------------------------------------------------------


def read_pos_status(
    order: Reader, *, word: str = "", order_ref: str = "", external_id: str = "", remote_id: str = ""
) -> OrderEvent:
    """Read a ``posOrderStatus``. ``word`` is its status where it does not stand in the body.

    The middleware wants 200 for words that it will add later, so an unknown one is ignored.
    """
    word = order.at("status").word() or word
    message = order.at("message").text(500)
    event = OrderEvent(
        kind=Kind.UPDATED,
        word=word,
        external_id=external_id,
        order_ref=order_ref,
        provider_status=word,
        occurred_at=order.first("occurredAt", "timestamp", "updated_at").time(),
        reason=message or _waiting(order.at("riderWaitingWarnings")),
    )
    if not word:
        order.at("status").fault("expected a status, got nothing")
    elif word in POS_STATUSES:
        status = POS_STATUSES[word]
        event = replace(event, status=status, kind=Kind.CANCELLED if status is Status.CANCELLED else Kind.UPDATED)
    elif word in COURIER_WORDS:
        courier = read_courier(order) or Courier()
        event = replace(event, courier=replace(courier, status=word))
    elif word not in POS_OTHER_WORDS:
        return replace(event, kind=Kind.IGNORED, reason=f"unknown status {word!r}")
    updated = order.at("updatedOrder")
    if word == "product_order_modification_successful" and updated.is_object():
        event = replace(event, snapshot=read_snapshot(updated, remote_id, creating=False))
    return replace(event, warnings=order.warnings)


def _waiting(warnings: Reader) -> str:
    """Tell in words what a rider's waiting warning says; the times as sent."""
    pairs = (("waiting starts at", "waitingStartsAt"), ("waiting fee applies at", "waitingFeeAppliesAt"))
    return ", ".join(f"{words} {warnings.at(name).text(64)}" for words, name in pairs if warnings.at(name).text(64))


def our_id(reader: Reader) -> str:
    """Return our id of an order, in lower case; ``""`` where it is not a UUID as we write them."""
    text = reader.text(64).lower()
    try:
        return text if str(UUID(text)) == text else ""
    except ValueError:
        return ""
