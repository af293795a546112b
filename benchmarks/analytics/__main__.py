"""Measures the analytics with a year of 1,000 orders a day on Postgres: writing the roll-ups, and every table over the year.

``DATABASE_URL=postgres://… python -m benchmarks.analytics [--orders N] [--write]``: a database of its own beside the one
that is named, made and dropped again. ``--write`` puts the table into docs/performance.md. Ends with 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import base64
import os
import secrets
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.analytics.report import BEGIN, END, Row, section
from benchmarks.tables import write

ORDERS = 365_000
CALLS = 40
GOAL_MS = 300
NAME = "bench_analytics"


@contextmanager
def database(url: str) -> Iterator[str]:
    """Make an empty database beside another; yield its URL, and drop it in the end."""
    import psycopg

    own = urllib.parse.urlsplit(url)._replace(path=f"/{NAME}").geturl()
    server = urllib.parse.urlsplit(url)._replace(path="/postgres").geturl()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {NAME}")
        try:
            yield own
        finally:
            connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")


def load(url: str, orders: int) -> tuple[str, str]:
    """Make a company with a year of orders; return its token and its id."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.test.utils import setup_test_environment

    setup_test_environment()  # the clients of this process are let in
    call_command("migrate", verbosity=0)
    from benchmarks.speed.million import SHARES, Loader
    from integration.tests.factories import make_installation

    company = make_installation("year-of-orders")
    for number, provider in enumerate(("careem", "talabat", "deliveroo", "jahez")):
        answer = company.send(provider, external_id=f"pattern-{number}")
        if answer.status_code != 200:
            raise SystemExit(f"{provider} was answered {answer.status_code}: {answer.content[:300]!r}")
    # All eight shares of the loader are this company's.
    Loader(url, [str(company.company.id)] * len(SHARES), orders).load()
    return company.token(), str(company.company.id)


def timed(call: Callable[[], object], times: int = CALLS) -> list[float]:
    """Return how long each call took, in ms, the first one left out: it fills caches that stay."""
    call()
    found = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        found.append((time.perf_counter() - started) * 1_000)
    return found


def measure(token: str, days: int) -> list[Row]:
    """Return a row for each table over the year, asked through the whole program but for the wire."""
    from django.test import Client

    from integration.garbage import look_seldom

    look_seldom()  # as every process that serves
    client = Client(headers={"Authorization": f"Token {token}"})

    def ask(path: str) -> Callable[[], object]:
        def call() -> object:
            response = client.get(path)
            if response.status_code != 200:
                raise SystemExit(f"{path} was answered {response.status_code}: {response.content[:300]!r}")
            return response

        return call

    paths = {
        **{f"figures by {group}": f"figures?period=year&groupBy={group}"
           for group in ("day", "month", "hour", "provider", "branch")},
        "reasons": "reasons?period=year", "errors, beside the year before": "errors?period=year",
        "products": "products?period=year", "unmapped items": "unmapped?period=year",
        "figures by day as CSV": "figures.csv?period=year&groupBy=day",
    }  # fmt: skip
    rows = [Row.of(what, timed(ask(f"/api/analytics/{path}")), GOAL_MS) for what, path in paths.items()]
    chart = timed(ask("/api/analytics?metric=revenue&groupBy=day&period=quarter"))
    return [*rows, Row.of("`GET /api/analytics`, a quarter by day", chart, GOAL_MS)]


def main() -> int:
    """Measure, print, and where it is asked for write; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.analytics", description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS, help="how many orders of the last 365 days")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith(("postgres://", "postgresql://")):
        parser.error("DATABASE_URL has to name a database on Postgres")
    with database(url) as own:
        os.environ |= {
            "DATABASE_URL": own,
            "DJANGO_SETTINGS_MODULE": "restaurant_integration.settings",
            "WEBHOOK_RATE_LIMIT": "off",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "CREDENTIAL_ENCRYPTION_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        }
        token, _company = load(own, options.orders)
        from django.conf import settings
        from django.db import connections

        from integration.rollup import roll_up
        from orders.models import CountRollup, OrderRollup

        settings.API_RATE_LIMIT_PER_MINUTE = 10**9
        started = time.perf_counter()
        days = roll_up(budget_s=3_600)
        each = (time.perf_counter() - started) * 1_000 / max(1, days)
        kept = OrderRollup.objects.count() + CountRollup.objects.count()
        rows = [Row("counting a day", "", f"{each:.0f} ms, {days} days", True), *measure(token, days)]
        connections.close_all()
    made = section(rows, options.orders, kept, CALLS)
    print(made)
    if options.write:
        write(made, BEGIN, END)
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
