from __future__ import annotations

import pytest
import responses

from integration import inbox, outbox
from integration.delivery import order_view
from integration.hub.envelopes import envelope_of
from integration.models import OutboundPush, WebhookBody, WebhookLog
from integration.tests.hub.calls import KEY, OTHER_KEY, PLATFORM, forwards, signed, subscribed
from integration.tests.outbound import CAREEM, CAREEM_IDENTITY, JAHEZ, jahez_token, received, sent_json
from orders.models import BranchStore, Order, OrderEvent

EXTERNAL = "10000001"


def document(installation, status: str = "confirmed", **changes):
    return {
        "orderId": "6f1e0f9e-0000-5000-8000-000000000001", "externalOrderId": EXTERNAL, "provider": "jahez", "status": status,
        "timestamp": "2026-01-01T00:00:00.000Z", "companyId": str(installation.company.id), **changes,
    }  # fmt: skip


def sync(installation, status: str = "confirmed", key: str = "", *, proof: str = KEY, **changes):
    headers = {"Idempotency-Key": key} if key else {}
    return signed("/api/orders/sync", document(installation, status, **changes), proof, **headers)


def answer(order: Order, outcome: str, status: str):
    return {"success": True, "status": outcome, "orderId": str(order.id), "orderStatus": status}


@responses.activate
def test_a_refusal_goes_on_with_its_reason(amman):
    jahez_token()
    responses.post(f"{JAHEZ}/webhooks/status_update", json={})
    order = received(amman)
    assert sync(amman, "rejected", reason="the oven is broken").json() == answer(order, "processed", "rejected")
    outbox.work_order(order.id)
    assert sent_json() == {"jahezOrderId": int(EXTERNAL), "status": "R", "reason": "the oven is broken"}
    assert OrderEvent.objects.get(order=order, status="rejected").reason == "the oven is broken"


def test_an_acceptance_goes_on_with_its_minutes(amman):
    order = received(amman)
    sync(amman, prepMinutes=25)
    assert OutboundPush.objects.get().prep_minutes == 25
    assert OrderEvent.objects.get(order=order, status="confirmed").prep_minutes == 25


@pytest.mark.parametrize(
    "wrong", [{"prepMinutes": 0}, {"prepMinutes": 241}, {"prepMinutes": "5"}, {"reason": "x" * 501}]
)
def test_a_reason_or_minutes_that_no_provider_takes_change_nothing(amman, wrong):
    order = received(amman)
    response = sync(amman, **wrong)
    assert (response.status_code, list(response.json()["details"])) == (400, list(wrong))
    assert not OrderEvent.objects.filter(order=order, status="confirmed").exists()


@responses.activate
def test_a_status_moves_the_order_and_goes_on_to_the_provider(amman):
    jahez_token()
    responses.post(f"{JAHEZ}/webhooks/status_update", json={})
    order = received(amman)
    assert sync(amman).json() == answer(order, "processed", "confirmed")
    push = OutboundPush.objects.get()
    assert (push.route, push.action, push.status) == ("provider", "confirmed", "pending")
    outbox.work_order(order.id)
    assert sent_json() == {"jahezOrderId": EXTERNAL, "status": "A"}
    log = WebhookLog.objects.get(event_type="order.sync")
    assert (log.provider, log.status, log.external_id, log.order_status) == (
        "nexara",
        "processed",
        EXTERNAL,
        "confirmed",
    )
    entry = OrderEvent.objects.get(order=order, status="confirmed")
    assert (entry.source, entry.webhook_event_id) == ("system", log.id)


def test_the_same_key_again_changes_and_sends_nothing(amman):
    order = received(amman)
    sync(amman, key="push-1")
    assert sync(amman, key="push-1").json() == answer(order, "duplicate", "confirmed")
    assert OutboundPush.objects.count() == 1
    assert WebhookLog.objects.get(event_type="order.sync").duplicates == 1


def test_without_a_key_the_bytes_stand_for_it(amman):
    order = received(amman)
    sync(amman)
    assert sync(amman).json() == answer(order, "duplicate", "confirmed")
    assert OutboundPush.objects.count() == 1


def test_the_same_key_with_another_body_is_a_conflict(amman):
    received(amman)
    sync(amman, key="push-1")
    response = sync(amman, "preparing", key="push-1")
    assert (response.status_code, response.json()["error"]) == (409, "idempotency_conflict")
    assert Order.objects.get().status == "confirmed"


def test_it_may_jump_over_steps_that_the_hub_missed(amman):
    order = received(amman)
    assert sync(amman, "ready").json() == answer(order, "processed", "ready")
    assert OutboundPush.objects.get().action == "ready"


@pytest.mark.parametrize(
    ("stands", "told"),
    [("ready", "confirmed"), ("ready", "ready"), ("cancelled", "confirmed"), ("delivered", "cancelled")],
)
def test_what_the_hub_is_past_changes_nothing(amman, stands, told):
    order = received(amman)
    Order.objects.update(status=stands)
    assert sync(amman, told).json() == answer(order, "ignored", stands)
    assert not OutboundPush.objects.exists()


def test_it_is_not_echoed_to_the_subscriber(amman):
    received(amman)
    subscribed(amman, "jahez")
    sync(amman)
    assert [push.route for push in OutboundPush.objects.all()] == ["provider"]
    assert forwards(amman) == []


def test_a_step_at_the_hub_is_told_to_provider_and_subscriber(amman):
    order = received(amman)
    subscribed(amman, "jahez")
    client = amman.client(amman.manager)
    changed = client.post(f"/api/orders/{order.id}/status", {"status": "confirmed"}, content_type="application/json")
    assert changed.status_code == 200
    assert sorted(push.route for push in OutboundPush.objects.all()) == ["provider", "subscriber"]


def test_an_order_that_the_hub_does_not_have_is_not_there(amman, dubai):
    received(dubai)
    response = sync(amman, key="push-1")
    assert (response.status_code, response.json()["error"]) == (404, "not_found")
    assert not WebhookLog.objects.filter(event_type="order.sync").exists()


@pytest.mark.parametrize("proof", ["", OTHER_KEY])
def test_who_does_not_prove_it_moves_nothing(amman, proof):
    received(amman)
    response = sync(amman, proof=proof)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_signature")
    assert Order.objects.get().status == "received"
    assert not OutboundPush.objects.exists()


def test_a_company_that_nobody_knows_looks_the_same(amman):
    known = sync(amman, proof=OTHER_KEY)
    unknown = sync(amman, companyId="00000000-0000-4000-8000-000000000000")
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"externalOrderId": ""}, {"externalOrderId": "expected a text that is not blank"}),
        ({"provider": "sufra"}, {"provider": "expected one of careem, talabat, deliveroo, jahez"}),
        ({"provider": None}, {"provider": "expected one of careem, talabat, deliveroo, jahez"}),
    ],
)
def test_what_cannot_be_read_is_named(amman, changes, faults):
    received(amman)
    response = sync(amman, **changes)
    assert (response.status_code, response.json()["details"]) == (400, faults)
    assert Order.objects.get().status == "received"


def test_a_call_is_never_replayed_as_a_providers_delivery(amman):
    received(amman)
    sync(amman)
    with pytest.raises(inbox.NotReplayableError):
        inbox.replay(WebhookLog.objects.get(event_type="order.sync"), user=None, force=True)


def test_the_key_of_a_registration_proves_it_too(amman):
    received(amman)
    row = subscribed(amman, "careem")
    row.secrets = {"secretKey": OTHER_KEY}
    row.save()
    assert sync(amman, proof=OTHER_KEY).status_code == 200
    assert row.url == PLATFORM


@responses.activate
def test_the_provider_hears_its_own_branch_where_the_hub_knows_none(amman):
    responses.post(f"{CAREEM_IDENTITY}/token", json={"access_token": "t", "expires_in": 86_400})
    responses.put(f"{CAREEM}/pos/api/v1/orders/{EXTERNAL}", json={})
    BranchStore.objects.all().delete()
    order = received(amman, "careem", EXTERNAL, store_id="branch-7")
    assert sync(amman, provider="careem").status_code == 200
    outbox.work_order(order.id)
    assert responses.calls[-1].request.headers["Branch-Id"] == "branch-7"


@responses.activate
def test_what_came_in_an_envelope_is_known_to_the_provider_as_its_own(amman, settings):
    order = received(amman, "careem", EXTERNAL, store_id="branch-7")
    log = WebhookLog.objects.get()
    subscribed(amman, "careem")
    body = envelope_of(OutboundPush(
        order=order, company=amman.company, provider="careem", action="order.created", delivery=log,
        occurred_at=order.placed_at,
    ))  # fmt: skip
    direct = order_view(OutboundPush(order=order, provider="careem", action="confirmed", occurred_at=order.placed_at),
                        order.placed_at)  # fmt: skip
    WebhookBody.objects.update(body=body)
    WebhookLog.objects.update(is_envelope=True, path="")
    carried = order_view(OutboundPush(order=order, provider="careem", action="confirmed", occurred_at=order.placed_at),
                         order.placed_at)  # fmt: skip
    assert direct.payload["details"]["branch"]["id"] == "branch-7"
    assert carried == direct
