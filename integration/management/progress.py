"""How far a long command has come, on one line now and then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

EVERY_S = 2.0


class Progress:
    """Says how much of a table is done, at most every two seconds; a short run says nothing."""

    def __init__(self, out: Any, clock: Callable[[], float]) -> None:
        self._out, self._clock = out, clock
        self._next = clock() + EVERY_S

    def tell(self, table: str, done: int, of: int) -> None:
        """Say it, where it is time."""
        now = self._clock()
        if now >= self._next:
            self._next = now + EVERY_S
            self._out.write(f"{table}: {done} of {of} ({done * 100 // max(of, 1)} %)")
