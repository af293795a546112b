"""The admin of credentials, the webhook log, alerts and registrations."""

from __future__ import annotations

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integration import inbox
from integration.admin.payload import readable
from integration.admin.webhook import REPLAYED_AT_ONCE
from integration.alerts import raise_alert
from integration.models import Alert, IntegrationWebhook, ProviderCredential, WebhookAttempt, WebhookLog
from integration.tests.factories import Installation, make_installation
from orders.models import AuditEntry, Order, User

pytestmark = pytest.mark.django_db
NEW_SECRET = "a-new-secret-of-careem-0002"


@pytest.fixture
def ours() -> Installation:
    return make_installation()


@pytest.fixture
def theirs() -> Installation:
    return make_installation("dubai-diner", country="AE", currency="AED")


@pytest.fixture
def client(ours) -> Client:
    return ours.client()


def page(model: str, name: str, *args) -> str:
    return reverse(f"admin:integration_{model}_{name}", args=args)


def acts() -> list[tuple[str, str, dict]]:
    return list(AuditEntry.objects.order_by("created_at").values_list("action", "target", "details"))


def messages_of(answer) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


# -- credentials -----------------------------------------------------------------------------------------------------


def credential_data(**fields: str) -> dict[str, str]:
    return {"is_enabled": "on", "environment": "production", "base_url": "", "allowed_addresses": "",
            "expires_at_0": "", "expires_at_1": "", "overlap_hours": "24", **fields}  # fmt: skip


def careem_of(made: Installation) -> ProviderCredential:
    return ProviderCredential.objects.get(company=made.company, provider="careem")


def set_careem(client: Client, made: Installation, **fields: str):
    return client.post(page("providercredential", "change", careem_of(made).pk), credential_data(**fields))


def test_secret_is_rotated_with_an_overlap(client, ours):
    assert set_careem(client, ours, webhookSecret=NEW_SECRET, overlap_hours="2").status_code == 302
    credential = careem_of(ours)
    assert credential.valid_values("webhookSecret", timezone.now()) == (NEW_SECRET, "careem-hub-secret-0001")
    later = timezone.now() + timedelta(hours=2, seconds=1)
    assert credential.valid_values("webhookSecret", later) == (NEW_SECRET,)
    assert credential.value("apiKey") == "careem-native-key-0001"
    assert acts() == [("credential.rotated", "careem", {"fields": ["webhookSecret"], "overlapHours": 2})]


def test_rotating_without_overlap_ends_the_old_secret(client, ours):
    set_careem(client, ours, webhookSecret=NEW_SECRET, overlap_hours="0")
    assert careem_of(ours).valid_values("webhookSecret", timezone.now()) == (NEW_SECRET,)


def test_overlap_is_a_day_where_nothing_is_said(client, ours):
    set_careem(client, ours, webhookSecret=NEW_SECRET, overlap_hours="")
    almost = timezone.now() + timedelta(hours=23, minutes=59)
    assert careem_of(ours).valid_values("webhookSecret", almost) == (NEW_SECRET, "careem-hub-secret-0001")


def test_empty_secrets_stay_as_they_are(client, ours):
    before = careem_of(ours).secrets
    assert set_careem(client, ours, environment="sandbox").status_code == 302
    credential = careem_of(ours)
    assert (credential.environment, credential.secrets) == ("sandbox", before)
    assert acts() == [("credential.changed", "careem", {"fields": ["environment"]})]


def test_everything_besides_the_secrets_is_set(client, ours):
    set_careem(
        client, ours, is_enabled="", base_url="https://careem.example.com/", expires_at_0="2027-01-02",
        expires_at_1="03:04:05", allowed_addresses=" 203.0.113.7\r\n2001:db8::/32 ",
    )  # fmt: skip
    credential = careem_of(ours)
    assert credential.is_enabled is False
    assert credential.base_url == "https://careem.example.com"
    assert credential.allowed_ips == ["203.0.113.7", "2001:db8::/32"]
    assert credential.expires_at.isoformat() == "2027-01-02T03:04:05+00:00"


@pytest.mark.parametrize("fields", [
    {"allowed_addresses": "10.0.0.1\nnot-an-address"}, {"base_url": "ftp://example.com"}, {"overlap_hours": "169"},
    {"base_url": "http://169.254.169.254/"}, {"overlap_hours": "-1"}, {"environment": "moon"}, {"webhookSecret": "   "},
    {"webhookSecret": "••••0001"},
])  # fmt: skip
def test_unsound_credential_is_refused(client, ours, fields):
    before = ProviderCredential.objects.values().get(pk=careem_of(ours).pk)
    answer = set_careem(client, ours, **({"webhookSecret": NEW_SECRET} | fields))
    assert answer.status_code == 200
    assert answer.context["errors"]
    assert ProviderCredential.objects.values().get(pk=careem_of(ours).pk) == before
    assert acts() == []


def test_refused_form_does_not_repeat_the_secret(client, ours):
    answer = set_careem(client, ours, webhookSecret=NEW_SECRET, overlap_hours="999")
    assert NEW_SECRET not in answer.content.decode()


def test_change_page_shows_secrets_masked(client, ours):
    shown = client.get(page("providercredential", "change", careem_of(ours).pk)).content.decode()
    assert "••••0001" in shown
    assert 'name="webhookSecret"' in shown
    assert "careem-hub-secret" not in shown
    assert "gAAAA" not in shown
    assert 'name="jwtSecret"' not in shown


def test_secret_leaves_no_trace(client, ours, caplog):
    set_careem(client, ours, webhookSecret=NEW_SECRET)
    after = client.get(page("providercredential", "changelist"))
    places = [str(messages_of(after)), after.content.decode(), caplog.text, str(list(LogEntry.objects.values())),
              client.get(page("providercredential", "history", careem_of(ours).pk)).content.decode(),
              str(list(AuditEntry.objects.values()))]  # fmt: skip
    assert not [place for place in places if NEW_SECRET in place or "careem-hub-secret" in place]
    assert "webhookSecret" in LogEntry.objects.get().get_change_message()


def test_new_credential_is_added(client, ours):
    ProviderCredential.objects.filter(provider="jahez").delete()
    data = credential_data(company=str(ours.company.pk), provider="jahez", bearerToken="jahez-token-of-ours-1")
    assert client.post(page("providercredential", "add"), data).status_code == 302
    credential = ProviderCredential.objects.get(company=ours.company, provider="jahez")
    assert credential.value("bearerToken") == "jahez-token-of-ours-1"
    assert acts() == [("credential.rotated", "jahez", {"fields": ["bearerToken"], "overlapHours": 24})]


def test_hub_is_a_provider_of_credentials(client, ours):
    hub = ProviderCredential.objects.get(company=ours.company, provider="nexara")
    shown = client.get(page("providercredential", "change", hub.pk)).content.decode()
    assert 'name="secretKey"' in shown
    assert 'name="webhookSecret"' not in shown


@pytest.mark.parametrize(("provider", "field"), [("careem", "x"), ("jahez", "jwtSecret"), ("uber", "secret")])
def test_credential_that_cannot_be_is_refused(client, ours, provider, field):
    ProviderCredential.objects.filter(provider="jahez").delete()
    before = ProviderCredential.objects.count()
    data = credential_data(company=str(ours.company.pk), provider=provider, **{field: "some-secret-value"})
    assert client.post(page("providercredential", "add"), data).status_code == 200
    assert ProviderCredential.objects.count() == before


def test_credential_cannot_be_forged_into_another_company(client, theirs):
    ProviderCredential.objects.filter(provider="jahez").delete()
    data = credential_data(company=str(theirs.company.pk), provider="jahez", bearerToken="forged-token-0001")
    assert "Select a valid choice" in str(client.post(page("providercredential", "add"), data).context["errors"])
    assert not ProviderCredential.objects.filter(provider="jahez").exists()


def test_credential_keeps_its_company_and_provider(client, ours, theirs):
    set_careem(client, ours, company=str(theirs.company.pk), provider="jahez", webhookSecret=NEW_SECRET)
    assert careem_of(ours).value("webhookSecret") == NEW_SECRET
    assert careem_of(theirs).value("webhookSecret") == "careem-hub-secret-0001"


def test_deleting_a_credential_forgets_the_hubs_key_too(client, ours):
    registration = IntegrationWebhook.objects.create(
        company=ours.company, provider="careem", url="https://example.com/a", secrets={"secretKey": "of-the-hub"}
    )
    answer = client.post(page("providercredential", "delete", careem_of(ours).pk), {"post": "yes"})
    assert answer.status_code == 302
    registration.refresh_from_db()
    assert registration.secrets == {}
    assert not ProviderCredential.objects.filter(company=ours.company, provider="careem").exists()
    assert acts() == [("credential.deleted", "careem", {})]


def test_rotated_secret_is_what_requests_are_verified_with(client, ours):
    set_careem(client, ours, webhookSecret=NEW_SECRET, overlap_hours="0")
    assert ours.send("careem").status_code == 401


# -- the webhook log -------------------------------------------------------------------------------------------------


def fail(ours: Installation, monkeypatch, **order) -> WebhookLog:
    """Take an order whose processing fails for a reason that passes."""

    def broken(*args, **kwargs):
        raise RuntimeError("passing")

    with monkeypatch.context() as patch:
        patch.setattr(inbox, "apply_event", broken)
        ours.send("careem", **order)
    return WebhookLog.objects.order_by("-received_at").first()


def replay_action(client: Client, *logs: WebhookLog, **extra: str):
    data = {"action": "replay_selected", "_selected_action": [str(log.pk) for log in logs], **extra}
    return client.post(page("webhooklog", "changelist"), data, follow=True)


def test_replay_action_processes_what_failed(client, ours, monkeypatch):
    log = fail(ours, monkeypatch)
    assert Order.objects.count() == 0
    answer = replay_action(client, log)
    assert messages_of(answer) == ["1 event replayed: Processed."]
    assert Order.objects.get().external_id == "1000001"
    attempt = WebhookAttempt.objects.get(log=log, trigger="replay")
    assert (attempt.user, attempt.outcome) == (ours.owner, "processed")
    details = {"provider": "careem", "was": "failed", "became": "processed", "force": False}
    assert acts() == [("event.replayed", str(log.pk), details)]


def test_replay_action_stands_in_the_list(client, ours, monkeypatch):
    fail(ours, monkeypatch)
    assert '<option value="replay_selected">' in client.get(page("webhooklog", "changelist")).content.decode()


def test_replay_action_leaves_alone_what_succeeded(client, ours):
    ours.send("careem")
    log = WebhookLog.objects.get()
    assert messages_of(replay_action(client, log)) == [
        "1 event left alone: This event is processed; force replays it all the same."
    ]
    assert WebhookAttempt.objects.count() == 0
    assert acts() == []


def test_rejected_request_is_not_replayed(client, ours):
    inbox.record_rejection(ours.company, "careem", "bad_signature", timezone.now())
    log = WebhookLog.objects.get()
    shown = client.get(page("webhooklog", "change", log.pk)).content.decode()
    assert "replay/" not in shown
    for answer in (
        replay_action(client, log),
        client.post(page("webhooklog", "replay", log.pk), {"force": "1"}, follow=True),
    ):
        assert "was not authentic" in str(messages_of(answer))
    log.refresh_from_db()
    assert log.status == "rejected"
    assert acts() == []


def test_another_companys_event_is_not_replayed(client, ours, theirs, monkeypatch):
    log = fail(theirs, monkeypatch)
    assert messages_of(replay_action(client, log)) == []
    assert messages_of(replay_action(client, log, select_across="1")) == []
    assert client.post(page("webhooklog", "replay", log.pk)).status_code == 404
    log.refresh_from_db()
    assert (log.status, Order.objects.count()) == ("failed", 0)


def test_replay_button_processes_the_event(client, ours, monkeypatch):
    log = fail(ours, monkeypatch)
    shown = client.get(page("webhooklog", "change", log.pk)).content.decode()
    assert f'action="{page("webhooklog", "replay", log.pk)}"' in shown
    answer = client.post(page("webhooklog", "replay", log.pk), follow=True)
    assert messages_of(answer) == ["Replayed: Processed."]
    assert Order.objects.count() == 1


def test_replay_button_forces_what_succeeded(client, ours):
    ours.send("careem")
    log = WebhookLog.objects.get()
    assert 'name="force"' in client.get(page("webhooklog", "change", log.pk)).content.decode()
    answer = client.post(page("webhooklog", "replay", log.pk), {"force": "1"}, follow=True)
    assert messages_of(answer) == ["Replayed: Ignored."]
    assert Order.objects.count() == 1
    assert acts()[0][2]["force"] is True


def test_replay_wants_a_post_with_the_csrf_token(ours, monkeypatch):
    log = fail(ours, monkeypatch)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ours.owner)
    assert strict.get(page("webhooklog", "replay", log.pk)).status_code == 405
    assert strict.post(page("webhooklog", "replay", log.pk)).status_code == 403
    log.refresh_from_db()
    assert log.status == "failed"


@pytest.mark.parametrize("person", ["manager", "staff"])
def test_replay_is_for_operators(ours, monkeypatch, person):
    log = fail(ours, monkeypatch)
    answer = ours.client(getattr(ours, person)).post(page("webhooklog", "replay", log.pk))
    assert answer["Location"].startswith("/admin/login/")
    assert Order.objects.count() == 0


def test_replay_of_everything_takes_a_bounded_number(client, ours, monkeypatch):
    log = fail(ours, monkeypatch)
    now = timezone.now()
    WebhookLog.objects.bulk_create(
        WebhookLog(company=ours.company, provider="careem", status="dead", delivery_key=f"{n}", received_at=now)
        for n in range(REPLAYED_AT_ONCE)
    )
    told = messages_of(replay_action(client, log, select_across="1"))
    assert told[0] == "1 event replayed: Processed."
    assert told[1].startswith(f"{REPLAYED_AT_ONCE - 1} events left alone: The body of this event")
    assert told[2].startswith(f"Only the {REPLAYED_AT_ONCE} oldest were taken")


def test_payload_is_escaped_and_readable(client, ours):
    payload = b'{"event":"x","note":"<script>alert(1)</script>","name":"\\u0645\\u0646\\u0633\\u0641","price":15.000}'
    ours.send_payload("careem", payload)
    shown = client.get(page("webhooklog", "change", WebhookLog.objects.get().pk)).content.decode()
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "منسف" in shown
    assert "&quot;price&quot;: 15.000" in shown


@pytest.mark.parametrize(("body", "text"), [
    (b'{"a":[1,{}],"a":"x"}', '{\n  "a": [\n    1,\n    {}\n  ],\n  "a": "x"\n}'),
    (b"not json", "not json"),
    (b'{"a": \xff}', '{"a": \\xff}'),
    ('{"a":"\u202e\x00"}'.encode(), '{\n  "a": "\\u202e\\u0000"\n}'),
    (b'{"a":"\\ud800"}', '{\n  "a": "\\ud800"\n}'),
    (b'{"a":"unclosed', '{\n  "a": "unclosed'),
    (b"[" * 100, "[" * 100),
    (b"}}}", "}}}"),
    (b"", ""),
])  # fmt: skip
def test_body_is_shown_as_it_came(body, text):
    assert readable(body) == text


def test_log_page_shows_redacted_headers_and_attempts(client, ours, monkeypatch):
    log = fail(ours, monkeypatch)
    shown = client.get(page("webhooklog", "change", log.pk)).content.decode()
    assert "[redacted]" in shown
    assert "RuntimeError" in shown
    assert log.body_sha256 in shown


def test_log_of_pruned_bytes_says_so(client, ours):
    ours.send("careem")
    log = WebhookLog.objects.get()
    log.body.delete()
    assert "past their retention" in client.get(page("webhooklog", "change", log.pk)).content.decode()


def test_log_is_found_by_order_and_event(client, ours, theirs):
    ours.send("careem")
    ours.send("careem", external_id="1000002")
    theirs.send("careem")
    log = WebhookLog.objects.get(company=ours.company, external_id="1000001")
    superuser = User.objects.create_superuser("root")
    for term in ("1000001", str(log.pk), str(log.order_id)):
        found = client.get(page("webhooklog", "changelist"), {"q": term}).context["cl"].result_list
        assert found == [log]
        assert (
            log in ours.client(superuser).get(page("webhooklog", "changelist"), {"q": term}).context["cl"].result_list
        )
    link = {"company__id__exact": ours.company.pk, "order_id__exact": log.order_id}
    assert client.get(page("webhooklog", "changelist"), link).context["cl"].result_list == [log]


def test_log_is_filtered_by_provider_status_and_day(client, ours):
    ours.send("careem")
    ours.send("talabat", external_id="77")
    log = WebhookLog.objects.get(provider="talabat")
    today = timezone.localtime(timezone.now(), ZoneInfo("Asia/Amman")).date().isoformat()
    chosen = {"provider": "talabat", "status__exact": "processed", "day": today}
    assert client.get(page("webhooklog", "changelist"), chosen).context["cl"].result_list == [log]
    assert client.get(page("webhooklog", "changelist"), {"status__exact": "dead"}).context["cl"].result_list == []


def test_log_of_nobodys_company_is_for_superusers(client, ours):
    inbox.record_rejection(None, "careem", "unknown_company", timezone.now())
    log = WebhookLog.objects.get()
    assert client.get(page("webhooklog", "change", log.pk)).status_code == 404
    root = ours.client(User.objects.create_superuser("root"))
    assert root.get(page("webhooklog", "change", log.pk)).status_code == 200


# -- alerts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("action", "state"), [("acknowledge", "acknowledged"), ("resolve", "resolved")])
def test_alerts_are_moved_by_an_action(client, ours, action, state):
    alert = raise_alert(ours.company, "event_dead", "Dead.", subject="careem")
    data = {"action": action, "_selected_action": [str(alert.pk)]}
    assert messages_of(client.post(page("alert", "changelist"), data, follow=True)) == [f"1 alert is {state}."]
    alert.refresh_from_db()
    assert (alert.state, getattr(alert, f"{state}_by")) == (state, ours.owner)
    assert acts() == [(f"alert.{state}", str(alert.pk), {"cause": "event_dead", "subject": "careem"})]
    again = client.post(page("alert", "changelist"), data, follow=True)
    assert messages_of(again) == [f"0 alerts are {state}."]
    assert len(acts()) == 1


def test_another_companys_alert_stays_open(client, theirs):
    alert = raise_alert(theirs.company, "event_dead", "Dead.")
    data = {"action": "resolve", "_selected_action": [str(alert.pk)], "select_across": "1"}
    client.post(page("alert", "changelist"), data)
    alert.refresh_from_db()
    assert alert.state == Alert.State.OPEN


# -- the browser's rules ---------------------------------------------------------------------------------------------


def test_pages_need_no_inline_script_or_style(ours, theirs, monkeypatch):
    log = fail(ours, monkeypatch)
    root = ours.client(User.objects.create_superuser("root"))
    paths = [reverse("admin:index"), page("webhooklog", "change", log.pk)]
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row = model.objects.first()
        paths += [reverse(f"{name}_changelist"), reverse(f"{name}_add")]
        paths += [reverse(f"{name}_{kind}", args=[row.pk]) for kind in ("change", "delete")] if row else []
    seen = 0
    for path in paths:
        answer = root.get(path)
        if answer.status_code == 404:
            continue
        seen += 1
        shown = answer.content.decode()
        assert "script-src 'self'" in answer["Content-Security-Policy"]
        assert "unsafe-inline" not in answer["Content-Security-Policy"]
        assert not re.findall(r"<script(?![^>]*\ssrc=)[^>]*>|<style|\sstyle=|\son[a-z]+=\"", shown), path
    assert seen > 25
