"""The same at once, on a real Postgres: locks and constraints, not luck."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from unittest import mock

import pytest
from django.db import OperationalError, connection, connections
from django.utils import timezone

from integration import inbox
from integration.models import WebhookLog
from integration.sweep import Sweeper
from integration.tests.factories import make_installation
from orders.models import Customer, Order, OrderEvent

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="needs Postgres: SQLite has one writer at a time"),
]

AT_ONCE = 50
WORKERS = 8
ROUNDS = int(os.environ.get("RACE_ROUNDS", "20"))
"""`.ci/run` sets a hundred."""


def at_once(jobs: list[Callable[[], object]], workers: int = WORKERS) -> list[object]:
    """Run jobs in threads that start together; return their results in order."""
    barrier = threading.Barrier(min(workers, len(jobs)))

    def run(index: int) -> object:
        try:
            if index < barrier.parties:
                barrier.wait(timeout=20)
            return jobs[index]()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, range(len(jobs))))


def test_one_delivery_sent_fifty_times_at_once_in_many_rounds(db):
    amman = make_installation("amman-grill")
    for number in range(ROUNDS):
        request = amman.sample("careem", external_id=f"round-{number}", number=number)
        answers = at_once([lambda request=request: amman.post("careem", request)] * AT_ONCE)
        assert {answer.status_code for answer in answers} <= {200, 202}
        assert {answer.json()["status"] for answer in answers} <= {"processed", "duplicate", "queued"}
        assert len({answer.json()["eventId"] for answer in answers}) == 1
        assert [answer.json()["status"] for answer in answers].count("processed") == 1
    assert WebhookLog.objects.count() == ROUNDS
    assert Order.objects.count() == ROUNDS
    assert set(WebhookLog.objects.values_list("status", "duplicates")) == {("processed", AT_ONCE - 1)}
    assert list(OrderEvent.objects.order_by("seq").values_list("seq", flat=True)) == list(range(1, ROUNDS + 1))


def test_two_different_deliveries_of_one_order_at_once(db):
    amman = make_installation("amman-grill")
    for number in range(25):
        sends = [
            lambda n=number, i=index, e=event: amman.send("careem", e, external_id=f"o-{n}", number=i)
            for index, event in enumerate(("created", "confirmed", "ready", "cancelled", "created"), start=1)
        ]
        answers = at_once(sends)
        assert {answer.status_code for answer in answers} == {200}
    assert set(Order.objects.values_list("status", flat=True)) == {"cancelled"}
    assert Order.objects.count() == 25
    assert not WebhookLog.objects.exclude(status__in=["processed", "ignored"]).exists()


def test_orders_of_one_new_customer_at_once_make_one_customer(db):
    amman = make_installation("amman-grill")
    payload = {
        "event_type": "order.created",
        "order": {
            "customer": {"name": "Lina Haddad", "phone": "+962790123456"},
            "items": [{"id": "MANSAF", "quantity": 1, "unit_price": "9.75"}],
            "total_amount": "9.75",
        },
    }
    jobs = [
        lambda n=n: amman.send_payload("careem", {**payload, "order": {**payload["order"], "id": str(n)}})
        for n in range(16)
    ]
    assert {answer.json()["status"] for answer in at_once(jobs)} == {"processed"}
    assert Customer.objects.count() == 1
    assert Order.objects.exclude(customer=None).count() == 16


def test_two_workers_and_two_sweeps_take_each_of_300_due_rows_once(db):
    amman = make_installation("amman-grill")
    with mock.patch.object(inbox, "apply_event", side_effect=OperationalError("gone")):
        for number in range(300):
            amman.send("careem", external_id=str(number))
    WebhookLog.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    tasks: list[tuple[str, str]] = []
    lock = threading.Lock()

    def publish(args, retry):
        with lock:
            tasks.extend((log_id, args[1]) for log_id in args[0])

    def sweep():
        sweeper = Sweeper()
        while sweeper.sweep():
            pass

    def work():
        for log_id, token in tuple(tasks):
            inbox.process_claimed(uuid.UUID(log_id), uuid.UUID(token))

    # The sweepers stop when enough is under way, and go on when the workers have worked that off.
    for _ in range(5):
        with mock.patch("integration.sweep.process_events.apply_async", side_effect=publish):
            at_once([sweep, sweep], workers=2)
        at_once([work, work], workers=2)
    assert len(tasks) == len({log_id for log_id, _ in tasks}) == 300
    assert set(WebhookLog.objects.values_list("status", "attempts")) == {("processed", 2)}
    assert Order.objects.count() == 300
    assert OrderEvent.objects.count() == 300


def test_order_lock_is_taken_in_the_database(db, django_assert_num_queries):
    from django.test.utils import CaptureQueriesContext

    amman = make_installation("amman-grill")
    with CaptureQueriesContext(connection) as queries:
        amman.send("careem")
    assert any("pg_advisory_xact_lock" in query["sql"] for query in queries.captured_queries)


def test_refusals_at_once_are_counted_in_one_row(db):
    from django.test import Client

    amman = make_installation("amman-grill")
    url = f"/api/integration/webhook/careem/{amman.company.id}"
    now = timezone.now().replace(second=30)
    with mock.patch("integration.views.webhook.timezone.now", return_value=now):
        answers = at_once([lambda: Client().post(url, b"{}", content_type="application/json")] * 24)
    assert {answer.status_code for answer in answers} == {401}
    assert WebhookLog.objects.get().count == 24


def test_eight_devices_that_silence_an_order_at_once_write_it_once(db):
    amman = make_installation("amman-grill")
    amman.send("careem")
    order = Order.objects.get()
    clients = [amman.client(amman.staff) for _ in range(WORKERS)]
    answers = at_once([lambda c=c: c.post(f"/api/orders/{order.id}/acknowledge") for c in clients])
    assert [answer.status_code for answer in answers] == [200] * WORKERS
    assert Order.objects.get().rings == ""
    assert list(OrderEvent.objects.order_by("seq").values_list("seq", "changes")) == [
        (1, {}),
        (2, {"rings": ["new", ""]}),
    ]
