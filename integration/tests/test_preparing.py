"""Two processes that prepare the database at once."""

from __future__ import annotations

import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections

from integration import preparing
from orders.models import Company


@pytest.fixture(autouse=True)
def _own_directory(tmp_path, settings):
    settings.DATA_DIR = tmp_path


@pytest.mark.django_db
def test_nothing_is_migrated_where_nothing_is_pending(monkeypatch):
    monkeypatch.setattr(preparing, "call_command", lambda *args, **options: pytest.fail("migrated"))
    assert preparing.prepare() is None


@pytest.mark.django_db
def test_pending_migrations_are_run(monkeypatch):
    run = []
    monkeypatch.setattr(preparing, "pending_migrations", lambda: ["orders.0002_more"])
    monkeypatch.setattr(preparing, "call_command", lambda name, **options: run.append(name))
    preparing.prepare()
    assert run == ["migrate"]


@pytest.mark.django_db(transaction=True)
def test_a_second_process_waits_for_the_first(monkeypatch):
    entered, seen = threading.Event(), []

    def second():
        try:
            entered.wait(5)
            preparing.prepare(demo=True)
            seen.append("second")
        finally:
            connections.close_all()

    thread = threading.Thread(target=second)
    thread.start()
    with preparing._alone():
        entered.set()
        thread.join(0.6)
        assert thread.is_alive()
        seen.append("first")
    thread.join(20)
    assert seen == ["first", "second"]
    assert Company.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_process_that_hangs_is_named_instead_of_waited_for(monkeypatch):
    monkeypatch.setattr(preparing, "LOCK_TIMEOUT_S", 0.2)
    said = []

    def second():
        try:
            call_command("prepare")
        except CommandError as error:
            said.append(str(error))
        finally:
            connections.close_all()

    with preparing._alone():
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(10)
    assert len(said) == 1
    assert "End it if it hangs" in said[0]


@pytest.mark.django_db(transaction=True)
def test_the_limit_of_statements_is_back_after_preparing():
    if connection.vendor != "postgresql":
        pytest.skip("needs Postgres: SQLite has no such limit")
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        before = cursor.fetchone()
        preparing.prepare()
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == before
