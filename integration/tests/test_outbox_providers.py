"""Each provider end to end: an order as it really comes, a person's step, and the call that goes out."""

from __future__ import annotations

import re

import pytest
import responses

from integration.models import OutboundPush
from integration.tests.outbound import (
    CAREEM,
    CAREEM_IDENTITY,
    DELIVEROO,
    DELIVEROO_AUTH,
    TALABAT,
    arm,
    move,
    received,
    sent_json,
    work,
)
from integration.tokens import provider_access
from orders.models import Order
from providers.registry import get_adapter
from providers.samples import SampleOrder, build_sample

TOKEN = {"access_token": "a-token", "expires_in": 3600}


@responses.activate
def test_careem_is_told_of_acceptance_and_readiness(amman):
    responses.post(f"{CAREEM_IDENTITY}/token", json=TOKEN)
    responses.put(f"{CAREEM}/pos/api/v1/orders/1000001", json={})
    order = received(amman, "careem", "1000001")
    assert work(move(order, "confirmed")).status == "sent"
    assert sent_json()["state"] == "accepted"
    assert responses.calls[-1].request.headers["Branch-Id"] == "amman-grill-careem-main"
    assert work(move(order, "preparing")).status == "not_sent"
    assert work(move(order, "ready")).status == "sent"
    assert sent_json()["state"] == "ready"


@responses.activate
def test_talabat_is_called_where_the_order_says(amman):
    responses.post(f"{TALABAT}/v2/login", json=TOKEN)
    responses.post(re.compile(f"{TALABAT}/v2/order/status/.*"), json={})
    order = received(amman, "talabat", "tok-1")
    Order.objects.filter(pk=order.pk).update(callback_urls={"orderAcceptedUrl": f"{TALABAT}/v2/order/status/tok-1"})
    push = work(move(order, "confirmed", prep_minutes=20))
    assert (push.status, push.error) == ("sent", "")
    assert sent_json()["remoteOrderId"] == str(order.id)


@responses.activate
def test_a_person_accepts_for_deliveroo(amman):
    responses.post(f"{DELIVEROO_AUTH}/oauth2/token", json=TOKEN)
    responses.patch(f"{DELIVEROO}/order/v1/orders/gb%3A1", status=204)
    assert work(move(received(amman, "deliveroo", "gb:1"), "confirmed")).status == "sent"
    assert responses.calls[-1].request.url == f"{DELIVEROO}/order/v1/orders/gb%3A1"
    assert sent_json() == {"status": "accepted"}
    assert OutboundPush.objects.count() == 1


@responses.activate
def test_an_order_that_the_tablet_accepted_is_acknowledged_once(amman):
    responses.post(f"{DELIVEROO_AUTH}/oauth2/token", json=TOKEN)
    responses.post(f"{DELIVEROO}/order/v1/orders/gb%3A2/sync_status", json={})
    arm(amman, "deliveroo")
    from django.utils import timezone

    sample = build_sample(
        "deliveroo", "native", "created",
        SampleOrder(external_id="gb:2", store_id="amman-grill-deliveroo-main", now=timezone.now()),
    )  # fmt: skip
    document = sample.payload
    document["body"]["order"] |= {"status": "accepted", "status_log": []}
    assert amman.send_payload("deliveroo", document, "native").status_code == 200
    push = OutboundPush.objects.get()
    assert (push.action, work(push).status) == ("acknowledge", "sent")
    assert sent_json()["status"] == "succeeded"
    document["event"] = "order.status_update"
    amman.send_payload("deliveroo", document, "native")
    assert OutboundPush.objects.count() == 1


@responses.activate
def test_a_base_url_takes_tokens_and_calls(amman, settings):
    settings.OUTBOUND_ALLOWED_ORIGINS = ["http://127.0.0.1:9"]
    base = "http://127.0.0.1:9/sandbox/deliveroo"
    responses.post(f"{base}/oauth2/token", json=TOKEN)
    responses.patch(f"{base}/order/v1/orders/gb%3A3", status=204)
    order = received(amman, "deliveroo", "gb:3")
    arm(amman, "deliveroo", base_url=base)
    assert work(move(order, "confirmed")).status == "sent"


@responses.activate
def test_two_requests_of_one_step_are_not_repeated_when_the_second_fails(amman):
    from datetime import timedelta

    from django.utils import timezone

    url = f"{DELIVEROO}/order/v1/orders/gb%3A4"
    responses.post(f"{DELIVEROO_AUTH}/oauth2/token", json=TOKEN)
    responses.patch(url, status=204)
    responses.post(f"{url}/prep_stage", status=503)
    order = received(amman, "deliveroo", "gb:4")
    Order.objects.filter(pk=order.pk).update(scheduled_for=timezone.now() + timedelta(hours=1))
    work(move(order, "confirmed"))
    push = work(move(order, "preparing"))
    assert (push.status, push.steps_done) == ("failed", 1)
    responses.replace("POST", f"{url}/prep_stage", status=200, json={})
    OutboundPush.objects.filter(pk=push.pk).update(next_attempt_at=timezone.now())
    assert work(push).status == "sent"
    calls = [(call.request.method, call.request.headers["Idempotency-Key"]) for call in responses.calls[1:]]
    assert calls[1:] == [("PATCH", str(push.id)), ("POST", f"{push.id}-1"), ("POST", f"{push.id}-1")]


@responses.activate
def test_deliveroos_sandbox_is_called_only_when_its_token_host_is_named(amman, settings):
    order = received(amman, "deliveroo", "gb:5")
    arm(amman, "deliveroo", environment="sandbox")
    push = work(move(order, "confirmed"))
    assert (push.status, push.error) == (
        "not_sent", "the credential lacks baseUrl, or DELIVEROO_SANDBOX_AUTH_URL in the environment.",
    )  # fmt: skip
    assert len(responses.calls) == 0
    settings.SANDBOX_AUTH_URLS = {"deliveroo": "https://auth.example.com"}
    responses.post("https://auth.example.com/oauth2/token", json=TOKEN)
    responses.post("https://api-sandbox.developers.deliveroo.com/order/v1/orders/gb%3A5/prep_stage", json={})
    assert work(move(order, "preparing")).status == "sent"


@pytest.mark.parametrize("provider", ["careem", "talabat", "deliveroo", "jahez"])
def test_an_installation_for_trials_calls_the_providers_staging_whatever_a_credential_says(amman, settings, provider):
    arm(amman, provider, environment="production")
    real = provider_access(amman.company, provider).api.hosts
    settings.STAGING = True
    trial = provider_access(amman.company, provider).api.hosts
    assert real.api == get_adapter(provider).calls.production.api
    assert trial.api == get_adapter(provider).calls.sandbox.api
