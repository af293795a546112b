"""Changing the encryption key under load: nothing is lost, nothing stays behind, and a wrong key is said."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.core.management import CommandError, call_command
from django.db import connection
from fernet_fields.hkdf import derive_fernet_key

from integration import key_rotation
from integration.credentials import CredentialChange, set_credential
from integration.key_rotation import encrypted_columns, rotate_keys
from integration.models import IntegrationWebhook, ProviderCredential
from orders.models import AuditEntry, Company

pytestmark = pytest.mark.django_db
OLD, NEW, OTHER = (f"{word}-key-of-a-test-0123456789-abcdefgh" for word in ("old", "new", "other"))


@pytest.fixture
def keys(settings):
    """Set the keys as a restart would: each field reads them once."""
    fields = [model._meta.get_field(name) for model, name in encrypted_columns()]

    def forget():
        for field in fields:
            for name in ("keys", "fernet_keys", "fernet"):
                field.__dict__.pop(name, None)

    def use(*values):
        settings.FERNET_KEYS = list(values)
        forget()

    yield use
    forget()


@pytest.fixture
def company(db, keys) -> Company:
    keys(OLD)
    company = Company.objects.create(name="Petra", slug="petra")
    for number in range(5):
        ProviderCredential.objects.create(
            company=company, provider=f"p{number}", secrets={"apiKey": {"value": f"s{number}"}}
        )
    IntegrationWebhook.objects.create(
        company=company, provider="p0", url="https://a.example/", secrets={"secretKey": "h"}
    )
    return company


def tokens() -> list[bytes]:
    found = []
    with connection.cursor() as cursor:
        for model, column in encrypted_columns():
            cursor.execute(f"SELECT {column} FROM {model._meta.db_table} ORDER BY id")
            found += [bytes(row[0]) for row in cursor.fetchall()]
    return found


def opened_by(key: str) -> int:
    fernet = Fernet(derive_fernet_key(key))
    count = 0
    for token in tokens():
        try:
            fernet.decrypt(token)
        except InvalidToken:
            continue
        count += 1
    return count


def secrets_now() -> list[dict]:
    return [row.secrets for row in ProviderCredential.objects.order_by("provider")]


EXPECTED = [{"apiKey": {"value": f"s{number}"}} for number in range(5)]


def test_every_encrypted_column_is_known():
    assert {model.__name__ for model, _ in encrypted_columns()} >= {"ProviderCredential", "IntegrationWebhook"}


def test_after_it_the_new_key_alone_opens_everything(company, keys, monkeypatch):
    monkeypatch.setattr(key_rotation, "BATCH", 2)
    keys(NEW, OLD)
    done = rotate_keys()
    assert (done.total, done.rotated, done.current, done.is_complete) == (6, 6, 0, True)
    keys(NEW)
    assert secrets_now() == EXPECTED
    assert IntegrationWebhook.objects.get().secrets == {"secretKey": "h"}
    assert (opened_by(NEW), opened_by(OLD)) == (6, 0)


def test_a_second_run_has_nothing_to_do(company, keys):
    keys(NEW, OLD)
    rotate_keys()
    before = tokens()
    done = rotate_keys()
    assert (done.rotated, done.current, tokens()) == (0, 6, before)


def test_a_dry_run_counts_and_writes_nothing(company, keys):
    keys(NEW, OLD)
    before = tokens()
    done = rotate_keys(dry_run=True)
    assert (done.rotated, tokens()) == (6, before)
    assert not AuditEntry.objects.exists()


def test_a_credential_that_is_changed_meanwhile_keeps_its_change(company, keys, monkeypatch):
    keys(NEW, OLD)
    replace = key_rotation._Column.replace
    changed = []

    def late(column, pk, old, new):
        if not changed:
            changed.append(pk)
            row = ProviderCredential.objects.get(pk=pk)
            set_credential(company, row.provider, CredentialChange(secrets={"apiKey": "changed-meanwhile"}))
        return replace(column, pk, old, new)

    monkeypatch.setattr(key_rotation._Column, "replace", late)
    done = rotate_keys()
    assert (done.rotated, done.current, done.is_complete) == (5, 1, True)
    assert ProviderCredential.objects.get(pk=changed[0]).value("apiKey") == "changed-meanwhile"
    assert opened_by(NEW) == 6


def test_a_change_by_a_process_with_the_old_key_is_encrypted_anew_too(company, keys, monkeypatch):
    keys(NEW, OLD)
    replace = key_rotation._Column.replace
    changed = []

    def late(column, pk, old, new):
        if not changed:
            changed.append(pk)
            by_old = Fernet(derive_fernet_key(OLD)).encrypt(b'{"apiKey": {"value": "by-the-old"}}')
            assert replace(column, pk, old, by_old)
        return replace(column, pk, old, new)

    monkeypatch.setattr(key_rotation._Column, "replace", late)
    assert rotate_keys().is_complete
    keys(NEW)
    assert ProviderCredential.objects.get(pk=changed[0]).value("apiKey") == "by-the-old"


def test_a_row_that_changes_each_time_is_left_for_another_run(company, keys, monkeypatch):
    keys(NEW, OLD)
    monkeypatch.setattr(key_rotation._Column, "replace", lambda *args: False)
    done = rotate_keys()
    assert (done.busy, done.rotated, done.is_complete) == (6, 0, False)
    with pytest.raises(CommandError, match="6 rows were changed each time"):
        call_command("rotate_keys")


def test_a_deleted_row_is_no_fault(company, keys, monkeypatch):
    keys(NEW, OLD)

    def gone(column, pk, old, new):
        ProviderCredential.objects.filter(pk=pk).delete()
        IntegrationWebhook.objects.filter(pk=pk).delete()
        return False

    monkeypatch.setattr(key_rotation._Column, "replace", gone)
    assert rotate_keys().is_complete


def test_rows_that_no_key_opens_are_named_and_left_as_they_are(company, keys, capsys):
    keys(OTHER)
    before = tokens()
    with pytest.raises(CommandError) as said:
        call_command("rotate_keys")
    assert "None of the 1 keys of CREDENTIAL_ENCRYPTION_KEY opens 6 rows" in str(said.value)
    assert str(said.value).count("provider_credentials ") == 5
    assert tokens() == before
    assert not AuditEntry.objects.exists()


def test_the_command_says_when_the_old_key_can_go(company, keys, capsys):
    keys(NEW, OLD)
    call_command("rotate_keys", "--dry-run")
    assert capsys.readouterr().out == "6 of 6 secrets would be encrypted anew; 0 are already.\n"
    call_command("rotate_keys")
    assert capsys.readouterr().out == (
        "6 of 6 secrets were encrypted anew; 0 were already.\n"
        "The 1 key(s) behind the first can be dropped, once every process has been started with this first key.\n"
    )


def test_it_stands_in_the_trail_without_any_key(company, keys):
    keys(NEW, OLD)
    rotate_keys()
    entry = AuditEntry.objects.get()
    assert (entry.company, entry.actor, entry.action) == (None, "system", "encryption_key.rotated")
    assert entry.details == {"rotated": 6, "unreadable": 0, "keys": 2}
