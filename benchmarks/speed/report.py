"""The results: a file of each benchmark, its lines on the screen, and the table in docs/performance.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.faults.proxy import ROOT
from benchmarks.speed.registry import BENCHMARKS, Benchmark, Figure, Outcome, with_unit

PAGE = ROOT / "docs" / "performance.md"
KEPT = ROOT / "docs" / "performance"
"""What the page's table is made of."""
TRIED = ROOT / "var" / "performance"
"""Where every other run leaves its result."""
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
HEAD = (
    "| benchmark and figure | wanted | measured | earlier system | |\n"
    "|---|---|---|---|---|"
)  # fmt: skip
NOT_MEASURED = "not measured yet"


def result_of(
    benchmark: Benchmark, outcome: Outcome, command: str, facts: Mapping[str, str], took_s: float
) -> dict[str, Any]:
    """Return what is kept of a run."""
    return {
        "benchmark": benchmark.name,
        "says": benchmark.says,
        "command": command,
        "passed": passed(benchmark, outcome),
        "values": {name: round(value, 4) for name, value in outcome.values.items()},
        "notes": outcome.notes,
        "faults": outcome.faults,
        "took_s": round(took_s),
        "machine": dict(facts),
        "histograms": outcome.histograms,
    }


def passed(benchmark: Benchmark, outcome: Outcome) -> bool:
    """Tell whether every figure is there and as it has to be, and nothing else went wrong."""
    return not outcome.faults and all(
        figure.key in outcome.values and figure.holds(outcome.values[figure.key]) for figure in benchmark.figures
    )


def write_result(result: Mapping[str, Any], folder: Path) -> Path:
    """Write a result as JSON; return where."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result['benchmark']}.json"
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def lines(benchmark: Benchmark, outcome: Outcome, took_s: float) -> str:
    """Return a run for the screen: its verdict, its figures, what did not hold, its notes."""
    first = f"{'PASS' if passed(benchmark, outcome) else 'FAIL'}  {benchmark.name}  {took_s:.0f} s"
    figures = [
        f"      {figure.says}: {_value(figure, outcome.values)} (wanted {figure.wanted}) {_verdict(figure, outcome.values)}"
        for figure in benchmark.figures
    ]
    faults = [f"      - {fault}" for fault in outcome.faults[:12]]
    notes = [f"      {name}: {value}" for name, value in outcome.notes.items()]
    return "\n".join([first, *figures, *faults, *notes])


def _value(figure: Figure, values: Mapping[str, float]) -> str:
    return with_unit(values[figure.key], figure.unit) if figure.key in values else NOT_MEASURED


def _verdict(figure: Figure, values: Mapping[str, float]) -> str:
    if figure.key not in values or figure.limit is None:
        return ""
    return "PASS" if figure.holds(values[figure.key]) else "FAIL"


def table(results: Mapping[str, Mapping[str, Any]], benchmarks: Iterable[Benchmark]) -> str:
    """Return the table and below it, for each benchmark that was measured, with what, when and on which machine."""
    rows, below = [HEAD], []
    for benchmark in benchmarks:
        result = results.get(benchmark.name)
        values: Mapping[str, float] = result["values"] if result else {}
        for figure in benchmark.figures:
            rows.append(
                f"| `{benchmark.name}`: {figure.says} | {figure.wanted} | {_value(figure, values)} | {figure.earlier}"
                f" | {_verdict(figure, values)} |"
            )
        if result:
            below.append(_describe(result))
    return "\n".join([*rows, "", *below]).rstrip()


def _describe(result: Mapping[str, Any]) -> str:
    """Return how a benchmark was measured, as one item of a list."""
    machine = ", ".join(f"{name} {value}" for name, value in result["machine"].items())
    notes = "; ".join(f"{name}: {value}" for name, value in result["notes"].items())
    faults = "".join(f" **{fault}**." for fault in result["faults"])
    return f"* `{result['benchmark']}` ({result['says']}): `{result['command']}`.{faults} {notes}. Machine: {machine}."


def read_results(folder: Path = KEPT) -> dict[str, dict[str, Any]]:
    """Return the results that are kept, by benchmark."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def write_table(page: Path = PAGE, folder: Path = KEPT) -> None:
    """Put every benchmark into the page's table, with the results that are kept."""
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    made = table(read_results(folder), BENCHMARKS.values())
    page.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{after}", encoding="utf-8")
