"""A hint to a worker that there is something to do, such as an order's push: without ever waiting for the broker.

A hint that is lost costs a few seconds: the sweeper, or the task's next round, finds the row.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from django.db import transaction

from orders.logs import following, request_id_var

logger = logging.getLogger(__name__)

MAX_PENDING = 1_000
BREAK_S = 10.0


class Nudger:
    """Publishes on a thread of its own: a broker that accepts and then says nothing holds nobody else.

    ``find_task`` returns the task; it is asked late, because the tasks import what hints at them.
    """

    def __init__(self, find_task: Callable[[], Any]) -> None:
        self._find_task = find_task
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[tuple[uuid.UUID, str]] = queue.SimpleQueue()
        self._pid = 0
        self._broken_until = 0.0

    def send(self, row_id: uuid.UUID) -> None:
        """Queue a hint. Never raises, never waits; after a fork the child has a thread of its own."""
        if time.monotonic() < self._broken_until or self._queue.qsize() >= MAX_PENDING:
            return
        with self._lock:
            if self._pid != os.getpid():
                self._queue, self._pid = queue.SimpleQueue(), os.getpid()
                threading.Thread(target=self._run, args=(self._queue,), name="push-nudge", daemon=True).start()
        self._queue.put((row_id, request_id_var.get()))

    def _run(self, waiting: queue.SimpleQueue[tuple[uuid.UUID, str]]) -> None:
        task = self._find_task()
        while True:
            row_id, request_id = waiting.get()
            if time.monotonic() < self._broken_until:
                continue
            try:
                with following(request_id):
                    task.apply_async(args=(str(row_id),), retry=False)
            except Exception as error:
                self._broken_until = time.monotonic() + BREAK_S
                logger.warning("The broker takes no tasks; they are found later: %s", type(error).__name__)


def _push_order() -> Any:
    from integration.tasks import push_order

    return push_order


nudger = Nudger(_push_order)


def nudge(order_id: uuid.UUID) -> None:
    """Hint, once the transaction is committed, that an order has something to be sent."""

    def send() -> None:
        nudger.send(order_id)

    transaction.on_commit(send, robust=True)
