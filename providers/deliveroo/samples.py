"""What Deliveroo would send: an order in each dialect, and what comes after it. People and numbers are invented.

The amounts are Kuwaiti dinars, whose subunit is a thousandth. The total of a line includes its modifiers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from providers.samples import DEMO_MENU, Builder, DemoProduct, SampleOrder, UnsignedSample

CURRENCY = "KWD"
DIGITS = 3
DISHES = tuple(product for product in DEMO_MENU if not product.code.startswith("OPT-"))
OPTIONS = tuple(product for product in DEMO_MENU if product.code.startswith("OPT-"))
PEOPLE = (
    ("نورة", "العتيبي", "+96500000011"),
    ("Yousef", "Al-Sabah", "+96500000012"),
    ("ليلى", "حداد", "+96500000013"),
    ("Omar", "Nasser", "+96500000014"),
)
NOTES = ("بدون بصل من فضلك", "No pickles please.", "الرجاء عدم رن الجرس", "")
RIDERS = (("سامي خليل", "+96500000021"), ("Bilal Aziz", "+96500000022"))
DELIVERY_FEE = Decimal("0.750")
BAG_FEE = Decimal("0.100")


@dataclasses.dataclass(frozen=True)
class Choice:
    """One line of a sample: a dish, how many, an option of it, and an option inside that option."""

    dish: DemoProduct
    quantity: int
    option: DemoProduct
    inner: DemoProduct | None

    @property
    def total(self) -> Decimal:
        chosen = (self.dish, self.option, self.inner)
        return self.quantity * sum((Decimal(product.price) for product in chosen if product), Decimal(0))


def _choices(order: SampleOrder) -> list[Choice]:
    return [
        Choice(
            dish=DISHES[(order.number + 2 * index) % len(DISHES)],
            quantity=1 + (order.number + index) % 2,
            option=OPTIONS[(order.number + index) % len(OPTIONS)],
            inner=OPTIONS[(order.number + index + 1) % len(OPTIONS)] if index == 0 else None,
        )
        for index in range(2 + order.number % 3)
    ]


def _subtotal(order: SampleOrder) -> Decimal:
    return sum((choice.total for choice in _choices(order)), Decimal(0))


def _discount(order: SampleOrder) -> Decimal:
    return Decimal("0.500") if order.number % 2 == 0 else Decimal(0)


def _at(order: SampleOrder, **after: float) -> str:
    return (order.now + timedelta(**after)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _minor(amount: Decimal) -> int:
    return int(amount.scaleb(DIGITS))


def _display_id(order: SampleOrder) -> str:
    return f"{1000 + order.number % 9000}"


# -- native ----------------------------------------------------------------------------------------------------------


def _money(amount: Decimal) -> dict[str, Any]:
    return {"fractional": _minor(amount), "currency_code": CURRENCY}


def _native_modifier(product: DemoProduct, inner: DemoProduct | None = None) -> dict[str, Any]:
    return {
        "pos_item_id": product.code,
        "name": product.name,
        "operational_name": product.name_ar,
        "quantity": 1,
        "unit_price": _money(Decimal(product.price)),
        "modifiers": [_native_modifier(inner)] if inner else [],
    }


def _native_item(choice: Choice) -> dict[str, Any]:
    return {
        "pos_item_id": choice.dish.code,
        "name": choice.dish.name,
        "operational_name": choice.dish.name_ar,
        "quantity": choice.quantity,
        "unit_price": _money(Decimal(choice.dish.price)),
        "menu_unit_price": _money(Decimal(choice.dish.price)),
        "total_price": _money(choice.total),
        "discount_amount": _money(Decimal(0)),
        "item_fees": [],
        "modifiers": [_native_modifier(choice.option, choice.inner)],
    }


def _native_order(order: SampleOrder, fulfilment: str = "deliveroo", **changes: Any) -> dict[str, Any]:
    """Return an order as the Order API sends it; the one who brings it decides on the delivery fee."""
    name, _, phone = PEOPLE[order.number % len(PEOPLE)]
    delivered = fulfilment in {"deliveroo", "restaurant"}
    delivery_fee = DELIVERY_FEE if delivered else Decimal(0)
    subtotal = _subtotal(order)
    total = subtotal + delivery_fee + BAG_FEE - _discount(order)
    return {
        "id": order.external_id,
        "order_number": f"{28400000 + order.number}",
        "location_id": order.store_id,
        "brand_id": "demo-brand",
        "display_id": _display_id(order),
        "status": "placed",
        "status_log": [
            {"at": _at(order, seconds=-1), "status": "pending"},
            {"at": _at(order), "status": "placed"},
        ],
        "fulfillment_type": fulfilment,
        "order_notes": NOTES[order.number % len(NOTES)],
        "cutlery_notes": "NO CUTLERY" if order.number % 2 else "",
        "asap": True,
        "prepare_for": _at(order, minutes=20),
        "start_preparing_at": _at(order, minutes=2),
        "table_number": "",
        "subtotal": _money(subtotal),
        "total_price": _money(total),
        "partner_order_subtotal": _money(subtotal),
        "partner_order_total": _money(total),
        "offer_discount": _money(_discount(order)),
        "cash_due": _money(Decimal(0)),
        "bag_fee": _money(BAG_FEE),
        "surcharge": _money(Decimal(0)),
        "fee_breakdown": [],
        "items": [_native_item(choice) for choice in _choices(order)],
        "promotions": [],
        "is_tabletless": True,
        "meal_cards": [],
        "customer": {
            "first_name": name,
            "contact_number": phone,
            "contact_access_code": f"{100000 + order.number}",
            "order_frequency_at_site": "NEW CUSTOMER",
            "loyalty": {"loyalty_id": "", "card_number": ""},
        },
        "delivery": {"delivery_fee": _money(delivery_fee), "deliver_by": _at(order, minutes=40)} if delivered else None,
        **changes,
    }


def _native(event: str, order: dict[str, Any]) -> UnsignedSample:
    return _signed_as(event, {"event": event, "body": {"order": order}})


def _signed_as(event: str, payload: dict[str, Any]) -> UnsignedSample:
    headers = {"x-deliveroo-payload-type": f"event/{event}", "x-deliveroo-webhook-version": "1"}
    return UnsignedSample(payload, headers=headers)


def _native_created(order: SampleOrder) -> UnsignedSample:
    return _native("order.new", _native_order(order))


def _native_scheduled(order: SampleOrder) -> UnsignedSample:
    changes: dict[str, Any] = {
        "asap": False,
        "prepare_for": _at(order, hours=3),
        "start_preparing_at": _at(order, hours=2, minutes=40),
    }
    delivery = {"delivery_fee": _money(DELIVERY_FEE), "deliver_by": _at(order, hours=3, minutes=25)}
    confirm_at = _at(order, hours=2, minutes=30)
    return _native("order.new", _native_order(order, **changes, confirm_at=confirm_at, delivery=delivery))


def _native_pickup(order: SampleOrder) -> UnsignedSample:
    return _native("order.new", _native_order(order, "customer"))


def _native_table(order: SampleOrder) -> UnsignedSample:
    return _native("order.new", _native_order(order, "table_service", table_number=str(1 + order.number % 20)))


def _native_own_fleet(order: SampleOrder) -> UnsignedSample:
    """Return an order that the restaurant delivers, to be paid in cash: the customer's data stand on ``delivery``."""
    name, surname, phone = PEOPLE[order.number % len(PEOPLE)]
    whole = _native_order(order, "restaurant")
    whole["customer"] = {"order_frequency_at_site": "NEW CUSTOMER", "loyalty": {"loyalty_id": "", "card_number": ""}}
    whole["cash_due"] = whole["total_price"]
    whole["delivery"] |= {
        "line1": "شارع الخليج العربي 12",
        "line2": "الطابق 3",
        "city": "مدينة الكويت",
        "postcode": "15300",
        "location": {"latitude": 29.3759, "longitude": 47.9774},
        "customer_name": f"{name} {surname}",
        "contact_number": phone,
        "contact_access_code": f"{100000 + order.number}",
        "delivery_notes": "بجانب الصيدلية",
    }
    return _native("order.new", whole)


def _native_status(word: str) -> Builder:
    def build(order: SampleOrder) -> UnsignedSample:
        whole = _native_order(order, status=word)
        placed = [
            {"at": _at(order, minutes=-5, seconds=-1), "status": "pending"},
            {"at": _at(order, minutes=-5), "status": "placed"},
        ]
        whole["status_log"] = [*placed, {"at": _at(order), "status": word}]
        return _native("order.status_update", whole)

    return build


def _native_rider(word: str) -> Builder:
    def build(order: SampleOrder) -> UnsignedSample:
        name, phone = RIDERS[order.number % len(RIDERS)]
        log = [{"at": _at(order), "status": word}]
        if word != "rider_assigned":
            log.insert(0, {"at": _at(order, minutes=-6), "status": "rider_assigned"})
        rider = {
            "estimated_arrival_time": _at(order, minutes=8),
            "at": _at(order),
            "accuracy_in_meters": 50,
            "lat": 29.3759,
            "lon": 47.9774,
            "full_name": name,
            "contact_number": phone,
            "bridge_code": "",
            "bridge_number": "",
            "status_log": log,
        }
        body = {"order_id": order.external_id, "riders": [rider]}
        return _signed_as("rider.status_update", {"event": "rider.status_update", "body": body})

    return build


def _native_menu(order: SampleOrder) -> UnsignedSample:
    body = {"menu_upload_result": {"http_status": 200, "brand_id": "demo-brand", "menu_id": "demo-menu", "errors": []}}
    return _signed_as("menu.upload_result", {"event": "menu.upload_result", "body": body})


NATIVE: dict[str, Builder] = {
    "created": _native_created,
    "scheduled": _native_scheduled,
    "pickup": _native_pickup,
    "dine_in": _native_table,
    "own_delivery": _native_own_fleet,
    "confirmed": _native_status("accepted"),
    "rejected": _native_status("rejected"),
    "cancelled": _native_status("canceled"),
    "delivered": _native_status("delivered"),
    "courier": _native_rider("rider_assigned"),
    "out_for_delivery": _native_rider("rider_in_transit"),
    "menu": _native_menu,
}
"""``preparing`` and ``ready`` are not here: Deliveroo is told of them by the restaurant and does not send them."""


# -- hub -------------------------------------------------------------------------------------------------------------


def _hub_modifier(product: DemoProduct, inner: DemoProduct | None = None) -> dict[str, Any]:
    modifier = {
        "plu": product.code,
        "name": product.name,
        "name_ar": product.name_ar,
        "quantity": 1,
        "price_cents": _minor(Decimal(product.price)),
    }
    return modifier | ({"modifiers": [_hub_modifier(inner)]} if inner else {})


def _hub_item(choice: Choice) -> dict[str, Any]:
    return {
        "plu": choice.dish.code,
        "name": choice.dish.name,
        "name_ar": choice.dish.name_ar,
        "quantity": choice.quantity,
        "price": f"{Decimal(choice.dish.price):.3f}",
        "total_price": f"{choice.total:.3f}",
        "special_instructions": "",
        "modifiers": [_hub_modifier(choice.option, choice.inner)],
    }


def _hub_order(order: SampleOrder, order_type: str = "delivery") -> dict[str, Any]:
    name, surname, phone = PEOPLE[order.number % len(PEOPLE)]
    delivered = order_type == "delivery"
    delivery_fee = DELIVERY_FEE if delivered else Decimal(0)
    subtotal = _subtotal(order)
    whole: dict[str, Any] = {
        "order_id": order.external_id,
        "reference": _display_id(order),
        "status": "placed",
        "restaurant": {"id": order.store_id, "name": "Demo Kitchen"},
        "customer": {
            "first_name": name,
            "last_name": surname,
            "phone_number": phone,
            "email": f"guest{order.number}@example.com",
        },
        "items": [_hub_item(choice) for choice in _choices(order)],
        "subtotal": f"{subtotal:.3f}",
        "tax": "0.000",
        "delivery_fee_cents": _minor(delivery_fee),
        "service_charge_cents": _minor(BAG_FEE),
        "discount": f"{_discount(order):.3f}",
        "rider_tip_cents": 0,
        "total_price_cents": _minor(subtotal + delivery_fee + BAG_FEE - _discount(order)),
        "currency": CURRENCY,
        "payment": {"method": "CARD"},
        "notes": NOTES[order.number % len(NOTES)],
        "order_type": order_type,
        "created_at": _at(order),
        "delivery_time": _at(order, minutes=40),
    }
    if delivered:
        whole["delivery_address"] = {"full_address": "شارع الخليج العربي 12، مدينة الكويت"}
    return whole


def _hub_created(event: str = "order_created", order_type: str = "delivery") -> Builder:
    def build(order: SampleOrder) -> UnsignedSample:
        whole = _hub_order(order, order_type)
        return UnsignedSample({"event_name": event, "timestamp": _at(order), "data": {"order": whole}})

    return build


def _hub_status(event: str, word: str, **extra: Any) -> Builder:
    def build(order: SampleOrder) -> UnsignedSample:
        small = {"order_id": order.external_id, "status": word, "restaurant": {"id": order.store_id}, **extra}
        return UnsignedSample({"event_name": event, "timestamp": _at(order), "data": {"order": small}})

    return build


def _hub_rider(word: str) -> Builder:
    def build(order: SampleOrder) -> UnsignedSample:
        name, phone = RIDERS[order.number % len(RIDERS)]
        return _hub_status("order.updated", word, rider={"name": name, "phone": phone})(order)

    return build


def _fixed(payload: dict[str, Any]) -> Callable[[SampleOrder], UnsignedSample]:
    return lambda order: UnsignedSample({**payload, "timestamp": _at(order), "restaurant_id": order.store_id})


HUB: dict[str, Builder] = {
    "created": _hub_created(),
    "pickup": _hub_created("order_placed", "pickup"),
    "confirmed": _hub_status("order_acknowledged", "acknowledged"),
    "preparing": _hub_status("order.status_changed", "in_kitchen"),
    "ready": _hub_status("order.status_changed", "ready_for_collection"),
    "out_for_delivery": _hub_status("order_picked_up", "dispatched"),
    "delivered": _hub_status("order_delivered", "delivered"),
    "cancelled": _hub_status("order_cancelled", "cancelled", cancellationReason="طلب الزبون الإلغاء"),
    "rejected": _hub_status("order.status_changed", "rejected", reason="busy"),
    "courier": _hub_rider("rider_assigned"),
    "menu": _fixed({"event_name": "menu.updated"}),
}
