"""The day beside the day a week ago, as text."""

from __future__ import annotations

import pytest

from orders.comparison import Change, Figure, counters, minutes, percent


def day(orders=0, rate=None, acceptance=None, **revenue):
    amounts = [{"currency": currency, "amount": amount} for currency, amount in revenue.items()]
    return {"orders": orders, "cancellationRate": rate, "averageAcceptanceSeconds": acceptance, "revenue": amounts}


def figures(today, before, code):
    found = counters({"today": today, "lastWeek": before, "currency": "JOD"})
    return next(counter.figures for counter in found if counter.code == code)


def test_more_orders_are_better():
    assert figures(day(1250), day(1000), "orders") == [Figure("1,250", "1,000", Change("up", "25 %", True))]


def test_without_orders_a_week_ago_there_is_no_share():
    assert figures(day(3), day(0), "orders") == [Figure("3", "0", None)]


def test_each_currency_is_compared_with_itself_and_the_companys_own_stands_first():
    found = figures(day(JOD="10.500", AED="1250.00"), day(JOD="21.000", SAR="7.00"), "revenue")
    assert found == [
        Figure("10.500", "21.000", Change("down", "50 %", False), "JOD"),
        Figure("1,250.00", "", None, "AED"),
        Figure("0.00", "7.00", Change("down", "100 %", False), "SAR"),
    ]


def test_no_revenue_at_all_is_nothing_of_the_companys_currency():
    assert figures(day(), day(), "revenue") == [Figure("0.000", "", None, "JOD")]


def test_accepting_faster_is_better():
    found = figures(day(acceptance=61.4), day(acceptance=125.0), "acceptance")
    assert found == [Figure("1:01", "2:05", Change("down", "1:04", True))]


def test_more_cancellations_are_worse_and_told_in_points():
    found = figures(day(rate=0.125), day(rate=0.02), "cancellations")
    assert found == [Figure("12.5 %", "2.0 %", Change("up", "10.5 points", False))]


def test_the_same_is_neither_better_nor_worse():
    assert figures(day(7), day(7), "orders")[0].change == Change("same", "0 %", None)


@pytest.mark.parametrize(("seconds", "text"), [(None, ""), (0, "0:00"), (59.6, "1:00"), (3_725, "62:05")])
def test_seconds_as_minutes(seconds, text):
    assert minutes(seconds) == text


@pytest.mark.parametrize(("share", "text"), [(None, ""), (0.0, "0.0 %"), (0.9849, "98.5 %"), (1.0, "100.0 %")])
def test_a_share_as_percent(share, text):
    assert percent(share) == text
