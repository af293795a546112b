"""The grid's section of docs/performance.md: its own, between two marks, so that every other one stays as it is."""

from __future__ import annotations

import os
import platform
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/performance.md"
BEGIN, END = "<!-- grid: written by python -m benchmarks.grid -->", "<!-- grid: end -->"


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured, what it has to be, and whether it is."""

    what: str
    goal: str
    found: str
    holds: bool


def frames(times_ms: Sequence[float]) -> str:
    """Return frame times in words: the middle one, the ninety-fifth of a hundred, the longest."""
    ordered = sorted(times_ms)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"median {statistics.median(ordered):.0f}, p95 {p95:.0f}, longest {ordered[-1]:.0f} ms"


def machine() -> str:
    """Return what the figures were measured on."""
    try:
        cpu = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        cpu = None
    name = cpu[1] if cpu else platform.machine()
    return f"{os.cpu_count()} cores of {name}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


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
        "| what | goal | found | |",
        "|---|---|---|---|",
        *(f"| {row.what} | {row.goal} | {row.found} | {'holds' if row.holds else 'does not hold'} |" for row in rows),
    ]
    return "\n".join([BEGIN, *lines, END])


def put(text: str, made: str, begin: str = BEGIN, end: str = END) -> str:
    """Return the page with the section in the place of its former self, at the end where there was none."""
    if begin in text and end in text:
        before, rest = text.split(begin, 1)
        return before + made + rest.split(end, 1)[1]
    return f"{text.rstrip()}\n\n{made}\n"


def write(made: str, begin: str = BEGIN, end: str = END) -> None:
    """Put a section between its marks on the page."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else "# Performance\n"
    PAGE.write_text(put(text, made, begin, end), encoding="utf-8")
