"""Postgres for processes that serve requests: nobody waits long for a database that says nothing.

Postgres' own limits end a statement that takes too long, but not one whose server hangs or whose line is cut: the client
has to stop waiting by itself. And while it is known to be silent, everybody who asks is told so at once, so that a sender
has its 503 in time however many ask.
"""

from __future__ import annotations

import select
import threading
import time
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import BaseTzLoader
from psycopg import errors

ANSWER_WITHIN_S = 2.2
"""How long one answer may take: a little more than the server's own ``statement_timeout``."""
BREAK_S = 1.0
"""How often a database that is away is tried again."""
MOST_WORDS = 5
"""How much an idle connection may have to say; one that is never done is at its end."""


class Breaker:
    """Knows whether the database was away a moment ago; lets one caller a second find out whether it still is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_open = False
        self._try_at = 0.0

    def ask(self) -> None:
        """Raise OperationalError while the database is known to be away and somebody has just tried."""
        with self._lock:
            now = time.monotonic()
            if self._is_open and now < self._try_at:
                raise psycopg.OperationalError("the database did not answer a moment ago")
            self._try_at = now + BREAK_S

    def trip(self) -> None:
        with self._lock:
            self._is_open, self._try_at = True, time.monotonic() + BREAK_S

    def reset(self) -> None:
        self._is_open = False


breaker = Breaker()


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is given up when an answer takes too long."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, ANSWER_WITHIN_S if timeout is None else timeout)
        except errors.IdleInTransactionSessionTimeout as error:
            # We were too slow, not wrong: Postgres files it under internal errors, and a sender has to try again.
            raise psycopg.OperationalError("the database gave up waiting for us") from error
        except errors._WaitTimeout:
            if timeout is not None:
                raise
            # What it would still say belongs to nobody: closed, the pool replaces it.
            self.close()
            breaker.trip()
            raise psycopg.OperationalError(f"no answer from the database within {ANSWER_WITHIN_S} s") from None


def is_dead(connection: psycopg.Connection[Any]) -> bool:
    """Tell, without a round trip, whether the server has closed a connection that waited in the pool."""
    try:
        for _ in range(MOST_WORDS):
            if not select.select([connection.fileno()], [], [], 0)[0]:
                return False
            # An idle connection has nothing to read but a farewell, what TLS says on its own account, and its end.
            connection.pgconn.consume_input()
    except (psycopg.Error, OSError, ValueError):
        return True
    return True


class TimeLoader(BaseTzLoader):  # type: ignore[misc]  # the stubs have no such module
    """Reads times of a connection in UTC. Django's own takes twenty times as long, and an order has seven of them."""

    timezone = UTC

    def load(self, data: Any) -> datetime:
        try:
            return datetime.fromisoformat(bytes(data).decode("ascii"))
        except ValueError:
            # Before the year 1, after 9999, infinity: an error that says so.
            loaded: datetime = super().load(data)
            return loaded


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, with the breaker, and with connections from the pool that the server has not closed meanwhile."""

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        if self.timezone is UTC:
            params["context"].register_loader("timestamptz", TimeLoader)
        return params

    def get_new_connection(self, conn_params: Any) -> Any:
        breaker.ask()
        try:
            connection = super().get_new_connection(conn_params)
            while is_dead(connection):
                connection.close()
                # The pool forgets what comes back closed.
                connection._pool.putconn(connection)
                connection = super().get_new_connection(conn_params)
        except psycopg.OperationalError:
            breaker.trip()
            raise
        breaker.reset()
        return connection
