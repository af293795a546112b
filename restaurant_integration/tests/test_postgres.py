"""Nobody waits long for a Postgres that says nothing."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

import psycopg
import pytest
from django.db import connection
from django.db.backends.postgresql.psycopg_any import BaseTzLoader
from psycopg import postgres, pq

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


TIMES = (
    "2026-03-01 09:30:00+00",
    "2026-03-01 09:30:00.5+00",
    "2026-03-01 09:30:00.123456+00",
    "0001-01-01 00:00:00+00",
    "9999-12-31 23:59:59.999999+00",
)


@pytest.mark.parametrize("text", TIMES)
def test_a_time_is_read_as_djangos_own_loader_reads_it(text):
    data = text.encode()
    own = type("Own", (BaseTzLoader,), {"timezone": UTC})(postgres.types["timestamptz"].oid)
    loaded = base.TimeLoader(postgres.types["timestamptz"].oid).load(data)
    assert loaded == own.load(data)
    assert loaded.tzinfo is UTC


@pytest.mark.parametrize("text", ["infinity", "-infinity", "0044-03-15 00:00:00+00 BC", "10000-01-01 00:00:00+00"])
def test_a_time_that_python_has_not_is_an_error_of_the_data(text):
    with pytest.raises(psycopg.DataError):
        base.TimeLoader(postgres.types["timestamptz"].oid).load(text.encode())


@pytest.mark.postgres
@pytest.mark.django_db
@on_postgres
def test_what_the_database_holds_is_read_in_utc_by_our_own_loader():
    settings = {**connection.settings_dict, "OPTIONS": {**connection.settings_dict["OPTIONS"], "pool": False}}
    ours = base.DatabaseWrapper(settings, "ours")
    try:
        with ours.cursor() as cursor:
            cursor.execute("SELECT now(), TIMESTAMPTZ '2026-03-01 12:30:00+03', NULL::timestamptz")
            row = cursor.fetchone()
        loader = ours.connection.adapters.get_loader(postgres.types["timestamptz"].oid, pq.Format.TEXT)
    finally:
        ours.close()
    assert loader is base.TimeLoader
    assert (row[0].tzinfo, row[1], row[2]) == (UTC, datetime(2026, 3, 1, 9, 30, tzinfo=UTC), None)
