"""Deliveroo: who sent it, and what each of its payloads says, whole."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from providers.contract import NOW, AdapterContractTests, load_fixture, parse_one
from providers.deliveroo.adapter import DeliverooAdapter
from providers.deliveroo.samples import HUB, NATIVE
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
from providers.money import Minor
from providers.payload import PayloadError
from providers.samples import SampleOrder, build_sample
from providers.signatures import InboundRequest, SignatureError

ADAPTER = DeliverooAdapter()
KUWAIT_ID = "kw:7d0c1c5e-6a0b-4b57-9d0b-3c9b1a3f0001"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def request(payload: Any, **headers: str) -> InboundRequest:
    return InboundRequest(body=json.dumps(payload, ensure_ascii=False).encode(), headers=headers)


def parse(payload: Any, **headers: str) -> OrderEvent:
    return parse_one(ADAPTER, request(payload, **headers))


def refuse(payload: Any, **headers: str) -> PayloadError:
    with pytest.raises(PayloadError) as caught:
        ADAPTER.parse(request(payload, **headers))
    return caught.value


def fixture(name: str) -> OrderEvent:
    return parse_one(ADAPTER, load_fixture(ADAPTER, name))


def native(event: str | None = "order.new", **order: Any) -> dict[str, Any]:
    """Return a small native payload; fields given as None are left out."""
    whole = {"id": "gb:1", "location_id": "9", "items": [{"name": "Tea", "quantity": 1}], **order}
    body = {"order": {name: value for name, value in whole.items() if value is not None}}
    return {"event": event, "body": body} if event else {"body": body}


def money(units: Any, code: str = "GBP") -> dict[str, Any]:
    return {"fractional": units, "currency_code": code}


class TestDeliverooContract(AdapterContractTests):
    adapter = ADAPTER


# -- who sent it -------------------------------------------------------------------------------------------------------

BODY = '{"event":"order.new","body":{"order":{"id":"ae:0001","order_notes":"بدون بصل"}}}'.encode()
GUID = "1499765769"
SECRETS = {"webhookSecret": ("test_webhook_secret",)}
# (printf '1499765769 '; cat body) | openssl dgst -sha256 -hmac test_webhook_secret
NATIVE_PROOF = "4844333d9bda372012c664673447cf2dc95b6e322beb456dffc0be1a0bdf3bf6"
# (printf '1499765769 \n '; cat body) | openssl dgst -sha256 -hmac test_webhook_secret
LEGACY_PROOF = "e4c5b2084c0afc04b8e43a555cf6d506d7d584ac6571ee3a96283f76a8a97d03"
# openssl dgst -sha256 -hmac test_webhook_secret -binary < body | openssl base64
HUB_PROOF = "A/eSd3kLgK7jHAryIc7GM+SkFsSFlKJwS15AwL5EtFs="
# (printf '1768046400.'; cat body) | openssl dgst -sha256 -hmac hub-secret
NEXARA_PROOF = "542b93f86e16512bcaab7e63f15200541238c858636d17b2ff5d997d7895dd34"
NEXARA_HEADERS = {"x-nexara-signature": NEXARA_PROOF, "x-timestamp": "1768046400", "x-webhook-id": "hub-1"}


def signed(proof: str, guid: str | None = GUID, body: bytes = BODY) -> InboundRequest:
    headers = {"x-deliveroo-hmac-sha256": proof}
    return InboundRequest(body, headers if guid is None else {**headers, "x-deliveroo-sequence-guid": guid})


def reason(inbound: InboundRequest, secrets: dict[str, tuple[str, ...]] = SECRETS, now: datetime = NOW) -> str:
    with pytest.raises(SignatureError) as caught:
        ADAPTER.verify(inbound, secrets, now)
    return caught.value.reason


@pytest.mark.parametrize(
    "inbound",
    [signed(NATIVE_PROOF), signed(LEGACY_PROOF), signed(HUB_PROOF, guid=None)],
    ids=["native", "legacy", "hub"],
)
def test_known_answers_hold(inbound: InboundRequest) -> None:
    assert ADAPTER.verify(inbound, SECRETS, NOW) == "webhookSecret"


@pytest.mark.parametrize(
    "inbound",
    [signed(NATIVE_PROOF), signed(LEGACY_PROOF), signed(HUB_PROOF, guid=None)],
    ids=["native", "legacy", "hub"],
)
def test_tampered_body_is_refused(inbound: InboundRequest) -> None:
    tampered = dataclasses.replace(inbound, body=BODY.replace(b"ae:0001", b"ae:0002"))
    assert reason(tampered) == "wrong_signature"


def test_reserialised_body_is_refused() -> None:
    """The proof is over the bytes as sent: the same JSON with the Arabic escaped is another message."""
    assert reason(signed(NATIVE_PROOF, body=json.dumps(json.loads(BODY)).encode())) == "wrong_signature"


def test_another_guid_is_refused() -> None:
    assert reason(signed(NATIVE_PROOF, guid="1499765770")) == "wrong_signature"


def test_native_proof_without_its_guid_is_refused() -> None:
    assert reason(signed(NATIVE_PROOF, guid=None)) == "wrong_signature"


def test_hub_proof_with_a_guid_is_refused() -> None:
    assert reason(signed(HUB_PROOF)) == "wrong_signature"


@pytest.mark.parametrize("proof", ["توقيع", "é" * 64, "\ud800", ""])
@pytest.mark.parametrize("guid", [None, GUID, "\udcff"])
def test_non_ascii_proof_is_only_wrong(proof: str, guid: str | None) -> None:
    assert reason(signed(proof, guid=guid)) == "wrong_signature"


def test_old_native_proof_still_holds() -> None:
    """Deliveroo signs no timestamp, so there is no tolerance."""
    assert ADAPTER.verify(signed(NATIVE_PROOF), SECRETS, NOW + timedelta(days=400)) == "webhookSecret"


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_signature_of_the_hub_holds_within_the_tolerance(seconds: int) -> None:
    inbound = InboundRequest(BODY, NEXARA_HEADERS)
    now = NOW + timedelta(seconds=seconds)
    assert ADAPTER.verify(inbound, {"nexara.secretKey": ("hub-secret",)}, now) == "nexara.secretKey"


@pytest.mark.parametrize("seconds", [-301, 301])
def test_signature_of_the_hub_is_refused_outside_the_tolerance(seconds: int) -> None:
    now = NOW + timedelta(seconds=seconds)
    secrets = {"nexara.secretKey": ("hub-secret",)}
    assert reason(InboundRequest(BODY, NEXARA_HEADERS), secrets, now) == "timestamp_outside_tolerance"


def test_guid_is_no_delivery_id() -> None:
    assert ADAPTER.delivery_id(signed(NATIVE_PROOF)) == ""


# -- native orders -----------------------------------------------------------------------------------------------------


def test_official_partial_without_items_is_quarantined() -> None:
    with pytest.raises(PayloadError) as caught:
        ADAPTER.parse(load_fixture(ADAPTER, "order_new__official_partial"))
    assert caught.value.details == {"body.order.items": "expected at least one line, got nothing"}
    assert caught.value.external_id == "gb:32498deb-d730-4dfb-b034-38f2d24f5bfd"
    assert caught.value.kind == "order.created"


def test_official_partial_with_a_line_leaves_the_foreign_fee_out() -> None:
    payload = json.loads(load_fixture(ADAPTER, "order_new__official_partial").body)
    payload["body"]["order"]["items"] = [{"name": "Pie", "quantity": 3, "total_price": money(100, "EUR")}]
    assert parse(payload) == OrderEvent(
        kind=Kind.CREATED,
        word="order.new",
        external_id="gb:32498deb-d730-4dfb-b034-38f2d24f5bfd",
        status=Status.RECEIVED,
        provider_status="placed",
        occurred_at=utc(2022, 3, 7, 16, 12, 13),
        snapshot=OrderSnapshot(
            display_id="1753",
            store_ids=("348502bd-708f-4977-a02c-600c5419e2b7",),
            lines=(Line(name="Pie", quantity=3),),
            service_fee=Decimal("0.10"),
            discount=Decimal("6.30"),
            total=Decimal("17.70"),
            cash_due=Decimal("0.00"),
            currency="GBP",
            payment_method="online",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.PROVIDER,
            notes="No pickles please.\nNO CUTLERY",
            placed_at=utc(2022, 3, 7, 16, 12, 13),
            estimated_delivery_at=utc(2022, 3, 7, 16, 36, 15),
            market="GB",
        ),
        warnings=(
            "body.order.items[0].total_price: left out, because it is in EUR and the order in GBP",
            "body.order.fee_breakdown[0].amount: left out, because it is in EUR and the order in GBP",
        ),
    )


def test_scheduled_official_partial_is_read_whole() -> None:
    assert fixture("order_new__scheduled_official_partial") == OrderEvent(
        kind=Kind.CREATED,
        word="order.new",
        external_id="gb:f2eb207a-2111-45f7-9008-cb561da4f45a",
        status=Status.RECEIVED,
        provider_status="placed",
        occurred_at=utc(2022, 5, 30, 14, 27, 6),
        snapshot=OrderSnapshot(
            display_id="6206",
            store_ids=("4163",),
            lines=(Line(external_id="4534.0", name="The Chicken Burger", quantity=1),),
            service_fee=Decimal("0.10"),
            discount=Decimal("0.00"),
            total=Decimal("8.85"),
            cash_due=Decimal("0.00"),
            currency="GBP",
            payment_method="online",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.PROVIDER,
            notes="No pickles please.\nNO CUTLERY",
            placed_at=utc(2022, 5, 30, 14, 27, 6),
            scheduled_for=utc(2022, 5, 30, 15, 42),
            estimated_delivery_at=utc(2022, 5, 30, 15, 42),
            market="GB",
        ),
    )


def test_order_that_the_restaurant_delivers_is_read_whole() -> None:
    assert fixture("order_new__restaurant_fulfilled_real_shape") == OrderEvent(
        kind=Kind.CREATED,
        external_id="gb:order-1",
        status=Status.RECEIVED,
        provider_status="placed",
        snapshot=OrderSnapshot(
            display_id="9962",
            store_ids=("452692",),
            customer=CustomerInfo(name="Test C.", phone="440000000000", phone_access_code="000000001"),
            lines=(
                Line(
                    name="Cheeseburger",
                    quantity=2,
                    unit_price=Decimal("5.50"),
                    total_price=Decimal("11.00"),
                    modifiers=(Modifier(name="Extra Cheese", price=Decimal("0.50")),),
                ),
            ),
            delivery_fee=Decimal("1.00"),
            total=Decimal("11.50"),
            currency="GBP",
            payment_method="online",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.RESTAURANT,
            delivery_address=Address(
                text="1 Sample Street, Exampleton, ZZ11ZZ",
                street="1 Sample Street",
                city="Exampleton",
                latitude=Decimal("54.87"),
                longitude=Decimal("-1.61"),
            ),
            notes="NO CUTLERY",
            estimated_delivery_at=utc(2026, 7, 2, 16, 0, 52),
            market="GB",
        ),
    )


def test_status_update_in_the_older_shape_is_read_whole() -> None:
    assert fixture("order_status_update__thirdparty") == OrderEvent(
        kind=Kind.UPDATED,
        word="order.status_update",
        external_id="gb:test-order-existing",
        status=Status.CONFIRMED,
        provider_status="accepted",
        occurred_at=utc(2026, 1, 10, 12),
        snapshot=OrderSnapshot(
            display_id="TEXIST",
            store_ids=("test-location-123",),
            customer=CustomerInfo(name="Test Customer", phone="+3200000000"),
            lines=(Line(name="Caesar Salad", quantity=1, unit_price=Decimal("15.00"), total_price=Decimal("15.00")),),
            subtotal=Decimal("15.00"),
            delivery_fee=Decimal("2.90"),
            service_fee=Decimal("0.00"),
            discount=Decimal("0.00"),
            total=Decimal("17.90"),
            cash_due=Decimal("0.00"),
            currency="EUR",
            payment_method="online",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.PROVIDER,
            delivery_address=Address(
                text="1 Sample Street, Exampleton, 0000",
                street="Sample Street",
                building="1",
                city="Exampleton",
                latitude=Decimal("50.85"),
                longitude=Decimal("4.35"),
            ),
            placed_at=utc(2026, 1, 10, 12),
            estimated_delivery_at=utc(2026, 1, 10, 12, 30),
            market="GB",
        ),
    )


def test_rider_event_changes_the_courier_alone() -> None:
    assert fixture("rider_status_update__thirdparty") == OrderEvent(
        kind=Kind.UPDATED,
        word="rider.status_update",
        external_id="gb:test-order-existing",
        provider_status="rider_assigned",
        occurred_at=utc(2026, 1, 10, 12),
        courier=Courier(name="Test Rider", phone="+3200000000", status="rider_assigned"),
    )


def test_kuwaiti_cash_order_with_four_levels_is_read_whole() -> None:
    spicy = Modifier(external_id="OPT-SPICY", name="حار")
    garlic = Modifier(external_id="OPT-GARLIC", name="صلصة ثوم", quantity=2, price=Decimal("0.075"), modifiers=(spicy,))
    fries = Modifier(external_id="FRIES", name="بطاطا مقلية", price=Decimal("0.125"), modifiers=(garlic,))
    meal = Modifier(external_id="MEAL", name="وجبة", price=Decimal("0.500"), modifiers=(fries,))
    assert fixture("order_new__kuwait_nested_cash") == OrderEvent(
        kind=Kind.CREATED,
        word="order.new",
        external_id=KUWAIT_ID,
        status=Status.RECEIVED,
        provider_status="placed",
        occurred_at=utc(2026, 1, 10, 11, 58, 4),
        snapshot=OrderSnapshot(
            display_id="0001",
            store_ids=("55012",),
            customer=CustomerInfo(name="نورة ع.", phone="96500000031", phone_access_code="123456789"),
            lines=(
                Line(
                    external_id="BURGER-CLASSIC",
                    name="برجر كلاسيك",
                    quantity=2,
                    unit_price=Decimal("4.500"),
                    total_price=Decimal("10.550"),
                    modifiers=(
                        meal,
                        Modifier(external_id="OPT-NO-ONION", name="بدون بصل", price=Decimal("0.000")),
                    ),
                ),
                Line(
                    external_id="FALAFEL",
                    name="ساندويش فلافل",
                    quantity=1,
                    unit_price=Decimal("1.250"),
                    total_price=Decimal("1.250"),
                ),
            ),
            subtotal=Decimal("11.800"),
            delivery_fee=Decimal("1.000"),
            service_fee=Decimal("0.600"),
            discount=Decimal("0.000"),
            total=Decimal("13.400"),
            cash_due=Decimal("13.400"),
            currency="KWD",
            payment_method="cash",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.RESTAURANT,
            delivery_address=Address(
                text="شارع الخليج العربي 12, الطابق 3, مدينة الكويت, 15300",
                street="شارع الخليج العربي 12",
                city="مدينة الكويت",
                notes="بجانب الصيدلية",
                latitude=Decimal("29.3759"),
                longitude=Decimal("47.9774"),
            ),
            notes="بدون بصل، والصلصة على جنب\nNO CUTLERY",
            placed_at=utc(2026, 1, 10, 11, 58, 4),
            estimated_delivery_at=utc(2026, 1, 10, 12, 45),
            market="KW",
        ),
    )


def test_scheduled_pickup_counts_its_offer_once() -> None:
    assert fixture("order_new__pickup_scheduled_offer") == OrderEvent(
        kind=Kind.CREATED,
        word="order.new",
        external_id="ae:5f1d2c3b-0000-4000-8000-000000000002",
        status=Status.RECEIVED,
        provider_status="pending",
        occurred_at=utc(2026, 1, 10, 8, 0, 0, 250_000),
        snapshot=OrderSnapshot(
            display_id="0002",
            store_ids=("88231",),
            customer=CustomerInfo(name="Omar", phone="97100000032", phone_access_code="000000002"),
            lines=(
                Line(
                    external_id="MANSAF",
                    name="Lamb Mansaf",
                    quantity=2,
                    unit_price=Decimal("45.00"),
                    total_price=Decimal("90.00"),
                ),
            ),
            subtotal=Decimal("90.00"),
            discount=Decimal("15.00"),
            total=Decimal("75.00"),
            cash_due=Decimal("0.00"),
            currency="AED",
            payment_method="online",
            order_type=OrderType.PICKUP,
            fulfilled_by=FulfilledBy.CUSTOMER,
            placed_at=utc(2026, 1, 10, 8, 0, 0, 250_000),
            scheduled_for=utc(2026, 1, 10, 16, 30),
            estimated_delivery_at=utc(2026, 1, 10, 16, 30),
            market="AE",
        ),
    )


def test_remake_without_codes_at_a_table_is_read_whole() -> None:
    assert fixture("order_new__table_remake_null_codes") == OrderEvent(
        kind=Kind.CREATED,
        word="order.new",
        external_id="qa:remake-3",
        status=Status.CONFIRMED,
        provider_status="accepted",
        occurred_at=utc(2026, 1, 10, 12, 1),
        snapshot=OrderSnapshot(
            display_id="28410003",
            store_ids=("7001",),
            lines=(
                Line(
                    name="HUMMUS LRG",
                    quantity=2,
                    unit_price=Decimal("20.00"),
                    modifiers=(Modifier(name="Extra Bread"),),
                ),
            ),
            total=Decimal("40.00"),
            currency="QAR",
            payment_method="online",
            order_type=OrderType.DINE_IN,
            fulfilled_by=FulfilledBy.CUSTOMER,
            delivery_address=Address(text="Table 12"),
            placed_at=utc(2026, 1, 10, 12, 0, 30),
            market="QA",
        ),
        warnings=('body.order.remake_details: this order is made again for "qa:parent-2"',),
    )


def test_older_pos_webhook_with_groups_is_read_whole() -> None:
    smoked = Modifier(external_id="78", name="Smoked")
    assert fixture("order_new__older_pos_webhook_groups") == OrderEvent(
        kind=Kind.CREATED,
        word="new_order",
        external_id="gb:older-4",
        status=Status.RECEIVED,
        snapshot=OrderSnapshot(
            display_id="0004",
            store_ids=("452700",),
            lines=(
                Line(
                    external_id="4534.0",
                    name="Chicken Burger",
                    quantity=1,
                    unit_price=Decimal("10.00"),
                    modifiers=(
                        Modifier(external_id="77", name="Cheese", price=Decimal("1.50"), modifiers=(smoked,)),
                        Modifier(external_id="90", name="Mayo", price=Decimal("1.00")),
                    ),
                ),
            ),
            total=Decimal("12.50"),
            currency="GBP",
            payment_method="online",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.PROVIDER,
            delivery_address=Address(text="12 Example Road, Exampleton"),
            notes="Ring twice",
            market="GB",
        ),
    )


def test_cancellation_in_the_log_alone_is_read_whole() -> None:
    assert fixture("order_status_update__canceled_log_only") == OrderEvent(
        kind=Kind.CANCELLED,
        word="order.status_update",
        external_id=KUWAIT_ID,
        status=Status.CANCELLED,
        provider_status="canceled",
        occurred_at=utc(2026, 1, 10, 12, 9),
        snapshot=OrderSnapshot(store_ids=("55012",), placed_at=utc(2026, 1, 10, 11, 58, 4), market="KW"),
    )


def test_rider_in_transit_moves_the_order_and_the_newest_rider_counts() -> None:
    assert fixture("rider_status_update__in_transit_two_riders") == OrderEvent(
        kind=Kind.UPDATED,
        word="rider.status_update",
        external_id=KUWAIT_ID,
        status=Status.OUT_FOR_DELIVERY,
        provider_status="rider_in_transit",
        occurred_at=utc(2026, 1, 10, 12, 31),
        courier=Courier(name="Bilal Aziz", phone="+96500000042", status="rider_in_transit"),
    )


def test_menu_result_is_ignored() -> None:
    assert fixture("menu_upload_result__finished") == OrderEvent(
        kind=Kind.IGNORED, word="menu.upload_result", reason="nothing to do with orders"
    )


def test_native_order_inside_the_envelope_is_read_natively() -> None:
    assert fixture("order_created__envelope_native_order") == OrderEvent(
        kind=Kind.CREATED,
        word="order.created",
        external_id="gb:hub-16",
        status=Status.RECEIVED,
        provider_status="placed",
        occurred_at=utc(2026, 1, 10, 12, 0, 5),
        snapshot=OrderSnapshot(
            display_id="0016",
            store_ids=("452692",),
            customer=CustomerInfo(name="Test", phone="440000000000", phone_access_code="000000001"),
            lines=(
                Line(
                    external_id="4534.0",
                    name="Cheeseburger",
                    quantity=1,
                    unit_price=Decimal("5.50"),
                    total_price=Decimal("5.50"),
                ),
            ),
            total=Decimal("5.50"),
            cash_due=Decimal("0.00"),
            currency="GBP",
            payment_method="online",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.PROVIDER,
            market="GB",
        ),
    )


def test_whole_native_webhook_inside_the_envelope_is_read_natively() -> None:
    envelope = {
        "eventType": "order.created",
        "provider": "deliveroo",
        "orderId": "gb:1",
        "orderData": native(total_price=money(550)),
    }
    event = parse(envelope)
    assert event.external_id == "gb:1"
    assert event.snapshot is not None
    assert event.snapshot.total == Decimal("5.50")


# -- native rules ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "order_type", "fulfilled_by"),
    [
        ("deliveroo", OrderType.DELIVERY, FulfilledBy.PROVIDER),
        ("autonomous", OrderType.DELIVERY, FulfilledBy.PROVIDER),
        ("restaurant", OrderType.DELIVERY, FulfilledBy.RESTAURANT),
        ("customer", OrderType.PICKUP, FulfilledBy.CUSTOMER),
        ("table_service", OrderType.DINE_IN, FulfilledBy.CUSTOMER),
    ],
)
def test_fulfilment_words(word: str, order_type: OrderType, fulfilled_by: FulfilledBy) -> None:
    event = parse(native(fulfillment_type=word))
    assert event.snapshot is not None
    assert (event.snapshot.order_type, event.snapshot.fulfilled_by) == (order_type, fulfilled_by)
    assert event.warnings == ()


def test_unknown_fulfilment_is_a_delivery_with_a_warning() -> None:
    event = parse(native(fulfillment_type="balloon"))
    assert event.snapshot is not None
    assert (event.snapshot.order_type, event.snapshot.fulfilled_by) == (OrderType.DELIVERY, FulfilledBy.PROVIDER)
    assert event.warnings == (
        "body.order.fulfillment_type: unknown word 'balloon', read as a delivery by the provider",
    )


@pytest.mark.parametrize(
    ("code", "units", "amount"),
    [
        ("GBP", 1770, "17.70"), ("EUR", 50, "0.50"), ("AED", 4500, "45.00"), ("QAR", -5, "-0.05"),
        ("KWD", 4500, "4.500"), ("BHD", 1, "0.001"), ("JPY", 900, "900"), ("XQZ", 900, "9.00"),
    ],
)  # fmt: skip
def test_money_is_scaled_by_its_own_currency(code: str, units: int, amount: str) -> None:
    snapshot = parse(native(total_price=money(units, code))).snapshot
    assert snapshot is not None
    assert (str(snapshot.total), snapshot.currency) == (amount, code)


def test_money_without_any_currency_stays_in_minor_units() -> None:
    snapshot = parse(native(total_price={"fractional": 1770}, surcharge={"fractional": 1}, bag_fee={"fractional": 2}))
    assert snapshot.snapshot is not None
    assert snapshot.snapshot.total == Minor(1770)
    assert snapshot.snapshot.service_fee == Minor(3)
    assert snapshot.snapshot.currency is None


def test_partner_total_counts_where_there_is_no_other() -> None:
    snapshot = parse(native(total_price=None, partner_order_total=money(1150), subtotal=money(1100))).snapshot
    assert snapshot is not None
    assert (snapshot.total, snapshot.subtotal) == (Decimal("11.50"), Decimal("11.00"))


def test_partner_subtotal_is_the_partners_share_and_not_the_orders() -> None:
    snapshot = parse(native(total_price=money(1150), partner_order_subtotal=money(900))).snapshot
    assert snapshot is not None
    assert (snapshot.total, snapshot.subtotal) == (Decimal("11.50"), None)


def test_blank_amounts_tell_nothing() -> None:
    snapshot = parse(native(total_price=money(100), subtotal=money(None), bag_fee=money(""), surcharge={})).snapshot
    assert snapshot is not None
    assert (snapshot.subtotal, snapshot.service_fee) == (None, None)


def test_nothing_in_an_update_wipes_what_is_known() -> None:
    payload = native(
        "order.status_update", location_id="", items=[], status="accepted", order_notes="", customer={"first_name": ""},
        delivery={"line1": "", "contact_number": None}, cash_due=None, fulfillment_type="", display_id=" ",
    )  # fmt: skip
    assert parse(payload).snapshot == OrderSnapshot(market="GB")


def test_time_of_placing_is_the_first_time_of_a_log_without_the_word() -> None:
    log = [{"at": "", "status": "x"}, {"at": "2026-01-10T12:00:00Z", "status": "confirmed"}]
    snapshot = parse(native(status_log=log)).snapshot
    assert snapshot is not None
    assert snapshot.placed_at == utc(2026, 1, 10, 12)


def test_log_without_times_tells_its_last_status() -> None:
    event = parse(native("order.status_update", items=None, status_log=[{"status": "placed"}, {"status": "delivered"}]))
    assert (event.kind, event.status, event.occurred_at) == (Kind.DELIVERED, Status.DELIVERED, None)


def test_confirmation_time_stands_in_for_a_missing_preparation_time() -> None:
    snapshot = parse(native(asap=False, confirm_at="2026-01-10T15:45:00Z")).snapshot
    assert snapshot is not None
    assert (snapshot.scheduled_for, snapshot.estimated_delivery_at) == (utc(2026, 1, 10, 15, 45), None)


@pytest.mark.parametrize(
    ("external_id", "market"),
    [("gb:1", "GB"), ("ae:1", "AE"), ("KW:1", "KW"), ("1", None), ("abc:1", None), ("ع:1", None)],
)
def test_market_is_the_prefix_of_the_id(external_id: str, market: str | None) -> None:
    snapshot = parse(native(id=external_id)).snapshot
    assert snapshot is not None
    assert snapshot.market == market


@pytest.mark.parametrize(
    "word", ["rider_assigned", "rider_arrived", "rider_confirmed_at_restaurant", "rider_unassigned"]
)
def test_rider_words_leave_the_status_alone(word: str) -> None:
    riders = [{"full_name": "Sami", "status_log": [{"at": "2026-01-10T12:00:00Z", "status": word}]}]
    event = parse({"event": "rider.status_update", "body": {"order_id": "gb:1", "riders": riders}})
    assert (event.status, event.courier, event.warnings) == (None, Courier(name="Sami", status=word), ())


def test_assigned_rider_counts_beside_one_unassigned_in_the_same_second() -> None:
    at = "2026-01-10T12:00:00Z"
    riders = [
        {"full_name": "New", "status_log": [{"at": at, "status": "rider_assigned"}]},
        {"full_name": "Old", "status_log": [{"at": at, "status": "rider_unassigned"}]},
    ]
    event = parse({"event": "rider.status_update", "body": {"order_id": "gb:1", "riders": riders}})
    assert event.courier == Courier(name="New", status="rider_assigned")


def test_unknown_rider_word_is_a_warning() -> None:
    riders = [{"full_name": "Sami", "status_log": [{"at": "2026-01-10T12:00:00Z", "status": "rider_lost"}]}]
    event = parse({"event": "rider.status_update", "body": {"order_id": "gb:1", "riders": riders}})
    assert (event.status, event.courier) == (None, Courier(name="Sami", status="rider_lost"))
    assert event.warnings == ("body.riders[0].status_log: unknown status 'rider_lost', the order keeps the one it has",)


@pytest.mark.parametrize("riders", [[], None, [{}], ["x"]])
def test_rider_event_without_riders_names_its_order(riders: Any) -> None:
    event = parse({"event": "rider.status_update", "body": {"order_id": "gb:1", "riders": riders}})
    assert (event.kind, event.external_id, event.status, event.courier) == (Kind.UPDATED, "gb:1", None, None)
    assert len(event.warnings) == 1


def test_rider_event_in_the_envelope_names_its_order() -> None:
    riders = [{"full_name": "Sami", "status_log": [{"status": "rider_arrived"}]}]
    event = parse({"eventType": "rider.status_update", "orderId": "gb:1", "orderData": {"riders": riders}})
    assert (event.external_id, event.courier) == ("gb:1", Courier(name="Sami", status="rider_arrived"))


# -- the word of an event ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "kind", "status"),
    [
        ("order.created", Kind.CREATED, Status.RECEIVED),
        ("order_created", Kind.CREATED, Status.RECEIVED),
        ("order_placed", Kind.CREATED, Status.RECEIVED),
        ("order.new", Kind.CREATED, Status.RECEIVED),
        ("new_order", Kind.CREATED, Status.RECEIVED),
        ("ORDER.NEW", Kind.CREATED, Status.RECEIVED),
        ("order.updated", Kind.UPDATED, None),
        ("order.status_changed", Kind.UPDATED, None),
        ("order.status_update", Kind.UPDATED, None),
        ("rider.status_update", Kind.UPDATED, None),
        ("order.confirmed", Kind.UPDATED, Status.CONFIRMED),
        ("order_acknowledged", Kind.UPDATED, Status.CONFIRMED),
        ("order.picked_up", Kind.UPDATED, Status.OUT_FOR_DELIVERY),
        ("order_picked_up", Kind.UPDATED, Status.OUT_FOR_DELIVERY),
        ("order.cancelled", Kind.CANCELLED, Status.CANCELLED),
        ("order_cancelled", Kind.CANCELLED, Status.CANCELLED),
        ("cancel_order", Kind.CANCELLED, Status.CANCELLED),
        ("order.delivered", Kind.DELIVERED, Status.DELIVERED),
        ("order_delivered", Kind.DELIVERED, Status.DELIVERED),
    ],
)
@pytest.mark.parametrize("dialect", ["hub", "native"])
def test_event_words(dialect: str, word: str, kind: Kind, status: Status | None) -> None:
    order: dict[str, Any] = {"order_id": "1", "items": [{"name": "Tea", "quantity": 1, "price": "1.00"}]}
    payload = native(word) if dialect == "native" else {"event_name": word, "data": {"order": order}}
    event = parse(payload)
    assert (event.kind, event.status, event.word) == (kind, status, word.lower())


@pytest.mark.parametrize("field", ["event_name", "event", "eventType"])
def test_event_stands_in_any_of_its_fields(field: str) -> None:
    assert parse({field: "order_delivered", "order": {"order_id": "1"}}).kind is Kind.DELIVERED


@pytest.mark.parametrize(
    "word",
    [
        "menu.updated",
        "menu_bulk_update",
        "item_availability_changed",
        "menu_sync",
        "connection_test",
        "menu.upload_result",
    ],
)  # fmt: skip
@pytest.mark.parametrize("payload", [{}, {"body": {"order": {"id": "gb:1", "status_log": []}}}])
def test_menu_words_are_ignored(word: str, payload: dict[str, Any]) -> None:
    expected = OrderEvent(kind=Kind.IGNORED, word=word, reason="nothing to do with orders")
    assert parse({"event": word, **payload}) == expected


@pytest.mark.parametrize("payload", [native("order.teleported"), {"event_name": "order.teleported", "order_id": "1"}])
def test_unknown_event_word_is_ignored_with_its_reason(payload: dict[str, Any]) -> None:
    expected = OrderEvent(kind=Kind.IGNORED, word="order.teleported", reason="unknown event 'order.teleported'")
    assert parse(payload) == expected


def header(value: str) -> dict[str, str]:
    return {"x-deliveroo-payload-type": value}


@pytest.mark.parametrize(
    ("value", "kind", "word"),
    [
        ("event/order.new", Kind.CREATED, "order.new"),
        ("event/order.status_update", Kind.UPDATED, "order.status_update"),
        ("order.new", Kind.CREATED, "order.new"),
        ("event/menu.upload_result", Kind.IGNORED, "menu.upload_result"),
        ("event/order.teleported", Kind.IGNORED, "order.teleported"),
    ],
)
def test_header_names_the_event_where_the_body_does_not(value: str, kind: Kind, word: str) -> None:
    event = parse(native(None), **header(value))
    assert (event.kind, event.word) == (kind, word)


def test_header_names_a_rider_event() -> None:
    riders = [{"full_name": "Sami", "status_log": [{"status": "rider_arrived"}]}]
    event = parse({"body": {"order_id": "gb:1", "riders": riders}}, **header("event/rider.status_update"))
    assert (event.word, event.courier) == ("rider.status_update", Courier(name="Sami", status="rider_arrived"))


def test_header_names_the_event_of_a_hub_body() -> None:
    event = parse({"order_id": "1", "reference": "R"}, **header("event/order_delivered"))
    assert (event.kind, event.word) == (Kind.DELIVERED, "order_delivered")


def test_body_outranks_the_header() -> None:
    assert parse(native("order.status_update"), **header("event/order.new")).kind is Kind.UPDATED


def test_order_without_event_and_with_lines_is_a_creation() -> None:
    assert parse({"order": native()["body"]["order"]}).kind is Kind.CREATED


def test_order_without_event_and_lines_is_an_update_where_it_has_a_status() -> None:
    event = parse({"order": {"id": "gb:1", "location_id": "9", "status": "delivered"}})
    assert (event.kind, event.status, event.word) == (Kind.DELIVERED, Status.DELIVERED, "")


# -- the word of a status ----------------------------------------------------------------------------------------------

STATUS_WORDS = [
    ("pending", Status.RECEIVED),
    ("placed", Status.RECEIVED),
    ("accepted", Status.CONFIRMED),
    ("acknowledged", Status.CONFIRMED),
    ("confirmed", Status.CONFIRMED),
    ("in_kitchen", Status.PREPARING),
    ("prepared", Status.READY),
    ("ready_for_collection", Status.READY),
    ("dispatched", Status.OUT_FOR_DELIVERY),
    ("picked_up", Status.OUT_FOR_DELIVERY),
    ("rider_in_transit", Status.OUT_FOR_DELIVERY),
    ("delivered", Status.DELIVERED),
    ("cancelled", Status.CANCELLED),
    ("canceled", Status.CANCELLED),
    ("CANCELED", Status.CANCELLED),
    ("rejected", Status.REJECTED),
]


def test_every_status_word_has_a_test() -> None:
    assert {word.lower() for word, _ in STATUS_WORDS} == set(ADAPTER.statuses)


@pytest.mark.parametrize(("word", "status"), STATUS_WORDS)
@pytest.mark.parametrize("dialect", ["hub", "native"])
def test_status_words(dialect: str, word: str, status: Status) -> None:
    if dialect == "native":
        event = parse(native("order.status_update", items=None, status=word))
    else:
        event = parse({"event_name": "order.updated", "order_id": "1", "status": word})
    kinds = {Status.CANCELLED: Kind.CANCELLED, Status.DELIVERED: Kind.DELIVERED}
    assert (event.status, event.provider_status) == (status, word.lower())
    assert event.kind is kinds.get(status, Kind.UPDATED)
    assert event.warnings == ()


def test_unknown_status_word_is_a_warning() -> None:
    event = parse(native("order.status_update", items=None, status="levitating"))
    assert (event.kind, event.status, event.provider_status) == (Kind.UPDATED, None, "levitating")
    assert event.warnings == ("body.order.status: unknown status 'levitating', the order keeps the one it has",)


def test_creation_opens_at_the_status_it_names() -> None:
    event = parse(native(status="rejected"))
    assert (event.kind, event.status) == (Kind.CREATED, Status.REJECTED)


# -- hub ---------------------------------------------------------------------------------------------------------------


def test_envelope_in_minor_units_is_read_whole() -> None:
    spicy = Modifier(external_id="OPT-SPICY", name="Spicy", quantity=2, price=Decimal("0.000"))
    garlic = Modifier(external_id="OPT-GARLIC", name="Garlic Sauce", price=Decimal("0.250"), modifiers=(spicy,))
    assert fixture("order_created__envelope_cents") == OrderEvent(
        kind=Kind.CREATED,
        word="order.created",
        external_id="kw:hub-10",
        status=Status.RECEIVED,
        provider_status="pending",
        occurred_at=utc(2026, 1, 10, 12, 0, 5),
        snapshot=OrderSnapshot(
            display_id="H-10",
            store_ids=("55012",),
            customer=CustomerInfo(name="ليلى حداد", phone="+96500000051", email="layla@example.com"),
            lines=(
                Line(
                    external_id="SHAWARMA-CHICKEN",
                    name="Chicken Shawarma Plate",
                    quantity=2,
                    unit_price=Decimal("5.000"),
                    total_price=Decimal("11.500"),
                    notes="ثوم زيادة",
                    modifiers=(
                        Modifier(external_id="OPT-LARGE", name="Large", price=Decimal("0.500"), modifiers=(garlic,)),
                    ),
                ),
                Line(
                    external_id="LEMONADE-MINT",
                    name="Mint Lemonade",
                    quantity=1,
                    unit_price=Decimal("2.000"),
                    total_price=Decimal("2.0"),
                ),
            ),
            subtotal=Decimal("13.500"),
            tax=Decimal(0),
            delivery_fee=Decimal("0.750"),
            service_fee=Decimal("0.100"),
            tip=Decimal("0.250"),
            total=Decimal("14.600"),
            currency="KWD",
            payment_method="card",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.PROVIDER,
            delivery_address=Address(text="شارع سالم المبارك 7، السالمية"),
            notes="الرجاء عدم رن الجرس",
            placed_at=utc(2026, 1, 10, 12),
            estimated_delivery_at=utc(2026, 1, 10, 12, 40),
            market="KW",
        ),
    )


def test_pickup_test_order_without_currency_is_read_whole() -> None:
    assert fixture("order_placed__pickup_unknown_currency") == OrderEvent(
        kind=Kind.CREATED,
        word="order_placed",
        external_id="hub-11",
        status=Status.RECEIVED,
        occurred_at=utc(2026, 1, 10, 12),
        snapshot=OrderSnapshot(
            display_id="H-11",
            store_ids=("55012",),
            customer=CustomerInfo(name="***", phone="0"),
            lines=(Line(external_id="901", name="Falafel Sandwich", quantity=3, unit_price=Minor(1250)),),
            total=Minor(3750),
            payment_method="online",
            order_type=OrderType.PICKUP,
            fulfilled_by=FulfilledBy.CUSTOMER,
            is_test=True,
        ),
    )


def test_status_in_the_envelope_wipes_nothing() -> None:
    assert fixture("order_updated__in_kitchen") == OrderEvent(
        kind=Kind.UPDATED,
        word="order.updated",
        external_id="kw:hub-10",
        status=Status.PREPARING,
        provider_status="in_kitchen",
        occurred_at=utc(2026, 1, 10, 9, 10),
        snapshot=OrderSnapshot(customer=CustomerInfo(), market="KW"),
    )


def test_cancellation_overrules_the_status_beside_it() -> None:
    assert fixture("order_cancelled__with_reason") == OrderEvent(
        kind=Kind.CANCELLED,
        word="order_cancelled",
        external_id="kw:hub-10",
        status=Status.CANCELLED,
        provider_status="accepted",
        occurred_at=utc(2026, 1, 10, 12, 12),
        reason="الزبون غيّر رأيه",
        snapshot=OrderSnapshot(customer=CustomerInfo(), market="KW"),
    )


def test_rider_in_a_hub_update_changes_the_courier_alone() -> None:
    assert fixture("order_updated__rider_assigned") == OrderEvent(
        kind=Kind.UPDATED,
        word="order.updated",
        external_id="kw:hub-10",
        provider_status="rider_assigned",
        occurred_at=utc(2026, 1, 10, 12, 15),
        snapshot=OrderSnapshot(customer=CustomerInfo(), market="KW"),
        courier=Courier(name="Bilal Aziz", phone="+96500000042", status="rider_assigned"),
    )


def test_rider_in_transit_in_a_hub_update_moves_the_order_too() -> None:
    assert fixture("order_updated__rider_in_transit") == OrderEvent(
        kind=Kind.UPDATED,
        word="order.updated",
        external_id="kw:hub-10",
        status=Status.OUT_FOR_DELIVERY,
        provider_status="rider_in_transit",
        occurred_at=utc(2026, 1, 10, 12, 30),
        snapshot=OrderSnapshot(customer=CustomerInfo(), market="KW"),
        courier=Courier(status="rider_in_transit"),
    )


def test_phone_in_the_hub_keeps_its_access_code() -> None:
    customer = {"first_name": "Sara", "contact_number": "440000000000", "contact_access_code": "42"}
    items = [{"name": "Tea", "quantity": 1, "price": 1}]
    snapshot = parse({"event": "order_created", "order": {"id": "1", "customer": customer, "items": items}}).snapshot
    assert snapshot is not None
    assert snapshot.customer == CustomerInfo(name="Sara", phone="440000000000", phone_access_code="42")


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ({"delivery_address": {"full_address": "A"}, "customer": {"delivery_address": "B"}}, "A"),
        ({"delivery_address": {"full_address": ""}, "customer": {"delivery_address": "B"}}, "B"),
        ({"customer": {"delivery_address": "B"}}, "B"),
        ({"delivery_address": "C"}, "C"),
    ],
)
def test_addresses_in_the_hub(place: dict[str, Any], text: str) -> None:
    order = {"id": "1", "items": [{"name": "Tea", "quantity": 1, "price": 1}], **place}
    snapshot = parse({"event": "order_created", "order": order}).snapshot
    assert snapshot is not None
    assert snapshot.delivery_address == Address(text=text)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda order: {"orderData": order},
        lambda order: {"details": order},
        lambda order: {"body": {"order": order}},
        lambda order: {"data": {"order": order}},
        lambda order: {"data": {"order_details": order}},
        lambda order: {"data": order},
        lambda order: {"order_details": order},
        lambda order: {"order": order},
        lambda order: order,
    ],
)
@pytest.mark.parametrize("dialect", ["hub", "native"])
def test_order_object_is_found_wherever_it_stands(dialect: str, wrap: Any) -> None:
    order: dict[str, Any] = {"id": "gb:1", "items": [{"name": "Tea", "quantity": 1, "price": "1.50"}], "total": "1.50"}
    if dialect == "native":
        order = native(total_price=money(150))["body"]["order"]
    event = parse({"event": "order.created", **wrap(order)})
    assert event.external_id == "gb:1"
    assert event.snapshot is not None
    assert event.snapshot.total == Decimal("1.50")


# -- unusable ----------------------------------------------------------------------------------------------------------


def test_every_fault_of_a_native_order_is_named() -> None:
    items = [
        {"quantity": 0, "unit_price": money(1.5), "modifiers": [{"quantity": 10_000, "modifiers": "x"}]},
        {"total_price": 450, "quantity": 1},
        {"quantity": 1, "modifiers": ["x"]},
        "x",
    ]
    error = refuse(native(items=items, total_price=money("12x"), fee_breakdown={}, cash_due=money(True)))
    assert error.details == {
        "body.order.items[0].quantity": "expected a positive integer, got 0",
        "body.order.items[0].unit_price.fractional": "expected a whole number of minor units, got 1.5",
        "body.order.items[0].modifiers[0].quantity": "expected at most 9999, got 10000",
        "body.order.items[0].modifiers[0].modifiers": 'expected a list, got "x"',
        "body.order.items[1].total_price": "expected an amount with its currency, got 450",
        "body.order.items[2].modifiers[0]": 'expected an object, got "x"',
        "body.order.items[3]": 'expected an object, got "x"',
        "body.order.total_price.fractional": 'expected a whole number of minor units, got "12x"',
        "body.order.fee_breakdown": "expected a list, got an object",
        "body.order.cash_due.fractional": "expected a whole number of minor units, got true",
    }
    assert (error.external_id, error.kind) == ("gb:1", "order.created")


def test_native_line_without_quantity_is_a_fault() -> None:
    error = refuse(native(items=[{"name": "Tea"}]))
    assert error.details == {"body.order.items[0].quantity": "expected a positive integer, got nothing"}


@pytest.mark.parametrize("given", [None, "", " ", {}, True])
def test_native_order_without_id_is_a_fault(given: Any) -> None:
    payload = native(total_price=money(1))
    payload["body"]["order"]["id"] = given
    error = refuse(payload)
    assert list(error.details) == ["body.order.id"]
    assert error.external_id == ""


def test_id_with_a_null_byte_is_a_fault() -> None:
    error = refuse(native(id="gb:\x00"))
    assert error.details == {"body.order.id": "expected an id without NUL or lone surrogates"}


def test_too_many_lines_are_a_fault() -> None:
    error = refuse(native(items=[{"name": "Tea", "quantity": 1}] * 501))
    assert error.details == {"body.order.items": "expected at most 500 lines, got 501"}


def test_rider_event_without_an_order_is_a_fault() -> None:
    error = refuse({"event": "rider.status_update", "body": {"riders": []}})
    assert error.details == {"body.order_id": "expected an id, got nothing"}


def test_native_order_that_says_nothing_is_a_fault() -> None:
    error = refuse({"body": {"order": {"id": "gb:1", "location_id": "9"}}})
    assert error.details == {"event": "expected an event, got nothing"}
    assert error.external_id == "gb:1"


def test_faults_of_a_hub_order_are_named() -> None:
    order = {"order_id": "h-1", "items": [{"plu": "A", "quantity": "x", "price": "1,50"}], "total_price_cents": 1.5}
    error = refuse({"event_name": "order_created", "data": {"order": order}})
    assert error.details == {
        "data.order.items[0].quantity": 'expected a positive integer, got "x"',
        "data.order.items[0].price": 'expected a plain decimal, got "1,50"',
        "data.order.total_price_cents": "expected a whole number of minor units, got 1.5",
    }
    assert (error.external_id, error.kind) == ("h-1", "order.created")


@pytest.mark.parametrize("wrong", [None, True, 7, "x", [], [1], {}, {"x": 1}, [[]], [{"at": 5, "status": []}]])
@pytest.mark.parametrize(
    "field",
    ["status_log", "customer", "delivery", "promotions", "remake_details", "meal_cards", "asap", "table_number"],
)
def test_odd_types_beside_the_lines_cost_no_order(field: str, wrong: Any) -> None:
    order = native(total_price=money(1))["body"]["order"]
    event = parse({"event": "order.new", "body": {"order": {**order, field: wrong}}})
    assert (event.kind, event.external_id) == (Kind.CREATED, "gb:1")


@pytest.mark.parametrize("wrong", [None, True, 7, "x", [], [1], {"x": 1}])
@pytest.mark.parametrize(
    "name", sorted({name for name in NATIVE if name in {"courier", "out_for_delivery", "cancelled"}})
)
def test_odd_types_in_what_comes_later_are_payload_errors_or_harmless(name: str, wrong: Any) -> None:
    payload = json.loads(NATIVE[name](SampleOrder("gb:1", "9", NOW)).body())
    for key in ("event", "body"):
        try:
            assert ADAPTER.parse(request({**payload, key: wrong})) is not None
        except PayloadError as error:
            assert error.details  # noqa: PT017 — the other outcome is fine as well


# -- deadlines and samples ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("country", "seconds"), [("AE", 420), ("KW", 420), ("ae", 420), ("GB", 600), ("QA", 600), ("", 600)]
)
def test_deadline_to_accept_depends_on_the_country(country: str, seconds: int) -> None:
    assert ADAPTER.accept_within_s(country) == seconds


def test_stored_events_are_answered_200() -> None:
    assert ADAPTER.stored_status == 200


def test_store_ids_are_read_without_raising() -> None:
    assert ADAPTER.store_ids(load_fixture(ADAPTER, "order_new__official_partial")) == (
        "348502bd-708f-4977-a02c-600c5419e2b7",
    )
    assert ADAPTER.store_ids(load_fixture(ADAPTER, "order_created__envelope_cents")) == ("55012",)
    assert ADAPTER.store_ids(load_fixture(ADAPTER, "rider_status_update__thirdparty")) == ()
    assert ADAPTER.store_ids(InboundRequest(b"[", {})) == ()


SAMPLE_OUTCOMES = {
    "created": (Kind.CREATED, Status.RECEIVED),
    "scheduled": (Kind.CREATED, Status.RECEIVED),
    "pickup": (Kind.CREATED, Status.RECEIVED),
    "dine_in": (Kind.CREATED, Status.RECEIVED),
    "own_delivery": (Kind.CREATED, Status.RECEIVED),
    "confirmed": (Kind.UPDATED, Status.CONFIRMED),
    "preparing": (Kind.UPDATED, Status.PREPARING),
    "ready": (Kind.UPDATED, Status.READY),
    "out_for_delivery": (Kind.UPDATED, Status.OUT_FOR_DELIVERY),
    "delivered": (Kind.DELIVERED, Status.DELIVERED),
    "cancelled": (Kind.CANCELLED, Status.CANCELLED),
    "rejected": (Kind.UPDATED, Status.REJECTED),
    "courier": (Kind.UPDATED, None),
    "menu": (Kind.IGNORED, None),
}


@pytest.mark.parametrize(
    ("dialect", "name"), [*(("native", name) for name in NATIVE), *(("hub", name) for name in HUB)]
)
def test_samples_say_what_their_names_say(dialect: Any, name: str) -> None:
    sample = build_sample("deliveroo", dialect, name, SampleOrder(external_id="kw:9", store_id="55012", now=NOW))
    event = parse_one(ADAPTER, InboundRequest(sample.body(), sample.headers))
    assert (event.kind, event.status) == SAMPLE_OUTCOMES[name]
    assert event.warnings == ()
    assert (event.courier is not None) == (name == "courier" or (dialect, name) == ("native", "out_for_delivery"))


@pytest.mark.parametrize("number", range(1, 25))
@pytest.mark.parametrize(
    ("dialect", "name"),
    [("native", "created"), ("native", "pickup"), ("native", "own_delivery"), ("native", "scheduled"),
     ("native", "dine_in"), ("hub", "created"), ("hub", "pickup")],
)  # fmt: skip
def test_totals_of_samples_add_up(dialect: Any, name: str, number: int) -> None:
    order = SampleOrder(external_id="kw:9", store_id="55012", now=NOW, number=number)
    sample = build_sample("deliveroo", dialect, name, order)
    snapshot = parse_one(ADAPTER, InboundRequest(sample.body(), sample.headers)).snapshot
    assert snapshot is not None
    assert snapshot.lines is not None
    assert 2 <= len(snapshot.lines) <= 4
    for line in snapshot.lines:
        chosen = sum(modifier.price * modifier.quantity for option in line.modifiers for modifier in option.walk())
        assert line.total_price == line.quantity * (line.unit_price + chosen)
    assert snapshot.subtotal == sum(line.total_price for line in snapshot.lines)
    fees = (snapshot.delivery_fee or 0) + (snapshot.service_fee or 0)
    assert snapshot.total == snapshot.subtotal + fees - (snapshot.discount or 0)
    assert (name == "own_delivery") == (snapshot.payment_method == "cash")
