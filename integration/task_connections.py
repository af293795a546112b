"""A worker's child keeps its connection to the database from one task to the next.

Celery's own fix-up closes it before and after each task. A new one costs Postgres some ten milliseconds of processor time and
knows no statement yet: it was two thirds of what a push cost the database.
"""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.fixups.django import DjangoFixup, DjangoWorkerFixup
from django.db import connections
from psycopg.pq import TransactionStatus

KEPT_S = 300
"""How long at most: what a connection has gathered in the server's memory goes with it."""


class WorkerFixup(DjangoWorkerFixup):  # type: ignore[misc]  # untyped
    """Celery's, but for the connections: those that work stay, and each is tried before a task's first question."""

    def on_worker_process_init(self, **kwargs: Any) -> None:
        """Leave the parent's connections to the parent, and keep one's own. A child has one thread."""
        super().on_worker_process_init(**kwargs)
        for settings in connections.settings.values():
            settings |= {"CONN_MAX_AGE": KEPT_S, "CONN_HEALTH_CHECKS": True}

    def on_task_prerun(self, sender: Any, **kwargs: Any) -> None:
        if not getattr(sender.request, "is_eager", False):
            close_what_does_not_work()

    def on_task_postrun(self, sender: Any, **kwargs: Any) -> None:
        if not getattr(sender.request, "is_eager", False):
            close_what_does_not_work()
            self.close_cache()


def close_what_does_not_work() -> None:
    """Close connections that failed or are too old; have the others tried before they are used again."""
    for connection in connections.all(initialized_only=True):
        if _is_torn(connection):
            # With all that Django knows of it: a block of its own may never have been left.
            connection.close()
            del connections[connection.alias]
        else:
            connection.close_if_unusable_or_obsolete()


def _is_torn(connection: Any) -> bool:
    """Tell whether a connection is in the middle of something: a task's time may end within a step of Django's own."""
    own = connection.connection
    if connection.in_atomic_block:
        return True
    if own is None or connection.vendor != "postgresql":
        return False
    return bool(own.autocommit != connection.autocommit or own.info.transaction_status != TransactionStatus.IDLE)


class Fixup(DjangoFixup):  # type: ignore[misc]  # untyped
    """Celery's, with the worker's part above. That is made when a worker asks for it: it reads the application's settings."""

    _worker_fixup: DjangoWorkerFixup | None

    @property
    def worker_fixup(self) -> DjangoWorkerFixup:
        self._worker_fixup = self._worker_fixup or WorkerFixup(self.app)
        return self._worker_fixup


def fixup(app: Celery) -> Fixup:
    """Return what Celery installs in place of its own ``celery.fixups.django:fixup``."""
    installed: Fixup = Fixup(app).install()
    return installed
