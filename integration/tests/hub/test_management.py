from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid

import pytest
import responses
from django.conf import settings as live_settings
from django.test import Client
from django.utils import timezone

from integration.hub.api.management import ConfigView
from integration.hub.clients import seed_operator
from integration.hub.subscriptions import subscribe
from integration.models import Alert, IntegrationWebhook, OutboundPush, WebhookLog
from integration.preparing import prepare
from integration.tests.api import acts, call
from integration.tests.hub.calls import KEY, PLATFORM, forwards, subscribed
from orders.models import Branch, Company, Order, User


def ask(installation, method: str, path: str, data=None, *, user=None):
    body = json.dumps(data) if data is not None else ""
    response = installation.client(user).generic(method, f"/api/webhooks/{path}", body, content_type="application/json")
    return response.status_code, response.json()


@responses.activate
def test_the_log_tells_what_came_and_where_it_went(amman):
    responses.post(PLATFORM, json={})
    subscribed(amman)
    amman.send("careem")
    amman.send("talabat", external_id="1000002")
    status, page = ask(amman, "GET", "logs")
    assert status == 200
    (forward,) = forwards(amman)
    assert [(row["provider"], row["status"], row["forwards"]) for row in page["results"]] == [
        ("talabat", "processed", []),
        ("careem", "processed", [{
            "id": str(forward.id), "eventType": "order.created", "url": PLATFORM, "status": "pending", "attempts": 0,
            "error": None, "nextAttemptAt": None, "finishedAt": None,
        }]),
    ]  # fmt: skip
    assert len(ask(amman, "GET", "logs?provider=careem")[1]["results"]) == 1


def test_another_companys_log_is_empty_here(amman, dubai):
    subscribed(amman)
    amman.send("careem")
    assert ask(dubai, "GET", "logs")[1]["results"] == []
    forward = forwards(amman)[0]
    for key in (forward.id, forward.delivery_id, uuid.uuid4()):
        assert ask(dubai, "POST", f"retry/{key}")[0] == 404
    assert ask(dubai, "GET", f"config/{amman.company.id}")[0] == 404
    assert ask(dubai, "PUT", f"config/{amman.company.id}", {"subscriptions": []})[0] == 404


def test_the_figures_count_forwards_by_what_they_are(amman):
    subscribed(amman)
    for number in range(3):
        amman.send("careem", external_id=f"100000{number}")
    chosen = forwards(amman)[0]
    OutboundPush.objects.filter(pk=chosen.pk).update(status="dead")
    status, body = ask(amman, "GET", "stats?period=hour")
    assert (status, body["data"]["total"], body["data"]["processed"]) == (200, 3, 3)
    assert body["data"]["forwards"] == {"total": 3, "sent": 0, "waiting": 2, "failed": 0, "dead": 1, "dropped": 0}
    assert ask(amman, "GET", "stats?provider=jahez")[1]["data"]["forwards"]["total"] == 0


@responses.activate
@pytest.mark.parametrize("by", ["delivery", "forward"])
def test_a_dead_forward_is_sent_again_under_its_id(amman, by):
    responses.post(PLATFORM, json={})
    subscribed(amman)
    amman.send("careem")
    (forward,) = forwards(amman)
    OutboundPush.objects.update(status="dead", next_attempt_at=None, attempts=30, error="It did not work.")
    key = forward.id if by == "forward" else forward.delivery_id
    status, body = ask(amman, "POST", f"retry/{key}")
    assert status == 200, body
    (shown,) = body["data"]["forwards"]
    assert (shown["status"], shown["attempts"], shown["error"]) == ("sent", 1, None)
    assert responses.calls[0].request.headers["x-webhook-id"] == str(forward.id)
    assert acts(amman)[-1][1:3] == ("forward.retried", str(key))


@responses.activate
def test_what_was_sent_is_sent_once_more_only_by_force(amman):
    responses.post(PLATFORM, json={})
    subscribed(amman)
    amman.send("careem")
    (forward,) = forwards(amman)
    ask(amman, "POST", f"retry/{forward.id}")
    status, body = ask(amman, "POST", f"retry/{forward.id}")
    assert (status, body["error"], len(responses.calls)) == (409, "not_retryable", 1)
    assert ask(amman, "POST", f"retry/{forward.id}", {"force": True})[0] == 200
    assert len({call.request.headers["x-webhook-id"] for call in responses.calls}) == 1


@responses.activate
def test_what_was_sent_and_has_no_body_any_more_stays_sent(amman, settings):
    settings.LOG_WEBHOOKS = False
    responses.post(PLATFORM, json={})
    subscribed(amman)
    amman.send("careem")
    (forward,) = forwards(amman)
    assert ask(amman, "POST", f"retry/{forward.id}")[0] == 200
    for key in (forward.id, forward.delivery_id):
        status, body = ask(amman, "POST", f"retry/{key}", {"force": True})
        assert (status, body["error"]) == (409, "not_retryable")
    forward.refresh_from_db()
    assert (forward.status, len(responses.calls), Alert.objects.count()) == ("sent", 1, 0)


def test_a_delivery_in_quarantine_is_processed_again(amman):
    answer = amman.send_payload("careem", {"event_type": "order.created", "order": {"id": "1"}})
    status, body = ask(amman, "POST", f"retry/{answer.json()['eventId']}")
    assert (status, body["data"]["status"], body["data"]["forwards"]) == (200, "quarantined", [])
    assert WebhookLog.objects.get().attempt_set.filter(trigger="replay").count() == 1


def test_who_may_do_what(amman):
    subscribed(amman)
    amman.send("careem")
    (forward,) = forwards(amman)
    assert ask(amman, "POST", f"retry/{forward.id}", user=amman.staff)[0] == 403
    assert ask(amman, "GET", f"config/{amman.company.id}", user=amman.staff)[0] == 403
    assert ask(amman, "PUT", f"config/{amman.company.id}", {"subscriptions": []}, user=amman.manager)[0] == 403
    assert ask(amman, "GET", "logs", user=amman.staff)[0] == 200
    assert Client().get("/api/webhooks/logs").status_code == 401


@responses.activate
@pytest.mark.parametrize("by", ["delivery", "forward"])
def test_a_manager_of_another_branch_sends_nothing_again(amman, by):
    subscribed(amman)
    amman.send("careem")
    (forward,) = forwards(amman)
    other = Branch.objects.create(company=amman.company, name="Other")
    membership = amman.company.memberships.get(user=amman.manager)
    membership.is_limited = True
    membership.save()
    membership.branches.set([other])
    key = forward.id if by == "forward" else forward.delivery_id
    assert ask(amman, "POST", f"retry/{key}", user=amman.manager)[0] == 404
    forward.refresh_from_db()
    assert (forward.status, forward.attempts, len(responses.calls)) == ("pending", 0, 0)


def test_a_clients_configuration_is_read_without_its_key(amman):
    row = subscribed(amman, "careem", "order.created")
    amman.send("careem")
    status, body = ask(amman, "GET", f"config/{amman.company.id}")
    assert status == 200
    assert KEY not in json.dumps(body)
    (shown,) = body["data"]["subscriptions"]
    for name in ("createdAt", "updatedAt"):
        del shown[name]
    assert shown == {
        "webhookId": str(row.id), "provider": "careem", "url": PLATFORM, "events": ["order.created"], "status": "active",
        "secretKey": "••••0001", "previousValidUntil": None, "breaker": "closed", "waiting": 1,
    }  # fmt: skip


def test_a_subscription_is_paused_and_moved(amman):
    subscribed(amman)
    change = {
        "subscriptions": [
            {"provider": "careem", "status": "paused", "url": f"{PLATFORM}/2", "events": ["order.created"]}
        ]
    }
    status, body = ask(amman, "PUT", f"config/{amman.company.id}", change)
    assert status == 200, body
    row = IntegrationWebhook.objects.get()
    assert (row.status, row.url, row.events) == ("paused", f"{PLATFORM}/2", ["order.created"])
    assert acts(amman)[-1][1:3] == ("subscription.changed", "careem")


def test_pausing_leaves_the_address_that_a_registration_set_meanwhile(amman, monkeypatch):
    subscribed(amman)
    read = ConfigView._changed

    def changed(*args):
        result = read(*args)
        subscribe(amman.company, "careem", f"{PLATFORM}/moved", ["order.created"])
        return result

    monkeypatch.setattr(ConfigView, "_changed", changed)
    change = {"subscriptions": [{"provider": "careem", "status": "paused"}]}
    assert ask(amman, "PUT", f"config/{amman.company.id}", change)[0] == 200
    row = IntegrationWebhook.objects.get()
    assert (row.status, row.url, row.events) == ("paused", f"{PLATFORM}/moved", ["order.created"])


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ({"provider": "talabat"}, "provider"), ({"provider": "careem", "url": "http://127.0.0.1/"}, "url"),
        ({"provider": "careem", "status": "gone"}, "status"), ({"provider": "careem", "events": ["order.eaten"]}, "events"),
        ({"provider": "careem", "secretKey": "x"}, "secretKey"),
    ],
)  # fmt: skip
def test_a_change_that_cannot_be_made_makes_none(amman, entry, name):
    subscribed(amman)
    good = {"provider": "careem", "status": "paused"}
    status, body = ask(amman, "PUT", f"config/{amman.company.id}", {"subscriptions": [good, entry]})
    assert (status, list(body["details"])) == (400, [f"subscriptions[1].{name}"])
    assert IntegrationWebhook.objects.get().status == "active"


@pytest.mark.django_db
def test_health_tells_of_each_service():
    body = Client().get("/api/health").json()
    assert (body["status"], body["services"]["database"]) == ("ok", "ok")
    assert abs((timezone.now() - timezone.datetime.fromisoformat(body["timestamp"])).total_seconds()) < 60


def test_a_provider_is_taken_at_the_hubs_own_path(amman):
    request = amman.sample("talabat", dialect="native")
    answer = Client().post(
        f"/webhooks/talabat/{amman.company.id}/{request.path}", request.body, "application/json",
        headers=dict(request.headers),
    )  # fmt: skip
    assert (answer.status_code, answer.json()["remoteResponse"]) == (
        200, {"remoteOrderId": str(Order.objects.get().id)},
    )  # fmt: skip


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_hubs_doors_and_the_pages_of_the_webhooks_stand_beside_each_other(amman, slash):
    answer = Client().post(f"/webhooks/careem/{amman.company.id}{slash}", b"{}", "application/json")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_signature")
    event_id = amman.send("careem").json()["eventId"]
    browser = amman.client()
    for path in ("", "waiting/", "test/", f"{event_id}/"):
        assert browser.get(f"/webhooks/{path}").status_code == 200


def test_a_hub_registers_with_nobody(amman):
    row = subscribed(amman)
    status, body = call(amman, "POST", "register-webhook", {"providers": ["careem"]})
    assert (status, body["data"]["failed"]) == (502, [{"provider": "careem", "reason": "This is the hub itself."}])
    assert [(kept.id, kept.error) for kept in IntegrationWebhook.objects.all()] == [(row.id, "")]


def test_the_page_names_the_hubs_door(amman, settings):
    page = amman.client().get("/integrations/").content.decode()
    assert f"{settings.APP_BASE_URL}/webhooks/careem/{amman.company.id}" in page


PATHS = [
    "webhooks/register", "webhooks/logs", "webhooks/stats", "webhooks/config/x", f"webhooks/retry/{uuid.uuid4()}", "health",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_a_platform_has_none_of_it(amman, settings, path):
    settings.ROLE, settings.ROOT_URLCONF = "platform", "restaurant_integration.urls"
    assert amman.client().get(f"/api/{path}").status_code == 404
    posted = Client().post(f"/webhooks/careem/{amman.company.id}", b"{}", "application/json")
    assert posted.status_code == 404


def test_the_hubs_schema_is_whole(tmp_path):
    environment = {"PATH": os.environ["PATH"], "ROLE": "hub", "DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "manage.py", "spectacular", "--validate", "--fail-on-warn"], cwd=live_settings.BASE_DIR,
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    for path in ("/api/webhooks/register:", "/api/orders/sync:", "/webhooks/{provider}/{company_id}:"):
        assert f"\n  {path}" in done.stdout


@pytest.mark.django_db
def test_a_hub_of_its_own_has_somebody_who_runs_it_and_no_company(settings, tmp_path):
    settings.DATA_DIR, settings.EMBEDDED = tmp_path, True
    assert prepare(demo=True) is None
    operator = User.objects.get()
    assert (operator.is_superuser, operator.check_password((tmp_path / "demo_password").read_text())) == (True, True)
    assert not Company.objects.exists()
    assert seed_operator("another") == operator
