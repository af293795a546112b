"""Many at once, on a real Postgres."""

from __future__ import annotations

import uuid

import pytest
import responses
from django.db import connection  # noqa: F401 — the condition below reads it

from integration import outbox
from integration.models import IntegrationWebhook, OutboundPush, WebhookLog
from integration.tests.factories import make_installation
from integration.tests.hub.calls import KEY, OTHER_KEY, PLATFORM, forwards, register, signed, subscribed
from integration.tests.hub.test_sync import document
from integration.tests.outbound import received
from integration.tests.test_races import at_once
from orders.models import Company, Order
from providers.registry import ADAPTERS

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="needs Postgres: SQLite has one writer at a time"),
]


def test_a_platform_registers_all_its_providers_at_once():
    client_id = str(uuid.uuid4())

    def registering(provider: str):
        told = {"clientId": client_id, "provider": provider, "url": PLATFORM, "secretKey": OTHER_KEY}
        return lambda: register(told, OTHER_KEY).status_code

    assert at_once([registering(provider) for provider in ADAPTERS] * 3, workers=12) == [201] * 12
    assert str(Company.objects.get().id) == client_id
    assert sorted(IntegrationWebhook.objects.values_list("provider", flat=True)) == sorted(ADAPTERS)


def test_two_with_different_keys_come_for_the_same_client():
    client_id = str(uuid.uuid4())

    def registering(key: str):
        told = {"clientId": client_id, "provider": "careem", "url": PLATFORM, "secretKey": key}
        return lambda: register(told, key).status_code

    keys = [f"key-number-{number}" for number in range(8)]
    answers = at_once([registering(key) for key in keys], workers=8)
    assert sorted(answers) == [201] + [401] * 7
    assert IntegrationWebhook.objects.get().secrets["secretKey"] == keys[answers.index(201)]


def test_one_status_told_twenty_times_moves_once():
    amman = make_installation("amman-grill")
    received(amman)
    call = lambda: signed("/api/orders/sync", document(amman), KEY, **{"Idempotency-Key": "k"}).json()["status"]  # noqa: E731
    told = at_once([call] * 20, workers=10)
    assert sorted(told) == ["duplicate"] * 19 + ["processed"]
    assert OutboundPush.objects.filter(route="provider").count() == 1
    assert WebhookLog.objects.get(event_type="order.sync").duplicates == 19


def test_ten_workers_forward_each_event_once():
    amman = make_installation("amman-grill")
    subscribed(amman)
    for number in range(6):
        amman.send("careem", external_id=f"10000{number}")
    with responses.mock:
        responses.post(PLATFORM, json={})
        order_ids = list(Order.objects.values_list("id", flat=True))
        at_once([lambda key=key: outbox.work_order(key) for key in order_ids * 4], workers=10)
        ids = [call.request.headers["x-webhook-id"] for call in responses.calls]
    assert sorted(ids) == sorted(str(forward.id) for forward in forwards(amman))
    assert {forward.status for forward in forwards(amman)} == {"sent"}
