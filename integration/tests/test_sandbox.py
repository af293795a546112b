"""The played providers: their APIs with every error, their clock, and what they send afterwards."""

from __future__ import annotations

import base64
import importlib
import json
import re
from datetime import UTC, datetime, timedelta
from importlib import import_module
from urllib.parse import quote, urlencode, urlsplit

import pytest
import responses
import time_machine
from django.test import Client
from django.utils import timezone

from integration.demo import wire_demo
from integration.models import ProviderCredential, SandboxCall, SandboxDelivery, SandboxOrder, WebhookLog
from integration.sandbox.accounts import ACCOUNT_FIELDS, wire
from integration.sandbox.loop import SandboxLoop, is_final
from integration.sandbox.orders import Placing, StaleError, advance, place_order
from integration.sandbox.payloads import Wish
from integration.sandbox.story import next_look, next_move
from orders.models import Order
from orders.models.order import order_id_for
from providers.registry import ADAPTERS

PROVIDERS = list(ADAPTERS)
NOW = datetime(2026, 2, 3, 18, 30, tzinfo=UTC)
BASE = "http://localhost:3001"


@pytest.fixture(autouse=True)
def _sandbox_on(settings):
    settings.SANDBOX_ENABLED = True
    settings.ROOT_URLCONF = "integration.tests.sandbox_urls"
    settings.APP_BASE_URL = BASE


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def wired(clock, amman):
    wire(amman.company)
    return amman


@pytest.fixture
def transport():
    """Our own webhook endpoints behind the loop's HTTP client."""

    def answer(request):
        headers = {name: value for name, value in request.headers.items() if name.lower() != "content-type"}
        body = request.body or b""
        path = urlsplit(request.url).path
        response = Client().generic(request.method, path, body, content_type="application/json", headers=headers)
        return response.status_code, {}, response.content

    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for method in (responses.GET, responses.POST, responses.PUT):
            mock.add_callback(method, re.compile(f"{BASE}/.*"), callback=answer)
        yield mock


@pytest.fixture
def loop(transport):
    return SandboxLoop(workers=0)


def values(installation, provider):
    credential = ProviderCredential.objects.get(company=installation.company, provider=provider)
    return [credential.value(name) for name in ACCOUNT_FIELDS[provider]]


def ask_token(provider, name, word, grant="client_credentials"):
    form = "application/x-www-form-urlencoded"
    if provider == "careem":
        body = urlencode({"grant_type": grant, "client_id": name, "client_secret": word, "scope": "pos"})
        return Client().post("/sandbox/careem/token", body, content_type=form)
    if provider == "talabat":
        body = urlencode({"grant_type": grant, "username": name, "password": word})
        return Client().post("/sandbox/talabat/v2/login", body, content_type=form)
    if provider == "deliveroo":
        basic = base64.b64encode(f"{name}:{word}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}"}
        body = urlencode({"grant_type": grant})
        return Client().post("/sandbox/deliveroo/oauth2/token", body, content_type=form, headers=headers)
    body, headers = json.dumps({"secret": word}), {"x-api-key": name}
    return Client().post("/sandbox/jahez/token", body, content_type="application/json", headers=headers)


def token_of(installation, provider):
    answer = ask_token(provider, *values(installation, provider)).json()
    return answer["token" if provider == "jahez" else "access_token"]


class Api:
    """What the outbox would call, with a good token."""

    def __init__(self, installation, provider):
        self.installation, self.provider = installation, provider
        self.headers = {"Authorization": f"Bearer {token_of(installation, provider)}", "User-Agent": "tests/1"}
        if provider == "jahez":
            self.headers["x-api-key"] = values(installation, provider)[0]

    def call(self, method, path, body=None, **headers):
        headers = {name: value for name, value in (self.headers | headers).items() if value is not None}
        raw = b"" if body is None else json.dumps(body).encode()
        url = f"/sandbox/{self.provider}{path}"
        return Client().generic(method, url, raw, content_type="application/json", headers=headers)

    def accept(self, order):
        return self.answer(order, True)

    def reject(self, order):
        return self.answer(order, False)

    def answer(self, order, yes):
        key = quote(order.external_id, safe="")
        if self.provider == "careem":
            body = {"state": "accepted" if yes else "cancelled", "cancellation_reason": "OTHER"}
            return self.call("PUT", f"/pos/api/v1/orders/{key}", body)
        if self.provider == "talabat":
            late = (timezone.now() + timedelta(minutes=15)).isoformat()
            accepted = {"status": "order_accepted", "acceptanceTime": late, "remoteOrderId": our_id(order)}
            refused = {"status": "order_rejected", "reason": "TOO_BUSY", "message": "الفرن معطل"}
            return self.call("POST", f"/v2/order/status/{key}", accepted if yes else refused)
        if self.provider == "deliveroo":
            body = {"status": "accepted"} if yes else {"status": "rejected", "reject_reason": "busy"}
            return self.call("PATCH", f"/order/v1/orders/{key}", body)
        body = {"jahezOrderId": order.external_id, "status": "A" if yes else "R"}
        return self.call("POST", "/webhooks/status_update", body)


def our_id(order):
    return str(order_id_for(order.company_id, order.provider, order.external_id))


def place(installation, provider, *, speed=1.0, **placing):
    wish = Wish(kind=placing.pop("kind", "created"), number=placing.pop("number", 1),
                has_unmapped_item=placing.pop("unmapped", False), customer_name=placing.pop("customer_name", ""),
                note=placing.pop("note", ""))  # fmt: skip
    return place_order(installation.company, provider, Placing(wish=wish, speed=speed, **placing), timezone.now())


def said(response):
    return response.status_code, response.json().get("error")


# -- whether it is there -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"SANDBOX_ENABLED": False}, {"ROLE": "hub"}])
def test_nothing_is_there_while_it_is_off(wired, settings, change):
    token = wired.token()
    for name, value in change.items():
        setattr(settings, name, value)
    assert ask_token("careem", *values(wired, "careem")).status_code == 404
    assert Client().post("/sandbox/careem/orders", headers={"Authorization": f"Token {token}"}).status_code == 404
    assert not SandboxCall.objects.exists()


@pytest.mark.parametrize(
    ("enabled", "role", "there"), [(True, "platform", True), (False, "platform", False), (True, "hub", False)]
)
def test_the_paths_exist_only_where_it_is_on(settings, enabled, role, there):
    urls = import_module("restaurant_integration.urls")
    settings.SANDBOX_ENABLED, settings.ROLE = enabled, role
    try:
        importlib.reload(urls)
        assert any(str(pattern.pattern) == "sandbox/" for pattern in urls.urlpatterns) is there
    finally:
        settings.SANDBOX_ENABLED = False
        importlib.reload(urls)


# -- accounts and tokens -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "life_s"), [("careem", 86400), ("talabat", 1800), ("deliveroo", 300), ("jahez", None)]
)
def test_an_account_gets_a_token(wired, provider, life_s):
    response = ask_token(provider, *values(wired, provider))
    assert response.status_code == 200
    assert response.json().get("expires_in") == life_s


@pytest.mark.parametrize("provider", PROVIDERS)
def test_wrong_credentials_get_none(wired, provider):
    name, word = values(wired, provider)
    assert said(ask_token(provider, name, f"{word}x")) == (401, "invalid_client")
    assert said(ask_token(provider, "", "")) == (401, "invalid_client")


@pytest.mark.parametrize("provider", ["careem", "talabat", "deliveroo"])
def test_another_grant_is_refused(wired, provider):
    assert said(ask_token(provider, *values(wired, provider), grant="password")) == (400, "unsupported_grant_type")


def test_an_account_that_is_not_wired_is_not_known(wired):
    pair = values(wired, "careem")
    ProviderCredential.objects.update(base_url="")
    assert said(ask_token("careem", *pair)) == (401, "invalid_client")


def test_asking_for_a_token_with_every_call_is_refused(wired):
    pair = values(wired, "careem")
    answers = [ask_token("careem", *pair) for _ in range(31)]
    assert [answer.status_code for answer in answers] == [200] * 30 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_call_wants_a_good_token(wired, provider, clock):
    order, api = place(wired, provider), Api(wired, provider)
    good = api.headers.pop("Authorization")
    assert said(api.accept(order)) == (401, "missing_token")
    api.headers["Authorization"] = f"{good}x"
    assert said(api.accept(order)) == (401, "invalid_token")
    other = "careem" if provider != "careem" else "talabat"
    api.headers["Authorization"] = f"Bearer {token_of(wired, other)}"
    assert said(api.accept(order)) == (401, "invalid_token")
    clock.shift(timedelta(days=1, seconds=1))
    api.headers["Authorization"] = good
    assert said(api.accept(order)) == (401, "expired_token")
    order.refresh_from_db()
    assert order.status == "placed"


def test_jahez_wants_its_key_with_every_call(wired):
    order, api = place(wired, "jahez"), Api(wired, "jahez")
    for key in (None, "wrong", "ключ"):
        api.headers["x-api-key"] = key
        assert said(api.accept(order)) == (401, "invalid_key")


def test_careem_wants_a_user_agent(wired):
    order, api = place(wired, "careem"), Api(wired, "careem")
    api.headers["User-Agent"] = None
    assert said(api.accept(order)) == (400, "invalid_request")


def test_wiring_leaves_what_an_operator_has_set(amman):
    credential = ProviderCredential.objects.get(company=amman.company, provider="careem")
    credential.rotate("clientId", "real-client")
    credential.rotate("clientSecret", "real-secret")
    credential.save()
    ProviderCredential.objects.filter(provider="jahez").update(base_url="https://jahez.example")
    wire(amman.company)
    urls = dict(ProviderCredential.objects.exclude(provider="nexara").values_list("provider", "base_url"))
    assert urls == {
        "careem": "", "jahez": "https://jahez.example", "talabat": f"{BASE}/sandbox/talabat",
        "deliveroo": f"{BASE}/sandbox/deliveroo",
    }  # fmt: skip


def test_wiring_follows_an_address_that_moved(wired, settings):
    before = values(wired, "careem")
    settings.APP_BASE_URL = "http://localhost:4004"
    wire(wired.company)
    assert ProviderCredential.objects.get(provider="careem").base_url == "http://localhost:4004/sandbox/careem"
    assert values(wired, "careem") == before


def test_only_the_demo_company_is_wired_by_itself(amman, settings):
    wire_demo()
    assert not ProviderCredential.objects.exclude(base_url="").exists()


# -- answering an order ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("provider", "code"), [("careem", 200), ("talabat", 200), ("deliveroo", 204), ("jahez", 200)])
def test_an_acceptance_is_taken_once(wired, provider, code):
    order, api = place(wired, provider), Api(wired, provider)
    assert api.accept(order).status_code == code
    order.refresh_from_db()
    assert (order.status, order.accepted_at) == ("accepted", NOW)
    second = api.accept(order)
    assert said(second) == (409, "conflict")
    assert second.json()["details"] == {"currentState": "accepted"}


def test_talabat_names_the_state_of_a_conflict_at_the_top(wired):
    order, api = place(wired, "talabat"), Api(wired, "talabat")
    api.accept(order)
    assert api.accept(order).json()["currentState"] == "ACCEPTED"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_refusal_ends_an_order(wired, provider):
    order, api = place(wired, provider), Api(wired, provider)
    assert api.reject(order).status_code in {200, 204}
    order.refresh_from_db()
    assert (order.status, order.next_at) == ("rejected", None)
    assert said(api.accept(order)) == (409, "conflict")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_unknown_order_is_not_found(wired, dubai, provider):
    wire(dubai.company)
    theirs, api = place(dubai, provider), Api(wired, provider)
    assert said(api.accept(theirs)) == (404, "not_found")
    theirs.refresh_from_db()
    assert theirs.status == "placed"


@pytest.mark.parametrize(
    ("provider", "window_s"), [("careem", 600), ("talabat", 600), ("deliveroo", 420), ("jahez", 300)]
)
def test_an_answer_after_the_deadline_is_too_late(wired, provider, window_s, clock):
    order, api = place(wired, provider, speed=2.0), Api(wired, provider)
    assert order.answer_by == NOW + timedelta(seconds=window_s / 2)
    clock.move_to(order.answer_by)
    api = Api(wired, provider)
    assert said(api.accept(order)) == (409, "conflict")


@pytest.mark.parametrize(
    ("provider", "method", "path", "body", "code"),
    [
        ("careem", "PUT", "/pos/api/v1/orders/{id}", {"state": "Accepted"}, 400),
        ("careem", "PUT", "/pos/api/v1/orders/{id}", {"state": "cancelled"}, 400),
        ("careem", "PUT", "/pos/api/v1/orders/{id}", {"state": "cancelled", "cancellation_reason": "busy"}, 400),
        ("careem", "PUT", "/pos/api/v1/orders/{id}", [], 400),
        ("careem", "PUT", "/pos/api/v1/orders/{id}/delay-request", {"delay_in_minutes": 61}, 400),
        ("talabat", "POST", "/v2/order/status/{id}", {"status": "accepted"}, 400),
        ("talabat", "POST", "/v2/order/status/{id}", {"status": "order_accepted", "remoteOrderId": "x"}, 400),
        ("talabat", "POST", "/v2/order/status/{id}", {"status": "order_accepted", "remoteOrderId": "x",
                                                       "acceptanceTime": "2026-02-03T18:31:00Z"}, 400),
        ("talabat", "POST", "/v2/order/status/{id}", {"status": "order_accepted",
                                                       "acceptanceTime": "2026-02-03T18:45:00Z"}, 400),
        ("talabat", "POST", "/v2/order/status/{id}", {"status": "order_rejected", "reason": "BUSY"}, 400),
        ("talabat", "POST", "/v2/order/status/{id}", {"status": "order_picked_up"}, 400),
        ("talabat", "POST", "/v2/orders/{id}/adjust-preparation-time", {"expectedPickupAt": "soon"}, 400),
        ("deliveroo", "PATCH", "/order/v1/orders/{id}", {"status": "ready"}, 400),
        ("deliveroo", "PATCH", "/order/v1/orders/{id}", {"status": "rejected", "reject_reason": "BUSY"}, 400),
        ("deliveroo", "POST", "/order/v1/orders/{id}/sync_status", {"status": "succeeded"}, 400),
        ("deliveroo", "POST", "/order/v1/orders/{id}/sync_status", {"status": "failed", "reason": "why",
                                                                     "occurred_at": "2026-02-03T18:30:00Z"}, 400),
        ("deliveroo", "POST", "/order/v1/orders/{id}/prep_stage", {"stage": "en_route_to_customer",
                                                                    "occurred_at": "2026-02-03T18:30:00Z"}, 400),
        ("deliveroo", "POST", "/order/v1/orders/{id}/prep_stage", {"status": "in_kitchen"}, 400),
        ("jahez", "POST", "/webhooks/status_update", {"jahezOrderId": "{id}", "status": "accepted"}, 422),
        ("jahez", "POST", "/webhooks/status_update", {"status": "A"}, 422),
        ("jahez", "POST", "/webhooks/status_update", {"jahezOrderId": "{id}", "status": "R", "reason": 5}, 422),
    ],
)  # fmt: skip
def test_a_body_that_the_provider_does_not_take_changes_nothing(wired, provider, method, path, body, code):
    order, api = place(wired, provider), Api(wired, provider)
    body = json.loads(json.dumps(body).replace("{id}", order.external_id))
    response = api.call(method, path.replace("{id}", quote(order.external_id, safe="")), body)
    assert said(response) == (code, "invalid_request")
    order.refresh_from_db()
    assert (order.status, order.marks, order.version) == ("placed", {}, 0)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_body_that_is_no_json_is_refused(wired, provider):
    order, api = place(wired, provider), Api(wired, provider)
    paths = {
        "careem": ("PUT", f"/pos/api/v1/orders/{order.external_id}"),
        "talabat": ("POST", f"/v2/order/status/{order.external_id}"),
        "deliveroo": ("PATCH", f"/order/v1/orders/{quote(order.external_id, safe='')}"),
        "jahez": ("POST", "/webhooks/status_update"),
    }
    method, path = paths[provider]
    response = Client().generic(
        method, f"/sandbox/{provider}{path}", b"{", content_type="application/json", headers=api.headers
    )
    assert said(response) == (400, "invalid_json")


def test_talabat_knows_the_id_that_it_was_given(wired, loop):
    order, api = place(wired, "talabat"), Api(wired, "talabat")
    loop.tick()
    order.refresh_from_db()
    assert order.order_ref == our_id(order)
    late = (NOW + timedelta(minutes=15)).isoformat()
    body = {"status": "order_accepted", "acceptanceTime": late, "remoteOrderId": "another"}
    assert api.call("POST", f"/v2/order/status/{order.external_id}", body).status_code == 400
    assert api.accept(order).status_code == 200


def test_talabat_takes_a_late_refusal_for_some_reasons_only(wired):
    order, api = place(wired, "talabat"), Api(wired, "talabat")
    api.accept(order)
    path = f"/v2/order/status/{order.external_id}"
    assert said(api.call("POST", path, {"status": "order_rejected", "reason": "TOO_BUSY"})) == (409, "conflict")
    assert api.call("POST", path, {"status": "order_rejected", "reason": "LATE_DELIVERY"}).status_code == 200
    order.refresh_from_db()
    assert order.status == "cancelled"


def test_talabat_asks_for_readiness_where_its_rider_comes(wired):
    api = Api(wired, "talabat")
    riders, ours = place(wired, "talabat", number=1), place(wired, "talabat", number=2)
    assert (riders.carried_by_provider, ours.carried_by_provider) == (True, False)
    for order in (riders, ours):
        api.accept(order)
    assert api.call("POST", f"/v2/orders/{riders.external_id}/preparation-completed").status_code == 200
    assert api.call("POST", f"/v2/orders/{ours.external_id}/preparation-completed").status_code == 400
    assert api.call("POST", f"/v2/order/status/{ours.external_id}", {"status": "order_picked_up"}).status_code == 200
    riders.refresh_from_db()
    ours.refresh_from_db()
    assert (riders.ready_at, ours.status) == (NOW, "picked_up")


@pytest.mark.parametrize(
    ("minutes", "answer"),
    [
        (20, (204, None)),
        (61, (400, "PREPARATION_TIME_EXCEEDS_ALLOWED_MAX_TIME")),
        (-1, (400, "PREPARATION_TIME_BELOW_ALLOWED_MIN_TIME")),
    ],
)
def test_talabat_adjusts_a_preparation_time_within_its_window(wired, minutes, answer):
    order, api = place(wired, "talabat"), Api(wired, "talabat")
    api.accept(order)
    body = {"expectedPickupAt": (NOW + timedelta(minutes=minutes)).isoformat()}
    response = api.call("POST", f"/v2/orders/{order.external_id}/adjust-preparation-time", body)
    assert (response.status_code, response.json().get("error") if response.content else None) == answer


def test_careem_takes_ready_and_one_delay(wired):
    order, api = place(wired, "careem"), Api(wired, "careem")
    path = f"/pos/api/v1/orders/{order.external_id}"
    assert said(api.call("PUT", path, {"state": "ready", "cancellation_reason": "OTHER"})) == (409, "conflict")
    api.accept(order)
    ready = api.call("PUT", path, {"state": "ready", "cancellation_reason": "OTHER"})
    assert ready.json() == {
        "id": int(order.external_id), "status": "ready", "branch": {"id": "amman-grill-careem-main"},
    }  # fmt: skip
    assert api.call("PUT", f"{path}/delay-request", {"delay_in_minutes": 10}).status_code == 200
    assert said(api.call("PUT", f"{path}/delay-request", {"delay_in_minutes": 10})) == (409, "conflict")
    assert api.call("GET", path).json()["status"] == "ready"
    assert len(api.call("GET", "/pos/api/v1/orders").json()["orders"]) == 1


def test_careem_takes_a_hundred_calls_a_minute(wired):
    order, api = place(wired, "careem"), Api(wired, "careem")
    codes = [api.call("GET", f"/pos/api/v1/orders/{order.external_id}").status_code for _ in range(101)]
    assert codes == [200] * 100 + [429]


def test_deliveroo_takes_five_changes_a_minute_for_an_order(wired):
    order, api = place(wired, "deliveroo"), Api(wired, "deliveroo")
    assert [api.accept(order).status_code for _ in range(6)] == [204, 409, 409, 409, 409, 429]
    assert api.accept(place(wired, "deliveroo", number=2)).status_code == 204


def test_deliveroo_takes_one_sync_status(wired):
    order, api = place(wired, "deliveroo"), Api(wired, "deliveroo")
    path = f"/order/v1/orders/{quote(order.external_id, safe='')}/sync_status"
    body = {"status": "succeeded", "occurred_at": NOW.isoformat()}
    assert api.call("POST", path, body).status_code == 200
    assert said(api.call("POST", path, body)) == (409, "conflict")


def test_deliveroo_hears_the_stages_after_the_acceptance(wired):
    order, api = place(wired, "deliveroo"), Api(wired, "deliveroo")
    path = f"/order/v1/orders/{quote(order.external_id, safe='')}/prep_stage"
    stage = {"stage": "in_kitchen", "occurred_at": NOW.isoformat()}
    assert said(api.call("POST", path, stage)) == (409, "conflict")
    api.accept(order)
    assert api.call("POST", path, {**stage, "delay": 4}).status_code == 200
    assert api.call("POST", path, {**stage, "delay": 5}).status_code == 400
    assert api.call("POST", path, {**stage, "stage": "ready_for_collection"}).status_code == 200
    order.refresh_from_db()
    assert order.ready_at == NOW
    assert api.call("POST", path, {**stage, "stage": "collected"}).status_code == 200
    order.refresh_from_db()
    assert order.status == "picked_up"


def test_deliveroo_confirms_a_scheduled_order_once(wired):
    api = Api(wired, "deliveroo")
    soon, later = place(wired, "deliveroo"), place(wired, "deliveroo", kind="scheduled")
    for order, codes in ((soon, [204, 409]), (later, [204, 204, 409])):
        path = f"/order/v1/orders/{quote(order.external_id, safe='')}"
        calls = [{"status": "accepted"}, *[{"status": "confirmed"}] * (len(codes) - 1)]
        assert [api.call("PATCH", path, body).status_code for body in calls] == codes


def test_deliveroo_shows_an_order(wired):
    order, api = place(wired, "deliveroo"), Api(wired, "deliveroo")
    path = f"/order/v1/orders/{quote(order.external_id, safe='')}"
    assert api.call("GET", path).json()["status"] == "placed"
    assert said(api.call("GET", "/order/v1/orders/xx%3Aconnectivity")) == (404, "not_found")


def test_jahez_takes_the_id_as_a_text_and_as_a_number(wired):
    first, second, api = place(wired, "jahez"), place(wired, "jahez"), Api(wired, "jahez")
    path = "/webhooks/status_update"
    assert api.call("POST", path, {"jahezOrderId": first.external_id, "status": "A"}).json() == {"success": True}
    body = {"jahezOrderId": int(second.external_id), "status": "R", "reason": "مغلق"}
    assert api.call("POST", path, body).json() == {"success": True}


def test_jahez_takes_our_addresses(wired):
    api = Api(wired, "jahez")
    assert api.call("POST", "/webhooks/jahez_create_endpoint", {"url": "https://a.example/x"}).status_code == 200
    assert api.call("POST", "/webhooks/order_update_endpoint", {"url": "a.example"}).status_code == 400


# -- what is written down ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_call_is_written_down_without_secrets(wired, provider):
    order, api = place(wired, provider), Api(wired, provider)
    api.accept(order)
    api.accept(order)
    calls = list(SandboxCall.objects.order_by("id"))
    assert [call.answer_status for call in calls] == [200, calls[1].answer_status, 409]
    assert {call.company_id for call in calls} == {wired.company.id}
    assert calls[1].external_id == order.external_id
    kept = json.dumps([[call.body, call.answer, call.path] for call in calls])
    token = api.headers["Authorization"].removeprefix("Bearer ")
    assert not [secret for secret in (*values(wired, provider)[1:], token) if secret in kept]


def test_a_refused_call_is_written_down_for_nobody(wired):
    ask_token("jahez", "wrong", "wrong")
    assert list(SandboxCall.objects.values_list("company_id", "answer_status")) == [(None, 401)]


# -- placing an order --------------------------------------------------------------------------------------------------


def post_order(installation, provider, body, user=None):
    headers = {"Authorization": f"Token {installation.token(user)}"}
    return Client().post(f"/sandbox/{provider}/orders", body, content_type="application/json", headers=headers)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_owner_places_an_order(wired, provider, loop):
    response = post_order(wired, provider, {"customerName": "سلمى الدرويش", "note": "بدون ثوم"})
    placed = response.json()
    order = SandboxOrder.objects.get()
    assert (response.status_code, placed["externalOrderId"], placed["orderId"]) == (
        201,
        order.external_id,
        our_id(order),
    )
    assert (placed["status"], placed["dialect"], placed["answersByCall"]) == ("placed", "native", True)
    assert loop.tick() == 1
    ours = Order.objects.get()
    assert (str(ours.id), ours.status, ours.is_test, ours.notes.splitlines()[0]) == (
        placed["orderId"], "received", False, "بدون ثوم",
    )  # fmt: skip
    assert WebhookLog.objects.get().status == "processed"


def test_a_signed_in_owner_places_an_order(wired):
    client = wired.client()
    assert client.post("/sandbox/careem/orders", {}, content_type="application/json").status_code == 201
    assert client.get("/sandbox/careem/orders").json()["results"][0]["provider"] == "careem"


def test_only_an_owner_places_orders(wired):
    assert said(post_order(wired, "careem", {}, wired.manager)) == (403, "permission_denied")
    assert Client().post("/sandbox/careem/orders").status_code == 401
    assert not SandboxOrder.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "explosion"}, "kind"), ({"number": 0}, "number"), ({"speed": 0}, "speed"), ({"note": 5}, "note"),
        ({"speed": True}, "speed"), ({"customerCancelsAfterS": -1}, "customerCancelsAfterS"),
        ({"isSentTwice": 1}, "isSentTwice"), ({"colour": "red"}, "colour"), ([], "body"),
    ],
)  # fmt: skip
def test_a_wish_that_makes_no_sense_is_refused(wired, body, field):
    response = post_order(wired, "careem", body)
    assert said(response) == (400, "invalid_request")
    assert list(response.json()["details"]) == [field]
    assert not SandboxOrder.objects.exists()


def test_an_unknown_provider_is_not_found(wired):
    assert said(post_order(wired, "ubereats", {})) == (404, "not_found")


def test_nothing_is_placed_for_a_company_with_a_real_account(wired):
    ProviderCredential.objects.filter(provider="careem").update(base_url="")
    assert said(post_order(wired, "careem", {})) == (409, "real_account")
    assert not SandboxOrder.objects.exists()


def test_nothing_is_placed_that_could_not_be_signed(wired):
    ProviderCredential.objects.filter(provider="careem").delete()
    assert said(post_order(wired, "careem", {})) == (409, "no_credential")


def test_calls_are_shown_to_their_company(wired, dubai):
    order, api = place(wired, "careem"), Api(wired, "careem")
    api.accept(order)
    shown = wired.client().get("/sandbox/careem/calls", {"externalOrderId": order.external_id}).json()["results"]
    assert [(call["method"], call["answerStatus"]) for call in shown] == [("PUT", 200)]
    assert dubai.client().get("/sandbox/careem/calls").json() == {"results": []}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_unmapped_item_is_marked(wired, provider, loop):
    place(wired, provider, unmapped=True)
    loop.tick()
    assert Order.objects.get().attention_reasons == ["unmapped_item"]


def test_talabat_names_the_sandboxes_own_addresses_and_deadline(wired):
    payload = place(wired, "talabat", speed=20.0).payload
    assert payload["expiryDate"] == "2026-02-03T18:30:30Z"
    urls = {url for url in payload["callbackUrls"].values() if url}
    assert {url.split("/v2/")[0] for url in urls} == {f"{BASE}/sandbox/talabat"}


# -- the clock ---------------------------------------------------------------------------------------------------------


def run_until_quiet(loop, clock, most=40):
    """Jump from one due moment to the next until nothing is due any more."""
    for _ in range(most):
        loop.tick()
        waiting = SandboxDelivery.objects.filter(status="waiting").values_list("due_at", flat=True)
        looks = SandboxOrder.objects.filter(next_at__isnull=False).values_list("next_at", flat=True)
        moments = sorted([*waiting, *looks])
        if not moments:
            return
        clock.move_to(max(moments[0], timezone.now()))


TIMED_OUT = {"careem": "cancelled", "talabat": "cancelled", "deliveroo": "rejected", "jahez": "failed"}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_unanswered_order_ends_at_its_deadline(wired, provider, loop, clock):
    order = place(wired, provider, speed=20.0)
    loop.tick()
    clock.move_to(order.answer_by - timedelta(milliseconds=1))
    assert loop.tick() == 0
    clock.move_to(order.answer_by)
    loop.tick()
    order.refresh_from_db()
    assert (order.status, order.next_at) == ("timed_out", None)
    assert Order.objects.get().status == TIMED_OUT[provider]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_customer_cancels(wired, provider, loop, clock):
    order = place(wired, provider, speed=20.0, customer_cancels_after_s=60)
    loop.tick()
    Api(wired, provider).accept(order)
    clock.move_to(NOW + timedelta(seconds=3))
    loop.tick()
    order.refresh_from_db()
    assert order.status == "cancelled"
    assert Order.objects.get().status == "cancelled"


ENDS = {"careem": "delivered", "talabat": "out_for_delivery", "deliveroo": "delivered", "jahez": "delivered"}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_accepted_order_is_fetched_and_delivered(wired, provider, loop, clock):
    order = place(wired, provider, speed=20.0)
    loop.tick()
    Api(wired, provider).accept(order)
    run_until_quiet(loop, clock)
    order.refresh_from_db()
    assert order.status == "delivered"
    assert timezone.now() - NOW < timedelta(seconds=55)
    assert Order.objects.get().status == ENDS[provider]
    assert set(SandboxDelivery.objects.values_list("status", flat=True)) == {"delivered"}
    assert not WebhookLog.objects.exclude(status__in=["processed", "ignored"]).exists()


def test_the_courier_waits_for_a_kitchen_that_is_ready_soon(wired, clock):
    order = place(wired, "careem")
    api = Api(wired, "careem")
    api.accept(order)
    order.refresh_from_db()
    order.status = "courier_here"
    assert next_look(order, NOW) == NOW + timedelta(minutes=12)
    order.ready_at = NOW + timedelta(minutes=6)
    assert next_look(order, NOW) == NOW + timedelta(minutes=8)
    assert next_move(order, NOW + timedelta(minutes=7)) is None


def test_what_the_restaurant_carries_waits_for_the_restaurant(wired):
    order = place(wired, "careem", number=3)
    assert not order.carried_by_provider
    Api(wired, "careem").accept(order)
    order.refresh_from_db()
    assert (order.status, order.next_at) == ("accepted", None)


def test_a_scheduled_order_is_not_fetched_tonight(wired):
    order = place(wired, "deliveroo", kind="scheduled")
    Api(wired, "deliveroo").accept(order)
    order.refresh_from_db()
    assert order.next_at is None


def test_a_second_copy_is_a_duplicate(wired, loop, clock):
    place(wired, "careem", is_sent_twice=True)
    run_until_quiet(loop, clock, most=2)
    clock.move_to(NOW + timedelta(seconds=21))
    loop.tick()
    assert Order.objects.count() == 1
    assert list(SandboxDelivery.objects.values_list("status", flat=True)) == ["delivered", "delivered"]
    assert len(set(SandboxDelivery.objects.values_list("body", "delivery_id"))) == 1


@pytest.mark.parametrize("provider", ["careem", "deliveroo", "jahez"])
def test_an_event_that_outruns_its_order_is_parked_and_applied(wired, provider, loop, clock):
    place(wired, provider, is_overtaken=True)
    loop.tick()
    assert WebhookLog.objects.get().status == "parked"
    assert not Order.objects.exists()
    clock.move_to(NOW + timedelta(seconds=30))
    loop.tick()
    assert Order.objects.get().status == "received"
    assert not WebhookLog.objects.filter(status="parked").exists()


def test_a_late_courier_comes_after_the_pick_up(wired, loop, clock):
    order = place(wired, "careem", late_courier=True)
    loop.tick()
    api = Api(wired, "careem")
    api.accept(order)
    api.call("PUT", f"/pos/api/v1/orders/{order.external_id}", {"state": "ready", "cancellation_reason": "OTHER"})
    run_until_quiet(loop, clock)
    sent = list(WebhookLog.objects.order_by("received_at").values_list("provider_event", "order_status"))
    assert Order.objects.get().status == "delivered"
    assert len(sent) == 5


# -- sending -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "final", "again"),
    [
        ("careem", {200, 202}, {0, 400, 401, 429, 503}),
        ("talabat", {200, 202, 400, 401}, {0, 429, 500, 503}),
        ("deliveroo", {200}, {0, 202, 401, 429, 503}),
        ("jahez", {200, 202}, {0, 400, 401, 429, 503}),
    ],
)
def test_each_provider_is_done_with_its_own_answers(provider, final, again):
    assert {status for status in final | again if is_final(provider, status)} == final


def test_a_delivery_is_tried_again_at_the_providers_pace(wired, clock):
    order = place(wired, "careem", speed=20.0)
    loop = SandboxLoop(workers=0)
    with responses.RequestsMock() as mock:
        mock.add(responses.POST, re.compile(f"{BASE}/.*"), status=503, json={})
        for pause_s in (30, 60, 120, 240):
            loop.tick()
            row = SandboxDelivery.objects.get()
            assert (row.status, row.due_at) == ("waiting", timezone.now() + timedelta(seconds=pause_s / 20))
            clock.move_to(row.due_at)
        SandboxOrder.objects.update(next_at=None)
        loop.tick()
    row.refresh_from_db()
    assert (row.status, row.attempts, row.answer_status) == ("given_up", 5, 503)
    order.refresh_from_db()
    assert order.order_ref == ""


def test_a_server_that_is_away_loses_nothing(wired, transport, clock):
    place(wired, "talabat", speed=20.0)
    away = SandboxLoop("http://127.0.0.1:1", workers=0)
    transport.add_passthru("http://127.0.0.1:1")
    away.tick()
    assert SandboxDelivery.objects.get().answer_status is None
    clock.shift(timedelta(seconds=2))
    SandboxLoop(workers=0).tick()
    assert SandboxDelivery.objects.get(event="created").status == "delivered"
    assert Order.objects.count() == 1


def test_a_claimed_delivery_is_nobody_elses(wired, loop):
    place(wired, "careem")
    row = SandboxDelivery.objects.get()
    stale = SandboxDelivery.objects.get()
    assert SandboxLoop._claim(row, NOW)
    assert not SandboxLoop._claim(stale, NOW)
    assert loop.tick() == 0


def test_a_loop_that_died_leaves_its_work_to_the_next(wired, loop, clock):
    place(wired, "careem")
    SandboxLoop._claim(SandboxDelivery.objects.get(), NOW)
    clock.shift(timedelta(seconds=31))
    assert loop.tick() == 1
    assert Order.objects.count() == 1


def test_who_comes_second_changes_nothing(wired, clock):
    order = place(wired, "careem")
    stale = SandboxOrder.objects.get()
    Api(wired, "careem").accept(order)
    with pytest.raises(StaleError):
        advance(stale, stale.answer_by)
    order.refresh_from_db()
    assert order.status == "accepted"


# -- an order that came from elsewhere ---------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_sample_that_was_sent_by_hand_can_be_answered_and_starts_nothing(wired, provider, clock, loop):
    wired.send(provider, external_id="4711", now=NOW)
    sent = SandboxOrder(company=wired.company, provider=provider, external_id="4711")
    clock.shift(timedelta(minutes=30))
    api = Api(wired, provider)
    assert api.accept(sent).status_code in {200, 204}
    assert said(api.accept(sent)) == (409, "conflict")
    order = SandboxOrder.objects.get()
    assert (order.status, order.next_at) == ("accepted", None)
    clock.shift(timedelta(hours=1))
    assert loop.tick() == 0
    assert not SandboxDelivery.objects.exists()


def test_a_sample_that_its_provider_accepted_can_be_ready(wired):
    wired.send("careem", external_id="4711", now=NOW)
    body = {"state": "ready", "cancellation_reason": "OTHER"}
    assert Api(wired, "careem").call("PUT", "/pos/api/v1/orders/4711", body).status_code == 200


def test_a_sample_of_another_company_is_not_adopted(wired, dubai):
    dubai.send("careem", external_id="4711", now=NOW)
    sent = SandboxOrder(company=wired.company, provider="careem", external_id="4711")
    assert said(Api(wired, "careem").accept(sent)) == (404, "not_found")
    assert not SandboxOrder.objects.exists()


# -- a company without an account --------------------------------------------------------------------------------------


def test_a_company_without_an_account_answers_on_the_tablet(clock, amman, loop):
    order = place(amman, "careem", speed=20.0)
    assert not order.answers_by_call
    loop.tick()
    ours = Order.objects.get()
    client = amman.client()
    for status in ("confirmed", "preparing", "ready"):
        answer = client.post(f"/api/orders/{ours.id}/status", {"status": status}, content_type="application/json")
        assert answer.status_code == 200
    run_until_quiet(loop, clock, most=200)
    order.refresh_from_db()
    assert (order.status, Order.objects.get().status) == ("delivered", "delivered")


def test_a_company_with_the_hubs_secrets_alone_gets_the_hubs_form(clock, amman, loop):
    credential = ProviderCredential.objects.get(company=amman.company, provider="careem")
    credential.secrets = {"webhookSecret": {"value": "only-the-hubs"}}
    credential.save()
    order = place(amman, "careem")
    assert order.dialect == "hub"
    loop.tick()
    assert Order.objects.get().status == "received"


def test_an_order_refused_on_the_tablet_is_over(clock, amman, loop):
    order = place(amman, "jahez")
    loop.tick()
    body = {"status": "rejected", "reason": "BUSY"}
    amman.client().post(f"/api/orders/{Order.objects.get().id}/status", body, content_type="application/json")
    clock.shift(timedelta(seconds=1))
    loop.tick()
    order.refresh_from_db()
    assert (order.status, order.next_at) == ("rejected", None)
