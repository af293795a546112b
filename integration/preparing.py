"""Bringing the database up to date, one process at a time."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from integration.demo import Demo, kept_password, seed_demo
from integration.health import pending_migrations
from integration.hub import is_hub
from integration.hub.clients import seed_operator
from orders.models import Company

LOCK_TIMEOUT_S = 120
_LOCK_KEY = 0x0D_E1_1E_12
"""Any number, as long as nothing else takes it as an advisory lock of this database."""


class StillLockedError(Exception):
    """Another process has been preparing the database for too long."""


def prepare(*, demo: bool = False) -> Demo | None:
    """Migrate where migrations are pending; with ``demo``, seed a demo company into an installation that has none.

    A hub of its own gets no company but somebody who runs it: its companies come by registering.
    Two processes at once do it one after the other. Raises StillLockedError, and the database's errors.
    """
    with _alone():
        if pending_migrations():
            call_command("migrate", interactive=False, verbosity=0)
        if demo and is_hub():
            if settings.EMBEDDED:
                seed_operator(kept_password(settings.DATA_DIR))
        elif demo and not Company.objects.exists():
            return seed_demo(kept_password(settings.DATA_DIR))
    return None


@contextmanager
def _alone() -> Iterator[None]:
    if connection.vendor == "postgresql":
        with _alone_on_postgres():
            yield
    else:
        with _alone_with_file(settings.DATA_DIR / "prepare.lock"):
            yield


@contextmanager
def _alone_on_postgres() -> Iterator[None]:
    with connection.cursor() as cursor:
        # A server process limits its statements to seconds; a migration may take longer.
        cursor.execute("SET statement_timeout = 0")
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK_KEY])
            if cursor.fetchone()[0]:
                break
            if time.monotonic() > deadline:
                raise StillLockedError
            time.sleep(0.25)
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK_KEY])
            cursor.execute("RESET statement_timeout")


@contextmanager
def _alone_with_file(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("w") as file:
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StillLockedError from None
                time.sleep(0.1)
        yield
