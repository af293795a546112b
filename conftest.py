"""What every test starts with. Keys and directories are set in ``restaurant_integration/testing.py``, before settings load."""

from __future__ import annotations

import gc
import sys
from collections import Counter

import pytest

LOOKS_IN_VAIN = 2
KEPT_TABLES = {"django_content_type", "auth_permission"}
"""What `migrate` writes into them, and nobody else."""


def pytest_addoption(parser):
    parser.addoption(
        "--only",
        choices=["database", "other"],
        help="Run the tests that a database or Redis may change, or all others.",
    )
    parser.addoption("--look-at", choices=["all", "servers"], default="all", help="What coverage looks at: with "
                     "`servers` only at what needs Postgres or Redis.")  # fmt: skip


def pytest_configure(config):
    from django.conf import settings
    from django.test import TransactionTestCase

    # The real hasher is slow on purpose; here it only costs time.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    TransactionTestCase._fixture_teardown = empty_tables
    measuring = sys.modules["coverage"].Coverage.current() if "coverage" in sys.modules else None
    if measuring is not None:
        config.pluginmanager.register(FirstCases(measuring, at_all=config.getoption("look_at") == "all"))


def empty_tables(test):
    """Delete what a test has committed.

    Django's own truncates every table, which on Postgres makes the files of all of them anew, and writes the permissions again.
    """
    from django.apps import apps
    from django.db import connection, transaction

    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True) if model._meta.managed}
    with connection.cursor() as cursor, transaction.atomic():
        # One question for all of them: most are empty.
        looks = (f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {table})" for table in sorted(tables - KEPT_TABLES))
        cursor.execute(" UNION ALL ".join(looks))
        filled = {table for (table,) in cursor.fetchall()}
        if connection.vendor == "postgresql" and "audit_entries" in filled:
            # Its entries cannot be deleted; no other table points to them.
            cursor.execute("TRUNCATE audit_entries")
            filled.remove("audit_entries")
        # In any order: foreign keys are looked at when the transaction ends.
        for table in filled:
            cursor.execute(f"DELETE FROM {table}")


class FirstCases:
    """Let coverage look at a test until cases in a row show it nothing new: each takes twice as long that it looks at."""

    def __init__(self, coverage, *, at_all):
        self.coverage, self.at_all, self.looks, self.in_vain = coverage, at_all, True, Counter()
        # It would go through all modules at each start, and warn of each.
        coverage._warn_preimported_source = False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item):
        test = item.nodeid.partition("[")[0]
        is_asked_for = self.at_all or any(item.get_closest_marker(name) for name in ("postgres", "redis"))
        looks = is_asked_for and self.in_vain[test] < LOOKS_IN_VAIN and item.get_closest_marker("repeats") is None
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


def pytest_collection_finish(session):
    # What stands now stays to the end: the collector need not go through thousands of tests and modules again and again.
    gc.collect()
    gc.freeze()


def uses_database(item):
    """Tell whether a test may come out otherwise on another database: it asks for one, or for a server of its own."""
    if item.get_closest_marker("any_database"):
        return False
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
