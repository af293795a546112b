from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from providers.events import FulfilledBy, OrderType
from providers.outbound import Verdict
from providers.talabat.calls import TalabatCalls
from providers.tests.calls import NOW, api, built, judged, reason, view

CALLS = TalabatCalls()
HOST = "https://integration-middleware.me.restaurant-partners.com"
STATUS = f"{HOST}/v2/order/status/tok"
PREPARED = f"{HOST}/v2/orders/tok/preparation-completed"
URLS = {
    "orderAcceptedUrl": STATUS,
    "orderRejectedUrl": STATUS,
    "orderPickedUpUrl": STATUS,
    "orderPreparedUrl": PREPARED,
}


def order(action, **fields):
    return view("talabat", action, **{"callback_urls": URLS, **fields})


def test_an_acceptance_names_our_id_and_when_it_is_ready():
    body = {"status": "order_accepted", "acceptanceTime": "2026-01-10T12:25:00Z", "remoteOrderId": "our-id"}
    assert built(CALLS, order("confirmed", prep_minutes=25)) == [("POST", STATUS, body)]


def test_the_time_is_two_minutes_ahead_when_the_call_was_late():
    late = order("confirmed", prep_minutes=5, now=NOW + timedelta(minutes=4))
    assert built(CALLS, late)[0][2]["acceptanceTime"] == "2026-01-10T12:06:15Z"


def test_an_order_for_later_is_ready_when_it_is_wanted():
    later = order("confirmed", scheduled_for=NOW + timedelta(hours=3))
    assert built(CALLS, later)[0][2]["acceptanceTime"] == "2026-01-10T15:00:00Z"


def test_a_rejection_with_a_code():
    body = {"status": "order_rejected", "reason": "ITEM_UNAVAILABLE", "message": "An item is not available"}
    assert built(CALLS, order("rejected", reason="ITEM_UNAVAILABLE")) == [("POST", STATUS, body)]


@pytest.mark.parametrize(("accepted", "code"), [(False, "TECHNICAL_PROBLEM"), (True, "LATE_DELIVERY")])
def test_own_words_go_as_the_message(accepted, code):
    body = built(CALLS, order("cancelled", reason="no gas", was_accepted=accepted))[0][2]
    assert body == {"status": "order_rejected", "reason": code, "message": "no gas"}


def test_a_reason_that_is_not_taken_after_acceptance_is_replaced():
    assert built(CALLS, order("cancelled", reason="TOO_BUSY", was_accepted=True))[0][2]["reason"] == "LATE_DELIVERY"
    assert built(CALLS, order("cancelled", reason="BAD_WEATHER", was_accepted=True))[0][2]["reason"] == "BAD_WEATHER"


def test_readiness_is_told_where_their_rider_delivers():
    assert built(CALLS, order("ready")) == [("POST", PREPARED, None)]


@pytest.mark.parametrize(
    "kind", [{"fulfilled_by": FulfilledBy.RESTAURANT},
             {"order_type": OrderType.PICKUP, "fulfilled_by": FulfilledBy.CUSTOMER}],
)  # fmt: skip
def test_readiness_is_told_nowhere_else(kind):
    assert reason(CALLS, order("ready", **kind)) == "Talabat is told of readiness only where its own rider delivers."


@pytest.mark.parametrize(
    "kind", [{"fulfilled_by": FulfilledBy.RESTAURANT},
             {"order_type": OrderType.PICKUP, "fulfilled_by": FulfilledBy.CUSTOMER}],
)  # fmt: skip
def test_picked_up_is_told_where_the_restaurant_or_the_customer_carries(kind):
    assert built(CALLS, order("out_for_delivery", **kind)) == [("POST", STATUS, {"status": "order_picked_up"})]


def test_their_own_rider_tells_of_himself():
    assert reason(CALLS, order("out_for_delivery")) == "Talabat's own rider tells that the order was picked up."


def test_an_address_that_the_order_does_not_bring_is_not_called():
    text = "The order brought no address for this: it is answered on Talabat's own device."
    assert reason(CALLS, order("confirmed", callback_urls={})) == text


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.com/v2/order/status/tok",
        "http://integration-middleware.me.restaurant-partners.com/v2/order/status/tok",
        "https://integration-middleware.me.restaurant-partners.com:444/v2/order/status/tok",
        "https://integration-middleware.me.restaurant-partners.com@evil.example.com/",
        "https://integration-middleware.me.restaurant-partners.com.evil.example.com/",
        "https://evil.example.com\\@integration-middleware.me.restaurant-partners.com/",
        "https://[::1",
        "nonsense",
    ],
)
def test_an_address_elsewhere_is_not_called(url):
    urls = {**URLS, "orderAcceptedUrl": url}
    text = "The order's address for this is not on the configured middleware, so it is not called."
    assert reason(CALLS, order("confirmed", callback_urls=urls)) == text


@pytest.mark.parametrize("state", ["ASSIGNED_TO_TRANSPORT", "WAITING_FOR_ACKNOWLEDGEMENT"])
def test_an_order_on_its_way_is_asked_again_every_ten_seconds_for_five_minutes(state):
    found = judged(CALLS, order("confirmed"), 409, {"currentState": state}, age_s=299)
    assert (found.verdict, found.retry_after_s) == (Verdict.RETRY, 10.0)
    assert judged(CALLS, order("confirmed"), 409, {"currentState": state}, age_s=301).verdict is Verdict.PERMANENT


def test_any_other_conflict_is_final():
    assert judged(CALLS, order("confirmed"), 409, {"currentState": "CANCELLED"}).verdict is Verdict.PERMANENT


def test_the_token_request_is_a_form():
    request = CALLS.token_request(api(CALLS))
    assert (request.method, request.url) == ("POST", f"{HOST}/v2/login")
    assert parse_qs(request.body.decode()) == {
        "username": ["the-username"], "password": ["the-password"], "grant_type": ["client_credentials"],
    }  # fmt: skip
