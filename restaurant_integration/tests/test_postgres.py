"""Nobody waits long for a Postgres that says nothing."""

from __future__ import annotations

import os
import time

import psycopg
import pytest

from restaurant_integration.postgres import base

on_postgres = pytest.mark.skipif("postgres" not in os.environ.get("DATABASE_URL", ""), reason="needs Postgres")


@pytest.fixture
def breaker(monkeypatch):
    fresh = base.Breaker()
    monkeypatch.setattr(base, "breaker", fresh)
    return fresh


def is_refused(breaker: base.Breaker) -> bool:
    try:
        breaker.ask()
    except psycopg.OperationalError:
        return True
    return False


def test_a_database_that_answers_is_asked_by_everybody(breaker):
    assert [is_refused(breaker) for _ in range(3)] == [False, False, False]


def test_a_database_that_is_away_is_asked_by_one_caller_a_second(breaker, monkeypatch):
    now = 100.0
    monkeypatch.setattr(base.time, "monotonic", lambda: now)
    breaker.trip()
    assert is_refused(breaker)
    now = 101.1
    assert [is_refused(breaker) for _ in range(3)] == [False, True, True]


def test_a_database_that_is_back_is_asked_by_everybody_at_once(breaker):
    breaker.trip()
    breaker.reset()
    assert [is_refused(breaker) for _ in range(3)] == [False, False, False]


@pytest.mark.postgres
@on_postgres
def test_an_answer_that_does_not_come_ends_the_connection_and_trips_the_breaker(breaker, monkeypatch):
    monkeypatch.setattr(base, "ANSWER_WITHIN_S", 0.2)
    connection = base.BoundedConnection.connect(os.environ["DATABASE_URL"])
    started = time.monotonic()
    with pytest.raises(psycopg.OperationalError, match="no answer from the database"):
        connection.execute("SELECT pg_sleep(20)")
    assert time.monotonic() - started < 10
    assert connection.closed
    assert is_refused(breaker)


@pytest.mark.postgres
@on_postgres
def test_a_transaction_that_idled_too_long_is_an_operational_error(breaker):
    connection = base.BoundedConnection.connect(os.environ["DATABASE_URL"])
    connection.execute("SET idle_in_transaction_session_timeout = 100")
    time.sleep(0.4)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")


@pytest.mark.postgres
@on_postgres
def test_a_connection_that_the_server_has_closed_is_found_dead_without_asking(breaker):
    connection = base.BoundedConnection.connect(os.environ["DATABASE_URL"], autocommit=True)
    assert not base.is_dead(connection)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
    time.sleep(0.2)
    assert base.is_dead(connection)
