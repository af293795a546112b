from __future__ import annotations

import json
import uuid

import pytest
import responses
from django.conf import settings as django_settings

from integration import nexara
from integration.models import CircuitBreaker, IntegrationWebhook, OutboundPush, ProviderCredential
from integration.tests.api import acts, call, invalid, missing
from integration.tests.outbound import JAHEZ, arm, jahez_token, received, sent_json
from integration.tests.peers import answer, peer
from orders.models import Order

HUB = "http://localhost:3002"
REGISTER = f"{HUB}/api/webhooks/register"
SYNC = f"{HUB}/api/orders/sync"
STATUS_URL = f"{JAHEZ}/webhooks/status_update"
URL = f"{django_settings.APP_BASE_URL}/api/integration/webhook"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(nexara, "PAUSE_S", 0)


def accept(secret=None):
    """Answer a registration as the hub does."""

    def reply(request):
        told = json.loads(request.body)
        body = {"webhookId": f"wh-{told['provider']}", "url": told["url"], "status": "active",
                "secretKey": secret or told["secretKey"]}  # fmt: skip
        return 201, {}, json.dumps(body)

    return reply


# -- registering -------------------------------------------------------------------------------------------------------


@responses.activate
def test_providers_are_registered_and_their_credentials_stored(amman):
    responses.add_callback("POST", REGISTER, callback=accept())
    body = {"providers": ["careem", "jahez"], "credentials": {"careem": {"webhookSecret": "a-new-careem-secret"}}}
    status, reply = call(amman, "POST", "register-webhook", body)
    assert (status, reply) == (
        200,
        {
            "success": True,
            "data": {
                "registered": [
                    {"provider": slug, "webhookId": f"wh-{slug}", "url": URL, "status": "active"}
                    for slug in ("careem", "jahez")
                ],
                "failed": [],
            },
        },
    )
    told = [json.loads(made.request.body) for made in responses.calls]
    assert {entry["provider"] for entry in told} == {"careem", "jahez"}
    assert all(entry["clientId"] == str(amman.company.id) and entry["url"] == URL for entry in told)
    assert all(entry["secretKey"] == "nexara-secret-key-0001" for entry in told)
    assert ProviderCredential.objects.get(company=amman.company, provider="careem").value("webhookSecret") == (
        "a-new-careem-secret"
    )
    rows = IntegrationWebhook.objects.filter(company=amman.company)
    assert {(row.provider, row.status, row.webhook_id) for row in rows} == {
        ("careem", "active", "wh-careem"), ("jahez", "active", "wh-jahez"),
    }  # fmt: skip
    assert all(row.secrets == {} for row in rows)
    assert [entry[1:3] for entry in acts(amman)] == [
        ("credential.rotated", "careem"), ("webhook.registered", "careem,jahez"),
    ]  # fmt: skip


@responses.activate
def test_another_key_that_comes_back_is_kept_for_that_provider(amman):
    responses.add_callback("POST", REGISTER, callback=accept("the-hubs-own-key"))
    call(amman, "POST", "register-webhook", {"providers": ["talabat"]})
    assert IntegrationWebhook.objects.get().secrets == {"secretKey": "the-hubs-own-key"}
    assert nexara.keys_of(amman.company, "talabat")[0] == "the-hubs-own-key"


@responses.activate
def test_one_failure_does_not_undo_the_others(amman):
    def reply(request):
        return accept()(request) if json.loads(request.body)["provider"] == "careem" else (422, {}, "{}")

    responses.add_callback("POST", REGISTER, callback=reply)
    status, answered = call(amman, "POST", "register-webhook", {"providers": ["careem", "jahez"]})
    assert (status, answered["data"]["failed"]) == (200, [{"provider": "jahez", "reason": "NEXARA answered 422."}])
    assert [entry["provider"] for entry in answered["data"]["registered"]] == ["careem"]
    assert set(IntegrationWebhook.objects.values_list("provider", "status")) == {
        ("careem", "active"),
        ("jahez", "failed"),
    }


@responses.activate
def test_502_when_all_failed_and_what_stood_still_stands(amman):
    responses.add_callback("POST", REGISTER, callback=accept())
    call(amman, "POST", "register-webhook", {"providers": ["careem"]})
    responses.reset()
    responses.post(REGISTER, body=ConnectionError())
    status, answered = call(amman, "POST", "register-webhook", {"providers": ["careem"]})
    assert (status, answered["success"], answered["error"]) == (502, False, "registration_failed")
    assert answered["data"]["registered"] == []
    assert [entry["provider"] for entry in answered["data"]["failed"]] == ["careem"]
    row = IntegrationWebhook.objects.get()
    assert (row.status, row.webhook_id, row.error) == (
        "active", "wh-careem", "The connection broke before the answer was there.",
    )  # fmt: skip


@responses.activate
def test_registering_again_updates(amman):
    responses.add_callback("POST", REGISTER, callback=accept())
    for _ in range(2):
        assert call(amman, "POST", "register-webhook", {"providers": ["careem"]})[0] == 200
    assert IntegrationWebhook.objects.count() == 1


@responses.activate
def test_a_company_without_a_key_gets_one(amman):
    amman.company.credentials.filter(provider="nexara").delete()
    responses.add_callback("POST", REGISTER, callback=accept())
    call(amman, "POST", "register-webhook", {"providers": ["careem"]})
    key = ProviderCredential.objects.get(company=amman.company, provider="nexara").value("secretKey")
    assert len(key) >= 40
    assert sent_json()["secretKey"] == key


@responses.activate
@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({}, {"providers": "expected at least one of careem, talabat, deliveroo, jahez"}),
        ({"providers": ["ubereats"]}, {"providers": "expected one of careem, talabat, deliveroo, jahez"}),
        ({"providers": ["careem"], "credentials": []}, {"credentials": "expected an object"}),
        ({"providers": ["careem"], "credentials": {"careem": 1}}, {"credentials.careem": "expected an object"}),
        (
            {"providers": ["careem"], "credentials": {"careem": {"webhookSecret": ""}}},
            {"credentials.careem.webhookSecret": "expected a text that is not blank"},
        ),
        ({"providers": ["careem"], "url": "x"}, {"url": "unknown field"}),
    ],
)
def test_what_cannot_be_registered_is_told_and_nothing_stored(amman, body, details):
    assert call(amman, "POST", "register-webhook", body) == invalid(**details)
    assert not IntegrationWebhook.objects.exists()
    assert acts(amman) == []
    assert not responses.calls


# -- pushing once more -------------------------------------------------------------------------------------------------


@responses.activate
def test_an_order_is_moved_and_pushed(amman):
    jahez_token()
    responses.post(STATUS_URL, json={})
    order = received(amman)
    status, reply = call(amman, "POST", f"sync-order/{order.id}", {"status": "confirmed"})
    push = OutboundPush.objects.get()
    assert (status, reply["data"]["orderId"], reply["data"]["status"]) == (200, str(order.id), "confirmed")
    told = reply["data"]["push"]
    assert (told["id"], told["status"], told["route"], told["attempts"]) == (str(push.id), "sent", "provider", 1)
    assert ("order.status_changed", str(order.id)) in [entry[1:3] for entry in acts(amman)]


@responses.activate
def test_the_present_status_is_pushed_again(amman):
    responses.post(SYNC, json={"success": True})
    order = received(amman)
    Order.objects.filter(pk=order.pk).update(via_hub=True)
    assert call(amman, "POST", f"sync-order/{order.id}")[0] == 200
    assert call(amman, "POST", f"sync-order/{order.id}", {})[0] == 200
    assert [sent_json(index)["status"] for index in range(2)] == ["received", "received"]
    assert Order.objects.get(pk=order.pk).seq == order.seq


@responses.activate
def test_a_push_that_is_tried_again_answers_202(amman):
    jahez_token()
    responses.post(STATUS_URL, status=503)
    order = received(amman)
    status, reply = call(amman, "POST", f"sync-order/{order.id}", {"status": "confirmed"})
    assert (status, reply["data"]["push"]["status"]) == (202, "failed")
    assert reply["data"]["push"]["nextAttemptAt"]
    # Asking once more hurries the same one.
    responses.replace("POST", STATUS_URL, json={})
    assert call(amman, "POST", f"sync-order/{order.id}")[1]["data"]["push"]["status"] == "sent"
    assert OutboundPush.objects.count() == 1


@responses.activate
def test_a_push_that_is_refused_answers_502(amman):
    jahez_token()
    responses.post(STATUS_URL, status=422)
    order = received(amman)
    status, reply = call(amman, "POST", f"sync-order/{order.id}", {"status": "confirmed"})
    assert (status, reply["success"], reply["error"]) == (502, False, "push_refused")
    assert reply["details"]["push"]["status"] == "dead"


def test_a_status_without_a_call_is_told_as_it_is(amman):
    order = received(amman)
    status, reply = call(amman, "POST", f"sync-order/{order.id}")
    assert (status, reply["data"]["push"]["status"]) == (200, "not_sent")
    assert reply["data"]["push"]["error"] == "Jahez is told of acceptance and rejection only."


def test_a_step_that_is_not_allowed_changes_nothing(amman):
    order = received(amman)
    status, reply = call(amman, "POST", f"sync-order/{order.id}", {"status": "delivered"})
    assert (status, reply["error"], reply["details"]["allowed"]) == (
        409, "invalid_transition", ["confirmed", "rejected", "cancelled"],
    )  # fmt: skip
    assert not OutboundPush.objects.exists()
    assert call(amman, "POST", f"sync-order/{order.id}", {"status": "eaten"})[0] == 400


def test_another_companys_order_does_not_exist(amman, dubai):
    order = received(dubai)
    for key in (order.id, uuid.uuid4(), "x"):
        assert call(amman, "POST", f"sync-order/{key}", {"status": "confirmed"}) == missing("This order")
    assert not OutboundPush.objects.exists()


# -- trying the ways ---------------------------------------------------------------------------------------------------


def steps(reply):
    return [(step["name"], step["outcome"]) for step in reply["data"]["steps"]]


def test_each_step_to_a_provider_is_told(amman, settings):
    def reply(connection, request):
        token = request.startswith(b"POST /oauth2/token")
        answer("200 OK" if token else "404 Not Found", b'{"access_token":"t","expires_in":300}')(connection, request)

    with peer(reply) as provider:
        settings.OUTBOUND_ALLOWED_ORIGINS = [provider.url]
        arm(amman, "deliveroo", base_url=provider.url)
        status, found = call(amman, "POST", "test/deliveroo", user=amman.manager)
    assert (status, found["data"]["ok"]) == (200, True)
    assert steps(found) == [("dns", "ok"), ("tls", "ok"), ("token", "ok"), ("call", "ok")]
    assert all(step["durationMs"] >= 0 for step in found["data"]["steps"])
    assert "deliveroo-client-secret" not in json.dumps(found)


def test_what_follows_a_failed_step_is_skipped(amman, settings):
    with peer(answer("401 Unauthorized")) as provider:
        settings.OUTBOUND_ALLOWED_ORIGINS = [provider.url]
        arm(amman, "jahez", base_url=provider.url)
        found = call(amman, "POST", "test/jahez")[1]
    assert steps(found) == [("dns", "ok"), ("tls", "ok"), ("token", "failed"), ("call", "skipped")]
    assert found["data"]["steps"][2]["detail"] == "The provider refused our credential (401)."
    assert found["data"]["ok"] is False


def test_a_credential_that_lacks_fields_is_told(amman, settings):
    with peer(answer()) as provider:
        settings.OUTBOUND_ALLOWED_ORIGINS = [provider.url]
        ProviderCredential.objects.filter(company=amman.company, provider="jahez").update(base_url=provider.url)
        found = call(amman, "POST", "test/jahez")[1]
        assert provider.requests == []
    assert found["data"]["steps"][2]["detail"] == "The credential lacks apiKey, secret."


def test_an_unknown_provider_is_not_tested(amman):
    assert call(amman, "POST", "test/ubereats")[1]["error"] == "unknown_provider"


@responses.activate
def test_health_is_200_either_way(amman):
    responses.get(f"{HUB}/api/health", json={"status": "ok"})
    status, reply = call(amman, "GET", "health", user=amman.staff)
    assert (status, reply["data"]["status"], reply["data"]["error"]) == (200, "healthy", None)
    assert set(reply["data"]) == {"status", "latencyMs", "checkedAt", "error"}
    responses.replace("GET", f"{HUB}/api/health", body=ConnectionError())
    status, reply = call(amman, "GET", "health")
    assert (status, reply["data"]["status"], reply["data"]["latencyMs"]) == (200, "unhealthy", None)


def test_status_tells_the_breaker(amman, dubai):
    CircuitBreaker.objects.create(company=amman.company, provider="careem", state="open")
    CircuitBreaker.objects.create(company=dubai.company, provider="jahez", state="open")
    found = {entry["provider"]: entry["breaker"] for entry in call(amman, "GET", "status")[1]["data"]["providers"]}
    assert found == {
        "careem": "open",
        "talabat": "closed",
        "deliveroo": "closed",
        "jahez": "closed",
        "nexara": "closed",
    }
