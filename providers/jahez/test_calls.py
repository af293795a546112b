from __future__ import annotations

import base64
import json

import pytest

from providers.jahez.calls import JahezCalls
from providers.outbound import TokenError
from providers.tests.calls import answer, api, built, reason, view

CALLS = JahezCalls()
URL = "https://integration-api.jahez.net/webhooks/status_update"


def test_an_acceptance():
    assert built(CALLS, view("jahez", "confirmed")) == [("POST", URL, {"jahezOrderId": "10000001", "status": "A"})]


def test_a_rejection_names_its_reason_and_the_order_as_a_number():
    body = {"jahezOrderId": 10000001, "status": "R", "reason": "Rejected by operator"}
    assert built(CALLS, view("jahez", "rejected", reason="Rejected by operator")) == [("POST", URL, body)]


@pytest.mark.parametrize(("said", "sent"), [("BUSY", "The kitchen is too busy"), ("", "Rejected by the restaurant")])
def test_a_chosen_reason_goes_in_words(said, sent):
    assert built(CALLS, view("jahez", "cancelled", reason=said))[0][2]["reason"] == sent


@pytest.mark.parametrize("external_id", ["0012", "A-1", "9" * 30])
def test_an_id_that_is_no_plain_number_stays_text(external_id):
    assert built(CALLS, view("jahez", "rejected", external_id=external_id))[0][2]["jahezOrderId"] == external_id


@pytest.mark.parametrize("action", ["preparing", "ready", "out_for_delivery", "delivered", "failed"])
def test_nothing_else_is_told(action):
    assert reason(CALLS, view("jahez", action)) == "Jahez is told of acceptance and rejection only."


def test_an_accepted_order_cannot_be_cancelled_by_a_call():
    order = view("jahez", "cancelled", was_accepted=True)
    assert reason(CALLS, order) == "Jahez has no call to cancel an accepted order: call Jahez."


def test_the_staging_host_is_the_sandbox():
    assert built(CALLS, view("jahez", "confirmed"), is_sandbox=True)[0][1].startswith(
        "https://integration-api-staging.jahez.net/"
    )


def test_the_token_request_carries_key_and_secret():
    request = CALLS.token_request(api(CALLS))
    assert (request.method, request.url) == ("POST", "https://integration-api.jahez.net/token")
    assert json.loads(request.body) == {"secret": "the-secret"}
    assert request.headers == {"x-api-key": "the-apiKey"}


def test_a_call_wants_both_the_key_and_the_token():
    request = CALLS.build(view("jahez", "confirmed"), api(CALLS)).requests[0]
    authorized = CALLS.authorize(request, api(CALLS), "a-token")
    assert authorized.headers == {"x-api-key": "the-apiKey", "Authorization": "Bearer a-token"}


def test_a_tokens_life_stands_in_itself():
    claims = base64.urlsafe_b64encode(json.dumps({"iat": 1000, "exp": 4600}).encode()).decode().rstrip("=")
    token = CALLS.read_token(answer(200, {"success": True, "token": f"e30.{claims}.sig"}))
    assert (token.value, token.expires_in_s) == (f"e30.{claims}.sig", 3600.0)


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "e30.e30.x", "e30.W10.x"])
def test_an_unreadable_token_holds_for_a_quarter_of_an_hour(token):
    assert CALLS.read_token(answer(200, {"token": token})).expires_in_s == 900.0


def test_an_answer_without_a_token_is_a_fault():
    with pytest.raises(TokenError):
        CALLS.read_token(answer(200, {"success": False}))
