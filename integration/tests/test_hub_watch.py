"""What the hub counts beside what came here: asked for by a task, seldom, and never at the cost of a page."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
import responses
import time_machine
from django.db import IntegrityError
from requests.exceptions import ConnectionError as Refused

from integration import hub_watch
from integration.hub_watch import Way, ask_for, ask_for_all, reading_for, ways
from integration.models import CircuitBreaker, HubReading, IntegrationWebhook, WebhookLog
from integration.tests.factories import SECRETS, make_installation

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 18, 12, 30, tzinfo=UTC)
HUB = "http://localhost:3002/api/webhooks"
STATS = {
    "success": True,
    "data": {
        "from": "2026-03-17T13:00:00Z", "to": "2026-03-18T12:30:00Z", "total": 5,
        "byProvider": [{"provider": "careem", "total": 3}, {"provider": "jahez", "total": 2}, {"provider": "x", "total": 9}],
        "forwards": {"total": 5, "sent": 3, "waiting": 1, "failed": 1, "dead": 2},
    },
}  # fmt: skip


def row(external_id, minutes_ago, provider="careem", **fields):
    at = (NOW - timedelta(minutes=minutes_ago)).isoformat().replace("+00:00", "Z")
    return {"provider": provider, "externalOrderId": external_id, "receivedAt": at, "forwards": [{}], **fields}


@pytest.fixture
def here():
    made = make_installation(menu=False)
    IntegrationWebhook.objects.create(company=made.company, provider="careem", url="https://example.com/hook")
    HubReading.objects.create(company=made.company, wanted_at=NOW)
    with time_machine.travel(NOW, tick=False):
        yield made


def came(here, external_id, provider="careem", minutes_ago=10, **fields):
    return WebhookLog.objects.create(
        company=here.company, provider=provider, external_id=external_id, is_envelope=True, status="processed",
        delivery_key=external_id, received_at=NOW - timedelta(minutes=minutes_ago), **fields,
    )  # fmt: skip


def answers(stats=STATS, logs=()):
    responses.get(f"{HUB}/stats", json=stats)
    responses.get(f"{HUB}/logs", json={"results": list(logs), "next": None})


def kept(here):
    return HubReading.objects.get(company=here.company)


@responses.activate
def test_both_sides_of_the_same_hours_are_kept(here):
    came(here, "C-1")
    came(here, "C-old", minutes_ago=60 * 24)
    WebhookLog.objects.create(company=here.company, provider="careem", status="processed", delivery_key="direct",
                              received_at=NOW - timedelta(minutes=1))  # fmt: skip
    answers(logs=[row("C-3", 0.5), row("C-2", 2), row("C-1", 10), row("C-0", 20, forwards=[]), row("J-1", 30, "jahez")])
    ask_for(here.company.id)
    found = kept(here)
    assert (found.error, found.told_at, found.asked_at) == ("", NOW, NOW)
    assert ways(found) == [Way("careem", 3, 1), Way("jahez", 2, 0)]
    assert [way.difference for way in ways(found)] == [2, 2]
    assert found.figures == {
        "since": "2026-03-17T13:00:00Z",
        "until": "2026-03-18T12:30:00Z",
        "providers": [{"provider": "careem", "hub": 3, "here": 1}, {"provider": "jahez", "hub": 2, "here": 0}],
        "waiting": 2,
        "dead": 2,
        "missing": [
            {"provider": "careem", "externalOrderId": "C-2", "receivedAt": "2026-03-18T12:28:00Z"},
            {"provider": "jahez", "externalOrderId": "J-1", "receivedAt": "2026-03-18T12:00:00Z"},
        ],
        "missingCount": 2,
    }


@responses.activate
def test_the_hub_is_asked_as_the_company_and_told_no_more(here, settings):
    settings.NEXARA_API_KEY = "deployers-key"
    answers()
    ask_for(here.company.id)
    stats, logs = (call.request for call in responses.calls)
    assert (stats.url, logs.url) == (f"{HUB}/stats?period=day", f"{HUB}/logs?limit=100")
    for request in (stats, logs):
        proof = hmac.new(SECRETS["nexara"]["secretKey"].encode(), b"1773837000.", hashlib.sha256).hexdigest()
        assert request.headers["X-Company-Id"] == str(here.company.id)
        assert (request.headers["X-Timestamp"], request.headers["X-Nexara-Signature"]) == ("1773837000", proof)
        assert request.headers["Authorization"] == "Bearer deployers-key"


@responses.activate
def test_within_a_minute_nobody_asks_twice(here):
    answers()
    ask_for(here.company.id)
    ask_for(here.company.id)
    ask_for_all()
    assert len(responses.calls) == 2
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        ask_for_all()
    assert len(responses.calls) == 4


@responses.activate
def test_with_sharing_off_every_question_is_asked(here, settings):
    settings.DASHBOARD_CACHE = False
    answers()
    ask_for(here.company.id)
    ask_for(here.company.id)
    assert len(responses.calls) == 4


@responses.activate
def test_for_a_company_that_nobody_looks_at_the_hub_is_left_alone(here):
    HubReading.objects.update(wanted_at=NOW - hub_watch.WANTED)
    ask_for_all()
    assert len(responses.calls) == 0


@responses.activate
def test_a_hub_that_is_silent_keeps_its_last_figures_and_is_not_tried_for_others(here):
    other = make_installation("other-grill", menu=False)
    IntegrationWebhook.objects.create(company=other.company, provider="careem", url="https://example.com/hook")
    HubReading.objects.create(company=other.company, wanted_at=NOW)
    HubReading.objects.update(figures={"providers": []}, told_at=NOW - timedelta(hours=1))
    responses.get(f"{HUB}/stats", body=Refused())
    ask_for_all()
    assert len(responses.calls) == 1
    found = HubReading.objects.exclude(error="").get()
    assert (found.told_at, found.figures) == (NOW - timedelta(hours=1), {"providers": []})


@pytest.mark.parametrize(
    ("stats", "error"),
    [
        ({"json": {"data": {"byProvider": "none"}}}, "NEXARA's figures cannot be read."),
        ({"body": "<html>"}, "NEXARA's answer is not JSON."),
        ({"json": {}, "status": 403}, "NEXARA answered 403."),
    ],
)
@responses.activate
def test_an_answer_that_is_none_is_told(here, stats, error):
    responses.get(f"{HUB}/stats", **stats)
    responses.get(f"{HUB}/logs", json={"results": []})
    ask_for(here.company.id)
    assert (kept(here).error, kept(here).told_at) == (error, None)


@responses.activate
def test_figures_of_another_make_are_read_as_far_as_they_go(here):
    odd = [{"provider": "careem", "total": "many"}, {"provider": "jahez"}, "x", {"provider": 7}]
    answers({"byProvider": odd}, [row("\u0000", 10), row(None, 10), row("", 10), {"provider": "careem"}, 7])
    ask_for(here.company.id)
    assert ways(kept(here)) == [Way("careem", 0, 0), Way("jahez", 0, 0)]
    assert kept(here).figures["missing"] == []


@responses.activate
def test_while_the_breaker_is_open_the_hub_is_not_called(here):
    CircuitBreaker.objects.create(company=here.company, provider="nexara", state="open", retry_at=NOW)
    ask_for(here.company.id)
    assert (len(responses.calls), kept(here).error) == (0, "NEXARA cannot be reached; calls wait.")


@responses.activate
def test_the_pages_hear_of_a_difference_once(here, monkeypatch):
    heard = []
    monkeypatch.setattr(hub_watch.breaker, "announce", lambda *args: heard.append(args[1]))
    answers()
    for minutes in range(3):
        with time_machine.travel(NOW + timedelta(minutes=minutes), tick=False):
            ask_for_all()
    assert heard == ["nexara"]


@responses.activate
def test_a_company_that_has_left_the_hub_is_forgotten(here):
    IntegrationWebhook.objects.all().delete()
    ask_for_all()
    assert not HubReading.objects.exists()
    assert len(responses.calls) == 0


def test_a_look_is_noted_seldom_and_hints_only_when_the_schedule_has_missed(
    here, monkeypatch, django_assert_num_queries
):
    hints = []
    monkeypatch.setattr(hub_watch.nudger, "send", hints.append)
    HubReading.objects.update(asked_at=NOW - timedelta(seconds=80))
    with django_assert_num_queries(1):
        reading_for(here.company, NOW)
    assert hints == []
    later = NOW + timedelta(minutes=11)
    reading_for(here.company, later)
    assert (kept(here).wanted_at, hints) == (later, [here.company.id])


def test_there_is_one_reading_of_a_company(here):
    with pytest.raises(IntegrityError):
        HubReading.objects.create(company=here.company, wanted_at=NOW)
