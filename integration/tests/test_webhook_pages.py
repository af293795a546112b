"""The pages of the webhooks: the log, one delivery, what waits, replaying, the testing tool."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from integration.models import WebhookBody, WebhookLog
from integration.tests.api import acts
from integration.tests.test_api_replay import broken
from orders.models import Branch, Membership, Order
from providers.registry import ADAPTERS
from providers.samples import sample_events

XSS = "<script>alert(1)</script>"
PATHS = ("/webhooks/", "/webhooks/waiting/", "/webhooks/replay/", "/webhooks/test/")
FRAGMENT = {"X-Fragment": "1"}


def page(client: Client, path: str = "/webhooks/", status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status
    return response.content.decode()


def shown(html: str) -> list[str]:
    return re.findall(r'id="event-([0-9a-f-]{36})"', html)


def field(html: str, name: str) -> str:
    """Return the text of a form's area, or the value of its hidden field."""
    area = re.search(rf'<textarea[^>]*name="{name}"[^>]*>(.*?)</textarea>', html, re.DOTALL)
    hidden = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', html)
    return unescape(area[1] if area else hidden[1] if hidden else "")


def tool(client: Client, action: str, query: str = "", **changes: str):
    """Take a sample from the testing tool and send its form; return the answer."""
    html = page(client, f"/webhooks/test/?{query}")
    names = ("provider", "dialect", "event", "path", "method", "beforePath", "payload", "before")
    return client.post("/webhooks/test/", {name: field(html, name) for name in names} | {"action": action} | changes)


# -- who may see -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_is_sent_to_the_sign_in(amman, path):
    response = Client().get(path)
    assert (response.status_code, response.headers["Location"]) == (302, f"/sign-in/?next={path}")


def test_staff_read_the_log_and_cannot_replay_or_test(amman):
    log = broken(amman, "A-1")
    client = amman.client(amman.staff)
    for path in ("/webhooks/", "/webhooks/waiting/", f"/webhooks/{log.id}/"):
        html = page(client, path)
        assert "/webhooks/test/" not in html
        assert "/replay/" not in html
    for path in ("/webhooks/replay/", "/webhooks/test/"):
        assert client.get(path).status_code == 403
        assert client.post(path, {"action": "send", "payload": "{}"}).status_code == 403
    assert client.post(f"/webhooks/{log.id}/replay/").status_code == 403
    log.refresh_from_db()
    assert log.status == "dead"
    assert not Order.objects.exists()
    assert acts(amman) == []


def test_another_companys_deliveries_do_not_exist(amman, dubai):
    theirs = broken(dubai, "D-1")
    client = amman.client()
    assert shown(page(client)) == []
    assert shown(page(client, "/webhooks/?search=D-1")) == []
    assert "Nothing waits for a person." in page(client, "/webhooks/waiting/")
    assert "Nothing that matches can be replayed" in page(client, "/webhooks/replay/")
    assert client.get(f"/webhooks/{theirs.id}/").status_code == 404
    assert client.post(f"/webhooks/{theirs.id}/replay/").status_code == 404
    client.post("/webhooks/replay/")
    assert f"/webhooks/{theirs.id}/" not in page(client, f"/webhooks/test/?from={theirs.id}")
    for path in PATHS:
        assert client.get(f"{path}?company={dubai.company.id}").status_code == 404
    theirs.refresh_from_db()
    assert theirs.status == "dead"


def test_who_is_limited_to_branches_sees_the_deliveries_of_their_orders(amman):
    amman.send("careem", external_id="1")
    amman.send("careem", external_id="2")
    other = Branch.objects.create(company=amman.company, name="Abdoun")
    Order.objects.filter(external_id="2").update(branch=other)
    membership = Membership.objects.get(user=amman.staff)
    membership.is_limited = True
    membership.save()
    membership.branches.add(amman.branch)
    client = amman.client(amman.staff)
    mine, theirs = (WebhookLog.objects.get(external_id=number) for number in ("1", "2"))
    assert shown(page(client)) == [str(mine.id)]
    assert client.get(f"/webhooks/{theirs.id}/").status_code == 404


# -- the log -----------------------------------------------------------------------------------------------------------


def test_the_log_shows_the_newest_first_and_pages_without_gap_or_repeat(amman):
    now = timezone.now()
    rows = [
        WebhookLog(company=amman.company, provider="careem", external_id=str(number), status="processed",
                   received_at=now - timedelta(seconds=number // 2))
        for number in range(120)
    ]  # fmt: skip
    WebhookLog.objects.bulk_create(rows)
    expected = [str(row.id) for row in sorted(rows, key=lambda row: (row.received_at, row.id), reverse=True)]
    client, seen, path = amman.client(), [], "/webhooks/?status=processed"
    while path:
        html = page(client, path)
        seen += shown(html)
        older = re.search(r'href="([^"]+)">Older deliveries', html)
        path = unescape(older[1]) if older else ""
        assert not path or "status=processed" in path
    assert seen == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=dead", ["A-1"]),
        ("provider=jahez", []),
        ("status=dead,quarantined", ["A-2", "A-1"]),
        ("search=a-2", ["A-2"]),
        ("externalOrderId=A-3", ["A-3"]),
        ("since=2020-01-01&until=2020-01-02", []),
    ],
)
def test_the_filter(amman, query, expected):
    for number, status in (("A-1", "dead"), ("A-2", "quarantined")):
        log = broken(amman, number, status=status)
        WebhookLog.objects.filter(pk=log.pk).update(external_id=number)
    amman.send("careem", external_id="A-3")
    found = [WebhookLog.objects.get(pk=pk).external_id for pk in shown(page(amman.client(), f"/webhooks/?{query}"))]
    assert sorted(found, reverse=True) == expected


@pytest.mark.parametrize("query", ["status=nonsense", "since=yesterday", "cursor=broken", "provider=x,y"])
def test_a_filter_that_cannot_be_used_says_why_and_shows_nothing(amman, query):
    amman.send("careem")
    html = page(amman.client(), f"/webhooks/?{query}", 400)
    assert "The filter cannot be used:" in html
    assert shown(html) == []


def test_an_empty_log_says_so(amman):
    assert "No deliveries yet." in page(amman.client())
    assert "No delivery matches." in page(amman.client(), "/webhooks/?search=nothing")


def test_the_log_costs_the_same_for_one_delivery_and_for_many_and_counts_nothing(amman, django_assert_num_queries):
    client = amman.client()
    for expected in (1, 50):
        now = timezone.now()
        WebhookLog.objects.bulk_create(
            WebhookLog(company=amman.company, provider="careem", status="processed", received_at=now)
            for _ in range(expected)
        )
        with django_assert_num_queries(8) as captured:
            html = page(client)
        assert len(shown(html)) == expected
        assert not [each["sql"] for each in captured if "COUNT" in each["sql"] and "webhook_logs" in each["sql"]]


# -- one delivery ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", list(ADAPTERS))
def test_a_delivery_stands_raw_beside_what_was_read_in_it(amman, provider):
    amman.send(provider, external_id="1000001")
    log = WebhookLog.objects.get()
    html = page(amman.client(amman.manager), f"/webhooks/{log.id}/")
    raw, mapped = (unescape(text) for text in re.findall(r"<pre[^>]*><code>(.*?)</code>", html, re.DOTALL))
    assert "1000001" in raw
    assert '"kind": "order.created"' in mapped
    assert '"external_id": "1000001"' in mapped
    assert f'href="/orders/{Order.objects.get().id}/"' in html
    assert "[redacted]" in html


def test_an_unusable_delivery_shows_each_fault_by_its_path(amman):
    assert amman.send_payload("jahez", b'{"event": "order_created"').status_code == 202
    log = WebhookLog.objects.get()
    html = page(amman.client(), f"/webhooks/{log.id}/")
    assert html.count("<code>body</code>") == 2
    assert "Quarantined, waits for a person" in html


@pytest.mark.parametrize(("role", "status", "visible"), [
    ("staff", "received", True), ("staff", "delivered", False), ("manager", "delivered", True),
])  # fmt: skip
def test_a_payload_and_its_mapping_are_kept_from_staff_once_the_order_is_finished(amman, role, status, visible):
    amman.send("careem")
    Order.objects.update(status=status)
    html = page(amman.client(getattr(amman, role)), f"/webhooks/{WebhookLog.objects.get().id}/")
    assert html.count("<pre") == (2 if visible else 0)
    assert ("a manager can read it" in html) is not visible


def test_what_is_gone_or_was_refused_has_no_payload_and_no_replay(amman):
    amman.send("careem")
    WebhookBody.objects.all().delete()
    html = page(amman.client(), f"/webhooks/{WebhookLog.objects.get().id}/")
    assert "past its retention and gone" in html
    assert "/replay/" not in html
    assert amman.post("jahez", amman.sample("careem")).status_code == 401
    refused = WebhookLog.objects.get(status="rejected")
    html = page(amman.client(), f"/webhooks/{refused.id}/")
    assert "It was not authentic" in html
    assert "/replay/" not in html


def test_a_failure_while_reading_is_told_by_its_kind_alone(amman, monkeypatch):
    amman.send("careem")

    def fail(*args):
        raise RuntimeError("Lina Haddad")

    monkeypatch.setattr("integration.mapping.parse_row", fail)
    html = page(amman.client(), f"/webhooks/{WebhookLog.objects.get().id}/")
    assert "<code>RuntimeError</code>" in html


def test_every_text_of_a_delivery_is_escaped(amman):
    amman.send("careem")
    log = WebhookLog.objects.get()
    WebhookBody.objects.update(body=f'{{"a": "{XSS}"}}'.encode())
    texts = ("error", "error_code", "event_type", "provider_event", "external_id", "path", "request_id")
    WebhookLog.objects.update(headers={XSS: XSS}, details={XSS: XSS}, warnings=[XSS], status="dead",
                              **dict.fromkeys(texts, XSS))  # fmt: skip
    client = amman.client()
    for path in (f"/webhooks/{log.id}/", "/webhooks/", "/webhooks/waiting/", f"/webhooks/test/?from={log.id}",
                 f"/webhooks/?search={XSS}&eventType={XSS}"):  # fmt: skip
        html = page(client, path)
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert(1)" in html


# -- what waits, and replaying -----------------------------------------------------------------------------------------


def test_what_waits_stands_by_cause_with_its_number(amman):
    for number in range(3):
        broken(amman, f"A-{number}", error_code="processing_failed", error="IntegrityError")
    broken(amman, "B-1", status="quarantined", error_code="invalid_payload", error="items: expected a list")
    broken(amman, "C-1", status="failed", error_code="processing_failed", error="OperationalError")
    html = page(amman.client(), "/webhooks/waiting/")
    assert re.findall(r"</span> <bdi>([^<]+)</bdi></h2>", html) == ["IntegrityError", "items: expected a list"]
    assert re.findall(r'cause-count"><strong>(\d+)', html) == ["3", "1"]
    look = unescape(re.search(r'href="(/webhooks/\?[^"]+)">Look', html)[1])
    assert len(shown(page(amman.client(), look))) == 3


def test_the_work_list_costs_the_same_for_one_cause_and_for_many(amman, django_assert_num_queries):
    client = amman.client()
    broken(amman, "A-0", error="e")
    with django_assert_num_queries(9):
        page(client, "/webhooks/waiting/")
    for number in range(20):
        broken(amman, f"A-{number}", error=f"e{number}")
    with django_assert_num_queries(9):
        page(client, "/webhooks/waiting/")


def test_a_dead_delivery_is_replayed_from_its_page(amman):
    log = broken(amman, "A-1")
    client = amman.client(amman.manager)
    response = client.post(f"/webhooks/{log.id}/replay/")
    assert (response.status_code, response.headers["Location"]) == (303, f"/webhooks/{log.id}/")
    html = page(client, f"/webhooks/{log.id}/")
    assert "Replayed; it is now: Processed." in html
    assert "Replay (<bdi>amman-grill-manager</bdi>)" in html
    assert Order.objects.get().external_id == "A-1"
    assert [entry[1] for entry in acts(amman)] == ["event.replayed"]


def test_what_succeeded_is_replayed_only_with_force(amman):
    amman.send("careem")
    log = WebhookLog.objects.get()
    client = amman.client(amman.manager)
    refused = client.post(f"/webhooks/{log.id}/replay/", headers=FRAGMENT)
    assert (refused.status_code, refused.json()["error"]) == (409, "not_replayable")
    assert client.post(f"/webhooks/{log.id}/replay/").status_code == 303
    assert "force replays it all the same" in page(client, f"/webhooks/{log.id}/")
    assert acts(amman) == []
    client.post(f"/webhooks/{log.id}/replay/", {"force": "true"})
    assert [entry[1] for entry in acts(amman)] == ["event.replayed"]


def test_a_bulk_replay_says_first_how_many_and_writes_nothing(amman):
    broken(amman, "A-1", error="IntegrityError")
    broken(amman, "A-2", status="quarantined")
    broken(amman, "A-3", status="failed")
    client = amman.client(amman.manager)
    assert "2 deliveries would be replayed" in page(client, "/webhooks/replay/")
    assert "1 delivery would be replayed" in page(client, "/webhooks/replay/?search=IntegrityError")
    assert not Order.objects.exists()
    assert acts(amman) == []


def test_a_bulk_replay_runs_what_matches_and_tells_what_became_of_it(amman):
    for number in range(3):
        broken(amman, f"A-{number}")
    other = broken(amman, "B-1", status="quarantined")
    client = amman.client(amman.manager)
    response = client.post("/webhooks/replay/?status=dead&search=")
    html = response.content.decode()
    assert response.status_code == 200
    assert "3 deliveries were replayed." in html
    assert "Nothing that matches can be replayed" in html
    assert sorted(Order.objects.values_list("external_id", flat=True)) == ["A-0", "A-1", "A-2"]
    other.refresh_from_db()
    assert other.status == "quarantined"
    details = {"filter": {"status": "dead"}, "searched": False, "force": False, "replayed": 3}
    assert acts(amman) == [("amman-grill-manager", "events.replayed", "", details)]


def test_a_bulk_replay_with_a_broken_filter_runs_nothing(amman):
    log = broken(amman, "A-1")
    assert amman.client().post("/webhooks/replay/?status=nonsense").status_code == 400
    log.refresh_from_db()
    assert log.status == "dead"


def test_replaying_needs_the_csrf_token(amman):
    log = broken(amman, "A-1")
    client = Client(enforce_csrf_checks=True)
    client.force_login(amman.manager)
    for path in (f"/webhooks/{log.id}/replay/", "/webhooks/replay/", "/webhooks/test/"):
        assert client.post(path).status_code == 403
    log.refresh_from_db()
    assert log.status == "dead"


# -- the testing tool --------------------------------------------------------------------------------------------------

SAMPLES = [
    (slug, dialect, event) for slug in ADAPTERS for dialect in ("hub", "native") for event in sample_events(slug, dialect)
]  # fmt: skip


@pytest.mark.parametrize(("slug", "dialect", "event"), SAMPLES)
def test_every_sample_works_as_the_tool_offers_it_and_leaves_nothing(amman, slug, dialect, event):
    query = f"provider={slug}&dialect={dialect}&event={event}"
    html = tool(amman.client(amman.manager), "try", query).content.decode()
    assert "It works. Nothing was stored." in html
    assert not Order.objects.exists()
    assert not WebhookLog.objects.exists()
    assert acts(amman) == []


def test_the_result_tells_the_mapping_what_was_matched_and_the_time_of_each_step(amman):
    html = tool(amman.client(), "try", "provider=careem").content.decode()
    assert "<bdi>Main</bdi>" in html
    assert "not on the menu" not in html
    steps = re.findall(r'<th scope="row">(\w+)</th><td>[\d.]+ ms', html)
    assert steps == ["parse", "apply", "read"]
    assert unescape(html).count('"externalOrderId": "TEST-') == 1


def test_an_edited_payload_is_taken_as_it_is_and_its_faults_are_told(amman):
    answer = tool(amman.client(), "try", "provider=careem", payload='{"event_type": "order_created", "order_id": "X"')
    html = answer.content.decode()
    assert answer.status_code == 200
    assert "from a provider it would be quarantined" in html
    assert "<code>body</code>" in html
    assert "order_id&quot;: &quot;X&quot;</textarea>" in html


def test_sending_makes_a_test_order_and_leads_to_it(amman):
    html = tool(amman.client(amman.manager), "send", "provider=talabat").content.decode()
    order, log = Order.objects.get(), WebhookLog.objects.get()
    assert (order.is_test, order.provider, log.is_test) == (True, "talabat", True)
    assert f'href="/orders/{order.id}/"' in html
    assert f'href="/webhooks/{log.id}/"' in html
    assert [entry[:2] for entry in acts(amman)] == [("amman-grill-manager", "webhook.tested")]


def test_a_test_never_touches_an_order_that_a_provider_really_sent(amman):
    amman.send("careem", external_id="1000001")
    log, before = WebhookLog.objects.get(), Order.objects.get()
    html = tool(amman.client(), "send", f"provider=careem&from={log.id}").content.decode()
    assert "A provider really sent an order with this number" in html
    assert f'href="/orders/{before.id}/"' in html
    assert WebhookLog.objects.count() == 1
    assert Order.objects.get().updated_at == before.updated_at


def test_a_failure_of_ours_is_told_by_its_kind_and_stores_nothing(amman, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("Lina Haddad")

    monkeypatch.setattr("integration.trial.apply_event", fail)
    html = tool(amman.client(), "try", "provider=careem").content.decode()
    assert "<code>RuntimeError</code>" in html
    assert "Lina Haddad" not in html
    assert not WebhookLog.objects.exists()


@pytest.mark.parametrize("query", ["provider=x&dialect=y&event=z", "from=x", f"from={uuid.uuid4()}", ""])
def test_what_the_tool_does_not_know_falls_back_to_a_sample(amman, query):
    html = page(amman.client(), f"/webhooks/test/?{query}")
    assert field(html, "provider") == next(iter(ADAPTERS))
    assert "TEST-" in field(html, "payload")


# -- all of them -------------------------------------------------------------------------------------------------------


def test_the_pages_need_nothing_inline(amman):
    log = broken(amman, "A-1")
    client = amman.client()
    for path in (*PATHS, f"/webhooks/{log.id}/", "/alerts/"):
        response = client.get(path)
        assert "unsafe" not in response.headers["Content-Security-Policy"]
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", response.content.decode())
        assert "no-store" in response.headers["Cache-Control"]
