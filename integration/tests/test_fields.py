"""The encrypted field: what stands in the table, what a rotated key opens, what its library would have lost."""

from __future__ import annotations

import pytest
from cryptography.fernet import InvalidToken
from django.core.exceptions import FieldError
from django.db import connection, transaction
from django.db.models import F, Value

from integration.models import ProviderCredential
from orders.models import Company

pytestmark = pytest.mark.django_db

SECRETS = {"webhookSecret": {"value": "a secret — سرّ"}}


@pytest.fixture
def credential():
    company = Company.objects.create(name="Petra", slug="petra")
    return ProviderCredential.objects.create(company=company, provider="careem", secrets=SECRETS)


@pytest.fixture
def keys(settings):
    """Set the keys as a restart would: the field reads them once."""
    field = ProviderCredential._meta.get_field("secrets")
    cached = ("keys", "fernet_keys", "fernet")

    def forget():
        for name in cached:
            field.__dict__.pop(name, None)

    def use(*values):
        settings.FERNET_KEYS = list(values)
        forget()

    yield use
    forget()


def stored(credential) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secrets FROM provider_credentials WHERE provider = %s", [credential.provider])
        return bytes(cursor.fetchone()[0])


def read(credential) -> dict:
    return ProviderCredential.objects.get(pk=credential.pk).secrets


def test_a_secret_comes_back_as_it_was(credential):
    assert read(credential) == SECRETS


def test_nothing_of_a_secret_stands_in_the_table(credential):
    assert stored(credential).startswith(b"gAAAA")
    assert b"secret" not in stored(credential)


def test_an_empty_document_is_encrypted_too(credential):
    ProviderCredential.objects.filter(pk=credential.pk).update(secrets={})
    assert stored(credential).startswith(b"gAAAA")
    assert read(credential) == {}


def test_bulk_update_keeps_the_secret(credential):
    credential.secrets = {"apiKey": {"value": "another"}}
    ProviderCredential.objects.bulk_update([credential], ["secrets"])
    assert read(credential) == {"apiKey": {"value": "another"}}
    assert stored(credential).startswith(b"gAAAA")


def test_bulk_create_encrypts(credential):
    other = ProviderCredential(company=credential.company, provider="jahez", secrets=SECRETS)
    ProviderCredential.objects.bulk_create([other])
    assert stored(other).startswith(b"gAAAA")
    assert read(other) == SECRETS


@pytest.mark.parametrize("expression", [Value("plain"), F("provider")])
def test_an_expression_would_be_stored_in_the_clear_and_is_refused(credential, expression):
    with pytest.raises(FieldError), transaction.atomic():
        ProviderCredential.objects.filter(pk=credential.pk).update(secrets=expression)
    assert read(credential) == SECRETS


def test_a_secret_cannot_be_looked_up(credential):
    with pytest.raises(FieldError):
        ProviderCredential.objects.filter(secrets=SECRETS).count()


def test_an_old_key_still_opens_and_the_new_one_encrypts(credential, keys, settings):
    old = settings.FERNET_KEYS[0]
    keys("a new key for tests", old)
    assert read(credential) == SECRETS
    ProviderCredential.objects.get(pk=credential.pk).save(update_fields=["secrets"])
    keys("a new key for tests")
    assert read(credential) == SECRETS


def test_a_wrong_key_opens_nothing_and_does_not_pass_for_a_value(credential, keys):
    keys("somebody else's key")
    with pytest.raises(InvalidToken):
        read(credential)
