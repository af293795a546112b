"""What Careem would send, in both dialects. People are invented.

Status updates name the order, its branch and what changed, so that a sample never rewrites the lines of an order that
another sample made. Currency is left to the branch, as Careem itself leaves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from providers.samples import DEMO_MENU, Builder, DemoProduct, SampleOrder, UnsignedSample

_PRODUCTS = {product.code: product for product in DEMO_MENU}
_DISHES = tuple(product for product in DEMO_MENU if not product.code.startswith("OPT-"))
_PEOPLE = ("ليلى حداد", "عمر النجار", "Rania Saleh", "سامر خليل", "Dina Awad", "يوسف منصور")
_CAPTAINS = ("Captain Adel", "كابتن مراد", "Captain Hani")
_WISHES = ("بدون مخلل لو سمحت", "الصلصة على الجنب", "Extra napkins, please", "")
_BRAND = "demo-brand"
_DELIVERY_FEE = Decimal("1.500")
_SERVICE_FEE = Decimal("0.250")
_DISCOUNT = Decimal("0.500")


@dataclass(frozen=True, slots=True)
class _Choice:
    """An option of a line: ``inner`` is chosen inside it. Quantities of options are 1."""

    product: DemoProduct
    inner: tuple[_Choice, ...] = ()

    def price(self) -> Decimal:
        return Decimal(self.product.price)


@dataclass(frozen=True, slots=True)
class _Dish:
    product: DemoProduct
    quantity: int
    note: str = ""
    choices: tuple[_Choice, ...] = ()

    def price(self) -> Decimal:
        return Decimal(self.product.price)

    def total(self) -> Decimal:
        """Return the line's total with its options, as Careem counts: what one costs, times the quantity."""
        inner = sum((child.price() for choice in self.choices for child in choice.inner), Decimal(0))
        return (self.price() + sum((choice.price() for choice in self.choices), inner)) * self.quantity


def _dishes(number: int) -> tuple[_Dish, ...]:
    """Return two to four lines; the first has options two levels deep."""
    no_onion, large, cheese, garlic = (
        _PRODUCTS[code] for code in ("OPT-NO-ONION", "OPT-LARGE", "OPT-CHEESE", "OPT-GARLIC")
    )
    first = (_Choice(large, (_Choice(no_onion),)), _Choice(cheese))
    return tuple(
        _Dish(
            product=_DISHES[(number * 2 + index) % len(_DISHES)],
            quantity=1 + (number + index) % 2,
            note=_WISHES[(number + index) % len(_WISHES)] if index < 2 else "",
            choices=first if index == 0 else (_Choice(garlic),) if index == 1 else (),
        )
        for index in range(2 + number % 3)
    )


def _subtotal(dishes: tuple[_Dish, ...]) -> Decimal:
    return sum((dish.total() for dish in dishes), Decimal(0))


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _person(number: int) -> str:
    return _PEOPLE[number % len(_PEOPLE)]


def _phone(number: int) -> int:
    """Return an invented number of the shape that Careem sends: digits, no plus sign."""
    return 962_790_000_000 + number % 1000


# -- native ------------------------------------------------------------------------------------------------------------


def _native_id(external_id: str) -> int | str:
    return int(external_id) if external_id.isascii() and external_id.isdigit() else external_id


def _native_event(event: str, details: Mapping[str, Any]) -> UnsignedSample:
    return UnsignedSample({"event_type": event, "details": dict(details)})


def _branch(store_id: str) -> dict[str, Any]:
    return {"id": store_id, "brand_id": _BRAND, "name": "Demo Branch", "state": "MAPPED", "active": True}


def _options(choices: tuple[_Choice, ...]) -> list[dict[str, Any]]:
    """Return each choice in a group of its own; a group says nothing but its id."""
    return [
        {
            "id": f"group-{choice.product.code.lower()}",
            "options": [
                {
                    "id": choice.product.code,
                    "quantity": 1,
                    "total_price": float(choice.price()),
                    "discount": 0,
                    "groups": _options(choice.inner),
                }
            ],
        }
        for choice in choices
    ]


def _native_item(dish: _Dish) -> dict[str, Any]:
    return {
        "id": dish.product.code,
        "quantity": dish.quantity,
        "delta_quantity": 0,
        "event": None,
        "notes": dish.note,
        "unit_price": float(dish.price()),
        "item_price": float(dish.price() * dish.quantity),
        "discount": 0,
        "merchant_discount_amount": 0,
        "careem_discount_amount": 0,
        "total_price": float(dish.total()),
        "groups": _options(dish.choices),
    }


def _native_customer(number: int, *, shown: bool) -> dict[str, Any]:
    """Return the customer: blank where Careem delivers, as it has no reason to show them."""
    return {
        "name": _person(number) if shown else "",
        "phone_number": _phone(number) if shown else 0,
        "payment_type": "cash" if shown else "",
        "address": {
            "name": "البيت" if shown else "",
            "number": str(1 + number % 12) if shown else "",
            "building": str(10 + number % 80) if shown else "",
            "street": "شارع الرينبو" if shown else "",
            "area": "جبل عمان" if shown else "",
            "city": "Amman" if shown else "",
            "note": "الجرس لا يعمل" if shown else "",
            "location": {"lat": "31.9500" if shown else "", "lng": "35.9300" if shown else ""},
        },
    }


def _native_details(order: SampleOrder, *, own_fleet: bool, slot: datetime | None = None) -> dict[str, Any]:
    dishes = _dishes(order.number)
    subtotal = _subtotal(dishes)
    total = subtotal - _DISCOUNT + _DELIVERY_FEE + _SERVICE_FEE
    fleet = "merchant" if own_fleet else "careem"
    delivery: dict[str, Any] = {"type": fleet, "delivery_mode": "scheduled" if slot else "on_demand"}
    if slot:
        delivery["schedule_detail"] = {
            "time_slot": {"start": _iso(slot), "end": _iso(slot + timedelta(minutes=30))},
        }
    return {
        "id": _native_id(order.external_id),
        "status": "pending",
        "branch": _branch(order.store_id),
        "merchant_pay_type": "cash" if own_fleet else "prepaid",
        "delivery_type": fleet,
        "notes": "لا ترسلوا أدوات بلاستيكية" if order.number % 2 else "",
        "price": {
            "original_total_price": float(subtotal),
            "merchant_discount_amount": float(_DISCOUNT),
            "careem_discount_amount": 0,
            "free_delivery_discount_value": 0,
            "merchant_promo_amount": 0,
            "careem_promo_amount": 0,
            "tax_percentage": 0,
            "delivery_fee": float(_DELIVERY_FEE),
            "service_fee": float(_SERVICE_FEE),
            "total_taxable_price": float(total),
        },
        "customer": _native_customer(order.number, shown=own_fleet),
        "captain": {"name": "", "phone_number": "", "eta": None},
        "cash_in": float(total) if own_fleet else 0,
        "items": [_native_item(dish) for dish in dishes],
        "cancellation_reason": "",
        "created_at": _iso(order.now),
        "updated_at": _iso(order.now),
        "is_scheduled": slot is not None,
        "metadata": {"order_instructions": {"merchant_notes": None, "merchant_instructions": None}, "tags": []},
        "delivery": delivery,
    }


def _native_created(order: SampleOrder) -> UnsignedSample:
    """Return a new order: every third is carried by the restaurant and names its customer."""
    return _native_event("ORDER_CREATED", _native_details(order, own_fleet=order.number % 3 == 0))


def _native_own_delivery(order: SampleOrder) -> UnsignedSample:
    return _native_event("ORDER_CREATED", _native_details(order, own_fleet=True))


def _native_scheduled(order: SampleOrder) -> UnsignedSample:
    slot = order.now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=3)
    return _native_event("ORDER_CREATED", _native_details(order, own_fleet=False, slot=slot))


def _native_status(order: SampleOrder, *, status: str, captain: bool = False, reason: str = "") -> UnsignedSample:
    named = {"name": _CAPTAINS[order.number % len(_CAPTAINS)], "phone_number": str(_phone(order.number + 500))}
    return _native_event(
        "ORDER_STATUS_UPDATED",
        {
            "id": _native_id(order.external_id),
            "status": status,
            "branch": _branch(order.store_id),
            "captain": {**(named if captain else {"name": "", "phone_number": ""}), "eta": None},
            "cancellation_reason": reason,
            "updated_at": _iso(order.now),
        },
    )


def _native_menu(order: SampleOrder) -> UnsignedSample:
    details = {"id": f"catalog-{order.store_id}", "status": "completed", "updated_at": _iso(order.now)}
    return _native_event("CATALOG_REQUEST_STATUS_UPDATED", details)


NATIVE: dict[str, Builder] = {
    "created": _native_created,
    "own_delivery": _native_own_delivery,
    "scheduled": _native_scheduled,
    "confirmed": partial(_native_status, status="accepted"),
    "ready": partial(_native_status, status="ready"),
    "courier": partial(_native_status, status="driver_here", captain=True),
    "out_for_delivery": partial(_native_status, status="trip_started", captain=True),
    "delivered": partial(_native_status, status="trip_ended", captain=True),
    "cancelled": partial(_native_status, status="cancelled", reason="OTHER"),
    "menu": _native_menu,
}


# -- hub ---------------------------------------------------------------------------------------------------------------


def _hub_event(word: str, order: SampleOrder, data: Mapping[str, Any]) -> UnsignedSample:
    """Return an event of the hub: ids stand beside the order object, as it passes them on."""
    return UnsignedSample(
        {
            "event_type": word,
            "order_id": order.external_id,
            "restaurant_id": order.store_id,
            "timestamp": _iso(order.now),
            "data": {"order": dict(data)},
        }
    )


def _hub_modifiers(choices: tuple[_Choice, ...]) -> list[dict[str, Any]]:
    return [
        {
            "id": choice.product.code,
            "name": choice.product.name,
            "name_ar": choice.product.name_ar,
            "quantity": 1,
            "price": str(choice.price()),
            "modifiers": _hub_modifiers(choice.inner),
        }
        for choice in choices
    ]


def _hub_item(dish: _Dish) -> dict[str, Any]:
    return {
        "menu_item_id": dish.product.code,
        "name": dish.product.name,
        "name_ar": dish.product.name_ar,
        "quantity": dish.quantity,
        "unit_price": str(dish.price()),
        "total_price": str(dish.total()),
        "special_instructions": dish.note,
        "modifiers": _hub_modifiers(dish.choices),
    }


def _hub_created(order: SampleOrder, *, order_type: str = "delivery", wait: timedelta | None = None) -> UnsignedSample:
    dishes = _dishes(order.number)
    subtotal = _subtotal(dishes)
    fee = Decimal("0.000") if order_type == "pickup" else _DELIVERY_FEE
    data: dict[str, Any] = {
        "id": order.external_id,
        "order_number": f"CR-{order.external_id[-6:]}",
        "status": "pending",
        "customer": {
            "name": _person(order.number),
            "phone": f"+{_phone(order.number)}",
            "email": f"guest{order.number}@example.com",
        },
        "order_type": order_type,
        "items": [_hub_item(dish) for dish in dishes],
        "subtotal": str(subtotal),
        "tax_amount": "0.000",
        "delivery_fee": str(fee),
        "service_fee": str(_SERVICE_FEE),
        "discount": str(_DISCOUNT),
        "total_amount": str(subtotal + fee + _SERVICE_FEE - _DISCOUNT),
        "payment_method": ("CARD", "CASH", "CAREEM_PAY")[order.number % 3],
        "special_instructions": "اتصلوا عند الوصول" if order.number % 2 else "",
        "created_at": _iso(order.now),
        "estimated_delivery_time": _iso(order.now + (wait or timedelta()) + timedelta(minutes=45)),
    }
    if order_type == "delivery":
        data["delivery_address"] = {
            "full_address": f"شارع الرينبو {10 + order.number % 80}، جبل عمان، عمّان",
            "street": "شارع الرينبو",
            "building": str(10 + order.number % 80),
            "area": "جبل عمان",
            "city": "عمّان",
            "latitude": "31.9500",
            "longitude": "35.9300",
        }
    if wait:
        data["scheduled_for"] = _iso(order.now + wait)
    return _hub_event("order_created", order, data)


def _hub_status(
    order: SampleOrder, *, status: str, word: str = "order.updated", captain: bool = False, reason: str = ""
) -> UnsignedSample:
    data: dict[str, Any] = {"id": order.external_id, "status": status}
    if captain:
        name = _CAPTAINS[order.number % len(_CAPTAINS)]
        data["captain"] = {"name": name, "phone": f"+{_phone(order.number + 500)}"}
    if reason:
        data["cancellationReason"] = reason
    return _hub_event(word, order, data)


def _hub_menu(order: SampleOrder) -> UnsignedSample:
    payload = {"event_type": "menu.updated", "restaurant_id": order.store_id, "timestamp": _iso(order.now)}
    return UnsignedSample(payload)


HUB: dict[str, Builder] = {
    "created": _hub_created,
    "pickup": partial(_hub_created, order_type="pickup"),
    "scheduled": partial(_hub_created, wait=timedelta(hours=3)),
    "confirmed": partial(_hub_status, status="accepted", word="order_accepted"),
    "preparing": partial(_hub_status, status="preparing"),
    "ready": partial(_hub_status, status="ready"),
    "courier": partial(_hub_status, status="driver_here", captain=True),
    "out_for_delivery": partial(_hub_status, status="picked_up", captain=True),
    "delivered": partial(_hub_status, status="delivered", word="order_delivered"),
    "cancelled": partial(_hub_status, status="cancelled", word="order_cancelled", reason="Customer changed their mind"),
    "rejected": partial(_hub_status, status="rejected", reason="Kitchen too busy"),
    "menu": _hub_menu,
}
