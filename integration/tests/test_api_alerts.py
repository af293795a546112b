from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from integration.alerts import raise_alert
from integration.models import Alert
from integration.tests.api import acts, call, invalid, missing
from orders.audit import record_act
from orders.models import AuditEntry
from orders.times import iso_time

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def alert(installation, cause: str = "event_dead", minute: int = 0, **kwargs) -> Alert:
    moment = T0 + timedelta(minutes=minute)
    return raise_alert(installation.company, cause, "It waits.", subject="careem", now=moment, **kwargs)


def causes(installation, query: str = "") -> list[str]:
    status, answer = call(installation, "GET", f"alerts?{query}", user=installation.staff)
    assert status == 200, answer
    return [entry["cause"] for entry in answer["results"]]


def test_an_alert_is_told_whole(amman, dubai):
    alert(dubai)
    alert(amman)
    raised = alert(amman, minute=5, details={"eventId": "e-1"})
    assert call(amman, "GET", "alerts", user=amman.staff) == (
        200,
        {
            "results": [
                {
                    "id": str(raised.id),
                    "cause": "event_dead",
                    "subject": "careem",
                    "severity": "warning",
                    "message": "It waits.",
                    "details": {"eventId": "e-1"},
                    "count": 2,
                    "state": "open",
                    "firstSeenAt": "2026-03-01T12:00:00Z",
                    "lastSeenAt": "2026-03-01T12:05:00Z",
                    "acknowledgedAt": None,
                    "acknowledgedBy": None,
                    "resolvedAt": None,
                    "resolvedBy": None,
                }
            ],
            "next": None,
        },
    )


def test_the_last_raised_stands_first_and_pages_follow(amman):
    for minute, cause in enumerate(("a", "b", "c")):
        alert(amman, cause, minute)
    alert(amman, "a", 9)
    first = call(amman, "GET", "alerts?limit=2")[1]
    second = call(amman, "GET", first["next"].split("/api/integration/")[1])[1]
    assert [entry["cause"] for page in (first, second) for entry in page["results"]] == ["a", "c", "b"]


def test_alerts_are_filtered(amman):
    alert(amman, "open", 0, severity="critical")
    Alert.objects.filter(pk=alert(amman, "seen", 1).pk).update(state="acknowledged")
    Alert.objects.filter(pk=alert(amman, "done", 2).pk).update(state="resolved")
    assert causes(amman, "state=open") == ["open"]
    assert causes(amman, "state=open,acknowledged") == ["seen", "open"]
    assert causes(amman, "severity=warning") == ["done", "seen"]
    assert causes(amman, "severity=warning&state=resolved") == ["done"]


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ("state=closed", {"state": "expected one of open, acknowledged, resolved"}),
        ("severity=bad", {"severity": "expected one of info, warning, critical"}),
    ],
)
def test_wrong_words_are_refused_by_name(amman, query, details):
    assert call(amman, "GET", f"alerts?{query}") == invalid(**details)


def test_an_alert_is_acknowledged_once(amman):
    raised = alert(amman)
    status, answer = call(amman, "POST", f"alerts/{raised.id}/acknowledge", user=amman.manager)
    data = answer["data"]
    assert (status, answer["success"], data["state"]) == (200, True, "acknowledged")
    assert (data["acknowledgedBy"], data["acknowledgedAt"][-1], data["resolvedAt"]) == (
        "amman-grill-manager",
        "Z",
        None,
    )
    assert call(amman, "POST", f"alerts/{raised.id}/acknowledge") == (200, answer)
    assert acts(amman) == [
        (
            "amman-grill-manager",
            "alert.acknowledged",
            str(raised.id),
            {"cause": "event_dead", "subject": "careem"},
        )
    ]


def test_an_alert_is_resolved_and_stays_so(amman):
    raised = alert(amman)
    status, answer = call(amman, "POST", f"alerts/{raised.id}/resolve", user=amman.manager)
    assert (status, answer["data"]["state"], answer["data"]["resolvedBy"]) == (200, "resolved", "amman-grill-manager")
    assert call(amman, "POST", f"alerts/{raised.id}/acknowledge") == (200, answer)
    assert call(amman, "POST", f"alerts/{raised.id}/resolve") == (200, answer)
    assert [action for _, action, _, _ in acts(amman)] == ["alert.resolved"]


@pytest.mark.parametrize("act", ["acknowledge", "resolve"])
def test_another_companys_alert_does_not_exist(amman, dubai, act):
    theirs = alert(dubai)
    assert call(amman, "POST", f"alerts/{theirs.id}/{act}") == missing("This alert")
    assert call(amman, "POST", f"alerts/{uuid.uuid4()}/{act}") == missing("This alert")
    theirs.refresh_from_db()
    assert (theirs.state, AuditEntry.objects.count()) == ("open", 0)


# -- the trail ---------------------------------------------------------------------------------------------------------


def test_the_trail_is_told_newest_first(amman, dubai):
    record_act("token.issued", company=dubai.company)
    record_act(
        "credential.rotated", company=amman.company, user=amman.owner, target="careem", details={"fields": ["a"]}
    )
    record_act("company.made", company=amman.company)
    status, answer = call(amman, "GET", "audit")
    first, second = answer["results"]
    assert (status, answer["next"], first["actor"], first["target"]) == (200, None, "system", None)
    entry = AuditEntry.objects.get(action="credential.rotated")
    assert second == {
        "id": str(entry.id),
        "actor": "amman-grill-owner",
        "action": "credential.rotated",
        "target": "careem",
        "details": {"fields": ["a"]},
        "address": None,
        "createdAt": iso_time(entry.created_at),
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("action=token.issued", ["token.issued"]),
        ("actor=amman-grill-owner", ["credential.rotated"]),
        ("target=careem", ["credential.rotated"]),
        ("since=2000-01-01", ["token.issued", "credential.rotated"]),
        ("until=2000-01-01", []),
        ("limit=1", ["token.issued"]),
    ],
)
def test_the_trail_is_filtered(amman, query, found):
    record_act("credential.rotated", company=amman.company, user=amman.owner, target="careem")
    record_act("token.issued", company=amman.company)
    answer = call(amman, "GET", f"audit?{query}")[1]
    assert [entry["action"] for entry in answer["results"]] == found


def test_reading_the_trail_leaves_none(amman):
    call(amman, "GET", "audit")
    assert not AuditEntry.objects.exists()
