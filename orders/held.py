"""What many open pages ask for at once: counted by one of them, and good for all for a moment."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.conf import settings
from django.core.cache import cache

KEEP_S = 600
BUSY_S = 10
"""Whoever counts for longer than this is given up, and another may count."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Held(Generic[T]):
    """A value and the version of what it was counted from."""

    version: Hashable
    counted_at: float
    """In seconds since 1970."""
    value: T


def held(key: str, version: Hashable, count: Callable[[], T], *, hold_s: float) -> Held[T]:
    """Return the value that was counted for ``version``, or one of an earlier version that is younger than ``hold_s``.

    While one caller counts, the others get what there was; only where there is nothing yet do they count as well. With
    DASHBOARD_CACHE off everybody counts, every time.
    """
    if not settings.DASHBOARD_CACHE:
        return Held(version, time.time(), count())
    found: Held[T] | None = cache.get(key)
    if found is not None and (found.version == version or abs(time.time() - found.counted_at) < hold_s):
        return found
    busy, mine = f"{key}:busy", secrets.token_hex(8)
    if not cache.add(busy, mine, BUSY_S) and found is not None:
        return found
    try:
        made = Held(version, time.time(), count())
        cache.set(key, made, KEEP_S)
        return made
    finally:
        # Another's mark stays: of somebody who counts as well, or began when this one was given up.
        if cache.get(busy) == mine:
            cache.delete(busy)
