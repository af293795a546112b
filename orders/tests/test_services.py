"""The two doors to an order."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from django.utils import timezone

from orders.models import Branch, BranchStore, Customer, MenuProduct, MenuProductCode, Order, OrderEvent
from orders.models.order import order_id_for
from orders.services import Delivery, Outcome, apply_event, change_status
from orders.signals import status_changed_by_person
from orders.timeline import last_seq
from orders.transitions import InvalidTransitionError
from providers.events import (
    Address,
    Courier,
    CustomerInfo,
    FulfilledBy,
    Kind,
    Line,
    Modifier,
    OrderSnapshot,
    Status,
)
from providers.events import OrderEvent as Event
from providers.money import Minor

NOW = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
LINES = (Line(external_id="MANSAF", name="Lamb Mansaf", quantity=2, unit_price=D("9.75"), total_price=D("19.5")),)


def creation(**fields) -> Event:
    status = fields.pop("status", Status.RECEIVED)
    named = {
        "lines": LINES,
        "total": D("19.5"),
        "store_ids": ("main-1",),
        "customer": CustomerInfo(name="Lina Haddad", phone="0790123456"),
        **fields,
    }
    return Event(kind=Kind.CREATED, external_id="A-1", status=status, snapshot=OrderSnapshot(**named))


def update(status=None, *, courier=None, provider_status="", occurred_at=None, **fields) -> Event:
    return Event(
        kind=Kind.UPDATED, external_id="A-1", status=status, courier=courier, occurred_at=occurred_at,
        provider_status=provider_status or (status.value if status else ""),
        snapshot=OrderSnapshot(**fields) if fields else None,
    )  # fmt: skip


def apply(company, event, **delivery):
    return apply_event(company, "careem", event, Delivery(received_at=delivery.pop("received_at", NOW), **delivery))


# -- creating ----------------------------------------------------------------------------------------------------------


def test_creation_opens_a_whole_order(company, mansaf):
    event_id = uuid.uuid4()
    result = apply(company, creation(currency="JOD", notes="Ring twice", display_id="77"), event_id=event_id)
    order = Order.objects.get()
    assert (result.outcome, result.created, result.order_id) == (Outcome.PROCESSED, True, order.id)
    assert order.id == order_id_for(company.id, "careem", "A-1")
    assert (order.status, order.total, order.currency, order.item_count) == ("received", D("19.5"), "JOD", 2)
    assert (order.branch.name, order.customer.phone, order.notes) == ("Main", "+962790123456", "Ring twice")
    assert (order.attention_reasons, order.needs_attention, order.seq) == ([], False, 1)
    item = order.items.get()
    assert (item.name, item.name_ar, item.menu_product) == ("Lamb Mansaf", "منسف لحم", mansaf)
    event = OrderEvent.objects.get()
    assert (event.seq, event.type, event.status, event.webhook_event_id) == (1, "order.created", "received", event_id)


def test_creation_opens_at_the_status_it_names(company):
    apply(company, creation(status=Status.PREPARING))
    assert Order.objects.get().status == "preparing"


def test_order_id_is_the_same_before_the_order_exists(company):
    parked = apply(company, update(Status.READY))
    created = apply(company, creation())
    assert (parked.outcome, parked.order_id) == (Outcome.PARKED, created.order_id)


def test_order_id_differs_by_company_and_provider(company, other_company):
    ids = {
        order_id_for(company.id, "careem", "1"),
        order_id_for(company.id, "jahez", "1"),
        order_id_for(other_company.id, "careem", "1"),
        order_id_for(company.id, "careem", "2"),
    }
    assert len(ids) == 4


@pytest.mark.parametrize(
    ("named", "store", "provider_default", "expected"),
    [
        ("KWD", "SAR", "jahez", "KWD"),
        (None, "BHD", "jahez", "BHD"),
        (None, "", "jahez", "SAR"),
        (None, "", "careem", "JOD"),
    ],
)
def test_currency_is_the_payloads_else_the_stores_else_the_providers_else_the_companys(
    company, named, store, provider_default, expected
):
    branch = company.branches.get()
    BranchStore.objects.create(branch=branch, provider="jahez", store_id="j-1", currency=store)
    apply_event(company, provider_default, creation(currency=named, store_ids=("j-1",)), Delivery(received_at=NOW))
    assert Order.objects.get().currency == expected


def test_minor_units_wait_for_the_orders_currency(company):
    apply(company, creation(total=Minor(19500), lines=(Line(quantity=1, name="x", unit_price=Minor(19500)),)))
    assert Order.objects.get().total == D("19.5")
    assert Order.objects.get().items.get().unit_price == D("19.5")


def test_amounts_are_scaled_to_the_currency(company):
    apply(company, creation(currency="SAR", total=D("19.505"), tax=D("0.004")))
    order = Order.objects.get()
    assert (order.total, order.tax, order.tip) == (D("19.51"), D("0"), None)


def test_total_that_does_not_fit_is_marked_and_stored_as_sent(company, mansaf):
    apply(company, creation(total=D("18")))
    order = Order.objects.get()
    assert (order.total, order.attention_reasons) == (D("18"), ["amount_mismatch"])


def test_order_without_a_total_gets_the_sum_and_a_mark(company, mansaf):
    apply(company, creation(total=None, delivery_fee=D("1")))
    order = Order.objects.get()
    assert (order.total, order.attention_reasons) == (D("20.5"), ["amount_mismatch"])


def test_unknown_store_goes_to_the_default_branch_and_is_marked(company, mansaf):
    apply(company, creation(store_ids=("nobody",)))
    order = Order.objects.get()
    assert (order.branch.name, order.attention_reasons) == ("Main", ["unknown_branch"])


def test_store_of_another_company_is_unknown(company, other_company, mansaf):
    apply(company, creation(store_ids=("marina-1",)))
    order = Order.objects.get()
    assert (order.branch.name, order.attention_reasons) == ("Main", ["unknown_branch"])


def test_order_without_a_store_is_the_only_branchs(company, mansaf):
    apply(company, creation(store_ids=()))
    assert Order.objects.get().attention_reasons == []


def test_order_without_a_store_is_marked_where_there_are_several_branches(company, mansaf):
    Branch.objects.create(company=company, name="West")
    apply(company, creation(store_ids=()))
    assert (Order.objects.get().branch.name, Order.objects.get().attention_reasons) == ("Main", ["unknown_branch"])


def test_unknown_currency_is_marked(company, mansaf):
    apply(company, creation(currency="ZZZ"))
    assert Order.objects.get().attention_reasons == ["unknown_currency"]


@pytest.mark.parametrize(
    ("fulfilled_by", "reasons"), [(FulfilledBy.RESTAURANT, ["missing_customer"]), (FulfilledBy.PROVIDER, [])]
)
def test_missing_customer_is_marked_only_where_the_restaurant_delivers(company, mansaf, fulfilled_by, reasons):
    apply(company, creation(customer=CustomerInfo(phone="0"), fulfilled_by=fulfilled_by))
    order = Order.objects.get()
    assert (order.customer, order.attention_reasons) == (None, reasons)


def test_line_that_is_not_on_the_menu_is_kept_and_marked(company):
    apply(company, creation())
    item = Order.objects.get().items.get()
    assert (item.name, item.external_id, item.menu_product) == ("Lamb Mansaf", "MANSAF", None)
    assert Order.objects.get().attention_reasons == ["unmapped_item"]


def test_ids_alone_take_their_names_from_the_menu(company, mansaf):
    cheese = MenuProduct.objects.create(company=company, name="Extra Cheese", name_ar="جبنة إضافية")
    MenuProductCode.objects.create(product=cheese, provider="careem", external_id="OPT-1")
    lines = (Line(external_id="MANSAF", quantity=1, modifiers=(Modifier(external_id="OPT-1"),)),)
    apply(company, creation(lines=lines))
    item = Order.objects.get().items.get()
    assert (item.name, item.name_ar) == ("Lamb Mansaf", "منسف لحم")
    assert [(m.name, m.name_ar) for m in item.modifiers.all()] == [("Extra Cheese", "جبنة إضافية")]


def test_nameless_option_is_marked(company, mansaf):
    apply(company, creation(lines=(Line(external_id="MANSAF", quantity=1, modifiers=(Modifier(external_id="?"),)),)))
    assert Order.objects.get().attention_reasons == ["unmapped_item"]


def test_branch_suffix_of_an_id_is_taken_off(company, mansaf):
    apply(company, creation(lines=(Line(external_id="MANSAF-main-1", quantity=1),)))
    assert Order.objects.get().items.get().menu_product == mansaf


def test_product_is_found_by_its_exact_name_in_either_language_never_by_a_part(company, mansaf):
    names = ("lamb  MANSAF", "مَنسف لحـم", "Lamb", "Lamb Mansaf Large")
    apply(company, creation(lines=tuple(Line(name=name, quantity=1) for name in names)))
    assert [item.menu_product for item in Order.objects.get().items.all()] == [mansaf, mansaf, None, None]


def test_product_of_another_company_is_never_found(company, other_company):
    product = MenuProduct.objects.create(company=other_company, name="Lamb Mansaf")
    MenuProductCode.objects.create(product=product, provider="careem", external_id="MANSAF")
    apply(company, creation())
    assert Order.objects.get().items.get().menu_product is None


def test_modifiers_are_kept_as_a_tree_parents_before_children(company, mansaf):
    tree = (
        Modifier(
            name="Large", modifiers=(Modifier(name="Sauce", modifiers=(Modifier(name="Hot"),)), Modifier(name="Bread"))
        ),
        Modifier(name="No onions"),
    )
    apply(company, creation(lines=(Line(name="Lamb Mansaf", quantity=1, modifiers=tree), *LINES)))
    first = Order.objects.get().items.first()
    rows = [(m.position, m.name, m.parent.name if m.parent else None) for m in first.modifiers.all()]
    assert rows == [
        (0, "Large", None),
        (1, "Sauce", "Large"),
        (2, "Hot", "Sauce"),
        (3, "Bread", "Large"),
        (4, "No onions", None),
    ]


@pytest.mark.parametrize(
    ("provider", "country", "minutes"),
    [("careem", "JO", 10), ("deliveroo", "KW", 7), ("deliveroo", "AE", 7), ("deliveroo", "GB", 10), ("jahez", "SA", 5),
     ("talabat", "JO", None)],
)  # fmt: skip
def test_acceptance_deadline_counts_from_placing(company, provider, country, minutes):
    company.country = country
    placed = NOW - timedelta(minutes=1)
    apply_event(company, provider, creation(placed_at=placed), Delivery(received_at=NOW))
    expected = placed + timedelta(minutes=minutes) if minutes else None
    assert Order.objects.get().accept_by == expected


def test_acceptance_deadline_of_the_payload_wins(company):
    apply(company, creation(accept_by=NOW + timedelta(minutes=3)))
    assert Order.objects.get().accept_by == NOW + timedelta(minutes=3)


def test_careem_deadline_is_configurable(company, settings):
    settings.ACCEPT_WITHIN_S = {"careem": 240}
    apply(company, creation(placed_at=NOW))
    assert Order.objects.get().accept_by == NOW + timedelta(minutes=4)


# -- customers ---------------------------------------------------------------------------------------------------------


def order_of(company, external_id, **customer):
    event = creation(customer=CustomerInfo(**customer))
    apply(company, Event(kind=Kind.CREATED, external_id=external_id, status=Status.RECEIVED, snapshot=event.snapshot))
    return Order.objects.get(company=company, external_id=external_id).customer


def test_same_phone_in_any_writing_is_one_customer(company):
    people = {
        order_of(company, str(n), name="L", phone=p).id
        for n, p in enumerate(("0790123456", "+962 790123456", "962790123456"))
    }
    assert len(people) == 1


def test_without_a_phone_the_email_decides(company):
    first = order_of(company, "1", name="Lina", email="lina@example.com")
    second = order_of(company, "2", name="Lina H.", email="LINA@example.com")
    assert first == second
    assert Customer.objects.get().name == "Lina H."


def test_customer_known_by_email_becomes_known_by_phone(company):
    first = order_of(company, "1", email="lina@example.com")
    second = order_of(company, "2", email="lina@example.com", phone="0790123456")
    third = order_of(company, "3", phone="0790123456")
    fourth = order_of(company, "4", email="lina@example.com")
    assert first == second == third == fourth


def test_two_phones_with_one_email_are_two_people(company):
    first = order_of(company, "1", email="family@example.com", phone="0790123456")
    second = order_of(company, "2", email="family@example.com", phone="0790123457")
    assert first != second


@pytest.mark.parametrize("phone", ["+9627******56", "+962790000000", "12345"])
def test_phones_that_tell_nobody_apart_merge_nobody(company, phone):
    first, second = order_of(company, "1", name="Lina", phone=phone), order_of(company, "2", name="Omar", phone=phone)
    assert first != second
    assert {first.name, second.name} == {"Lina", "Omar"}


def test_proxied_phone_merges_nobody(company):
    proxied = {"phone": "+962790123456", "phone_access_code": "99"}
    assert order_of(company, "1", name="Lina", **proxied) != order_of(company, "2", name="Omar", **proxied)
    assert order_of(company, "3", name="Sami", phone="+962790123456").name == "Sami"
    assert Customer.objects.count() == 3


def test_customers_of_two_companies_are_two_people(company, other_company):
    mine, theirs = order_of(company, "1", phone="+962790123456"), order_of(other_company, "1", phone="+962790123456")
    assert mine != theirs


# -- updating ----------------------------------------------------------------------------------------------------------


def test_status_moves_forward(company):
    apply(company, creation())
    result = apply(company, update(Status.READY))
    assert (result.outcome, Order.objects.get().status, Order.objects.get().seq) == (Outcome.PROCESSED, "ready", 2)


def test_late_status_is_ignored_and_stands_in_the_timeline_at_its_own_time(company):
    apply(company, creation(status=Status.READY))
    at = NOW - timedelta(minutes=5)
    result = apply(company, update(Status.CONFIRMED, occurred_at=at))
    assert (result.outcome, Order.objects.get().status) == (Outcome.IGNORED, "ready")
    entry = OrderEvent.objects.get(seq=None)
    assert (entry.provider_status, entry.status, entry.occurred_at) == ("confirmed", "ready", at)
    assert last_seq(company.id) == 1


def test_same_status_again_leaves_nothing(company):
    apply(company, creation())
    assert apply(company, update(Status.RECEIVED)).outcome is Outcome.IGNORED
    assert OrderEvent.objects.count() == 1


def test_word_of_the_timeline_stands_there_alone(company):
    apply(company, creation())
    assert apply(company, update(None, provider_status="slot_started")).outcome is Outcome.IGNORED
    assert OrderEvent.objects.get(seq=None).provider_status == "slot_started"


def test_cancellation_reaches_a_finished_order_loudly(company):
    apply(company, creation(status=Status.DELIVERED))
    apply(company, update(Status.CANCELLED))
    event = OrderEvent.objects.get(seq=2)
    assert (event.type, event.status, event.previous_status, event.is_loud) == (
        "order.cancelled",
        "cancelled",
        "delivered",
        True,
    )


def test_cancellation_before_confirmation_is_not_loud(company):
    apply(company, creation())
    apply(company, update(Status.CANCELLED))
    assert not OrderEvent.objects.get(seq=2).is_loud


def test_update_replaces_what_it_names_and_leaves_the_rest(company, mansaf):
    apply(company, creation(notes="Ring twice", payment_method="cash"))
    lines = (Line(external_id="MANSAF", name="Lamb Mansaf", quantity=3, unit_price=D("9.75"), total_price=D("29.25")),)
    apply(company, update(lines=lines, total=D("29.25")))
    order = Order.objects.get()
    assert (order.total, order.item_count, order.notes, order.payment_method) == (D("29.25"), 3, "Ring twice", "cash")
    event = OrderEvent.objects.get(seq=2)
    assert event.changes == {"items": [2, 3], "total": ["19.5000", "29.250"]}
    assert event.is_loud


def test_update_that_names_what_is_already_so_is_ignored(company, mansaf):
    apply(company, creation(notes="Ring twice", fulfilled_by=FulfilledBy.PROVIDER))
    again = update(
        lines=LINES, total=D("19.5"), notes="Ring twice", customer=CustomerInfo(name="Lina Haddad", phone="0790123456")
    )
    assert apply(company, again).outcome is Outcome.IGNORED
    assert OrderEvent.objects.count() == 1


LATER = NOW + timedelta(seconds=9)
SOONER = NOW - timedelta(seconds=9)


def test_update_that_comes_after_its_successor_changes_no_field_of_it(company, mansaf):
    apply(company, creation(), received_at=SOONER)
    lines = (Line(external_id="MANSAF", name="Lamb Mansaf", quantity=3, unit_price=D("9.75"), total_price=D("29.25")),)
    apply(company, update(lines=lines, total=D("29.25"), notes="Third floor"), received_at=LATER)
    result = apply(company, update(lines=LINES, total=D("19.5"), notes="First floor", provider_status="edited"))
    order = Order.objects.get()
    assert result.outcome is Outcome.IGNORED
    assert (order.total, order.item_count, order.notes, order.seq) == (D("29.25"), 3, "Third floor", 2)
    late = OrderEvent.objects.get(seq=None)
    assert (late.provider_status, late.note) == ("edited", "came too late, the order keeps its newer fields")


def test_update_that_comes_after_its_successor_still_tells_what_that_one_did_not(company):
    apply(company, creation(notes="First floor"), received_at=SOONER)
    apply(company, update(notes="Third floor"), received_at=LATER)
    apply(company, update(Status.CONFIRMED, notes="Second floor", display_id="77"))
    order = Order.objects.get()
    assert (order.status, order.notes, order.display_id) == ("confirmed", "Third floor", "77")
    event = OrderEvent.objects.get(seq=3)
    assert (list(event.changes), event.note) == (["display_id"], "came too late, the order keeps its newer fields")


def test_field_that_an_update_confirmed_is_kept_from_an_older_one(company):
    apply(company, creation(notes="First floor"), received_at=SOONER)
    assert apply(company, update(notes="First floor"), received_at=LATER).outcome is Outcome.IGNORED
    assert apply(company, update(notes="Second floor")).outcome is Outcome.IGNORED
    assert Order.objects.get().notes == "First floor"


def test_courier_of_an_older_update_does_not_come_back(company):
    apply(company, creation(), received_at=SOONER)
    apply(company, update(courier=Courier(name="Omar")), received_at=LATER)
    apply(company, update(courier=Courier(name="Sami")))
    assert Order.objects.get().courier["name"] == "Omar"


def test_creation_that_comes_after_its_successor_changes_nothing(company):
    apply(company, creation(notes="Third floor"), received_at=LATER)
    assert apply(company, creation(notes="First floor")).outcome is Outcome.IGNORED
    assert Order.objects.get().notes == "Third floor"


def test_update_that_was_parked_is_newer_than_its_creation(company):
    apply(company, creation(notes="First floor"), received_at=LATER)
    assert apply(company, update(notes="Second floor")).outcome is Outcome.PROCESSED
    assert Order.objects.get().notes == "Second floor"


def test_menu_names_are_no_difference(company, mansaf):
    lines = (Line(external_id="MANSAF", quantity=2, modifiers=(Modifier(external_id="X", name="Hot"),)),)
    apply(company, creation(lines=lines))
    assert apply(company, update(lines=lines)).outcome is Outcome.IGNORED


def test_moved_modifier_is_a_difference(company, mansaf):
    nested = (Modifier(name="Large", modifiers=(Modifier(name="Hot"),)),)
    flat = (Modifier(name="Large"), Modifier(name="Hot"))
    apply(company, creation(lines=(Line(external_id="MANSAF", quantity=1, modifiers=nested),)))
    assert (
        apply(company, update(lines=(Line(external_id="MANSAF", quantity=1, modifiers=flat),))).outcome
        is Outcome.PROCESSED
    )


def test_masked_customer_in_an_update_wipes_nothing(company):
    apply(company, creation())
    apply(company, update(customer=CustomerInfo(name="***", phone="0")))
    assert Order.objects.get().customer_phone == "+962790123456"


def test_new_phone_in_an_update_is_another_customer(company):
    apply(company, creation())
    apply(company, update(customer=CustomerInfo(phone="0790123499")))
    order = Order.objects.get()
    assert (order.customer_name, order.customer_phone, order.customer.phone) == (
        "Lina Haddad",
        "+962790123499",
        "+962790123499",
    )


def test_personal_values_stay_out_of_the_timeline(company):
    apply(company, creation(notes="a"))
    apply(
        company,
        update(notes="b", customer=CustomerInfo(name="Omar"), delivery_address=Address(text="12 Rainbow Street")),
    )
    assert OrderEvent.objects.get(seq=2).changes == {"notes": [], "customer": [], "delivery_address": []}


def test_courier_is_merged_and_quiet(company):
    apply(company, creation())
    apply(company, update(courier=Courier(name="Sami", status="driver_coming")))
    apply(company, update(courier=Courier(status="driver_here")))
    assert Order.objects.get().courier == {"name": "Sami", "phone": "", "status": "driver_here"}
    assert not OrderEvent.objects.filter(is_loud=True).exists()


def test_known_branch_in_an_update_moves_the_order(company, mansaf):
    west = Branch.objects.create(company=company, name="West")
    BranchStore.objects.create(branch=west, provider="careem", store_id="west-1")
    apply(company, creation(store_ids=("nobody",)))
    assert Order.objects.get().store_id == "nobody"
    apply(company, update(store_ids=("west-1",)))
    order = Order.objects.get()
    assert (order.branch, order.store_id, order.attention_reasons) == (west, "", [])
    assert OrderEvent.objects.latest("seq").changes["branch"] == ["Main", "West"]


def test_amounts_mended_by_an_update_lose_their_mark(company, mansaf):
    apply(company, creation(total=D("18")))
    apply(company, update(total=D("19.5")))
    assert Order.objects.get().attention_reasons == []


def test_new_way_of_paying_decides_what_is_collected(company):
    apply(company, creation(payment_method="cash", cash_due=D("19.5")))
    apply(company, update(payment_method="online"))
    assert Order.objects.get().cash_due == 0
    apply(company, update(payment_method="cash"))
    assert Order.objects.get().cash_due == D("19.5")


def test_event_that_is_ignored_touches_nothing(company):
    result = apply(company, Event(kind=Kind.IGNORED, word="menu.updated", reason="nothing to do with orders"))
    assert (result.outcome, result.order_id, result.note) == (Outcome.IGNORED, None, "nothing to do with orders")


def test_order_of_another_company_under_our_id_is_not_reached(company, other_company):
    order_id = apply(company, creation()).order_id
    by_ref = Event(kind=Kind.CANCELLED, order_ref=str(order_id), status=Status.CANCELLED)
    assert apply_event(other_company, "careem", by_ref, Delivery(received_at=NOW)).outcome is Outcome.PARKED
    assert apply_event(company, "talabat", by_ref, Delivery(received_at=NOW)).outcome is Outcome.PARKED
    assert Order.objects.get().status == "received"


def test_numbers_rise_by_one_per_company(company, other_company):
    for status in (Status.CONFIRMED, Status.PREPARING):
        for each in (company, other_company):
            apply(each, creation())
            apply(each, update(status))
    for each in (company, other_company):
        assert list(OrderEvent.objects.filter(company=each).order_by("seq").values_list("seq", flat=True)) == [1, 2, 3]
        assert last_seq(each.id) == 3


# -- a person ----------------------------------------------------------------------------------------------------------


def test_person_moves_an_order_one_step(company, user):
    apply(company, creation())
    order = change_status(Order.objects.get(), Status.CONFIRMED, user=user, prep_minutes=20)
    event = OrderEvent.objects.get(seq=2)
    assert (order.status, order.seq) == ("confirmed", 2)
    assert (event.source, event.user, event.prep_minutes, event.previous_status) == ("person", user, 20, "received")


def test_person_cannot_skip_a_step(company, user):
    apply(company, creation())
    with pytest.raises(InvalidTransitionError):
        change_status(Order.objects.get(), Status.READY, user=user)
    assert (Order.objects.get().status, OrderEvent.objects.count()) == ("received", 1)


def test_person_naming_the_present_status_changes_nothing(company, user):
    apply(company, creation())
    change_status(Order.objects.get(), Status.RECEIVED, user=user)
    assert OrderEvent.objects.count() == 1


def test_stale_order_in_hand_is_read_again(company, user):
    apply(company, creation())
    stale = Order.objects.get()
    apply(company, update(Status.CANCELLED))
    with pytest.raises(InvalidTransitionError):
        change_status(stale, Status.CONFIRMED, user=user)


def test_receiver_that_fails_undoes_the_change(company, user):
    apply(company, creation())

    def refuse(**kwargs):
        raise RuntimeError

    status_changed_by_person.connect(refuse)
    try:
        with pytest.raises(RuntimeError):
            change_status(Order.objects.get(), Status.CONFIRMED, user=user)
    finally:
        status_changed_by_person.disconnect(refuse)
    assert (Order.objects.get().status, last_seq(company.id)) == ("received", 1)


def test_changes_by_a_provider_are_not_told_as_a_persons(company):
    heard = []

    def listen(**kwargs):
        heard.append(kwargs)

    status_changed_by_person.connect(listen)
    try:
        apply(company, creation())
        apply(company, update(Status.CONFIRMED))
    finally:
        status_changed_by_person.disconnect(listen)
    assert heard == []


def test_updated_at_follows_the_change(company, user):
    apply(company, creation())
    before = timezone.now()
    assert change_status(Order.objects.get(), Status.CONFIRMED, user=user).updated_at >= before
