"""The table says what was measured, and what was not."""

from __future__ import annotations

import json

import pytest

from benchmarks.speed import __main__ as speed
from benchmarks.speed import report
from benchmarks.speed.registry import BENCHMARKS, Benchmark, Figure, Options, Outcome, with_unit


async def nothing(options: Options) -> Outcome:
    return Outcome()


QUICK = Benchmark(
    "quick", "how quick", (Figure("p99", "p99", "ms", 50, earlier="400 ms"), Figure("rate", "rate", "/s", 100, "at least")),
    nothing, seconds=60, rate=20, count=0, within_s=60,
)  # fmt: skip
MACHINE = {"processor": "2 cores", "commit": "abc"}


def kept(folder, **values: float):
    outcome = Outcome(values=values, notes={"requests": "1,200"})
    result = report.result_of(QUICK, outcome, "python -m benchmarks.speed quick --write", MACHINE, 61.2)
    return report.write_result(result, folder)


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| `")]


def test_what_was_not_measured_says_so():
    assert rows(report.table({}, [QUICK])) == [
        "| `quick`: p99 | ≤ 50 ms | not measured yet | 400 ms |  |",
        "| `quick`: rate | ≥ 100 /s | not measured yet |  |  |",
    ]


def test_a_measured_figure_stands_beside_what_is_wanted_and_what_was(tmp_path):
    kept(tmp_path, p99=12.345, rate=99)
    text = report.table(report.read_results(tmp_path), [QUICK])
    assert rows(text) == [
        "| `quick`: p99 | ≤ 50 ms | 12.3 ms | 400 ms | PASS |",
        "| `quick`: rate | ≥ 100 /s | 99 /s |  | FAIL |",
    ]
    assert text.endswith(
        "* `quick` (how quick): `python -m benchmarks.speed quick --write`. requests: 1,200."
        " Machine: processor 2 cores, commit abc."
    )


def test_a_result_is_kept_as_json(tmp_path):
    path = kept(tmp_path, p99=12.34567, rate=200)
    result = json.loads(path.read_text())
    assert path.name == "quick.json"
    assert result["values"] == {"p99": 12.3457, "rate": 200}
    assert result["passed"] is True
    assert result["machine"] == MACHINE


@pytest.mark.parametrize(
    ("values", "faults", "expected"),
    [({"p99": 50, "rate": 100}, [], True), ({"p99": 51, "rate": 100}, [], False), ({"p99": 50}, [], False),
     ({"p99": 50, "rate": 100}, ["1 acknowledged orders are lost"], False)],
)  # fmt: skip
def test_a_run_passes_with_every_figure_and_nothing_wrong(values, faults, expected):
    assert report.passed(QUICK, Outcome(values=values, faults=faults)) is expected


def test_only_the_part_between_the_markers_is_written(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write_table(page, tmp_path)
    report.write_table(page, tmp_path)
    text = page.read_text()
    assert text.startswith(f"before\n{report.BEGIN}\n\n| ")
    assert text.endswith(f"\n\n{report.END}\nafter\n")
    assert "old" not in text
    assert len(rows(text)) == sum(len(benchmark.figures) for benchmark in BENCHMARKS.values())


def test_the_page_has_the_table_that_the_kept_results_make():
    text = report.PAGE.read_text()
    between = text.split(report.BEGIN)[1].split(report.END)[0]
    assert between.strip() == report.table(report.read_results(), BENCHMARKS.values())


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1234.4, "/s", "1,234 /s"),
        (0.4, "", "0.40"),
        (0, "", "0"),
        (9.876, "ms", "9.88 ms"),
        (45.67, "ms", "45.7 ms"),
        (5, "%", "5%"),
    ],
)
def test_a_figure_is_written_as_a_person_reads_it(value, unit, text):
    assert with_unit(value, unit) == text


# -- what goes into the table ------------------------------------------------------------------------------------------


def test_a_short_run_goes_into_no_table():
    assert speed.why_not_kept(QUICK, Options(60, 20, 0), 0.02) == ""
    assert "full size" in speed.why_not_kept(QUICK, Options(10, 20, 0), 0.02)
    assert "busy" in speed.why_not_kept(QUICK, Options(60, 20, 0), 0.5)


def test_the_command_line_changes_the_size_and_nothing_else():
    asked = speed.parse(["burst", "--count", "50"])
    burst = BENCHMARKS["burst"]
    assert asked.options(burst) == Options(burst.seconds, burst.rate, 50)
    assert asked.command("burst") == "python -m benchmarks.speed burst --count 50"


@pytest.mark.parametrize("arguments", [["nothing"], ["burst", "--seconds", "4000"], ["burst", "--rate", "5000"]])
def test_what_is_unknown_or_without_bounds_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        speed.parse(arguments)
    assert ended.value.code == 2
    assert "no benchmark is called nothing" in (said := capsys.readouterr().err) or "at most" in said


def test_what_takes_an_hour_is_played_only_by_its_name():
    assert not {"million", "memory", "servers"} & set(speed.parse([]).names)
    assert speed.parse(["memory"]).names == ["memory"]
