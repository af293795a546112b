"""Each rule is raised once when its cause appears, and resolves by itself when the cause is gone."""

from __future__ import annotations

import ssl
import uuid
from collections import namedtuple
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from integration import inbox
from integration.addresses import AddressError
from integration.alerting import installation, planning, watch
from integration.alerting.turns import PRUNING
from integration.alerts import resolve_alert
from integration.heartbeat import SWEEPER, WORKER, beat
from integration.models import (
    Alert,
    AlertNotice,
    AlertThreshold,
    Heartbeat,
    OutboundPush,
    ProviderCredential,
    WebhookLog,
    WebhookStatus,
)
from integration.own_certificate import certificate_end
from integration.tasks import prune_logs, watch_alerts
from integration.tests.alerting import T0, at, make_channel
from integration.tests.outbound import move, received

pytestmark = pytest.mark.django_db


def logs(here, number: int, status: str = "processed", *, now=T0, provider: str = "careem", **fields) -> None:
    """Write deliveries that ended a minute ago."""
    WebhookLog.objects.bulk_create(
        WebhookLog(company=here.company, provider=provider, status=status, delivery_key=str(uuid.uuid4()),
                   **{"received_at": now - timedelta(minutes=1), "duration_ms": 20.0, **fields})
        for _ in range(number)
    )  # fmt: skip


def standing(cause: str) -> list[tuple[str, str, int]]:
    """Return the unresolved alerts of a cause: subject, severity, how often raised."""
    rows = Alert.objects.filter(cause=cause).exclude(state="resolved").order_by("subject")
    return list(rows.values_list("subject", "severity", "count"))


def quickly(*minutes: int) -> None:
    for minute in minutes:
        watch.watch_quickly(at(minutes=minute))


def slowly(*minutes: int) -> None:
    for minute in minutes:
        watch.watch_slowly(at(minutes=minute))


# -- of a company ------------------------------------------------------------------------------------------------------


def test_many_failures_are_told_once_and_resolve_when_they_are_over(amman):
    logs(amman, 8)
    logs(amman, 2, "failed")
    quickly(0, 1, 2)
    assert standing("error_rate") == [("careem", "critical", 1)]
    assert Alert.objects.get(cause="error_rate").message == "20 % of the last 10 deliveries of careem failed."
    quickly(15)
    assert standing("error_rate") == []
    assert Alert.objects.get(cause="error_rate").resolved_by is None


@pytest.mark.parametrize(
    ("well", "ill", "fields"),
    [(9, 1, {}), (7, 2, {}), (8, 2, {"is_test": True}), (8, 2, {"received_at": T0 - timedelta(minutes=11)})],
    ids=["too few failed", "too few at all", "tests", "long ago"],
)
def test_what_is_no_error_rate(amman, well, ill, fields):
    logs(amman, well, **fields)
    logs(amman, ill, "dead", **fields)
    quickly(0)
    assert standing("error_rate") == []


def test_a_rate_is_of_one_provider(amman):
    logs(amman, 40, provider="jahez")
    logs(amman, 10, "quarantined")
    quickly(0)
    assert standing("error_rate") == [("careem", "critical", 1)]


def test_slow_processing_is_told_once_and_resolves(amman):
    logs(amman, 18)
    logs(amman, 2, duration_ms=2_500.0)
    quickly(0, 1)
    assert standing("processing_slow") == [("careem", "warning", 1)]
    assert Alert.objects.get().details == {"p95Ms": 2500, "sample": 20}
    logs(amman, 40, now=at(minutes=2))
    quickly(3)
    assert standing("processing_slow") == []


def test_a_threshold_of_the_company_counts_and_zero_is_never(amman, dubai):
    for here in (amman, dubai):
        logs(here, 8)
        logs(here, 2, "failed")
        logs(here, 20, duration_ms=9_000.0, provider="jahez")
    AlertThreshold.objects.create(company=amman.company, name="errorRatePercent", value=0)
    AlertThreshold.objects.create(company=amman.company, name="slowP95Ms", value=10_000)
    quickly(0)
    assert list(Alert.objects.order_by("cause").values_list("company__slug", "cause")) == [
        ("dubai-diner", "error_rate"),
        ("dubai-diner", "processing_slow"),
    ]


def test_a_credential_that_expires_is_told_once_grows_urgent_and_resolves(amman):
    rows = ProviderCredential.objects.filter(company=amman.company, provider="careem")
    rows.update(expires_at=at(days=13))
    slowly(0, 5)
    assert standing("credential_expiring") == [("careem", "warning", 1)]
    assert Alert.objects.get().message == "The credential for careem expires soon."
    assert Alert.objects.get().details == {"expiresAt": "2026-03-14T12:00:00Z"}
    watch.watch_slowly(at(days=12))
    assert standing("credential_expiring") == [("careem", "critical", 1)]
    watch.watch_slowly(at(days=14))
    assert Alert.objects.get(cause="credential_expiring").message == "The credential for careem has expired."
    rows.update(expires_at=at(days=400))
    watch.watch_slowly(at(days=14, minutes=5))
    assert standing("credential_expiring") == []


@pytest.mark.parametrize("change", [{"expires_at": T0 + timedelta(days=15)}, {"expires_at": T0, "is_enabled": False}])
def test_a_credential_that_nobody_has_to_look_at(amman, change):
    ProviderCredential.objects.filter(company=amman.company, provider="careem").update(**change)
    slowly(0)
    assert standing("credential_expiring") == []


def test_silence_at_an_hour_that_usually_has_orders_is_told_once_and_resolves(amman):
    for week in range(1, 5):
        logs(amman, 5, now=T0 - timedelta(weeks=week))
    slowly(0, 5)
    assert standing("provider_silent") == [("careem", "critical", 1)]
    logs(amman, 1, now=at(minutes=6))
    slowly(10)
    assert standing("provider_silent") == []


def test_a_closed_kitchen_is_not_silent(amman):
    amman.branch.opening_hours = [{"day": 0, "opens": "02:00", "closes": "02:01"}]
    amman.branch.save()
    for week in range(1, 5):
        logs(amman, 5, now=T0 - timedelta(weeks=week))
    slowly(0)
    assert standing("provider_silent") == []


# -- what was raised when it happened ------------------------------------------------------------------------------------


def test_a_quarantined_event_resolves_its_alert_when_none_waits_any_more(amman):
    amman.send_payload("careem", b"{")
    quickly(0)
    assert standing("event_invalid_payload") == [("careem", "critical", 1)]
    WebhookLog.objects.update(status=WebhookStatus.PROCESSED)
    quickly(1)
    assert standing("event_invalid_payload") == []


def test_a_dead_event_resolves_its_alert_once_it_is_replayed(amman, monkeypatch):
    def fail(*args, **kwargs):
        raise KeyError("x")

    with monkeypatch.context() as patched:
        patched.setattr(inbox, "apply_event", fail)
        patched.setattr(inbox, "next_delay", lambda attempts: None)
        amman.send("careem")
    assert standing("event_dead") == [("careem", "critical", 1)]
    quickly(0)
    assert len(standing("event_dead")) == 1
    inbox.replay(WebhookLog.objects.get(), user=amman.manager)
    quickly(1)
    assert standing("event_dead") == []


def test_refused_signatures_resolve_a_quarter_of_an_hour_after_the_last(amman):
    for _ in range(inbox.REFUSALS_THAT_CLUSTER + 3):
        inbox.record_rejection(amman.company, "careem", "wrong proof", T0)
    quickly(1)
    assert standing("signatures_failing") == [("careem", "warning", 1)]
    inbox.record_rejection(amman.company, "careem", "wrong proof", at(minutes=10))
    quickly(20)
    assert len(standing("signatures_failing")) == 1
    quickly(26)
    assert standing("signatures_failing") == []


def test_what_a_person_resolved_is_left_alone_for_an_hour(amman):
    logs(amman, 8)
    logs(amman, 2, "failed")
    quickly(0)
    with time_machine.travel(at(minutes=1), tick=False):
        resolve_alert(Alert.objects.get(), amman.manager)
    logs(amman, 20, "failed", now=at(minutes=70))
    quickly(2)
    assert standing("error_rate") == []
    quickly(70)
    assert len(standing("error_rate")) == 1


# -- of the installation -------------------------------------------------------------------------------------------------


def test_a_delivery_that_waits_too_long_is_a_backlog_until_it_is_worked(amman):
    logs(amman, 1, "failed", next_attempt_at=T0)
    watch.watch_quickly(at(seconds=119))
    assert standing("backlog") == []
    quickly(2, 3)
    assert standing("backlog") == [("inbox", "critical", 1)]
    assert Alert.objects.get(cause="backlog").company is None
    WebhookLog.objects.update(status=WebhookStatus.PROCESSED, next_attempt_at=None)
    quickly(4)
    assert standing("backlog") == []


def test_many_overdue_rows_are_a_backlog_at_once(amman):
    AlertThreshold.objects.create(company=None, name="backlogDepth", value=3)
    logs(amman, 4, "failed", next_attempt_at=T0)
    watch.watch_quickly(at(seconds=1))
    assert standing("backlog") == [("inbox", "critical", 1)]
    assert Alert.objects.get(cause="backlog").details == {"depth": 3, "oldestSeconds": 1}


def test_what_providers_are_not_told_in_time_is_a_backlog(amman):
    push = move(received(amman), "confirmed")
    OutboundPush.objects.filter(pk=push.pk).update(next_attempt_at=T0)
    quickly(5)
    assert standing("backlog") == [("outbox", "critical", 1)]


def test_a_worker_that_is_not_heard_of_is_missing_until_it_is_back(db):
    for second in range(0, 91, 30):
        beat(SWEEPER, at(seconds=second))
        watch.watch_quickly(at(seconds=second))
    assert standing("process_missing") == []
    beat(SWEEPER, at(seconds=120))
    watch.watch_quickly(at(seconds=120))
    assert standing("process_missing") == [("worker", "critical", 1)]
    beat(WORKER, at(seconds=130))
    watch.watch_quickly(at(seconds=130))
    assert standing("process_missing") == []


def test_the_sweeper_stands_in_for_a_worker_that_is_missing(amman):
    channel = make_channel(None)
    for second in range(0, 121, 10):
        beat(SWEEPER, at(seconds=second))
        watch.sweeper_tick(has_broker=True, now=at(seconds=second))
    assert standing("process_missing") == [("worker", "critical", 1)]
    assert AlertNotice.objects.get().channel == channel


def test_a_sweeper_leaves_the_watch_to_a_worker_that_lives(db):
    for second in range(0, 61, 10):
        beat(WORKER, at(seconds=second))
        watch.sweeper_tick(has_broker=True, now=at(seconds=second))
    assert not Heartbeat.objects.filter(name__startswith="job:").exists()


def test_without_a_broker_the_sweeper_does_all_and_nobody_misses_a_worker(db):
    for second in range(0, 301, 10):
        beat(SWEEPER, at(seconds=second))
        watch.sweeper_tick(has_broker=False, now=at(seconds=second))
    assert standing("process_missing") == []
    assert Heartbeat.objects.filter(name="job:quick_rules").exists()


def test_after_a_stop_of_everything_nobody_has_been_missing(db):
    with time_machine.travel(T0, tick=False):
        watch_alerts()
        for name in (WORKER, SWEEPER, PRUNING):
            beat(name, T0)
    with time_machine.travel(at(days=3), tick=False):
        watch_alerts()
    assert not Alert.objects.exists()


def test_old_bodies_that_nobody_deletes_are_told_of_until_the_job_ends_well(db):
    beat(PRUNING, T0)
    watch.watch_slowly(at(hours=24))
    assert standing("retention_overdue") == []
    watch.watch_slowly(at(hours=25))
    assert standing("retention_overdue") == [("bodies", "warning", 1)]
    with time_machine.travel(at(hours=26), tick=False):
        prune_logs()
    watch.watch_slowly(at(hours=26))
    assert standing("retention_overdue") == []


def test_a_disk_that_fills_up(db, monkeypatch):
    Usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(100, 91, 9))
    slowly(0, 5)
    assert standing("disk_low") == [("data", "critical", 1)]
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(100, 90, 10))
    slowly(10)
    assert standing("disk_low") == []


@pytest.fixture
def https(settings):
    settings.APP_BASE_URL = "https://orders.example.com"


def test_a_certificate_that_expires_is_told_once_and_resolves(db, https, monkeypatch):
    ends, asked = [at(days=13)], []
    monkeypatch.setattr(installation, "certificate_end", lambda host, port: asked.append(host) or ends[0])
    slowly(0, 5, 355)
    assert asked == ["orders.example.com"]
    assert standing("certificate_expiring") == [("orders.example.com", "warning", 1)]
    assert Alert.objects.get().message == "The certificate of orders.example.com expires soon."
    assert Alert.objects.get().details == {"expiresAt": "2026-03-14T12:00:00Z"}
    ends[0] = at(days=100)
    slowly(361)
    assert standing("certificate_expiring") == []


def test_a_certificate_that_is_not_valid_is_critical(db, https, monkeypatch):
    def refuse(host, port):
        error = ssl.SSLCertVerificationError("no")
        error.verify_message = "certificate has expired"
        raise error

    monkeypatch.setattr(installation, "certificate_end", refuse)
    slowly(0)
    assert standing("certificate_expiring") == [("orders.example.com", "critical", 1)]


def test_an_address_that_cannot_be_reached_from_here_says_nothing_of_its_certificate(db, https, monkeypatch):
    def fail(host, port):
        raise OSError

    Alert.objects.create(cause="certificate_expiring", subject="orders.example.com", severity="warning", message="m",
                         first_seen_at=T0, last_seen_at=T0)  # fmt: skip
    monkeypatch.setattr(installation, "certificate_end", fail)
    slowly(0)
    assert len(standing("certificate_expiring")) == 1


def test_our_own_address_is_dialled_by_the_rules_for_every_other(settings):
    settings.OUTBOUND_ALLOWED_ORIGINS = []
    with pytest.raises(AddressError):
        certificate_end("localhost", 1)
    settings.OUTBOUND_ALLOWED_ORIGINS = ["https://localhost:1"]
    with pytest.raises(ConnectionRefusedError):
        certificate_end("localhost", 1)


def test_plain_http_has_no_certificate(db, settings, monkeypatch):
    monkeypatch.setattr(installation, "certificate_end", lambda host, port: pytest.fail("asked for"))
    slowly(0)
    assert standing("certificate_expiring") == []


# -- turns -------------------------------------------------------------------------------------------------------------


def test_each_job_is_done_when_it_is_due_by_one_of_several(db, monkeypatch):
    done = []
    monkeypatch.setattr(watch, "watch_quickly", lambda now: done.append("quick"))
    monkeypatch.setattr(watch, "watch_slowly", lambda now: done.append("slow"))
    monkeypatch.setattr(planning, "plan", lambda now: done.append("plan"))
    for second in (0, 0, 4, 5, 10, 30, 30):
        watch.tick(at(seconds=second))
    assert done == ["quick", "slow", "plan", "plan", "plan", "quick", "plan"]


def test_a_rule_that_fails_keeps_no_other_back(amman, monkeypatch, caplog):
    def fail(*args):
        raise RuntimeError("no")

    monkeypatch.setattr(watch.rules, "companies", fail)
    make_channel(amman.company)
    Alert.objects.create(company=amman.company, cause="push_dead", severity="critical", message="m", first_seen_at=T0,
                         last_seen_at=T0)  # fmt: skip
    watch.tick(timezone.now())
    assert AlertNotice.objects.get().cause == "push_dead"
    assert "The watch failed at quick_rules" in caplog.text
