"""The hub dialect: where the order object is, what counts outside it, and what words mean."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

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
from providers.hub import (
    ORDER_OBJECTS,
    OUTSIDE,
    HubFields,
    make_address,
    order_object,
    read_address,
    read_courier,
    read_event,
)
from providers.money import Minor
from providers.payload import Reader
from providers.words import COURIER_WORDS, HUB_EVENTS, IGNORED_EVENTS, ORDER_TYPES, TIMELINE_WORDS

FIELDS = HubFields(
    event=("event_type", "eventType"),
    external_id=("order_number", "id"),
    display_id=("short_id",),
    store_id=("restaurant_id",),
    customer_name=("customer.first_name",),
    customer_surname=("customer.last_name",),
    customer_phone=("customer.phone",),
    customer_email=("customer.email",),
    address=("delivery_address",),
    lines=("items", "order_items"),
    line_name=("name",),
    line_id=("item_id", "id"),
    unit_price=("unit_price", "price_cents"),
    line_total=("total_price",),
    line_notes=("notes",),
    modifiers=("modifiers",),
    modifier_id=("id",),
    modifier_value=("value",),
    modifier_price=("price", "price_cents"),
    subtotal=("subtotal", "pricing.subtotal"),
    tax=("tax",),
    delivery_fee=("delivery_fee", "delivery_fee_cents"),
    service_fee=("service_fee",),
    discount=("discount",),
    tip=("tip_cents",),
    total=("total", "gross"),
    minor=("gross",),
    currency=("currency",),
    payment=("payment_method",),
    payment_default="online",
    notes=("notes",),
    promised=("delivery_time",),
)
STATUSES = {"accepted": Status.CONFIRMED, "cancelled": Status.CANCELLED, "delivered": Status.DELIVERED}


def reader(payload):
    return Reader.from_body(json.dumps(payload).encode())


def event_of(payload, **options):
    body = reader(payload)
    event = read_event(body, fields=FIELDS, events=HUB_EVENTS, ignored=IGNORED_EVENTS, statuses=STATUSES, **options)
    assert body.faults == {}
    return event


def faults_of(payload):
    body = reader(payload)
    read_event(body, fields=FIELDS, events=HUB_EVENTS, ignored=IGNORED_EVENTS, statuses=STATUSES)
    return body.faults


def placed(path, value):
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


def created(**changes):
    return {"event_type": "order.created", "id": "A-1", "items": [{"name": "x", "quantity": 1}]} | changes


# -- where the order is ------------------------------------------------------------------------------------------------


def test_places_of_the_order_object_in_their_order():
    assert ORDER_OBJECTS == (
        "orderData", "details", "body.order", "data.order", "data.order_details", "data", "order_details", "order",
    )  # fmt: skip


@pytest.mark.parametrize("place", ORDER_OBJECTS)
def test_order_object_is_found_at_its_place(place):
    order = order_object(reader(placed(place, {"id": "A-1"})))
    assert (order.value, order.path) == ({"id": "A-1"}, place)


@pytest.mark.parametrize("index", range(len(ORDER_OBJECTS)))
def test_earlier_place_comes_first(index):
    payload = {}
    for place in ORDER_OBJECTS[index:]:
        target, (*steps, last) = payload, place.split(".")
        for step in steps:
            target = target.setdefault(step, {})
        target.setdefault(last, {}).setdefault("id", place)
    assert order_object(reader(payload)).at("id").value == ORDER_OBJECTS[index]


@pytest.mark.parametrize("value", [None, "text", 5, [], [{}], True])
def test_place_that_holds_no_object_is_passed_over(value):
    assert order_object(reader({"orderData": value, "order": {"id": "A-1"}})).path == "order"
    assert order_object(reader({"orderData": value, "id": "A-1"})).path == ""


def test_order_object_may_be_the_body_itself():
    assert order_object(reader({"id": "A-1"})).value == {"id": "A-1"}


# -- what counts outside it --------------------------------------------------------------------------------------------


def test_fields_that_count_outside():
    assert OUTSIDE == (
        "order_id", "orderId", "restaurant_id", "restaurantId", "restaurantCode", "restaurantReference", "branchId",
        "status", "current_status", "cancellationReason", "timestamp",
    )  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("place", ORDER_OBJECTS)
def test_outside_field_counts_where_the_object_lacks_it(place, name):
    assert order_object(reader(placed(place, {"x": 1}) | {name: "outer"})).at(name).value == "outer"
    assert order_object(reader(placed(place, {name: ""}) | {name: "outer"})).at(name).value == "outer"
    assert order_object(reader(placed(place, {name: None}) | {name: "outer"})).at(name).value == "outer"
    assert order_object(reader(placed(place, {name: "inner"}) | {name: "outer"})).at(name).value == "inner"


@pytest.mark.parametrize("name", ["id", "total", "notes", "provider", "companyId", "customer"])
def test_other_outside_fields_do_not_count(name):
    assert order_object(reader({"orderData": {"x": 1}, name: "outer"})).at(name).value is None


def test_envelope_around_a_status():
    assert event_of(
        {
            "eventType": "order.status_changed",
            "provider": "another",
            "orderId": "A-1",
            "companyId": "c",
            "timestamp": "2026-01-10T12:00:00Z",
            "restaurantId": "r-1",
            "branchId": "b-1",
            "orderData": {"status": "Accepted"},
        }
    ) == OrderEvent(
        kind=Kind.UPDATED,
        word="order.status_changed",
        external_id="A-1",
        status=Status.CONFIRMED,
        provider_status="accepted",
        occurred_at=datetime(2026, 1, 10, 12, 0, tzinfo=UTC),
        snapshot=OrderSnapshot(store_ids=("r-1", "b-1"), customer=CustomerInfo()),
    )


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "kind", "status"),
    [
        ("order.created", Kind.CREATED, Status.RECEIVED),
        ("order.updated", Kind.UPDATED, None),
        ("order.status_changed", Kind.UPDATED, None),
        ("order.confirmed", Kind.UPDATED, Status.CONFIRMED),
        ("order.picked_up", Kind.UPDATED, Status.OUT_FOR_DELIVERY),
        ("order.cancelled", Kind.CANCELLED, Status.CANCELLED),
        ("order.delivered", Kind.DELIVERED, Status.DELIVERED),
    ],
)
def test_shared_event_word_without_a_status(word, kind, status):
    event = event_of(created(event_type=word.upper()))
    assert (event.kind, event.status, event.word) == (kind, status, word)


@pytest.mark.parametrize(
    ("word", "status_word", "kind", "status"),
    [
        ("order.updated", "accepted", Kind.UPDATED, Status.CONFIRMED),
        ("order.updated", "cancelled", Kind.CANCELLED, Status.CANCELLED),
        ("order.updated", "delivered", Kind.DELIVERED, Status.DELIVERED),
        ("order.confirmed", "delivered", Kind.DELIVERED, Status.DELIVERED),
        ("order.created", "accepted", Kind.CREATED, Status.CONFIRMED),
        ("order.created", "cancelled", Kind.CREATED, Status.CANCELLED),
        ("order.cancelled", "accepted", Kind.CANCELLED, Status.CANCELLED),
        ("order.delivered", "accepted", Kind.DELIVERED, Status.DELIVERED),
        ("order.cancelled", "delivered", Kind.CANCELLED, Status.CANCELLED),
    ],
)
def test_event_word_and_status_word_together(word, status_word, kind, status):
    event = event_of(created(event_type=word, status=status_word))
    assert (event.kind, event.status, event.provider_status) == (kind, status, status_word)


def test_current_status_stands_in_for_status():
    assert event_of(created(event_type="order.updated", current_status="accepted")).status is Status.CONFIRMED
    assert (
        event_of(created(event_type="order.updated", status="", current_status="accepted")).status is Status.CONFIRMED
    )


def test_unknown_status_word_is_a_warning_and_changes_nothing():
    event = event_of({"event_type": "order.updated", "order": {"id": "A-1", "status": "Sliced"}})
    assert (event.status, event.provider_status) == (None, "sliced")
    assert event.warnings == ("order.status: unknown status 'sliced', the order keeps the one it has",)


def test_unknown_status_word_of_a_new_order_opens_it_as_received():
    event = event_of(created(status="sliced"))
    assert (event.kind, event.status, len(event.warnings)) == (Kind.CREATED, Status.RECEIVED, 1)


@pytest.mark.parametrize("word", sorted(COURIER_WORDS))
def test_courier_word_changes_only_the_courier(word):
    event = event_of({"event_type": "order.updated", "id": "A-1", "status": word, "rider": {"name": "R", "phone": "1"}})
    assert (event.kind, event.status, event.warnings) == (Kind.UPDATED, None, ())
    assert event.courier == Courier(name="R", phone="1", status=word)
    assert event_of({"event_type": "order.updated", "id": "A-1", "status": word}).courier == Courier(status=word)


@pytest.mark.parametrize("word", sorted(TIMELINE_WORDS))
def test_timeline_word_changes_nothing(word):
    event = event_of({"event_type": "order.updated", "id": "A-1", "status": word})
    assert (event.kind, event.status, event.courier, event.warnings) == (Kind.UPDATED, None, None, ())
    assert event.provider_status == word


@pytest.mark.parametrize("word", sorted(IGNORED_EVENTS))
def test_ignored_word_needs_no_order(word):
    assert event_of({"event_type": word}) == OrderEvent(
        kind=Kind.IGNORED, word=word, reason="nothing to do with orders"
    )


def test_unknown_word_is_ignored_with_its_reason():
    assert event_of({"event_type": "Party"}) == OrderEvent(
        kind=Kind.IGNORED, word="party", reason="unknown event 'party'"
    )


def test_first_field_that_names_an_event_counts():
    assert event_of(created(event_type="order.updated", eventType="order.created")).kind is Kind.UPDATED
    assert event_of(created(event_type="", eventType="order.cancelled")).kind is Kind.CANCELLED


def test_known_event_word_counts_before_one_that_nobody_knows():
    event = event_of(created(event_type="webhook", eventType="order.cancelled"))
    assert (event.kind, event.word) == (Kind.CANCELLED, "order.cancelled")


def test_created_when_makes_a_creation_of_an_update():
    def when(word, status):
        return (word, status) == ("order.updated", "accepted")

    changes = {"event_type": "order.updated", "status": "accepted"}
    event = event_of(created(**changes), created_when=when)
    assert (event.kind, event.status) == (Kind.CREATED, Status.CONFIRMED)
    assert event_of(created(event_type="order.updated"), created_when=when).kind is Kind.UPDATED


def test_payload_without_an_event_word_is_told_by_what_it_holds():
    assert event_of({"id": "A-1", "items": [{"quantity": 1}]}).kind is Kind.CREATED
    assert event_of({"id": "A-1", "status": "accepted"}).kind is Kind.UPDATED
    assert event_of({"id": "A-1", "items": [], "status": "delivered"}).kind is Kind.DELIVERED
    assert faults_of({"id": "A-1"}) == {"event_type": "expected an event, got nothing"}


# -- ids, reasons, times -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"order_number": "n", "id": "i", "order_id": "o"}, "n"),
        ({"order_number": "", "id": 7, "order_id": "o"}, "7"),
        ({"id": None, "order_id": "o", "orderId": "O"}, "o"),
        ({"id": None, "orderId": "O"}, "O"),
    ],
)
def test_external_id_is_the_first_alternative(fields, expected):
    assert event_of(created(**fields)).external_id == expected


def test_missing_external_id_is_a_fault():
    assert faults_of(created(id=None)) == {"order_number": "expected an id, got nothing"}


@pytest.mark.parametrize("name", ["cancellationReason", "cancellation_reason", "cancel_reason", "reason"])
def test_reason_is_read_from_its_names(name):
    assert event_of({"event_type": "order.cancelled", "id": "A-1", name: " ألغاه العميل "}).reason == "ألغاه العميل"


@pytest.mark.parametrize("name", ["timestamp", "occurred_at", "occurredAt", "updated_at"])
def test_time_of_the_event_is_read_from_its_names(name):
    event = event_of({"event_type": "order.updated", "id": "A-1", name: 1768046400})
    assert event.occurred_at == datetime(2026, 1, 10, 12, 0, tzinfo=UTC)


# -- the whole order ---------------------------------------------------------------------------------------------------


def test_whole_order_is_read():
    payload = created(
        order_number="A-1",
        short_id=17,
        restaurant_id="r-1",
        restaurantReference="ref",
        branchId="r-1",
        status="accepted",
        customer={"first_name": "ليلى", "last_name": "مثال", "phone": 962790000000, "email": "l@example.com"},
        delivery_address={"street": "Rainbow St", "building": "3", "city": "Amman", "lat": 31.95, "lng": "35.93"},
        items=[
            {
                "item_id": "P1",
                "id": "other",
                "name": "Plate",
                "name_ar": "صحن",
                "quantity": "2",
                "price_cents": 5250,
                "total_price": "11.500",
                "notes": "حار",
                "modifiers": [
                    {
                        "id": "M1",
                        "name": "Size",
                        "value": "Large",
                        "price_cents": 500,
                        "quantity": 2,
                        "modifiers": [{"value": "Thick", "price": ""}, {"name": "Plain", "name_ar": "سادة"}],
                    }
                ],
            }
        ],
        subtotal="",
        pricing={"subtotal": 11.5},
        tax="1.000",
        delivery_fee_cents=1500,
        service_fee=0,
        discount="0.500",
        tip_cents="250",
        gross=13500,
        cash_due=13.5,
        currency="jod",
        payment_method="Cash",
        order_type="Delivery",
        notes=" بلا بصل ",
        is_test="true",
        createdAt="2026-01-10T12:00:00Z",
        scheduledFor="2026-01-10T14:00:00Z",
        delivery_time="2026-01-10T14:30:00Z",
        captain={"full_name": "C", "mobile": "5", "status": "near"},
    )
    assert event_of(payload) == OrderEvent(
        kind=Kind.CREATED,
        word="order.created",
        external_id="A-1",
        status=Status.CONFIRMED,
        provider_status="accepted",
        snapshot=OrderSnapshot(
            display_id="17",
            store_ids=("r-1", "ref"),
            customer=CustomerInfo(name="ليلى مثال", phone="962790000000", email="l@example.com"),
            lines=(
                Line(
                    external_id="P1",
                    name="Plate",
                    name_ar="صحن",
                    quantity=2,
                    unit_price=Decimal("5.250"),
                    total_price=Decimal("11.500"),
                    notes="حار",
                    modifiers=(
                        Modifier(
                            external_id="M1",
                            name="Size: Large",
                            quantity=2,
                            price=Decimal("0.500"),
                            modifiers=(Modifier(name="Thick"), Modifier(name="Plain", name_ar="سادة")),
                        ),
                    ),
                ),
            ),
            subtotal=Decimal("11.5"),
            tax=Decimal("1.000"),
            delivery_fee=Decimal("1.500"),
            service_fee=Decimal(0),
            discount=Decimal("0.500"),
            tip=Decimal("0.250"),
            total=Decimal("13.500"),
            cash_due=Decimal("13.5"),
            currency="JOD",
            payment_method="cash",
            order_type=OrderType.DELIVERY,
            fulfilled_by=FulfilledBy.PROVIDER,
            delivery_address=Address(
                text="Rainbow St, 3, Amman",
                street="Rainbow St",
                building="3",
                city="Amman",
                latitude=Decimal("31.95"),
                longitude=Decimal("35.93"),
            ),
            notes="بلا بصل",
            is_test=True,
            placed_at=datetime(2026, 1, 10, 12, 0, tzinfo=UTC),
            scheduled_for=datetime(2026, 1, 10, 14, 0, tzinfo=UTC),
            estimated_delivery_at=datetime(2026, 1, 10, 14, 30, tzinfo=UTC),
        ),
        courier=Courier(name="C", phone="5", status="near"),
    )


def test_new_order_that_says_little_takes_the_defaults():
    assert event_of(created()).snapshot == OrderSnapshot(
        customer=CustomerInfo(),
        lines=(Line(name="x", quantity=1),),
        payment_method="online",
        order_type=OrderType.DELIVERY,
        fulfilled_by=FulfilledBy.PROVIDER,
    )


def test_update_that_says_little_tells_nothing():
    assert event_of({"event_type": "order.updated", "id": "A-1"}).snapshot == OrderSnapshot(customer=CustomerInfo())


@pytest.mark.parametrize(
    ("currency", "expected"),
    [
        ("KWD", Decimal("1.500")),
        ("SAR", Decimal("15.00")),
        (None, Minor(1500)),
        ("", Minor(1500)),
        ("ZZZ", Minor(1500)),
    ],
)
def test_minor_units_wait_for_a_currency_that_is_known(currency, expected):
    assert event_of(created(currency=currency, gross=1500)).snapshot.total == expected


@pytest.mark.parametrize(
    ("word", "order_type"), [*ORDER_TYPES.items(), ("delivery", OrderType.DELIVERY), ("drone", OrderType.DELIVERY)]
)
@pytest.mark.parametrize("name", ["order_type", "orderType", "fulfillment_type"])
def test_order_type_word(name, word, order_type):
    snapshot = event_of({"event_type": "order.updated", "id": "A-1", name: word.upper()}).snapshot
    expected = FulfilledBy.PROVIDER if order_type is OrderType.DELIVERY else FulfilledBy.CUSTOMER
    assert (snapshot.order_type, snapshot.fulfilled_by) == (order_type, expected)


@pytest.mark.parametrize("word", ["restaurant", "merchant", "MERCHANT"])
def test_own_fleet_is_the_restaurants_delivery(word):
    for changes in ({"fulfillment_type": word}, {"order_type": "delivery", "delivery_type": word}):
        snapshot = event_of(created(**changes)).snapshot
        assert (snapshot.order_type, snapshot.fulfilled_by) == (OrderType.DELIVERY, FulfilledBy.RESTAURANT)


# -- lines -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "faults"),
    [
        ([], {"items": "expected at least one line, got an empty list"}),
        (None, {"items": "expected at least one line, got nothing"}),
        ([{"name": "x"}], {"items[0].quantity": "expected a positive integer, got nothing"}),
        ([{"quantity": 1}, 5], {"items[1]": "expected an object, got 5"}),
        ([{"quantity": 1}] * 501, {"items": "expected at most 500 lines, got 501"}),
        (
            [{"quantity": 1, "unit_price": "1,5", "modifiers": [{"quantity": "x", "price": []}]}],
            {
                "items[0].unit_price": 'expected a plain decimal, got "1,5"',
                "items[0].modifiers[0].quantity": 'expected a positive integer, got "x"',
                "items[0].modifiers[0].price": "expected a plain decimal, got a list",
            },
        ),
    ],
)
def test_lines_of_a_new_order_that_are_unusable(items, faults):
    assert faults_of(created(items=items)) == faults


def test_lines_that_are_no_list_are_a_fault():
    assert faults_of(created(items={"a": 1}))["items"] == "expected a list, got an object"


def test_as_many_lines_as_allowed_are_taken():
    assert len(event_of(created(items=[{"quantity": 1}] * 500)).snapshot.lines) == 500


@pytest.mark.parametrize("items", [None, []])
def test_update_needs_no_lines(items):
    assert event_of(created(event_type="order.updated", items=items)).snapshot.lines is None


def test_second_name_of_the_lines_counts_where_the_first_is_blank():
    assert len(event_of(created(items=None, order_items=[{"quantity": 3}])).snapshot.lines) == 1


# -- addresses and couriers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (" شارع 1 ", Address(text="شارع 1")),
        ("", None),
        (None, None),
        ([], None),
        ({}, None),
        ({"street": "", "city": None}, None),
        ({"full_address": "All", "street": "S"}, Address(text="All", street="S")),
        ({"line1": "L", "unit": 5, "district": "D"}, Address(text="L, 5, D", street="L", apartment="5", area="D")),
        ({"geolocation": {"latitude": 1, "longitude": 2}}, Address(latitude=Decimal(1), longitude=Decimal(2))),
        ({"location": {"lat": "1.5", "lng": "2.5"}}, Address(latitude=Decimal("1.5"), longitude=Decimal("2.5"))),
        ({"latitude": 91, "longitude": 181}, None),
        ({"landmark": "Near the park"}, Address(notes="Near the park")),
    ],
)
def test_address_is_a_text_or_an_object(value, expected):
    assert read_address(reader({"a": value}).at("a")) == expected


def test_address_joins_its_parts_in_their_order():
    nothing = Reader(None)
    address = make_address(
        city="C",
        area="A",
        apartment="4",
        floor="2",
        building="B",
        street="S",
        notes="n",
        latitude=nothing,
        longitude=nothing,
    )
    assert address.text == "S, B, 2, 4, A, C"
    assert make_address(text="T", street="S", latitude=nothing, longitude=nothing).text == "T"
    assert make_address(latitude=nothing, longitude=nothing) is None


@pytest.mark.parametrize("name", ["courier", "driver", "rider", "captain"])
@pytest.mark.parametrize("phone", ["phone", "phone_number", "mobile", "contact_number"])
def test_courier_by_whatever_name(name, phone):
    assert read_courier(reader({name: {"name": "R", phone: 5}})) == Courier(name="R", phone="5")


@pytest.mark.parametrize("value", [None, {}, {"name": ""}, "Ali", [], 5])
def test_courier_that_says_nothing_is_none(value):
    assert read_courier(reader({"courier": value})) is None
