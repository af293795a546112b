"""Reading the metrics of this process and of the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from integration.views.metrics import DATABASE
from orders.metrics import REGISTRY


def value(name: str, **labels: str) -> float:
    """Return a sample, 0 where nothing has counted yet."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def gauge(name: str, **labels: str) -> float | None:
    """Return what the database says of a gauge, None where it says nothing."""
    return DATABASE.get_sample_value(name, labels)


@contextmanager
def moves(name: str, by: float = 1, **labels: str) -> Iterator[None]:
    """Check that the block moves a metric by exactly so much."""
    before = value(name, **labels)
    yield
    assert value(name, **labels) - before == by


def names() -> set[str]:
    """Return every metric that ``/metrics`` tells, without the endings that its kind adds."""
    return {family.name for registry in (REGISTRY, DATABASE) for family in registry.collect()}
