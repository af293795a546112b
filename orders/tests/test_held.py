"""What open pages share: counted once for a version, and for a moment across versions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.cache import cache

from orders.held import held

NOW = datetime(2026, 3, 18, 12, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fresh_cache():
    cache.clear()


class Count:
    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return self.calls


def at(seconds):
    return time_machine.travel(NOW + timedelta(seconds=seconds), tick=False)


def test_the_same_version_is_counted_once():
    count = Count()
    with at(0):
        held("key", 1, count, hold_s=5)
    with at(60):
        found = held("key", 1, count, hold_s=5)
    assert (found.version, found.value, count.calls) == (1, 1, 1)


def test_a_newer_version_waits_until_the_last_count_is_old_enough():
    count = Count()
    with at(0):
        held("key", 1, count, hold_s=5)
    with at(4):
        early = held("key", 2, count, hold_s=5)
    with at(5):
        late = held("key", 2, count, hold_s=5)
    assert [(found.version, found.value) for found in (early, late)] == [(1, 1), (2, 2)]


def test_while_one_counts_the_others_get_what_there_was():
    inner = []

    def count():
        inner.append(held("key", 2, Count(), hold_s=5))
        return "counted"

    with at(0):
        held("key", 1, lambda: "before", hold_s=5)
    with at(60):
        assert held("key", 2, count, hold_s=5).value == "counted"
    assert [(found.version, found.value) for found in inner] == [(1, "before")]


def test_a_count_that_fails_leaves_the_next_one_free():
    def fail():
        raise ValueError

    with at(0):
        held("key", 1, lambda: "before", hold_s=5)
    with at(60):
        with pytest.raises(ValueError):  # noqa: PT011
            held("key", 2, fail, hold_s=5)
        assert held("key", 2, lambda: "after", hold_s=5).value == "after"


def test_who_counts_beside_another_leaves_the_others_mark():
    """The first counts for so long that what there was is forgotten, and a second one has to count as well."""
    third = Count()

    def first():
        cache.delete("key")
        assert held("key", 2, lambda: "second", hold_s=0).value == "second"
        # The first is still at it, so that a third takes what there is.
        assert held("key", 3, third, hold_s=0).value == "second"
        return "first"

    held("key", 1, lambda: "before", hold_s=0)
    assert held("key", 2, first, hold_s=0).value == "first"
    assert third.calls == 0
    assert held("key", 3, third, hold_s=0).value == 1


def test_who_was_given_up_leaves_the_mark_of_the_next():
    fourth = Count()

    def slow():
        cache.set("key:busy", "another's", 10)
        return "slow"

    held("key", 1, lambda: "before", hold_s=0)
    held("key", 2, slow, hold_s=0)
    assert held("key", 3, fourth, hold_s=0).value == "slow"
    assert fourth.calls == 0


def test_one_key_is_not_anothers():
    held("key", 1, lambda: "one", hold_s=5)
    assert held("other", 1, lambda: "other", hold_s=5).value == "other"


def test_with_sharing_off_everybody_counts(settings):
    settings.DASHBOARD_CACHE = False
    count = Count()
    for _ in range(2):
        held("key", 1, count, hold_s=5)
    assert count.calls == 2
