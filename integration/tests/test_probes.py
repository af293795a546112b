"""Probes: what they see, what they report, and what is taken of it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
import requests
import responses
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client

from integration.models import AvailabilitySample
from integration.probing import Probe

pytestmark = pytest.mark.django_db
TOKEN = "a-token-for-the-probes-0001"
URL = "https://orders.example.com"
NOW = datetime(2026, 3, 1, 12, 2, tzinfo=UTC)
START = "2026-03-01T12:00:00Z"


@pytest.fixture
def with_token(settings):
    settings.PROBE_TOKEN = TOKEN


def report(body, token: str = TOKEN) -> tuple[int, dict]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with time_machine.travel(NOW, tick=False):
        answer = Client().post("/api/integration/probes", body, content_type="application/json", headers=headers)
    return answer.status_code, answer.json()


def of(*samples, probe: str = "riyadh") -> dict:
    named = [{"startedAt": start, "asked": asked, "failed": failed} for start, asked, failed in samples]
    return {"probe": probe, "samples": named}


def kept() -> list[tuple[str, int, int]]:
    return list(AvailabilitySample.objects.order_by("source", "started_at").values_list("source", "asked", "failed"))


# -- what is taken -----------------------------------------------------------------------------------------------------


def test_a_report_is_kept(with_token):
    status, body = report(of((START, 20, 3), ("2026-03-01T11:55:00Z", 20, 0)))
    assert (status, body) == (200, {"success": True, "data": {"probe": "riyadh", "kept": 2}})
    assert kept() == [("probe:riyadh", 20, 0), ("probe:riyadh", 20, 3)]


def test_the_same_report_again_changes_nothing_and_a_fuller_one_stands_in(with_token):
    for asked, failed in ((4, 1), (4, 1), (20, 3), (8, 8)):
        assert report(of((START, asked, failed)))[0] == 200
    assert kept() == [("probe:riyadh", 20, 3)]


def test_probes_have_rows_of_their_own(with_token):
    report(of((START, 20, 20)))
    report(of((START, 20, 0), probe="dubai"))
    assert kept() == [("probe:dubai", 20, 0), ("probe:riyadh", 20, 20)]


def test_there_is_no_such_page_where_no_token_is_set():
    status, body = report(of((START, 20, 0)))
    assert (status, body["error"], kept()) == (404, "not_found", [])


@pytest.mark.parametrize("token", ["", "wrong", f"{TOKEN}x"])
def test_a_wrong_token_keeps_nothing(with_token, token):
    status, body = report(of((START, 20, 0)), token)
    assert (status, body["error"], kept()) == (401, "not_authenticated", [])


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, "probe"),
        (of((START, 20, 0), probe="A b"), "probe"),
        ({"probe": "riyadh", "samples": []}, "samples"),
        ({"probe": "riyadh", "samples": "x"}, "samples"),
        ({"probe": "riyadh", "samples": [7]}, "samples[0].asked"),
        (of((START, 20, 21)), "samples[0].failed"),
        (of((START, 0, 0)), "samples[0].asked"),
        (of((START, 9_999_999, 0)), "samples[0].asked"),
        (of(("2026-03-01T12:01:00Z", 1, 0)), "samples[0].startedAt"),
        (of(("2026-03-01T12:05:00Z", 1, 0)), "samples[0].startedAt"),
        (of(("2026-01-01T12:00:00Z", 1, 0)), "samples[0].startedAt"),
        (of((START, 20, 0), ("never", 20, 0)), "samples[1].startedAt"),
        ({**of((START, 20, 0)), "more": 1}, "more"),
    ],
)
def test_what_is_no_report_is_named_and_keeps_nothing(with_token, body, fault):
    status, answer = report(body)
    assert (status, answer["error"], kept()) == (400, "invalid_request", [])
    assert fault in answer["details"]


def test_there_is_a_greatest_number_of_probes(with_token, monkeypatch):
    monkeypatch.setattr("integration.api.probes.MOST_PROBES", 1)
    report(of((START, 20, 0)))
    status, answer = report(of((START, 20, 0), probe="dubai"))
    assert (status, answer["error"]) == (409, "too_many_probes")
    assert report(of((START, 40, 0)))[0] == 200


# -- what a probe does -------------------------------------------------------------------------------------------------


def make_probe(**fields) -> tuple[Probe, list[str]]:
    said: list[str] = []
    return Probe(URL, "riyadh", TOKEN, say=said.append, **fields), said


@responses.activate
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"status": 200}, ""),
        ({"status": 503}, "it answers 503"),
        ({"status": 302, "headers": {"Location": "/elsewhere"}}, "it answers 302"),
        ({"body": requests.ConnectionError()}, "it cannot be reached"),
        ({"body": requests.exceptions.SSLError()}, "its certificate is not valid"),
        ({"body": requests.ReadTimeout()}, "no answer in time"),
    ],
)
def test_a_look_says_why_no_order_could_be_taken(answer, reason):
    responses.get(f"{URL}/readyz", **answer)
    assert make_probe()[0].look() == reason


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


@responses.activate
def test_what_is_seen_while_the_installation_is_away_is_reported_afterwards():
    probe, said = make_probe()
    probe.note("", at(0))
    probe.note("it cannot be reached", at(5))
    probe.note("it cannot be reached", at(6))
    responses.post(f"{URL}/api/integration/probes", body=requests.ConnectionError())
    assert probe.report(at(6)) is False
    probe.note("", at(10))
    responses.post(f"{URL}/api/integration/probes", json={"success": True})
    responses.remove(responses.POST, f"{URL}/api/integration/probes")
    responses.post(f"{URL}/api/integration/probes", json={"success": True})
    assert probe.report(at(10)) is True
    sent = responses.calls[-1].request
    assert sent.headers["Authorization"] == f"Bearer {TOKEN}"
    assert sent.body == (
        b'{"probe": "riyadh", "samples": [{"startedAt": "2026-03-01T12:05:00Z", "asked": 2, "failed": 2}, '
        b'{"startedAt": "2026-03-01T12:10:00Z", "asked": 1, "failed": 0}]}'
    )
    assert list(probe.counts) == [datetime(2026, 3, 1, 12, 10, tzinfo=UTC)], "the running five minutes are told again"
    assert said == [
        "2026-03-01T12:07:00Z away: it cannot be reached",
        "2026-03-01T12:12:00Z answers again, after 300 s",
    ]


def test_the_five_minutes_in_which_it_began_are_left_out():
    probe, _ = make_probe()
    for minutes in (0, 1, 2.5):
        probe.note("away", at(minutes))
    assert probe.counts == {}


@responses.activate
def test_a_report_that_is_refused_is_said_and_kept():
    probe, said = make_probe()
    probe.note("", at(0))
    probe.note("", at(5))
    responses.post(f"{URL}/api/integration/probes", status=401)
    assert probe.report(at(10)) is False
    assert said == ["2026-03-01T12:12:00Z the report was answered 401"]
    assert len(probe.counts) == 1


@responses.activate
def test_it_looks_until_it_is_told_to_stop():
    stop, looks = threading.Event(), []

    def answer(request):
        looks.append(request.url)
        if len(looks) == 3:
            stop.set()
        return 200, {}, "{}"

    responses.add_callback(responses.GET, f"{URL}/readyz", answer)
    make_probe(every_s=0.001)[0].run(stop)
    assert looks == [f"{URL}/readyz"] * 3


@responses.activate
def test_the_command_looks_once(capsys):
    responses.get(f"{URL}/readyz", status=200)
    call_command("probe", f"{URL}/", "--once")
    assert capsys.readouterr().out == f"{URL} can take orders.\n"
    responses.replace(responses.GET, f"{URL}/readyz", status=503)
    with pytest.raises(CommandError, match="is away: it answers 503"):
        call_command("probe", URL, "--once")


@pytest.mark.parametrize(
    "wrong", [["orders.example.com"], [URL, "--every", "0"], [URL, "--timeout", "99"], [URL, "--name", "Not So"]]
)
def test_the_command_refuses_what_makes_no_probe(wrong):
    with pytest.raises(CommandError):
        call_command("probe", *wrong)
