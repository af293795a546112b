from __future__ import annotations

from urllib.parse import parse_qs

import pytest

from providers.careem.calls import CareemCalls
from providers.tests.calls import api, built, reason, view

CALLS = CareemCalls()
URL = "https://apigateway.careemdash.com/pos/api/v1/orders/10000001"


@pytest.mark.parametrize(("action", "state"), [("confirmed", "accepted"), ("ready", "ready")])
def test_a_step_is_a_change_of_state(action, state):
    body = {"state": state, "cancellation_reason": "OTHER"}
    assert built(CALLS, view("careem", action)) == [("PUT", URL, body)]


@pytest.mark.parametrize("action", ["rejected", "cancelled"])
@pytest.mark.parametrize(
    ("said", "code"),
    [("ITEM_TEMPORARILY_UNAVAILABLE", "ITEM_TEMPORARILY_UNAVAILABLE"), ("outlet_closed", "OUTLET_CLOSED"),
     ("the oven is broken", "OTHER"), ("", "OTHER")],
)  # fmt: skip
def test_a_refusal_is_a_cancellation_with_its_reason(action, said, code):
    body = {"state": "cancelled", "cancellation_reason": code}
    assert built(CALLS, view("careem", action, reason=said)) == [("PUT", URL, body)]


@pytest.mark.parametrize("action", ["preparing", "out_for_delivery", "delivered"])
def test_other_steps_are_not_told(action):
    assert reason(CALLS, view("careem", action)) == "Careem is told of acceptance, readiness and cancellation only."


def test_branch_and_brand_are_named_where_they_are_known():
    payload = {"details": {"branch": {"id": "b-1", "brand_id": 77}}}
    order = view("careem", "confirmed", store_ids=("store-1",), payload=payload)
    request = CALLS.build(order, api(CALLS)).requests[0]
    assert request.headers == {
        "User-Agent": "restaurant-integration/1.0", "Branch-Id": "store-1", "Brand-Id": "77",
    }  # fmt: skip


@pytest.mark.parametrize("brand", [None, True, "a\nb", "متجر", {}, "x" * 300])
def test_a_brand_that_cannot_stand_in_a_header_is_left_out(brand):
    order = view("careem", "confirmed", payload={"details": {"branch": {"brand_id": brand}}})
    assert "Brand-Id" not in CALLS.build(order, api(CALLS)).requests[0].headers


def test_the_token_request_is_a_form_on_the_identity_host():
    request = CALLS.token_request(api(CALLS))
    assert (request.method, request.url) == ("POST", "https://identity.careem.com/token")
    assert parse_qs(request.body.decode()) == {
        "grant_type": ["client_credentials"], "client_id": ["the-clientId"], "client_secret": ["the-clientSecret"],
        "scope": ["pos"],
    }  # fmt: skip
    assert request.headers["User-Agent"]


def test_the_sandbox_has_both_hosts():
    hosts = CALLS.hosts(is_sandbox=True)
    assert hosts.api == "https://apigateway-stg.careemdash.com"
    assert hosts.auth == "https://identity.qa.careem-engineering.com"


def test_a_base_url_keeps_the_paths():
    assert built(CALLS, view("careem", "ready"), base_url="http://127.0.0.1:9/sandbox/careem")[0][1] == (
        "http://127.0.0.1:9/sandbox/careem/pos/api/v1/orders/10000001"
    )
