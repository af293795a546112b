from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as live_settings
from django.test import Client
from django.utils import timezone

from integration.hub.callers import SIGNATURE
from integration.hub.subscriptions import keys_of
from integration.models import IntegrationWebhook, ProviderCredential, WebhookLog
from integration.tests.factories import make_installation
from integration.tests.hub.calls import KEY, OTHER_KEY, PLATFORM, register, registration
from orders.models import Company

REFUSED = {
    "success": False, "error": "invalid_signature", "message": "The call does not prove who sent it.", "details": {},
}  # fmt: skip


def newcomer(**changes):
    return {"clientId": str(uuid.uuid4()), "provider": "careem", "url": PLATFORM, "secretKey": OTHER_KEY, **changes}


def was_refused(response) -> bool:
    assert (response.status_code, response.json()) == (401, REFUSED)
    assert WebhookLog.objects.filter(status="rejected", provider="nexara").exists()
    return not IntegrationWebhook.objects.exists()


def test_a_platform_registers_with_the_key_that_the_hub_holds(amman):
    response = register(registration(amman), KEY)
    row = IntegrationWebhook.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "webhookId": str(row.id), "url": PLATFORM, "secretKey": row.secrets["secretKey"], "status": "active",
    }  # fmt: skip
    assert (row.company, row.provider, row.events) == (amman.company, "careem", ["order.created"])
    assert len(row.secrets["secretKey"]) >= 32


def test_registering_again_changes_the_row_and_keeps_its_key(amman):
    first = register(registration(amman, secretKey=KEY), KEY).json()
    second = register(registration(amman, url=f"{PLATFORM}/moved", events=[]), KEY).json()
    assert second == {**first, "url": f"{PLATFORM}/moved"}
    assert IntegrationWebhook.objects.get().events == []


def test_the_former_key_proves_a_platform_for_a_day(amman):
    register(registration(amman, secretKey=KEY), KEY)
    with time_machine.travel(timezone.now()) as clock:
        changed = register(registration(amman, secretKey=OTHER_KEY), KEY)
        assert changed.json()["secretKey"] == OTHER_KEY
        assert register(registration(amman, secretKey=OTHER_KEY), KEY).status_code == 201
        clock.shift(timedelta(hours=24, seconds=1))
        assert keys_of(amman.company, timezone.now()) == [OTHER_KEY]
        assert register(registration(amman, secretKey=OTHER_KEY), KEY).status_code == 401
        assert register(registration(amman), OTHER_KEY).status_code == 201


@pytest.mark.parametrize(
    ("changes", "signer"),
    [
        ({}, KEY),
        ({"provider": "talabat"}, KEY),
        ({"secretKey": KEY}, KEY),
        ({"secretKey": KEY}, ""),
        ({"secretKey": "a-third-key-000003"}, KEY),
    ],
)
def test_a_former_key_alone_registers_nothing(amman, changes, signer):
    register(registration(amman, secretKey=KEY), KEY)
    register(registration(amman, secretKey=OTHER_KEY), KEY)
    thief = registration(amman, url="https://thief.example.com/x", **changes)
    answer = register(thief, signer)
    assert (answer.status_code, answer.json()) == (401, REFUSED)
    row = IntegrationWebhook.objects.get()
    assert (row.url, row.secrets["secretKey"]) == (PLATFORM, OTHER_KEY)
    assert ProviderCredential.objects.get(company=amman.company, provider="nexara").value("secretKey") == OTHER_KEY


def test_a_key_that_moves_ends_at_one_time_on_every_subscription(amman):
    for provider in ("careem", "talabat"):
        register(registration(amman, provider=provider, secretKey=KEY), KEY)
    with time_machine.travel(timezone.now()) as clock:
        register(registration(amman, secretKey=OTHER_KEY), KEY)
        careem, talabat = IntegrationWebhook.objects.order_by("provider")
        assert talabat.secrets == careem.secrets
        assert (talabat.secrets["secretKey"], talabat.secrets["previous"]) == (OTHER_KEY, KEY)
        clock.shift(timedelta(hours=24, seconds=1))
        assert keys_of(amman.company, timezone.now()) == [OTHER_KEY]


def test_a_key_made_for_one_provider_is_not_the_companys_own(amman):
    given = register(registration(amman), KEY).json()["secretKey"]
    assert given != KEY
    assert ProviderCredential.objects.get(company=amman.company, provider="nexara").valid_values(
        "secretKey", timezone.now()
    ) == (KEY,)


def test_a_key_that_nobody_has_here_replaces_none(amman):
    assert was_refused(register(registration(amman, secretKey=OTHER_KEY), OTHER_KEY))
    assert ProviderCredential.objects.get(company=amman.company, provider="nexara").value("secretKey") == KEY


def test_another_companys_key_speaks_for_nobody_else(amman, dubai):
    credential = ProviderCredential.objects.get(company=dubai.company, provider="nexara")
    credential.rotate("secretKey", OTHER_KEY, overlap_hours=0)
    credential.save()
    assert was_refused(register(registration(amman), OTHER_KEY))


def test_too_many_calls_are_told_when_to_come_again(amman, monkeypatch):
    monkeypatch.setattr("integration.hub.api.calls.webhook_limit", lambda company, provider: 7)
    answer = register(registration(amman), KEY)
    assert (answer.status_code, answer.json()["error"], answer["Retry-After"]) == (429, "rate_limited", "7")
    assert not IntegrationWebhook.objects.exists()


def test_no_proof_is_refused(amman):
    assert was_refused(register(registration(amman)))


@pytest.mark.parametrize(("age_s", "status"), [(290, 201), (310, 401)])
def test_a_signature_has_to_be_of_these_minutes(amman, age_s, status):
    document = registration(amman)
    then = timezone.now() - timedelta(seconds=age_s)
    headers = SIGNATURE.sign(json.dumps(document).encode(), KEY, then, "")
    assert register(document, **headers).status_code == status


def test_an_owners_token_is_a_proof(amman):
    assert register(registration(amman), Authorization=f"Token {amman.token()}").status_code == 201


def test_the_token_of_staff_or_of_another_company_is_none(amman, dubai):
    assert was_refused(register(registration(amman), Authorization=f"Token {amman.token(amman.staff)}"))
    assert was_refused(register(registration(amman), Authorization=f"Token {dubai.token()}"))


def test_the_deployers_key_is_needed_where_there_is_one(amman, settings):
    settings.NEXARA_API_KEY = "the-deployers-key"
    assert was_refused(register(registration(amman), KEY))
    assert was_refused(register(registration(amman), KEY, Authorization="Bearer another"))
    assert register(registration(amman), KEY, Authorization="Bearer the-deployers-key").status_code == 201


def test_the_deployers_key_vouches_for_a_new_key(amman, settings):
    settings.NEXARA_API_KEY = "the-deployers-key"
    answer = register(registration(amman, secretKey=OTHER_KEY), OTHER_KEY, Authorization="Bearer the-deployers-key")
    assert (answer.status_code, answer.json()["secretKey"]) == (201, OTHER_KEY)


def test_a_wrong_signature_beside_the_deployers_key_is_refused(amman, settings):
    settings.NEXARA_API_KEY = "the-deployers-key"
    assert was_refused(register(registration(amman), "a wrong key", Authorization="Bearer the-deployers-key"))


@pytest.mark.django_db
def test_a_company_from_this_machine_may_come_unknown():
    document = newcomer()
    assert register(document, OTHER_KEY).status_code == 201
    company = Company.objects.get()
    assert (str(company.id), company.slug) == (document["clientId"], f"client-{company.id.hex}")
    assert company.branches.get().is_default
    assert keys_of(company, timezone.now()) == [OTHER_KEY]
    assert sorted(row.provider for row in company.credentials.all()) == [
        "careem", "deliveroo", "jahez", "nexara", "talabat",
    ]  # fmt: skip


@pytest.mark.django_db
def test_one_that_brings_no_key_is_given_one():
    document = newcomer()
    del document["secretKey"]
    given = register(document).json()["secretKey"]
    assert register({**document, "provider": "talabat"}).status_code == 401
    assert register({**document, "provider": "talabat"}, given).status_code == 201


@pytest.mark.django_db
def test_a_key_in_the_body_alone_proves_a_platform_from_the_first_time_on():
    document = newcomer()
    assert register(document).json()["secretKey"] == OTHER_KEY
    assert register({**document, "provider": "talabat"}).status_code == 201
    assert register({**document, "provider": "jahez", "secretKey": "not its key"}).status_code == 401
    assert set(IntegrationWebhook.objects.values_list("provider", flat=True)) == {"careem", "talabat"}


def test_a_key_in_the_body_is_no_proof_beside_a_wrong_one(amman, settings):
    document = registration(amman, secretKey=KEY)
    assert was_refused(register(document, "a wrong key"))
    assert was_refused(register(document, Authorization="Token nobodys"))
    settings.NEXARA_API_KEY = "the-deployers-key"
    assert was_refused(register(document))


@pytest.mark.django_db
def test_one_that_does_not_have_its_own_key_is_refused():
    assert was_refused(register(newcomer(), "not its key"))
    assert not Company.objects.exists()


@pytest.mark.django_db
def test_nobody_from_elsewhere_comes_unknown(settings):
    assert was_refused(register(newcomer(), OTHER_KEY, client=Client(REMOTE_ADDR="203.0.113.9")))
    settings.APP_BASE_URL = "https://hub.example.com"
    assert was_refused(register(newcomer(), OTHER_KEY))
    assert not Company.objects.exists()


@pytest.mark.django_db
def test_with_the_deployers_key_one_may_come_from_anywhere(settings):
    settings.APP_BASE_URL, settings.NEXARA_API_KEY = "https://hub.example.com", "the-deployers-key"
    elsewhere = Client(REMOTE_ADDR="203.0.113.9")
    document = newcomer()
    assert was_refused(register(document, OTHER_KEY, client=elsewhere))
    proof = {"Authorization": "Bearer the-deployers-key"}
    assert register(document, OTHER_KEY, client=elsewhere, **proof).status_code == 201


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        (
            {"url": "http://10.0.0.1/hook"},
            {"url": "expected https; http is only for origins in OUTBOUND_ALLOWED_ORIGINS"},
        ),
        (
            {"url": "https://10.0.0.1/hook"},
            {"url": "this address is not on the public internet; OUTBOUND_ALLOWED_ORIGINS can allow it"},
        ),
        ({"provider": "sufra"}, {"provider": "expected one of careem, talabat, deliveroo, jahez"}),
        ({"url": ""}, {"url": "expected a text that is not blank"}),
        ({"colour": "red"}, {"colour": "unknown field"}),
    ],
)
def test_what_cannot_be_registered_is_named_and_not_stored(amman, changes, faults):
    response = register(registration(amman, **changes), KEY)
    assert (response.status_code, response.json()["details"]) == (400, faults)
    assert not IntegrationWebhook.objects.exists()


def test_the_hubs_own_address_is_not_an_allowed_one(amman, settings):
    assert live_settings.NEXARA_BASE_URL == "http://localhost:3002"
    assert register(registration(amman, url="http://localhost:3002/x"), KEY).status_code == 400
    settings.OUTBOUND_ALLOWED_ORIGINS = ["http://localhost:3001"]
    assert register(registration(amman, url="http://localhost:3001/x"), KEY).status_code == 201


@pytest.mark.django_db
def test_each_client_has_a_row_of_its_own():
    here, there = make_installation("one"), make_installation("two")
    for installation in (here, there):
        assert register(registration(installation), KEY).status_code == 201
    assert set(IntegrationWebhook.objects.values_list("company_id", flat=True)) == {here.company.id, there.company.id}
