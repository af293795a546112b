from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta

import pytest
import responses
import time_machine
from django.utils import timezone

from integration import nexara
from integration.models import Alert, CircuitBreaker, IntegrationWebhook, OutboundPush, ProviderCredential, WebhookLog
from integration.tests.outbound import JAHEZ, OUT_SECRETS, jahez_token, move, received, sent_json, work
from integration.tests.peers import answer, peer
from orders.models import Order

HUB = "http://localhost:3002"
SYNC = f"{HUB}/api/orders/sync"
STATUS_URL = f"{JAHEZ}/webhooks/status_update"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(nexara, "PAUSE_S", 0)


def via_hub(installation, provider="jahez", *, has_own_way=False) -> Order:
    order = received(installation, provider)
    Order.objects.filter(pk=order.pk).update(via_hub=True)
    if not has_own_way:
        credential = ProviderCredential.objects.get(company=installation.company, provider=provider)
        credential.secrets = {
            name: value for name, value in credential.secrets.items() if name not in OUT_SECRETS[provider]
        }
        credential.save()
    order.refresh_from_db()
    return order


@responses.activate
@pytest.mark.parametrize(
    ("step", "named", "told"),
    [
        ("rejected", {"reason": "the oven is broken"}, {"reason": "the oven is broken"}),
        ("confirmed", {"prep_minutes": 25}, {"prepMinutes": 25}),
    ],
)
def test_the_hub_is_told_what_a_person_named_beside_the_status(amman, step, named, told):
    responses.post(SYNC, json={"success": True})
    work(move(via_hub(amman, has_own_way=True), step, **named))
    body = sent_json()
    assert {name: body[name] for name in body if name in {"reason", "prepMinutes"}} == told


@responses.activate
def test_an_order_of_the_hub_is_answered_through_it(amman, settings):
    settings.NEXARA_API_KEY = "deployers-key"
    responses.post(SYNC, json={"success": True})
    order = via_hub(amman, has_own_way=True)
    push = work(move(order, "confirmed"))
    assert (push.status, push.route) == ("sent", "nexara")
    request = responses.calls[0].request
    body = sent_json()
    assert body | {"timestamp": None} == {
        "orderId": str(order.id), "externalOrderId": "10000001", "provider": "jahez", "status": "confirmed",
        "timestamp": None, "companyId": str(amman.company.id),
    }  # fmt: skip
    assert request.headers["Idempotency-Key"] == str(push.id)
    assert request.headers["Authorization"] == "Bearer deployers-key"
    proof = hmac.new(
        b"nexara-secret-key-0001", request.headers["X-Timestamp"].encode() + b"." + request.body, hashlib.sha256
    )
    assert request.headers["X-Nexara-Signature"] == proof.hexdigest()
    kept = push.attempt_set.get().request_headers
    assert kept["authorization"] == kept["x-nexara-signature"] == "[redacted]"


@responses.activate
def test_an_order_of_a_providers_sandbox_is_answered_through_the_hub_too(amman):
    responses.post(SYNC, json={"success": True})
    order = via_hub(amman)
    WebhookLog.objects.update(is_test=True)
    Order.objects.filter(pk=order.pk).update(is_test=True)
    order.refresh_from_db()
    assert work(move(order, "confirmed")).status == "sent"


@responses.activate
def test_the_hub_hears_every_status(amman):
    responses.post(SYNC, json={"success": True})
    order = via_hub(amman)
    for status in ("confirmed", "preparing", "ready", "out_for_delivery", "delivered"):
        assert work(move(order, status)).status == "sent"
    assert [sent_json(index)["status"] for index in range(5)] == [
        "confirmed", "preparing", "ready", "out_for_delivery", "delivered",
    ]  # fmt: skip


@responses.activate
def test_without_the_hub_the_provider_is_told_directly_and_the_hub_not_later(amman):
    responses.post(SYNC, status=503)
    jahez_token()
    responses.post(STATUS_URL, json={})
    push = work(move(via_hub(amman, has_own_way=True), "confirmed"))
    assert (push.status, push.route) == ("sent", "provider")
    assert [call.request.url for call in responses.calls].count(SYNC) == 3
    assert list(push.attempt_set.values_list("url", "response_status")) == [(SYNC, 503), (STATUS_URL, 200)]
    assert not OutboundPush.objects.exclude(pk=push.pk).exists()


@responses.activate
def test_without_the_hub_and_without_a_way_of_its_own_it_waits_and_staff_are_told(amman):
    responses.post(SYNC, body=ConnectionError())
    push = work(move(via_hub(amman), "confirmed"))
    assert (push.status, push.route, push.error_code) == ("failed", "nexara", "hub_unreachable")
    alert = Alert.objects.get(cause="hub_unreachable")
    assert (alert.subject, alert.severity) == ("jahez", "critical")
    assert "tablet" in alert.message
    responses.replace("POST", SYNC, json={"success": True})
    with time_machine.travel(timezone.now() + timedelta(seconds=11)):
        assert work(push).status == "sent"
    alert.refresh_from_db()
    assert alert.state == "resolved"


@responses.activate
def test_an_acceptance_that_is_too_late_for_the_hub_is_dropped_and_never_sent(amman):
    responses.post(SYNC, body=ConnectionError())
    order = via_hub(amman)
    push = work(move(order, "confirmed"))
    tries = len(responses.calls)
    responses.replace("POST", SYNC, json={"success": True})
    with time_machine.travel(Order.objects.get(pk=order.pk).accept_by + timedelta(seconds=1)):
        push = work(push)
    assert (push.status, push.error) == ("dropped", "The provider's deadline for an answer has passed.")
    assert Alert.objects.get(cause="answer_not_delivered").severity == "critical"
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        assert work(push).status == "dropped"
    assert len(responses.calls) == tries


@responses.activate
def test_what_the_provider_was_told_directly_is_not_told_to_the_hub_when_it_is_back(amman):
    responses.post(SYNC, status=503)
    jahez_token()
    responses.post(STATUS_URL, json={})
    order = via_hub(amman, has_own_way=True)
    first = work(move(order, "confirmed"))
    responses.replace("POST", SYNC, json={"success": True})
    with time_machine.travel(timezone.now() + timedelta(minutes=30)):
        assert work(first).route == "provider"
        second = work(move(order, "preparing"))
    assert (second.status, second.route) == ("sent", "nexara")
    told = [json.loads(call.request.body)["status"] for call in responses.calls if call.request.url == SYNC]
    assert told == ["confirmed", "confirmed", "confirmed", "preparing"]
    assert [call.request.url for call in responses.calls].count(STATUS_URL) == 1


@responses.activate
def test_an_open_breaker_of_the_hub_turns_to_the_provider_at_once(amman):
    jahez_token()
    responses.post(STATUS_URL, json={})
    CircuitBreaker.objects.create(
        company=amman.company, provider="nexara", state="open", retry_at=timezone.now() + timedelta(minutes=5)
    )
    assert work(move(via_hub(amman, has_own_way=True), "confirmed")).route == "provider"
    assert SYNC not in [call.request.url for call in responses.calls]


@responses.activate
@pytest.mark.parametrize(
    "reply", [{"status": 422, "json": {}}, {"json": {"success": False}}], ids=["refused", "not a success"]
)
def test_what_the_hub_refuses_waits_for_a_person(amman, reply):
    responses.post(SYNC, **reply)
    push = work(move(via_hub(amman, has_own_way=True), "confirmed"))
    assert (push.status, push.route) == ("dead", "nexara")
    assert len(responses.calls) == 1
    assert Alert.objects.filter(cause="push_dead").exists()


@responses.activate
def test_quick_tries_end_with_the_first_answer(amman, settings):
    settings.NEXARA_MAX_RETRIES = 4
    responses.post(SYNC, body=ConnectionError())
    responses.post(SYNC, status=500)
    responses.post(SYNC, json={"success": True})
    assert work(move(via_hub(amman), "confirmed")).status == "sent"
    assert len(responses.calls) == 3


def test_the_key_that_the_hub_gave_for_a_provider_signs(amman):
    assert nexara.keys_of(amman.company, "jahez") == ["nexara-secret-key-0001"]
    IntegrationWebhook.objects.create(
        company=amman.company, provider="jahez", url="https://x.example.com", secrets={"secretKey": "given"}
    )
    assert nexara.keys_of(amman.company, "jahez") == ["given", "nexara-secret-key-0001"]
    assert nexara.keys_of(amman.company, "careem") == ["nexara-secret-key-0001"]


def proof_of(request) -> str:
    """Return by which key a call proved itself."""
    message = request.headers["X-Timestamp"].encode() + b"." + request.body
    signature = request.headers["X-Nexara-Signature"]
    keys = ("nexara-secret-key-0001", "a-new-key-of-ours-0002")
    return next(key for key in keys if hmac.new(key.encode(), message, hashlib.sha256).hexdigest() == signature)


@responses.activate
def test_a_key_that_the_hub_does_not_know_yet_gives_way_to_the_former_one(amman):
    credential = ProviderCredential.objects.get(company=amman.company, provider="nexara")
    credential.rotate("secretKey", "a-new-key-of-ours-0002")
    credential.save()
    responses.post(SYNC, status=401)
    responses.post(SYNC, json={"success": True})
    push = work(move(via_hub(amman), "confirmed"))
    assert (push.status, push.attempts) == ("sent", 1)
    assert [proof_of(call.request) for call in responses.calls] == ["a-new-key-of-ours-0002", "nexara-secret-key-0001"]
    assert {call.request.headers["Idempotency-Key"] for call in responses.calls} == {str(push.id)}


@responses.activate
def test_a_key_that_is_replaced_while_the_hub_answers_stays_hidden(amman):
    def replace_and_echo(request):
        credential = ProviderCredential.objects.get(company=amman.company, provider="nexara")
        credential.rotate("secretKey", "a-new-key-of-ours-0002", overlap_hours=0)
        credential.save()
        return 200, {}, '{"success": true, "heard": "nexara-secret-key-0001"}'

    responses.add_callback(responses.POST, SYNC, callback=replace_and_echo)
    kept = work(move(via_hub(amman), "confirmed")).attempt_set.get()
    assert "nexara-secret-key" not in kept.response_body


@responses.activate
@pytest.mark.parametrize(
    ("reply", "status", "error"),
    [
        ({"json": {"status": "ok", "services": {"database": "up", "redis": {"status": "ok"}}}}, "healthy", None),
        ({"json": {"status": "ok", "services": {"redis": "down"}}}, "degraded", "Not well at NEXARA: redis."),
        ({"json": {"status": "error"}}, "degraded", "NEXARA says that it is not well."),
        ({"body": "<html>"}, "degraded", "NEXARA's answer is not JSON."),
        ({"status": 503}, "unhealthy", "NEXARA answered 503."),
        ({"body": ConnectionError()}, "unhealthy", "The connection broke before the answer was there."),
    ],
)
def test_health(reply, status, error):
    responses.get(f"{HUB}/api/health", **reply)
    health = nexara.check_health()
    assert (health.status, health.error) == (status, error)


def test_health_is_told_within_five_seconds(settings, monkeypatch):
    import time

    monkeypatch.setattr(nexara, "HEALTH_TOTAL_S", 0.4)
    with peer(lambda connection, request: time.sleep(60)) as slow:
        settings.NEXARA_BASE_URL = slow.url
        started = time.monotonic()
        assert nexara.check_health().status == "unhealthy"
        assert time.monotonic() - started < 30


def test_the_hub_may_be_on_this_machine(settings):
    with peer(answer("200 OK", b'{"status":"ok"}')) as hub:
        settings.NEXARA_BASE_URL = hub.url
        assert nexara.check_health().status == "healthy"
