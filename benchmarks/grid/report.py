"""The grid's section of docs/performance.md."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.tables import Row, machine, p95, rows_of

BEGIN, END = "<!-- grid: written by python -m benchmarks.grid -->", "<!-- grid: end -->"


def frames(times_ms: Sequence[float]) -> str:
    """Return frame times in words: the middle one, the ninety-fifth of a hundred, the longest."""
    return f"median {statistics.median(times_ms):.0f}, p95 {p95(times_ms):.0f}, longest {max(times_ms):.0f} ms"


def section(rows: Sequence[Row], orders: int, versions: str) -> str:
    """Return the section as Markdown."""
    lines = [
        "## The grid with many orders",
        "",
        f"`.venv/bin/python -m benchmarks.grid --write` makes {orders:,} orders in a company of a private installation (one"
        " process, SQLite), looks at them in headless Chromium without a graphics card, on the machine that also serves them,"
        " and writes the table here. Frames are the times between two drawings of the browser; 17 ms is its usual pace.",
        "",
        f"{machine()}; {versions}.",
        "",
        *rows_of(rows),
    ]
    return "\n".join([BEGIN, *lines, END])
