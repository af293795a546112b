"""The last day of an integration on its page: bars, and the hours as a table."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from integration.models import HealthSample
from integration.spark import days_of
from integration.tests.test_integration_pages import page, panel

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 4, 19, 7, tzinfo=UTC)


def noted(here, minutes_ago: int, status: str = "healthy", provider: str = "careem", **counts) -> None:
    HealthSample.objects.create(
        company=here.company,
        provider=provider,
        status=status,
        started_at=NOW - timedelta(minutes=minutes_ago),
        **counts,
    )


def shown(here, provider: str = "careem") -> str:
    with time_machine.travel(NOW, tick=False):
        return panel(page(here.client(here.staff)), provider)


def test_an_integration_of_which_nothing_is_known_says_so(amman, dubai):
    noted(dubai, 10, deliveries=3)
    html = shown(amman)
    assert "Nothing has been noted in the last 24 hours." in html
    assert "<svg" not in html


def test_the_day_is_told_in_words_and_drawn(amman):
    noted(amman, 10, "degraded", deliveries=30, deliveries_failed=3, calls=10, calls_failed=1, call_ms=1234.0)
    noted(amman, 600, deliveries=60)
    html = shown(amman)
    assert "4 % of 100 failed" in html
    assert "calls up to 1.2 s" in html
    assert html.count('<rect class="spark-bar"') == 2
    assert html.count('<rect class="spark-bad"') == 1
    assert html.count('<rect class="spark-degraded"') == html.count('<rect class="spark-healthy"') == 1
    assert html.count('<rect class="spark-unknown"') == 94


def test_the_hours_are_a_table_newest_first(amman):
    noted(amman, 10, "degraded", deliveries=30, deliveries_failed=3, calls=10, call_ms=80.4)
    noted(amman, 70, deliveries=5)
    rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", shown(amman))
    cells = [re.findall(r">([^<>]+)<", row) for row in rows]
    assert cells == [
        ["21:00", "partly", "30 ", "3 failed", "10", "80 ms"],
        ["20:00", "well", "5", "0", "–"],
    ]


def test_an_hour_begins_on_the_hour_and_a_bar_on_the_quarter(amman):
    noted(amman, 10, deliveries=1)
    day = days_of(amman.company, NOW)["careem"]
    assert [hour.start for hour in day.hours] == [NOW.replace(hour=18, minute=0)]
    assert [bar.x for bar in day.bars if bar.height] == [94 * 5]


@pytest.mark.parametrize(("failed", "share"), [(0, "0"), (1, "&lt;0.1"), (25, "0.5"), (5000, "100")])
def test_a_share_that_is_something_is_never_shown_as_nothing(amman, failed, share):
    noted(amman, 10, deliveries=5000, deliveries_failed=failed)
    assert f"{share} % of 5000 failed" in shown(amman)


def test_the_page_draws_without_styles_of_its_own(amman):
    noted(amman, 10, deliveries=1)
    assert 'style="' not in shown(amman)
