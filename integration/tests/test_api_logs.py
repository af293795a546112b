from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from integration.models import WebhookAttempt, WebhookBody, WebhookLog
from integration.tests.api import call, call_with, invalid, missing
from orders.models import Branch, Membership, Order
from orders.times import iso_time

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def row(installation, minute: int = 0, **fields) -> WebhookLog:
    """Store a delivery received at a minute of the hour."""
    body = fields.pop("body", b"{}")
    fields = {
        "company": installation.company,
        "provider": "careem",
        "status": "processed",
        "delivery_key": str(uuid.uuid4()),
        "received_at": T0 + timedelta(minutes=minute),
    } | fields
    if fields["status"] == "rejected":
        fields |= {"delivery_key": None, "rejection_key": str(uuid.uuid4())}
    log = WebhookLog.objects.create(**fields)
    if body is not None and fields["status"] != "rejected":
        WebhookBody.objects.create(log=log, body=body)
    return log


def listed(installation, query: str = "", **kwargs) -> list[str]:
    status, answer = call(installation, "GET", f"logs?{query}", **kwargs)
    assert status == 200, answer
    return [entry["eventId"] for entry in answer["results"]]


def ids(*logs: WebhookLog) -> list[str]:
    return [str(log.id) for log in logs]


def test_the_log_lists_deliveries_newest_first(amman, dubai):
    amman.send("careem", external_id="A-1")
    dubai.send("careem", external_id="D-1")
    log = WebhookLog.objects.get(company=amman.company)
    status, answer = call(amman, "GET", "logs")
    assert (status, answer) == (
        200,
        {
            "results": [
                {
                    "eventId": str(log.id),
                    "provider": "careem",
                    "status": "processed",
                    "eventType": "order.created",
                    "providerEvent": log.provider_event,
                    "externalOrderId": "A-1",
                    "orderId": str(Order.objects.get(company=amman.company).id),
                    "orderStatus": "received",
                    "error": None,
                    "errorMessage": None,
                    "fingerprint": None,
                    "attempts": 1,
                    "duplicates": 0,
                    "count": 1,
                    "isEnvelope": False,
                    "source": "webhook",
                    "receivedAt": iso_time(log.received_at),
                    "processedAt": iso_time(log.processed_at),
                    "nextAttemptAt": None,
                    "durationMs": log.duration_ms,
                }
            ],
            "next": None,
        },
    )


def test_pages_follow_each_other_while_rows_are_added(amman):
    logs = [row(amman, minute) for minute in (0, 1, 1, 2)]
    _, first = call(amman, "GET", "logs?limit=2&status=processed")
    row(amman, 3)
    path = first["next"].split("/api/integration/")[1]
    second = call(amman, "GET", path)[1]
    found = [entry["eventId"] for page in (first, second) for entry in page["results"]]
    tied = sorted(ids(*logs[1:3]), reverse=True)
    assert found == [str(logs[3].id), *tied, str(logs[0].id)]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("provider=jahez", [1]),
        ("provider=jahez,talabat", [2, 1]),
        ("provider=jahez&provider=talabat", [2, 1]),
        ("status=dead", [2]),
        ("status=dead,quarantined", [3, 2]),
        ("status=duplicate", [0]),
        ("eventType=order.created", [0]),
        ("eventType=order_created", [0]),
        ("since=2026-03-01T12:02:00Z", [3, 2]),
        ("since=2026-03-01T15:02:00+03:00", [3, 2]),
        ("until=2026-03-01T12:02:00Z", [1, 0]),
        ("since=2026-03-01&until=2026-03-01", [3, 2, 1, 0]),
        ("since=2026-03-02", []),
        ("externalOrderId=ext-1", [1]),
        ("externalOrderId=ext", []),
        ("search=EXT-1", [1]),
        ("search=processing_failed", [2]),
        ("search=nothing-of-the-kind", []),
        ("provider=&status=", [3, 2, 1, 0]),
    ],
)
def test_the_log_is_filtered(amman, query, found):
    logs = [
        row(amman, 0, event_type="order.created", duplicates=2),
        row(amman, 1, provider="jahez", external_id="ext-1"),
        row(amman, 2, provider="talabat", status="dead", error_code="processing_failed"),
        row(amman, 3, status="quarantined"),
    ]
    assert listed(amman, query) == [str(logs[index].id) for index in found]


def test_a_search_finds_an_event_and_an_order_by_id(amman):
    log = row(amman, order_id=uuid.uuid4())
    row(amman)
    assert listed(amman, f"search={log.id}") == listed(amman, f"search={log.order_id}") == ids(log)


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ("provider=ubereats", {"provider": "expected one of careem, talabat, deliveroo, jahez, nexara"}),
        ("since=yesterday", {"since": "expected a time in ISO 8601, such as 2026-01-31T12:00:00Z"}),
        ("search=%00", {"search": "expected a text without NUL or lone surrogates"}),
        ("externalOrderId=" + "x" * 513, {"externalOrderId": "expected at most 512 characters"}),
    ],
)
def test_a_wrong_filter_is_refused_by_name(amman, query, details):
    assert call(amman, "GET", f"logs?{query}") == invalid(**details)


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "cursor=x", "cursor=W10", "status=lost"])
def test_a_wrong_page_or_status_is_refused(amman, query):
    status, answer = call(amman, "GET", f"logs?{query}")
    assert (status, answer["error"], list(answer["details"])) == (400, "invalid_request", [query.split("=")[0]])


def test_one_delivery_is_told_whole(amman):
    sent = amman.sample("careem", external_id="A-1")
    amman.post("careem", sent)
    log = WebhookLog.objects.get()
    status, answer = call(amman, "GET", f"logs/{log.id}")
    data = answer["data"]
    entry = call(amman, "GET", "logs")[1]["results"][0]
    assert (status, answer["success"]) == (200, True)
    assert {name: data.pop(name) for name in entry} == entry
    assert data.pop("headers")["x-careem-signature"] == "[redacted]"
    assert data == {
        "method": "POST",
        "path": "",
        "proof": "webhookSecret",
        "remoteAddress": "127.0.0.1",
        "requestId": log.request_id,
        "body": sent.body.decode(),
        "bodyBase64": None,
        "bodyMissing": None,
        "bodySize": len(sent.body),
        "bodySha256": log.body_sha256,
        "details": {},
        "warnings": [],
        "attemptLog": [
            {
                "trigger": "live",
                "outcome": "processed",
                "error": None,
                "startedAt": entry["receivedAt"],
                "durationMs": entry["durationMs"],
                "user": None,
            }
        ],
    }


def test_a_body_that_is_no_text_is_told_in_base64_too(amman):
    log = row(amman, status="quarantined", body=b'{"a": "\xff"}')
    data = call(amman, "GET", f"logs/{log.id}")[1]["data"]
    assert (data["body"], base64.b64decode(data["bodyBase64"])) == ('{"a": "\ufffd"}', b'{"a": "\xff"}')


def test_a_body_that_is_gone_says_why(amman):
    pruned, rejected = row(amman, body=None), row(amman, status="rejected", error="signature_mismatch", count=7)
    told = [call(amman, "GET", f"logs/{log.id}")[1]["data"] for log in (pruned, rejected)]
    assert [(data["body"], data["bodyMissing"]) for data in told] == [(None, "past_retention"), (None, "rejected")]
    assert (told[1]["count"], told[1]["attemptLog"]) == (7, [])


def test_every_attempt_is_told_with_its_person(amman):
    log = row(amman, status="failed", next_attempt_at=T0 + timedelta(minutes=9))
    for second, (trigger, user) in enumerate((("live", None), ("replay", amman.manager))):
        WebhookAttempt.objects.create(
            log=log, trigger=trigger, user=user, outcome="failed", error="KeyError", duration_ms=1.5,
            started_at=T0 + timedelta(seconds=second),
        )  # fmt: skip
    data = call(amman, "GET", f"logs/{log.id}")[1]["data"]
    common = {"outcome": "failed", "error": "KeyError", "durationMs": 1.5}
    assert data["nextAttemptAt"] == "2026-03-01T12:09:00Z"
    assert data["attemptLog"] == [
        {"trigger": "live", "startedAt": "2026-03-01T12:00:00Z", "user": None, **common},
        {"trigger": "replay", "startedAt": "2026-03-01T12:00:01Z", "user": "amman-grill-manager", **common},
    ]


def test_staff_read_no_body_of_a_finished_order(amman):
    amman.send("careem", external_id="A-1")
    log = WebhookLog.objects.get()
    path = f"logs/{log.id}"
    assert call(amman, "GET", path, user=amman.staff)[1]["data"]["body"] is not None
    Order.objects.update(status="delivered")
    hidden = call(amman, "GET", path, user=amman.staff)[1]["data"]
    assert (hidden["body"], hidden["bodyMissing"]) == (None, "order_finished")
    assert call(amman, "GET", path, user=amman.manager)[1]["data"]["body"] is not None


def test_staff_read_no_body_of_no_order(amman):
    log = row(amman, status="quarantined")
    hidden = call(amman, "GET", f"logs/{log.id}", user=amman.staff)[1]["data"]
    assert (hidden["body"], hidden["bodyMissing"]) == (None, "no_order")
    assert call(amman, "GET", f"logs/{log.id}", user=amman.manager)[1]["data"]["body"] == "{}"


def test_who_is_limited_to_branches_sees_the_deliveries_of_their_orders(amman):
    amman.send("careem", external_id="A-1")
    unreadable = row(amman, status="quarantined")
    seen = WebhookLog.objects.get(external_id="A-1")
    other = Branch.objects.create(company=amman.company, name="Other")
    member = Membership.objects.get(user=amman.staff)
    member.is_limited = True
    member.save()
    member.branches.set([amman.branch])
    assert listed(amman, user=amman.staff) == ids(seen)
    assert call(amman, "GET", f"logs/{unreadable.id}", user=amman.staff) == missing("This event")
    member.branches.set([other])
    assert listed(amman, user=amman.staff) == []


def test_another_companys_delivery_does_not_exist(amman, dubai):
    theirs = row(dubai)
    assert (
        call(amman, "GET", f"logs/{theirs.id}") == call(amman, "GET", f"logs/{uuid.uuid4()}") == missing("This event")
    )
    assert listed(amman) == []


def test_a_token_reaches_its_own_company_alone(amman, dubai):
    mine, _ = row(amman), row(dubai)
    status, answer = call_with(amman.token(), "GET", "logs")
    assert (status, [entry["eventId"] for entry in answer["results"]]) == (200, ids(mine))


def test_rows_of_nobody_are_in_nobodys_log(amman):
    WebhookLog.objects.create(
        provider="careem", status="rejected", rejection_key="-|careem|unknown_company|x", received_at=timezone.now()
    )
    assert listed(amman) == []
