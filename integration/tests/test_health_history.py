"""How each integration was: what is written every five minutes, what is told of it, and to whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import responses
import time_machine

from integration import breaker, health_history
from integration.health_history import judge, record_health
from integration.models import HealthSample, IntegrationWebhook, OutboundAttempt, WebhookLog
from integration.nexara import Health
from integration.retention import clean
from integration.tests.api import call, invalid
from integration.tests.outbound import move, received
from integration.tests.test_api_logs import row

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AFTER = T0 + timedelta(minutes=6)
"""A minute after the five that begin at T0."""


def came(here, minute: float, status: str = "processed", provider: str = "careem", **fields) -> WebhookLog:
    return row(here, provider=provider, status=status, received_at=T0 + timedelta(minutes=minute), **fields)


def called(
    here, minute: float, status: int | None = 200, url: str = "https://api.example.com/x", ms: float = 80.0
) -> None:
    with time_machine.travel(T0 - timedelta(hours=1), tick=False):
        push = move(received(here, external_id=f"{minute}-{status}-{len(url)}-{ms}"), "confirmed")
    OutboundAttempt.objects.create(
        push=push, number=1, outcome="done", url=url, response_status=status, duration_ms=ms,
        started_at=T0 + timedelta(minutes=minute),
    )  # fmt: skip


def samples() -> list[dict]:
    fields = ("provider", "started_at", "status", "deliveries", "deliveries_failed", "calls", "calls_failed")
    rows = HealthSample.objects.filter(started_at__gte=T0).order_by("provider", "started_at").values(*fields)
    return list(rows)


# -- writing -----------------------------------------------------------------------------------------------------------


def test_a_sample_tells_what_came_and_how_it_went(amman):
    for number in range(20):
        came(amman, 0.1, duration_ms=float(number))
    came(amman, 4.99, "dead")
    came(amman, 5, "dead")
    record_health(AFTER)
    assert samples() == [
        {"provider": "careem", "started_at": T0, "status": "healthy", "deliveries": 21, "deliveries_failed": 1,
         "calls": 0, "calls_failed": 0}
    ]  # fmt: skip
    assert HealthSample.objects.get(started_at=T0).processing_ms == 18.0


def test_what_was_refused_counts_nowhere(amman):
    came(amman, 1, "rejected")
    assert record_health(AFTER) == 0


def test_a_call_counts_where_it_went(amman, settings):
    called(amman, 1, ms=50.0)
    called(amman, 1, 503, ms=70.0)
    called(amman, 1, None, url=f"{settings.NEXARA_BASE_URL}/api/orders/sync")
    called(amman, 1, 404)
    record_health(AFTER)
    found = {(s["provider"], s["calls"], s["calls_failed"], s["status"]) for s in samples()}
    assert found == {("jahez", 3, 1, "degraded"), ("nexara", 1, 1, "unhealthy")}


def test_each_company_has_samples_of_its_own(amman, dubai):
    came(amman, 1)
    came(dubai, 1, "quarantined")
    record_health(AFTER)
    assert {(each.company_id, each.status) for each in HealthSample.objects.all()} == {
        (amman.company.id, "healthy"), (dubai.company.id, "unhealthy"),
    }  # fmt: skip


def test_five_minutes_are_written_a_minute_after_they_are_over(amman):
    came(amman, 1)
    assert record_health(AFTER - timedelta(seconds=1)) == 0
    assert record_health(AFTER) == 1


def test_writing_twice_writes_once(amman):
    came(amman, 1)
    assert [record_health(AFTER), record_health(AFTER)] == [1, 0]
    assert HealthSample.objects.count() == 1


def test_what_was_not_written_is_made_up_for_within_an_hour(amman):
    came(amman, 1)
    came(amman, 21)
    assert record_health(T0 + timedelta(minutes=55)) == 2
    assert [each["started_at"] for each in samples()] == [T0, T0 + timedelta(minutes=20)]


def test_an_open_breaker_is_noted_though_nothing_came(amman):
    for _ in range(breaker.FAILURES_TO_OPEN):
        breaker.failed(amman.company, "jahez")
    record_health(AFTER)
    assert [(each["provider"], each["status"]) for each in samples()] == [("jahez", "unhealthy")]


@pytest.mark.parametrize(
    ("counts", "status"),
    [((0, 0, 0, 0), "healthy"), ((100, 4, 0, 0), "healthy"), ((100, 5, 0, 0), "degraded"), ((2, 1, 100, 0), "unhealthy"),
     ((100, 0, 10, 5), "unhealthy"), ((100, 0, 10, 1), "degraded")],
)  # fmt: skip
def test_the_worse_of_deliveries_and_calls_counts(counts, status):
    assert judge(*counts) == status


@pytest.mark.parametrize(("state", "status"), [("closed", "healthy"), ("half_open", "degraded"), ("open", "unhealthy")])
def test_a_breaker_counts_whatever_went_well(state, status):
    assert judge(100, 0, 100, 0, state) == status


@pytest.fixture
def hub_answers(monkeypatch):
    asked = []

    def answer():
        asked.append(1)
        return Health("degraded", 12.5, "Not well at NEXARA: db.")

    monkeypatch.setattr(health_history, "check_health", answer)
    return asked


def test_the_hub_is_asked_where_somebody_is_registered_with_it(amman, hub_answers):
    IntegrationWebhook.objects.create(company=amman.company, provider="careem", url="https://x.example.com/")
    assert [record_health(AFTER), record_health(AFTER)] == [1, 0]
    sample = HealthSample.objects.get()
    assert (sample.company, sample.provider, sample.status, sample.call_ms) == (None, "nexara", "degraded", 12.5)
    assert len(hub_answers) == 1


def test_a_hub_that_nobody_uses_is_not_asked(amman, hub_answers):
    record_health(AFTER)
    assert hub_answers == []


def test_a_hub_does_not_ask_itself(amman, hub_answers, settings):
    settings.ROLE = "hub"
    IntegrationWebhook.objects.create(company=amman.company, provider="careem", url="https://x.example.com/")
    record_health(AFTER)
    assert hub_answers == []


def test_old_samples_go(amman, settings):
    settings.HEALTH_HISTORY_DAYS = 2
    for days in (1, 3):
        HealthSample.objects.create(provider="nexara", started_at=T0 - timedelta(days=days), status="healthy")
    assert clean(T0).counts["health_samples"] == 1
    assert HealthSample.objects.get().started_at == T0 - timedelta(days=1)


# -- telling -----------------------------------------------------------------------------------------------------------


def sample(here, minutes_ago: int, status: str = "healthy", provider: str = "careem", **counts) -> None:
    HealthSample.objects.create(
        company=here.company if here else None, provider=provider, status=status,
        started_at=T0 - timedelta(minutes=minutes_ago), **counts,
    )  # fmt: skip


def history(here, query: str = "") -> tuple[int, dict]:
    with time_machine.travel(T0, tick=False):
        return call(here, "GET", f"health/history{query}")


def of(answer: tuple[int, dict], provider: str) -> dict:
    return next(each for each in answer[1]["data"]["providers"] if each["provider"] == provider)


def test_the_history_is_told_point_by_point(amman):
    sample(amman, 30, deliveries=8, deliveries_failed=1, processing_ms=9.0)
    sample(amman, 25, "degraded", deliveries=2, processing_ms=20.0, calls=10, calls_failed=1, call_ms=300.0)
    answer = history(amman)
    status, data = answer[0], answer[1]["data"]
    assert (status, data["period"], data["stepSeconds"]) == (200, "day", 900)
    assert (data["from"], data["to"]) == ("2026-02-28T12:15:00Z", "2026-03-01T12:00:00Z")
    assert [each["provider"] for each in data["providers"]] == ["careem", "talabat", "deliveroo", "jahez", "nexara"]
    points = of(answer, "careem")["points"]
    assert len(points) == 96
    figures = {
        "status": "degraded", "deliveries": 10, "deliveriesFailed": 1, "processingMs": 20.0, "calls": 10, "callsFailed": 1,
        "latencyMs": 300.0, "errorRate": 0.1,
    }  # fmt: skip
    assert points[-3] == {"from": "2026-03-01T11:30:00Z", **figures}
    assert of(answer, "careem")["whole"] == figures
    assert points[0] == {
        "from": "2026-02-28T12:15:00Z", "status": None, "deliveries": 0, "deliveriesFailed": 0, "processingMs": None,
        "calls": 0, "callsFailed": 0, "latencyMs": None, "errorRate": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("period", "number", "seconds"), [("hour", 12, 300), ("day", 96, 900), ("week", 84, 7200), ("month", 90, 28800)]
)
def test_a_period_has_its_points_without_a_gap(amman, period, number, seconds):
    data = history(amman, f"?period={period}&provider=careem")[1]["data"]
    starts = [datetime.fromisoformat(point["from"]) for point in data["providers"][0]["points"]]
    assert [each["provider"] for each in data["providers"]] == ["careem"]
    steps = {later - earlier for earlier, later in pairwise(starts)}
    assert (len(starts), steps) == (number, {timedelta(seconds=seconds)})


@pytest.mark.parametrize(
    ("statuses", "merged"),
    [
        (["healthy", "healthy"], "healthy"),
        (["healthy", "unhealthy"], "degraded"),
        (["unhealthy", "unhealthy", "healthy"], "unhealthy"),
    ],
)
def test_a_point_of_several_samples_is_as_most_of_them(amman, statuses, merged):
    for number, status in enumerate(statuses):
        sample(amman, 5 * (number + 1), status)
    assert of(history(amman), "careem")["points"][-2]["status"] == merged


def test_another_companys_history_is_not_told(amman, dubai):
    sample(dubai, 5, "unhealthy", deliveries=7)
    sample(None, 5, "degraded", provider="nexara", calls=1, call_ms=12.0)
    answer = history(amman)
    assert of(answer, "careem")["whole"]["status"] is None
    assert of(answer, "nexara")["whole"]["latencyMs"] == 12.0, "the hub is everybody's"
    assert history(amman, f"?company={dubai.company.id}")[0] == 404


def test_a_question_that_is_none_is_refused(amman):
    assert history(amman, "?period=year") == invalid(period="expected one of hour, day, week, month")
    answer = invalid(provider="expected one of careem, talabat, deliveroo, jahez, nexara")
    assert history(amman, "?provider=nobody") == answer


def test_nobody_reads_it_without_signing_in(client):
    assert client.get("/api/integration/health/history").status_code == 401


@responses.activate
def test_the_health_of_the_moment_is_still_told(amman, settings):
    responses.get(f"{settings.NEXARA_BASE_URL}/api/health", json={"status": "ok"})
    assert call(amman, "GET", "health")[1]["data"]["status"] == "healthy"
