"""A clock that stands on a Wednesday, and a company that was there before: fixtures for the tests of the figures.

A test module takes them by name: ``here = wednesday.here``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.cache import cache

from integration.tests.factories import make_installation

NOW = datetime(2026, 3, 18, 12, 30, 20, tzinfo=UTC)
"""15:30 in Amman."""


@pytest.fixture(autouse=True)
def fresh_cache():
    cache.clear()


@pytest.fixture
def here():
    with time_machine.travel(NOW - timedelta(days=60), tick=False):
        return make_installation(menu=False)


@pytest.fixture
def now():
    """The moment before the clock's: what happens in this very moment is not in a span that ends with it."""
    with time_machine.travel(NOW, tick=False):
        yield NOW - timedelta(seconds=1)
