"""The page of the integrations: how each stands, and what owners and managers do about it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import responses
from django.test import Client
from django.utils import timezone

from integration import breaker, nexara
from integration.models import CircuitBreaker, IntegrationWebhook, ProviderCredential, WebhookLog
from integration.silence import Silence, silences
from integration.tests.api import acts
from integration.tests.test_api_outbound import HUB, REGISTER, accept
from orders.models import BranchStore, Order

NOW = datetime(2026, 3, 4, 19, 0, tzinfo=UTC)
FRAGMENT = {"X-Fragment": "1"}
ACTS = ("test", "switch", "register")


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(nexara, "PAUSE_S", 0)


def page(client: Client, path: str = "/integrations/") -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def panel(html: str, provider: str) -> str:
    """Return the part of the page about one provider."""
    return re.search(rf'id="provider-{provider}".*?</section>', html, re.DOTALL)[0]


def health(html: str, provider: str) -> str:
    return re.search(r'class="health">([^<]*)<', panel(html, provider))[1]


def post(here, provider: str, act: str, user=None, **data):
    return here.client(user).post(f"/integrations/{provider}/{act}/", data)


# -- how each stands ---------------------------------------------------------------------------------------------------


def test_each_provider_and_the_hub_has_its_panel(amman):
    html = page(amman.client(amman.staff))
    assert re.findall(r'id="provider-(\w+)"', html) == ["careem", "talabat", "deliveroo", "jahez", "nexara"]
    assert f"/api/integration/webhook/jahez/{amman.company.id}</code>" in panel(html, "jahez")


def test_what_came_is_counted_and_dated(amman):
    amman.send("careem")
    assert amman.send_payload("careem", b"{").status_code == 202
    html = page(amman.client())
    assert re.findall(r"<dd>(?:<a[^>]*>)?([^<]+)", panel(html, "careem"))[:4] == ["2", "50 %", "1", "0"]
    assert "data-ago" in panel(html, "careem")
    assert health(html, "careem") == "Deliveries wait"
    assert health(html, "jahez") == "Nothing has come yet"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "Works"),
        ({"is_enabled": False}, "Switched off"),
        ({"expires_at": timezone.now() + timedelta(days=3)}, "Credential expires"),
        ({"expires_at": timezone.now() + timedelta(days=90)}, "Works"),
    ],
)
def test_the_credential_is_told_without_its_secret(amman, fields, expected):
    amman.send("careem")
    ProviderCredential.objects.filter(provider="careem").update(**fields)
    html = page(amman.client())
    assert health(html, "careem") == expected
    assert "secret-0001" not in html
    assert "0001" not in panel(html, "careem").replace(str(amman.company.id), "")


def test_a_missing_credential_and_a_failed_registration_are_said(amman):
    ProviderCredential.objects.filter(provider="jahez").delete()
    IntegrationWebhook.objects.create(company=amman.company, provider="careem", url="https://x.example/", status="failed",
                                      error="NEXARA answered 503.")  # fmt: skip
    html = page(amman.client())
    assert "<strong>not set</strong>" in panel(html, "jahez")
    assert "<strong>failed</strong>" in panel(html, "careem")
    assert "NEXARA answered 503." in panel(html, "careem")


def test_a_provider_that_was_used_and_has_no_credential_any_more_is_loud_and_leads_to_where_it_is_set(amman):
    amman.send("careem")
    ProviderCredential.objects.filter(company=amman.company, provider__in=("careem", "jahez")).delete()
    html = page(amman.client(amman.owner))
    assert health(html, "careem") == "No credential"
    assert f"/admin/integration/providercredential/add/?provider=careem&amp;company={amman.company.id}" in html
    assert health(html, "jahez") == "Nothing has come yet"
    assert "An owner sets it." in panel(page(amman.client(amman.staff)), "careem")


def test_an_open_breaker_is_said_with_the_time_of_the_next_try(amman):
    amman.send("jahez")
    for _ in range(breaker.FAILURES_TO_OPEN):
        breaker.failed(amman.company, "jahez")
    html = page(amman.client())
    retry_at = CircuitBreaker.objects.get(provider="jahez").retry_at
    assert health(html, "jahez") == "Cannot be reached"
    assert f'datetime="{timezone.localtime(retry_at, timezone.get_fixed_timezone(180)).isoformat()}"' in html


def test_a_silent_provider_is_said(amman, monkeypatch):
    amman.send("careem")
    quiet = {"careem": Silence(0, 7.0, True), "talabat": Silence(2, 7.0, True)}
    monkeypatch.setattr("integration.standing.silences", lambda company, now: quiet)
    html = page(amman.client())
    assert health(html, "careem") == "Silent"
    assert "usually are 7" in panel(html, "careem")
    assert "No delivery in the last two hours" not in panel(html, "talabat")


def test_the_checklist_says_what_is_done_and_how_to_do_the_rest(amman, settings):
    settings.APP_BASE_URL = "https://orders.example"
    amman.send("careem")
    BranchStore.objects.filter(provider="careem").delete()
    checks = re.findall(r'<li class="is-(done|open)">', panel(page(amman.client()), "careem"))
    assert checks == ["done", "done", "done", "done", "open", "done", "done", "open"]
    assert "Add the provider&#x27;s store ids" in panel(page(amman.client()), "careem")


def test_the_page_costs_the_same_for_few_deliveries_and_for_many(amman, django_assert_max_num_queries):
    client = amman.client()
    amman.send("careem")
    with django_assert_max_num_queries(50) as few:
        page(client)
    now = timezone.now()
    WebhookLog.objects.bulk_create(
        WebhookLog(company=amman.company, provider=provider, status="processed", received_at=now)
        for provider in ("careem", "talabat", "jahez")
        for _ in range(30)
    )
    with django_assert_max_num_queries(50) as many:
        page(client)
    assert len(few) == len(many)


# -- silence -----------------------------------------------------------------------------------------------------------


def deliver(here, moment: datetime, number: int = 1, **fields) -> None:
    fields = {"provider": "careem", "status": "processed"} | fields
    WebhookLog.objects.bulk_create(
        WebhookLog(company=here.company, received_at=moment, **fields) for _ in range(number)
    )  # fmt: skip


def weeks_before(here, *numbers: int) -> None:
    for week, number in enumerate(numbers, start=1):
        deliver(here, NOW - timedelta(weeks=week, minutes=30), number)


def test_silence_is_none_in_hours_that_usually_have_some(amman):
    weeks_before(amman, 5, 4, 0, 6)
    assert silences(amman.company, NOW)["careem"] == Silence(0, 4.5, True)
    assert silences(amman.company, NOW)["careem"].is_silent
    assert silences(amman.company, NOW)["talabat"] == Silence(0, 0, True)
    assert not silences(amman.company, NOW)["talabat"].is_silent


@pytest.mark.parametrize("late", [timedelta(minutes=1), timedelta(minutes=119)])
def test_one_delivery_in_the_last_two_hours_is_no_silence(amman, late):
    weeks_before(amman, 5, 5, 5, 5)
    deliver(amman, NOW - late)
    assert silences(amman.company, NOW)["careem"] == Silence(1, 5.0, True)
    assert not silences(amman.company, NOW)["careem"].is_silent


def test_hours_that_usually_have_few_mean_nothing(amman):
    weeks_before(amman, 2, 3, 2, 2)
    assert silences(amman.company, NOW)["careem"] == Silence(0, 2.0, True)
    assert not silences(amman.company, NOW)["careem"].is_silent


def test_nobody_is_silent_while_every_branch_is_closed(amman):
    weeks_before(amman, 5, 5, 5, 5)
    amman.branch.opening_hours = [{"day": day, "opens": "08:00", "closes": "09:00"} for day in range(7)]
    amman.branch.save()
    assert silences(amman.company, NOW)["careem"] == Silence(0, 5.0, False)
    assert not silences(amman.company, NOW)["careem"].is_silent


def test_tests_refused_requests_and_other_companies_do_not_count(amman, dubai):
    weeks_before(amman, 5, 5, 5, 5)
    weeks_before(dubai, 9, 9, 9, 9)
    recent = NOW - timedelta(minutes=5)
    deliver(amman, recent, is_test=True)
    deliver(amman, recent, status="rejected", rejection_key="once")
    deliver(dubai, recent)
    assert silences(amman.company, NOW)["careem"] == Silence(0, 5.0, True)


# -- roles and companies -----------------------------------------------------------------------------------------------


def test_staff_only_look_managers_test_and_owners_do_the_rest(amman):
    assert "<form" not in panel(page(amman.client(amman.staff)), "careem")
    assert panel(page(amman.client(amman.manager)), "careem").count("<form") == 1
    assert panel(page(amman.client(amman.owner)), "careem").count("<form") == 3
    assert [post(amman, "careem", act, amman.staff, enabled="false").status_code for act in ACTS] == [403] * 3
    refused = [post(amman, "careem", act, amman.manager, enabled="false") for act in ("switch", "register")]
    assert [response.status_code for response in refused] == [403, 403]
    assert ProviderCredential.objects.get(company=amman.company, provider="careem").is_enabled
    assert not IntegrationWebhook.objects.exists()
    assert acts(amman) == []


def test_another_companys_integrations_do_not_exist(amman, dubai):
    client = amman.client()
    assert client.get(f"/integrations/?company={dubai.company.id}").status_code == 404
    for act in ACTS:
        path = f"/integrations/careem/{act}/?company={dubai.company.id}"
        assert client.post(path, {"enabled": "false"}).status_code == 404
    assert ProviderCredential.objects.get(company=dubai.company, provider="careem").is_enabled
    assert acts(dubai) == []
    assert str(dubai.company.id) not in page(client)


def test_a_stranger_is_sent_to_the_sign_in(amman):
    response = Client().get("/integrations/")
    assert (response.status_code, response.headers["Location"]) == (302, "/sign-in/?next=/integrations/")


@pytest.mark.parametrize("act", ACTS)
def test_acting_needs_the_csrf_token_and_a_post(amman, act):
    client = Client(enforce_csrf_checks=True)
    client.force_login(amman.owner)
    assert client.post(f"/integrations/careem/{act}/", {"enabled": "false"}).status_code == 403
    assert client.get(f"/integrations/careem/{act}/").status_code == 405
    assert acts(amman) == []


@pytest.mark.parametrize(("provider", "act", "data"), [
    ("unknown", "test", {}), ("unknown", "register", {}), ("nexara", "register", {}),
    ("unknown", "switch", {"enabled": "true"}), ("careem", "switch", {}), ("careem", "switch", {"enabled": "maybe"}),
])  # fmt: skip
def test_what_is_not_there_is_404_and_changes_nothing(amman, provider, act, data):
    assert post(amman, provider, act, **data).status_code == 404
    assert acts(amman) == []


# -- acting ------------------------------------------------------------------------------------------------------------


def test_an_owner_switches_a_provider_off_and_on_again(amman):
    response = post(amman, "careem", "switch", enabled="false")
    assert (response.status_code, response.headers["Location"]) == (303, "/integrations/")
    assert amman.send("careem").status_code == 401
    html = page(amman.client())
    assert health(html, "careem") == "Switched off"
    answer = amman.client().post("/integrations/careem/switch/", {"enabled": "true"}, headers=FRAGMENT)
    assert answer.json() == {"success": True, "message": "Careem is switched on."}
    assert amman.send("careem").status_code == 200
    assert acts(amman)[0] == (
        "amman-grill-owner", "credential.changed", "careem", {"fields": ["enabled"], "enabled": False},
    )  # fmt: skip
    assert Order.objects.count() == 1


def test_what_is_off_for_the_installation_cannot_be_switched_on_here(amman, settings):
    settings.PROVIDER_ENABLED = {"careem": False}
    html = panel(page(amman.client()), "careem")
    assert "switched off for the whole installation" in html
    assert "/switch/" not in html


@responses.activate
def test_an_owner_registers_a_provider_with_the_hub(amman):
    responses.add_callback("POST", REGISTER, callback=accept())
    post(amman, "careem", "register")
    assert IntegrationWebhook.objects.get().status == "active"
    html = page(amman.client())
    assert "registered" in panel(html, "careem")
    assert "Register again" in panel(html, "careem")
    assert [entry[:3] for entry in acts(amman)] == [("amman-grill-owner", "webhook.registered", "careem")]


@responses.activate
def test_a_registration_that_fails_says_why(amman):
    responses.post(REGISTER, status=503)
    answer = amman.client().post("/integrations/careem/register/", headers=FRAGMENT)
    assert (answer.status_code, answer.json()["error"]) == (409, "registration_failed")
    assert "NEXARA answered 503." in answer.json()["message"]
    assert acts(amman)[0][3] == {"failed": ["careem"]}


@responses.activate
def test_a_manager_tests_the_way_to_the_hub_and_sees_each_step(amman):
    responses.get(f"{HUB}/api/health", json={"status": "ok"})
    html = post(amman, "nexara", "test", amman.manager).content.decode()
    assert "NEXARA: the connection works" in html
    assert re.findall(r'class="tag step-(\w+)"', html) == ["ok"]
    assert acts(amman) == [("amman-grill-manager", "provider.tested", "nexara", {"ok": True})]


@responses.activate
def test_a_way_that_does_not_work_says_where_it_ends(amman):
    responses.get(f"{HUB}/api/health", status=503)
    html = post(amman, "nexara", "test").content.decode()
    assert "NEXARA: the connection does not work" in html
    assert re.findall(r'class="tag step-(\w+)"', html) == ["failed"]
