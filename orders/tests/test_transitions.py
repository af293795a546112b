"""The state machine, as a table."""

from __future__ import annotations

import itertools

import pytest

from orders.transitions import (
    BY_PERSON,
    RANK,
    InvalidTransitionError,
    move_by_person,
    move_by_platform,
    move_by_provider,
)
from providers.events import Status

S = Status
STEPS = {
    S.RECEIVED: {S.CONFIRMED, S.REJECTED, S.CANCELLED},
    S.CONFIRMED: {S.PREPARING, S.CANCELLED},
    S.PREPARING: {S.READY, S.CANCELLED},
    S.READY: {S.OUT_FOR_DELIVERY, S.CANCELLED},
    S.OUT_FOR_DELIVERY: {S.DELIVERED, S.CANCELLED},
    S.DELIVERED: set(),
    S.FAILED: set(),
    S.REJECTED: set(),
    S.CANCELLED: set(),
}
ORDER = [
    S.RECEIVED, S.CONFIRMED, S.PREPARING, S.READY, S.OUT_FOR_DELIVERY, S.DELIVERED, S.FAILED, S.REJECTED, S.CANCELLED,
]  # fmt: skip


@pytest.mark.parametrize(("current", "wanted"), list(itertools.product(S, S)), ids=str)
def test_person_takes_exactly_the_steps_of_the_table(current, wanted):
    if wanted is current or wanted in STEPS[current]:
        assert move_by_person(current, wanted) is wanted
        return
    with pytest.raises(InvalidTransitionError) as caught:
        move_by_person(current, wanted)
    assert set(caught.value.allowed) == STEPS[current]
    assert (caught.value.current, caught.value.wanted) == (current, wanted)


@pytest.mark.parametrize(("current", "named"), list(itertools.product(S, S)), ids=str)
def test_provider_moves_forward_and_never_back(current, named):
    assert move_by_provider(current, named) is ORDER[max(ORDER.index(current), ORDER.index(named))]


@pytest.mark.parametrize(("current", "wanted"), list(itertools.product(S, S)), ids=str)
def test_platform_moves_an_open_order_forward_and_a_finished_one_nowhere(current, wanted):
    after = ORDER[max(ORDER.index(current), ORDER.index(wanted))] if STEPS[current] else current
    assert move_by_platform(current, wanted) is after


def test_provider_that_names_no_status_moves_nothing():
    assert all(move_by_provider(status, None) is status for status in S)


def test_tables_name_every_status():
    assert set(RANK) == set(BY_PERSON) == set(S)
    assert sorted(RANK.values()) == list(range(len(S)))


def test_refusal_says_in_words_what_was_asked():
    with pytest.raises(InvalidTransitionError) as caught:
        move_by_person(S.READY, S.CONFIRMED)
    assert str(caught.value) == "An order that is ready cannot become confirmed."
