"""After a restore: no screen takes a new event for an old one, and what was told is not told as if for the first time."""

from __future__ import annotations

from datetime import timedelta

import pytest
import responses
from django.core.management import call_command
from django.utils import timezone

from integration.models import OutboundPush, ProviderToken
from integration.restoring import mend_restored
from integration.tests.factories import Installation, make_installation
from integration.tests.outbound import JAHEZ, arm, jahez_token, move, received, work
from orders.models import AuditEntry, CompanySequence, OrderEvent
from orders.timeline import LEAP, last_seq

pytestmark = pytest.mark.django_db


@pytest.fixture
def here() -> Installation:
    return make_installation(menu=False)


def changes(here: Installation, since: int):
    answer = here.client().get(f"/api/orders/changes?since={since}")
    return answer.status_code, answer.json()


def test_a_screen_that_saw_what_is_lost_reads_the_orders_again(here):
    for number in ("1", "2", "3"):
        here.send("careem", external_id=number)
    mend_restored()
    assert last_seq(here.company.id) == 3 + LEAP
    for seen in (4, 5, LEAP):  # of the time that is lost
        status, answer = changes(here, seen)
        assert (status, answer["error"], answer["details"]) == (
            410, "gone", {"lastSeq": 3 + LEAP, "since": "of a time before a backup was restored"},
        )  # fmt: skip


def test_a_screen_that_saw_no_more_than_the_backup_goes_on(here):
    here.send("careem", external_id="1")
    mend_restored()
    here.send("careem", external_id="2")
    for seen in (0, 1, 1 + LEAP):
        status, answer = changes(here, seen)
        expected = [1, 2 + LEAP] if seen == 0 else [2 + LEAP]
        assert (status, [frame["seq"] for frame in answer["results"]], answer["lastSeq"]) == (200, expected, 2 + LEAP)
    assert changes(here, 2)[0] == 410


def test_numbers_that_were_reached_before_are_never_given_again(here):
    here.send("careem", external_id="1")
    mend_restored()
    mend_restored()  # twice is no harm
    here.send("careem", external_id="2")
    assert list(OrderEvent.objects.order_by("seq").values_list("seq", flat=True)) == [1, 2 + 2 * LEAP]
    assert AuditEntry.objects.filter(action="database.restored", company=here.company).count() == 2


@responses.activate
def test_what_was_waiting_is_told_again_as_a_repeated_try_after_a_pause(here):
    jahez_token()
    responses.post(f"{JAHEZ}/webhooks/status_update", json={"success": True})
    order = received(here)
    push = move(order, "confirmed")
    now = timezone.now()
    mend_restored(now)
    push.refresh_from_db()
    assert (push.status, push.attempts, push.next_attempt_at, push.error_code) == (
        "failed", 1, now + timedelta(minutes=2), "restored",
    )  # fmt: skip
    OutboundPush.objects.update(next_attempt_at=now)
    assert work(push).status == "sent"
    assert responses.calls[-1].request.headers["Idempotency-Key"] == str(push.id)


@responses.activate
def test_an_acceptance_that_talabat_had_is_no_failure(here):
    order = received(here, "talabat", "tb-1")
    url = order.callback_urls["orderAcceptedUrl"]
    base = url.split("/v2/")[0]
    arm(here, "talabat", base_url=base)
    responses.post(f"{base}/v2/login", json={"access_token": "token"})
    responses.post(url, status=409, json={"currentState": "ACCEPTED"})
    push = move(order, "confirmed")
    mend_restored()
    OutboundPush.objects.update(next_attempt_at=timezone.now())
    assert work(push).status == "sent"


@responses.activate
def test_what_was_sent_is_not_told_again(here):
    jahez_token()
    responses.post(f"{JAHEZ}/webhooks/status_update", json={"success": True})
    push = work(move(received(here), "confirmed"))
    assert ProviderToken.objects.exists()
    mend_restored()
    push.refresh_from_db()
    assert (push.status, push.next_attempt_at, ProviderToken.objects.exists()) == ("sent", None, False)


def test_the_command_says_what_is_to_be_done_next_and_a_dry_run_writes_nothing(here, capsys):
    here.send("careem", external_id="1")
    arm(here, "careem")
    before = CompanySequence.objects.get().last_seq
    call_command("after_restore", dry_run=True)
    assert (CompanySequence.objects.get().last_seq, AuditEntry.objects.filter(action="database.restored").count()) == (
        before, 0,
    )  # fmt: skip
    assert "would leap" in capsys.readouterr().out
    call_command("after_restore")
    said = capsys.readouterr().out
    assert "The numbers of 1 companies leapt ahead; 0 pushes are told again." in said
    assert "manage.py reconcile --since 20" in said
