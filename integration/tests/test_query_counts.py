"""How often the database is asked: exactly so often on the way of an order, and no more for more rows where rows are shown.

A query more on that way is felt by every order: whoever adds one changes the number here, and says why.
"""

from __future__ import annotations

import uuid

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from benchmarks.speed.payloads import LINES, build_order
from integration.models import WebhookBody, WebhookLog
from integration.tests.factories import SECRETS
from orders.models import Order, OrderItem, OrderItemModifier
from providers.registry import ADAPTERS
from providers.samples import sign_sample

ENDS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK")


def order_of(installation, provider: str, dialect: str, number: int, lines: int = LINES):
    """Return a signed order with so many lines and their options, from a store that is known."""
    now = timezone.now()
    store_id = f"{installation.company.slug}-{provider}-main"
    sample = build_order(provider, dialect, number, store_id, now, lines=lines)
    return sign_sample(ADAPTERS[provider], dialect, sample, SECRETS[provider], now, f"delivery-{uuid.uuid4()}")


def asked(call) -> list[str]:
    """Return what a call asks the database: its verbs and tables, without beginnings, ends and savepoints."""
    with CaptureQueriesContext(connection) as captured:
        call()
    return [each["sql"][:80] for each in captured if not each["sql"].lstrip().upper().startswith(ENDS)]


@pytest.fixture
def warm(amman):
    """A browser and a company of which a first order has come: what is asked once in a process belongs to no figure."""
    client = Client()
    amman.post("careem", order_of(amman, "careem", "hub", 0), client=client)
    return client


# -- the doors ---------------------------------------------------------------------------------------------------------

NEW_ORDER = {
    ("careem", "native"): 13,  # names no customer
    ("talabat", "native"): 15,
    ("deliveroo", "native"): 14,  # a shared number, by which nobody is known
    ("jahez", "native"): 15,
    ("careem", "hub"): 16,  # looks for the e-mail address too
    ("talabat", "hub"): 16,  # and this one for options by their names
    ("deliveroo", "hub"): 16,
    ("jahez", "hub"): 16,
}
"""Company with secrets and registration; the delivery and its bytes (on Postgres both at once, and then the order's lock, which
on SQLite the transaction is); the order, the store, the customer (looked for, inserted),
the menu; lines, options, the number, the order, its event; what was parked; the delivery's end."""
TOGETHER = 4 if connection.vendor == "postgresql" else 0
"""Lines, options, number, order and event are one statement there."""


@pytest.mark.parametrize(("provider", "dialect"), NEW_ORDER, ids="-".join)
def test_an_order_of_ten_lines_with_options_costs_a_fixed_number_of_queries(amman, warm, provider, dialect):
    request = order_of(amman, provider, dialect, 2)
    queries = asked(lambda: amman.post(provider, request, client=warm))
    order = Order.objects.get(provider=provider, external_id__endswith="000000002")
    assert OrderItem.objects.filter(order=order).count() == 10
    assert OrderItemModifier.objects.filter(item__order=order).count() >= 8
    assert len(queries) == NEW_ORDER[provider, dialect] - TOGETHER, queries


@pytest.mark.parametrize("lines", [3, 30])
def test_an_order_costs_the_same_however_many_lines_it_has(amman, warm, lines):
    request = order_of(amman, "careem", "hub", 2, lines)
    queries = asked(lambda: amman.post("careem", request, client=warm))
    assert OrderItem.objects.filter(order__external_id="1000000002").count() == lines
    assert len(queries) == NEW_ORDER["careem", "hub"] - TOGETHER, queries


def test_a_status_costs_a_fixed_number_of_queries(amman, warm):
    request = amman.sample("careem", "confirmed", external_id="1000000000")
    queries = asked(lambda: amman.post("careem", request, client=warm))
    assert Order.objects.get().status == "confirmed"
    # The company with its secrets; the delivery and its bytes; the order, the number, its row, its event; the delivery's end.
    assert len(queries) == 9, queries


def test_a_delivery_that_we_had_costs_a_fixed_number_of_queries(amman, warm):
    request = order_of(amman, "careem", "hub", 2)
    amman.post("careem", request, client=warm)
    queries = asked(lambda: amman.post("careem", request, client=warm))
    assert list(WebhookLog.objects.order_by("received_at").values_list("duplicates", flat=True)) == [0, 1]
    # Company with secrets and registration; the insert that fails; the one that we have, and its counter.
    assert len(queries) == 4, queries


def test_a_refusal_costs_a_fixed_number_of_queries_and_looks_at_no_order(amman, warm):
    request = order_of(amman, "careem", "hub", 2)
    request.headers["x-careem-signature"] = "0" * 64
    with time_machine.travel(timezone.now(), tick=False):
        first, *others = (asked(lambda: amman.post("careem", request, client=warm)) for _ in range(3))
    assert (Order.objects.count(), WebhookBody.objects.count()) == (1, 1)
    assert not [each for each in first if '"orders"' in each or "bodies" in each]
    # Company with secrets and registration; the minute's row is counted and read, and made the first time.
    assert [len(first), *map(len, others)] == [5, 3, 3], first


# -- what shows rows costs the same for three as for thirty ------------------------------------------------------------


def fill(installation, client, first: int, count: int) -> None:
    for number in range(first, first + count):
        installation.post("careem", order_of(installation, "careem", "hub", number, 2), client=client)


READ = {
    "/api/orders": 5,
    "/api/orders?status=received&provider=careem&limit=200": 5,
    "/api/orders?externalOrderId=1000000001": 5,
    "/api/orders/{}": 5,
    "/api/orders/changes?since=0": 5,
    "/api/dashboard": 10,
}
"""Token and membership; then orders, lines and options; or number, oldest number and events; or the snapshot's figures."""


@pytest.mark.parametrize("path", READ)
def test_a_program_reads_for_a_fixed_number_of_queries(amman, path):
    fill(amman, Client(), 1, 3)
    order = Order.objects.get(external_id="1000000001")
    program = Client(headers={"Authorization": f"Token {amman.token()}"})
    assert str(order.id) in program.get(path.format(order.id)).content.decode() or path == "/api/dashboard"
    cache.clear()
    queries = asked(lambda: program.get(path.format(order.id)))
    assert len(queries) == READ[path], queries


SHOWN = {
    "the list of orders": "/api/orders",
    "the changes": "/api/orders/changes?since=0",
    "the log": "/api/integration/logs",
    "the dashboard's snapshot": "/api/dashboard",
    "the page of the orders": "/",
    "the page of the log": "/webhooks/",
}


def test_what_shows_rows_costs_the_same_for_three_and_for_thirty(amman):
    client, sender = amman.client(), Client()
    counts: list[dict[str, int]] = []
    for first, count in ((1, 3), (4, 27)):
        fill(amman, sender, first, count)
        counts.append({})
        for name, path in SHOWN.items():
            assert client.get(path).status_code == 200
            cache.clear()
            counts[-1][name] = len(asked(lambda path=path: client.get(path)))
    assert Order.objects.count() == 30
    assert counts[0] == counts[1]


@pytest.mark.parametrize("path", ["/api/orders/{}", "/orders/{}/"])
def test_an_order_is_shown_for_the_same_with_three_lines_and_with_thirty(amman, path):
    client, counts = amman.client(), []
    for number, lines in ((1, 3), (2, 30)):
        amman.post("careem", order_of(amman, "careem", "hub", number, lines))
        order = Order.objects.get(external_id=f"100000000{number}")
        client.get(path.format(order.id))
        counts.append(len(asked(lambda: client.get(path.format(order.id)))))  # noqa: B023
    assert counts[0] == counts[1]
