"""How much of the processor something takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def quickest(do: Callable[[int], Any], enough_s: float, tries: int) -> tuple[float, Any]:
    """Do it until a try takes this thread less processor time than ``enough_s``, at most so often; each knows its number.

    Return the least time in seconds and the last answer. The quickest counts: what the machine does besides only ever adds.
    """
    spent: list[float] = []
    while not spent or (min(spent) >= enough_s and len(spent) < tries):
        started = time.thread_time()
        answer = do(len(spent))
        spent.append(time.thread_time() - started)
    return min(spent), answer
