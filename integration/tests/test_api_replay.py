from __future__ import annotations

import uuid

import pytest

from integration import replaying
from integration.models import WebhookAttempt, WebhookLog
from integration.tests.api import acts, call, invalid, missing
from integration.tests.test_api_logs import row
from orders.models import AuditEntry, Order


def broken(amman, external_id: str, **fields) -> WebhookLog:
    """Store a delivery that waits for a person and would be applied by a replay."""
    sample = amman.sample("careem", external_id=external_id)
    return row(amman, status=fields.pop("status", "dead"), body=sample.body, headers=dict(sample.headers), **fields)


def refused(message: str, status: str):
    return 409, {
        "success": False,
        "error": "not_replayable",
        "message": message,
        "details": {"status": status},
    }


def test_a_dead_delivery_is_replayed(amman):
    log = broken(amman, "A-1")
    status, answer = call(amman, "POST", f"logs/{log.id}/replay", user=amman.manager)
    data = answer["data"]
    assert (status, data["eventId"], data["status"], data["externalOrderId"]) == (200, str(log.id), "processed", "A-1")
    attempt = data["attemptLog"][-1]
    assert (attempt["trigger"], attempt["outcome"], attempt["user"]) == ("replay", "processed", "amman-grill-manager")
    assert Order.objects.get().external_id == "A-1"
    assert acts(amman) == [
        (
            "amman-grill-manager",
            "event.replayed",
            str(log.id),
            {"provider": "careem", "was": "dead", "became": "processed", "force": False},
        )
    ]


def test_what_succeeded_needs_force(amman):
    amman.send("careem", external_id="A-1")
    log = WebhookLog.objects.get()
    path = f"logs/{log.id}/replay"
    message = "This event is processed; force replays it all the same."
    assert call(amman, "POST", path, {}) == refused(message, "processed")
    assert not AuditEntry.objects.exists()
    status, answer = call(amman, "POST", path, {"force": True})
    assert (status, answer["data"]["status"]) == (200, "ignored")
    assert [entry["trigger"] for entry in answer["data"]["attemptLog"]] == ["live", "replay"]
    assert Order.objects.count() == 1


def test_a_rejected_request_is_never_replayed(amman):
    log = row(amman, status="rejected")
    message = "A rejected request was not authentic: nothing of it is kept, and it is never replayed."
    assert call(amman, "POST", f"logs/{log.id}/replay", {"force": True}) == refused(message, "rejected")
    assert not WebhookAttempt.objects.exists()


def test_a_delivery_whose_body_is_gone_is_not_replayed(amman):
    log = row(amman, status="dead", body=None)
    message = "The body of this event is past its retention and gone."
    assert call(amman, "POST", f"logs/{log.id}/replay") == refused(message, "dead")


def test_another_companys_delivery_is_not_replayed(amman, dubai):
    theirs = broken(dubai, "D-1")
    assert call(amman, "POST", f"logs/{theirs.id}/replay") == missing("This event")
    assert call(amman, "POST", f"logs/{uuid.uuid4()}/replay") == missing("This event")
    theirs.refresh_from_db()
    assert (theirs.status, Order.objects.count()) == ("dead", 0)


@pytest.mark.parametrize(
    ("body", "details"),
    [({"force": "yes"}, {"force": "expected true or false"}), ({"dryRun": True}, {"dryRun": "unknown field"})],
)
def test_a_wrong_body_is_refused(amman, body, details):
    log = broken(amman, "A-1")
    assert call(amman, "POST", f"logs/{log.id}/replay", body) == invalid(**details)
    assert not Order.objects.exists()


def test_a_dry_run_counts_and_replays_nothing(amman, dubai):
    for external_id in ("A-1", "A-2"):
        broken(amman, external_id)
    row(amman, status="processed")
    row(amman, status="rejected")
    broken(dubai, "D-1")
    assert call(amman, "POST", "replay", {"filter": {}, "dryRun": True}) == (
        200,
        {"success": True, "data": {"dryRun": True, "count": 2, "skipped": 2}},
    )
    assert not Order.objects.exists()
    assert not AuditEntry.objects.exists()


def test_many_are_replayed_oldest_first(amman, dubai):
    late, early = broken(amman, "A-2", minute=2), broken(amman, "A-1", minute=1)
    bad = row(amman, 3, status="quarantined", body=b"[]")
    row(amman, status="processed")
    theirs = broken(dubai, "D-1")
    status, answer = call(amman, "POST", "replay", {"filter": {"status": ["dead", "quarantined"]}}, user=amman.manager)
    assert (status, answer["data"]) == (
        200,
        {
            "dryRun": False,
            "count": 3,
            "skipped": 0,
            "replayed": 3,
            "busy": 0,
            "outcomes": {"processed": 2, "quarantined": 1},
            "remaining": 0,
            "lastReceivedAt": "2026-03-01T12:03:00Z",
        },
    )
    tried = WebhookAttempt.objects.order_by("started_at", "id").values_list("log_id", flat=True)
    assert list(tried) == [early.id, late.id, bad.id]
    theirs.refresh_from_db()
    assert theirs.status == "dead"


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"status": "dead"}, 2),
        ({"status": ["dead"], "provider": ["jahez"]}, 0),
        ({"externalOrderId": "A-1"}, 1),
        ({"since": "2026-03-01T12:02:00Z"}, 1),
        ({"until": "2026-03-01T12:02:00Z"}, 1),
        ({"search": "a-"}, 2),
    ],
)
def test_the_filter_is_the_logs(amman, wanted, count):
    for minute in (1, 2):
        log = broken(amman, f"A-{minute}", minute=minute)
        WebhookLog.objects.filter(pk=log.pk).update(external_id=f"A-{minute}")
    answer = call(amman, "POST", "replay", {"filter": wanted, "dryRun": True})[1]
    assert answer["data"]["count"] == count


def test_force_counts_what_succeeded_too(amman):
    amman.send("careem", external_id="A-1")
    answer = call(amman, "POST", "replay", {"filter": {}, "dryRun": True, "force": True})[1]
    assert answer["data"] == {"dryRun": True, "count": 1, "skipped": 0}


def test_a_call_replays_so_many_and_says_what_remains(amman, monkeypatch):
    monkeypatch.setattr(replaying, "MAX_REPLAYS", 2)
    for minute in (1, 2, 3):
        broken(amman, f"A-{minute}", minute=minute)
    data = call(amman, "POST", "replay", {"filter": {}})[1]["data"]
    assert (data["count"], data["replayed"], data["remaining"]) == (3, 2, 1)
    rest = call(amman, "POST", "replay", {"filter": {"since": data["lastReceivedAt"]}})[1]["data"]
    assert (rest["replayed"], rest["remaining"], Order.objects.count()) == (1, 0, 3)


def test_a_call_ends_when_its_time_is_up(amman, monkeypatch):
    monkeypatch.setattr(replaying, "REPLAY_BUDGET_S", -1.0)
    broken(amman, "A-1")
    data = call(amman, "POST", "replay", {"filter": {}})[1]["data"]
    assert (data["replayed"], data["remaining"], data["lastReceivedAt"]) == (0, 1, None)


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({}, {"filter": "expected an object; {} means every delivery that can be replayed"}),
        ({"filter": {}, "dryrun": True}, {"dryrun": "unknown field"}),
        ({"filter": {"stauts": "dead"}}, {"filter.stauts": "unknown field"}),
        ({"filter": {"provider": 7}}, {"filter.provider": "expected one of careem, talabat, deliveroo, jahez, nexara"}),
        ({"filter": {"since": 7}}, {"filter.since": "expected a time in ISO 8601, such as 2026-01-31T12:00:00Z"}),
        ({"filter": {}, "dryRun": 1}, {"dryRun": "expected true or false"}),
    ],
)
def test_a_mistyped_filter_replays_nothing(amman, body, details):
    broken(amman, "A-1")
    assert call(amman, "POST", "replay", body) == invalid(**details)
    assert not Order.objects.exists()


def test_the_trail_keeps_the_filter_without_what_was_searched(amman):
    broken(amman, "A-1")
    call(amman, "POST", "replay", {"filter": {"status": "dead", "search": "0791234567"}})
    assert acts(amman) == [
        (
            "amman-grill-owner",
            "events.replayed",
            "",
            {"filter": {"status": "dead"}, "searched": True, "force": False, "replayed": 0},
        )
    ]
