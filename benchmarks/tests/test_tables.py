"""The tables of the page of performance: a row's verdict, and a section's place."""

from __future__ import annotations

from benchmarks.tables import Row, p95, put, rows_of

BEGIN, END = "<!-- mine -->", "<!-- mine: end -->"


def test_a_row_is_judged_where_it_has_a_goal():
    rows = [Row("a", "under 9", "8", True), Row("b", "under 9", "9", False), Row("c", "", "3", True)]

    assert rows_of(rows)[2:] == [
        "| a | under 9 | 8 | holds |",
        "| b | under 9 | 9 | does not hold |",
        "| c |  | 3 |  |",
    ]


def test_the_section_is_put_at_the_end_and_then_replaced_where_it_stands():
    page = "# Performance\n\n## Other\n\nfigures\n"
    first = put(page, f"{BEGIN}\nold\n{END}", BEGIN, END)

    assert first == f"# Performance\n\n## Other\n\nfigures\n\n{BEGIN}\nold\n{END}\n"
    assert put(f"{first}\n## Later\n", f"{BEGIN}\nnew\n{END}", BEGIN, END) == f"{first}\n## Later\n".replace(
        "old", "new"
    )


def test_the_ninety_fifth_of_a_hundred():
    assert [p95(values) for values in ([3.0], [float(each) for each in range(100)])] == [3.0, 95.0]
