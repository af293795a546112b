"""Schedules, with their reasons."""

from __future__ import annotations

import random
from datetime import timedelta

INBOUND_DELAYS_S = (10, 20, 40, 80, 160)
"""A new order's retries end within six minutes: providers cancel an unanswered order after five to eleven."""
MOST_TRIES = 12
"""Twice as many as there are when each says how it ended. A process that ends in the middle of one says nothing."""
JITTER = 0.2
WORK_LEASE_S = 45
"""How long whoever claimed a delivery may work on it before the sweep takes it back: longer than a request or a task lasts,
and short enough that what a crash left behind has come to its end within a minute."""
PULLED_TO_S = 15
"""The longest that anything waits once a database or a broker that was away is back."""
LEASE_S = 60
"""The same for a push, which may wait for a provider."""
PARKED_ALERT_AFTER_S = 600


def next_delay(attempts: int) -> timedelta | None:
    """Return how long to wait after so many attempts, shortened by up to a fifth at random; None when it is over."""
    if attempts > len(INBOUND_DELAYS_S):
        return None
    # Spreads retries; nothing secret depends on it.
    return timedelta(seconds=INBOUND_DELAYS_S[max(0, attempts - 1)] * (1 - JITTER * random.random()))  # noqa: S311


PUSH_DELAY_S, PUSH_MAX_DELAY_S = 10, 7_200
FORWARD_MAX_DELAY_S = 300
"""What a hub forwards is an order that somebody waits for: a platform that is back must not wait for hours."""
NOTICE_MAX_DELAY_S = 3_600
"""An alert that a channel does not take: people can still be told an hour later, and nobody gains by trying more often."""
PUSH_GIVES_UP_AFTER = timedelta(hours=24)
"""A status that is a day old helps nobody; most are useless long before, when the order has moved on or ended."""


def push_delay(attempts: int, longest_s: int = PUSH_MAX_DELAY_S) -> timedelta:
    """Return how long to wait before a push is tried again: 10, 20, 40 … s, doubling to ``longest_s``, shortened at random."""
    base = min(PUSH_DELAY_S * 2 ** max(0, min(attempts, 30) - 1), longest_s)
    return timedelta(seconds=base * (1 - JITTER * random.random()))  # noqa: S311
