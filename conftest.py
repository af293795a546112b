"""What every test starts with. Keys and directories are set in ``restaurant_integration/testing.py``, before settings load."""

from __future__ import annotations

import pytest


def pytest_configure(config):
    from django.conf import settings

    # The real hasher is slow on purpose; here it only costs time.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_collection_modifyitems(items):
    # Playwright leaves its event loop running in this thread: what wants one of its own has to come before.
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(autouse=True)
def _fresh_counters():
    """Count calls in this process, from nothing: a window of an earlier test must not end in this one."""
    from orders.counters import counters

    shared, counters._redis = counters._redis, None
    counters.forget()
    yield
    counters._redis = shared
