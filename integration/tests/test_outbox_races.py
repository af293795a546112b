"""Many workers at once, on a real Postgres."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
import responses
from django.db import connection  # noqa: F401 — the condition below reads it
from django.utils import timezone

from integration import breaker, outbox
from integration.models import OutboundAttempt, OutboundPush, ProviderToken
from integration.tests.factories import make_installation
from integration.tests.outbound import JAHEZ, arm, move, received
from integration.tests.test_races import at_once
from integration.tokens import get_token, provider_access

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="needs Postgres: SQLite has one writer at a time"),
]
STATUS_URL = f"{JAHEZ}/webhooks/status_update"


@pytest.fixture
def web():
    """Play every peer. No decorator: it would hide the names that the condition above reads."""
    with responses.mock:
        yield


def slow_token(request):
    time.sleep(0.3)
    return 200, {}, '{"token": "the-one-token"}'


def test_twenty_threads_ask_for_one_token(web):
    amman = make_installation("amman-grill")
    arm(amman, "jahez")
    responses.add_callback("POST", f"{JAHEZ}/token", callback=slow_token)
    access = provider_access(amman.company, "jahez")
    tokens = at_once([lambda: get_token(access)] * 20, workers=20)
    assert set(tokens) == {"the-one-token"}
    assert len(responses.calls) == 1
    assert ProviderToken.objects.count() == 1


def test_a_refused_token_is_renewed_by_one_of_twenty(web):
    amman = make_installation("amman-grill")
    arm(amman, "jahez")
    given = iter(f"token-{number}" for number in range(100))

    def next_token(request):
        time.sleep(0.3)
        return 200, {}, f'{{"token": "{next(given)}"}}'

    responses.add_callback("POST", f"{JAHEZ}/token", callback=next_token)
    access = provider_access(amman.company, "jahez")
    assert get_token(access) == "token-0"
    assert set(at_once([lambda: get_token(access, stale="token-0")] * 20, workers=20)) == {"token-1"}


def test_a_push_is_sent_once_however_many_want_to(web):
    amman = make_installation("amman-grill")
    responses.post(f"{JAHEZ}/token", json={"token": "t"})
    responses.post(STATUS_URL, json={})
    orders = [received(amman, external_id=f"3000000{number}") for number in range(5)]
    for order in orders:
        move(order, "confirmed")
    at_once([lambda order=order: outbox.work_order(order.id) for order in orders for _ in range(6)], workers=10)
    assert set(OutboundPush.objects.values_list("status", flat=True)) == {"sent"}
    assert OutboundAttempt.objects.count() == 5
    assert [call.request.url for call in responses.calls].count(STATUS_URL) == 5


def test_one_probe_of_twenty_goes():
    amman = make_installation("amman-grill")
    for _ in range(5):
        breaker.failed(amman.company, "jahez")
    later = timezone.now() + timedelta(seconds=31)
    gates = at_once([lambda: breaker.admit(amman.company.id, "jahez", later)] * 20, workers=20)
    assert [gate.is_open for gate in gates].count(True) == 1
