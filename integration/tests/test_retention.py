"""What is past its retention goes in batches that hold nothing for long, and whoever is stopped goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integration import batches, retention
from integration.alerting.turns import PRUNING
from integration.management.progress import Progress
from integration.models import Heartbeat, ListedOrder, ReconciliationReport, ReconciliationRun, WebhookBody, WebhookLog
from integration.tests.factories import Installation, make_installation
from orders.models import AuditEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def old(monkeypatch) -> Installation:
    """A company with five old deliveries, taken two at a time."""
    made = make_installation(menu=False)
    for number in range(5):
        made.send("careem", external_id=str(number))
    WebhookLog.objects.update(received_at=timezone.now() - timedelta(days=31))
    monkeypatch.setattr(batches.in_batches, "__defaults__", (2,))
    return made


def test_batches_are_told_one_by_one_and_stand_in_the_trail(old):
    told: list[tuple[str, int, int]] = []
    done = retention.clean(tell=lambda *progress: told.append(progress))
    assert told == [("webhook_bodies", 2, 5), ("webhook_bodies", 4, 5), ("webhook_bodies", 5, 5)]
    assert (done.counts, done.is_done) == ({"webhook_bodies": 5}, True)
    assert AuditEntry.objects.get(action="retention.cleaned").details == {"webhook_bodies": 5, "isDone": True}
    assert Heartbeat.objects.filter(name=PRUNING).exists()


def test_a_run_that_is_out_of_time_stops_after_a_batch_and_the_next_goes_on(old):
    done = retention.clean(within_s=0)
    assert (done.counts, done.is_done, WebhookBody.objects.count()) == ({"webhook_bodies": 2}, False, 3)
    # Only a whole run is a sign of life: else the alert centre would not hear that retention is behind.
    assert not Heartbeat.objects.filter(name=PRUNING).exists()
    assert retention.clean().counts == {"webhook_bodies": 3}


def test_what_was_done_before_a_failure_stays_done(old):
    def stop(table: str, done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retention.clean(tell=stop)
    assert WebhookBody.objects.count() == 3


def test_counting_takes_nothing(old):
    assert retention.count_old()["webhook_bodies"] == 5
    assert (WebhookBody.objects.count(), AuditEntry.objects.filter(action="retention.cleaned").exists()) == (5, False)


@pytest.mark.parametrize(("days", "kept_days", "left"), [(31, 30, 0), (29, 30, 2), (6, 1, 2), (8, 1, 0)])
def test_comparisons_go_with_the_log_and_reports_stay(settings, days, kept_days, left):
    settings.WEBHOOK_LOG_RETENTION_DAYS = kept_days
    company, at = make_installation(menu=False).company, timezone.now() - timedelta(days=days)
    ReconciliationRun.objects.create(
        company=company, source="careem", status="compared", since=at, until=at, started_at=at
    )
    ListedOrder.objects.create(
        company=company, source="careem", provider="careem", external_id="1", first_listed_at=at, listed_at=at
    )
    ReconciliationReport.objects.create(company=company, day=at.date(), is_different=False, figures={}, made_at=at)
    retention.clean()
    assert ReconciliationRun.objects.count() + ListedOrder.objects.count() == left
    assert ReconciliationReport.objects.count() == 1


def test_progress_is_said_every_two_seconds_at_most():
    said: list[str] = []
    clock = iter([0.0, 1.0, 2.0, 3.0, 4.5])

    class Out:
        def write(self, text: str) -> None:
            said.append(text)

    progress = Progress(Out(), lambda: next(clock))
    for done in (1, 2, 3, 4):
        progress.tell("orders", done, 4)
    assert said == ["orders: 2 of 4 (50 %)", "orders: 4 of 4 (100 %)"]
