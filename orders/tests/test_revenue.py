"""The chart of the revenue: by hand, and the same as the API's."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.core.cache import cache

from integration.tests.factories import make_installation
from orders.models import Branch, Company, Membership
from orders.revenue import PERIODS
from orders.tests.test_analytics import chart, make_order
from providers.events import Status

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 10, 25, 10, 30, tzinfo=UTC)
"""11:30 in Paris, on the day on which 02:00 to 03:00 comes twice."""


@pytest.fixture(autouse=True)
def _fresh_cache():
    cache.clear()


@pytest.fixture
def paris():
    """A company whose day begins at 02:30, in the hour that comes twice in autumn."""
    with time_machine.travel(NOW - timedelta(days=120), tick=False):
        here = make_installation(menu=False)
    Company.objects.filter(pk=here.company.pk).update(time_zone="Europe/Paris", business_day_cutoff=time(2, 30))
    here.company.refresh_from_db()
    with time_machine.travel(NOW, tick=False):
        yield here


def revenue(here, user=None, **query):
    response = here.client(user).get("/dashboard/revenue/", query)
    assert response.status_code == 200, response.content
    return response.json()


def line(body, currency=0, number=0):
    points = [point["key"] for point in body["points"]]
    return {key: value for key, value in zip(points, body["currencies"][currency]["lines"][number]["values"], strict=True)
            if Decimal(value)}  # fmt: skip


def sell_around_the_change(here):
    make_order(here, datetime(2026, 10, 25, 0, 20, tzinfo=UTC), total="1.111")  # 02:20 in summer: still the 24th
    make_order(here, datetime(2026, 10, 25, 0, 40, tzinfo=UTC), total="2.222")  # 02:40 in summer: the 25th
    make_order(here, datetime(2026, 10, 25, 1, 40, tzinfo=UTC), total="4.444")  # 02:40 in winter
    make_order(here, datetime(2026, 10, 25, 9, 59, tzinfo=UTC), total="8.888", provider="jahez")
    make_order(here, datetime(2026, 10, 24, 0, 29, tzinfo=UTC), total="16.000")  # before the cut-off of the 24th


def test_hours_of_the_day_on_which_the_clock_goes_back(paris):
    sell_around_the_change(paris)
    body = revenue(paris, by="hour")
    assert line(body) == {
        "2026-10-25T00:00:00Z": "2.222",
        "2026-10-25T01:00:00Z": "4.444",
        "2026-10-25T09:00:00Z": "8.888",
    }
    assert [point["label"] for point in body["points"]][:3] == ["02:00", "02:00", "03:00"]
    assert body["currencies"][0]["total"] == "15.554"


def test_days_begin_at_the_cut_off_also_when_the_clock_goes_back(paris):
    sell_around_the_change(paris)
    assert line(revenue(paris, by="day")) == {
        "2026-10-23": "16.000",
        "2026-10-24": "1.111",
        "2026-10-25": "15.554",
    }


def test_weeks_and_months(paris):
    sell_around_the_change(paris)
    make_order(paris, datetime(2026, 8, 31, 12, tzinfo=UTC), total="100.5")
    assert line(revenue(paris, by="week")) == {"2026-08-31": "100.500", "2026-10-19": "32.665"}
    assert line(revenue(paris, by="month")) == {"2026-08": "100.500", "2026-10": "32.665"}


def test_every_amount_is_the_apis(paris):
    sell_around_the_change(paris)
    make_order(paris, NOW - timedelta(days=20), total="7.5", currency="SAR")
    make_order(paris, NOW - timedelta(days=1), total="3.25", status=Status.CANCELLED)
    make_order(paris, NOW - timedelta(days=1), total="3.25", is_test=True)
    for by, period in PERIODS.items():
        ours = revenue(paris, by=by)
        theirs = chart(paris, metric="revenue", groupBy=by, period=period)
        assert [(each["currency"], each["total"]) for each in ours["currencies"]] == [
            (series["currency"], series["total"]) for series in theirs["series"]
        ]
        for mine, series in zip(ours["currencies"], theirs["series"], strict=True):
            told = [(point["key"], point["value"]) for point in series["points"]]
            assert list(zip([p["key"] for p in ours["points"]], mine["lines"][0]["values"], strict=True)) == told


def test_lines_by_provider_add_up_to_the_apis(paris):
    sell_around_the_change(paris)
    body = revenue(paris, by="day", split="provider")
    theirs = chart(paris, metric="revenue", groupBy="provider", period="month")["series"][0]["points"]
    lines = [(each["key"], each["total"]) for each in body["currencies"][0]["lines"]]
    assert lines == [(point["key"], point["value"]) for point in theirs]
    assert lines == [("careem", "23.777"), ("talabat", "0.000"), ("deliveroo", "0.000"), ("jahez", "8.888")]


def test_two_currencies_are_never_added_up(paris):
    make_order(paris, NOW - timedelta(hours=1), total="10.5")
    make_order(paris, NOW - timedelta(hours=1), total="7", currency="SAR")
    found = [(each["currency"], each["digits"], each["total"]) for each in revenue(paris)["currencies"]]
    assert found == [("JOD", 3, "10.500"), ("SAR", 2, "7.00")]


def test_nothing_sold_is_a_line_of_zeros_in_the_companys_currency(paris):
    (only,) = revenue(paris)["currencies"]
    assert (only["currency"], only["total"], set(only["lines"][0]["values"])) == ("JOD", "0.000", {"0.000"})


def test_one_provider_or_one_branch(paris):
    second = Branch.objects.create(company=paris.company, name="Second")
    make_order(paris, NOW - timedelta(hours=1), total="1", provider="jahez", branch=second)
    make_order(paris, NOW - timedelta(hours=1), total="2", provider="jahez")
    make_order(paris, NOW - timedelta(hours=1), total="4")
    assert revenue(paris, provider="jahez")["currencies"][0]["total"] == "3.000"
    assert revenue(paris, provider="jahez", branch=str(second.id))["currencies"][0]["total"] == "1.000"
    by_branch = revenue(paris, split="branch")["currencies"][0]["lines"]
    assert [(each["name"], each["total"]) for each in by_branch] == [("Main", "6.000"), ("Second", "1.000")]


def test_of_many_branches_the_smallest_are_one_line(paris):
    for number in range(8):
        branch = Branch.objects.create(company=paris.company, name=f"Branch {number}")
        make_order(paris, NOW - timedelta(hours=1), total=str(number + 1), branch=branch)
    lines = revenue(paris, split="branch")["currencies"][0]["lines"]
    assert [(each["name"], each["total"]) for each in lines] == [
        *[(f"Branch {number}", f"{number + 1}.000") for number in (3, 4, 5, 6, 7)],
        ("4 others", "6.000"),
    ]


def test_what_is_not_known_counts_as_not_said(paris):
    make_order(paris, NOW - timedelta(hours=1), total="4")
    odd = revenue(paris, by="century", split="moon", provider="nobody", branch="x")
    assert (odd["by"], odd["split"], odd["currencies"][0]["total"]) == ("hour", "", "4.000")


def test_a_member_of_one_branch_sees_its_revenue_alone(paris):
    second = Branch.objects.create(company=paris.company, name="Second")
    Membership.objects.filter(user=paris.staff).update(is_limited=True)
    Membership.objects.get(user=paris.staff).branches.set([second])
    make_order(paris, NOW - timedelta(hours=1), total="1", branch=second)
    make_order(paris, NOW - timedelta(hours=1), total="2")
    assert revenue(paris)["currencies"][0]["total"] == "3.000"
    mine = revenue(paris, paris.staff, split="branch", branch=str(paris.branch.id))
    assert [(each["name"], each["total"]) for each in mine["currencies"][0]["lines"]] == [("Second", "1.000")]


def test_another_companys_revenue_is_not_ours(paris):
    other = make_installation("other-grill", menu=False)
    make_order(paris, NOW - timedelta(hours=1))
    assert revenue(other)["currencies"][0]["total"] == "0.000"
    assert other.client().get(f"/dashboard/revenue/?company={paris.company.id}").status_code == 404


def test_the_same_chart_is_counted_once_and_answered_304(paris, django_assert_num_queries):
    client = paris.client()
    etag = client.get("/dashboard/revenue/").headers["ETag"]
    # Session, user, membership, the number.
    with django_assert_num_queries(4):
        response = client.get("/dashboard/revenue/", headers={"If-None-Match": etag})
    assert (response.status_code, response.content) == (304, b"")


def test_the_chart_wants_a_sign_in(client):
    assert client.get("/dashboard/revenue/", headers={"X-Fragment": "1"}).status_code == 401
