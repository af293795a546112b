"""The lines of a run, and the table in docs/reliability.md."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

from benchmarks.faults.proxy import ROOT
from benchmarks.faults.run import Run
from benchmarks.faults.scenarios import SCENARIOS

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
HEAD = "| scenario | what breaks | result | figures |\n|---|---|---|---|"
_NAME = re.compile(r"\| `([a-z-]+)` \|")
_PASSED = re.compile(r"\| PASS (\d{4}-\d\d-\d\d)")


def today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def passed_on(day: datetime.date, page: Path = PAGE) -> set[str]:
    """Return the scenarios that passed on a day, as the page's table says."""
    table = page.read_text(encoding="utf-8").split(BEGIN, 1)[1].split(END, 1)[0]
    rows = ((_NAME.match(row), _PASSED.search(row)) for row in table.splitlines())
    return {name[1] for name, passed in rows if name and passed and passed[1] == day.isoformat()}


def line(run: Run, took_s: float) -> str:
    """Return a scenario's line, and below it what did not hold."""
    notes = ", ".join(f"{name} {value}" for name, value in run.notes.items())
    first = f"{verdict(run)}  {run.name:<22} {took_s:4.0f} s  {notes}"
    slow = [f"      (not judged: {what})" for what in run.not_judged]
    return "\n".join([first, *(f"      - {fault}" for fault in run.faults[:12]), *slow])


def verdict(run: Run) -> str:
    return "FAIL" if run.faults else "PASS"


def write_table(runs: list[Run], page: Path = PAGE) -> None:
    """Put the runs into the page's table; scenarios that were not played keep their row."""
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN, 1)
    table, after = rest.split(END, 1)
    rows = {match[1]: row for row in table.splitlines() if (match := _NAME.match(row))}
    for run in runs:
        figures = "; ".join(f"{name} {value}" for name, value in run.notes.items())
        failed = "".join(
            f"<br>{fault}" for fault in [*run.faults[:3], *(f"speed not judged: {w}" for w in run.not_judged)]
        )
        rows[run.name] = (
            f"| `{run.name}` | {SCENARIOS[run.name].says} | {verdict(run)} {today()}{failed} | {figures} |".replace(
                "\n", " "
            )
        )
    ordered = [rows[name] for name in SCENARIOS if name in rows]
    page.write_text(before + "\n".join([BEGIN, "", HEAD, *ordered, "", END]) + after, encoding="utf-8")
