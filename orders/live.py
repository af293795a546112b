"""What goes to the sockets: hints, after the commit, best effort and bounded.

The database is the truth: a frame that is lost is found again by its number, through ``/api/orders/changes``. A frame leaves
through one long-lived loop per process, because a loop per request costs more than the request; with the in-memory
layer it is daphne's own loop, since a send from another loop wakes nobody.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
import uuid
from typing import Any

from channels.layers import get_channel_layer
from django.db import transaction

from orders import metrics
from orders.models import Order, OrderEvent

logger = logging.getLogger(__name__)

MAX_PENDING = 2_000
SEND_TIMEOUT_S = 2.0
BREAK_S = 5.0
"""How long no hint is tried after one failed."""


def group_name(company_id: uuid.UUID | str) -> str:
    """Return the channel group of a company; made from our id, never from a client's text."""
    return f"company_{uuid.UUID(str(company_id)).hex}"


def order_frame(order: Order, entry: OrderEvent) -> dict[str, Any]:
    """Return the socket frame of an order's event; ``/api/orders/changes`` answers the same."""
    kind = entry.type.replace(".", "_")
    return {
        "type": kind,
        "seq": entry.seq,
        "orderId": str(order.id),
        "externalOrderId": order.external_id,
        "status": entry.status,
        "provider": order.provider,
        "eventType": kind,
        "currency": order.currency,
        "orderData": {
            "customerName": order.customer_name,
            "total": float(entry.total),
            "items": entry.item_count,
        },
    }


def announce_order(order: Order, entry: OrderEvent) -> None:
    """Send the frame of an order's event to its company once the transaction is committed."""
    branch_id = str(order.branch_id) if order.branch_id else None
    frame = order_frame(order, entry)
    announce(order.company_id, frame, branch_id=branch_id)


def announce(company_id: uuid.UUID, frame: dict[str, Any], *, branch_id: str | None = None) -> None:
    """Send a frame to a company's sockets after the commit. Never raises, never waits."""

    def send() -> None:
        hints.send(group_name(company_id), {"type": "frame", "frame": frame, "branch": branch_id, "at": time.time()})

    transaction.on_commit(send, robust=True)


class Hints:
    """Hands messages to the channel layer on one loop, in order. Drops them when the layer is down or too slow."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: asyncio.Queue[tuple[str, dict[str, Any]]] | None = None
        self._pid = 0
        self._broken_until = 0.0
        self._pending = 0

    def use_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Send on this loop: the server's own, when everything lives in one process. Safe to call twice."""
        with self._lock:
            if self._loop is not loop or self._pid != os.getpid():
                self._start_on(loop)

    def send(self, group: str, message: dict[str, Any]) -> None:
        """Queue a message. Safe from any thread; after a fork the child starts a loop of its own."""
        if time.monotonic() < self._broken_until or self._pending >= MAX_PENDING:
            metrics.HINTS_DROPPED.add()
            return
        with self._lock:
            if self._loop is None or self._pid != os.getpid() or self._loop.is_closed():
                self._start_thread()
            loop, queue = self._loop, self._queue
            self._pending += 1
        if loop is not None and queue is not None:
            loop.call_soon_threadsafe(queue.put_nowait, (group, message))

    def _start_thread(self) -> None:
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, name="socket-hints", daemon=True).start()
        self._start_on(loop)

    def _start_on(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._queue, self._pid, self._pending = loop, asyncio.Queue(), os.getpid(), 0
        asyncio.run_coroutine_threadsafe(self._drain(self._queue), loop)

    async def _drain(self, queue: asyncio.Queue[tuple[str, dict[str, Any]]]) -> None:
        layer = get_channel_layer()
        while True:
            group, message = await queue.get()
            self._pending = max(0, self._pending - 1)
            if time.monotonic() < self._broken_until:
                metrics.HINTS_DROPPED.add()
                continue
            try:
                await asyncio.wait_for(layer.group_send(group, message), SEND_TIMEOUT_S)
            except Exception as error:
                self._broken_until = time.monotonic() + BREAK_S
                metrics.HINTS_DROPPED.add()
                logger.warning("Live updates are off for %.0f s: %s", BREAK_S, type(error).__name__)


hints = Hints()
