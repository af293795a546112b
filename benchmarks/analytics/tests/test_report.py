"""The section of the analytics: what it says, and that no other is touched."""

from __future__ import annotations

from benchmarks.analytics.report import BEGIN, END, Row, section
from benchmarks.grid.report import put


def test_a_row_is_judged_by_its_p95():
    slow = [10.0] * 18 + [400.0, 500.0]

    assert Row.of("figures", [10.0] * 40, 300) == Row("figures", "p95 under 300 ms", "median 10, p95 10 ms", True)
    assert Row.of("figures", slow, 300) == Row("figures", "p95 under 300 ms", "median 10, p95 500 ms", False)


def test_the_section_says_what_was_measured():
    rows = [
        Row("counting a day", "", "80 ms, 365 days", True),
        Row("reasons", "p95 under 300 ms", "median 9, p95 310 ms", False),
    ]

    made = section(rows, 365_000, 12_345, 40)

    assert "makes 365,000 orders" in made
    assert "| counting a day |  | 80 ms, 365 days |  |" in made
    assert "| reasons | p95 under 300 ms | median 9, p95 310 ms | does not hold |" in made


def test_the_section_stands_beside_the_others():
    page = "# Performance\n\n## Other\n"
    first = put(page, f"{BEGIN}\nold\n{END}", BEGIN, END)

    assert first == f"# Performance\n\n## Other\n\n{BEGIN}\nold\n{END}\n"
    assert put(first, f"{BEGIN}\nnew\n{END}", BEGIN, END) == first.replace("old", "new")
