"""Alert channels and thresholds by the API, on the page and in the admin: who may, what is refused, what is masked."""

from __future__ import annotations

import re
import uuid

import pytest
import responses
from django.test import Client
from django.urls import reverse

from integration.alerting.thresholds import Thresholds
from integration.models import AlertChannel, AlertNotice, AlertThreshold
from integration.tests.alerting import HOOK, SECRET, SLACK, make_channel
from integration.tests.api import acts, call, invalid, missing
from integration.webhook_signing import key_of
from orders.models import Branch, User

pytestmark = pytest.mark.django_db

PAGE = "/alerts/channels/"
MAIL = {"name": "Chef", "kind": "email", "emails": ["chef@example.com"]}
NO_TLS = "expected https; http is only for origins in OUTBOUND_ALLOWED_ORIGINS"
NOT_PUBLIC = "this address is not on the public internet; OUTBOUND_ALLOWED_ORIGINS can allow it"
WEBHOOK = {"name": "Hook", "kind": "webhook", "url": HOOK}


def add(here, **data):
    return call(here, "POST", "alert-channels", data)


# -- the API -----------------------------------------------------------------------------------------------------------


def test_a_channel_is_made_and_read_with_its_defaults(amman):
    status, answer = add(amman, **MAIL)
    channel = AlertChannel.objects.get()
    expected = {
        "id": str(channel.id), "name": "Chef", "kind": "email", "enabled": True, "url": None, "secret": None,
        "emails": ["chef@example.com"], "leastSeverity": "warning", "causes": [], "branchId": None,
        "onlyEscalations": False, "escalateTo": None, "escalateAfterMinutes": 15, "lastNotice": None,
    }  # fmt: skip
    assert (status, answer) == (201, {"success": True, "data": expected})
    assert call(amman, "GET", "alert-channels") == (200, {"success": True, "data": [expected]})
    assert call(amman, "GET", f"alert-channels/{channel.id}") == (200, {"success": True, "data": expected})
    details = {"name": "Chef", "kind": "email", "fields": ["emails", "kind", "name"]}
    assert acts(amman) == [("amman-grill-owner", "alert_channel.added", str(channel.id), details)]


def test_a_webhooks_secret_is_made_here_and_shown_once(amman):
    _, answer = add(amman, **WEBHOOK)
    secret = answer["data"]["signingSecret"]
    assert len(key_of(secret)) == 32
    assert (answer["data"]["secret"], answer["data"]["url"]) == (
        f"••••{secret[-4:]}",
        "https://alerts.example.com/••••",
    )
    _, again = call(amman, "GET", f"alert-channels/{answer['data']['id']}")
    assert "signingSecret" not in again["data"]
    assert secret not in str(again)
    assert secret not in str(acts(amman))


def test_a_secret_of_ones_own_is_taken_and_rotated_with_an_overlap(amman):
    _, answer = add(amman, **WEBHOOK, secret=SECRET)
    assert answer["data"]["signingSecret"] == SECRET
    path = f"alert-channels/{answer['data']['id']}"
    _, changed = call(amman, "PATCH", path, {"secret": "new"})
    channel = AlertChannel.objects.get()
    assert channel.secrets["previous"] == SECRET
    assert channel.secrets["secret"] == changed["data"]["signingSecret"] != SECRET
    assert channel.url == HOOK


@pytest.mark.parametrize(
    ("data", "faults"),
    [
        ({}, {"name": "expected a text that is not blank", "kind": "expected one of email, webhook, slack"}),
        (WEBHOOK | {"url": "http://alerts.example.com/"}, {"url": NO_TLS}),
        (WEBHOOK | {"url": "https://169.254.169.254/"}, {"url": NOT_PUBLIC}),
        (WEBHOOK | {"url": "https://10.0.0.8:8443/in"}, {"url": NOT_PUBLIC}),
        (WEBHOOK | {"url": "https://[::1]/"}, {"url": NOT_PUBLIC}),
        (WEBHOOK | {"url": "https://redis.internal/"}, {"url": "expected a full public host name"}),
        (WEBHOOK | {"url": "https://u:p@alerts.example.com/"}, {"url": "expected an address such as https://api.example.com"}),
        (WEBHOOK | {"secret": "plain"}, {"secret": "expected whsec_ and base64"}),
        (MAIL | {"emails": []}, {"emails": "expected a list of 1 to 20 addresses"}),
        (MAIL | {"emails": ["x"]}, {"emails[0]": "expected an e-mail address"}),
        (MAIL | {"emails": ["a@example.com\nBcc: b@example.com"]}, {"emails[0]": "expected an e-mail address"}),
        (MAIL | {"url": HOOK}, {"url": "a channel of the kind email has none"}),
        (MAIL | {"branchId": str(uuid.UUID(int=1))}, {"branchId": "expected the id of a branch"}),
        (MAIL | {"escalateTo": str(uuid.UUID(int=1))}, {"escalateTo": "expected the id of another channel"}),
        (MAIL | {"escalateAfterMinutes": 0}, {"escalateAfterMinutes": "expected a whole number from 1 to 1440"}),
        (MAIL | {"leastSeverity": "loud"}, {"leastSeverity": "expected one of info, warning, critical"}),
        (MAIL | {"colour": "red"}, {"colour": "unknown field"}),
    ],
)  # fmt: skip
def test_what_is_refused_when_it_is_saved(amman, data, faults):
    assert add(amman, **data) == invalid(**faults)
    assert not AlertChannel.objects.exists()
    assert acts(amman) == []


def test_a_change_sets_what_it_names_and_no_more(amman):
    channel = make_channel(amman.company, kind="webhook", causes=["event_dead"])
    second = make_channel(amman.company, "Owners", "email")
    status, answer = call(
        amman, "PATCH", f"alert-channels/{channel.id}", {"leastSeverity": "critical", "escalateTo": str(second.id)}
    )
    assert (status, answer["data"]["leastSeverity"], answer["data"]["escalateTo"]) == (200, "critical", str(second.id))
    channel.refresh_from_db()
    assert (channel.causes, channel.url, channel.secrets["secret"]) == (["event_dead"], HOOK, SECRET)


def test_a_channel_keeps_its_kind_its_name_is_its_own_and_it_is_not_its_own_second(amman):
    channel, _ = make_channel(amman.company), make_channel(amman.company, "Owners", "email")
    change = {"kind": "email", "name": "Owners", "escalateTo": str(channel.id)}
    assert call(amman, "PATCH", f"alert-channels/{channel.id}", change) == invalid(
        kind="a channel keeps its kind; make another one",
        name="another channel has this name",
        escalateTo="expected the id of another channel",
    )


def test_a_removed_channel_is_gone_with_all_that_it_was_sent(amman):
    channel = make_channel(amman.company)
    AlertNotice.objects.create(channel=channel, kind="test", status="sent")
    status, answer = call(amman, "DELETE", f"alert-channels/{channel.id}")
    assert (status, answer["data"]) == (200, {"id": str(channel.id), "deleted": True})
    assert not AlertChannel.objects.exists()
    assert not AlertNotice.objects.exists()
    assert acts(amman)[-1][1] == "alert_channel.removed"


def test_a_company_has_at_most_twenty(amman):
    for number in range(20):
        make_channel(amman.company, f"Channel {number}")
    status, answer = add(amman, **MAIL)
    assert (status, answer["error"]) == (409, "too_many_channels")
    assert AlertChannel.objects.count() == 20


def test_another_companys_channel_and_the_operators_do_not_exist(amman, dubai):
    for channel in (make_channel(dubai.company), make_channel(None)):
        path = f"alert-channels/{channel.id}"
        for method, below in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test"), ("GET", "/notices")):
            assert call(amman, method, path + below, {}) == missing("This channel")
        assert add(amman, **MAIL, escalateTo=str(channel.id))[0] == 400
        page = amman.client()
        assert page.get(f"{PAGE}?change={channel.id}").status_code == 404
        for act in ("test", "switch", "remove"):
            assert page.post(f"{PAGE}{channel.id}/{act}/", {"enabled": "false"}).status_code == 404
    branch = Branch.objects.get(company=dubai.company)
    assert add(amman, **MAIL, branchId=str(branch.id)) == invalid(branchId="expected the id of a branch")
    assert AlertChannel.objects.count() == 2
    assert call(amman, "GET", "alert-channels") == (200, {"success": True, "data": []})


# -- the test ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def reachable(monkeypatch):
    monkeypatch.setattr("socket.getaddrinfo", lambda *args, **kwargs: [(2, 1, 6, "", ("93.184.215.14", 443))])
    monkeypatch.setattr("integration.outbound.shake_hands", lambda url: "TLSv1.3")


@responses.activate
def test_a_test_tells_each_step_and_stands_among_the_notices(amman, reachable):
    responses.post(SLACK, body="ok")
    channel = make_channel(amman.company)
    status, answer = call(amman, "POST", f"alert-channels/{channel.id}/test")
    assert (status, answer["data"]["ok"]) == (200, True)
    assert [(step["name"], step["outcome"], step["detail"]) for step in answer["data"]["steps"]] == [
        ("dns", "ok", "hooks.slack.example.com has 1 address"),
        ("tls", "ok", "hooks.slack.example.com speaks TLSv1.3"),
        ("send", "ok", "The receiver answered 200."),
    ]
    _, notices = call(amman, "GET", f"alert-channels/{channel.id}/notices")
    (notice,) = notices["results"]
    assert (notice["kind"], notice["status"]) == ("test", "sent")
    assert [(each["number"], each["outcome"], each["responseStatus"]) for each in notice["attempts"]] == [
        (1, "done", 200)
    ]
    assert acts(amman)[-1][1:] == ("alert_channel.tested", str(channel.id), {"ok": True})


@responses.activate
def test_a_test_that_fails_says_where_and_is_not_tried_again(amman, reachable):
    responses.post(SLACK, status=404)
    channel = make_channel(amman.company)
    _, answer = call(amman, "POST", f"alert-channels/{channel.id}/test")
    assert answer["data"]["ok"] is False
    assert answer["data"]["steps"][-1]["detail"] == "The receiver refused it (404)."
    assert AlertNotice.objects.get().status == "dead"


def test_a_test_of_an_address_that_leads_inside_sends_nothing(amman, monkeypatch):
    monkeypatch.setattr("socket.getaddrinfo", lambda *args, **kwargs: [(2, 1, 6, "", ("10.0.0.1", 443))])
    channel = make_channel(amman.company)
    _, answer = call(amman, "POST", f"alert-channels/{channel.id}/test")
    assert [(step["name"], step["outcome"]) for step in answer["data"]["steps"]] == [
        ("dns", "failed"), ("tls", "skipped"), ("send", "skipped"),
    ]  # fmt: skip
    assert not AlertNotice.objects.exists()


def test_a_test_without_a_mail_server_says_so(amman):
    channel = make_channel(amman.company, kind="email")
    _, answer = call(amman, "POST", f"alert-channels/{channel.id}/test")
    assert answer["data"]["steps"][0] == {
        "name": "mail_server", "outcome": "failed", "durationMs": None,
        "detail": "No mail server is set: the operators set EMAIL_HOST.",
    }  # fmt: skip


# -- thresholds --------------------------------------------------------------------------------------------------------


DEFAULTS = {"errorRatePercent": 20, "slowP95Ms": 2000, "credentialExpiringDays": 14, "silentUsualDeliveries": 3}


def test_thresholds_are_read_set_and_set_back(amman, dubai):
    assert call(amman, "GET", "alert-thresholds") == (200, {"success": True, "data": DEFAULTS})
    status, answer = call(amman, "PATCH", "alert-thresholds", {"slowP95Ms": 900, "errorRatePercent": 0})
    assert (status, answer["data"]) == (200, DEFAULTS | {"slowP95Ms": 900, "errorRatePercent": 0})
    assert Thresholds().get("slowP95Ms", amman.company.id) == 900
    assert Thresholds().get("slowP95Ms", dubai.company.id) == 2000
    assert acts(amman) == [
        ("amman-grill-owner", "alert_threshold.changed", "", {"slowP95Ms": 900, "errorRatePercent": 0})
    ]
    call(amman, "PATCH", "alert-thresholds", {"slowP95Ms": None, "errorRatePercent": 20})
    assert not AlertThreshold.objects.exists()


@pytest.mark.parametrize(
    ("data", "faults"),
    [
        ({"errorRatePercent": 101}, {"errorRatePercent": "expected a whole number from 0 to 100"}),
        ({"backlogDepth": 5}, {"backlogDepth": "unknown field"}),
        ({}, {"body": "expected at least one field to set"}),
    ],
)
def test_thresholds_that_are_refused(amman, data, faults):
    assert call(amman, "PATCH", "alert-thresholds", data) == invalid(**faults)
    assert not AlertThreshold.objects.exists()


# -- the page ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["manager", "staff"])
def test_the_page_is_for_owners(amman, person):
    channel = make_channel(amman.company)
    client = amman.client(getattr(amman, person))
    assert client.get(PAGE).status_code == 403
    assert "/alerts/channels/" not in client.get("/alerts/").content.decode()
    for path in ("thresholds/", f"{channel.id}/test/", f"{channel.id}/switch/", f"{channel.id}/remove/"):
        assert client.post(PAGE + path).status_code == 403
    assert AlertChannel.objects.get().enabled
    assert Client().get(PAGE).status_code == 302


def test_a_channel_is_added_on_the_page(amman):
    client = amman.client()
    assert 'name="emails"' in client.get(f"{PAGE}?add=email").content.decode()
    form = {"kind": "email", "name": "Chef", "emails": "a@example.com, b@example.com", "leastSeverity": "critical",
            "causes": ["event_dead", "push_dead"], "escalateAfterMinutes": "5", "onlyEscalations": "true"}  # fmt: skip
    answer = client.post(f"{PAGE}?add=email", form, follow=True)
    assert "The channel is saved." in answer.content.decode()
    channel = AlertChannel.objects.get()
    assert (channel.emails, channel.causes, channel.least_severity, channel.only_escalations) == (
        ["a@example.com", "b@example.com"], ["event_dead", "push_dead"], "critical", True,
    )  # fmt: skip


def test_a_new_secret_is_shown_once_on_the_page(amman):
    client = amman.client()
    form = {"kind": "webhook", "name": "Hook", "url": HOOK, "leastSeverity": "warning", "escalateAfterMinutes": "15"}
    html = client.post(PAGE, form).content.decode()
    secret = re.search(r"<code>(whsec_[^<]+)</code>", html)[1]
    assert AlertChannel.objects.get().secrets["secret"] == secret.replace("&#x2B;", "+")
    assert secret not in client.get(PAGE).content.decode()


def test_a_form_with_faults_comes_back_with_what_was_typed_and_without_secrets(amman):
    form = {"kind": "webhook", "name": "<b>Hook", "url": "http://inside/", "secret": "typed-secret-0001",
            "leastSeverity": "warning", "escalateAfterMinutes": "x"}  # fmt: skip
    answer = amman.client().post(PAGE, form)
    html = answer.content.decode()
    assert answer.status_code == 400
    assert 'value="&lt;b&gt;Hook"' in html
    for name in ("url", "secret", "escalateAfterMinutes"):
        assert f"<code>{name}</code>" in html
    assert "typed-secret-0001" not in html
    assert not AlertChannel.objects.exists()


def test_the_page_shows_no_secret_and_empty_keeps_it(amman):
    channel = make_channel(amman.company, kind="webhook")
    client = amman.client()
    html = client.get(f"{PAGE}?change={channel.id}").content.decode()
    assert SECRET not in html
    assert HOOK not in html
    form = {"name": "Kitchen 2", "leastSeverity": "warning", "escalateAfterMinutes": "15", "url": "", "secret": ""}
    assert client.post(f"{PAGE}?change={channel.id}", form).status_code == 303
    channel.refresh_from_db()
    assert (channel.name, channel.url, channel.secrets["secret"]) == ("Kitchen 2", HOOK, SECRET)


def test_a_channel_is_switched_and_removed_on_the_page(amman):
    channel, client = make_channel(amman.company), amman.client()
    client.post(f"{PAGE}{channel.id}/switch/", {"enabled": "false"})
    channel.refresh_from_db()
    assert not channel.enabled
    assert client.post(f"{PAGE}{channel.id}/switch/", {"enabled": "x"}).status_code == 404
    client.post(f"{PAGE}{channel.id}/remove/")
    assert not AlertChannel.objects.exists()


@responses.activate
def test_the_page_tells_each_step_of_a_test(amman, reachable):
    responses.post(SLACK, status=500)
    channel = make_channel(amman.company)
    html = amman.client().post(f"{PAGE}{channel.id}/test/").content.decode()
    assert "the test did not arrive" in html
    assert "The receiver answered 500." in html


def test_thresholds_are_set_on_the_page(amman):
    client = amman.client()
    form = {name: str(value) for name, value in DEFAULTS.items()} | {"slowP95Ms": "900", "errorRatePercent": ""}
    assert client.post(f"{PAGE}thresholds/", form).status_code == 303
    assert AlertThreshold.objects.get().value == 900
    answer = client.post(f"{PAGE}thresholds/", form | {"slowP95Ms": "many"})
    assert answer.status_code == 400
    assert "<code>slowP95Ms</code>" in answer.content.decode()
    assert AlertThreshold.objects.get().value == 900


# -- the admin ---------------------------------------------------------------------------------------------------------


def admin_form(**fields):
    return {"company": "", "name": "Ops", "kind": "slack", "enabled": "on", "url": SLACK, "secret": "", "addresses": "",
            "least_severity": "warning", "branch": "", "escalate_to": "", "escalate_after_minutes": "15"} | fields  # fmt: skip


def operator() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


ADD = "admin:integration_alertchannel_add"


def test_operators_make_a_channel_of_the_installation_in_the_admin(db):
    answer = operator().post(reverse(ADD), admin_form())
    assert answer.status_code == 302, answer.context["errors"]
    channel = AlertChannel.objects.get()
    assert (channel.company, channel.url) == (None, SLACK)


def test_an_owner_makes_none_of_the_installation(amman):
    assert amman.client().post(reverse(ADD), admin_form()).status_code == 200
    assert not AlertChannel.objects.exists()
    assert amman.client().post(reverse(ADD), admin_form(company=amman.company.pk)).status_code == 302
    assert AlertChannel.objects.get().company == amman.company


@pytest.mark.parametrize(
    "fields",
    [{"url": "https://127.0.0.1/"}, {"kind": "webhook", "url": HOOK}, {"kind": "email", "url": "", "addresses": "x"},
     {"kind": "webhook", "url": HOOK, "secret": "short"}],
)  # fmt: skip
def test_the_admin_refuses_what_the_api_refuses(db, fields):
    assert operator().post(reverse(ADD), admin_form(**fields)).status_code == 200
    assert not AlertChannel.objects.exists()


def test_the_admin_shows_no_secret_and_empty_keeps_it(db):
    channel, client = make_channel(None, kind="webhook"), operator()
    url = reverse("admin:integration_alertchannel_change", args=[channel.pk])
    html = client.get(url).content.decode()
    assert SECRET not in html
    assert HOOK not in html
    form = admin_form(name="Renamed", url="")
    assert client.post(url, form).status_code == 302
    channel.refresh_from_db()
    assert (channel.name, channel.secrets["secret"], channel.url) == ("Renamed", SECRET, HOOK)


@pytest.mark.parametrize(("name", "of_company", "saved"), [("backlogDepth", False, 1), ("backlogDepth", True, 0),
                                                         ("slowP95Ms", True, 1), ("slowP95Ms", False, 0)])  # fmt: skip
def test_a_threshold_is_of_whom_it_is(amman, name, of_company, saved):
    form = {"company": amman.company.pk if of_company else "", "name": name, "value": "7"}
    operator().post(reverse("admin:integration_alertthreshold_add"), form)
    assert AlertThreshold.objects.count() == saved
