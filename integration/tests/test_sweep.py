"""How much the sweeper takes on, in which parcels, and what it does once database or broker are back."""

from __future__ import annotations

import threading
from datetime import timedelta
from unittest import mock

import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone

from integration import claims, sweep
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


def fail():
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
