"""The only state machine: who may move an order from where to where."""

from __future__ import annotations

from providers.events import Status

RANK: dict[Status, int] = {
    status: rank
    for rank, status in enumerate(
        (
            Status.RECEIVED,
            Status.CONFIRMED,
            Status.PREPARING,
            Status.READY,
            Status.OUT_FOR_DELIVERY,
            Status.DELIVERED,
            Status.FAILED,
            Status.REJECTED,
            Status.CANCELLED,
        )
    )
}
"""What a provider says converges whatever order it comes in, because the highest rank that it has named counts."""

CALLED_OFF = frozenset({Status.CANCELLED, Status.REJECTED, Status.FAILED})
"""Ends at which nobody eats."""

BY_PERSON: dict[Status, tuple[Status, ...]] = {
    Status.RECEIVED: (Status.CONFIRMED, Status.REJECTED, Status.CANCELLED),
    Status.CONFIRMED: (Status.PREPARING, Status.CANCELLED),
    Status.PREPARING: (Status.READY, Status.CANCELLED),
    Status.READY: (Status.OUT_FOR_DELIVERY, Status.CANCELLED),
    Status.OUT_FOR_DELIVERY: (Status.DELIVERED, Status.CANCELLED),
    Status.DELIVERED: (),
    Status.FAILED: (),
    Status.REJECTED: (),
    Status.CANCELLED: (),
}
"""A person moves one step at a time; a finished order stays as it is."""


class InvalidTransitionError(Exception):
    """A person asked for a step that the order cannot take; ``allowed`` are those that it can."""

    def __init__(self, current: Status, wanted: Status) -> None:
        self.current, self.wanted, self.allowed = current, wanted, BY_PERSON[current]
        super().__init__(f"An order that is {current.value} cannot become {wanted.value}.")


def move_by_provider(current: Status, named: Status | None) -> Status:
    """Return the status after a provider named one: it may jump forward, never back."""
    return named if named is not None and RANK[named] > RANK[current] else current


def move_by_person(current: Status, wanted: Status) -> Status:
    """Return the status after a person's step; naming the present one changes nothing. Raises InvalidTransitionError."""
    if wanted is not current and wanted not in BY_PERSON[current]:
        raise InvalidTransitionError(current, wanted)
    return wanted


def move_by_platform(current: Status, wanted: Status) -> Status:
    """Return the status after the platform behind a hub named one: people's steps, of which the hub may have missed some.

    So it may jump forward, never back, and a finished order stays as it is.
    """
    return current if not BY_PERSON[current] else move_by_provider(current, wanted)
