"""The analytics in a real browser: the chart draws the table's own numbers, and the form asks for others."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

DRAWN = "code => document.getElementById('analytics-chart').dataset.drawn === code"


def test_the_chart_draws_what_is_chosen_and_a_pointer_reads_it(open_page, server):
    server.manage("send_sample", "careem")
    page = open_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{server.url}/analytics/?groupBy=provider")
    page.wait_for_function(DRAWN, arg="orders")
    first = page.locator("#figures-table tbody tr").first
    name, orders = first.locator("th").inner_text(), first.locator("td").first.inner_text()

    chart = page.locator("#analytics-chart .u-over").bounding_box()
    page.mouse.move(chart["x"] + chart["width"] / 8, chart["y"] + chart["height"] / 2)

    page.wait_for_function(
        "([name, value]) => document.getElementById('analytics-at').textContent === name"
        " && document.getElementById('analytics-value').textContent === value",
        arg=[name, orders],
    )
    page.locator("#analytics-metric").select_option(label="Deliveries")
    page.wait_for_function(DRAWN, arg="deliveries")
    page.reload()
    page.wait_for_function(DRAWN, arg="deliveries")


def test_days_are_named_where_they_are_chosen(open_page, server):
    page = open_page(viewport={"width": 390, "height": 844})
    page.goto(f"{server.url}/analytics/")
    assert page.locator("input[name=from]").is_hidden()

    page.locator("#analytics-period").select_option("days")
    page.locator("input[name=from]").fill("2026-01-05")
    page.locator("input[name=to]").fill("2026-01-06")
    page.get_by_role("button", name="Show").click()

    page.wait_for_url("**period=days**")
    page.locator("#figures-table tbody tr").nth(1).wait_for()
    assert page.locator("#figures-table tbody th").all_inner_texts() == ["Tue 6 Jan 2026", "Mon 5 Jan 2026"]
    assert page.evaluate("document.documentElement.scrollWidth") == 390
