"""A worker's child keeps its connection while it works, and never one that does not."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection, connections, transaction

from integration.broker import app
from integration.task_connections import KEPT_S, Fixup, WorkerFixup
from orders.compiled import Select
from orders.models import Company

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgres,
    pytest.mark.skipif("postgres" not in os.environ.get("DATABASE_URL", ""), reason="needs Postgres"),
]
TASK = SimpleNamespace(request=SimpleNamespace(is_eager=False))
COMPANY = Select(lambda at: Company.objects.filter(slug=at.one("slug", Company, "slug")))


@pytest.fixture
def child():
    """What Celery calls in a child, with the connection's settings as they are put back afterwards."""
    connection.close()
    kept = {alias: dict(settings) for alias, settings in connections.settings.items()}
    fixup = WorkerFixup(app)
    fixup.on_worker_process_init()
    yield fixup
    connection.close()
    for alias, settings in kept.items():
        connections.settings[alias] |= settings


def backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def run_task(fixup: WorkerFixup, what):
    fixup.on_task_prerun(TASK)
    try:
        return what()
    finally:
        fixup.on_task_postrun(TASK)


def end(pid: int) -> None:
    """Have the server end a connection, as its restart does."""
    other = connection.copy("other")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            assert cursor.fetchone() == (True,)
    finally:
        other.close()


def test_celery_has_this_fixup_alone():
    assert [type(each) for each in app._fixups] == [Fixup]


def test_tasks_share_a_connection(child):
    assert len({run_task(child, backend) for _ in range(3)}) == 1


def test_a_connection_that_the_server_ended_is_replaced_before_the_next_task(child, amman):
    pid = run_task(child, backend)
    end(pid)
    # The way of an order has a cursor of its own, which has to look too.
    assert run_task(child, lambda: COMPANY.first(slug=amman.company.slug)) == amman.company
    assert run_task(child, backend) != pid


def test_a_connection_that_failed_in_a_task_is_gone_after_it(child):
    def fail():
        end(backend())
        with pytest.raises(OperationalError):
            backend()

    run_task(child, fail)
    assert connection.connection is None


def test_a_connection_in_the_middle_of_something_is_not_kept(child):
    def forget():
        connection.set_autocommit(False)
        backend()

    run_task(child, forget)
    assert connection.connection is None


def test_a_connection_whose_state_django_does_not_know_is_not_kept(child):
    def be_interrupted():
        backend()
        connections["default"].connection.autocommit = False  # and Django still takes it to be on

    run_task(child, be_interrupted)
    assert connections["default"].connection is None
    assert run_task(child, works_in_a_transaction)


def test_a_block_that_was_never_left_is_forgotten_with_its_connection(child):
    def be_interrupted():
        transaction.atomic().__enter__()
        backend()

    run_task(child, be_interrupted)
    assert run_task(child, works_in_a_transaction)


def works_in_a_transaction() -> int:
    with transaction.atomic():
        return backend()


def test_a_connection_is_not_kept_for_ever(child, monkeypatch):
    pid = run_task(child, backend)
    assert connection.close_at is not None
    monkeypatch.setattr(connection, "close_at", connection.close_at - KEPT_S)
    assert run_task(child, backend) != pid


def test_a_task_that_is_called_in_place_closes_nothing(child):
    pid = backend()
    eager = SimpleNamespace(request=SimpleNamespace(is_eager=True))
    connection.errors_occurred = True
    child.on_task_prerun(eager)
    child.on_task_postrun(eager)
    assert (connection.errors_occurred, backend()) == (True, pid)
