"""Why an order is refused: each provider's own list, words where it takes them, and nothing else."""

from __future__ import annotations

import re

import pytest

from integration.models import OutboundPush
from integration.tests.factories import make_installation
from orders.models import AuditEntry, Order, OrderEvent

pytestmark = pytest.mark.django_db
CAREEM = [
    "ITEM_TEMPORARILY_UNAVAILABLE", "ITEM_PERMANENTLY_NOT_AVAILABLE", "KITCHEN_TOO_BUSY_TO_PREPARE_ORDER",
    "OUT_OF_KITCHEN_OPERATIONAL_HOURS", "OUTLET_CLOSED", "PARTNER_POS_OUTAGE", "PARTNER_ORDER_TIMEOUT", "OTHER",
]  # fmt: skip
AFTER_ACCEPTANCE_AT_TALABAT = [
    "BAD_WEATHER", "CARD_READER_NOT_AVAILABLE", "CONTENT_WRONG_MISLEADING", "FOOD_QUALITY_SPILLAGE", "LATE_DELIVERY",
    "UNABLE_TO_FIND", "UNABLE_TO_PAY", "UNPROFESSIONAL_BEHAVIOUR", "WRONG_ORDER_ITEMS_DELIVERED",
]  # fmt: skip


@pytest.fixture
def here():
    return make_installation()


def an_order(here, provider, **fields):
    assert here.send(provider).status_code == 200
    order = Order.objects.get(provider=provider)
    Order.objects.filter(pk=order.pk).update(**fields)
    return order


def step(here, order, **body):
    return here.client(here.staff).post(f"/api/orders/{order.id}/status", body, content_type="application/json")


def refused(answer):
    assert answer.status_code == 400
    body = answer.json()
    assert (body["success"], body["error"]) == (False, "invalid_request")
    assert not OrderEvent.objects.filter(source="person").exists()
    assert not OutboundPush.objects.exists()
    assert not AuditEntry.objects.filter(action="order.status_changed").exists()
    return body["details"]


@pytest.mark.parametrize(
    ("provider", "said", "kept"),
    [
        ("careem", "outlet_closed", "OUTLET_CLOSED"),
        ("talabat", "TOO_BUSY", "TOO_BUSY"),
        ("deliveroo", "Busy", "busy"),
        ("jahez", "CLOSED", "CLOSED"),
    ],
)
def test_a_code_of_the_list_is_taken_and_told(here, provider, said, kept):
    order = an_order(here, provider)
    assert step(here, order, status="rejected", reason=said).status_code == 200
    assert OrderEvent.objects.get(source="person").reason == kept
    assert OutboundPush.objects.get().reason == kept


@pytest.mark.parametrize("wanted", ["rejected", "cancelled"])
def test_careem_takes_nothing_beside_its_list(here, wanted):
    order = an_order(here, "careem")
    details = refused(step(here, order, status=wanted, reason="the oven is broken"))
    assert details == {"reason": f"expected one of {', '.join(CAREEM)}", "allowed": CAREEM}
    order.refresh_from_db()
    assert order.status == "received"


@pytest.mark.parametrize("provider", ["talabat", "deliveroo", "jahez"])
def test_own_words_are_taken_where_the_provider_takes_them(here, provider):
    order = an_order(here, provider)
    assert step(here, order, status="rejected", reason="الفرن معطل").status_code == 200
    assert OutboundPush.objects.get().reason == "الفرن معطل"


def test_no_reason_at_all_is_taken(here):
    assert step(here, an_order(here, "careem"), status="rejected").status_code == 200


def test_talabat_takes_other_codes_after_the_acceptance(here):
    order = an_order(here, "talabat", status="preparing")
    details = refused(step(here, order, status="cancelled", reason="TOO_BUSY"))
    assert details["allowed"] == AFTER_ACCEPTANCE_AT_TALABAT
    assert step(here, order, status="cancelled", reason="BAD_WEATHER").status_code == 200


@pytest.mark.parametrize("provider", ["deliveroo", "jahez"])
def test_what_the_provider_is_not_told_may_be_said_in_any_words(here, provider):
    order = an_order(here, provider, status="preparing")
    assert step(here, order, status="cancelled", reason="BUSY").status_code == 200


def test_an_order_of_the_hub_may_be_refused_in_any_words(here):
    order = an_order(here, "careem", via_hub=True)
    assert step(here, order, status="rejected", reason="the oven is broken").status_code == 200


def test_the_hub_is_told_a_code_of_the_providers_list_in_its_writing(here):
    order = an_order(here, "talabat", via_hub=True)
    assert step(here, order, status="rejected", reason="too_busy").status_code == 200
    assert OutboundPush.objects.get(order=order).reason == "TOO_BUSY"


def test_the_reason_of_another_step_is_nobodys_code(here):
    order = an_order(here, "careem")
    assert step(here, order, status="confirmed", reason="soon").status_code == 200


def test_naming_the_present_status_asks_for_no_reason(here):
    order = an_order(here, "talabat", status="rejected")
    assert step(here, order, status="rejected", reason="TOO_BUSY").status_code == 200
    assert not OutboundPush.objects.exists()


def test_a_step_that_is_not_possible_is_told_before_its_reason(here):
    order = an_order(here, "careem", status="delivered")
    answer = step(here, order, status="rejected", reason="why")
    assert (answer.status_code, answer.json()["error"]) == (409, "invalid_transition")


@pytest.mark.parametrize(
    ("provider", "status", "codes", "words"),
    [
        ("careem", "received", CAREEM, False),
        ("talabat", "preparing", AFTER_ACCEPTANCE_AT_TALABAT, True),
        ("deliveroo", "received", ["ingredient_unavailable", "busy", "closing_early", "other"], True),
        ("jahez", "preparing", [], True),
    ],
)
def test_the_api_lists_what_may_be_said_now(here, provider, status, codes, words):
    order = an_order(here, provider, status=status)
    body = here.client(here.staff).get(f"/api/orders/{order.id}/reasons").json()
    assert [entry["code"] for entry in body["results"]] == codes
    assert all(entry["label"] for entry in body["results"])
    assert (body["next"], body["takesWords"]) == (None, words)


def test_the_reasons_of_another_companys_order_do_not_exist(here):
    order = an_order(here, "careem")
    other = make_installation("dubai-diner")
    assert other.client().get(f"/api/orders/{order.id}/reasons").status_code == 404


def test_the_page_offers_each_provider_its_own_reasons(here):
    order = an_order(here, "careem")
    html = here.client().get(f"/orders/{order.id}/").content.decode()
    assert html.count('data-reasons="careem-before"') == 3  # reject, cancel, and the list itself
    offered = re.search(r'<template data-reasons="careem-before">(.*?)</template>', html)[1]
    assert re.findall(r'<option value="([^"]*)"', offered) == ["", *CAREEM]
    talabat = re.search(r'<template data-reasons="talabat-after">(.*?)</template>', html)[1]
    assert re.findall(r'<option value="([^"]*)"', talabat) == ["", *AFTER_ACCEPTANCE_AT_TALABAT, "words"]
    assert '<template data-reasons="jahez-after"></template>' in html


def test_the_timeline_shows_a_code_in_words(here):
    order = an_order(here, "careem")
    step(here, order, status="rejected", reason="OUTLET_CLOSED")
    html = here.client().get(f"/orders/{order.id}/").content.decode()
    assert '<p class="note" dir="auto">The branch is closed</p>' in html
