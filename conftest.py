"""What every test starts with. Keys and directories are set in ``restaurant_integration/testing.py``, before settings load."""

from __future__ import annotations

import sys
from collections import Counter

import pytest

LOOKS_IN_VAIN = 2


def pytest_addoption(parser):
    parser.addoption(
        "--only", choices=["database", "other"], help="Run the tests that use the database or Redis, or all others."
    )


def pytest_configure(config):
    from django.conf import settings

    # The real hasher is slow on purpose; here it only costs time.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    measuring = sys.modules["coverage"].Coverage.current() if "coverage" in sys.modules else None
    if measuring is not None:
        config.pluginmanager.register(FirstCases(measuring))


class FirstCases:
    """Let coverage look at a test until cases in a row show it nothing new: each takes twice as long that it looks at."""

    def __init__(self, coverage):
        self.coverage, self.looks, self.in_vain = coverage, True, Counter()
        # It would go through all modules at each start, and warn of each.
        coverage._warn_preimported_source = False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item):
        test = item.nodeid.partition("[")[0]
        looks = self.in_vain[test] < LOOKS_IN_VAIN and item.get_closest_marker("repeats") is None
        if looks != self.looks:
            (self.coverage.start if looks else self.coverage.stop)()
            self.looks = looks
        before = self.seen()
        ran = yield
        if looks:
            self.in_vain[test] = 0 if self.seen() > before else self.in_vain[test] + 1
        return ran

    def seen(self):
        return sum(len(ways) for ways in self.coverage._collector.data.values())


def pytest_collection_modifyitems(config, items):
    # Playwright leaves its event loop running in this thread: what wants one of its own has to come before.
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
    only = config.getoption("only")
    if only is None:
        return
    chosen = [item for item in items if uses_database(item) == (only == "database")]
    config.hook.pytest_deselected(items=[item for item in items if uses_database(item) != (only == "database")])
    items[:] = chosen


def uses_database(item):
    """Tell whether a test may come out otherwise on another database: it asks for one, or for a server of its own."""
    asks = any(item.get_closest_marker(name) for name in ("django_db", "postgres", "redis"))
    return asks or not {"db", "transactional_db"}.isdisjoint(item.fixturenames)


@pytest.fixture(autouse=True)
def _fresh_counters():
    """Count calls in this process, from nothing: a window of an earlier test must not end in this one."""
    from orders.counters import counters

    shared, counters._redis = counters._redis, None
    counters.forget()
    yield
    counters._redis = shared
