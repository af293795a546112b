"""How much the sweeper takes on, in which parcels, and what it does once database or broker are back."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta
from unittest import mock

import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone

from integration import claims, heartbeat, sweep
from integration.models import WebhookLog, WebhookStatus
from integration.tests.factories import make_installation

pytestmark = pytest.mark.django_db


@pytest.fixture
def handed_over(monkeypatch):
    """Five deliveries that are due, room for three, and a broker that takes everything."""
    amman = make_installation()
    for number in range(5):
        amman.send("careem", external_id=f"10{number}")
    past = timezone.now() - timedelta(seconds=1)
    WebhookLog.objects.update(status=WebhookStatus.FAILED, next_attempt_at=past, claim_token=None)
    monkeypatch.setattr(sweep, "BATCH", 3)
    taken = []
    monkeypatch.setattr(sweep.Sweeper, "_hand_over", lambda self, task, pks, token: taken.extend(pks) or True)
    return taken


def test_no_more_is_claimed_than_can_be_under_way(handed_over):
    sweeper = sweep.Sweeper()
    assert [sweeper.sweep(), sweeper.sweep()] == [3, 0]
    assert len(handed_over) == 3
    assert WebhookLog.objects.filter(status=WebhookStatus.FAILED).count() == 2


def test_what_has_ended_makes_room(handed_over):
    sweeper = sweep.Sweeper()
    sweeper.sweep()
    ended = WebhookLog.objects.filter(pk=handed_over[0])
    ended.update(status=WebhookStatus.PROCESSED, next_attempt_at=None, claim_token=None)
    assert sweeper.sweep() == 1


def test_a_lease_that_has_run_out_takes_no_room(handed_over):
    sweeper = sweep.Sweeper()
    sweeper.sweep()
    WebhookLog.objects.filter(pk__in=handed_over).update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    assert sweeper.sweep() == 3


def test_without_a_broker_a_row_is_worked_here_and_handed_to_nobody():
    amman = make_installation()
    amman.send("careem")
    past = timezone.now() - timedelta(seconds=1)
    WebhookLog.objects.update(status=WebhookStatus.FAILED, next_attempt_at=past, claim_token=None)
    with mock.patch.object(sweep.process_events, "apply_async") as published:
        assert sweep.Sweeper(has_broker=False).sweep() == 1
    published.assert_not_called()
    assert WebhookLog.objects.get().status == WebhookStatus.IGNORED, "its order is there already"


def test_a_sweeps_rows_go_out_in_parcels(handed_over, monkeypatch):
    monkeypatch.setattr(sweep, "BATCH", 5)
    parcels = []
    monkeypatch.setattr(sweep.Sweeper, "_hand_over", lambda self, task, pks, token: parcels.append(len(pks)) or True)
    sweep.Sweeper().sweep()
    assert parcels == [2, 2, 1]


def test_a_claim_leaves_out_what_is_not_due_or_taken(handed_over):
    now = timezone.now()
    first, second, *rest = WebhookLog.objects.order_by("pk")
    WebhookLog.objects.filter(pk=first.pk).update(next_attempt_at=now + timedelta(seconds=9))
    claims.claim([second.pk], now)
    wanted = [rest[1].pk, first.pk, second.pk, rest[0].pk]
    token, taken = claims.claim(wanted, now)
    assert taken == [rest[1].pk, rest[0].pk]
    assert set(WebhookLog.objects.filter(claim_token=token).values_list("pk", flat=True)) == set(taken)


NOW = timezone.now()


@pytest.mark.parametrize(
    ("status", "error", "was_due_in_s", "is_due_in_s"),
    [
        ("failed", "OperationalError", 100, 15),
        ("failed", "OperationalError", 9, 9),
        ("failed", "ValueError", 100, 100),
        ("processing", "", 45, 15),
    ],
)
def test_what_an_outage_kept_waiting_waits_fifteen_seconds_more_at_most(status, error, was_due_in_s, is_due_in_s):
    make_installation().send("careem")
    due = NOW + timedelta(seconds=was_due_in_s)
    WebhookLog.objects.update(status=status, error=error, next_attempt_at=due)
    claims.pull_due(NOW)
    assert WebhookLog.objects.get().next_attempt_at == NOW + timedelta(seconds=is_due_in_s)


@pytest.fixture
def far_away(monkeypatch):
    """A delivery whose next try, because of the database, is minutes away; nothing closes the test's own connection."""
    make_installation().send("careem")
    WebhookLog.objects.update(
        status=WebhookStatus.FAILED, error="OperationalError", next_attempt_at=NOW + timedelta(seconds=160)
    )
    monkeypatch.setattr(sweep, "close_old_connections", lambda: None)
    monkeypatch.setattr(sweep.connections, "close_all", lambda: None)
    with time_machine.travel(NOW, tick=False):
        yield


def run_sweeps(monkeypatch, *first):
    """Run the loop; its first sweeps do what is given, the one after them is the real one and the last."""
    stop, real, left = threading.Event(), sweep.Sweeper.sweep, list(first)

    def sweep_once(self):
        if left:
            return left.pop(0)()
        stop.set()
        return real(self)

    monkeypatch.setattr(sweep.Sweeper, "sweep", sweep_once)
    monkeypatch.setattr(sweep, "INTERVAL_S", 0)
    sweep.Sweeper().run(stop)


def fail(*_):
    raise OperationalError("server closed the connection")


def test_a_database_that_is_away_is_said_once_and_without_a_traceback(far_away, monkeypatch, caplog):
    run_sweeps(monkeypatch, fail, fail, fail)
    said = [(record.getMessage(), record.exc_info) for record in caplog.records if record.name == "integration.sweep"]
    assert said == [("The database is away; sweeping goes on when it is back: OperationalError", None)]


def test_a_database_that_is_back_pulls_the_next_tries(far_away, monkeypatch):
    run_sweeps(monkeypatch, fail)
    assert WebhookLog.objects.get().next_attempt_at == NOW + timedelta(seconds=15)


def test_a_database_that_hung_pulls_the_next_tries(far_away, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(sweep.time, "monotonic", lambda: clock[0])
    run_sweeps(monkeypatch, lambda: clock.__setitem__(0, 6.0))
    assert WebhookLog.objects.get().next_attempt_at == NOW + timedelta(seconds=15)


def test_a_sweep_that_went_well_pulls_nothing(far_away, monkeypatch):
    run_sweeps(monkeypatch, lambda: 0)
    assert WebhookLog.objects.get().next_attempt_at == NOW + timedelta(seconds=160)


def test_a_broker_that_is_back_pulls_what_its_workers_may_have_lost(far_away, monkeypatch):
    sweeper, clock = sweep.Sweeper(), [100.0]
    monkeypatch.setattr(sweep.time, "monotonic", lambda: clock[0])
    log = WebhookLog.objects.get()
    with mock.patch.object(sweep.process_events, "apply_async", side_effect=ConnectionError):
        assert not sweeper._hand_over(sweep.process_events, [str(log.pk)], log.pk)
    clock[0] += sweep.BREAK_S
    with mock.patch.object(sweep.process_events, "apply_async"):
        assert sweeper._hand_over(sweep.process_events, [str(log.pk)], log.pk)
    sweeper.sweep()
    log.refresh_from_db()
    assert log.next_attempt_at == NOW + timedelta(seconds=15)


# -- the broker --------------------------------------------------------------------------------------------------------


def said(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "integration.sweep"]


def test_a_broker_that_fails_is_left_alone_for_ten_seconds(monkeypatch, caplog):
    clock, sweeper, task, token = [100.0], sweep.Sweeper(), mock.Mock(), uuid.uuid4()
    monkeypatch.setattr(sweep.time, "monotonic", lambda: clock[0])
    task.apply_async.side_effect = ConnectionError("gone")
    assert sweeper._hand_over(task, ["row"], token) is False
    assert said(caplog) == ["The broker takes no tasks; working here for 10 s: ConnectionError"]
    task.apply_async.side_effect = None
    clock[0] = 109.9
    assert sweeper._hand_over(task, ["row"], token) is False
    assert task.apply_async.call_count == 1
    clock[0] = 110.0
    assert (sweeper._hand_over(task, ["row"], token), sweeper._was_away) == (True, True)
    assert task.apply_async.call_args == mock.call(args=(["row"], str(token)), retry=False)
    sweeper._was_away = False
    clock[0] = 0.0
    assert (sweeper._hand_over(task, "row", token), sweeper._was_away) == (True, False)


def test_a_broker_that_hangs_keeps_a_thread_and_not_the_sweeper(caplog):
    sweeper, task, go_on, ended = sweep.Sweeper(), mock.Mock(), threading.Event(), []
    task.apply_async.side_effect = lambda **_: ended.append(go_on.wait(20))
    try:
        hung = sweeper._publisher
        assert sweeper._hand_over(task, ["row"], uuid.uuid4()) is False
        assert ended == []
        assert sweeper._publisher is not hung
        assert sweeper._publisher._max_workers == hung._max_workers == 1
        with pytest.raises(RuntimeError):
            hung.submit(print)
        assert said(caplog) == ["The broker takes no tasks; working here for 10 s: TimeoutError"]
    finally:
        go_on.set()


def test_without_a_broker_nothing_is_handed_over():
    task = mock.Mock()
    assert sweep.Sweeper(has_broker=False)._hand_over(task, ["row"], uuid.uuid4()) is False
    task.apply_async.assert_not_called()


def worker_was_seen(seconds_ago: float) -> None:
    heartbeat.beat(heartbeat.WORKER, timezone.now() - timedelta(seconds=seconds_ago))


def test_what_a_dead_worker_would_never_begin_is_worked_here():
    make_installation().send("careem")
    WebhookLog.objects.update(
        status=WebhookStatus.PROCESSING, next_attempt_at=timezone.now() - timedelta(seconds=1), claim_token=uuid.uuid4()
    )
    worker_was_seen(46)
    with mock.patch.object(sweep.process_events, "apply_async") as published:
        assert sweep.Sweeper().sweep() == 1
    published.assert_not_called()
    assert WebhookLog.objects.get().status == WebhookStatus.IGNORED, "its order is there already"


def test_a_worker_is_missed_after_a_lease_and_used_again_with_its_first_sign(monkeypatch, caplog):
    caplog.set_level("INFO")
    clock, sweeper, task = [100.0], sweep.Sweeper(), mock.Mock()
    monkeypatch.setattr(sweep.time, "monotonic", lambda: clock[0])

    def is_taken() -> bool:
        clock[0] += sweep.INTERVAL_S
        return sweeper._hand_over(task, ["row"], uuid.uuid4())

    worker_was_seen(44)
    assert is_taken()
    worker_was_seen(46)
    assert not sweeper._was_away
    assert [is_taken(), is_taken()] == [False, False]
    assert sweeper._was_away, "what it was given in vain is pulled"
    sweeper._was_away = False
    worker_was_seen(1)
    assert (is_taken(), sweeper._was_away) == (True, False)
    assert said(caplog) == [
        "No worker has given a sign for 45 s; working here until one does",
        "A worker is back; what is due is handed over to it again",
    ]


def test_a_worker_that_was_never_seen_is_expected_for_as_long(monkeypatch):
    clock, sweeper = [100.0], sweep.Sweeper()
    monkeypatch.setattr(sweep.time, "monotonic", lambda: clock[0])
    now = timezone.now()
    taken = []
    for after_s in (0, 44, 46):
        clock[0] += sweep.INTERVAL_S
        with time_machine.travel(now + timedelta(seconds=after_s), tick=False):
            taken.append(sweeper._hand_over(mock.Mock(), ["row"], uuid.uuid4()))
    assert taken == [True, True, False]


def test_a_sweep_looks_for_the_worker_once(monkeypatch):
    asked = mock.Mock(return_value=False)
    monkeypatch.setattr(sweep, "is_worker_missed", asked)
    monkeypatch.setattr(sweep.time, "monotonic", lambda: 100.0)
    sweeper = sweep.Sweeper()
    assert all(sweeper._hand_over(mock.Mock(), ["row"], uuid.uuid4()) for _ in range(5))
    assert asked.call_count == 1


def test_a_push_that_cannot_be_worked_is_said_and_frees_its_place(monkeypatch, caplog):
    closed = mock.Mock()
    monkeypatch.setattr(sweep.connections, "close_all", closed)
    monkeypatch.setattr(sweep.outbox, "work_claimed", mock.Mock(side_effect=ValueError))
    sweeper, push_id, token = sweep.Sweeper(), uuid.uuid4(), uuid.uuid4()
    for _ in range(sweep.SENDERS):
        assert sweeper._free.acquire(blocking=False)
    sweeper._send(push_id, token)
    assert said(caplog) == [f"Push {push_id} could not be worked; it is tried again"]
    sweep.outbox.work_claimed.assert_called_once_with(push_id, token)
    closed.assert_called_once_with()
    assert sweeper._free.acquire(blocking=False)
    assert not sweeper._free.acquire(blocking=False)


# -- the loop ----------------------------------------------------------------------------------------------------------


class Stop:
    """An event that is set after so many waits, and remembers them."""

    def __init__(self, after: int) -> None:
        self.after, self.waits = after, []

    def is_set(self) -> bool:
        return len(self.waits) >= self.after

    def wait(self, seconds: float) -> None:
        self.waits.append(round(seconds, 3))


@pytest.fixture
def loop(monkeypatch):
    """A loop whose sweeps take half a second each by its clock and do what they are told."""
    clock = [100.0]
    monkeypatch.setattr(sweep.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(sweep, "close_old_connections", lambda: None)
    monkeypatch.setattr(sweep.connections, "close_all", lambda: None)
    monkeypatch.setattr(sweep.Sweeper, "sweep_pushes", lambda self: 0)
    # Its thread has a connection of its own, whose rows no test takes back.
    monkeypatch.setattr(sweep.Sweeper, "_watch", lambda self: None)
    monkeypatch.setattr(sweep, "INTERVAL_S", 2.0)
    monkeypatch.setattr(sweep, "CROWDED_INTERVAL_S", 1.0)

    def run(what, *, times=1, takes_s=0.5):
        def sweep_once(self):
            clock[0] += takes_s
            what(self)

        monkeypatch.setattr(sweep.Sweeper, "sweep", sweep_once)
        sweeper, stop = sweep.Sweeper(), Stop(times)
        sweeper.run(stop)
        return sweeper, stop.waits

    return run


@pytest.mark.parametrize(
    ("is_crowded", "takes_s", "wait_s"), [(False, 0.5, 1.5), (True, 0.5, 0.5), (False, 9.0, 0.2), (True, 0.9, 0.2)]
)
def test_the_loop_waits_for_what_is_left_of_its_interval_which_is_shorter_in_a_crowd(loop, is_crowded, takes_s, wait_s):
    _, waits = loop(lambda self: setattr(self, "_is_crowded", is_crowded), times=2, takes_s=takes_s)
    assert waits == [wait_s, wait_s]


@pytest.mark.parametrize(("takes_s", "was_away"), [(4.9, False), (5.1, True)])
def test_a_sweep_that_takes_long_was_kept_waiting(loop, takes_s, was_away):
    assert loop(lambda self: None, takes_s=takes_s)[0]._was_away is was_away


def test_a_sweep_that_took_long_over_rows_of_its_own_was_not_kept_waiting(far_away, monkeypatch):
    clock, sweeper = [100.0], sweep.Sweeper(has_broker=False)
    monkeypatch.setattr(sweep.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(sweep.inbox, "process_claimed", lambda *_: clock.__setitem__(0, clock[0] + 6.0))
    monkeypatch.setattr(sweeper, "sweep", lambda: sweeper._work([uuid.uuid4()], uuid.uuid4()))
    sweeper.run(Stop(1))
    assert (clock[0], sweeper._was_away) == (106.0, False)


def test_a_failed_row_is_pulled_once_in_an_outage(far_away):
    sweeper, due = sweep.Sweeper(), []
    for _ in range(2):
        WebhookLog.objects.update(next_attempt_at=NOW + timedelta(seconds=160))
        sweeper._was_away = True
        sweeper.sweep()
        due.append((WebhookLog.objects.get().next_attempt_at - NOW).total_seconds())
    assert due == [15, 160]


def test_a_failed_row_is_pulled_again_in_the_next_outage(far_away, monkeypatch):
    sweeper = sweep.Sweeper()
    sweeper._pulled = {WebhookLog.objects.get().pk}
    sweeper.run(Stop(1))
    sweeper._was_away = True
    sweeper.sweep()
    assert WebhookLog.objects.get().next_attempt_at == NOW + timedelta(seconds=15)


def test_a_quick_sweep_forgets_no_outage_that_it_found(loop):
    assert loop(lambda self: setattr(self, "_was_away", True))[0]._was_away is True


def test_a_failure_is_said_and_the_loop_goes_on(loop, caplog):
    sweeper, waits = loop(lambda self: 1 / 0, times=2)
    assert (len(waits), sweeper._was_away) == (2, True)
    assert set(said(caplog)) == {"A sweep failed; the next one follows"}
    assert all(record.exc_info for record in caplog.records if record.name == "integration.sweep")


def test_no_more_pushes_are_claimed_than_can_be_sent_at_once(monkeypatch):
    now = timezone.now()
    pushes = [mock.Mock(pk=number, status="pending") for number in range(6)]
    asked = mock.Mock(return_value=pushes)
    monkeypatch.setattr(sweep.outbox, "due_pushes", asked)
    monkeypatch.setattr(sweep.outbox, "claim", lambda push, moment: f"token {push.pk}")
    sweeper = sweep.Sweeper(has_broker=False)
    sweeper._senders = mock.Mock()
    with time_machine.travel(now, tick=False):
        assert sweeper.sweep_pushes() == sweep.SENDERS == 4
    assert asked.call_args == mock.call(now, sweep.BATCH)
    assert sweeper._senders.submit.call_args_list == [mock.call(sweeper._send, n, f"token {n}") for n in range(4)]
    assert sweeper.sweep_pushes() == 0


def test_a_push_that_somebody_else_took_keeps_no_sender_busy(monkeypatch):
    monkeypatch.setattr(sweep.outbox, "due_pushes", lambda *_: [mock.Mock(status="pending") for _ in range(9)])
    monkeypatch.setattr(sweep.outbox, "claim", lambda *_: None)
    sweeper = sweep.Sweeper(has_broker=False)
    assert sweeper.sweep_pushes() == 0
    assert all(sweeper._free.acquire(blocking=False) for _ in range(sweep.SENDERS))


@pytest.mark.parametrize("breaks", ["claim", "submit"])
def test_a_push_whose_claim_or_start_fails_keeps_no_sender_busy(monkeypatch, breaks):
    monkeypatch.setattr(sweep.outbox, "due_pushes", lambda *_: [mock.Mock(status="pending")])
    monkeypatch.setattr(sweep.outbox, "claim", mock.Mock(side_effect=fail if breaks == "claim" else None))
    sweeper = sweep.Sweeper(has_broker=False)
    sweeper._senders = mock.Mock()
    sweeper._senders.submit.side_effect = fail if breaks == "submit" else None
    with pytest.raises(OperationalError):
        sweeper.sweep_pushes()
    assert all(sweeper._free.acquire(blocking=False) for _ in range(sweep.SENDERS))


def test_pushes_go_to_the_broker_by_id_and_claim(monkeypatch):
    handed = []
    monkeypatch.setattr(sweep.outbox, "due_pushes", lambda *_: [mock.Mock(pk=n, status="pending") for n in range(3)])
    monkeypatch.setattr(sweep.outbox, "claim", lambda push, _: f"token {push.pk}")
    monkeypatch.setattr(sweep.Sweeper, "_hand_over", lambda self, *what: handed.append(what) or True)
    assert sweep.Sweeper().sweep_pushes() == 3
    assert handed == [(sweep.push_claimed, str(n), f"token {n}") for n in range(3)]


def test_it_is_crowded_while_there_is_no_room_for_all_that_is_due(handed_over, monkeypatch):
    sweeper = sweep.Sweeper()
    sweeper.sweep()
    assert sweeper._is_crowded is True
    monkeypatch.setattr(sweep, "BATCH", 10)
    sweeper.sweep()
    assert sweeper._is_crowded is False


def test_an_outage_is_made_up_for_once(handed_over, monkeypatch):
    pulled = mock.Mock(return_value=[])
    monkeypatch.setattr(sweep.claims, "pull_due", pulled)
    sweeper = sweep.Sweeper()
    sweeper._was_away = True
    sweeper.sweep()
    sweeper.sweep()
    assert pulled.call_count == 1


def test_two_rows_go_out_in_parcels_of_one(handed_over, monkeypatch):
    monkeypatch.setattr(sweep, "BATCH", 2)
    parcels = []
    monkeypatch.setattr(sweep.Sweeper, "_hand_over", lambda self, task, pks, token: parcels.append(len(pks)) or True)
    sweep.Sweeper().sweep()
    assert parcels == [1, 1]
