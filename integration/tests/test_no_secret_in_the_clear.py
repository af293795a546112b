"""After everything that handles secrets has run, none of them can be read where it is stored, logged or queued."""

from __future__ import annotations

import base64
import json
import logging
import uuid

import pytest
from celery.app.task import Task
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integration import inbox, sweep
from integration.models import ProviderCredential, WebhookLog
from integration.tests.factories import SECRETS, make_installation
from orders.models import User
from providers.registry import ADAPTERS
from providers.samples import sample_events

pytestmark = pytest.mark.django_db
PASSWORD = "a-password-of-the-owner-0001"
BY_ADMIN, BY_API, FORGED = "set-in-the-admin-0001", "set-by-the-api-0001", "a-forged-bearer-token-0001"


def stored_bytes() -> bytes:
    """Return every value of every table, as bytes; on SQLite the file itself besides."""
    parts: list[bytes] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                parts += [bytes(v) if isinstance(v, (bytes, memoryview)) else str(v).encode() for v in row]
    if connection.vendor == "sqlite":
        parts.append(connection.connection.serialize())
    return b"\n".join(parts)


def writings(secret: str) -> list[bytes]:
    """Return how a secret may be written down by accident."""
    plain = secret.encode()
    return [plain, base64.b64encode(plain).rstrip(b"="), plain.hex().encode(), json.dumps(secret)[1:-1].encode()]


def use_everything(here) -> list[str]:
    """Receive, refuse, edit, sign in; return the secrets that were used."""
    for provider in ADAPTERS:
        for dialect in ("hub", "native"):
            if "created" not in sample_events(provider, dialect):
                continue
            assert here.send(provider, dialect=dialect, external_id=f"{provider}-{dialect}").status_code in (200, 202)
    url = f"/api/integration/webhook/jahez/{here.company.id}"
    forged = {"Authorization": f"Bearer {FORGED}", "X-Api-Key": FORGED, "Cookie": f"sessionid={FORGED}"}
    assert Client().post(url, "{}", content_type="application/json", headers=forged).status_code == 401
    owner = Client()
    signed_in = owner.post("/sign-in/", {"username": here.owner.username, "password": PASSWORD})
    assert signed_in.status_code == 302
    Client().post("/sign-in/", {"username": here.owner.username, "password": "a-wrong-password-0001"})
    careem = ProviderCredential.objects.get(company=here.company, provider="careem")
    data = {"is_enabled": "on", "environment": "production", "base_url": "", "allowed_addresses": "", "expires_at_0": "",
            "expires_at_1": "", "overlap_hours": "24", "webhookSecret": BY_ADMIN}  # fmt: skip
    edit = reverse("admin:integration_providercredential_change", args=[careem.pk])
    assert owner.post(edit, data).status_code == 302
    api = "/api/integration/credentials/jahez"
    assert owner.post(api, {"bearerToken": BY_API}, content_type="application/json").status_code == 200
    token = here.token()
    assert Client().get("/api/orders", headers={"Authorization": f"Token {token}"}).status_code == 200
    assert owner.get("/api/orders", headers={"Authorization": f"Token {token[:-1]}x"}).status_code in (200, 401)
    secrets = [secret for fields in SECRETS.values() for secret in fields.values()]
    return [*secrets, PASSWORD, "a-wrong-password-0001", BY_ADMIN, BY_API, FORGED, token, settings.SECRET_KEY,
            *settings.FERNET_KEYS]  # fmt: skip


@pytest.fixture
def here():
    made = make_installation()
    made.owner.set_password(PASSWORD)
    made.owner.save()
    return made


def test_nothing_of_a_secret_stands_in_the_database(here):
    used = use_everything(here)
    kept = stored_bytes()
    assert b"careem-hub" in kept  # an order's id: what is looked for is looked for in the right place
    assert [secret for secret in used if any(form in kept for form in writings(secret))] == []


def test_nothing_of_a_secret_stands_in_the_log(here, caplog):
    caplog.set_level(logging.DEBUG)
    used = use_everything(here)
    said = caplog.text.encode() + b"".join(str(vars(record)).encode() for record in caplog.records)
    assert [secret for secret in used if any(form in said for form in writings(secret))] == []


def test_a_task_is_given_ids_only(here, monkeypatch):
    published: list[tuple] = []
    monkeypatch.setattr(
        Task, "apply_async", lambda task, args=None, kwargs=None, **options: published.append((args, kwargs))
    )
    monkeypatch.setattr(inbox, "get_adapter", lambda slug: 1 / 0)
    use_everything(here)
    WebhookLog.objects.filter(status="failed").update(next_attempt_at=timezone.now())
    swept = sweep.Sweeper().sweep()
    assert swept == sum(len(log_ids) for (log_ids, _), _ in published) > 0
    for (log_ids, token), kwargs in published:
        assert not kwargs
        assert all(str(uuid.UUID(each)) == each for each in (*log_ids, token))


def test_a_password_is_hashed(here):
    assert PASSWORD not in User.objects.get(pk=here.owner.pk).password
