"""Who may work a row, and until when: to the moment, one row beside the next, coming in and going out."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
import time_machine
from django.utils import timezone

from integration import claims, inbox, outbox
from integration.attempts import Result
from integration.models import OutboundPush, PushStatus, WebhookAttempt, WebhookLog, WebhookStatus
from integration.retry import LEASE_S, WORK_LEASE_S
from integration.tests.factories import Installation, make_installation
from orders.models import Order
from orders.services import change_status
from providers.events import Status

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
WAITING = ["received", "processing", "failed"]
SETTLED = sorted(set(WebhookStatus.values) - {*WAITING, "rejected"})


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


def rows(installation: Installation, *due: datetime | None, status: str = "failed") -> list[WebhookLog]:
    """Make a row per time at which it is due."""
    return [
        WebhookLog.objects.create(
            company=installation.company, provider="careem", status=status, delivery_key=str(uuid.uuid4()),
            received_at=NOW, next_attempt_at=moment,
        )
        for moment in due
    ]  # fmt: skip


def ids(*logs: WebhookLog) -> list[uuid.UUID]:
    return [log.pk for log in logs]


# -- what is due -------------------------------------------------------------------------------------------------------


def test_due_is_what_waits_and_whose_time_has_come(amman):
    for status in [*WAITING, *SETTLED]:
        rows(amman, NOW, status=status)
    found = WebhookLog.objects.filter(pk__in=claims.due_rows(NOW, 100))
    assert sorted(found.values_list("status", flat=True)) == sorted(WAITING)


def test_a_row_is_due_at_its_very_moment_and_not_before(amman):
    early, exact, *_ = rows(amman, NOW - TICK, NOW, NOW + TICK, None)
    assert claims.due_rows(NOW, 100) == ids(early, exact)


def test_the_oldest_of_each_company_go_first_and_no_more_than_there_is_room_for(amman, dubai):
    a3, a2, a1 = rows(amman, *(NOW - timedelta(seconds=s) for s in (10, 20, 30)))
    d2, d1 = rows(dubai, *(NOW - timedelta(seconds=s) for s in (5, 25)))
    assert claims.due_rows(NOW, 100) == ids(a1, d1, a2, d2, a3)
    assert claims.due_rows(NOW, 3) == ids(a1, d1, a2)


def test_rows_due_at_the_same_moment_go_in_the_order_of_their_coming(amman):
    logs = rows(amman, *[NOW] * 6)
    for age_s, log in enumerate(logs):
        WebhookLog.objects.filter(pk=log.pk).update(received_at=NOW - timedelta(seconds=age_s // 2))
    (a, b), (c, d), (e, f) = (sorted(ids(*logs[at : at + 2])) for at in (4, 2, 0))
    assert claims.due_rows(NOW, 100) == [a, b, c, d, e, f]


def test_under_way_is_what_is_claimed_and_within_its_lease(amman):
    rows(amman, NOW - TICK, NOW, NOW + TICK, NOW + timedelta(seconds=45), status="processing")
    rows(amman, NOW + timedelta(seconds=45), status="failed")
    assert claims.rows_under_way(NOW) == 2


# -- claiming ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", WAITING)
def test_a_claim_is_a_token_a_status_and_a_lease(amman, status):
    (wanted, other) = rows(amman, NOW, NOW, status=status)
    token, taken = claims.claim(ids(wanted), NOW)
    assert (type(token), taken) == (uuid.UUID, ids(wanted))
    wanted.refresh_from_db()
    assert (wanted.status, wanted.claim_token) == ("processing", token)
    assert wanted.next_attempt_at == NOW + timedelta(seconds=WORK_LEASE_S)
    other.refresh_from_db()
    assert (other.status, other.claim_token, other.next_attempt_at) == (status, None, NOW)


@pytest.mark.parametrize("status", SETTLED)
def test_what_does_not_wait_is_not_claimed(amman, status):
    (row,) = rows(amman, NOW, status=status)
    assert claims.claim(ids(row), NOW)[1] == []
    row.refresh_from_db()
    assert (row.status, row.claim_token, row.next_attempt_at) == (status, None, NOW)


def test_a_claim_takes_what_is_due_in_the_order_given(amman):
    early, exact, late, never = rows(amman, NOW - TICK, NOW, NOW + TICK, None)
    assert claims.claim(ids(exact, never, late, early), NOW)[1] == ids(exact, early)


def test_each_claim_has_a_token_of_its_own(amman):
    first, second = rows(amman, NOW, NOW)
    assert claims.claim(ids(first), NOW)[0] != claims.claim(ids(second), NOW)[0]


@pytest.mark.parametrize(
    ("status", "error", "due_in_s", "pulled_to_s"),
    [
        ("failed", "InterfaceError", 160, 15),
        ("failed", "OperationalError", 16, 15),
        ("failed", "OperationalError", 15, 15),
        ("failed", "ValueError", 160, 160),
        ("failed", "", 160, 160),
        ("received", "", 45, 15),
        ("processing", "ValueError", 45, 15),
        ("dead", "OperationalError", 45, 45),
    ],
)
def test_an_outage_keeps_no_row_waiting_longer_than_fifteen_seconds(amman, status, error, due_in_s, pulled_to_s):
    (row,) = rows(amman, NOW + timedelta(seconds=due_in_s), status=status)
    WebhookLog.objects.update(error=error)
    assert claims.pull_due(NOW) == (ids(row) if status == "failed" and due_in_s != pulled_to_s else [])
    row.refresh_from_db()
    assert row.next_attempt_at == NOW + timedelta(seconds=pulled_to_s)


def test_a_failed_row_that_was_pulled_before_keeps_its_time(amman):
    known, other = rows(amman, *[NOW + timedelta(seconds=160)] * 2)
    WebhookLog.objects.update(error="OperationalError")
    assert claims.pull_due(NOW, ids(known)) == ids(other)
    known.refresh_from_db()
    assert known.next_attempt_at == NOW + timedelta(seconds=160)


# -- working what is claimed -------------------------------------------------------------------------------------------


@pytest.fixture
def claimed(amman, frozen) -> tuple[WebhookLog, uuid.UUID]:
    """A delivery that failed once, and was claimed ten seconds ago."""
    with mock.patch.object(inbox, "apply_event", side_effect=ValueError):
        amman.send("careem")
    log = WebhookLog.objects.get()
    WebhookLog.objects.update(next_attempt_at=NOW - timedelta(seconds=10))
    token, _ = claims.claim(ids(log), NOW - timedelta(seconds=10))
    log.refresh_from_db()
    return log, token


def test_who_begins_holds_the_row_anew_and_counts_the_try(claimed, amman):
    log, token = claimed
    seen = []

    def look(row, request, **how):
        seen.append((row.pk, row.status, row.attempts, row.next_attempt_at, row.claim_token, how, bytes(request.body)))
        return row

    with mock.patch.object(inbox, "process", look):
        assert inbox.process_claimed(log.pk, token, trigger="replay", user=amman.owner) == log
    pk, status, attempts, until, mine, how, body = seen[0]
    assert (pk, status, attempts) == (log.pk, "processing", 2)
    assert until == NOW + timedelta(seconds=WORK_LEASE_S)
    assert mine not in {None, token}
    assert how == {"trigger": "replay", "user": amman.owner}
    assert body == bytes(log.body.body)


def test_a_claimed_row_is_worked_once(claimed):
    log, token = claimed
    done = inbox.process_claimed(log.pk, token)
    assert (done.pk, done.status, done.claim_token, done.next_attempt_at) == (log.pk, "processed", None, None)
    assert inbox.process_claimed(log.pk, token) is None
    assert list(WebhookAttempt.objects.order_by("started_at").values_list("trigger", "outcome")) == [
        ("live", "failed"), ("retry", "processed"),
    ]  # fmt: skip
    assert Order.objects.count() == 1


@pytest.mark.parametrize("change", [{"claim_token": uuid.uuid4()}, {"claim_token": None}, {"status": "failed"}])
def test_a_row_whose_claim_is_not_ours_is_left_alone(claimed, change):
    log, token = claimed
    WebhookLog.objects.update(**change)
    before = WebhookLog.objects.values().get()
    assert inbox.process_claimed(log.pk, token) is None
    assert WebhookLog.objects.values().get() == before
    assert not Order.objects.exists()


def test_the_claim_of_one_row_works_no_other(claimed, amman):
    _, token = claimed
    (other,) = rows(amman, NOW, status="processing")
    assert inbox.process_claimed(other.pk, token) is None
    other.refresh_from_db()
    assert (other.status, other.attempts, other.next_attempt_at) == ("processing", 0, NOW)


def test_a_result_writes_its_own_row_alone(claimed, amman):
    log, token = claimed
    (other,) = rows(amman, NOW, status="processing")
    WebhookLog.objects.filter(pk=other.pk).update(claim_token=token)
    inbox.process_claimed(log.pk, token)
    other.refresh_from_db()
    assert (other.status, other.claim_token, other.next_attempt_at) == ("processing", token, NOW)


def test_a_result_names_its_time_and_how_long_the_delivery_took(claimed):
    log, token = claimed
    WebhookLog.objects.update(received_at=NOW - timedelta(seconds=1.5))
    done = inbox.process_claimed(log.pk, token)
    assert (done.processed_at, done.duration_ms) == (NOW, 1500.0)


def test_a_result_after_the_claim_was_lost_is_undone(claimed):
    log, token = claimed
    stolen = uuid.uuid4()
    real = inbox._describe

    def steal(row, *others):
        WebhookLog.objects.filter(pk=row.pk).update(claim_token=stolen)
        return real(row, *others)

    with mock.patch.object(inbox, "_describe", steal):
        left = inbox.process_claimed(log.pk, token)
    assert left.status == "processing"
    assert not Order.objects.exists()


# -- going out ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def push(amman, frozen) -> OutboundPush:
    """What Jahez is to be told of an acceptance."""
    amman.send("jahez")
    change_status(Order.objects.get(), Status.CONFIRMED, user=amman.owner)
    return OutboundPush.objects.exclude(action="acknowledge").get()


def test_a_push_is_claimed_once_for_as_long_as_a_worker_may_take_to_begin(push):
    stale = OutboundPush.objects.get(pk=push.pk)
    token = outbox.claim(push, NOW)
    push.refresh_from_db()
    assert (type(token), push.status, push.claim_token) == (uuid.UUID, PushStatus.SENDING, token)
    assert push.next_attempt_at == NOW + timedelta(seconds=outbox.BEGIN_WITHIN_S)
    assert outbox.claim(stale, NOW) is None
    push.refresh_from_db()
    assert push.claim_token == token


@pytest.mark.parametrize(
    "change",
    [
        {"status": PushStatus.SENT},
        {"status": PushStatus.DEAD},
        {"next_attempt_at": NOW - TICK},
        {"claim_token": uuid.UUID(int=1)},
    ],
    ids=str,
)
def test_a_push_that_changed_since_it_was_read_is_not_claimed(push, change):
    OutboundPush.objects.filter(pk=push.pk).update(**change)
    before = OutboundPush.objects.filter(pk=push.pk).values().get()
    assert outbox.claim(push, NOW) is None
    assert OutboundPush.objects.filter(pk=push.pk).values().get() == before


def test_who_begins_with_a_push_holds_it_for_a_minute(push, monkeypatch):
    token, seen = outbox.claim(push, NOW), []

    def look(taken):
        seen.append((taken.pk, taken.status, taken.next_attempt_at, taken.claim_token))
        return Result(PushStatus.SENT)

    monkeypatch.setattr(outbox, "deliver", look)
    assert outbox._work(push.pk, token) == push.order_id
    pk, status, until, mine = seen[0]
    assert (pk, status, until) == (push.pk, PushStatus.SENDING, NOW + timedelta(seconds=LEASE_S))
    assert mine not in {None, token}
    assert outbox._work(push.pk, token) is None
    assert len(seen) == 1


@pytest.mark.parametrize("change", [{"claim_token": uuid.UUID(int=1)}, {"status": PushStatus.FAILED}], ids=str)
def test_a_push_whose_claim_is_not_ours_is_not_sent(push, monkeypatch, change):
    token = outbox.claim(push, NOW)
    monkeypatch.setattr(outbox, "deliver", mock.Mock(side_effect=AssertionError("sent")))
    OutboundPush.objects.filter(pk=push.pk).update(**change)
    before = OutboundPush.objects.filter(pk=push.pk).values().get()
    assert outbox._work(push.pk, token) is None
    outbox.work_claimed(push.pk, token)
    assert OutboundPush.objects.filter(pk=push.pk).values().get() == before


def test_the_claim_of_one_push_sends_no_other(push, monkeypatch):
    token = outbox.claim(push, NOW)
    monkeypatch.setattr(outbox, "deliver", mock.Mock(side_effect=AssertionError("sent")))
    assert outbox._work(uuid.uuid4(), token) is None


def test_a_failure_of_ours_is_a_failed_push_that_counts(push, monkeypatch):
    monkeypatch.setattr(outbox, "deliver", mock.Mock(side_effect=KeyError("x")))
    outbox._work(push.pk, outbox.claim(push, NOW))
    push.refresh_from_db()
    assert (push.status, push.error_code, push.error, push.attempts, push.claim_token) == (
        PushStatus.FAILED, "internal_error", "Failed here: KeyError.", 1, None,
    )  # fmt: skip
    assert push.next_attempt_at > NOW
    assert push.finished_at is None


def test_a_push_of_no_use_is_dropped_with_its_reason(push, monkeypatch):
    monkeypatch.setattr(outbox, "deliver", mock.Mock(side_effect=AssertionError("sent")))
    Order.objects.update(status="cancelled")
    assert outbox._work(push.pk, outbox.claim(push, NOW)) == push.order_id
    push.refresh_from_db()
    assert (push.status, push.error_code, push.error) == (PushStatus.DROPPED, "order_ended", "The order is cancelled.")
    assert (push.claim_token, push.next_attempt_at, push.finished_at) == (None, None, NOW)


def test_an_order_is_worked_until_nothing_is_due(push, monkeypatch):
    sent = []
    monkeypatch.setattr(outbox, "deliver", lambda taken: sent.append(taken.action) or Result(PushStatus.SENT))
    change_status(Order.objects.get(), Status.PREPARING, user=None)
    pending = OutboundPush.objects.filter(status=PushStatus.PENDING).count()
    assert outbox.work_order(push.order_id) == pending == len(sent)
    assert outbox.work_order(push.order_id) == 0
    assert outbox.work_order(uuid.uuid4()) == 0


def test_a_claimed_push_takes_those_with_it_that_waited(push, monkeypatch):
    sent = []
    monkeypatch.setattr(outbox, "deliver", lambda taken: sent.append(taken.action) or Result(PushStatus.SENT))
    change_status(Order.objects.get(), Status.PREPARING, user=None)
    outbox.work_claimed(push.pk, outbox.claim(push, NOW))
    assert sent == ["confirmed", "preparing"]


def test_no_more_than_ten_pushes_go_in_a_row(push, monkeypatch):
    OutboundPush.objects.exclude(pk=push.pk).delete()
    monkeypatch.setattr(outbox, "deliver", lambda taken: Result(PushStatus.SENT))
    # One that is due again at once, for ever.
    monkeypatch.setattr(outbox, "_settle", lambda taken, result: OutboundPush.objects.filter(pk=taken.pk).update(
        status=PushStatus.FAILED, claim_token=None, next_attempt_at=timezone.now()))  # fmt: skip
    assert outbox.work_order(push.order_id) == 10


@pytest.mark.parametrize("by_claim", [True, False])
def test_nobody_else_is_sent_for(push, monkeypatch, by_claim):
    dubai = make_installation("dubai-diner", country="AE", currency="AED")
    dubai.send("jahez")
    change_status(Order.objects.get(company=dubai.company), Status.CONFIRMED, user=dubai.owner)
    sent = []
    monkeypatch.setattr(outbox, "deliver", lambda taken: sent.append(taken.order_id) or Result(PushStatus.SENT))
    if by_claim:
        outbox.work_claimed(push.pk, outbox.claim(push, NOW))
    else:
        outbox.work_order(push.order_id)
    assert set(sent) == {push.order_id}
