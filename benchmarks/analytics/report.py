"""The section of docs/performance.md about the analytics: between two marks of its own."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks import tables
from benchmarks.tables import machine, p95, rows_of

BEGIN, END = "<!-- analytics: written by python -m benchmarks.analytics -->", "<!-- analytics: end -->"


class Row(tables.Row):
    """A row of answer times, too."""

    @classmethod
    def of(cls, what: str, times_ms: Sequence[float], goal_ms: float) -> Row:
        """Return the row of some answer times, whose 95th of a hundred has to be under a goal."""
        most = p95(times_ms)
        found = f"median {statistics.median(times_ms):.0f}, p95 {most:.0f} ms"
        return cls(what, f"p95 under {goal_ms:.0f} ms", found, most < goal_ms)


def section(rows: Sequence[Row], orders: int, kept: int, calls: int) -> str:
    """Return the section as Markdown."""
    lines = [
        "## A year of analytics",
        "",
        f"`DATABASE_URL=postgres://… .venv/bin/python -m benchmarks.analytics --write` makes {orders:,} orders of the last 365"
        f" days in one company, with three deliveries each, lets the task count them ({kept:,} rows are kept), asks for every"
        f" table over the whole year {calls} times one after the other, through the whole program but for the wire, and"
        " writes the table here. Today is counted from its raw rows each time; nothing is cached.",
        "",
        f"{machine()}.",
        "",
        *rows_of(rows),
    ]
    return "\n".join([BEGIN, *lines, END])
