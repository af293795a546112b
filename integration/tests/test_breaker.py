from __future__ import annotations

from datetime import timedelta

import pytest
import responses
import time_machine
from django.utils import timezone

from integration import breaker
from integration.models import Alert, CircuitBreaker, OutboundPush
from integration.tests.outbound import JAHEZ, jahez_token, move, received, work

STATUS_URL = f"{JAHEZ}/webhooks/status_update"


@pytest.fixture
def frames(monkeypatch):
    sent = []
    monkeypatch.setattr("orders.live.announce", lambda company_id, frame, **kwargs: sent.append(frame))
    return sent


def fail(installation, times, provider="jahez"):
    for _ in range(times):
        breaker.failed(installation.company, provider)


def row(installation):
    return CircuitBreaker.objects.get(company=installation.company, provider="jahez")


def test_five_failures_in_a_row_open_it_for_half_a_minute(amman, frames):
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        fail(amman, 4)
        assert breaker.admit(amman.company.id, "jahez").is_open
        fail(amman, 1)
        gate = breaker.admit(amman.company.id, "jahez")
    assert gate == breaker.Gate(False, now + timedelta(seconds=30))
    told = [frame for frame in frames if frame["type"] == "integration_status"]
    assert [(frame["provider"], frame["status"], frame["breaker"]) for frame in told] == [
        ("jahez", "unhealthy", "open")
    ]
    assert Alert.objects.get().cause == "provider_unreachable"


def test_an_answer_between_them_starts_the_count_anew(amman):
    fail(amman, 4)
    breaker.succeeded(amman.company.id, "jahez")
    fail(amman, 4)
    assert row(amman).state == "closed"


def test_one_probe_goes_when_its_time_has_come(amman, frames):
    fail(amman, 5)
    with time_machine.travel(timezone.now() + timedelta(seconds=31)):
        assert [breaker.admit(amman.company.id, "jahez").is_open for _ in range(3)] == [True, False, False]
        breaker.succeeded(amman.company.id, "jahez")
        assert breaker.admit(amman.company.id, "jahez").is_open
    assert [frame["breaker"] for frame in frames if "breaker" in frame] == ["open", "half_open", "closed"]
    assert Alert.objects.get().state == "resolved"


def test_it_stays_open_twice_as_long_after_each_probe_up_to_ten_minutes(amman):
    fail(amman, 5)
    seen = []
    now = timezone.now()
    for _ in range(7):
        now = row(amman).retry_at + timedelta(seconds=1)
        with time_machine.travel(now, tick=False):
            assert breaker.admit(amman.company.id, "jahez").is_open
            fail(amman, 1)
        seen.append(row(amman).open_for_s)
    assert seen == [60, 120, 240, 480, 600, 600, 600]


def test_a_probe_whose_sender_died_makes_room_for_another(amman):
    fail(amman, 5)
    with time_machine.travel(timezone.now() + timedelta(seconds=31), tick=False):
        assert breaker.admit(amman.company.id, "jahez").is_open
    with time_machine.travel(timezone.now() + timedelta(seconds=92), tick=False):
        assert breaker.admit(amman.company.id, "jahez").is_open


def test_another_company_and_another_provider_go_on(amman, dubai):
    fail(amman, 5)
    assert breaker.admit(dubai.company.id, "jahez").is_open
    assert breaker.admit(amman.company.id, "careem").is_open


@responses.activate
def test_pushes_wait_while_it_is_open_and_lose_no_try(amman):
    jahez_token()
    responses.post(STATUS_URL, json={})
    push = move(received(amman), "confirmed")
    fail(amman, 5)
    assert (work(push).status, push.error_code, push.attempts) == ("failed", "breaker_open", 0)
    assert not responses.calls
    assert push.next_attempt_at <= row(amman).retry_at + timedelta(seconds=1)
    with time_machine.travel(timezone.now() + timedelta(seconds=31)):
        assert work(push).status == "sent"
    assert row(amman).state == "closed"


@responses.activate
def test_a_refusal_is_no_failure_of_the_way(amman):
    jahez_token()
    responses.post(STATUS_URL, status=422)
    for number in range(6):
        work(move(received(amman, external_id=f"2000000{number}"), "confirmed"))
    assert not CircuitBreaker.objects.exists()
    assert OutboundPush.objects.filter(status="dead").count() == 6
