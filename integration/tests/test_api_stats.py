from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from integration import stats
from integration.models import IntegrationWebhook, ProviderCredential, WebhookAttempt, WebhookLog
from integration.stats import bucket_starts, webhook_stats
from integration.tests.api import call, invalid
from integration.tests.test_api_logs import T0, row

NOW = T0 + timedelta(minutes=30)
ZERO = {
    "total": 0,
    "processed": 0,
    "ignored": 0,
    "parked": 0,
    "waiting": 0,
    "failed": 0,
    "dead": 0,
    "quarantined": 0,
    "rejected": 0,
    "duplicates": 0,
    "successRate": None,
}


def fill(amman) -> None:
    row(amman, 0, duration_ms=10.0, duplicates=3)
    row(amman, 0, duration_ms=30.0, status="ignored")
    row(amman, 1, duration_ms=20.0, provider="jahez")
    row(amman, 1, status="parked", provider="jahez")
    row(amman, 2, status="received")
    row(amman, 2, status="failed", error_code="processing_failed")
    row(amman, 2, status="dead", error_code="processing_failed")
    row(amman, 3, status="quarantined", error_code="invalid_payload")
    row(amman, 3, status="rejected", error_code="invalid_signature", error="signature_mismatch", count=12)


def test_everything_is_counted_once(amman, dubai):
    fill(amman)
    row(dubai)
    figures = webhook_stats(amman.company, "hour", "", NOW)
    buckets = figures.pop("buckets")
    careem = {
        "total": 6, "processed": 1, "ignored": 1, "parked": 0, "waiting": 1, "failed": 1, "dead": 1, "quarantined": 1,
        "rejected": 12, "duplicates": 3, "successRate": 0.4,
    }  # fmt: skip
    jahez = ZERO | {"total": 2, "processed": 1, "parked": 1, "successRate": 1.0}
    assert figures == {
        "period": "hour",
        "from": "2026-03-01T11:31:00Z",
        "to": "2026-03-01T12:30:00Z",
        "timeZone": "Asia/Amman",
        "provider": None,
        **careem,
        "total": 8,
        "processed": 2,
        "parked": 1,
        "successRate": 0.5714,
        "durationMs": {"p50": 20.0, "p95": 30.0, "p99": 30.0, "sample": 3},
        "byProvider": [{"provider": "careem", **careem}, {"provider": "jahez", **jahez}],
        "byError": [
            {"error": "invalid_signature", "provider": "careem", "status": "rejected", "count": 12,
             "lastAt": "2026-03-01T12:03:00Z"},
            {"error": "invalid_payload", "provider": "careem", "status": "quarantined", "count": 1,
             "lastAt": "2026-03-01T12:03:00Z"},
            {"error": "processing_failed", "provider": "careem", "status": "dead", "count": 1,
             "lastAt": "2026-03-01T12:02:00Z"},
            {"error": "processing_failed", "provider": "careem", "status": "failed", "count": 1,
             "lastAt": "2026-03-01T12:02:00Z"},
        ],
    }  # fmt: skip
    assert len(buckets) == 60
    assert buckets[0] == {"from": "2026-03-01T11:31:00Z", **ZERO}
    by_start = {bucket["from"]: bucket for bucket in buckets}
    assert [by_start[f"2026-03-01T12:0{minute}:00Z"]["total"] for minute in range(5)] == [2, 2, 3, 1, 0]
    assert by_start["2026-03-01T12:03:00Z"]["rejected"] == 12


def test_one_provider_can_be_chosen(amman):
    fill(amman)
    figures = webhook_stats(amman.company, "day", "jahez", NOW)
    assert (figures["provider"], figures["total"], figures["durationMs"]["sample"]) == ("jahez", 2, 1)
    assert [entry["provider"] for entry in figures["byProvider"]] == ["jahez"]


def test_days_begin_at_the_companys_midnight(amman):
    # 21:00 in UTC is midnight in Amman.
    for moment in (datetime(2026, 2, 28, 20, 59, tzinfo=UTC), datetime(2026, 2, 28, 21, 0, tzinfo=UTC)):
        row(amman, received_at=moment)
    buckets = webhook_stats(amman.company, "week", "", NOW)["buckets"]
    assert [(bucket["from"], bucket["total"]) for bucket in buckets[-2:]] == [
        ("2026-02-27T21:00:00Z", 1),
        ("2026-02-28T21:00:00Z", 1),
    ]
    assert len(buckets) == 7


def test_a_month_is_thirty_days_and_a_day_twenty_four_hours(amman):
    for period, number in (("month", 30), ("day", 24)):
        figures = webhook_stats(amman.company, period, "", NOW)
        assert (len(figures["buckets"]), figures["buckets"][0]["from"]) == (number, figures["from"])
    assert figures["from"] == "2026-02-28T13:00:00Z"


def test_a_local_day_may_be_shorter():
    starts = bucket_starts(datetime(2026, 3, 30, 10, tzinfo=UTC), "day", 3, ZoneInfo("Europe/Berlin"))
    assert [later - start for start, later in pairwise(starts)] == [
        timedelta(hours=24),
        timedelta(hours=23),
    ]


def test_percentiles_are_of_what_went_well_by_itself(amman):
    for duration in range(1, 101):
        row(amman, duration_ms=float(duration), body=None)
    replayed = row(amman, duration_ms=9_000_000.0)
    WebhookAttempt.objects.create(log=replayed, trigger="replay", outcome="processed", started_at=NOW, duration_ms=1.0)
    row(amman, duration_ms=5_000.0, status="quarantined")
    figures = webhook_stats(amman.company, "hour", "", NOW)
    assert figures["durationMs"] == {"p50": 50.0, "p95": 95.0, "p99": 99.0, "sample": 100}


def test_percentiles_are_of_the_newest(amman, monkeypatch):
    monkeypatch.setattr(stats, "MAX_DURATIONS", 2)
    for minute in (1, 2, 3):
        row(amman, minute, duration_ms=float(minute))
    figures = webhook_stats(amman.company, "hour", "", NOW)
    assert figures["durationMs"] == {"p50": 2.0, "p95": 3.0, "p99": 3.0, "sample": 2}


def test_a_company_without_deliveries_has_empty_figures(amman):
    status, answer = call(amman, "GET", "stats", user=amman.staff)
    data = answer["data"]
    assert (status, data["period"], len(data["buckets"])) == (200, "day", 24)
    assert {name: data[name] for name in ZERO} == ZERO
    assert data["durationMs"] == {"p50": None, "p95": None, "p99": None, "sample": 0}
    assert (data["byProvider"], data["byError"]) == ([], [])


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ("period=year", {"period": "expected one of hour, day, week, month"}),
        ("provider=x", {"provider": "expected one of careem, talabat, deliveroo, jahez, nexara"}),
    ],
)
def test_wrong_words_are_refused_by_name(amman, query, details):
    assert call(amman, "GET", f"stats?{query}") == invalid(**details)


# -- status ------------------------------------------------------------------------------------------------------------


def states(installation) -> dict[str, dict]:
    status, answer = call(installation, "GET", "status", user=installation.staff)
    assert (status, answer["success"], list(answer["data"])) == (200, True, ["checkedAt", "providers"])
    return {state["provider"]: state for state in answer["data"]["providers"]}


def test_a_provider_that_never_sent_anything(amman, dubai):
    dubai.send("careem")
    found = states(amman)
    assert list(found) == ["careem", "talabat", "deliveroo", "jahez", "nexara"]
    assert found["careem"] == {
        "provider": "careem",
        "name": "Careem",
        "enabled": True,
        "credentialSet": True,
        "environment": "production",
        "credentialExpiresAt": None,
        "credentialExpiring": False,
        "registered": False,
        "registration": None,
        "lastEventAt": None,
        "lastSuccessAt": None,
        "lastFailureAt": None,
        "lastRejectedAt": None,
        "breaker": "closed",
        "last24h": ZERO,
    }


def test_the_last_times_and_the_last_day_are_told(amman):
    now = timezone.now().replace(microsecond=0)
    ago = {hours: now - timedelta(hours=hours) for hours in (1, 2, 3, 4, 30)}
    row(amman, received_at=ago[30])
    row(amman, received_at=ago[4], status="ignored")
    retried = row(amman, received_at=ago[3], status="processed")
    WebhookAttempt.objects.create(log=retried, trigger="live", outcome="failed", started_at=ago[3], duration_ms=1.0)
    row(amman, received_at=ago[2], status="rejected", count=5)
    row(amman, received_at=ago[1], status="received")
    state = states(amman)["careem"]
    times = [state[f"last{name}At"] for name in ("Event", "Success", "Failure", "Rejected")]
    assert times == [ago[hours].isoformat().replace("+00:00", "Z") for hours in (1, 3, 3, 2)]
    assert state["last24h"] == ZERO | {
        "total": 3,
        "processed": 1,
        "ignored": 1,
        "waiting": 1,
        "rejected": 5,
        "successRate": 1.0,
    }


def test_switches_expiry_and_registration_are_told(amman, settings):
    settings.PROVIDER_ENABLED = {**settings.PROVIDER_ENABLED, "jahez": False}
    soon = timezone.now().replace(microsecond=0) + timedelta(days=13)
    credentials = ProviderCredential.objects.filter(company=amman.company)
    credentials.filter(provider="careem").update(is_enabled=False, expires_at=soon, environment="sandbox")
    credentials.filter(provider="talabat").delete()
    IntegrationWebhook.objects.create(
        company=amman.company, provider="deliveroo", url="https://a.example.com", secrets={"secretKey": "k-12345678"}
    )
    IntegrationWebhook.objects.create(
        company=amman.company, provider="jahez", url="https://b.example.com", status="failed", error="refused"
    )
    found = states(amman)
    assert {slug: state["enabled"] for slug, state in found.items()} == {
        "careem": False, "talabat": True, "deliveroo": True, "jahez": False, "nexara": True,
    }  # fmt: skip
    assert (found["careem"]["credentialExpiring"], found["careem"]["environment"]) == (True, "sandbox")
    assert (found["talabat"]["credentialSet"], found["talabat"]["environment"]) == (False, None)
    assert (found["deliveroo"]["registered"], found["jahez"]["registered"]) == (True, False)
    registration = found["jahez"]["registration"]
    assert registration.pop("updatedAt").endswith("Z")
    assert registration == {"status": "failed", "url": "https://b.example.com", "error": "refused"}


def test_no_secret_is_in_the_status(amman):
    IntegrationWebhook.objects.create(
        company=amman.company, provider="careem", url="https://a.example.com", secrets={"secretKey": "k-12345678"}
    )
    text = repr(states(amman))
    assert "k-12345678" not in text
    assert "careem-hub-secret-0001" not in text
    assert WebhookLog.objects.count() == 0
