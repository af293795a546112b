"""Counting in this process, where Redis is not asked or not there."""

from __future__ import annotations

import time_machine

from orders import counters as module
from orders.counters import Counters, Window

PER_MINUTE = [Window(1, 60)]


def test_what_is_over_is_forgotten_once_there_is_much(monkeypatch):
    monkeypatch.setattr(module, "MOST_HERE", 3)
    counters = Counters()
    with time_machine.travel(1_000_000_020, tick=False) as clock:
        for name in "abc":
            counters.exceeded_here(name, PER_MINUTE)
        clock.shift(61)
        counters.exceeded_here("d", PER_MINUTE)
        assert len(counters._local) == 1


def test_what_still_counts_stays_while_there_is_room(monkeypatch):
    monkeypatch.setattr(module, "MOST_HERE", 3)
    counters = Counters()
    with time_machine.travel(1_000_000_020, tick=False) as clock:
        for number in range(11):
            clock.shift(2)
            assert counters.exceeded_here(str(number), PER_MINUTE) == 0
        assert counters.exceeded_here("0", PER_MINUTE) > 0


def test_more_keys_than_can_be_kept_are_all_forgotten(monkeypatch):
    monkeypatch.setattr(module, "MOST_HERE", 3)
    counters = Counters()
    with time_machine.travel(1_000_000_020, tick=False) as clock:
        for number in range(100):
            clock.shift(0.1)
            counters.exceeded_here(str(number), [Window(1, 3600)])
        assert len(counters._local) < 3 * 4 + 10 + 1


def test_looking_for_what_is_over_happens_once_a_second(monkeypatch):
    monkeypatch.setattr(module, "MOST_HERE", 3)
    counters = Counters()
    tidied = []
    monkeypatch.setattr(counters, "_tidy", lambda now: (tidied.append(now), setattr(counters, "_tidy_at", now + 1)))
    with time_machine.travel(1_000_000_020, tick=False) as clock:
        for number in range(40):
            clock.shift(0.1)
            counters.exceeded_here(str(number), PER_MINUTE)
    assert len(tidied) == 4
