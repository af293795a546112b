"""What Jahez and the hub would send. People, numbers and streets are invented."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from providers.samples import DEMO_MENU, Builder, DemoProduct, SampleOrder, UnsignedSample

_DISHES = tuple(product for product in DEMO_MENU if not product.code.startswith("OPT-"))
_OPTIONS = tuple(product for product in DEMO_MENU if product.code.startswith("OPT-"))
_PEOPLE = (
    ("نورة السالم", "+966500000001"),
    ("Faisal Demo", "+966500000002"),
    ("سارة التجريبية", "+966500000003"),
    ("عبدالله مثال", "+966500000004"),
)
_NOTES = ("بدون بصل من فضلك", "", "الاتصال عند الوصول", "Extra napkins, please")
_METHODS = ("CASH", "CREDITCARD", "APPLE-PAY-MADA", "POS-MADA")
_OFFER = Decimal("2.00")
_DELIVERY_FEE = Decimal("9.00")


class _Chosen:
    """One line of a sample: a dish, how many of it, and the options chosen with it."""

    def __init__(self, dish: DemoProduct, quantity: int, options: tuple[DemoProduct, ...]) -> None:
        self.dish = dish
        self.quantity = quantity
        self.options = options

    @property
    def total(self) -> Decimal:
        return self.quantity * sum((Decimal(option.price) for option in self.options), Decimal(self.dish.price))


def _chosen(order: SampleOrder) -> list[_Chosen]:
    """Return 2 to 4 lines, varied by the sample's number; every other line has options."""
    return [
        _Chosen(
            _DISHES[(order.number + 2 * index) % len(_DISHES)],
            1 + (order.number + index) % 3,
            tuple(_OPTIONS[(order.number + index + step) % len(_OPTIONS)] for step in range(2))
            if index % 2 == 0
            else (),
        )
        for index in range(2 + order.number % 3)
    ]


def _vary(values: tuple[Any, ...], order: SampleOrder) -> Any:
    return values[order.number % len(values)]


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


# -- Jahez's own webhooks ----------------------------------------------------------------------------------------------


def _native_id(order: SampleOrder) -> int | str:
    """Return the id as Jahez has it, an integer, where it is one."""
    text = order.external_id
    return int(text) if text.isascii() and text.isdigit() and str(int(text)) == text else text


def _native_created(order: SampleOrder) -> UnsignedSample:
    chosen = _chosen(order)
    price = sum((line.total for line in chosen), Decimal())
    offer = _OFFER if order.number % 2 else None
    name, phone = _vary(_PEOPLE, order)
    payload = {
        "jahez_id": _native_id(order),
        "branch_id": order.store_id,
        "payment_method": _vary(_METHODS, order),
        "notes": _vary(_NOTES, order),
        "price": float(price),
        "final_price": float(price - (offer or 0)),
        "offer": {"amount": float(offer), "type": 1} if offer else None,
        "phone_number": phone.removeprefix("+"),
        "customer_name": name,
        "delivery_address": {"geolocation": {"longitude": 46.6753, "latitude": 24.7136}},
        "products": [_native_product(line) for line in chosen],
    }
    return UnsignedSample(payload)


def _native_product(line: _Chosen) -> dict[str, Any]:
    return {
        "product_id": line.dish.code,
        "quantity": line.quantity,
        "original_price": float(line.dish.price),
        "final_price": float(line.total),
        "notes": "",
        "modifiers": [
            {"modifier_id": f"GROUP-{number}", "options": [_native_option(option)]}
            for number, option in enumerate(line.options, start=1)
        ],
    }


def _native_option(option: DemoProduct) -> dict[str, Any]:
    price = float(option.price)
    return {"id": option.code, "quantity": 1, "original_price": price, "final_price": price}


def _native_status(letter: str) -> Builder:
    def build(order: SampleOrder) -> UnsignedSample:
        return UnsignedSample({"event": "status_update", "jahezOrderId": _native_id(order), "status": letter})

    return build


def _native_payment(order: SampleOrder) -> UnsignedSample:
    return UnsignedSample({"event": "payment_update", "jahezOrderId": _native_id(order), "payment_method": "POS-MADA"})


# -- the hub -----------------------------------------------------------------------------------------------------------


def _hub_order(order: SampleOrder) -> dict[str, Any]:
    chosen = _chosen(order)
    subtotal = sum((line.total for line in chosen), Decimal())
    offer = _OFFER if order.number % 2 else Decimal()
    total = subtotal + _DELIVERY_FEE - offer
    name, phone = _vary(_PEOPLE, order)
    return {
        "event_type": "order_received",
        "order_number": order.external_id,
        "restaurant_id": order.store_id,
        "status": "placed",
        "order_type": "delivery",
        "customer_name": name,
        "customer_mobile": phone,
        "customer_email": f"guest{order.number}@example.com",
        "delivery_address": {
            "street": "طريق الملك فهد",
            "building": str(100 + order.number),
            "area": "العليا",
            "city": "الرياض",
            "latitude": 24.7136,
            "longitude": 46.6753,
        },
        "items": [_hub_item(line) for line in chosen],
        "subtotal": f"{subtotal:.2f}",
        "tax_amount": f"{total * 15 / 115:.2f}",
        "delivery_fee": f"{_DELIVERY_FEE:.2f}",
        "discount": f"{offer:.2f}",
        "total_amount": f"{total:.2f}",
        "currency": "SAR",
        "payment_method": _vary(_METHODS, order).lower(),
        "special_requests": _vary(_NOTES, order),
        "created_at": _iso(order.now),
        "delivery_time": _iso(order.now + timedelta(minutes=45)),
        "timestamp": _iso(order.now),
    }


def _hub_item(line: _Chosen) -> dict[str, Any]:
    return {
        "item_id": line.dish.code,
        "item_name": line.dish.name,
        "item_name_ar": line.dish.name_ar,
        "quantity": line.quantity,
        "unit_price": float(line.dish.price),
        "total_price": float(line.total),
        "special_requests": "",
        "customizations": [
            {
                "customization_id": option.code,
                "name": option.name,
                "name_ar": option.name_ar,
                "price": float(option.price),
            }
            for option in line.options
        ],
    }


def _hub_created(order: SampleOrder) -> UnsignedSample:
    return UnsignedSample(_hub_order(order))


def _hub_scheduled(order: SampleOrder) -> UnsignedSample:
    due = order.now + timedelta(hours=4)
    return UnsignedSample(_hub_order(order) | {"scheduled_for": _iso(due), "delivery_time": _iso(due)})


def _hub_pickup(order: SampleOrder) -> UnsignedSample:
    payload = _hub_order(order)
    total = Decimal(payload["total_amount"]) - _DELIVERY_FEE
    changes = {
        "event_type": "order_action",
        "order_type": "pickup",
        "delivery_address": None,
        "delivery_fee": "0.00",
        "tax_amount": f"{total * 15 / 115:.2f}",
        "total_amount": f"{total:.2f}",
    }
    return UnsignedSample(payload | changes)


def _hub_update(event: str, **fields: Any) -> Callable[[SampleOrder], UnsignedSample]:
    def build(order: SampleOrder) -> UnsignedSample:
        payload = {"event_type": event, "order_number": order.external_id, "restaurant_id": order.store_id}
        return UnsignedSample(payload | fields | {"timestamp": _iso(order.now)})

    return build


def _hub_menu(order: SampleOrder) -> UnsignedSample:
    return UnsignedSample({"event_type": "menu_sync", "restaurant_id": order.store_id, "timestamp": _iso(order.now)})


NATIVE: dict[str, Builder] = {
    "created": _native_created,
    "confirmed": _native_status("A"),
    "out_for_delivery": _native_status("O"),
    "delivered": _native_status("D"),
    "cancelled": _native_status("C"),
    "rejected": _native_status("R"),
    "failed": _native_status("T"),
    "payment": _native_payment,
}

HUB: dict[str, Builder] = {
    "created": _hub_created,
    "confirmed": _hub_update("order_confirmed", status="accepted"),
    "preparing": _hub_update("order_action", status="in_preparation"),
    "ready": _hub_update("order_action", status="ready"),
    "out_for_delivery": _hub_update("order_action", status="on_the_way"),
    "delivered": _hub_update("order_delivered", status="delivered"),
    "cancelled": _hub_update("order_cancelled", status="cancelled", cancellationReason="ألغاه العميل"),
    "rejected": _hub_update("order_action", status="rejected", reason="المطعم مغلق"),
    "courier": _hub_update(
        "order_action", status="driver_assigned", driver={"name": "ماجد المثال", "phone": "+966500000091"}
    ),
    "scheduled": _hub_scheduled,
    "pickup": _hub_pickup,
    "menu": _hub_menu,
}
