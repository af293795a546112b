from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from providers.deliveroo.calls import DeliverooCalls
from providers.outbound import ACKNOWLEDGE, Verdict
from providers.tests.calls import NOW, api, built, judged, reason, view

CALLS = DeliverooCalls()
ORDER = "https://api.developers.deliveroo.com/order/v1/orders/ae%3A00-1%2F2"


def order(action, **fields):
    return view("deliveroo", action, **{"external_id": "ae:00-1/2", **fields})


def test_an_acceptance_and_the_id_is_encoded():
    assert built(CALLS, order("confirmed")) == [("PATCH", ORDER, {"status": "accepted"})]


@pytest.mark.parametrize("action", ["rejected", "cancelled"])
def test_a_rejection(action):
    body = {"status": "rejected", "reject_reason": "busy", "notes": "The kitchen is too busy"}
    assert built(CALLS, order(action, reason="busy")) == [("PATCH", ORDER, body)]


def test_own_words_are_notes():
    body = {"status": "rejected", "reject_reason": "other", "notes": "no gas"}
    assert built(CALLS, order("rejected", reason="no gas"))[0][2] == body


def test_an_accepted_order_cannot_be_cancelled_by_a_call():
    text = "Deliveroo takes no cancellation of an accepted order: call Deliveroo."
    assert reason(CALLS, order("cancelled", was_accepted=True)) == text


@pytest.mark.parametrize(
    ("action", "stage"),
    [("preparing", "in_kitchen"), ("ready", "ready_for_collection"), ("out_for_delivery", "collected")],
)
def test_a_stage_of_preparation(action, stage):
    body = {"stage": stage, "occurred_at": "2026-01-10T12:00:00Z"}
    assert built(CALLS, order(action)) == [("POST", f"{ORDER}/prep_stage", body)]


def test_a_scheduled_order_is_confirmed_before_its_preparation():
    calls = built(CALLS, order("preparing", scheduled_for=NOW + timedelta(hours=1)))
    assert [(method, url, body.get("status")) for method, url, body in calls] == [
        ("PATCH", ORDER, "confirmed"), ("POST", f"{ORDER}/prep_stage", None),
    ]  # fmt: skip


def test_delivery_is_not_told():
    assert reason(CALLS, order("delivered")) == "Deliveroo has no call for this status."


def test_an_order_of_the_tablet_is_acknowledged():
    body = {"status": "succeeded", "occurred_at": "2026-01-10T12:00:00Z"}
    assert built(CALLS, order(ACKNOWLEDGE)) == [("POST", f"{ORDER}/sync_status", body)]


@pytest.mark.parametrize(
    ("action", "attempt", "verdict"),
    [("confirmed", 1, Verdict.PERMANENT), ("confirmed", 2, Verdict.DONE), (ACKNOWLEDGE, 1, Verdict.DONE),
     ("preparing", 1, Verdict.DONE), ("rejected", 1, Verdict.PERMANENT)],
)  # fmt: skip
def test_a_conflict_is_done_where_it_may_have_been_us(action, attempt, verdict):
    assert judged(CALLS, order(action), 409, attempt=attempt).verdict is verdict


def test_the_token_request_names_the_client_in_a_basic_header():
    request = CALLS.token_request(api(CALLS))
    assert (request.method, request.url) == ("POST", "https://auth.developers.deliveroo.com/oauth2/token")
    assert request.body == b"grant_type=client_credentials"
    encoded = base64.b64encode(b"the-clientId:the-clientSecret").decode()
    assert request.headers == {"Authorization": f"Basic {encoded}"}


def test_the_sandbox_gives_tokens_where_the_deployer_says():
    hosts = CALLS.hosts(is_sandbox=True, sandbox_auth="https://auth.example.com/")
    assert (hosts.api, hosts.auth) == ("https://api-sandbox.developers.deliveroo.com", "https://auth.example.com")
    assert CALLS.hosts(is_sandbox=True).auth == ""
    assert CALLS.hosts(is_sandbox=True, base_url="https://one.example.com").auth == "https://one.example.com"


def test_the_probe_reads_an_order_that_nobody_has():
    request = CALLS.probe(api(CALLS))
    assert (request.method, request.url) == (
        "GET", "https://api.developers.deliveroo.com/order/v1/orders/xx%3Aconnectivity",
    )  # fmt: skip
