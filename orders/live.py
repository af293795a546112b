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
from collections import deque
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


FRAME_FIELDS = (
    "seq", "type", "status", "total", "item_count", "order__external_id", "order__provider", "order__currency",
    "order__customer_name",
)  # fmt: skip
"""What :func:`order_frame` reads, by its names in a query for entries."""


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
    """Hands messages to the channel layer on one loop, in order. Drops them when the layer is down or too slow.

    What waits for one group goes as one message: a delivery has two frames, and sending costs more than what is sent.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque()
        self._is_woken = False
        self._news = asyncio.Event()
        self._pid = 0
        self._broken_until = 0.0

    def use_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Send on this loop: the server's own, when everything lives in one process. Safe to call twice."""
        with self._lock:
            if self._loop is not loop or self._pid != os.getpid():
                self._start_on(loop)

    def send(self, group: str, message: dict[str, Any]) -> None:
        """Queue a message. Safe from any thread; after a fork the child starts a loop of its own."""
        if time.monotonic() < self._broken_until or len(self._waiting) >= MAX_PENDING:
            metrics.HINTS_DROPPED.add()
            return
        with self._lock:
            if self._loop is None or self._pid != os.getpid() or self._loop.is_closed():
                self._start_thread()
            self._waiting.append((group, message))
            # One wake for all that is queued before the loop looks.
            is_asleep, self._is_woken = not self._is_woken, True
            loop, news = self._loop, self._news
        if is_asleep and loop is not None:
            loop.call_soon_threadsafe(news.set)

    def _start_thread(self) -> None:
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, name="socket-hints", daemon=True).start()
        self._start_on(loop)

    def _start_on(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._waiting, self._pid = loop, deque(), os.getpid()
        self._news, self._is_woken = asyncio.Event(), False
        asyncio.run_coroutine_threadsafe(self._drain(self._waiting, self._news), loop)

    async def _drain(self, waiting: deque[tuple[str, dict[str, Any]]], news: asyncio.Event) -> None:
        layer = get_channel_layer()
        while True:
            await news.wait()
            news.clear()
            with self._lock:
                self._is_woken = False
                taken = list(waiting)
                waiting.clear()
            by_group: dict[str, list[dict[str, Any]]] = {}
            for group, message in taken:
                by_group.setdefault(group, []).append(message)
            for group, messages in by_group.items():
                await self._send_together(layer, group, messages)

    async def _send_together(self, layer: Any, group: str, messages: list[dict[str, Any]]) -> None:
        if time.monotonic() < self._broken_until:
            metrics.HINTS_DROPPED.add(by=len(messages))
            return
        message = messages[0] if len(messages) == 1 else {"type": "frames", "messages": messages}
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await layer.group_send(group, message)
        except Exception as error:
            self._broken_until = time.monotonic() + BREAK_S
            metrics.HINTS_DROPPED.add(by=len(messages))
            logger.warning("Live updates are off for %.0f s: %s", BREAK_S, type(error).__name__)


hints = Hints()
