from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from providers.base import InboundRequest
from providers.careem import samples
from providers.careem.adapter import CareemAdapter
from providers.contract import AdapterContractTests, _paths, _replaced, load_fixture, parse_one
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
from providers.money import currency_digits
from providers.payload import PayloadError
from providers.samples import SampleOrder
from providers.signatures import SignatureError

ADAPTER = CareemAdapter()
FIXTURES = Path(__file__).parent / "fixtures"
D = Decimal


def at(hour: int, minute: int = 0, second: int = 0, microsecond: int = 0) -> datetime:
    return datetime(2026, 1, 10, hour, minute, second, microsecond, tzinfo=UTC)


def request(payload: Any, **headers: str) -> InboundRequest:
    return InboundRequest(json.dumps(payload, ensure_ascii=False).encode(), headers)


def read(payload: Any) -> OrderEvent:
    return parse_one(ADAPTER, request(payload))


def read_fixture(name: str) -> OrderEvent:
    return parse_one(ADAPTER, load_fixture(ADAPTER, name))


def refused(payload: Any) -> PayloadError:
    with pytest.raises(PayloadError) as caught:
        ADAPTER.parse(request(payload))
    return caught.value


def native_order(**changes: Any) -> dict[str, Any]:
    details = {"id": 1, "branch": {"id": "AMM-1"}, "items": [{"id": "FRIES", "quantity": 1}], **changes}
    return {"event_type": "ORDER_CREATED", "details": details}


def hub_order(**changes: Any) -> dict[str, Any]:
    order = {"id": "cr-1", "items": [{"id": "FRIES", "name": "French Fries", "quantity": 1}], **changes}
    return {"event_type": "order.created", "order": order}


class TestCareemContract(AdapterContractTests):
    adapter = ADAPTER


# -- the hub's dialect -------------------------------------------------------------------------------------------------


def test_reads_hub_envelope() -> None:
    assert read_fixture("order_created__hub_envelope") == OrderEvent(
        kind=Kind.CREATED,
        word="order.created",
        external_id="careem_order_123",
        status=Status.RECEIVED,
        occurred_at=at(12),
        snapshot=OrderSnapshot(
            customer=CustomerInfo(name="John Doe", phone="+962790000123"),
            lines=(
                Line(external_id="burger-1", name="Burger", quantity=2, unit_price=D("15.00"), total_price=D("30.00")),
            ),
            total=D("30.00"),
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.PROVIDER,
        ),
    )


def test_reads_hub_order_with_nested_modifiers() -> None:
    no_onion = Modifier(external_id="OPT-NO-ONION", name="No Onions", name_ar="بدون بصل")
    garlic = Modifier(external_id="OPT-GARLIC", name="Garlic Sauce", price=D("0.250"), modifiers=(no_onion,))
    cheese = Modifier(external_id="OPT-CHEESE", name="Extra Cheese", price=D("0.500"), modifiers=(garlic,))
    large = Modifier(external_id="OPT-LARGE", name="Large", name_ar="حجم كبير", price=D("1.000"), modifiers=(cheese,))
    assert read_fixture("order_created__hub_nested_modifiers") == OrderEvent(
        kind=Kind.CREATED,
        word="new_order",
        external_id="cr-88120",
        status=Status.CONFIRMED,
        provider_status="accepted",
        occurred_at=at(12),
        snapshot=OrderSnapshot(
            display_id="CR-20",
            store_ids=("AMM-1",),
            customer=CustomerInfo(name="ليلى حداد", phone="+962790000004", email="layla@example.com"),
            lines=(
                Line(
                    external_id="MANSAF",
                    name="Lamb Mansaf",
                    name_ar="منسف لحم",
                    quantity=2,
                    unit_price=D("9.750"),
                    total_price=D("23.000"),
                    notes="الجميد على الجنب",
                    modifiers=(large,),
                ),
                Line(
                    external_id="77",
                    name="Mint Lemonade",
                    quantity=1,
                    unit_price=D("2.0"),
                    total_price=D("2.0"),
                    notes="بدون سكر",
                ),
            ),
            subtotal=D("25.000"),
            tax=D("0.000"),
            delivery_fee=D("1.500"),
            service_fee=D("0.125"),
            discount=D("2.000"),
            total=D("24.625"),
            currency="JOD",
            payment_method="card",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.PROVIDER,
            delivery_address=Address(text="شارع الرينبو 14، جبل عمان، عمّان"),
            notes="اتصلوا عند الوصول",
            placed_at=at(11, 58, 30),
            estimated_delivery_at=at(12, 45),
        ),
    )


def test_reads_hub_pickup_test_order_with_blank_fields() -> None:
    assert read_fixture("order_created__hub_pickup_test") == OrderEvent(
        kind=Kind.CREATED,
        word="order_created",
        external_id="550021",
        status=Status.RECEIVED,
        snapshot=OrderSnapshot(
            display_id="21",
            store_ids=("KWI-2",),
            customer=CustomerInfo(phone="0"),
            lines=(
                Line(name="Falafel Sandwich", quantity=1, unit_price=D("1.255")),
                Line(external_id="FRIES", name="بطاطا مقلية", quantity=3, unit_price=D("0.125")),
            ),
            subtotal=D("1.630"),
            service_fee=D("0.010"),
            total=D("1.640"),
            currency="KWD",
            payment_method="cash",
            order_type=OrderType.PICKUP,
            fulfilled_by=FulfilledBy.CUSTOMER,
            notes="سآتي بعد ربع ساعة",
            is_test=True,
            estimated_delivery_at=at(12, 15),
        ),
    )


def test_reads_hub_scheduled_order_of_the_restaurants_own_fleet() -> None:
    assert read_fixture("order_created__hub_scheduled_own_fleet") == OrderEvent(
        kind=Kind.CREATED,
        word="order.created",
        external_id="cr-90001",
        status=Status.RECEIVED,
        provider_status="pending",
        occurred_at=at(12, 0, 5, 250_000),
        snapshot=OrderSnapshot(
            store_ids=("RUH-7",),
            customer=CustomerInfo(name="Dina Awad", phone="966500000007"),
            lines=(Line(external_id="HUMMUS", name="Hummus", quantity=1, unit_price=D("18"), total_price=D("18")),),
            subtotal=D("18"),
            tax=D("2.35"),
            delivery_fee=D("7"),
            total=D("25.0"),
            cash_due=D("25.00"),
            currency="SAR",
            payment_method="cash",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.RESTAURANT,
            delivery_address=Address(
                text="Example Street, 12, 3, 9, Olaya, Riyadh",
                street="Example Street",
                building="12",
                floor="3",
                apartment="9",
                area="Olaya",
                city="Riyadh",
                notes="Opposite the park",
                latitude=D("24.7"),
                longitude=D("46.7"),
            ),
            placed_at=at(12),
            scheduled_for=at(18),
            estimated_delivery_at=at(18, 30),
        ),
    )


def test_reads_hub_status_without_an_order_object() -> None:
    assert read_fixture("order_status_changed__hub_ready") == OrderEvent(
        kind=Kind.UPDATED,
        word="status_changed",
        external_id="cr-88120",
        status=Status.READY,
        provider_status="ready",
        occurred_at=at(12, 10),
        snapshot=OrderSnapshot(store_ids=("AMM-1",), customer=CustomerInfo()),
    )


def test_hub_cancellation_overrules_the_older_status_that_it_still_names() -> None:
    assert read_fixture("order_cancelled__hub_stale_status") == OrderEvent(
        kind=Kind.CANCELLED,
        word="order_cancelled",
        external_id="cr-88120",
        status=Status.CANCELLED,
        provider_status="preparing",
        occurred_at=at(12, 20),
        reason="طلب الزبون الإلغاء",
        snapshot=OrderSnapshot(customer=CustomerInfo()),
    )


def test_hub_captain_word_changes_the_courier_only() -> None:
    assert read_fixture("order_updated__hub_captain") == OrderEvent(
        kind=Kind.UPDATED,
        word="order.updated",
        external_id="cr-88120",
        provider_status="driver_coming",
        occurred_at=at(12, 25),
        snapshot=OrderSnapshot(customer=CustomerInfo()),
        courier=Courier(name="كابتن مراد", phone="+962790000504", status="driver_coming"),
    )


# -- the native dialect ------------------------------------------------------------------------------------------------


def test_reads_nested_options_and_counts_each_discount_once() -> None:
    garlic = Modifier(external_id="OPT-GARLIC", price=D("0.25"))
    cheese = Modifier(external_id="OPT-CHEESE", price=D("0.5"), modifiers=(garlic, Modifier()))
    no_onion = Modifier(external_id="OPT-NO-ONION", price=D("0"))
    large = Modifier(external_id="OPT-LARGE", price=D("1"), modifiers=(cheese, no_onion))
    assert read_fixture("order_created__nested_options") == OrderEvent(
        kind=Kind.CREATED,
        word="order_created",
        external_id="70010001",
        status=Status.RECEIVED,
        provider_status="pending",
        occurred_at=at(12, 0, 2),
        snapshot=OrderSnapshot(
            display_id="70010001",
            store_ids=("AMM-1",),
            customer=CustomerInfo(phone="0"),
            lines=(
                Line(
                    external_id="BURGER-CLASSIC",
                    quantity=2,
                    unit_price=D("4.5"),
                    total_price=D("12.5"),
                    notes="مستوي جيداً",
                    modifiers=(large,),
                ),
                Line(external_id="25", quantity=1, unit_price=D("2.75"), total_price=D("2.75")),
            ),
            subtotal=D("15.25"),
            delivery_fee=D("2"),
            service_fee=D("0.125"),
            discount=D("3.50"),
            total=D("13.875"),
            cash_due=D("0"),
            payment_method="online",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.PROVIDER,
            notes=("بدون أدوات مائدة\nهدية، لا تضعوا الفاتورة\nNo cutlery / بدون أدوات\nاتركوه عند الباب\nCALL_FIRST"),
            placed_at=at(12),
        ),
    )


def test_reads_cash_order_of_the_restaurants_own_fleet() -> None:
    assert read_fixture("order_created__own_fleet_cash") == OrderEvent(
        kind=Kind.CREATED,
        word="order_created",
        external_id="70010002",
        status=Status.CONFIRMED,
        provider_status="accepted",
        snapshot=OrderSnapshot(
            display_id="70010002",
            store_ids=("KWI-2",),
            customer=CustomerInfo(name="Rania Saleh", phone="+96500000002"),
            lines=(Line(external_id="SHAWARMA-CHICKEN", quantity=2, unit_price=D("5.0625"), total_price=D("10.125")),),
            subtotal=D("10.125"),
            delivery_fee=D("0.875"),
            total=D("11.0"),
            cash_due=D("11"),
            payment_method="cash",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.RESTAURANT,
            delivery_address=Address(
                text="شارع تونس, 22, 5, حولي, الكويت",
                street="شارع تونس",
                building="22",
                apartment="5",
                area="حولي",
                city="الكويت",
                notes="الجرس لا يعمل",
                latitude=D("29.33"),
                longitude=D("48.02"),
            ),
            placed_at=at(12),
        ),
    )


def documented_order(**changes: Any) -> OrderEvent:
    """Return what both orders of the public documentation say; they differ in the slot alone."""
    return OrderEvent(
        kind=Kind.CREATED,
        word="order_created",
        external_id="62503433",
        status=Status.RECEIVED,
        provider_status="pending",
        snapshot=OrderSnapshot(
            display_id="62503433",
            store_ids=("branch-1",),
            customer=CustomerInfo(name="Test Customer", phone="971500000000"),
            lines=(
                Line(
                    external_id="00ccc1db",
                    quantity=2,
                    unit_price=D("1.95"),
                    total_price=D("4.7"),
                    notes="Please don't ring the door bell",
                    modifiers=(Modifier(external_id="8c7102d7", quantity=2, price=D("0.4")),),
                ),
            ),
            subtotal=D("4.7"),
            delivery_fee=D("2"),
            service_fee=D("0.15"),
            discount=D("2.3"),
            total=D("4.4"),
            cash_due=D("0"),
            payment_method="prepaid",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.RESTAURANT,
            delivery_address=Address(
                text="Sample Street, 101, G01, Example Area, Dubai",
                street="Sample Street",
                building="101",
                apartment="G01",
                area="Example Area",
                city="Dubai",
                latitude=D("25.07"),
                longitude=D("55.13"),
            ),
            placed_at=datetime(2023, 6, 18, 22, 30, 29, tzinfo=UTC),
            **changes,
        ),
    )


def test_reads_documented_self_delivery_order() -> None:
    assert read_fixture("order_created__self_delivery_docs_derived") == documented_order()


def test_reads_documented_scheduled_order() -> None:
    slot = datetime(2025, 5, 1, 9, tzinfo=UTC)
    assert read_fixture("order_created__scheduled_docs_derived") == documented_order(scheduled_for=slot)


def test_reads_pickup_order() -> None:
    assert read_fixture("order_created__pickup") == OrderEvent(
        kind=Kind.CREATED,
        word="order_created",
        external_id="70010003",
        status=Status.RECEIVED,
        snapshot=OrderSnapshot(
            display_id="70010003",
            store_ids=("AMM-1",),
            customer=CustomerInfo(name="سامر خليل", phone="962790000003"),
            lines=(Line(external_id="KNAFEH", quantity=1, unit_price=D("3.25"), total_price=D("3.25")),),
            subtotal=D("3.25"),
            total=D("3.25"),
            payment_method="card",
            order_type=OrderType.PICKUP,
            fulfilled_by=FulfilledBy.CUSTOMER,
            placed_at=at(12),
        ),
    )


def test_reads_native_order_object_inside_the_hubs_envelope() -> None:
    assert read_fixture("order_created__native_in_envelope") == OrderEvent(
        kind=Kind.CREATED,
        word="order.created",
        external_id="70010004",
        status=Status.RECEIVED,
        occurred_at=at(12),
        snapshot=OrderSnapshot(
            store_ids=("AMM-1",),
            lines=(Line(external_id="FALAFEL", quantity=1, unit_price=D("1.25")),),
            total=D("1.25"),
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.PROVIDER,
        ),
        warnings=("orderData.delivery_type: unknown delivery type 'drone'",),
    )


def test_reads_whole_order_that_comes_with_a_cancellation() -> None:
    assert read_fixture("order_status_updated__assembled") == OrderEvent(
        kind=Kind.CANCELLED,
        word="order_status_updated",
        external_id="14583136",
        status=Status.CANCELLED,
        provider_status="cancelled",
        occurred_at=datetime(2025, 12, 24, 11, 23, 31, tzinfo=UTC),
        reason="OTHER",
        snapshot=OrderSnapshot(
            display_id="14583136",
            store_ids=("main_branch",),
            customer=CustomerInfo(phone="0"),
            lines=(Line(external_id="25", quantity=1, unit_price=D("4.5"), total_price=D("4.5")),),
            subtotal=D("4.5"),
            delivery_fee=D("10"),
            service_fee=D("0.15"),
            discount=D("0"),
            total=D("14.65"),
            cash_due=D("0"),
            payment_method="prepaid",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.PROVIDER,
            placed_at=datetime(2025, 12, 24, 11, 23, 31, tzinfo=UTC),
        ),
    )


def test_captain_word_changes_the_courier_only() -> None:
    assert read_fixture("order_status_updated__captain_here") == OrderEvent(
        kind=Kind.UPDATED,
        word="order_status_updated",
        external_id="70010001",
        provider_status="driver_here",
        occurred_at=at(12, 19),
        snapshot=OrderSnapshot(display_id="70010001", store_ids=("AMM-1",)),
        courier=Courier(name="كابتن مراد", phone="962790000504", status="driver_here"),
    )


def test_slot_word_changes_no_status() -> None:
    assert read_fixture("order_status_updated__slot_upcoming") == OrderEvent(
        kind=Kind.UPDATED,
        word="order_status_updated",
        external_id="70010005",
        provider_status="slot_upcoming",
        snapshot=OrderSnapshot(display_id="70010005", scheduled_for=at(18)),
    )


def test_accepted_replacement_is_an_update_of_the_lines() -> None:
    assert read_fixture("order_item_replacement_accepted__shop") == OrderEvent(
        kind=Kind.UPDATED,
        word="order_item_replacement_accepted",
        external_id="70010006",
        status=Status.CONFIRMED,
        provider_status="accepted",
        occurred_at=at(12, 5),
        snapshot=OrderSnapshot(
            display_id="70010006",
            store_ids=("SHOP-1",),
            lines=(Line(external_id="MILK-1L", quantity=2, unit_price=D("3.25"), total_price=D("6.5")),),
            subtotal=D("6.5"),
            total=D("6.5"),
        ),
    )


def test_answer_to_a_catalog_push_is_ignored() -> None:
    assert read_fixture("catalog_request_status_updated__completed") == OrderEvent(
        kind=Kind.IGNORED, word="catalog_request_status_updated", reason="nothing to do with orders"
    )


def test_every_fixture_has_its_test() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert [path.stem for path in FIXTURES.glob("*.json") if f'"{path.stem}"' not in source] == []


# -- words -------------------------------------------------------------------------------------------------------------

KINDS = {Status.CANCELLED: Kind.CANCELLED, Status.DELIVERED: Kind.DELIVERED}

STATUS_WORDS = [
    ("pending", Status.RECEIVED),
    ("accepted", Status.CONFIRMED),
    ("confirmed", Status.CONFIRMED),
    ("preparing", Status.PREPARING),
    ("ready", Status.READY),
    ("picked_up", Status.OUT_FOR_DELIVERY),
    ("trip_started", Status.OUT_FOR_DELIVERY),
    ("delivered", Status.DELIVERED),
    ("trip_ended", Status.DELIVERED),
    ("cancelled", Status.CANCELLED),
    ("rejected", Status.REJECTED),
    ("driver_coming", None),
    ("driver_here", None),
    ("slot_upcoming", None),
    ("slot_started", None),
]


@pytest.mark.parametrize(("word", "status"), STATUS_WORDS)
@pytest.mark.parametrize("spelling", [str.lower, str.upper])
def test_native_status_word(word: str, status: Status | None, spelling: Any) -> None:
    payload = {"event_type": "ORDER_STATUS_UPDATED", "details": {"id": 7, "status": spelling(word)}}
    assert read(payload) == OrderEvent(
        kind=KINDS.get(status, Kind.UPDATED),
        word="order_status_updated",
        external_id="7",
        status=status,
        provider_status=word,
        snapshot=OrderSnapshot(display_id="7"),
        courier=Courier(status=word) if word.startswith("driver_") else None,
    )


@pytest.mark.parametrize(("word", "status"), STATUS_WORDS)
def test_hub_status_word(word: str, status: Status | None) -> None:
    payload = {"eventType": "order.status_changed", "orderId": "cr-7", "orderData": {"status": word}}
    assert read(payload) == OrderEvent(
        kind=KINDS.get(status, Kind.UPDATED),
        word="order.status_changed",
        external_id="cr-7",
        status=status,
        provider_status=word,
        snapshot=OrderSnapshot(customer=CustomerInfo()),
        courier=Courier(status=word) if word.startswith("driver_") else None,
    )


@pytest.mark.parametrize("word", ["half_eaten", "driver_on_the_moon"])
def test_unknown_status_word_is_a_warning(word: str) -> None:
    native = read({"event_type": "ORDER_STATUS_UPDATED", "details": {"id": 7, "status": word}})
    assert (native.kind, native.status, native.provider_status) == (Kind.UPDATED, None, word)
    assert native.warnings == (f"details.status: unknown status {word!r}, the order keeps the one it has",)
    hub = read({"event_type": "order.updated", "data": {"id": 7, "status": word}})
    assert (hub.kind, hub.status, hub.provider_status) == (Kind.UPDATED, None, word)
    assert hub.warnings == (f"data.status: unknown status {word!r}, the order keeps the one it has",)


def test_new_order_with_an_unknown_status_word_is_received() -> None:
    event = read(native_order(status="half_eaten"))
    assert (event.kind, event.status) == (Kind.CREATED, Status.RECEIVED)
    assert event.warnings == ("details.status: unknown status 'half_eaten', the order keeps the one it has",)


EVENT_WORDS = [
    ("order.created", Kind.CREATED, Status.RECEIVED),
    ("order_created", Kind.CREATED, Status.RECEIVED),
    ("ORDER_CREATED", Kind.CREATED, Status.RECEIVED),
    ("new_order", Kind.CREATED, Status.RECEIVED),
    ("order.updated", Kind.UPDATED, None),
    ("order.status_changed", Kind.UPDATED, None),
    ("status_changed", Kind.UPDATED, None),
    ("ORDER_STATUS_UPDATED", Kind.UPDATED, None),
    ("ORDER_ITEM_REPLACEMENT_ACCEPTED", Kind.UPDATED, None),
    ("order.confirmed", Kind.UPDATED, Status.CONFIRMED),
    ("order_accepted", Kind.UPDATED, Status.CONFIRMED),
    ("order.picked_up", Kind.UPDATED, Status.OUT_FOR_DELIVERY),
    ("order.cancelled", Kind.CANCELLED, Status.CANCELLED),
    ("order_cancelled", Kind.CANCELLED, Status.CANCELLED),
    ("order.delivered", Kind.DELIVERED, Status.DELIVERED),
    ("order_delivered", Kind.DELIVERED, Status.DELIVERED),
]


@pytest.mark.parametrize(("word", "kind", "status"), EVENT_WORDS)
@pytest.mark.parametrize("field", ["event_type", "eventType"])
@pytest.mark.parametrize("order", [hub_order()["order"], native_order()["details"]], ids=["hub", "native"])
def test_event_word_without_a_status(word: str, kind: Kind, status: Status | None, field: str, order: Any) -> None:
    event = read({field: word, "details": order})
    assert (event.kind, event.word, event.status, event.provider_status) == (kind, word.lower(), status, "")


@pytest.mark.parametrize("order", [hub_order()["order"], native_order()["details"]], ids=["hub", "native"])
def test_status_outweighs_an_event_word_that_is_not_binding(order: Any) -> None:
    event = read({"event_type": "order_accepted", "details": {**order, "status": "preparing"}})
    assert (event.kind, event.status) == (Kind.UPDATED, Status.PREPARING)


@pytest.mark.parametrize(
    "word",
    ["menu.updated", "menu_bulk_update", "item_availability_changed", "menu_sync", "connection_test",
     "CATALOG_REQUEST_STATUS_UPDATED", "CATALOG_STATUS_UPDATED"],
)  # fmt: skip
@pytest.mark.parametrize("details", [{}, {"branch": {"id": "AMM-1"}}, "x"])
def test_menu_word_is_ignored(word: str, details: Any) -> None:
    assert read({"event_type": word, "details": details}) == OrderEvent(
        kind=Kind.IGNORED, word=word.lower(), reason="nothing to do with orders"
    )


@pytest.mark.parametrize("details", [{}, {"branch": {"id": "AMM-1"}, "items": 7}])
def test_unknown_event_word_is_ignored(details: Any) -> None:
    assert read({"event_type": "ORDER_TELEPORTED", "details": details}) == OrderEvent(
        kind=Kind.IGNORED, word="order_teleported", reason="unknown event 'order_teleported'"
    )


@pytest.mark.parametrize("order", [hub_order()["order"], native_order()["details"]], ids=["hub", "native"])
def test_lines_without_an_event_word_are_a_new_order(order: Any) -> None:
    assert read({"details": {**order, "status": "accepted"}}).kind is Kind.CREATED


def test_status_without_an_event_word_is_an_update() -> None:
    event = read({"details": {"id": 7, "status": "ready", "branch": {"id": "AMM-1"}, "items": []}})
    assert event == OrderEvent(
        kind=Kind.UPDATED,
        external_id="7",
        status=Status.READY,
        provider_status="ready",
        snapshot=OrderSnapshot(display_id="7", store_ids=("AMM-1",)),
    )


@pytest.mark.parametrize("payload", [{"id": 7}, {"details": {"id": 7, "branch": {"id": "AMM-1"}}}])
def test_neither_event_word_nor_status_nor_lines_is_unusable(payload: Any) -> None:
    error = refused(payload)
    assert (error.details, error.external_id) == ({"event_type": "expected an event, got nothing"}, "7")


# -- details of the native dialect -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delivery_type", "order_type", "fulfilled_by"),
    [
        ("careem", OrderType.DELIVERY, FulfilledBy.PROVIDER),
        ("MERCHANT", OrderType.DELIVERY, FulfilledBy.RESTAURANT),
        ("pickup", OrderType.PICKUP, FulfilledBy.CUSTOMER),
        ("", OrderType.DELIVERY, FulfilledBy.PROVIDER),
        (None, OrderType.DELIVERY, FulfilledBy.PROVIDER),
    ],
)
@pytest.mark.parametrize("place", ["details", "delivery"])
def test_delivery_type_tells_who_carries_the_order(
    delivery_type: Any, order_type: OrderType, fulfilled_by: FulfilledBy, place: str
) -> None:
    told = {"delivery_type": delivery_type} if place == "details" else {"delivery": {"type": delivery_type}}
    snapshot = read(native_order(**told)).snapshot
    assert snapshot is not None
    assert (snapshot.order_type, snapshot.fulfilled_by) == (order_type, fulfilled_by)


def test_update_that_does_not_name_the_delivery_type_tells_none() -> None:
    payload = native_order(status="ready") | {"event_type": "ORDER_STATUS_UPDATED"}
    snapshot = read(payload).snapshot
    assert snapshot is not None
    assert (snapshot.order_type, snapshot.fulfilled_by) == (None, None)


def test_blank_update_tells_nothing() -> None:
    blank: dict[str, Any] = {
        "price": {"original_total_price": None, "merchant_discount_amount": "", "total_taxable_price": " "},
        "customer": {"name": " ", "phone_number": None, "address": {"street": "", "location": None}},
        "captain": {"name": None, "phone_number": 0},
        "items": [], "notes": " ", "cash_in": "", "merchant_pay_type": "", "created_at": "", "delivery_type": "",
        "metadata": {"order_instructions": {"merchant_notes": "", "merchant_instructions": [None, {}, ""]}},
    }  # fmt: skip
    payload = {"event_type": "ORDER_STATUS_UPDATED", "details": {"id": 7, "status": "ready", **blank}}
    assert read(payload) == OrderEvent(
        kind=Kind.UPDATED,
        word="order_status_updated",
        external_id="7",
        status=Status.READY,
        provider_status="ready",
        snapshot=OrderSnapshot(display_id="7"),
    )


@pytest.mark.parametrize("items", [None, "", []])
@pytest.mark.parametrize("word", ["ORDER_STATUS_UPDATED", "order.updated"])
def test_status_needs_no_lines(items: Any, word: str) -> None:
    event = read({"event_type": word, "details": {"id": 7, "status": "ready", "items": items}})
    assert event.snapshot is not None
    assert event.snapshot.lines is None


def test_amounts_are_exactly_as_sent() -> None:
    body = (
        b'{"event_type":"ORDER_CREATED","details":{"id":1,"items":[{"id":"x","quantity":1,"unit_price":0.10}],'
        b'"price":{"total_taxable_price":14.650,"delivery_fee":"2.0","service_fee":0.1234567890123456789}}}'
    )
    snapshot = parse_one(ADAPTER, InboundRequest(body, {})).snapshot
    assert snapshot is not None
    assert snapshot.lines is not None
    told = (snapshot.lines[0].unit_price, snapshot.total, snapshot.delivery_fee, snapshot.service_fee)
    assert [str(amount) for amount in told] == ["0.10", "14.650", "2.0", "0.1234567890123456789"]


@pytest.mark.parametrize(("currency", "total"), [("JOD", "13.875"), ("AED", "13.88")])
def test_branchs_currency_scales_the_amounts(currency: str, total: str) -> None:
    snapshot = read_fixture("order_created__nested_options").snapshot
    assert snapshot is not None
    scaled = snapshot.in_currency(currency_digits(currency))
    assert (str(scaled.total), scaled.currency) == (total, None)


def test_free_delivery_is_no_discount() -> None:
    price = {"original_total_price": 10, "free_delivery_discount_value": 2, "total_taxable_price": 10}
    snapshot = read(native_order(price=price)).snapshot
    assert snapshot is not None
    assert snapshot.discount is None


def test_price_that_is_no_object_is_a_warning() -> None:
    event = read(native_order(price=12.5))
    assert event.snapshot is not None
    assert event.snapshot.total is None
    assert event.warnings == ("details.price: expected an object of amounts, left out",)


@pytest.mark.parametrize("wishes", ["بدون بصل", ["بدون بصل"], [{"label": "بدون بصل"}, "بدون بصل"]])
def test_instructions_of_another_shape_are_kept(wishes: Any) -> None:
    event = read(native_order(metadata={"order_instructions": {"merchant_instructions": wishes}}))
    assert event.snapshot is not None
    assert event.snapshot.notes == "بدون بصل"


def test_brand_is_no_store() -> None:
    payload = request(native_order(branch={"id": "AMM-1", "brand_id": "BR1"}))
    assert ADAPTER.store_ids(payload) == ("AMM-1",)


def test_store_ids_of_a_body_that_is_unusable_are_read_all_the_same() -> None:
    assert ADAPTER.store_ids(request(native_order(items=[]))) == ("AMM-1",)
    assert ADAPTER.store_ids(InboundRequest(b"[", {})) == ()


@pytest.mark.parametrize("name", ["id", "order_id", "orderId"])
def test_external_id_has_three_names(name: str) -> None:
    order = hub_order()["order"]
    del order["id"]
    assert read({"event_type": "new_order", "order": {**order, name: "cr-5"}}).external_id == "cr-5"


# -- what is unusable --------------------------------------------------------------------------------------------------


def test_every_fault_of_a_native_order_is_told_at_once() -> None:
    option = {"id": "OPT", "quantity": 1.5, "total_price": "1e3", "groups": [7]}
    item = {"id": "x", "quantity": 0, "unit_price": "1,5", "groups": [{"options": [option]}, {"options": "x"}]}
    error = refused(
        native_order(
            items=[item, 7, {"id": "y"}, {"id": "z", "quantity": 10_000}],
            price={"delivery_fee": "x", "careem_promo_amount": True},
            cash_in=[],
        )
    )
    assert error.details == {
        "details.items[1]": "expected an object, got 7",
        "details.items[0].quantity": "expected a positive integer, got 0",
        "details.items[0].unit_price": 'expected a plain decimal, got "1,5"',
        "details.items[0].groups[0].options[0].quantity": "expected a positive integer, got 1.5",
        "details.items[0].groups[0].options[0].total_price": 'expected a plain decimal, got "1e3"',
        "details.items[0].groups[0].options[0].groups[0]": "expected an object, got 7",
        "details.items[0].groups[1].options": 'expected a list, got "x"',
        "details.items[2].quantity": "expected a positive integer, got nothing",
        "details.items[3].quantity": "expected at most 9999, got 10000",
        "details.price.delivery_fee": 'expected a plain decimal, got "x"',
        "details.price.careem_promo_amount": "expected a plain decimal, got true",
        "details.cash_in": "expected a plain decimal, got a list",
    }
    assert (error.external_id, error.kind) == ("1", "order.created")


def test_every_fault_of_a_hub_order_is_told_at_once() -> None:
    item = {"quantity": "two", "unit_price": {}, "modifiers": [{"price": "free", "quantity": -1}]}
    error = refused(hub_order(items=[item], tax_amount="5%", total=True))
    assert error.details == {
        "order.items[0].quantity": 'expected a positive integer, got "two"',
        "order.items[0].unit_price": "expected a plain decimal, got an object",
        "order.items[0].modifiers[0].quantity": "expected a positive integer, got -1",
        "order.items[0].modifiers[0].price": 'expected a plain decimal, got "free"',
        "order.tax_amount": 'expected a plain decimal, got "5%"',
        "order.total": "expected a plain decimal, got true",
    }
    assert (error.external_id, error.kind) == ("cr-1", "order.created")


@pytest.mark.parametrize(("items", "got"), [([], "an empty list"), (None, "nothing"), ("", "nothing")])
def test_new_order_without_lines_is_unusable(items: Any, got: str) -> None:
    native = refused(native_order(items=items))
    assert native.details == {"details.items": f"expected at least one line, got {got}"}
    assert (native.external_id, native.kind) == ("1", "order.created")
    hub = refused(hub_order(items=items))
    assert hub.details == {"order.items": f"expected at least one line, got {got}"}
    assert (hub.external_id, hub.kind) == ("cr-1", "order.created")


def test_more_than_500_lines_are_unusable() -> None:
    item = {"id": "x", "quantity": 1}
    assert len(read(native_order(items=[item] * 500)).snapshot.lines) == 500
    assert refused(native_order(items=[item] * 501)).details == {"details.items": "expected at most 500 lines, got 501"}


@pytest.mark.parametrize(
    ("identifier", "fault"),
    [
        (None, "expected an id, got nothing"),
        ("", 'expected an id, got ""'),
        (" ", 'expected an id, got " "'),
        (True, "expected an id, got true"),
        ({}, "expected an id, got an object"),
        ("a\x00b", "expected an id without NUL or lone surrogates"),
        ("\ud800", "expected an id without NUL or lone surrogates"),
        ("x" * 513, "expected an id of at most 512 characters, got 513"),
    ],
)
def test_order_without_a_usable_id_is_unusable(identifier: Any, fault: str) -> None:
    body = json.dumps(native_order(id=identifier)).encode()
    with pytest.raises(PayloadError) as caught:
        ADAPTER.parse(InboundRequest(body, {}))
    assert caught.value.details == {"details.id": fault}
    assert (caught.value.external_id, caught.value.kind) == ("", "order.created")


def test_unusable_document_still_names_its_order() -> None:
    body = b'{"event_type":"ORDER_CREATED","details":{"id":9,"id":9,"branch":{},"items":[{"id":"x","quantity":NaN}]}}'
    with pytest.raises(PayloadError) as caught:
        ADAPTER.parse(InboundRequest(body, {}))
    assert caught.value.details == {
        "details.id": "expected each key once, got it twice",
        "details.items[0].quantity": "expected a number, got NaN",
    }
    assert (caught.value.external_id, caught.value.kind) == ("9", "order.created")


@pytest.mark.parametrize("levels", [20, 95])
def test_options_nested_too_deep_are_unusable(levels: int) -> None:
    nested = '{"options":[{"id":"o","groups":[' * levels + "]}]}" * levels
    head = '{"event_type":"ORDER_CREATED","details":{"id":9,"branch":{},"items":[{"quantity":1,"groups":['
    body = head + nested + "]}]}}"
    with pytest.raises(PayloadError) as caught:
        ADAPTER.parse(InboundRequest(body.encode(), {}))
    assert caught.value.details == {"body": "expected at most 64 levels of nesting"}
    assert caught.value.external_id == "9"


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.json")), ids=lambda path: path.stem)
def test_odd_types_anywhere_raise_payload_errors_alone(path: Path) -> None:
    payload = json.loads(path.read_bytes())
    for place in _paths(payload):
        for odd in (None, True, 0, -1, 1.7, 10**50, "", "\x00", "x", [], [1], [[]], [None], {}, {"x": 1}, {"id": []}):
            changed = request(_replaced(payload, place, odd))
            try:
                assert ADAPTER.parse(changed) == ADAPTER.parse(changed)
            except PayloadError as error:
                assert error.details  # noqa: PT017 — the other outcome is fine as well


# -- who sent it -------------------------------------------------------------------------------------------------------

NOW = at(12)
BODY = '{"event_type":"ORDER_CREATED","details":{"id":1,"notes":"بدون بصل"}}'.encode()
SECRETS = {"webhookSecret": ("test_careem_secret",), "apiKey": ("test_careem_key",)}

# BODY as in the tests, in UTF-8:
#   printf '%s' "$BODY" | openssl dgst -sha256 -hmac test_careem_secret
BODY_ALONE = "6461c161ac7830384bc8bc54ee0ac24cda2ba6b4338b5f2d2f5f45a36620d1a3"
#   printf '%s' "$TIMESTAMP.$BODY" | openssl dgst -sha256 -hmac test_careem_secret
WITH_TIMESTAMP = {
    "1768046400": "a27f157f4f72c366fdb0651bcf60da741f14aaaeeae1ae23aaade992804262b5",  # NOW
    "1768046100": "3fe4f27817188b2f856780ad370ff041965aedd26b61e0c1ba337156f19bb037",  # NOW - 300 s
    "1768046099": "ba4ae43162b4f553f17720a7aaa7c533d71abf916261bbca147f984490112c7d",  # NOW - 301 s
    "1768046700": "c2c095b1233a627356b8e5d92e819cd71a2d4c677e77acd05091622a3f6f5e06",  # NOW + 300 s
    "1768046701": "25707b9d54ec0f9223ccb5f49f6ff49731b2d5bbc38d3c17eaaea7b485de2070",  # NOW + 301 s
    "2026-01-10T12:04:00Z": "54ef8a724fe057862cd667d3e33cffbb8a6a18c96bc13430e68b2805642c42dc",  # NOW + 240 s
}
#   printf '%s' "1768046400.$BODY" | openssl dgst -sha256 -hmac hub_secret_key
NEXARA_SIGNATURE = "b8e304bff8fc72998a1cb260ca78a6c3cbc08c15359331ad94bc10b6b79b6620"


def signed(body: bytes = BODY, **headers: str) -> InboundRequest:
    return InboundRequest(body, {name.replace("_", "-"): value for name, value in headers.items()})


def reason(inbound: InboundRequest, secrets: dict[str, tuple[str, ...]] | None = None, now: datetime = NOW) -> str:
    with pytest.raises(SignatureError) as caught:
        ADAPTER.verify(inbound, SECRETS if secrets is None else secrets, now)
    return caught.value.reason


@pytest.mark.parametrize("prefix", ["", "sha256=", "SHA256=", " "])
@pytest.mark.parametrize("signature", [BODY_ALONE, BODY_ALONE.upper()])
def test_known_signature_over_the_body_holds(prefix: str, signature: str) -> None:
    inbound = signed(x_careem_signature=prefix + signature)
    assert ADAPTER.verify(inbound, SECRETS, NOW) == "webhookSecret"
    assert ADAPTER.verify(inbound, SECRETS, NOW + timedelta(days=400)) == "webhookSecret"


@pytest.mark.parametrize("timestamp", ["1768046400", "1768046100", "1768046700", "2026-01-10T12:04:00Z"])
def test_known_signature_with_a_timestamp_in_the_tolerance_holds(timestamp: str) -> None:
    inbound = signed(x_careem_signature=WITH_TIMESTAMP[timestamp], x_careem_timestamp=timestamp)
    assert ADAPTER.verify(inbound, SECRETS, NOW) == "webhookSecret"


@pytest.mark.parametrize("timestamp", ["1768046099", "1768046701"])
def test_known_signature_with_a_timestamp_outside_the_tolerance_is_refused(timestamp: str) -> None:
    inbound = signed(x_careem_signature=WITH_TIMESTAMP[timestamp], x_careem_timestamp=timestamp)
    assert reason(inbound) == "timestamp_outside_tolerance"


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [("", "missing_timestamp"), ("noon", "malformed_timestamp"), ("١٧٦٨٠٤٦٤٠٠", "malformed_timestamp"),
     ("1768046401", "wrong_signature")],
)  # fmt: skip
def test_other_timestamp_than_the_signed_one_is_refused(timestamp: str, expected: str) -> None:
    inbound = signed(x_careem_signature=WITH_TIMESTAMP["1768046400"], x_careem_timestamp=timestamp)
    assert reason(inbound) == expected


def test_signature_with_its_timestamp_taken_away_is_refused() -> None:
    assert reason(signed(x_careem_signature=WITH_TIMESTAMP["1768046400"])) == "wrong_signature"


def test_signature_over_the_body_with_a_timestamp_added_is_refused() -> None:
    assert reason(signed(x_careem_signature=BODY_ALONE, x_careem_timestamp="1768046400")) == "wrong_signature"


@pytest.mark.parametrize("body", [BODY + b" ", BODY[:-1], BODY.replace(b'"id":1', b'"id":2'), b""])
def test_tampered_body_is_refused(body: bytes) -> None:
    signature, timestamp = WITH_TIMESTAMP["1768046400"], "1768046400"
    assert reason(signed(body, x_careem_signature=BODY_ALONE)) == "wrong_signature"
    assert reason(signed(body, x_careem_signature=signature, x_careem_timestamp=timestamp)) == "wrong_signature"


@pytest.mark.parametrize("signature", ["é" * 64, "توقيع", "\ud800", BODY_ALONE[:-1], BODY_ALONE + "0", "sha256=", ""])
def test_garbled_signature_is_refused(signature: str) -> None:
    assert reason(signed(x_careem_signature=signature)) == "wrong_signature"


@pytest.mark.parametrize("key", ["test_careem_key", " test_careem_key "])
def test_known_key_holds(key: str) -> None:
    assert ADAPTER.verify(signed(x_careem_api_key=key), SECRETS, NOW) == "apiKey"


@pytest.mark.parametrize("key", ["TEST_CAREEM_KEY", "test_careem_ke", "test_careem_keyy", "مفتاح", "é", "\ud800", ""])
def test_other_key_is_refused(key: str) -> None:
    assert reason(signed(x_careem_api_key=key)) == "wrong_key"


def test_non_ascii_key_of_the_operator_holds() -> None:
    inbound = signed(x_careem_api_key="مفتاح")
    assert ADAPTER.verify(inbound, {"apiKey": ("مفتاح",)}, NOW) == "apiKey"


def test_both_proofs_must_hold_where_both_are_carried() -> None:
    both = signed(x_careem_signature=BODY_ALONE, x_careem_api_key="test_careem_key")
    assert ADAPTER.verify(both, SECRETS, NOW) == "webhookSecret"
    assert reason(signed(x_careem_signature="00", x_careem_api_key="test_careem_key")) == "wrong_signature"
    assert reason(signed(x_careem_signature=BODY_ALONE, x_careem_api_key="other")) == "wrong_key"
    assert reason(both, {"apiKey": SECRETS["apiKey"]}) == "no_secret_set"


def test_secret_of_one_scheme_proves_nothing_in_the_other() -> None:
    assert reason(signed(x_careem_api_key="test_careem_secret")) == "wrong_key"
    assert reason(signed(x_careem_api_key="test_careem_key"), {"webhookSecret": ("x",)}) == "no_secret_set"


def test_known_signature_of_the_hub_holds() -> None:
    inbound = signed(x_nexara_signature=NEXARA_SIGNATURE, x_timestamp="1768046400", x_webhook_id="delivery-1")
    assert ADAPTER.verify(inbound, {"nexara.secretKey": ("hub_secret_key",)}, NOW) == "nexara.secretKey"


# -- facts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("country", ["AE", "JO", "SA", "KW", ""])
def test_order_is_to_be_answered_within_ten_minutes(country: str) -> None:
    assert ADAPTER.accept_within_s(country) == 600


def test_delivery_has_no_id_of_its_own() -> None:
    payload = {**native_order(), "event_id": "e-1"}
    assert ADAPTER.delivery_id(request(payload, **{"x-careem-signature": "00"})) == ""


def test_stored_event_is_answered_202_and_a_processed_one_200() -> None:
    assert (ADAPTER.stored_status, ADAPTER.answer_status(signed()), ADAPTER.answer_fields("order-1")) == (202, 200, {})


def test_every_event_comes_to_one_url() -> None:
    assert (ADAPTER.methods(""), ADAPTER.methods("order/AMM-1")) == (("POST",), ())


def test_currency_is_left_to_the_branch() -> None:
    assert ADAPTER.default_currency == ""


def test_badge_is_dark_enough_for_white_text() -> None:
    channels = [int(ADAPTER.colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert 1.05 / (luminance + 0.05) >= 4.5


# -- samples -----------------------------------------------------------------------------------------------------------

SAMPLE_STATUSES = {
    "created": Status.RECEIVED, "own_delivery": Status.RECEIVED, "scheduled": Status.RECEIVED,
    "pickup": Status.RECEIVED, "confirmed": Status.CONFIRMED, "preparing": Status.PREPARING, "ready": Status.READY,
    "courier": None, "out_for_delivery": Status.OUT_FOR_DELIVERY, "delivered": Status.DELIVERED,
    "cancelled": Status.CANCELLED, "rejected": Status.REJECTED, "menu": None,
}  # fmt: skip


@pytest.mark.parametrize("table", [samples.NATIVE, samples.HUB], ids=["native", "hub"])
def test_samples_have_the_status_of_their_name_and_warn_of_nothing(table: Any) -> None:
    for name, builder in table.items():
        body = builder(SampleOrder(external_id="1000001", store_id="store-1", now=NOW)).body()
        event = parse_one(ADAPTER, InboundRequest(body, {}))
        assert (event.status, event.warnings) == (SAMPLE_STATUSES[name], ()), name
        assert event.external_id == ("" if name == "menu" else "1000001"), name


@pytest.mark.parametrize("table", [samples.NATIVE, samples.HUB], ids=["native", "hub"])
@pytest.mark.parametrize("number", range(1, 13))
def test_samples_add_up(table: Any, number: int) -> None:
    for name in {"created", "own_delivery", "scheduled", "pickup"} & table.keys():
        body = table[name](SampleOrder(external_id="X-1", store_id="store-1", now=NOW, number=number)).body()
        event = parse_one(ADAPTER, InboundRequest(body, {}))
        order = event.snapshot
        assert event.external_id == "X-1"
        assert 2 <= len(order.lines) <= 4
        for line in order.lines:
            options = sum(child.price for option in line.modifiers for child in option.walk())
            assert line.total_price == (line.unit_price + options) * line.quantity
        assert order.subtotal == sum(line.total_price for line in order.lines)
        fees = order.delivery_fee + order.service_fee + (order.tax or 0)
        assert order.total == order.subtotal + fees - order.discount
