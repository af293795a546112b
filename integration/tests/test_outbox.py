from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
import responses
import time_machine
from django.db import transaction
from django.utils import timezone

from integration import outbox
from integration.models import Alert, OutboundAttempt, OutboundPush, ProviderToken
from integration.retention import clean
from integration.retry import push_delay
from integration.sweep import Sweeper
from integration.tests.outbound import JAHEZ, jahez_token, move, received, sent_json, work
from orders.models import Order
from orders.services import change_status
from orders.signals import status_changed_by_person
from providers.events import Status

STATUS_URL = f"{JAHEZ}/webhooks/status_update"


def later(push: OutboundPush) -> None:
    """Make the next try due now."""
    OutboundPush.objects.filter(pk=push.pk).update(next_attempt_at=timezone.now())


@responses.activate
def test_an_acceptance_reaches_jahez(amman):
    jahez_token()
    responses.post(STATUS_URL, json={"success": True})
    push = work(move(received(amman), "confirmed"))
    assert (push.status, push.attempts, push.error) == ("sent", 1, "")
    request = responses.calls[-1].request
    assert sent_json() == {"jahezOrderId": "10000001", "status": "A"}
    assert request.headers["x-api-key"] == "jahez-api-key"
    assert request.headers["Authorization"] == "Bearer jahez-token"
    assert request.headers["Idempotency-Key"] == str(push.id)
    assert len(responses.calls) == 2


@responses.activate
def test_an_attempt_is_kept_without_its_secrets(amman):
    jahez_token()
    responses.post(STATUS_URL, json={"echo": "jahez-api-key Bearer jahez-token"})
    push = work(move(received(amman), "confirmed"))
    attempt = OutboundAttempt.objects.get(push=push)
    assert (attempt.method, attempt.url, attempt.response_status, attempt.outcome) == ("POST", STATUS_URL, 200, "done")
    assert attempt.request_body == '{"jahezOrderId":"10000001","status":"A"}'
    assert attempt.request_headers["x-api-key"] == attempt.request_headers["authorization"] == "[redacted]"
    assert attempt.response_body == '{"echo": "[redacted] Bearer [redacted]"}'


def test_the_row_is_written_with_the_change_or_not_at_all(amman):
    order = received(amman)

    with transaction.atomic():
        change_status(order, Status.CONFIRMED, user=None)
        assert OutboundPush.objects.count() == 1
        transaction.set_rollback(True)
    assert not OutboundPush.objects.exists()
    assert Order.objects.get(pk=order.pk).status == "received"


def test_a_receiver_that_fails_undoes_the_change(amman):
    order = received(amman)

    def refuse(**kwargs):
        raise RuntimeError

    status_changed_by_person.connect(refuse)
    try:
        with pytest.raises(RuntimeError):
            change_status(order, Status.CONFIRMED, user=None)
    finally:
        status_changed_by_person.disconnect(refuse)
    assert Order.objects.get(pk=order.pk).status == "received"
    assert not OutboundPush.objects.exists()


def test_what_a_provider_causes_is_not_echoed(amman):
    received(amman)
    amman.send("jahez", "cancelled", "native", external_id="10000001")
    assert not OutboundPush.objects.exists()


@responses.activate
def test_a_passing_failure_is_tried_again_after_ten_seconds(amman):
    jahez_token()
    responses.post(STATUS_URL, status=503)
    push = work(move(received(amman), "confirmed"))
    assert (push.status, push.attempts, push.error_code) == ("failed", 1, "http_503")
    assert 7 <= (push.next_attempt_at - timezone.now()).total_seconds() <= 10
    assert outbox.work_order(push.order_id) == 0
    responses.replace("POST", STATUS_URL, json={"success": True})
    later(push)
    assert (work(push).status, push.attempts) == ("sent", 2)
    keys = {call.request.headers["Idempotency-Key"] for call in responses.calls if call.request.url == STATUS_URL}
    assert keys == {str(push.id)}


@responses.activate
@pytest.mark.parametrize(("header", "low", "high"), [("120", 119, 121), ("86400", 899, 901)])
def test_retry_after_is_honoured_up_to_a_quarter_of_an_hour(amman, header, low, high):
    jahez_token()
    responses.post(STATUS_URL, status=429, headers={"Retry-After": header})
    order = received(amman)
    Order.objects.filter(pk=order.pk).update(accept_by=None)
    push = work(move(order, "confirmed"))
    assert push.status == "failed"
    assert low <= (push.next_attempt_at - timezone.now()).total_seconds() <= high


@responses.activate
def test_three_failures_in_a_row_are_told_and_resolve_themselves(amman):
    jahez_token()
    responses.post(STATUS_URL, status=503)
    order = received(amman)
    Order.objects.filter(pk=order.pk).update(accept_by=None)
    push = work(move(order, "confirmed"))
    for _ in range(2):
        assert not Alert.objects.exists()
        later(push)
        work(push)
    alert = Alert.objects.get(cause="push_failing")
    responses.replace("POST", STATUS_URL, json={})
    later(push)
    assert (work(push).status, push.attempts) == ("sent", 4)
    alert.refresh_from_db()
    assert alert.state == "resolved"


def test_the_waits_double_up_to_two_hours_and_are_shortened_by_a_fifth_at_most():
    for attempts, whole_s in ((1, 10), (2, 20), (5, 160), (6, 320), (10, 5120), (11, 7200), (500, 7200)):
        assert whole_s * 0.8 <= push_delay(attempts).total_seconds() <= whole_s


@responses.activate
def test_a_permanent_refusal_waits_for_a_person(amman):
    jahez_token()
    responses.post(STATUS_URL, status=422, json={"error": "no such order"})
    push = work(move(received(amman), "confirmed"))
    assert (push.status, push.error_code, push.next_attempt_at) == ("dead", "http_422", None)
    alert = Alert.objects.get(cause="push_dead")
    assert (alert.company, alert.subject, alert.severity) == (amman.company, "jahez", "critical")


@responses.activate
def test_a_refusal_that_crossed_a_cancellation_waits_for_nobody(amman):
    jahez_token()
    responses.post(STATUS_URL, status=409)
    push = work(move(received(amman), "confirmed"))
    assert push.status == "dead"
    amman.send("jahez", "cancelled", "native", external_id="10000001")
    push.refresh_from_db()
    assert (push.status, push.error_code) == ("dropped", "order_ended")
    assert Alert.objects.get(cause="push_dead").state == "resolved"


@responses.activate
def test_a_refusal_of_an_order_that_ended_meanwhile_wakes_nobody(amman):
    order = received(amman)

    def cancel(request):
        amman.send("jahez", "cancelled", "native", external_id="10000001")
        return 409, {}, "{}"

    jahez_token()
    responses.add_callback("POST", STATUS_URL, callback=cancel)
    push = work(move(order, "confirmed"))
    assert (push.status, push.error_code) == ("dropped", "order_ended")
    assert not Alert.objects.exists()


@responses.activate
def test_a_redirect_is_not_followed(amman):
    jahez_token()
    responses.post(STATUS_URL, status=307, headers={"Location": "https://elsewhere.example.com/"})
    push = work(move(received(amman), "confirmed"))
    assert (push.status, push.error_code) == ("dead", "http_307")
    assert len(responses.calls) == 2


@responses.activate
def test_no_answer_at_all_is_tried_again(amman):
    jahez_token()
    responses.post(STATUS_URL, body=ConnectionError())
    push = work(move(received(amman), "confirmed"))
    assert (push.status, push.error_code) == ("failed", "connection_lost")
    assert OutboundAttempt.objects.get(push=push).response_status is None


@responses.activate
def test_an_acceptance_is_dropped_at_its_deadline_and_somebody_told(amman):
    jahez_token()
    responses.post(STATUS_URL, status=503)
    order = received(amman)
    push = move(order, "confirmed")
    with time_machine.travel(order.accept_by + timedelta(seconds=1)):
        push = work(push)
    assert (push.status, push.error_code) == ("dropped", "deadline_passed")
    assert not responses.calls
    assert Alert.objects.filter(cause="answer_not_delivered", subject="jahez").exists()


@responses.activate
def test_the_last_try_is_just_before_the_deadline(amman):
    jahez_token()
    responses.post(STATUS_URL, status=503)
    order = received(amman)
    with time_machine.travel(order.accept_by - timedelta(seconds=7), tick=False):
        push = work(move(order, "confirmed"))
    assert push.next_attempt_at == order.accept_by - timedelta(seconds=5)
    with time_machine.travel(order.accept_by - timedelta(seconds=4), tick=False):
        push = work(push)
    assert (push.status, push.error_code) == ("dropped", "deadline_passed")


@responses.activate
def test_what_is_told_is_dropped_when_the_order_has_ended(amman):
    jahez_token()
    responses.post(STATUS_URL, status=503)
    push = work(move(received(amman), "confirmed"))
    amman.send("jahez", "cancelled", "native", external_id="10000001")
    later(push)
    assert (work(push).status, push.error_code) == ("dropped", "order_ended")
    assert push.error == "The order is cancelled."


@responses.activate
def test_a_later_status_waits_for_the_acceptance(amman):
    jahez_token()
    responses.post(STATUS_URL, status=503)
    order = received(amman)
    first = work(move(order, "confirmed"))
    second = work(move(order, "preparing"))
    assert (first.status, second.status) == ("failed", "pending")
    responses.replace("POST", STATUS_URL, json={})
    later(first)
    outbox.work_order(order.id)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status, second.error_code) == ("sent", "not_sent", "no_call")
    assert second.error == "Jahez is told of acceptance and rejection only."


@responses.activate
def test_a_rejection_does_not_wait_for_an_acceptance_that_fails(amman):
    jahez_token()
    responses.post(STATUS_URL, status=503)
    order = received(amman)
    first = work(move(order, "confirmed"))
    responses.replace("POST", STATUS_URL, json={})
    second = work(move(order, "cancelled", reason="BUSY"))
    assert second.status == "sent"
    assert sent_json() == {"jahezOrderId": 10000001, "status": "R", "reason": "The kitchen is too busy"}
    first.refresh_from_db()
    assert (first.status, first.error_code) == ("dropped", "superseded")


@responses.activate
def test_a_call_that_was_made_and_not_recorded_is_repeated_with_its_key(amman, monkeypatch):
    jahez_token()
    responses.post(STATUS_URL, json={})
    push = move(received(amman), "confirmed")
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "_settle", lambda *args: None)
        outbox.work_order(push.order_id)
    push.refresh_from_db()
    assert push.status == "sending"
    assert outbox.work_order(push.order_id) == 0
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        work(push)
    assert push.status == "sent"
    keys = [call.request.headers["Idempotency-Key"] for call in responses.calls if call.request.url == STATUS_URL]
    assert keys == [str(push.id)] * 2


@responses.activate
def test_a_lost_claim_writes_nothing(amman, monkeypatch):
    jahez_token()
    responses.post(STATUS_URL, json={})
    push = move(received(amman), "confirmed")
    deliver = outbox.deliver

    def lose(taken):
        OutboundPush.objects.filter(pk=taken.pk).update(claim_token=uuid.uuid4())
        return deliver(taken)

    monkeypatch.setattr(outbox, "deliver", lose)
    outbox.work_order(push.order_id)
    push.refresh_from_db()
    assert (push.status, push.attempts) == ("sending", 0)
    assert not OutboundAttempt.objects.exists()


@responses.activate
def test_an_error_of_ours_is_tried_again(amman, monkeypatch):
    push = move(received(amman), "confirmed")

    def fail(*args):
        raise RuntimeError("our own")

    monkeypatch.setattr(outbox, "deliver", fail)
    assert (work(push).status, push.error_code, push.error) == (
        "failed",
        "internal_error",
        "Failed here: RuntimeError.",
    )


def test_without_a_credential_nothing_is_called_and_somebody_is_told(amman):
    order = received(amman)
    amman.company.credentials.filter(provider="jahez").delete()
    push = work(move(order, "confirmed"))
    assert (push.status, push.error_code) == ("not_sent", "no_credential")
    assert push.error == "the credential lacks apiKey, secret."
    assert Alert.objects.filter(cause="push_no_credential", subject="jahez").exists()


@responses.activate
def test_a_refused_token_is_renewed_once(amman):
    jahez_token()
    responses.post(STATUS_URL, status=401)
    push = work(move(received(amman), "confirmed"))
    assert (push.status, push.error_code) == ("dead", "http_401")
    assert [call.request.url for call in responses.calls] == [f"{JAHEZ}/token", STATUS_URL] * 2
    assert list(push.attempt_set.values_list("outcome", flat=True)) == ["refresh_token", "refresh_token"]


@responses.activate
def test_a_token_is_kept_encrypted_and_used_again(amman):
    jahez_token()
    responses.post(STATUS_URL, json={})
    work(move(received(amman), "confirmed"))
    work(move(received(amman, external_id="10000002"), "confirmed"))
    assert [call.request.url for call in responses.calls] == [f"{JAHEZ}/token", STATUS_URL, STATUS_URL]
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT secrets FROM provider_tokens")
        stored = bytes(cursor.fetchone()[0])
    assert b"jahez-token" not in stored
    assert ProviderToken.objects.get().secrets == {"token": "jahez-token"}


@responses.activate
def test_a_changed_credential_asks_for_a_new_token(amman):
    jahez_token()
    responses.post(STATUS_URL, json={})
    work(move(received(amman), "confirmed"))
    credential = amman.company.credentials.get(provider="jahez")
    credential.rotate("secret", "another-secret")
    credential.save()
    order = amman.send("jahez", dialect="native", external_id="10000002").json()["orderId"]
    work(move(Order.objects.get(pk=order), "confirmed"))
    assert [call.request.url for call in responses.calls].count(f"{JAHEZ}/token") == 2


@responses.activate
def test_a_refused_credential_is_not_asked_again(amman):
    responses.post(f"{JAHEZ}/token", status=403)
    push = work(move(received(amman), "confirmed"))
    assert (push.status, push.error_code) == ("dead", "token_refused")
    attempt = push.attempt_set.get()
    assert (attempt.url, attempt.request_body) == (f"{JAHEZ}/token", "[redacted]")


@responses.activate
def test_an_order_of_our_own_test_is_never_pushed(amman):
    order = received(amman)
    Order.objects.filter(pk=order.pk).update(is_test=True)
    order.events.update(webhook_event_id=None)
    order.refresh_from_db()
    assert (work(move(order, "confirmed")).status, Alert.objects.count()) == ("not_sent", 0)
    assert not responses.calls


@responses.activate
def test_the_sweeper_sends_what_nobody_was_told_of(amman, monkeypatch):
    jahez_token()
    responses.post(STATUS_URL, json={})
    push = move(received(amman), "confirmed")
    sweeper = Sweeper()
    monkeypatch.setattr(sweeper, "_hand_over", lambda *args: False)
    monkeypatch.setattr(sweeper._senders, "submit", lambda job, *args: job(*args))
    monkeypatch.setattr("integration.sweep.connections.close_all", lambda: None)
    assert sweeper.sweep_pushes() == 1
    push.refresh_from_db()
    assert push.status == "sent"
    assert sweeper.sweep_pushes() == 0


@responses.activate
def test_the_sweeper_sends_itself_what_no_worker_begins(amman, monkeypatch):
    jahez_token()
    responses.post(STATUS_URL, json={})
    push = move(received(amman), "confirmed")
    sweeper, handed = Sweeper(), []
    monkeypatch.setattr(sweeper, "_hand_over", lambda task, *args: handed.append(args) or True)
    monkeypatch.setattr(sweeper._senders, "submit", lambda job, *args: job(*args))
    monkeypatch.setattr("integration.sweep.connections.close_all", lambda: None)
    assert sweeper.sweep_pushes() == 1
    assert sweeper.sweep_pushes() == 0
    with time_machine.travel(timezone.now() + timedelta(seconds=16)):
        assert sweeper.sweep_pushes() == 1
        outbox.work_claimed(*handed[0])  # the worker that was late finds no claim
    push.refresh_from_db()
    assert (push.status, push.attempts, len(handed)) == ("sent", 1, 1)


@responses.activate
def test_old_attempts_lose_their_bodies_and_stay(amman):
    jahez_token()
    responses.post(STATUS_URL, json={})
    work(move(received(amman), "confirmed"))
    assert "outbound_attempts" not in clean(timezone.now() + timedelta(days=29)).counts
    assert clean(timezone.now() + timedelta(days=31)).counts["outbound_attempts"] == 1
    assert "outbound_attempts" not in clean(timezone.now() + timedelta(days=31)).counts
    attempt = OutboundAttempt.objects.get()
    assert (attempt.request_body, attempt.response_body, attempt.response_status) == ("", "", 200)


def test_a_company_with_many_pushes_does_not_keep_the_others_waiting(amman, dubai):
    for number in range(5):
        move(received(amman, external_id=f"1000000{number}"), "confirmed")
    move(received(dubai, external_id="10000009"), "confirmed")
    due = outbox.due_pushes(timezone.now(), 2)
    assert {push.company_id for push in due} == {amman.company.id, dubai.company.id}
