from __future__ import annotations

import json
import uuid

import pytest

from integration.models import Alert, WebhookBody, WebhookLog
from integration.tests.api import acts, call, invalid
from orders import live
from orders.models import (
    AuditEntry,
    Branch,
    BranchStore,
    Company,
    CompanySequence,
    Customer,
    Membership,
    MenuProduct,
    Order,
    OrderEvent,
)  # fmt: skip
from providers.registry import ADAPTERS


def nothing_stored() -> bool:
    models = (WebhookLog, Order, OrderEvent, Customer, CompanySequence, Alert, AuditEntry)
    return not any(model.objects.exists() for model in models)


def payload(amman, external_id: str = "MINE-1", provider: str = "careem") -> dict:
    return json.loads(amman.sample(provider, external_id=external_id).body)


def test_a_sample_is_tried_and_everything_undone(amman):
    status, answer = call(amman, "POST", "webhook/test", {"provider": "careem"}, user=amman.manager)
    data = answer["data"]
    assert (status, answer["success"]) == (200, True)
    assert list(data) == ["provider", "dryRun", "eventId", "order", "matched", "events", "warnings", "steps"]
    assert (data["provider"], data["dryRun"], data["eventId"], data["warnings"]) == ("careem", True, None, [])
    order = data["order"]
    assert order["externalOrderId"].startswith("TEST-")
    assert (order["status"], order["isTest"], order["companyId"]) == ("received", True, str(amman.company.id))
    assert order["attentionReasons"] == []
    assert data["events"] == [
        {
            "eventType": "order.created",
            "providerEvent": data["events"][0]["providerEvent"],
            "externalOrderId": order["externalOrderId"],
            "orderId": order["id"],
            "orderStatus": data["events"][0]["orderStatus"],
            "outcome": "processed",
            "note": None,
        }
    ]
    assert [step["name"] for step in data["steps"]] == ["parse", "apply", "read"]
    assert all(step["durationMs"] >= 0 for step in data["steps"])
    assert nothing_stored()


def test_what_was_matched_is_told(amman):
    matched = call(amman, "POST", "webhook/careem/test")[1]["data"]["matched"]
    assert matched["branch"] == {"id": str(amman.branch.id), "name": "Main", "isKnown": True}
    assert matched["customer"]["isNew"] is True
    names = {str(product.id): product.name for product in MenuProduct.objects.all()}
    assert matched["products"]
    assert all(names[line["menuProductId"]] == line["menuProductName"] for line in matched["products"])


def test_a_customer_who_is_known_is_not_new(amman):
    amman.send("careem", external_id="REAL-1")
    matched = call(amman, "POST", "webhook/careem/test", {"payload": payload(amman, "MINE-1")})[1]["data"]["matched"]
    customer = Customer.objects.get()
    assert matched["customer"] == {"id": str(customer.id), "name": customer.name, "isNew": False}


def test_what_is_not_known_is_told(amman):
    BranchStore.objects.all().delete()
    MenuProduct.objects.all().delete()
    data = call(amman, "POST", "webhook/careem/test")[1]["data"]
    assert data["matched"]["branch"] == {"id": str(amman.branch.id), "name": "Main", "isKnown": False}
    assert {line["menuProductId"] for line in data["matched"]["products"]} == {None}
    assert data["order"]["attentionReasons"] == ["unknown_branch", "unmapped_item"]


@pytest.mark.parametrize("provider", ADAPTERS)
@pytest.mark.parametrize("dialect", ["hub", "native"])
@pytest.mark.parametrize("event", ["created", "order.created", "cancelled", "out_for_delivery"])
def test_every_provider_has_samples(amman, provider, dialect, event):
    status, answer = call(amman, "POST", f"webhook/{provider}/test", {"dialect": dialect, "event": event})
    expected = "received" if "created" in event else event
    assert (status, answer["success"]) == (200, True), answer
    assert answer["data"]["order"]["status"] in {expected, "confirmed"} if expected == "received" else {expected}
    assert nothing_stored()


def test_a_sample_about_a_known_order_follows_its_creation(amman):
    data = call(amman, "POST", "webhook/talabat/test", {"dialect": "native", "event": "cancelled"})[1]["data"]
    assert [event["eventType"] for event in data["events"]] == ["order.created", "order.cancelled"]
    assert (data["order"]["status"], len({event["orderId"] for event in data["events"]})) == ("cancelled", 1)


def test_an_event_without_effect_is_told_as_ignored(amman):
    data = call(amman, "POST", "webhook/careem/test", {"event": "menu"})[1]["data"]
    assert (data["order"], data["matched"]) == (None, None)
    assert [event["outcome"] for event in data["events"]] == ["ignored"]


def test_a_payload_of_ones_own_is_tried(amman):
    data = call(amman, "POST", "webhook/careem/test", {"payload": payload(amman)})[1]["data"]
    assert data["order"]["externalOrderId"] == "MINE-1"
    assert nothing_stored()


def test_a_text_is_taken_as_the_body(amman):
    body = json.dumps(payload(amman))
    data = call(amman, "POST", "webhook/careem/test", {"payload": body})[1]["data"]
    assert data["order"]["externalOrderId"] == "MINE-1"


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("{", "expected JSON, Expecting property name enclosed in double quotes at line 1 column 2"),
        ([1], "expected a JSON object, got a list"),
        (7, "expected a JSON object, got 7"),
        ('{"a": "\ud800"}', "expected UTF-8, got an invalid byte at position 7"),
    ],
)
def test_a_payload_that_cannot_be_used_says_why_and_leaves_nothing(amman, dry_run, given, fault):
    status, answer = call(amman, "POST", "webhook/careem/test", {"payload": given, "dryRun": dry_run})
    details = answer.pop("details")
    assert (status, answer, details["body"]) == (
        200,
        {"success": False, "error": "invalid_payload", "message": "The payload cannot be used as it is."},
        fault,
    )
    assert nothing_stored()


def test_faults_are_told_by_path(amman):
    bad = payload(amman, provider="jahez")
    text = json.dumps(bad).replace('"quantity": ', '"quantity": "x", "was": ', 1)
    answer = call(amman, "POST", "webhook/jahez/test", {"payload": text})[1]
    assert list(answer["details"].values()) == ['expected a positive integer, got "x"']
    assert next(iter(answer["details"])).endswith(".quantity")


def test_a_real_run_stands_in_the_log_and_makes_a_test_order(amman):
    status, answer = call(amman, "POST", "webhook/careem/test", {"dryRun": False}, user=amman.manager)
    data = answer["data"]
    log, order = WebhookLog.objects.get(), Order.objects.get()
    assert (status, data["dryRun"], data["eventId"], data["order"]["id"]) == (200, False, str(log.id), str(order.id))
    assert (log.status, log.proof, log.order_id, log.company) == ("processed", "test", order.id, amman.company)
    assert (order.is_test, order.external_id) == (True, data["order"]["externalOrderId"])
    assert WebhookBody.objects.get().log == log
    assert [step["name"] for step in data["steps"]] == ["parse", "record", "process", "read"]
    assert acts(amman) == [
        ("amman-grill-manager", "webhook.tested", str(log.id), {"provider": "careem", "status": "processed"})
    ]


def test_a_real_run_tells_the_staffs_sockets(amman, monkeypatch, django_capture_on_commit_callbacks):
    sent = []
    monkeypatch.setattr(live.hints, "send", lambda group, message: sent.append(message["frame"]["type"]))
    with django_capture_on_commit_callbacks(execute=True):
        call(amman, "POST", "webhook/careem/test", {"dryRun": True})
    assert sent == []
    with django_capture_on_commit_callbacks(execute=True):
        call(amman, "POST", "webhook/careem/test", {"dryRun": False})
    assert sent == ["order_created", "webhook_event"]


def test_a_real_run_of_a_known_order_leaves_both_deliveries(amman):
    data = call(amman, "POST", "webhook/careem/test", {"dryRun": False, "event": "cancelled"})[1]["data"]
    assert (data["order"]["status"], Order.objects.get().status) == ("cancelled", "cancelled")
    types = WebhookLog.objects.order_by("received_at").values_list("event_type", flat=True)
    assert list(types) == ["order.created", "order.cancelled"]


def test_a_test_never_touches_a_real_order(amman):
    amman.send("careem", external_id="REAL-1")
    order = Order.objects.get()
    body = {"payload": payload(amman, "REAL-1"), "dryRun": False}
    assert call(amman, "POST", "webhook/careem/test", body) == (
        409,
        {
            "success": False,
            "error": "order_exists",
            "message": "A provider really sent an order with this external id; a test must not touch it.",
            "details": {"orderId": str(order.id), "externalOrderId": "REAL-1"},
        },
    )
    assert (WebhookLog.objects.count(), OrderEvent.objects.count(), AuditEntry.objects.count()) == (1, 1, 0)


def test_a_test_may_be_repeated_on_its_own_order(amman):
    body = {"payload": payload(amman), "dryRun": False}
    outcomes = [call(amman, "POST", "webhook/careem/test", body)[1]["data"]["events"][0]["outcome"] for _ in range(2)]
    assert (outcomes, Order.objects.count(), WebhookLog.objects.count()) == (["processed", "ignored"], 1, 2)


def test_a_test_does_not_take_the_place_of_a_real_delivery(amman):
    sample = amman.sample("talabat", external_id="LATER-1")
    body = {"payload": sample.body.decode(), "dryRun": False}
    call(amman, "POST", "webhook/talabat/test", body)
    answer = amman.post("talabat", sample).json()
    assert (answer["success"], answer["status"] == "duplicate", WebhookLog.objects.count()) == (True, False, 2)


def test_an_order_of_a_branch_that_one_may_not_see_is_not_shown_by_a_test_run(amman):
    amman.send("careem", external_id="SECRET-1")
    membership = Membership.objects.get(user=amman.manager)
    membership.is_limited = True
    membership.save()
    membership.branches.set([Branch.objects.create(company=amman.company, name="Abdoun")])
    given = {"payload": {"event_type": "order.updated", "order_id": "SECRET-1", "status": "accepted"}}
    status, answer = call(amman, "post", "webhook/careem/test", given, user=amman.manager)
    assert (status, answer["data"]["order"], answer["data"]["matched"]) == (200, None, None)
    _, by_owner = call(amman, "post", "webhook/careem/test", given)
    assert by_owner["data"]["order"]["externalOrderId"] == "SECRET-1"


def test_an_order_of_another_company_is_none_of_ours(amman, dubai):
    dubai.send("careem", external_id="SHARED-1")
    status, answer = call(
        amman, "POST", "webhook/careem/test", {"payload": payload(amman, "SHARED-1"), "dryRun": False}
    )
    assert (status, answer["data"]["order"]["companyId"]) == (200, str(amman.company.id))
    assert Order.objects.get(company=dubai.company).is_test is False


@pytest.mark.parametrize(("path", "body"), [("webhook/ubereats/test", {}), ("webhook/test", {"provider": "ubereats"})])
def test_an_unknown_provider_is_not_there(amman, path, body):
    status, answer = call(amman, "POST", path, body)
    assert (status, answer["error"]) == (404, "unknown_provider")


@pytest.mark.parametrize(
    ("path", "body", "details"),
    [
        ("webhook/test", {}, {"provider": "expected a text that is not blank"}),
        ("webhook/test", {"provider": "careem", "dryrun": False}, {"dryrun": "unknown field"}),
        ("webhook/careem/test", {"provider": "jahez"}, {"provider": "expected the provider of the path, or none"}),
        ("webhook/careem/test", {"dryRun": "no"}, {"dryRun": "expected true or false"}),
        ("webhook/careem/test", {"dialect": "french"}, {"dialect": "expected one of hub, native"}),
        (
            "webhook/careem/test",
            {"payload": {}, "event": "created"},
            {"event": "chooses a sample; leave it out where there is a payload"},
        ),
    ],
)
def test_a_wrong_call_is_refused_by_name(amman, path, body, details):
    assert call(amman, "POST", path, body) == invalid(**details)
    assert nothing_stored()


def test_an_event_that_has_no_sample_names_those_that_have(amman):
    status, answer = call(amman, "POST", "webhook/careem/test", {"event": "exploded"})
    assert (status, answer["error"]) == (400, "invalid_request")
    assert answer["details"]["event"].startswith("careem has no hub sample 'exploded'; it has: created")


@pytest.mark.parametrize(("dry_run", "path"), [(True, "integration.trial"), (False, "integration.inbox")])
def test_a_failure_of_ours_is_told_by_its_kind_alone_and_leaves_nothing(amman, monkeypatch, caplog, dry_run, path):
    def fail(*args, **kwargs):
        raise RuntimeError("+962791234567 broke it")

    monkeypatch.setattr(f"{path}.apply_event", fail)
    assert call(amman, "POST", "webhook/careem/test", {"dryRun": dry_run}) == (
        200,
        {
            "success": False,
            "error": "processing_failed",
            "message": "The payload was read, and applying it failed.",
            "details": {"error": "RuntimeError"},
        },
    )
    assert "failed" in caplog.text
    assert nothing_stored()


def test_an_unsigned_post_to_the_doors_stays_refused(amman):
    path = f"webhook/careem/{uuid.uuid4()}"
    assert call(amman, "POST", path, payload(amman))[0] == 401
    assert Company.objects.count() == 1
