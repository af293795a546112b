"""The tables of docs/performance.md: what was measured, on what, and a section's place between its own two marks."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs/performance.md"


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured, what it has to be, and whether it is. A row without a goal only tells."""

    what: str
    goal: str
    found: str
    holds: bool

    @property
    def verdict(self) -> str:
        if not self.goal:
            return ""
        return "holds" if self.holds else "does not hold"


def rows_of(rows: Sequence[Row]) -> list[str]:
    """Return the lines of a table."""
    return [
        "| what | goal | found | |",
        "|---|---|---|---|",
        *(f"| {row.what} | {row.goal} | {row.found} | {row.verdict} |" for row in rows),
    ]


def p95(values: Sequence[float]) -> float:
    """Return the ninety-fifth of a hundred values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]


def machine() -> str:
    """Return what the figures were measured on."""
    try:
        cpu = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        cpu = None
    name = cpu[1] if cpu else platform.machine()
    return f"{os.cpu_count()} cores of {name}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def put(text: str, made: str, begin: str, end: str) -> str:
    """Return the page with the section in the place of its former self, at the end where there was none."""
    if begin in text and end in text:
        before, rest = text.split(begin, 1)
        return before + made + rest.split(end, 1)[1]
    return f"{text.rstrip()}\n\n{made}\n"


def write(made: str, begin: str, end: str) -> None:
    """Put a section between its marks on the page."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else "# Performance\n"
    PAGE.write_text(put(text, made, begin, end), encoding="utf-8")
