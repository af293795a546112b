"""How many deliveries a process works at once. What comes beyond that is stored all the same, and worked a moment later.

A rush that is answered in the order of its coming is answered too late: senders give up, send again, and double it. So a
delivery that would have to wait long is only stored, and answered as ``queued``: that takes a quarter of the time.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

WAIT_S = 2.0
"""How long a delivery waits for its place: by far less than any provider waits for an answer."""


class Admission:
    """Places in which deliveries are worked, given in the order of asking. ``queue`` is how many may wait for one."""

    def __init__(self, places: int, queue: int) -> None:
        self._lock = threading.Lock()
        self._free = places
        self._queue = queue
        self._waiting: deque[threading.Lock] = deque()

    @contextmanager
    def ask(self, wait_s: float = WAIT_S) -> Iterator[bool]:
        """Hold a place; without one, because too many wait or the wait was too long, the value is False."""
        has_place = self._enter(wait_s)
        try:
            yield has_place
        finally:
            if has_place:
                self._leave()

    def _enter(self, wait_s: float) -> bool:
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            if len(self._waiting) >= self._queue:
                return False
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        if turn.acquire(timeout=wait_s):
            return True
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return False
        return True  # the place came in the last moment

    def _leave(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1


admission = Admission(settings.WEBHOOK_PLACES, settings.WEBHOOK_QUEUE)
