"""Retries, the sweep, claims, parking, replays: what happens after the answer."""

from __future__ import annotations

import uuid
from datetime import timedelta
from unittest import mock

import pytest
from django.db import OperationalError, transaction
from django.test import Client
from django.utils import timezone

from integration import claims, housekeeping, inbox
from integration.models import Alert, WebhookAttempt, WebhookBody, WebhookLog
from integration.retention import clean, count_old
from integration.retry import INBOUND_DELAYS_S, next_delay
from integration.sweep import Sweeper
from orders.models import Order, OrderEvent

GONE = OperationalError("gone")


def broken():
    return mock.patch.object(inbox, "apply_event", side_effect=GONE)


def fail_once(installation, **order) -> WebhookLog:
    with broken():
        installation.send("careem", **order)
    return WebhookLog.objects.get(status="failed", attempts=1)


def make_due(*logs: WebhookLog) -> None:
    WebhookLog.objects.filter(pk__in=[log.pk for log in logs]).update(
        next_attempt_at=timezone.now() - timedelta(seconds=1)
    )


@pytest.fixture
def sweeper():
    """A sweeper whose broker takes nothing: it works each row itself."""
    sweeper = Sweeper()
    with mock.patch("integration.sweep.process_events.apply_async", side_effect=ConnectionError("no broker")):
        yield sweeper


# -- retries -----------------------------------------------------------------------------------------------------------


def test_delays_are_those_of_the_contract_shortened_by_at_most_a_fifth():
    assert INBOUND_DELAYS_S == (10, 20, 40, 80, 160)
    for attempt, delay_s in enumerate(INBOUND_DELAYS_S, start=1):
        for _ in range(50):
            assert delay_s * 0.8 <= next_delay(attempt).total_seconds() <= delay_s
    assert next_delay(6) is None


def test_retries_of_an_order_end_within_six_minutes():
    assert sum(INBOUND_DELAYS_S) < 360


def test_sweep_works_a_due_row(amman, sweeper):
    log = fail_once(amman)
    assert sweeper.sweep() == 0, "not due yet"
    make_due(log)
    assert sweeper.sweep() == 1
    log.refresh_from_db()
    assert (log.status, log.attempts, log.error, log.error_code) == ("processed", 2, "", "")
    assert [a.outcome for a in log.attempt_set.all()] == ["failed", "processed"]
    assert Order.objects.get().status == "received"


def test_retried_delivery_of_a_sandbox_makes_a_test_order(amman, sweeper):
    amman.company.credentials.filter(provider="careem").update(environment="sandbox")
    log = fail_once(amman)
    make_due(log)
    sweeper.sweep()
    assert Order.objects.get().is_test


def test_order_that_really_comes_under_a_trials_number_is_to_be_cooked(amman):
    credential = amman.company.credentials.filter(provider="careem")
    credential.update(environment="sandbox")
    amman.send("careem")
    credential.update(environment="production")
    assert amman.send("careem", number=2).json()["status"] == "processed"
    assert not Order.objects.get().is_test


def test_sweep_takes_over_a_row_whose_process_died(amman, sweeper):
    request = amman.sample("careem")
    with mock.patch.object(inbox, "process", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        amman.post("careem", request)
    log = WebhookLog.objects.get()
    assert log.status == "processing"
    assert sweeper.sweep() == 0, "its lease has not run out"
    assert (log.next_attempt_at - log.received_at).total_seconds() == 45
    make_due(log)
    sweeper.sweep()
    log.refresh_from_db()
    assert log.status == "processed"


def test_the_sixth_failure_leaves_the_row_dead_with_an_alert(amman, sweeper):
    log = fail_once(amman)
    with broken():
        for _ in range(5):
            make_due(log)
            sweeper.sweep()
    log.refresh_from_db()
    assert (log.status, log.attempts, log.next_attempt_at) == ("dead", 6, None)
    assert log.attempt_set.count() == 6
    alert = Alert.objects.get()
    assert (alert.cause, alert.subject, alert.severity) == ("event_dead", "careem", "critical")
    assert alert.details["eventId"] == str(log.id)


def test_bug_in_an_adapter_is_retried_and_not_lost(amman, sweeper):
    with mock.patch("providers.careem.adapter.CareemAdapter.read", side_effect=ZeroDivisionError):
        response = amman.send("careem")
    assert (response.status_code, response.json()["status"]) == (202, "queued")
    make_due(WebhookLog.objects.get())
    sweeper.sweep()
    assert WebhookLog.objects.get().status == "processed"


def test_deadlock_is_tried_again_at_once(amman):
    class Deadlock(Exception):
        sqlstate = "40P01"

    lost = OperationalError("deadlock detected")
    lost.__cause__ = Deadlock()
    real, calls = inbox.apply_event, []

    def lose_twice(*args, **kwargs):
        calls.append(1)
        if len(calls) < 3:
            raise lost
        return real(*args, **kwargs)

    with mock.patch.object(inbox, "apply_event", side_effect=lose_twice):
        assert amman.send("careem").json()["status"] == "processed"
    assert WebhookLog.objects.get().attempts == 1


def test_failure_after_the_result_was_in_hand_has_a_next_try(amman):
    real = inbox._apply

    def apply_and_lose_the_commit(*args, **kwargs):
        real(*args, **kwargs)
        raise OperationalError("gone")

    with mock.patch.object(inbox, "_apply", side_effect=apply_and_lose_the_commit):
        response = amman.send("careem")
    log = WebhookLog.objects.get()
    assert (response.status_code, response.json()["status"]) == (202, "queued")
    assert (log.status, log.claim_token) == ("failed", None)
    assert not Order.objects.exists()


def test_error_of_a_failure_quotes_no_payload(amman):
    with mock.patch.object(inbox, "apply_event", side_effect=OperationalError("DETAIL: +962790123456")):
        amman.send("careem")
    assert WebhookLog.objects.get().error == "OperationalError"


def test_sweep_hands_ids_alone_to_the_broker(amman):
    log = fail_once(amman)
    make_due(log)
    with mock.patch("integration.sweep.process_events.apply_async") as publish:
        Sweeper().sweep()
    log.refresh_from_db()
    assert publish.call_args.kwargs == {"args": ([str(log.pk)], str(log.claim_token)), "retry": False}
    assert log.status == "processing"


def test_broker_that_hangs_is_given_up_on_quickly(amman):
    import threading

    log = fail_once(amman)
    make_due(log)
    release = threading.Event()
    with mock.patch("integration.sweep.process_events.apply_async", side_effect=lambda **_: release.wait(20)):
        Sweeper().sweep()
    release.set()
    assert WebhookLog.objects.get().status == "processed"


def claimed_after(tries: int) -> tuple[WebhookLog, uuid.UUID]:
    """Return a claimed delivery of so many tries, each of which ended without a word."""
    log, token = WebhookLog.objects.get(), uuid.uuid4()
    WebhookLog.objects.filter(pk=log.pk).update(
        status="processing", attempts=tries, claim_token=token, next_attempt_at=timezone.now() + timedelta(seconds=45)
    )
    return log, token


def test_what_ends_each_process_that_works_it_is_dead_and_not_worked_again(amman):
    amman.send("careem")
    log, token = claimed_after(12)
    with mock.patch.object(inbox, "get_adapter") as worked:
        inbox.process_claimed(log.pk, token)
    worked.assert_not_called()
    log.refresh_from_db()
    assert (log.status, log.error, log.claim_token) == ("dead", "TryNeverEndedError", None)
    assert bytes(log.body.body)
    assert Alert.objects.get(cause="event_dead").details["eventId"] == str(log.id)
    assert inbox.replay(log, user=None).status == "ignored", "a person may have it tried again"


def test_a_try_that_ended_without_a_word_leaves_others(amman):
    amman.send("careem")
    log, token = claimed_after(11)
    assert inbox.process_claimed(log.pk, token).status == "ignored"


def test_task_for_a_claim_that_is_gone_does_nothing(amman):
    from integration.tasks import process_events

    log = fail_once(amman)
    make_due(log)
    token, _ = claims.claim([log.pk], timezone.now())
    process_events([str(log.pk)], str(token))
    process_events([str(log.pk)], str(token))
    assert WebhookLog.objects.get().attempts == 2
    process_events([str(uuid.uuid4())], str(uuid.uuid4()))


def test_a_task_works_all_that_are_claimed_together(amman):
    from integration.tasks import process_events

    logs = [fail_once(amman, external_id="1"), None]
    WebhookLog.objects.update(attempts=0)
    logs[1] = fail_once(amman, external_id="2")
    make_due(*logs)
    token, ids = claims.claim([log.pk for log in logs], timezone.now())
    process_events([str(pk) for pk in ids], str(token))
    assert list(WebhookLog.objects.values_list("status", flat=True)) == ["processed", "processed"]
    assert set(Order.objects.values_list("external_id", flat=True)) == {"1", "2"}


def test_row_is_claimed_once(amman):
    log = fail_once(amman)
    make_due(log)
    assert [claims.claim([log.pk], timezone.now())[1] for _ in range(2)] == [[log.pk], []]


def test_result_of_a_lost_claim_is_undone(amman):
    log = fail_once(amman)
    make_due(log)
    token, _ = claims.claim([log.pk], timezone.now())
    real = inbox.apply_event

    def lose_the_claim(*args, **kwargs):
        applied = real(*args, **kwargs)
        WebhookLog.objects.update(claim_token=uuid.uuid4())
        return applied

    with mock.patch.object(inbox, "apply_event", side_effect=lose_the_claim):
        inbox.process_claimed(log.pk, token)
    assert not Order.objects.exists()
    assert WebhookLog.objects.get().status == "processing"


@pytest.mark.parametrize("breaks", ["parse_row", "_apply_patiently"])
def test_failure_of_a_lost_claim_leaves_nothing(amman, breaks):
    log, theirs, mine = fail_once(amman), uuid.uuid4(), uuid.uuid4()
    attempts = WebhookAttempt.objects.count()
    WebhookLog.objects.update(attempts=5, status="processing", claim_token=mine)

    def lose_the_claim_and_fail(*_):
        WebhookLog.objects.update(claim_token=theirs)
        raise GONE

    with (
        mock.patch.object(inbox, breaks, side_effect=lose_the_claim_and_fail),
        mock.patch.object(inbox, "_announce") as announced,
    ):
        done = inbox.process_claimed(log.pk, mine)
    assert (done.status, done.claim_token, done.attempts) == ("processing", theirs, 6)
    assert WebhookAttempt.objects.count() == attempts
    assert not Alert.objects.exists()
    announced.assert_not_called()


def test_company_with_a_long_queue_does_not_keep_others_waiting(amman, dubai):
    for number in range(5):
        fail_once_of = amman
        with broken():
            fail_once_of.send("careem", external_id=f"a{number}")
    with broken():
        dubai.send("careem", external_id="d1")
    WebhookLog.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    WebhookLog.objects.filter(company=amman.company).update(next_attempt_at=timezone.now() - timedelta(hours=1))
    first_two = WebhookLog.objects.filter(pk__in=claims.due_rows(timezone.now(), limit=2))
    assert set(first_two.values_list("company_id", flat=True)) == {amman.company.id, dubai.company.id}


# -- order of events ---------------------------------------------------------------------------------------------------

EVENTS = ("created", "confirmed", "ready", "out_for_delivery", "delivered", "cancelled")


@pytest.mark.repeats
@pytest.mark.any_database
@pytest.mark.parametrize("first", EVENTS)
def test_every_permutation_of_an_orders_events_ends_the_same(amman, first):
    ended, client = [], Client()

    def send_after(sent, event):
        # Rolled back behind it: what many permutations begin with is sent once.
        with transaction.atomic():
            assert amman.post("careem", amman.sample("careem", event), client=client).status_code == 200, (*sent, event)
            go_on((*sent, event))
            transaction.set_rollback(True)

    def go_on(sent):
        for event in EVENTS:
            if event not in sent:
                send_after(sent, event)
        if len(sent) == len(EVENTS):
            ended.append(sent)
            assert Order.objects.get().status == "cancelled", sent
            assert set(WebhookLog.objects.values_list("status", flat=True)) <= {"processed", "ignored"}, sent
            seqs = OrderEvent.objects.filter(seq__isnull=False).order_by("seq").values_list("seq", flat=True)
            assert list(seqs) == list(range(1, len(seqs) + 1)), sent

    send_after((), first)
    assert len(set(ended)) == 120


@pytest.mark.parametrize("provider", ["careem", "talabat", "deliveroo", "jahez"])
def test_parked_events_of_every_provider_are_applied_when_the_order_comes(amman, provider):
    assert amman.send(provider, "delivered").json()["status"] == "parked"
    assert amman.send(provider, "confirmed").json()["status"] == "parked"
    assert amman.send(provider).json()["orderStatus"] == "delivered"
    assert Order.objects.get().status == "delivered"
    assert not WebhookLog.objects.filter(status="parked").exists()


def test_parked_event_is_not_applied_to_an_order_of_another_company(amman, dubai):
    amman.send("careem", "cancelled")
    dubai.send("careem")
    assert Order.objects.get().status == "received"
    assert WebhookLog.objects.filter(status="parked").count() == 1


def test_parked_event_alerts_after_ten_minutes(amman):
    amman.send("careem", "cancelled")
    now = timezone.now()
    assert housekeeping.watch_parked(now + timedelta(minutes=9)) == 0
    assert not Alert.objects.exists()
    assert housekeeping.watch_parked(now + timedelta(minutes=11)) == 1
    housekeeping.watch_parked(now + timedelta(minutes=12))
    alert = Alert.objects.get()
    assert (alert.cause, alert.subject, alert.count) == ("event_parked", "careem", 1)


# -- replay ------------------------------------------------------------------------------------------------------------


def test_replay_processes_what_failed(amman):
    log = fail_once(amman)
    done = inbox.replay(log, user=amman.manager)
    assert done.status == "processed"
    last = done.attempt_set.last()
    assert (last.trigger, last.user, last.outcome) == ("replay", amman.manager, "processed")


def test_replay_mends_a_quarantined_event_once_the_cause_is_mended(amman):
    amman.send_payload("careem", b'{"event_type":"order.created","order":{"id":"A-1"}}')
    log = WebhookLog.objects.get()
    assert log.status == "quarantined"
    assert inbox.replay(log, user=None).status == "quarantined"
    with mock.patch("providers.hub.checked_lines", return_value=[]):
        log.refresh_from_db()
        assert inbox.replay(log, user=None).status == "processed"


def test_replay_leaves_alone_what_succeeded(amman):
    amman.send("careem")
    log = WebhookLog.objects.get()
    with pytest.raises(inbox.NotReplayableError):
        inbox.replay(log, user=None)
    assert not WebhookAttempt.objects.exists()
    assert list(inbox.replayable(WebhookLog.objects.all())) == []
    assert list(inbox.replayable(WebhookLog.objects.all(), force=True)) == [log]


def test_forced_replay_of_what_succeeded_changes_nothing(amman):
    amman.send("careem")
    done = inbox.replay(WebhookLog.objects.get(), user=None, force=True)
    assert done.status == "ignored"
    assert OrderEvent.objects.count() == 1
    assert [a.trigger for a in done.attempt_set.all()] == ["live", "replay"]


def test_rejected_request_is_never_replayed(amman):
    Client().post(f"/api/integration/webhook/careem/{amman.company.id}", b"{}", content_type="application/json")
    log = WebhookLog.objects.get()
    with pytest.raises(inbox.NotReplayableError):
        inbox.replay(log, user=None, force=True)
    assert list(inbox.replayable(WebhookLog.objects.all(), force=True)) == []


def test_event_whose_bytes_are_gone_is_not_replayed(amman):
    log = fail_once(amman)
    WebhookBody.objects.all().delete()
    with pytest.raises(inbox.NotReplayableError):
        inbox.replay(log, user=None)


def test_row_under_work_is_not_replayed(amman):
    log = fail_once(amman)
    make_due(log)
    claims.claim([log.pk], timezone.now())
    log.refresh_from_db()
    with pytest.raises(inbox.NotReplayableError):
        inbox.replay(log, user=None)


# -- housekeeping ------------------------------------------------------------------------------------------------------


def test_old_bytes_go_and_rows_and_keys_stay(amman, settings):
    amman.send("careem")
    fail_once(amman, external_id="2")
    amman.send_payload("careem", b"{")
    WebhookLog.objects.update(received_at=timezone.now() - timedelta(days=31))
    request_key = WebhookLog.objects.get(status="processed").delivery_key
    assert count_old()["webhook_bodies"] == 1
    assert clean().counts == {"webhook_bodies": 1}
    assert WebhookLog.objects.count() == 3
    assert set(WebhookBody.objects.values_list("log__status", flat=True)) == {"failed", "quarantined"}
    assert WebhookLog.objects.get(status="processed").delivery_key == request_key


def test_bytes_within_retention_stay(amman):
    amman.send("careem")
    assert clean().counts == {}


def test_sweeper_loop_survives_an_error_and_stops(amman):
    import threading

    stop = threading.Event()
    calls = []

    def sweep():
        calls.append(1)
        if len(calls) == 2:
            stop.set()
        raise OperationalError("gone")

    sweeper = Sweeper()
    with (
        mock.patch.object(sweeper, "sweep", side_effect=sweep),
        mock.patch("integration.sweep.INTERVAL_S", 0.01),
        mock.patch("integration.sweep.connections.close_all"),
        mock.patch("integration.sweep.close_old_connections"),
    ):
        sweeper.run(stop)
    assert len(calls) == 2
