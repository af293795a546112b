"""Jahez: each fixture's whole event, each word, each proof."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from providers.contract import NOW, SECRET, AdapterContractTests, load_fixture, parse_one
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
from providers.jahez.adapter import JahezAdapter
from providers.payload import PayloadError
from providers.samples import SampleOrder, sample_events
from providers.signatures import InboundRequest, SignatureError

ADAPTER = JahezAdapter()
BEARER = {"bearerToken": (SECRET,)}
# (printf '1768046400.'; cat fixtures/order_updated__timed_out.json) | openssl dgst -sha256 -hmac 'jahez-hub-secret'
HUB_SIGNATURE = "0556785447ce7ae50c9077f6007d7f18dee408571efc0d42d90309783e41d579"


class TestJahezContract(AdapterContractTests):
    adapter = ADAPTER


def request(payload, **headers):
    return InboundRequest(body=json.dumps(payload).encode(), headers=headers)


def event_of(payload):
    return parse_one(ADAPTER, request(payload))


def faults_of(payload):
    with pytest.raises(PayloadError) as caught:
        ADAPTER.parse(request(payload))
    return caught.value


def reason_of(inbound, secrets, now=NOW):
    with pytest.raises(SignatureError) as caught:
        ADAPTER.verify(inbound, secrets, now)
    return caught.value.reason


def native(**changes):
    product = {"product_id": "P", "quantity": 1, "original_price": 10, "final_price": 10}
    return {"jahez_id": 5, "branch_id": "B", "final_price": 10, "products": [product]} | changes


def hub(**changes):
    return {"event_type": "order_received", "order_number": "J-1", "items": [{"item_id": "P", "quantity": 1}]} | changes


# -- whole events, native ----------------------------------------------------------------------------------------------


def test_created_integrator_doc():
    assert parse_one(ADAPTER, load_fixture(ADAPTER, "order_created__integrator_doc")) == OrderEvent(
        kind=Kind.CREATED,
        external_id="jahez-order-123",
        status=Status.RECEIVED,
        snapshot=OrderSnapshot(
            display_id="jahez-order-123",
            store_ids=("branch-uuid",),
            lines=(
                Line(
                    external_id="prod-uuid",
                    quantity=2,
                    unit_price=Decimal("10.0"),
                    total_price=Decimal("20.0"),
                    modifiers=(Modifier(external_id="opt-uuid", quantity=1, price=Decimal("2.0")),),
                ),
            ),
            discount=Decimal("2.0"),
            total=Decimal("25.5"),
            cash_due=Decimal("25.5"),
            payment_method="cash",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.PROVIDER,
            notes="No onions",
        ),
    )


def test_created_cash_in_bahrain():
    assert parse_one(ADAPTER, load_fixture(ADAPTER, "order_created__cash_bahrain")) == OrderEvent(
        kind=Kind.CREATED,
        external_id="10000001",
        status=Status.RECEIVED,
        snapshot=OrderSnapshot(
            display_id="10000001",
            store_ids=("ADLIYA",),
            customer=CustomerInfo(name="هدى التجريبية", phone="97300000001"),
            lines=(
                Line(
                    external_id="501-ADLIYA",
                    quantity=2,
                    unit_price=Decimal("2.500"),
                    total_price=Decimal("6.000"),
                    notes="مقرمش أكثر",
                    modifiers=(
                        Modifier(external_id="711-ADLIYA", price=Decimal("0.350")),
                        Modifier(external_id="712-ADLIYA", price=Decimal("0.150")),
                    ),
                ),
                Line(external_id="502", quantity=1, unit_price=Decimal("1.250"), total_price=Decimal("1.250")),
            ),
            subtotal=Decimal("7.250"),
            total=Decimal("7.250"),
            cash_due=Decimal("7.250"),
            payment_method="cash",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.PROVIDER,
            delivery_address=Address(latitude=Decimal("26.2154"), longitude=Decimal("50.5876")),
            notes="بدون بصل، والاتصال قبل الوصول",
        ),
    )


def test_created_card_with_offer_and_combo():
    assert parse_one(ADAPTER, load_fixture(ADAPTER, "order_created__card_offer_and_combo")) == OrderEvent(
        kind=Kind.CREATED,
        external_id="10000002",
        status=Status.RECEIVED,
        snapshot=OrderSnapshot(
            display_id="10000002",
            store_ids=("OLAYA",),
            lines=(
                Line(
                    external_id="COMBO-BURGER-OLAYA",
                    quantity=2,
                    unit_price=Decimal("29.00"),
                    total_price=Decimal("64.00"),
                    modifiers=(
                        Modifier(external_id="OPT-LARGE-OLAYA", price=Decimal("3.00")),
                        Modifier(
                            external_id="BURGER-CLASSIC-OLAYA",
                            price=Decimal(0),
                            modifiers=(
                                Modifier(
                                    external_id="OPT-CHEESE-OLAYA",
                                    quantity=2,
                                    price=Decimal("0.00"),
                                    modifiers=(Modifier(external_id="OPT-CHEDDAR-OLAYA"),),
                                ),
                            ),
                        ),
                        Modifier(external_id="FRIES-OLAYA", price=Decimal(0)),
                    ),
                ),
            ),
            subtotal=Decimal("64.00"),
            discount=Decimal("10.00"),
            total=Decimal("54.00"),
            payment_method="apple-pay-credit-card",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.PROVIDER,
        ),
    )


def test_created_with_blank_amounts_and_null_ids():
    assert parse_one(ADAPTER, load_fixture(ADAPTER, "order_created__blank_amounts_and_null_ids")) == OrderEvent(
        kind=Kind.CREATED,
        external_id="10000003",
        status=Status.RECEIVED,
        snapshot=OrderSnapshot(
            display_id="10000003",
            lines=(Line(quantity=1, total_price=Decimal("18.00"), modifiers=(Modifier(),)),),
            total=Decimal("18.00"),
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.PROVIDER,
        ),
    )


def test_update_of_the_integrator_doc_cancels():
    assert parse_one(ADAPTER, load_fixture(ADAPTER, "order_updated__integrator_doc_cancelled")) == OrderEvent(
        kind=Kind.CANCELLED, external_id="jahez-order-123", status=Status.CANCELLED, provider_status="c"
    )


def test_update_of_the_payment_method_changes_only_that():
    assert parse_one(ADAPTER, load_fixture(ADAPTER, "order_updated__payment_method")) == OrderEvent(
        kind=Kind.UPDATED,
        word="order_update",
        external_id="10000001",
        snapshot=OrderSnapshot(payment_method="pos-mada"),
    )


def test_update_timed_out():
    assert parse_one(ADAPTER, load_fixture(ADAPTER, "order_updated__timed_out")) == OrderEvent(
        kind=Kind.UPDATED,
        word="status_update",
        external_id="10000001",
        status=Status.FAILED,
        provider_status="t",
        reason="لم يرد المطعم",
    )


# -- whole events, hub -------------------------------------------------------------------------------------------------


def test_created_order_received_of_the_hub():
    assert parse_one(ADAPTER, load_fixture(ADAPTER, "order_created__hub_received")) == OrderEvent(
        kind=Kind.CREATED,
        word="order_received",
        external_id="JHZ-2026-000101",
        status=Status.RECEIVED,
        provider_status="pending_acceptance",
        occurred_at=datetime(2026, 1, 10, 11, 58, 31, tzinfo=UTC),
        snapshot=OrderSnapshot(
            display_id="JHZ-2026-000101",
            store_ids=("rest-riyadh-7", "OLAYA"),
            customer=CustomerInfo(name="خالد المثال", phone="+966500000011", email="khaled@example.com"),
            lines=(
                Line(
                    external_id="MANSAF",
                    name="Lamb Mansaf",
                    name_ar="منسف لحم",
                    quantity=2,
                    unit_price=Decimal("38.00"),
                    total_price=Decimal("90.00"),
                    notes="لبن إضافي",
                    modifiers=(
                        Modifier(
                            external_id="SIDE",
                            name="Side salad",
                            name_ar="سلطة جانبية",
                            price=Decimal(5),
                            modifiers=(
                                Modifier(
                                    external_id="DRESSING",
                                    name="Dressing",
                                    name_ar="صلصة",
                                    price=Decimal("1.5"),
                                    modifiers=(
                                        Modifier(
                                            external_id="SUMAC",
                                            name="Extra sumac",
                                            name_ar="سماق زيادة",
                                            price=Decimal("0.5"),
                                        ),
                                    ),
                                ),
                            ),
                        ),
                    ),
                ),
                Line(
                    external_id="77",
                    name="Water",
                    quantity=1,
                    unit_price=Decimal("2.00"),
                    total_price=Decimal("2.00"),
                ),
            ),
            subtotal=Decimal("92.00"),
            tax=Decimal("13.96"),
            delivery_fee=Decimal("12.00"),
            service_fee=Decimal("3.00"),
            total=Decimal("107.00"),
            payment_method="credit_card",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.PROVIDER,
            delivery_address=Address(text="شارع التحلية، مبنى 12، الرياض"),
            notes="عدم رن الجرس",
            placed_at=datetime(2026, 1, 10, 11, 58, 30, tzinfo=UTC),
            estimated_delivery_at=datetime(2026, 1, 10, 12, 40, tzinfo=UTC),
        ),
    )


def test_created_order_action_placed_in_the_envelope():
    assert parse_one(ADAPTER, load_fixture(ADAPTER, "order_created__hub_envelope_placed")) == OrderEvent(
        kind=Kind.CREATED,
        word="order_action",
        external_id="JHZ-2026-000102",
        status=Status.RECEIVED,
        provider_status="placed",
        occurred_at=datetime(2026, 1, 10, 12, 0, 0, 250_000, tzinfo=UTC),
        snapshot=OrderSnapshot(
            store_ids=("JEDDAH-2",),
            customer=CustomerInfo(phone="0"),
            lines=(
                Line(
                    external_id="FALAFEL",
                    name="Falafel Sandwich",
                    quantity=3,
                    unit_price=Decimal("5.0"),
                    total_price=Decimal("15.0"),
                ),
            ),
            subtotal=Decimal("15.0"),
            discount=Decimal("5.0"),
            total=Decimal("10.0"),
            cash_due=Decimal("10.0"),
            payment_method="cash",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.RESTAURANT,
            is_test=True,
        ),
    )


def test_created_scheduled_pickup_in_kuwait():
    assert parse_one(ADAPTER, load_fixture(ADAPTER, "order_created__hub_pickup_scheduled_kuwait")) == OrderEvent(
        kind=Kind.CREATED,
        word="order_received",
        external_id="JHZ-2026-000103",
        status=Status.RECEIVED,
        snapshot=OrderSnapshot(
            store_ids=("SALMIYA",),
            customer=CustomerInfo(name="Maha Sample", phone="+96500000003"),
            lines=(
                Line(
                    name="Mint Lemonade",
                    name_ar="ليمون بالنعناع",
                    quantity=1,
                    unit_price=Decimal("1.125"),
                    total_price=Decimal("1.375"),
                    modifiers=(Modifier(name="Large", price=Decimal("0.250")),),
                ),
            ),
            subtotal=Decimal("1.375"),
            total=Decimal("1.375"),
            currency="KWD",
            order_type=OrderType.PICKUP,
            fulfilled_by=FulfilledBy.CUSTOMER,
            scheduled_for=datetime(2026, 1, 10, 15, 30, tzinfo=UTC),
            estimated_delivery_at=datetime(2026, 1, 10, 15, 30, tzinfo=UTC),
        ),
    )


def test_created_native_order_inside_the_envelope():
    assert parse_one(ADAPTER, load_fixture(ADAPTER, "order_created__hub_envelope_native")) == OrderEvent(
        kind=Kind.CREATED,
        word="order.created",
        external_id="10000004",
        status=Status.RECEIVED,
        occurred_at=datetime(2026, 1, 10, 12, 0, tzinfo=UTC),
        snapshot=OrderSnapshot(
            display_id="10000004",
            store_ids=("OLAYA",),
            lines=(Line(external_id="HUMMUS", quantity=1, unit_price=Decimal("12.5"), total_price=Decimal("12.5")),),
            subtotal=Decimal("12.5"),
            total=Decimal("12.5"),
            cash_due=Decimal("12.5"),
            payment_method="cash",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.PROVIDER,
        ),
    )


def test_courier_word_changes_only_the_courier():
    assert parse_one(ADAPTER, load_fixture(ADAPTER, "order_updated__hub_courier")) == OrderEvent(
        kind=Kind.UPDATED,
        word="order_action",
        external_id="JHZ-2026-000101",
        provider_status="driver_assigned",
        occurred_at=datetime(2026, 1, 10, 12, 20, tzinfo=UTC),
        snapshot=OrderSnapshot(display_id="JHZ-2026-000101", customer=CustomerInfo()),
        courier=Courier(name="سالم المثال", phone="+966500000092", status="driver_assigned"),
    )


def test_cancellation_overrules_the_older_status_beside_it():
    assert parse_one(ADAPTER, load_fixture(ADAPTER, "order_cancelled__hub_late_status")) == OrderEvent(
        kind=Kind.CANCELLED,
        word="order.cancelled",
        external_id="JHZ-2026-000101",
        status=Status.CANCELLED,
        provider_status="in_preparation",
        occurred_at=datetime(2026, 1, 10, 12, 25, tzinfo=UTC),
        reason="العميل غيّر رأيه",
        snapshot=OrderSnapshot(store_ids=("rest-riyadh-7",), customer=CustomerInfo()),
    )


def test_menu_sync_is_ignored():
    assert parse_one(ADAPTER, load_fixture(ADAPTER, "menu_sync__hub")) == OrderEvent(
        kind=Kind.IGNORED, word="menu_sync", reason="nothing to do with orders"
    )


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "kind", "status"),
    [
        ("order.created", Kind.CREATED, Status.RECEIVED),
        ("order_received", Kind.CREATED, Status.RECEIVED),
        ("Order_Received", Kind.CREATED, Status.RECEIVED),
        ("order_action", Kind.UPDATED, None),
        ("order.updated", Kind.UPDATED, None),
        ("order.status_changed", Kind.UPDATED, None),
        ("order.confirmed", Kind.UPDATED, Status.CONFIRMED),
        ("order_confirmed", Kind.UPDATED, Status.CONFIRMED),
        ("order.picked_up", Kind.UPDATED, Status.OUT_FOR_DELIVERY),
        ("order.cancelled", Kind.CANCELLED, Status.CANCELLED),
        ("order_cancelled", Kind.CANCELLED, Status.CANCELLED),
        ("order.delivered", Kind.DELIVERED, Status.DELIVERED),
        ("order_delivered", Kind.DELIVERED, Status.DELIVERED),
    ],
)
@pytest.mark.parametrize("field", ["event_type", "action", "eventType"])
def test_event_word_means_kind_and_status(field, word, kind, status):
    payload = hub()
    del payload["event_type"]
    event = event_of(payload | {field: word})
    assert (event.kind, event.status, event.word) == (kind, status, word.lower())


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("placed", Status.RECEIVED),
        ("pending_acceptance", Status.RECEIVED),
        ("accepted", Status.CONFIRMED),
        ("confirmed", Status.CONFIRMED),
        ("in_preparation", Status.PREPARING),
        ("preparing", Status.PREPARING),
        ("ready", Status.READY),
        ("on_the_way", Status.OUT_FOR_DELIVERY),
        ("out_for_delivery", Status.OUT_FOR_DELIVERY),
        ("delivered", Status.DELIVERED),
        ("cancelled", Status.CANCELLED),
        ("rejected", Status.REJECTED),
    ],
)
def test_hub_status_word_means_our_status(word, status):
    kinds = {Status.CANCELLED: Kind.CANCELLED, Status.DELIVERED: Kind.DELIVERED}
    event = event_of({"event_type": "order.updated", "order_id": "J-1", "status": word.upper()})
    assert event == OrderEvent(
        kind=kinds.get(status, Kind.UPDATED),
        word="order.updated",
        external_id="J-1",
        status=status,
        provider_status=word,
        snapshot=OrderSnapshot(customer=CustomerInfo()),
    )


@pytest.mark.parametrize(
    ("letter", "kind", "status"),
    [
        ("N", Kind.UPDATED, Status.RECEIVED),
        ("A", Kind.UPDATED, Status.CONFIRMED),
        ("O", Kind.UPDATED, Status.OUT_FOR_DELIVERY),
        ("D", Kind.DELIVERED, Status.DELIVERED),
        ("C", Kind.CANCELLED, Status.CANCELLED),
        ("R", Kind.UPDATED, Status.REJECTED),
        ("T", Kind.UPDATED, Status.FAILED),
        ("t", Kind.UPDATED, Status.FAILED),
    ],
)
def test_status_letter_means_our_status(letter, kind, status):
    assert event_of({"jahezOrderId": 5, "status": letter}) == OrderEvent(
        kind=kind, external_id="5", status=status, provider_status=letter.lower()
    )


@pytest.mark.parametrize("status", ["accepted", "driver_arrived", "something_new", ""])
def test_order_action_is_a_creation_only_with_the_status_placed(status):
    assert event_of(hub(event_type="order_action", status=status)).kind is Kind.UPDATED
    assert event_of(hub(event_type="order_action", status="PLACED")).kind is Kind.CREATED


def test_creation_opens_at_the_status_it_names():
    assert event_of(hub(status="accepted")).status is Status.CONFIRMED
    assert event_of(native(status="A")).status is Status.CONFIRMED


@pytest.mark.parametrize(
    "payload",
    [
        {"event_type": "order.updated", "order_number": "5", "status": "Teleported"},
        {"jahezOrderId": 5, "status": "Teleported"},
    ],
)
def test_unknown_status_word_is_a_warning(payload):
    event = event_of(payload)
    assert (event.kind, event.external_id, event.status) == (Kind.UPDATED, "5", None)
    assert event.warnings == ("status: unknown status 'teleported', the order keeps the one it has",)


@pytest.mark.parametrize(
    "payload", [{"event_type": "loyalty_points"}, {"eventType": "survey.sent", "orderData": native()}]
)
def test_unknown_event_word_is_ignored(payload):
    event = event_of(payload)
    word = payload.get("event_type") or payload["eventType"]
    assert event == OrderEvent(kind=Kind.IGNORED, word=word, reason=f"unknown event {word!r}")


@pytest.mark.parametrize(
    "word", ["menu.updated", "menu_bulk_update", "item_availability_changed", "menu_sync", "connection_test"]
)
def test_menu_word_is_ignored_even_around_an_order(word):
    event = event_of({"eventType": word, "orderData": native()})
    assert event == OrderEvent(kind=Kind.IGNORED, word=word, reason="nothing to do with orders")


def test_native_event_word_does_not_say_what_it_is():
    assert event_of(native(event="menu_sync")).kind is Kind.CREATED
    assert event_of({"event": "order_received", "jahezOrderId": 5, "status": "A"}).kind is Kind.UPDATED


def test_envelope_word_around_a_native_update_counts():
    event = event_of({"eventType": "order.cancelled", "orderId": "5", "orderData": {"jahezOrderId": 5}})
    assert event == OrderEvent(kind=Kind.CANCELLED, word="order.cancelled", external_id="5", status=Status.CANCELLED)


def test_envelope_update_around_a_native_order_needs_no_lines():
    event = event_of({"eventType": "order.updated", "orderData": {"jahez_id": 5, "final_price": 9.5}})
    assert event == OrderEvent(
        kind=Kind.UPDATED,
        word="order.updated",
        external_id="5",
        snapshot=OrderSnapshot(
            display_id="5",
            total=Decimal("9.5"),
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.PROVIDER,
        ),
    )


def test_hub_order_that_mentions_a_native_id_stays_a_hub_order():
    event = event_of(hub(jahez_id=10000009))
    assert event.external_id == "J-1"
    assert event.snapshot.lines == (Line(external_id="P", quantity=1),)


def test_update_without_anything_to_say_has_no_snapshot():
    assert event_of({"event": "x", "jahezOrderId": 5, "payment_method": ""}) == OrderEvent(
        kind=Kind.UPDATED, word="x", external_id="5"
    )


# -- facts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method",
    [
        "CREDITCARD",
        "POS",
        "POS-MADA",
        "POS-CREDIT-CARD",
        "APPLE-PAY-MADA",
        "APPLE-PAY-CREDIT-CARD",
        "PAYFORT-CREDIT-CARD",
    ],
)
def test_only_cash_leaves_something_to_collect(method):
    snapshot = event_of(native(payment_method=method)).snapshot
    assert (snapshot.payment_method, snapshot.cash_due) == (method.lower(), None)
    snapshot = event_of(native(payment_method="Cash")).snapshot
    assert (snapshot.payment_method, snapshot.cash_due) == ("cash", Decimal(10))


def test_total_of_a_new_order_may_be_missing():
    assert event_of(native(final_price=None, payment_method="CASH")).snapshot.total is None
    assert event_of(native(final_price=None, payment_method="CASH")).snapshot.cash_due is None


@pytest.mark.parametrize("offer", [None, {}, [], "10%", 3, {"amount": None}, {"amount": ""}])
def test_offer_without_an_amount_is_no_discount(offer):
    assert event_of(native(offer=offer)).snapshot.discount is None


@pytest.mark.parametrize("country", ["SA", "BH", "KW", "", "XX"])
def test_unanswered_order_times_out_after_five_minutes(country):
    assert ADAPTER.accept_within_s(country) == 300


def test_money_without_a_currency_is_riyals():
    assert ADAPTER.default_currency == "SAR"
    assert event_of(native()).snapshot.currency is None
    assert event_of(hub()).snapshot.currency is None


@pytest.mark.parametrize(
    ("headers", "payload", "expected"),
    [
        ({"x-request-id": " r-1 "}, {}, "r-1"),
        ({}, {"requestId": "r-2"}, "r-2"),
        ({}, {"requestId": 17}, "17"),
        ({"x-request-id": "r-1"}, {"requestId": "r-2"}, "r-1"),
        ({"x-request-id": ""}, {"requestId": "r-2"}, "r-2"),
        ({}, {"requestId": ["r"]}, ""),
        ({}, {"jahez_id": 5}, ""),
    ],
)
def test_delivery_id_is_the_request_id(headers, payload, expected):
    assert ADAPTER.delivery_id(request(payload, **headers)) == expected


def test_delivery_id_of_an_unreadable_body_is_blank():
    assert ADAPTER.delivery_id(InboundRequest(body=b"\xff", headers={})) == ""


def test_store_ids_name_the_branch_in_both_dialects():
    assert ADAPTER.store_ids(request(native(branch_id="OLAYA"))) == ("OLAYA",)
    assert ADAPTER.store_ids(request(hub(restaurantCode="R-1"))) == ("R-1",)
    assert ADAPTER.store_ids(request({"jahezOrderId": 5, "status": "A"})) == ()


def test_there_is_one_path_and_one_method():
    assert (ADAPTER.methods(""), ADAPTER.methods("order/1")) == (("POST",), ())


def test_white_text_is_legible_on_the_badge():
    channels = [int(ADAPTER.colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    luminance = sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    assert 1.05 / (luminance + 0.05) >= 4.5


# -- unusable ----------------------------------------------------------------------------------------------------------


def test_every_fault_of_a_native_order_is_named():
    error = faults_of(
        {
            "jahez_id": 77,
            "final_price": "12,50",
            "price": True,
            "offer": {"amount": "ten"},
            "products": [
                {"product_id": "A", "quantity": "x", "final_price": "1e3"},
                {"product_id": "B", "final_price": {}},
                "C",
                {"product_id": "D", "quantity": 1, "modifiers": "none"},
                {"product_id": "E", "quantity": 10_000, "modifiers": [{"options": [{"id": 1, "quantity": 0}, 5]}, 7]},
            ],
        }
    )
    assert error.details == {
        "final_price": 'expected a plain decimal, got "12,50"',
        "price": "expected a plain decimal, got true",
        "offer.amount": 'expected a plain decimal, got "ten"',
        "products[0].quantity": 'expected a positive integer, got "x"',
        "products[0].final_price": 'expected a plain decimal, got "1e3"',
        "products[1].quantity": "expected a positive integer, got nothing",
        "products[1].final_price": "expected a plain decimal, got an object",
        "products[2]": 'expected an object, got "C"',
        "products[3].modifiers": 'expected a list, got "none"',
        "products[4].quantity": "expected at most 9999, got 10000",
        "products[4].modifiers[0].options[0].quantity": "expected a positive integer, got 0",
        "products[4].modifiers[0].options[1]": "expected an object, got 5",
        "products[4].modifiers[1]": "expected an object, got 7",
    }
    assert (error.external_id, error.kind) == ("77", "order.created")


@pytest.mark.parametrize(
    ("payload", "details"),
    [
        (native(jahez_id=None), {"jahez_id": "expected an id, got nothing"}),
        (native(jahez_id=True), {"jahez_id": "expected an id, got true"}),
        (native(jahez_id="a\x00b"), {"jahez_id": "expected an id without NUL or lone surrogates"}),
        (native(jahez_id="x" * 513), {"jahez_id": "expected an id of at most 512 characters, got 513"}),
        (native(products=[]), {"products": "expected at least one line, got an empty list"}),
        (native(products=None), {"products": "expected at least one line, got nothing"}),
        (native(products=[native()["products"][0]] * 501), {"products": "expected at most 500 lines, got 501"}),
        ({"jahezOrderId": [], "status": "A"}, {"jahezOrderId": "expected an id, got a list"}),
        (hub(order_number=""), {"order_number": 'expected an id, got ""'}),
        (hub(items=[]), {"items": "expected at least one line, got an empty list"}),
        (hub(items=[{"item_id": "P"}]), {"items[0].quantity": "expected a positive integer, got nothing"}),
        (
            {"order_number": "J-1"},
            {"event_type": "expected an event, got nothing"},
        ),
    ],
)
def test_unusable_payload_names_the_fault(payload, details):
    assert faults_of(payload).details == details


def test_creation_in_the_envelope_around_an_update_is_unusable():
    error = faults_of({"eventType": "order.created", "orderData": {"jahezOrderId": 5}})
    assert error.details == {"orderData.products": "expected at least one line, got nothing"}
    assert (error.external_id, error.kind) == ("5", "order.created")


def test_as_many_lines_as_allowed_are_taken():
    assert len(event_of(native(products=[native()["products"][0]] * 500)).snapshot.lines) == 500


@pytest.mark.parametrize("dialect", ["native", "hub"])
def test_options_nested_beyond_reason_are_a_fault(dialect):
    if dialect == "native":
        nested = '"modifiers":[{"options":[{"id":1,' * 90 + '"quantity":1' + "}]}]" * 90
        body = '{"jahez_id":5,"products":[{"quantity":1,' + nested + "}]}"
    else:
        nested = '"customizations":[{"id":1,' * 190 + '"quantity":1' + "}]" * 190
        body = '{"event_type":"order_received","order_number":"5","items":[{"quantity":1,' + nested + "}]}"
    with pytest.raises(PayloadError) as caught:
        ADAPTER.parse(InboundRequest(body=body.encode(), headers={}))
    assert caught.value.details == {"body": "expected at most 64 levels of nesting"}
    assert caught.value.external_id == "5"


# -- samples -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(12))
def test_native_sample_adds_up(number):
    order = SampleOrder(external_id=str(7000000 + number), store_id="s", now=NOW, number=number)
    event = parse_one(ADAPTER, InboundRequest(sample_events("jahez", "native")["created"](order).body(), {}))
    snapshot = event.snapshot
    assert 2 <= len(snapshot.lines) <= 4
    assert snapshot.subtotal == sum(line.total_price for line in snapshot.lines)
    assert snapshot.total == snapshot.subtotal - (snapshot.discount or 0)
    for line in snapshot.lines:
        assert line.total_price == line.quantity * (line.unit_price + sum(option.price for option in line.modifiers))


@pytest.mark.parametrize("name", ["created", "scheduled", "pickup"])
@pytest.mark.parametrize("number", range(6))
def test_hub_sample_adds_up(name, number):
    order = SampleOrder(external_id="J-9", store_id="s", now=NOW, number=number)
    event = parse_one(ADAPTER, InboundRequest(sample_events("jahez", "hub")[name](order).body(), {}))
    snapshot = event.snapshot
    assert event.kind is Kind.CREATED
    assert snapshot.subtotal == sum(line.total_price for line in snapshot.lines)
    assert snapshot.total == snapshot.subtotal + snapshot.delivery_fee - snapshot.discount
    assert (snapshot.order_type is OrderType.PICKUP) == (name == "pickup")
    assert (snapshot.scheduled_for == NOW + timedelta(hours=4)) == (name == "scheduled")


@pytest.mark.parametrize("dialect", ["native", "hub"])
def test_sample_named_after_a_status_has_it(dialect):
    order = SampleOrder(external_id="123", store_id="s", now=NOW)
    for name, builder in sample_events("jahez", dialect).items():
        event = parse_one(ADAPTER, InboundRequest(builder(order).body(), {}))
        if name in set(Status):
            assert (name, event.status, event.external_id) == (name, Status(name), "123")


# -- proofs ------------------------------------------------------------------------------------------------------------


def bearer(payload, token=SECRET, **headers):
    return request(payload, authorization=f"Bearer {token}", **headers)


def test_bearer_token_with_request_id_holds_in_header_or_body():
    assert ADAPTER.verify(bearer(hub(), **{"x-request-id": "r-1"}), BEARER, NOW) == "bearerToken"
    assert ADAPTER.verify(bearer(hub(requestId="r-1")), BEARER, NOW) == "bearerToken"


def test_hub_request_without_request_id_is_refused():
    assert reason_of(bearer(hub()), BEARER) == "missing_delivery_id"
    assert reason_of(bearer(hub(requestId="")), BEARER) == "missing_delivery_id"
    assert reason_of(bearer({"eventType": "order.created", "orderData": native()}), BEARER) == "missing_delivery_id"


@pytest.mark.parametrize("payload", [native(), {"jahezOrderId": "jahez-order-123", "status": "C"}])
def test_native_request_needs_no_request_id(payload):
    assert ADAPTER.verify(bearer(payload), BEARER, NOW) == "bearerToken"


def test_native_request_without_proof_is_refused():
    assert reason_of(request(native()), BEARER) == "no_proof"


@pytest.mark.parametrize("authorization", ["bearer {}", "BEARER   {}", " Bearer {} "])
def test_bearer_is_read_leniently_in_its_form(authorization):
    inbound = request(native(), authorization=authorization.format(SECRET))
    assert ADAPTER.verify(inbound, BEARER, NOW) == "bearerToken"


@pytest.mark.parametrize(
    "authorization",
    ["Basic {}", "{}", "Bearer {}x", "Bearer x{}", "Bearer {} {}", "Token {}", "Bearer \u0660{}", "Bearer {}é"],
)
def test_other_tokens_are_refused(authorization):
    inbound = request(native(), authorization=authorization.replace("{}", SECRET))
    assert reason_of(inbound, BEARER) == "wrong_token"


def test_non_ascii_token_holds_where_it_is_the_secret():
    assert ADAPTER.verify(bearer(native(), token="سر-جاهز"), {"bearerToken": ("سر-جاهز",)}, NOW) == "bearerToken"
    assert reason_of(bearer(native(), token="سر-جاهز"), BEARER) == "wrong_token"


def signed_by_the_hub(**changes):
    headers = {
        "x-nexara-signature": HUB_SIGNATURE,
        "x-timestamp": "1768046400",
        "x-webhook-id": "wh-1",
        **changes,
    }
    return load_fixture(ADAPTER, "order_updated__timed_out", headers)


def test_hub_signature_known_answer():
    secrets = {"nexara.secretKey": ("jahez-hub-secret",)}
    assert ADAPTER.verify(signed_by_the_hub(), secrets, NOW) == "nexara.secretKey"


def test_tampered_body_is_refused():
    inbound = signed_by_the_hub()
    tampered = dataclasses.replace(inbound, body=inbound.body.replace(b'"T"', b'"D"'))
    assert tampered.body != inbound.body
    assert reason_of(tampered, {"nexara.secretKey": ("jahez-hub-secret",)}) == "wrong_signature"


@pytest.mark.parametrize("offset_s", [-300, 300])
def test_hub_timestamp_within_five_minutes_holds(offset_s):
    secrets = {"nexara.secretKey": ("jahez-hub-secret",)}
    assert ADAPTER.verify(signed_by_the_hub(), secrets, NOW + timedelta(seconds=offset_s)) == "nexara.secretKey"


@pytest.mark.parametrize("offset_s", [-301, 301])
def test_hub_timestamp_outside_five_minutes_is_refused(offset_s):
    secrets = {"nexara.secretKey": ("jahez-hub-secret",)}
    reason = reason_of(signed_by_the_hub(), secrets, NOW + timedelta(seconds=offset_s))
    assert reason == "timestamp_outside_tolerance"


def test_both_proofs_must_hold_where_both_are_there():
    secrets = BEARER | {"nexara.secretKey": ("jahez-hub-secret",)}
    both = signed_by_the_hub(authorization=f"Bearer {SECRET}")
    assert ADAPTER.verify(both, secrets, NOW) in secrets
    assert reason_of(signed_by_the_hub(authorization="Bearer other"), secrets) == "wrong_token"
    assert reason_of(both, BEARER) == "no_secret_set"
