from __future__ import annotations

import json
from datetime import timedelta

import pytest
import responses
import time_machine
from django.test import Client
from django.utils import timezone

from integration import inbox, outbox, untold
from integration.credentials import forget_credential
from integration.hub.envelopes import envelope_of
from integration.hub.subscriptions import current_key, subscribe
from integration.models import Alert, CircuitBreaker, IntegrationWebhook, OutboundPush, WebhookBody, WebhookLog
from integration.tests.hub.calls import KEY, OTHER_KEY, PLATFORM, forwards, subscribed
from integration.tests.outbound import move, work
from orders.models import Order
from orders.services import change_status
from providers.base import InboundRequest
from providers.events import Status
from providers.signatures import NEXARA, verify_request


def taken(status: int = 200, **kwargs):
    return responses.post(PLATFORM, json={"success": True}, status=status, **kwargs)


def send(amman, event: str = "created", provider: str = "careem", **order):
    answer = amman.send(provider, event, **order)
    assert answer.status_code == 200, answer.content
    return Order.objects.get(external_id=order.get("external_id", "1000001"))


def sent_request(index: int = -1) -> InboundRequest:
    request = responses.calls[index].request
    return InboundRequest(request.body, {name.lower(): value for name, value in request.headers.items()})


@responses.activate
def test_an_order_is_forwarded_signed_by_the_subscribers_key(amman):
    taken()
    subscribed(amman)
    push = work_of(send(amman))
    assert (push.status, push.route, push.action, push.attempts) == ("sent", "subscriber", "order.created", 1)
    request = sent_request()
    assert verify_request((NEXARA,), request, {NEXARA.secret: [KEY]}, timezone.now()) == NEXARA.secret
    assert request.header("x-webhook-id") == str(push.id)
    document = json.loads(request.body)
    assert (document["orderId"], document["companyId"]) == ("1000001", str(amman.company.id))
    attempt = push.attempt_set.get()
    assert (attempt.request_body, attempt.request_headers["x-nexara-signature"]) == ("[redacted]", "[redacted]")


def work_of(order: Order) -> OutboundPush:
    """Send what waits for an order; return its last forward."""
    return work(OutboundPush.objects.filter(order=order, subscription__isnull=False).latest("created_at"))


@responses.activate
def test_a_new_key_signs_at_once(amman):
    taken()
    subscribed(amman)
    order = send(amman)
    subscribe(amman.company, "careem", PLATFORM, [], OTHER_KEY)
    work_of(order)
    assert verify_request((NEXARA,), sent_request(), {NEXARA.secret: [OTHER_KEY]}, timezone.now())


def test_nobody_who_did_not_ask_is_told(amman):
    subscribed(amman, "talabat")
    subscribed(amman, "careem", "order.cancelled")
    send(amman)
    assert forwards(amman) == []
    send(amman, "cancelled")
    assert [forward.action for forward in forwards(amman)] == ["order.cancelled"]


@pytest.mark.parametrize(("asked", "told"), [("order.updated", 1), ("order.status_changed", 1), ("order.delivered", 0)])
def test_a_status_is_an_update_too(amman, asked, told):
    subscribed(amman, "careem", asked)
    send(amman)
    send(amman, "confirmed")
    assert [forward.action for forward in forwards(amman)] == ["order.status_changed"] * told


def test_a_delivery_is_forwarded_once(amman):
    subscribed(amman)
    request = amman.sample("careem")
    for _ in range(2):
        assert amman.post("careem", request).status_code == 200
    inbox.replay(WebhookLog.objects.get(), user=None, force=True)
    assert len(forwards(amman)) == 1


def test_a_parked_status_follows_its_order(amman):
    subscribed(amman)
    send_parked = amman.send("careem", "cancelled", external_id="1000001")
    assert send_parked.json()["status"] == "parked"
    assert forwards(amman) == []
    order = send(amman)
    assert [(forward.action, forward.seq) for forward in sorted(forwards(amman), key=lambda f: f.seq)] == [
        ("order.created", order.seq - 1), ("order.cancelled", order.seq),
    ]  # fmt: skip


@pytest.mark.parametrize(("asked", "told"), [((), 1), (("order.cancelled",), 1), (("order.created",), 0)])
def test_a_status_without_its_order_is_told_to_people_at_once(amman, asked, told):
    subscribed(amman, "careem", *asked)
    subscribed(amman, "talabat")
    assert amman.send("careem", "cancelled").json()["status"] == "parked"
    alerts = Alert.objects.filter(cause="event_parked", subject="careem", details__externalOrderId="1000001")
    assert (alerts.count(), forwards(amman)) == (told, [])


def test_nobody_is_told_of_a_parked_status_where_none_is_subscribed(amman):
    assert amman.send("careem", "cancelled").json()["status"] == "parked"
    assert not Alert.objects.exists()


def test_what_came_in_an_envelope_goes_no_further(amman):
    subscribed(amman)
    envelope = {
        "eventType": "order.created", "provider": "careem", "orderId": "1000001", "companyId": str(amman.company.id),
        "timestamp": "2026-01-01T00:00:00Z",
        "orderData": {"id": "1000001", "total": "3.000", "items": [{"name": "Mansaf", "quantity": 1, "price": "3.000"}]},
    }  # fmt: skip
    body = json.dumps(envelope).encode()
    headers = NEXARA.sign(body, KEY, timezone.now(), "from-a-hub")
    answer = Client().post("/api/integration/webhook", body, "application/json", headers=headers)
    assert answer.json()["status"] == "processed"
    assert forwards(amman) == []


def test_a_platform_forwards_nothing(amman, settings):
    subscribed(amman)
    settings.ROLE = "platform"
    order = send(amman)
    change_status(order, Status.CONFIRMED, user=amman.owner)
    assert forwards(amman) == []


@responses.activate
def test_what_is_not_taken_is_tried_again_under_the_same_id(amman):
    taken(503)
    subscribed(amman)
    order = send(amman)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        push = work_of(order)
        assert (push.status, push.error_code, push.attempts) == ("failed", "http_503", 1)
        assert 8 <= (push.next_attempt_at - timezone.now()).total_seconds() <= 10
        clock.shift(timedelta(seconds=11))
        responses.replace("POST", PLATFORM, json={})
        push = work_of(order)
    assert (push.status, push.attempts) == ("sent", 2)
    ids = {call.request.headers["x-webhook-id"] for call in responses.calls}
    assert (len(responses.calls), ids) == (2, {str(push.id)})


@responses.activate
def test_even_a_refusal_is_tried_again(amman):
    taken(401)
    subscribed(amman)
    push = work_of(send(amman))
    assert (push.status, push.error) == ("failed", "The subscriber answered 401.")


@responses.activate
def test_after_a_day_it_is_dead_and_somebody_is_told(amman):
    taken(500)
    subscribed(amman)
    push = forwards_of(send(amman))
    with time_machine.travel(push.created_at + timedelta(hours=23, minutes=59)):
        OutboundPush.objects.update(attempts=40)
        push = work(push)
    assert (push.status, push.error) == ("dead", "The subscriber answered 500.")
    alert = Alert.objects.get(cause="forward_dead")
    assert (alert.subject, alert.severity, alert.details["forwardId"]) == ("careem", "critical", str(push.id))


def forwards_of(order: Order) -> OutboundPush:
    return OutboundPush.objects.get(order=order, subscription__isnull=False)


@responses.activate
def test_the_longest_pause_is_five_minutes(amman):
    taken(500)
    subscribed(amman)
    push = forwards_of(send(amman))
    OutboundPush.objects.update(attempts=20)
    with time_machine.travel(timezone.now(), tick=False):
        push = work(push)
        assert 240 <= (push.next_attempt_at - timezone.now()).total_seconds() <= 300


@responses.activate
def test_events_of_an_order_leave_in_their_order(amman):
    taken(500)
    subscribed(amman)
    order = send(amman)
    work_of(order)
    send(amman, "cancelled")
    assert outbox.work_order(order.id) == 0
    responses.replace("POST", PLATFORM, json={})
    with time_machine.travel(timezone.now() + timedelta(seconds=11)):
        assert outbox.work_order(order.id) == 2
    assert [json.loads(call.request.body)["eventType"] for call in responses.calls] == [
        "order.created", "order.created", "order.cancelled",
    ]  # fmt: skip


@responses.activate
def test_five_failures_close_the_way_to_this_subscriber_alone(amman):
    taken(500)
    subscribed(amman)
    subscribed(amman, "jahez")
    for number in range(6):
        work_of(send(amman, external_id=f"100000{number}"))
    assert len(responses.calls) == 5
    breaker = CircuitBreaker.objects.get(provider="subscriber:careem")
    assert breaker.state == "open"
    assert not CircuitBreaker.objects.filter(provider="subscriber:jahez").exists()
    assert forwards(amman)[-1].error_code == "breaker_open"


@responses.activate
def test_the_first_that_is_taken_hurries_the_others(amman):
    taken(500)
    subscribed(amman)
    first, second = send(amman), send(amman, external_id="1000002")
    work_of(first)
    later = timezone.now() + timedelta(hours=1)
    OutboundPush.objects.filter(order=first).update(next_attempt_at=later)
    responses.replace("POST", PLATFORM, json={})
    work_of(second)
    assert forwards_of(first).next_attempt_at < later
    assert outbox.work_order(first.id) == 1


@responses.activate
@pytest.mark.parametrize("status", [400, 409, 429])
def test_what_was_refused_keeps_its_pause_when_another_is_taken(amman, status):
    taken(status, headers={"Retry-After": "600"})
    subscribed(amman)
    first, second = send(amman), send(amman, external_id="1000002")
    planned = work_of(first).next_attempt_at
    responses.replace("POST", PLATFORM, json={})
    assert work_of(second).status == "sent"
    assert forwards_of(first).next_attempt_at == planned
    assert outbox.work_order(first.id) == 0


@responses.activate
def test_a_failing_subscriber_is_told_of_and_its_recovery_too(amman):
    taken(500)
    subscribed(amman)
    push = forwards_of(send(amman))
    for _ in range(3):
        OutboundPush.objects.update(next_attempt_at=timezone.now())
        push = work(push)
    alert = Alert.objects.get(cause="forward_failing")
    responses.replace("POST", PLATFORM, json={})
    OutboundPush.objects.update(next_attempt_at=timezone.now())
    assert work(push).status == "sent"
    alert.refresh_from_db()
    assert alert.state == "resolved"


@responses.activate
def test_a_paused_subscriber_gets_nothing(amman):
    row = subscribed(amman)
    push = forwards_of(send(amman))
    IntegrationWebhook.objects.update(status="paused")
    send(amman, external_id="1000002")
    assert len(forwards(amman)) == 1
    assert (work(push).status, len(responses.calls)) == ("dropped", 0)
    row.refresh_from_db()
    assert row.status == "paused"


@responses.activate
def test_a_private_address_is_not_dialled_whoever_wrote_it(amman):
    subscribed(amman)
    push = forwards_of(send(amman))
    IntegrationWebhook.objects.update(url="https://169.254.169.254/latest")
    push = work(push)
    assert (push.status, push.error_code, len(responses.calls)) == ("dead", "address_refused", 0)


def test_forgetting_a_providers_credential_keeps_the_subscribers_key(amman):
    row = subscribed(amman)
    for provider in ("careem", "nexara"):
        forget_credential(amman.company, provider)
    row.refresh_from_db()
    assert current_key(row) == KEY
    assert not amman.company.credentials.filter(provider__in=["careem", "nexara"]).exists()


@responses.activate
def test_a_subscription_whose_key_was_forgotten_sends_nothing_unsigned(amman):
    subscribed(amman)
    push = forwards_of(send(amman))
    row = IntegrationWebhook.objects.get()
    row.secrets = {}
    row.save()
    assert (work(push).error_code, len(responses.calls)) == ("no_key", 0)


@responses.activate
@pytest.mark.parametrize("status", [200, 500])
def test_bodies_that_are_not_kept_stay_until_they_were_sent(amman, settings, status):
    settings.LOG_WEBHOOKS = False
    taken(status)
    subscribed(amman)
    order = send(amman)
    assert WebhookBody.objects.count() == 1
    work_of(order)
    assert WebhookBody.objects.count() == (0 if status == 200 else 1)


def test_a_test_is_forwarded_as_one(amman):
    credential = amman.company.credentials.get(provider="careem")
    credential.environment = "sandbox"
    credential.save()
    subscribed(amman)
    send(amman)
    assert json.loads(envelope_of(forwards(amman)[0]))["delivery"]["isTest"] is True


@responses.activate
def test_forwards_and_pushes_leave_each_other_alone(amman):
    taken(500)
    subscribed(amman)
    order = send(amman)
    push = move(order, "confirmed")
    assert [(row.route, row.action) for row in OutboundPush.objects.order_by("created_at")] == [
        ("subscriber", "order.created"), ("provider", "confirmed"), ("subscriber", "order.status_changed"),
    ]  # fmt: skip
    OutboundPush.objects.filter(subscription__isnull=False).update(status="sent", next_attempt_at=None)
    assert outbox.why_useless(push, timezone.now()) is None
    OutboundPush.objects.filter(subscription__isnull=False).update(status="dead")
    Order.objects.update(status="cancelled")
    order.refresh_from_db()
    untold.ended(order)
    assert [forward.status for forward in forwards(amman)] == ["dead", "dead"]
