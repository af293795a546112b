"""Counting calls in a window of time: one atomic increment in Redis, in this process where there is none.

A limit protects; it is not the truth about anything. So a Redis that is down or hung never fails a call: the process counts
for itself until it is back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

REDIS_TIMEOUT_S = 0.25
BREAK_S = 5.0
MOST_HERE = 10_000
"""So many keys of this process, and what is over is looked for; four times as many, and all are forgotten."""
TIDY_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Window:
    """At most ``count`` calls in ``seconds``."""

    count: int
    seconds: int


class Counters:
    """Fixed windows by key."""

    def __init__(self, url: str = "") -> None:
        self._url = url
        self._broken_until = 0.0
        self._lock = threading.Lock()
        self._local: dict[str, tuple[float, int]] = {}
        self._tidy_at = 0.0

    @cached_property
    def _redis(self) -> Redis | None:
        if not self._url:
            return None
        # With the first call: a command counts none.
        from redis import Redis

        return Redis.from_url(
            self._url,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
            retry=None,
            retry_on_error=[],
        )

    def exceeded(self, key: str, windows: Sequence[Window]) -> int:
        """Count one call in every window; return 0, or after how many seconds the exceeded window ends."""
        now = time.time()
        return self._wait_s(windows, self._count(self._names(key, windows, now), windows, now), now)

    def exceeded_here(self, key: str, windows: Sequence[Window]) -> int:
        """Do the same for this process alone: for a loop, which must not wait, before it asks for more."""
        now = time.time()
        names = [f"here:{name}" for name in self._names(key, windows, now)]
        counts = [self._count_here(name, now + w.seconds, now) for name, w in zip(names, windows, strict=True)]
        return self._wait_s(windows, counts, now)

    @staticmethod
    def _names(key: str, windows: Sequence[Window], now: float) -> list[str]:
        return [f"calls:{key}:{w.seconds}:{int(now // w.seconds)}" for w in windows]

    @staticmethod
    def _wait_s(windows: Sequence[Window], counts: Sequence[int], now: float) -> int:
        pairs = zip(windows, counts, strict=True)
        return max((int(w.seconds - now % w.seconds) + 1 for w, count in pairs if count > w.count), default=0)

    def _count(self, names: list[str], windows: Sequence[Window], now: float) -> list[int]:
        if self._redis is not None and time.monotonic() >= self._broken_until:
            from redis import RedisError

            try:
                pipe = self._redis.pipeline(transaction=False)
                for name, window in zip(names, windows, strict=True):
                    pipe.incr(name)
                    pipe.expire(name, window.seconds + 1)
                return [int(count) for count in pipe.execute()[::2]]
            except RedisError as error:
                self._broken_until = time.monotonic() + BREAK_S
                logger.warning("Counting calls in this process for %.0f s: %s", BREAK_S, type(error).__name__)
        return [self._count_here(name, now + window.seconds, now) for name, window in zip(names, windows, strict=True)]

    def _count_here(self, name: str, until: float, now: float) -> int:
        with self._lock:
            if len(self._local) >= MOST_HERE and now >= self._tidy_at:
                self._tidy(now)
            count = self._local.get(name, (until, 0))[1] + 1
            self._local[name] = (until, count)
            return count

    def _tidy(self, now: float) -> None:
        """Forget what is over; all of it where too much is not, since counting must not become the load."""
        self._tidy_at = now + TIDY_EVERY_S
        self._local = {key: entry for key, entry in self._local.items() if entry[0] > now}
        if len(self._local) >= MOST_HERE * 4:
            self._local.clear()

    def forget(self) -> None:
        """Start all windows of this process anew."""
        with self._lock:
            self._local.clear()


counters = Counters(settings.REDIS_URL)
