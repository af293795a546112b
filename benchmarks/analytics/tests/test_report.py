"""The section of the analytics: what it says."""

from __future__ import annotations

from benchmarks.analytics.report import Row, section


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
