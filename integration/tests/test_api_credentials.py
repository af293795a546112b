from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from integration.models import IntegrationWebhook, ProviderCredential
from integration.tests.api import acts, call, invalid
from integration.tests.factories import SECRETS
from orders.models import AuditEntry

UNKNOWN = (
    404,
    {"success": False, "error": "unknown_provider", "message": "No provider has this name.", "details": {}},
)
NEW = "a-new-webhook-secret-9f8e"
EMPTY = {
    "credentialSet": False,
    "enabled": True,
    "environment": "production",
    "baseUrl": None,
    "allowedIps": [],
    "expiresAt": None,
    "previousValidUntil": {},
}


def credential(amman, provider="careem") -> ProviderCredential:
    return ProviderCredential.objects.get(company=amman.company, provider=provider)


def test_a_credential_is_read_masked(amman):
    assert call(amman, "GET", "credentials/careem") == (
        200,
        {
            "success": True,
            "data": {
                "provider": "careem",
                **EMPTY,
                "credentialSet": True,
                "webhookSecret": "••••0001",
                "apiKey": "••••0001",
            },
        },
    )


def test_the_hubs_credential_is_one_too(amman):
    status, answer = call(amman, "GET", "credentials/nexara")
    assert (status, answer["data"]["secretKey"]) == (200, "••••0001")


def test_one_that_is_not_set_says_so(amman):
    ProviderCredential.objects.all().delete()
    answer = call(amman, "GET", "credentials/jahez")
    assert answer == (200, {"success": True, "data": {"provider": "jahez", **EMPTY}})
    assert not ProviderCredential.objects.exists()


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_provider_is_not_there(amman, method):
    assert call(amman, method, "credentials/ubereats", {}) == UNKNOWN


def test_setting_names_only_some_fields_and_leaves_the_rest(amman):
    before = timezone.now()
    status, answer = call(
        amman,
        "POST",
        "credentials/careem",
        {
            "webhookSecret": NEW,
            "environment": "sandbox",
            "allowedIps": ["203.0.113.7", "198.51.100.9/24", "2001:db8::/32", "203.0.113.7"],
            "baseUrl": "https://api.example.com/pos/",
            "expiresAt": "2027-01-31T12:00:00+03:00",
            "enabled": False,
        },
    )
    overlap = answer["data"].pop("previousValidUntil")
    assert (status, answer["data"]) == (
        200,
        {
            "provider": "careem",
            "credentialSet": True,
            "enabled": False,
            "environment": "sandbox",
            "baseUrl": "https://api.example.com/pos",
            "allowedIps": ["203.0.113.7", "198.51.100.0/24", "2001:db8::/32"],
            "expiresAt": "2027-01-31T09:00:00Z",
            "webhookSecret": "••••9f8e",
            "apiKey": "••••0001",
        },
    )
    until = datetime.fromisoformat(overlap["webhookSecret"])
    assert list(overlap) == ["webhookSecret"]
    assert before + timedelta(hours=24) <= until <= timezone.now() + timedelta(hours=24)
    row = credential(amman)
    assert row.valid_values("webhookSecret", timezone.now()) == (NEW, SECRETS["careem"]["webhookSecret"])
    # The answer is cut to the millisecond.
    assert row.valid_values("webhookSecret", until + timedelta(milliseconds=1)) == (NEW,)


def test_an_overlap_of_nothing_ends_the_previous_value_at_once(amman):
    call(amman, "POST", "credentials/careem", {"webhookSecret": NEW, "overlapHours": 0})
    assert credential(amman).valid_values("webhookSecret", timezone.now()) == (NEW,)


def test_setting_makes_a_credential_that_was_not_there(amman):
    ProviderCredential.objects.filter(provider="jahez").delete()
    status, answer = call(amman, "POST", "credentials/jahez", {"bearerToken": "jahez-new-token-77aa"})
    assert (status, answer["data"]["bearerToken"]) == (200, "••••77aa")
    assert credential(amman, "jahez").value("bearerToken") == "jahez-new-token-77aa"


def test_optional_fields_are_cleared_by_null(amman):
    call(amman, "POST", "credentials/careem", {"baseUrl": "https://a.example.com", "expiresAt": "2027-01-01T00:00:00Z"})
    status, answer = call(amman, "POST", "credentials/careem", {"baseUrl": None, "expiresAt": None, "allowedIps": []})
    assert (status, answer["data"]["baseUrl"], answer["data"]["expiresAt"]) == (200, None, None)


def test_a_rotated_secret_proves_a_delivery_and_the_old_one_still_does(amman):
    assert amman.send("careem", external_id="1").status_code == 200
    call(amman, "POST", "credentials/careem", {"webhookSecret": NEW})
    assert amman.send("careem", external_id="2").status_code == 200
    call(amman, "POST", "credentials/careem", {"webhookSecret": NEW + "x", "overlapHours": 0})
    assert amman.send("careem", external_id="3").status_code == 401


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({}, {"body": "expected at least one field to set"}),
        ({"overlapHours": 3}, {"body": "expected at least one field to set"}),
        ({"webhookSecrets": "x"}, {"webhookSecrets": "unknown field"}),
        ({"apiKey": "  "}, {"apiKey": "expected a text that is not blank"}),
        ({"apiKey": 12345678}, {"apiKey": "expected a text that is not blank"}),
        ({"apiKey": None}, {"apiKey": "expected a text that is not blank"}),
        ({"apiKey": "x" * 4097}, {"apiKey": "expected at most 4096 characters"}),
        ({"apiKey": "a\x00b"}, {"apiKey": "expected a text without NUL or lone surrogates"}),
        ({"apiKey": "a\ud800b"}, {"apiKey": "expected a text without NUL or lone surrogates"}),
        ({"apiKey": "••••0001"}, {"apiKey": "expected the secret itself, got its masked form"}),
        ({"environment": "staging"}, {"environment": "expected one of production, sandbox"}),
        ({"environment": None}, {"environment": "expected one of production, sandbox"}),
        ({"enabled": "yes"}, {"enabled": "expected true or false"}),
        ({"apiKey": "k", "overlapHours": 169}, {"overlapHours": "expected a whole number from 0 to 168"}),
        ({"apiKey": "k", "overlapHours": True}, {"overlapHours": "expected a whole number from 0 to 168"}),
        ({"expiresAt": "soon"}, {"expiresAt": "expected a time in ISO 8601, such as 2026-01-31T12:00:00Z"}),
        ({"allowedIps": "203.0.113.7"}, {"allowedIps": "expected a list of at most 100 addresses or networks"}),
        (
            {"allowedIps": ["203.0.113.7", "example.com"]},
            {"allowedIps[1]": "expected an address or a network such as 203.0.113.0/24"},
        ),
        ({"allowedIps": [7]}, {"allowedIps[0]": "expected an address or a network such as 203.0.113.0/24"}),
        ({"baseUrl": 7}, {"baseUrl": "expected a text"}),
        ({"baseUrl": "api.example.com"}, {"baseUrl": "expected an address such as https://api.example.com"}),
        ({"baseUrl": "https://u:p@example.com"}, {"baseUrl": "expected an address such as https://api.example.com"}),
        ({"baseUrl": "https://example.com:99999"}, {"baseUrl": "expected an address such as https://api.example.com"}),
        ({"baseUrl": "https://exa mple.com"}, {"baseUrl": "expected an address such as https://api.example.com"}),
        (
            {"baseUrl": "http://api.example.com"},
            {"baseUrl": "expected https; http is only for origins in OUTBOUND_ALLOWED_ORIGINS"},
        ),
        (
            {"baseUrl": "ftp://api.example.com"},
            {"baseUrl": "expected https; http is only for origins in OUTBOUND_ALLOWED_ORIGINS"},
        ),
    ],
)
def test_what_is_not_valid_is_refused_by_name_and_nothing_is_stored(amman, body, details):
    before = credential(amman)
    assert call(amman, "POST", "credentials/careem", body) == invalid(**details)
    after = credential(amman)
    assert (after.secrets, after.updated_at) == (before.secrets, before.updated_at)
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("url", ["http://localhost:3002", "http://10.0.0.5:8080/api"])
def test_http_is_for_the_hub_and_the_allowed_origins(amman, settings, url):
    settings.NEXARA_BASE_URL = "http://localhost:3002"
    settings.OUTBOUND_ALLOWED_ORIGINS = ["http://10.0.0.5:8080"]
    status, answer = call(amman, "POST", "credentials/nexara", {"baseUrl": url})
    assert (status, answer["data"]["baseUrl"]) == (200, url)


def test_forgetting_takes_every_value_at_once(amman):
    call(amman, "POST", "credentials/careem", {"webhookSecret": NEW})
    assert call(amman, "DELETE", "credentials/careem") == (
        200,
        {"success": True, "data": {"provider": "careem", "deleted": True}},
    )
    assert not ProviderCredential.objects.filter(company=amman.company, provider="careem").exists()
    assert amman.send("careem").status_code == 401
    assert call(amman, "DELETE", "credentials/careem")[1]["data"] == {"provider": "careem", "deleted": False}
    assert [action for _, action, _, _ in acts(amman)] == ["credential.rotated", "credential.deleted"]


@pytest.mark.parametrize(("provider", "left"), [("careem", {"jahez": "key-2"}), ("nexara", {})])
def test_forgetting_takes_the_keys_that_the_hub_gave(amman, dubai, provider, left):
    for company, slug, key in (
        (amman.company, "careem", "key-1"),
        (amman.company, "jahez", "key-2"),
        (dubai.company, "careem", "key-3"),
    ):
        IntegrationWebhook.objects.create(
            company=company, provider=slug, url="https://a.example.com", secrets={"secretKey": key}
        )
    call(amman, "DELETE", f"credentials/{provider}")
    rows = IntegrationWebhook.objects.filter(company=amman.company)
    assert {row.provider: row.secrets["secretKey"] for row in rows if row.secrets} == left
    assert IntegrationWebhook.objects.get(company=dubai.company).secrets == {"secretKey": "key-3"}


def test_nothing_of_another_company_changes(amman, dubai):
    before = credential(dubai).secrets
    call(amman, "POST", "credentials/careem", {"webhookSecret": NEW})
    call(amman, "DELETE", "credentials/careem")
    assert credential(dubai).secrets == before


def test_the_trail_has_the_names_of_the_fields_and_no_value(amman):
    call(amman, "POST", "credentials/careem", {"webhookSecret": NEW, "environment": "sandbox", "overlapHours": 2})
    call(amman, "POST", "credentials/careem", {"webhookSecret": NEW, "environment": "sandbox"})
    call(amman, "POST", "credentials/careem", {"enabled": False})
    assert acts(amman) == [
        (
            "amman-grill-owner",
            "credential.rotated",
            "careem",
            {"fields": ["webhookSecret", "environment"], "overlapHours": 2},
        ),
        ("amman-grill-owner", "credential.changed", "careem", {"fields": ["enabled"], "enabled": False}),
    ]
    assert AuditEntry.objects.first().address == "127.0.0.1"


def test_no_secret_is_answered_logged_or_stored_in_the_clear(amman, caplog):
    caplog.set_level(logging.DEBUG)
    answers = [
        call(amman, "POST", "credentials/careem", {"webhookSecret": NEW, "apiKey": "second-secret-1234"}),
        call(amman, "POST", "credentials/careem", {"webhookSecret": NEW, "unknown": "third-secret-1234"}),
        call(amman, "GET", "credentials/careem"),
    ]
    with connection.cursor() as cursor:
        cursor.execute("SELECT secrets FROM provider_credentials")
        stored = repr(cursor.fetchall())
    text = repr(answers) + caplog.text + stored + repr(acts(amman))
    for secret in (NEW, "second-secret-1234", "third-secret-1234", SECRETS["careem"]["webhookSecret"]):
        assert secret not in text


def test_an_expired_time_is_kept_as_it_is(amman):
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    assert call(amman, "POST", "credentials/careem", {"expiresAt": "2020-01-01T00:00:00Z"})[0] == 200
    assert credential(amman).expires_at == moment
