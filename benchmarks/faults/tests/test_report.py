"""The table keeps what was not played again, in the order of the scenarios."""

from __future__ import annotations

import itertools
from datetime import timedelta
from types import SimpleNamespace

from benchmarks.faults import __main__ as faults
from benchmarks.faults import report


def played(name: str, *faults: str):
    return SimpleNamespace(name=name, faults=list(faults), not_judged=[], notes={"lost": "0"})


def rows(page) -> list[str]:
    return [line for line in page.read_text().splitlines() if line.startswith("| `")]


def test_a_row_is_written_for_each_run_and_others_stay(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\n{report.END}\nafter\n")
    report.write_table([played("web-killed")], page)
    report.write_table([played("healthy", "a figure")], page)
    first, second = rows(page)
    assert first.startswith("| `healthy` | nothing breaks | FAIL ")
    assert second.startswith("| `web-killed` | ")
    assert second.endswith(" | lost 0 |")
    assert page.read_text().startswith("before\n")
    assert page.read_text().endswith("after\n")


def test_what_passed_on_a_day_is_known_from_the_table(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"{report.BEGIN}\n{report.END}\n")
    report.write_table([played("web-killed"), played("healthy", "a figure")], page)
    assert report.passed_on(report.today(), page) == {"web-killed"}
    assert report.passed_on(report.today() - timedelta(days=1), page) == set()


def test_a_run_with_a_fault_fails():
    assert [report.verdict(played("healthy")), report.verdict(played("healthy", "x"))] == ["PASS", "FAIL"]


def test_a_socket_is_left_alone_only_beside_what_touches_no_socket():
    played_before = list(itertools.takewhile(lambda name: name != "socket-idle", faults.SCENARIOS))
    assert {name.split("-")[0] for name in played_before} == {"postgres", "redis"}
