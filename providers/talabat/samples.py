"""What Talabat would send, natively and through the hub. Shapes as in Delivery Hero's published examples.

Everybody here is invented; telephone numbers are of a block of zeros that nobody has.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from providers.samples import DEMO_MENU, Builder, DemoProduct, SampleOrder, UnsignedSample

PEOPLE = (
    ("ليلى", "المثال"),
    ("Omar", "Sample"),
    ("سامر", "التجريبي"),
    ("Rania", "Example"),
    ("هبة", "النموذجي"),
)
NOTES = ("بدون بصل لو سمحت", "Please ring the bell once", "", "الصلصة على جنب", "Extra napkins please")
DISHES = tuple(product for product in DEMO_MENU if not product.code.startswith("OPT-"))
OPTIONS = {product.code: product for product in DEMO_MENU if product.code.startswith("OPT-")}
FEE = Decimal("1.500")
CALLBACKS = "https://middleware.example/v2"


def _clock(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _name(product: DemoProduct, number: int) -> str:
    return product.name_ar if number % 2 == 0 else product.name


def _dishes(number: int) -> list[tuple[DemoProduct, int]]:
    """Return two to four dishes with their quantities, the same for the same number."""
    count = 2 + number % 3
    return [(DISHES[(number + 2 * index) % len(DISHES)], 1 + (number + index) % 2) for index in range(count)]


def _discount(number: int, subtotal: Decimal) -> Decimal:
    return (subtotal / 10).quantize(Decimal("0.001")) if number % 3 == 0 else Decimal("0.000")


# -- native ------------------------------------------------------------------------------------------------------------


def _topping(code: str, number: int, *children: Mapping[str, Any]) -> dict[str, Any]:
    option = OPTIONS[code]
    return {
        "id": f"tb-{code.lower()}",
        "remoteCode": code,
        "sku": code,
        "name": _name(option, number),
        "price": option.price,
        "quantity": 1,
        "type": "VARIANT" if code == "OPT-LARGE" else "PRODUCT",
        "itemUnavailabilityHandling": "REMOVE",
        "discounts": [],
        "children": list(children),
    }


def _product(dish: DemoProduct, quantity: int, number: int, *, first: bool, discount: Decimal) -> dict[str, Any]:
    codes = ("OPT-LARGE", "OPT-CHEESE", "OPT-NO-ONION") if first else ()
    toppings = [_topping("OPT-LARGE", number, _topping("OPT-CHEESE", number)), _topping("OPT-NO-ONION", number)]
    each = Decimal(dish.price) + sum(Decimal(OPTIONS[code].price) for code in codes)
    return {
        "id": f"tb-{dish.code.lower()}",
        "remoteCode": dish.code,
        "sku": dish.code,
        "name": _name(dish, number),
        "categoryName": "Menu",
        "unitPrice": dish.price,
        "paidPrice": str(each * quantity),
        "quantity": str(quantity),
        "comment": NOTES[number % len(NOTES)] if first else "",
        "itemUnavailabilityHandling": "CALL_CUSTOMER_AND_REPLACE",
        "variation": {"name": "Large"} if first else None,
        # Talabat repeats the order's discount on the line it was given for.
        "discounts": [_offer(discount)] if first and discount else [],
        "selectedToppings": toppings if first else [],
    }


def _offer(amount: Decimal) -> dict[str, Any]:
    return {
        "name": "10% off",
        "amount": str(amount),
        "type": "PERCENTAGE",
        "sponsorships": [{"sponsor": "VENDOR", "amount": str(amount)}],
    }


def _native_products(number: int) -> tuple[list[dict[str, Any]], Decimal, Decimal]:
    """Return the products, their sum and the discount."""
    dishes = list(enumerate(_dishes(number)))
    plain = [_product(dish, count, number, first=not index, discount=Decimal(0)) for index, (dish, count) in dishes]
    subtotal = sum((Decimal(product["paidPrice"]) for product in plain), Decimal(0))
    discount = _discount(number, subtotal)
    if discount:
        plain[0]["discounts"] = [_offer(discount)]
    return plain, subtotal, discount


def _price(subtotal: Decimal, fee: Decimal, discount: Decimal, *, cash: bool) -> dict[str, Any]:
    total = subtotal + fee - discount
    return {
        "grandTotal": str(total),
        "totalNet": str(subtotal - discount),
        "subTotal": str(subtotal),
        "vatTotal": "0.000",
        "vatPercent": "",
        "deliveryFee": str(fee),
        "deliveryFees": [{"name": "DeliveryFee", "value": float(fee)}] if fee else [],
        "minimumDeliveryValue": "3.000",
        "discountAmountTotal": str(discount),
        "containerCharge": "",
        "riderTip": "0.000",
        "payRestaurant": str(total) if cash else "0.000",
        "collectFromCustomer": str(total) if cash else "0.000",
        "serviceTax": 0,
        "serviceTaxValue": 0,
    }


def _address(number: int) -> dict[str, Any]:
    return {
        "street": "شارع المثال",
        "number": str(10 + number % 80),
        "building": "عمارة النموذج",
        "entrance": "",
        "floor": str(1 + number % 5),
        "flatNumber": str(100 + number % 50),
        "intercom": None,
        "company": None,
        "city": "عمّان",
        "postcode": None,
        "deliveryArea": "حي المثال",
        "deliveryMainArea": "عمّان",
        "deliveryInstructions": "الباب الأزرق مقابل الحديقة",
        "latitude": 31.95,
        "longitude": 35.91,
    }


def _dispatch(order: SampleOrder, *, kind: str, ahead: timedelta = timedelta(0)) -> UnsignedSample:
    """Build a dispatch of one of the three kinds: ``own`` (a Talabat rider), ``vendor`` (ours) or ``pickup``."""
    number = order.number
    first_name, last_name = PEOPLE[number % len(PEOPLE)]
    products, subtotal, discount = _native_products(number)
    cash = kind == "vendor"
    ready = order.now + ahead + timedelta(minutes=20)
    delivery = {
        "address": _address(number) if kind == "vendor" else None,
        "expectedDeliveryTime": _clock(order.now + ahead + timedelta(minutes=40)),
        "expressDelivery": False,
        "riderPickupTime": _clock(ready) if kind == "own" else None,
    }
    status_url = f"{CALLBACKS}/order/status/{order.external_id}"
    payload: dict[str, Any] = {
        "token": order.external_id,
        "code": f"tb-{number:06d}",
        "shortCode": f"{number % 1000:03d}",
        "comments": {"customerComment": NOTES[(number + 1) % len(NOTES)], "vendorComment": ""},
        "createdAt": _clock(order.now),
        "expiryDate": _clock(order.now + timedelta(minutes=10)),
        "customer": {
            "email": "0f3c9a5d7b1e",
            "firstName": first_name,
            "lastName": last_name if kind == "vendor" else "",
            "mobilePhone": f"+96270000{number % 10_000:04d}",
            "mobilePhoneCountryCode": "962",
            "id": f"cust-{number:06d}",
            "code": f"c{number:06d}",
            "flags": [],
            "invoiceAddress": None,
        },
        "delivery": None if kind == "pickup" else delivery,
        "discounts": [_offer(discount)] if discount else [],
        "expeditionType": "pickup" if kind == "pickup" else "delivery",
        "extraParameters": {},
        "invoicingInformation": None,
        "localInfo": {"countryCode": "JO", "currencySymbol": "JOD", "platform": "Talabat", "platformKey": "TB"},
        "payment": {
            "status": "pending" if cash else "paid",
            "type": "cash" if cash else "online",
            "remoteCode": None,
        },
        "test": False,
        "preOrder": bool(ahead),
        "pickup": {"pickupTime": _clock(ready), "pickupCode": f"{number % 10_000:04d}"} if kind == "pickup" else None,
        "platformRestaurant": {"id": f"7{number % 1000:05d}"},
        "price": _price(subtotal, Decimal("0.000") if kind == "pickup" else FEE, discount, cash=cash),
        "products": products,
        "corporateTaxId": "",
        "preparationTimeAdjustmentInformation": None,
        "corporateOrder": False,
        "integrationInfo": {},
        "mobileOrder": True,
        "webOrder": False,
        "vouchers": [],
        "callbackUrls": {
            "orderAcceptedUrl": status_url,
            "orderRejectedUrl": status_url,
            "orderPickedUpUrl": None if kind == "own" else status_url,
            "orderPreparedUrl": f"{CALLBACKS}/orders/{order.external_id}/preparation-completed"
            if kind == "own"
            else None,
            "orderProductModificationUrl": f"{CALLBACKS}/order/{order.external_id}/modifications/product",
            "orderPreparationTimeAdjustmentUrl": None
            if kind == "vendor"
            else f"{CALLBACKS}/orders/{order.external_id}/adjust-preparation-time",
        },
    }
    return UnsignedSample(payload, path=f"order/{order.store_id}")


def _created(order: SampleOrder) -> UnsignedSample:
    """Odd numbers go with a Talabat rider, even ones with the restaurant's own."""
    return _dispatch(order, kind="own" if order.number % 2 else "vendor")


def _scheduled(order: SampleOrder) -> UnsignedSample:
    return _dispatch(order, kind="own", ahead=timedelta(hours=4))


def _pickup(order: SampleOrder) -> UnsignedSample:
    return _dispatch(order, kind="pickup")


def _pos_status(word: str, message: str = "") -> Builder:
    def build(order: SampleOrder) -> UnsignedSample:
        path = f"remoteId/{order.store_id}/remoteOrder/{order.order_ref}/posOrderStatus"
        return UnsignedSample({"status": word, "message": message}, path=path, method="PUT")

    return build


def _modified(order: SampleOrder) -> UnsignedSample:
    """The order after a modification that we asked for: its last product is gone."""
    products, subtotal, discount = _native_products(order.number)
    subtotal -= Decimal(products.pop()["paidPrice"])
    updated = {
        "token": order.external_id,
        "discounts": [_offer(discount)] if discount else [],
        "localInfo": {"countryCode": "JO", "currencySymbol": "JOD", "platform": "Talabat", "platformKey": "TB"},
        "price": _price(subtotal, FEE, discount, cash=False),
        "products": products,
    }
    status = _pos_status("PRODUCT_ORDER_MODIFICATION_SUCCESSFUL")(order)
    return UnsignedSample({**(status.payload or {}), "updatedOrder": updated}, path=status.path, method="PUT")


def _rider_waiting(order: SampleOrder) -> UnsignedSample:
    status = _pos_status("SHOW_RIDER_WAITING_WARNING")(order)
    times = {
        "waitingStartsAt": _clock(order.now - timedelta(minutes=1)),
        "waitingFeeAppliesAt": _clock(order.now + timedelta(minutes=4)),
    }
    payload = {**(status.payload or {}), "occurredAt": _clock(order.now), "riderWaitingWarnings": times}
    return UnsignedSample(payload, path=status.path, method="PUT")


def _availability(order: SampleOrder) -> UnsignedSample:
    payload = {"timestamp": _clock(order.now), "closures": []}
    return UnsignedSample(payload, path=f"remoteId/{order.store_id}/availability", method="PUT")


def _menu(order: SampleOrder) -> UnsignedSample:
    return UnsignedSample(None, path=f"menuimport/{order.store_id}", method="GET")


NATIVE: dict[str, Builder] = {
    "created": _created,
    "scheduled": _scheduled,
    "pickup": _pickup,
    "courier": _pos_status("COURIER_ARRIVED_AT_VENDOR"),
    "out_for_delivery": _pos_status("ORDER_PICKED_UP"),
    "cancelled": _pos_status("ORDER_CANCELLED", "CUSTOMER_CANCELLED"),
    "modified": _modified,
    "rider_waiting": _rider_waiting,
    "availability": _availability,
    "menu": _menu,
}


# -- hub ---------------------------------------------------------------------------------------------------------------


def _hub_line(dish: DemoProduct, quantity: int, number: int, *, first: bool) -> dict[str, Any]:
    options = (("Size", "OPT-LARGE"), ("Extra", "OPT-CHEESE"), ("Remove", "OPT-NO-ONION")) if first else ()
    each = Decimal(dish.price) + sum(Decimal(OPTIONS[code].price) for _, code in options)
    return {
        "id": dish.code,
        "name": _name(dish, number),
        "quantity": quantity,
        "price": float(dish.price),
        "total": float(each * quantity),
        "special_request": NOTES[number % len(NOTES)] if first else "",
        "options": [
            {"name": group, "value": _name(OPTIONS[code], number), "price": float(OPTIONS[code].price)}
            for group, code in options
        ],
    }


def _hub_order(order: SampleOrder, *, pickup: bool = False, ahead: timedelta = timedelta(0)) -> dict[str, Any]:
    number = order.number
    lines = [_hub_line(dish, count, number, first=not at) for at, (dish, count) in enumerate(_dishes(number))]
    subtotal = sum((Decimal(str(line["total"])) for line in lines), Decimal(0))
    discount = _discount(number, subtotal)
    fee = Decimal(0) if pickup else FEE
    scheduled = {"scheduled_for": _clock(order.now + ahead)} if ahead else {}
    address = f"شارع المثال {10 + number % 80}، عمّان"
    return {
        "order_id": order.external_id,
        "order_number": f"TB-{number:06d}",
        "vendor_id": order.store_id,
        "status": "new",
        "created_at": _clock(order.now),
        "customer_info": {
            "name": " ".join(PEOPLE[number % len(PEOPLE)]),
            "phone": f"+96270000{number % 10_000:04d}",
            "address": None if pickup else address,
            "notes": NOTES[(number + 1) % len(NOTES)],
        },
        "basket": lines,
        "basket_amount": float(subtotal),
        "delivery_fee": float(fee),
        "service_charge": 0.25,
        "discount": float(discount),
        "vat": 0.0,
        "order_amount": float(subtotal + fee + Decimal("0.25") - discount),
        "currency": "JOD",
        "payment_info": {"method": "cash" if number % 2 else "online"},
        "order_type": "pickup" if pickup else "delivery",
        "estimated_delivery_time": _clock(order.now + ahead + timedelta(minutes=35)),
        **scheduled,
    }


def _hub_created(order: SampleOrder) -> UnsignedSample:
    return _hub_event(order, "order_created", {"order": _hub_order(order)})


def _hub_scheduled(order: SampleOrder) -> UnsignedSample:
    return _hub_event(order, "order_created", {"order": _hub_order(order, ahead=timedelta(hours=4))})


def _hub_pickup(order: SampleOrder) -> UnsignedSample:
    return _hub_event(order, "order_notification", {"order": _hub_order(order, pickup=True)})


def _hub_event(order: SampleOrder, word: str, fields: Mapping[str, Any]) -> UnsignedSample:
    return UnsignedSample({"event": word, "timestamp": _clock(order.now), **fields})


def _hub_status(word: str, **fields: Any) -> Builder:
    def build(order: SampleOrder) -> UnsignedSample:
        return _hub_event(order, word, {"order_id": order.external_id, "vendor_id": order.store_id, **fields})

    return build


HUB: dict[str, Builder] = {
    "created": _hub_created,
    "scheduled": _hub_scheduled,
    "pickup": _hub_pickup,
    "confirmed": _hub_status("order_confirmed", status="confirmed"),
    "preparing": _hub_status("order_status_update", status="preparing"),
    "ready": _hub_status("order_status_update", status="ready_for_pickup"),
    "courier": _hub_status(
        "status_update",
        status="COURIER_ARRIVED_AT_VENDOR",
        courier={"name": "سائق المثال", "phone": "+962700009999"},
    ),
    "out_for_delivery": _hub_status("order_status_update", status="out_for_delivery"),
    "delivered": _hub_status("order_delivered", status="delivered"),
    "cancelled": _hub_status("order_cancelled", status="cancelled", cancellationReason="العميل ألغى الطلب"),
    "rejected": _hub_status("order_status_update", status="rejected", reason="TOO_BUSY"),
    "menu": _hub_status("menu_sync"),
}
