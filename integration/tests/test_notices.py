"""Sending what was planned: signed, mailed or posted; tried again, given up, and in nobody's way."""

from __future__ import annotations

import json
import smtplib
from datetime import timedelta

import pytest
import responses
import time_machine
from django.core import mail
from django.utils import timezone

from integration import sweep
from integration.alerting import notices
from integration.alerting.planning import plan
from integration.alerts import raise_alert
from integration.models import Alert, AlertNotice, AlertNoticeAttempt, WebhookLog
from integration.retention import clean
from integration.tasks import send_notice
from integration.tests.alerting import HOOK, SECRET, SLACK, T0, at, make_channel, work_due
from integration.webhook_signing import signed_headers

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock():
    with time_machine.travel(T0, tick=False) as traveller:
        yield traveller


@pytest.fixture
def mail_server(settings):
    settings.EMAIL_HOST = "mail.example.com"


def planned(here, *channels, cause: str = "event_dead") -> None:
    raise_alert(here.company, cause, "A careem event <waits> & waits.", subject="careem", severity="critical", now=T0)
    assert plan(T0) == len(channels)


# -- each kind ---------------------------------------------------------------------------------------------------------


@responses.activate
def test_a_webhook_is_signed_over_exactly_what_is_sent(amman, clock):
    responses.post(HOOK, status=204)
    channel = make_channel(amman.company, kind="webhook")
    planned(amman, channel)
    assert work_due() == 1
    notice, request = AlertNotice.objects.get(), responses.calls[0].request
    assert notice.status == "sent"
    expected = signed_headers(str(notice.id), int(T0.timestamp()), request.body, (SECRET,))
    assert {name: request.headers[name] for name in expected} == expected
    document = json.loads(request.body)
    assert (document["type"], document["timestamp"]) == ("alert.opened", "2026-03-01T12:00:00Z")
    assert document["data"]["noticeId"] == str(notice.id)
    assert document["data"]["company"] == {"id": str(amman.company.id), "name": "Amman Grill"}
    assert [each["message"] for each in document["data"]["alerts"]] == ["A careem event <waits> & waits."]


@responses.activate
def test_a_secret_that_is_rotated_signs_beside_the_new_one_for_a_day(amman, clock):
    responses.post(HOOK)
    until = (T0 + timedelta(hours=24)).isoformat()
    channel = make_channel(amman.company, kind="webhook", secrets={"previous": SECRET, "previousUntil": until})
    planned(amman, channel)
    work_due()
    assert len(responses.calls[0].request.headers["webhook-signature"].split(" ")) == 2
    assert channel.signing_secrets(at(hours=25)) == (SECRET,)


@responses.activate
def test_slack_gets_a_text_without_links_of_others(amman, clock):
    responses.post(SLACK, body="ok")
    planned(amman, make_channel(amman.company))
    work_due()
    text = json.loads(responses.calls[0].request.body)["text"]
    assert text.startswith("*Critical: Event could not be processed – Amman Grill*\n")
    assert "A careem event &lt;waits&gt; &amp; waits." in text
    assert f"/alerts/?company={amman.company.id}" in text
    assert "webhook-signature" not in responses.calls[0].request.headers


def test_mail_goes_to_every_address_with_one_line_for_a_subject(amman, clock, mail_server):
    amman.company.name = "Amman\nBcc: all@example.com"
    amman.company.save()
    planned(amman, make_channel(amman.company, kind="email", emails=["a@example.com", "b@example.com"]))
    work_due()
    (sent,) = mail.outbox
    assert sent.to == ["a@example.com", "b@example.com"]
    assert sent.subject == "Critical: Event could not be processed – Amman Bcc: all@example.com"
    assert "A careem event <waits> & waits." in sent.body
    assert sent.extra_headers["Message-ID"] == f"<{AlertNotice.objects.get().id}@alerts.invalid>"


def test_without_a_mail_server_it_is_said_at_once(amman, clock):
    planned(amman, make_channel(amman.company, kind="email"))
    work_due()
    notice = AlertNotice.objects.get()
    assert (notice.status, notice.error) == ("dead", "No mail server is set: the operators set EMAIL_HOST.")
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("error", "status", "outcome"),
    [
        (smtplib.SMTPRecipientsRefused({}), "dead", "refused"),
        (smtplib.SMTPAuthenticationError(535, b"no"), "failed", "sign_in_failed"),
        (smtplib.SMTPServerDisconnected("gone"), "failed", "mail_failed"),
        (ConnectionRefusedError(), "failed", "connect_failed"),
    ],
)
def test_a_mail_server_that_fails(amman, clock, mail_server, monkeypatch, error, status, outcome):
    def fail(self, messages):
        raise error

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", fail)
    planned(amman, make_channel(amman.company, kind="email"))
    work_due()
    assert (AlertNotice.objects.get().status, AlertNoticeAttempt.objects.get().outcome) == (status, outcome)


# -- tries -------------------------------------------------------------------------------------------------------------


@responses.activate
def test_it_is_tried_again_after_10_20_40_seconds_and_every_try_is_kept(amman, clock, monkeypatch):
    monkeypatch.setattr("random.random", lambda: 0.0)
    responses.post(SLACK, status=500)
    planned(amman, make_channel(amman.company))
    waits = []
    for _ in range(4):
        work_due()
        notice = AlertNotice.objects.get()
        waits.append((notice.next_attempt_at - timezone.now()).total_seconds())
        clock.move_to(notice.next_attempt_at)
    assert waits == [10, 20, 40, 80]
    assert work_due(timezone.now() - timedelta(seconds=1)) == 0
    tries = AlertNoticeAttempt.objects.order_by("number").values_list("number", "outcome", "response_status")
    assert list(tries) == [(number, "http_500", 500) for number in range(1, 5)]


@responses.activate
def test_the_receivers_own_wait_is_kept(amman, clock):
    responses.post(SLACK, status=429, headers={"Retry-After": "300"})
    planned(amman, make_channel(amman.company))
    work_due()
    assert AlertNotice.objects.get().next_attempt_at == at(minutes=5)


@responses.activate
def test_after_a_day_it_is_given_up(amman, clock):
    responses.post(SLACK, status=503)
    planned(amman, make_channel(amman.company))
    AlertNotice.objects.update(created_at=at(hours=-24))
    work_due()
    notice = AlertNotice.objects.get()
    assert (notice.status, notice.next_attempt_at, notice.finished_at) == ("dead", None, T0)


@responses.activate
@pytest.mark.parametrize(("answer", "status"), [(410, "dead"), (404, "failed"), (302, "failed"), (200, "sent")])
def test_only_gone_is_believed_at_once(amman, clock, answer, status):
    responses.post(SLACK, status=answer)
    planned(amman, make_channel(amman.company))
    work_due()
    assert AlertNotice.objects.get().status == status


def test_an_address_that_leads_inside_is_refused_when_it_is_sent(amman, clock, monkeypatch):
    monkeypatch.setattr("socket.getaddrinfo", lambda *args, **kwargs: [(2, 1, 6, "", ("169.254.169.254", 443))])
    planned(amman, make_channel(amman.company))
    work_due()
    notice, attempt = AlertNotice.objects.get(), AlertNoticeAttempt.objects.get()
    assert (notice.status, attempt.outcome) == ("dead", "address_refused")
    assert "not on the public internet" in notice.error


@responses.activate
def test_a_notice_whose_claim_was_lost_writes_nothing(amman, clock):
    responses.post(SLACK)
    planned(amman, make_channel(amman.company))
    (notice,) = notices.due_notices(T0, 10)
    first = notices.claim(notice, T0)
    assert notices.claim(notice, T0) is None
    send_notice(str(notice.pk), str(first))
    send_notice(str(notice.pk), str(first))
    assert len(responses.calls) == 1
    assert AlertNoticeAttempt.objects.count() == 1


# -- nobody waits for a dead channel -------------------------------------------------------------------------------------


@responses.activate
def test_a_dead_slack_keeps_no_other_channel(amman, clock, mail_server):
    responses.post(SLACK, body=ConnectionError())
    responses.post(HOOK)
    dead, alive = make_channel(amman.company), make_channel(amman.company, "Hook", "webhook")
    mailed = make_channel(amman.company, "Mail", "email")
    planned(amman, dead, alive, mailed)
    work_due()
    states = dict(AlertNotice.objects.values_list("channel__name", "status"))
    assert states == {"Kitchen": "failed", "Hook": "sent", "Mail": "sent"}


def test_a_channel_has_one_notice_under_way(amman, clock):
    first, second = make_channel(amman.company), make_channel(amman.company, "Hook", "webhook")
    for cause in ("event_dead", "push_dead"):
        raise_alert(amman.company, cause, "It waits.", now=T0)
    plan(T0)
    due = notices.due_notices(T0, 10)
    assert {notice.channel_id for notice in due} == {first.pk, second.pk}
    assert len(due) == 2
    for notice in due:
        notices.claim(notice, T0)
    assert notices.due_notices(T0, 10) == []
    # Whoever claimed them has died: they are due again.
    assert len(notices.due_notices(at(seconds=16), 10)) == 2


@responses.activate
def test_the_others_of_a_channel_wait_with_the_one_that_failed(amman, clock):
    responses.post(SLACK, status=500)
    make_channel(amman.company)
    for cause in ("event_dead", "push_dead"):
        raise_alert(amman.company, cause, "It waits.", now=T0)
    plan(T0)
    assert work_due() == 1
    assert len(responses.calls) == 1
    assert set(AlertNotice.objects.values_list("next_attempt_at", flat=True)) == {
        AlertNotice.objects.get(status="failed").next_attempt_at
    }


@responses.activate
def test_an_order_that_comes_calls_no_channel(amman):
    make_channel(amman.company)
    amman.send("careem")
    amman.send_payload("careem", b"{")
    assert Alert.objects.filter(cause="event_invalid_payload").exists()
    assert WebhookLog.objects.count() == 2
    assert len(responses.calls) == 0
    assert not AlertNotice.objects.exists()


# -- a channel that does not work is an alert of its own -----------------------------------------------------------------


@responses.activate
def test_a_channel_that_fails_is_told_of_in_the_alert_centre_and_to_the_others(amman, clock, mail_server):
    answer = responses.post(SLACK, status=500)
    planned(amman, make_channel(amman.company), make_channel(amman.company, "Mail", "email"))
    for _ in range(3):
        work_due()
        clock.move_to(AlertNotice.objects.get(channel__name="Kitchen").next_attempt_at)
    alert = Alert.objects.get(cause="channel_failing")
    assert (alert.subject, alert.state) == ("Kitchen", "open")
    plan(timezone.now())
    told = AlertNotice.objects.filter(cause="channel_failing").values_list("channel__name", flat=True)
    assert list(told) == ["Mail"]
    responses.replace(responses.POST, SLACK, status=200)
    assert answer.call_count == 3
    work_due()
    alert.refresh_from_db()
    assert alert.state == "resolved"


def test_a_notice_of_a_channel_that_was_switched_off_is_dropped(amman, clock):
    channel = make_channel(amman.company)
    planned(amman, channel)
    channel.enabled = False
    channel.save()
    work_due()
    assert AlertNotice.objects.get().error == "The channel is switched off."
    assert not Alert.objects.filter(cause="channel_failing").exists()


def test_finished_notices_go_after_the_retention(amman, settings):
    channel = make_channel(amman.company)
    old = timezone.now() - timedelta(days=settings.WEBHOOK_LOG_RETENTION_DAYS + 1)
    for status, due in (("sent", None), ("pending", old)):
        AlertNotice.objects.create(channel=channel, kind="opened", status=status, next_attempt_at=due, created_at=old)
    clean()
    assert AlertNotice.objects.get().status == "pending"


# -- the sweeper -----------------------------------------------------------------------------------------------------------


def due_notice(here, name: str) -> AlertNotice:
    channel = make_channel(here.company, name)
    now = timezone.now() - timedelta(seconds=1)
    return AlertNotice.objects.create(channel=channel, kind="opened", next_attempt_at=now, created_at=now)


def test_the_sweeper_hands_a_notice_to_a_worker_by_id_and_claim(amman, monkeypatch):
    handed = []
    monkeypatch.setattr(
        sweep.Sweeper, "_hand_over", lambda self, task, *args: handed.append((task.name, *args)) or True
    )
    notice = due_notice(amman, "Kitchen")
    assert sweep.Sweeper().sweep_notices() == 1
    notice.refresh_from_db()
    assert handed == [("integration.send_notice", str(notice.pk), notice.claim_token)]
    assert notice.status == "sending"


def test_channels_that_hang_keep_no_more_than_the_notifiers_and_no_push(amman, monkeypatch):
    submitted = []
    sweeper = sweep.Sweeper(has_broker=False)
    # What is submitted never ends: each holds its place for good.
    monkeypatch.setattr(sweeper._notifiers, "submit", lambda *args: submitted.append(args))
    for number in range(5):
        due_notice(amman, f"Channel {number}")
    assert [sweeper.sweep_notices(), sweeper.sweep_notices()] == [sweep.NOTIFIERS, 0]
    assert len(submitted) == sweep.NOTIFIERS
    assert AlertNotice.objects.filter(status="pending").count() == 5 - sweep.NOTIFIERS
    assert all(sweeper._free.acquire(blocking=False) for _ in range(sweep.SENDERS))


def test_a_notice_whose_claim_fails_keeps_no_notifier_busy(amman, monkeypatch):
    def fail(*args):
        raise RuntimeError("no")

    sweeper = sweep.Sweeper(has_broker=False)
    due_notice(amman, "Kitchen")
    monkeypatch.setattr(notices, "claim", fail)
    with pytest.raises(RuntimeError):
        sweeper.sweep_notices()
    assert all(sweeper._free_to_notify.acquire(blocking=False) for _ in range(sweep.NOTIFIERS))
