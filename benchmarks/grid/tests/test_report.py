"""The grid's section of the page: what it says, and that no other is touched."""

from __future__ import annotations

from benchmarks.grid.report import BEGIN, END, frames, section
from benchmarks.tables import Row

ROWS = [Row("first rows", "within 1,000 ms", "321 to 402 ms", True), Row("rows", "under 300", "312", False)]


def test_a_row_says_what_was_found_and_whether_it_holds():
    made = section(ROWS, 10_000, "Django 5.2")
    assert made.startswith(BEGIN)
    assert made.endswith(END)
    assert "| first rows | within 1,000 ms | 321 to 402 ms | holds |" in made
    assert "| rows | under 300 | 312 | does not hold |" in made
    assert "10,000 orders" in made


def test_frames_are_told_by_the_middle_one_and_the_longest():
    assert frames([16.0] * 98 + [17.0, 48.6]) == "median 16, p95 16, longest 49 ms"
