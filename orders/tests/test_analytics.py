"""The figures: whose day it is, what counts, and that currencies are never added up."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.test import Client

from integration.tests.factories import make_installation
from orders.business_day import business_date, day_span, day_start, hour_start, week_start
from orders.models import Branch, Company, Membership, Order, OrderEvent
from orders.tests import wednesday
from providers.events import Status

pytestmark = pytest.mark.django_db
NOW = wednesday.NOW
fresh_cache, here, now = wednesday.fresh_cache, wednesday.here, wednesday.now


def make_order(here, received_at, *, total="10", accepted_after_s=None, **fields):
    number = Order.objects.count() + 1
    order = Order.objects.create(
        id=f"00000000-0000-4000-8000-{number:012}",
        company=here.company,
        provider=fields.pop("provider", "careem"),
        external_id=str(number),
        branch=fields.pop("branch", here.branch),
        total=Decimal(total),
        currency=fields.pop("currency", "JOD"),
        placed_at=received_at,
        received_at=received_at,
        created_at=received_at + timedelta(milliseconds=20),
        updated_at=received_at,
        **fields,
    )
    if accepted_after_s is not None:
        at = received_at + timedelta(seconds=accepted_after_s)
        OrderEvent.objects.create(
            company=here.company, order=order, type="order.updated", status=Status.CONFIRMED,
            previous_status=Status.RECEIVED, source="person", total=order.total, occurred_at=at, created_at=at,
        )  # fmt: skip
    return order


def api(here, user=None):
    return Client(headers={"Authorization": f"Token {here.token(user)}"})


def chart(here, user=None, **query):
    response = api(here, user).get("/api/analytics", query)
    assert response.status_code == 200, response.content
    return response.json()


def values(body, series=0):
    return {point["key"]: point["value"] for point in body["series"][series]["points"]}


def dashboard(here, user=None, **query):
    response = api(here, user).get("/api/dashboard", query)
    assert response.status_code == 200, response.content
    return response.json()


# -- the business day --------------------------------------------------------------------------------------------------


def company(zone="Asia/Amman", cutoff=time(0)):
    return Company(time_zone=zone, business_day_cutoff=cutoff)


@pytest.mark.parametrize(
    ("zone", "cutoff", "moment", "expected"),
    [
        ("Asia/Amman", time(0), datetime(2026, 3, 17, 20, 59, tzinfo=UTC), date(2026, 3, 17)),
        ("Asia/Amman", time(0), datetime(2026, 3, 17, 21, 0, tzinfo=UTC), date(2026, 3, 18)),
        ("Asia/Amman", time(4), datetime(2026, 3, 18, 0, 59, tzinfo=UTC), date(2026, 3, 17)),
        ("Asia/Amman", time(4), datetime(2026, 3, 18, 1, 0, tzinfo=UTC), date(2026, 3, 18)),
        ("Europe/Paris", time(2, 30), datetime(2026, 10, 25, 0, 29, tzinfo=UTC), date(2026, 10, 24)),
        ("Europe/Paris", time(2, 30), datetime(2026, 10, 25, 1, 10, tzinfo=UTC), date(2026, 10, 25)),
        ("Europe/Paris", time(2, 30), datetime(2026, 3, 29, 1, 29, tzinfo=UTC), date(2026, 3, 28)),
        ("Europe/Paris", time(2, 30), datetime(2026, 3, 29, 1, 30, tzinfo=UTC), date(2026, 3, 29)),
        ("Africa/Cairo", time(0), datetime(2026, 4, 24, 20, 59, tzinfo=UTC), date(2026, 4, 24)),
    ],
)
def test_the_day_of_a_moment(zone, cutoff, moment, expected):
    assert business_date(company(zone, cutoff), moment) == expected


def test_a_day_of_the_clock_change_is_shorter_or_longer():
    paris = company("Europe/Paris")

    assert day_span(paris, date(2026, 3, 29)).until - day_span(paris, date(2026, 3, 29)).since == timedelta(hours=23)
    assert day_span(paris, date(2026, 10, 25)).until - day_span(paris, date(2026, 10, 25)).since == timedelta(hours=25)


def test_a_day_begins_at_its_cut_off():
    assert day_start(company(cutoff=time(4, 30)), date(2026, 3, 18)) == datetime(2026, 3, 18, 1, 30, tzinfo=UTC)


def test_a_week_begins_on_monday():
    assert week_start(date(2026, 3, 18)) == date(2026, 3, 16)


def test_an_hour_is_the_clocks_own():
    moment = datetime(2026, 3, 18, 12, 10, 5, tzinfo=UTC)

    assert hour_start(company("Asia/Kolkata"), moment) == datetime(2026, 3, 18, 11, 30, tzinfo=UTC)


# -- charts ------------------------------------------------------------------------------------------------------------


def test_orders_by_day(here, now):
    make_order(here, now)
    make_order(here, now - timedelta(hours=15, minutes=31))
    make_order(here, now - timedelta(days=6))
    make_order(here, now - timedelta(days=7))

    body = chart(here)

    assert body == {
        "metric": "orders",
        "groupBy": "day",
        "period": "week",
        "unit": "orders",
        "timeZone": "Asia/Amman",
        "since": "2026-03-11T21:00:00Z",
        "until": "2026-03-18T12:30:20Z",
        "series": [
            {
                "currency": None,
                "total": 3,
                "points": [
                    {"key": f"2026-03-{day}", "label": f"2026-03-{day}", "since": f"2026-03-{day - 1}T21:00:00Z",
                     "value": value}
                    for day, value in zip(range(12, 19), [1, 0, 0, 0, 0, 1, 1], strict=True)
                ],
            }
        ],
    }  # fmt: skip


def test_an_order_after_midnight_belongs_to_the_day_before_the_cut_off(here, now):
    Company.objects.update(business_day_cutoff=time(4, 30))
    make_order(here, datetime(2026, 3, 18, 1, 29, tzinfo=UTC))
    make_order(here, datetime(2026, 3, 18, 1, 31, tzinfo=UTC))

    found = values(chart(here))

    assert (found["2026-03-17"], found["2026-03-18"]) == (1, 1)


def test_orders_by_hour_in_a_zone_of_half_an_hour(here, now):
    Company.objects.update(time_zone="Asia/Kolkata")
    make_order(here, datetime(2026, 3, 18, 11, 29, tzinfo=UTC))
    make_order(here, datetime(2026, 3, 18, 11, 31, tzinfo=UTC))

    body = chart(here, groupBy="hour", period="day")

    found = values(body)
    assert (found["2026-03-18T10:30:00Z"], found["2026-03-18T11:30:00Z"]) == (1, 1)
    assert [point["label"] for point in body["series"][0]["points"]][:2] == ["00:00", "01:00"]
    assert len(found) == 19


def test_the_hours_of_the_clock_change_are_told_apart(here):
    Company.objects.update(time_zone="Europe/Paris")
    with time_machine.travel(datetime(2026, 10, 25, 12, tzinfo=UTC), tick=False):
        make_order(here, datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
        make_order(here, datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
        body = chart(here, groupBy="hour", period="day")

    found = [(point["label"], point["value"]) for point in body["series"][0]["points"]]
    assert found[1:5] == [("01:00", 0), ("02:00", 1), ("02:00", 1), ("03:00", 0)]


def test_the_last_hour(here, now):
    make_order(here, now - timedelta(minutes=59))
    make_order(here, now - timedelta(minutes=61))

    assert chart(here, period="hour", groupBy="hour")["series"][0]["total"] == 1


def test_orders_by_week_and_month(here, now):
    make_order(here, now)
    make_order(here, datetime(2026, 2, 20, 12, tzinfo=UTC))

    assert values(chart(here, period="month", groupBy="month")) == {"2026-02": 1, "2026-03": 1}
    assert values(chart(here, period="month", groupBy="week")) == {
        "2026-02-16": 1,
        "2026-02-23": 0,
        "2026-03-02": 0,
        "2026-03-09": 0,
        "2026-03-16": 1,
    }


def test_currencies_are_never_added_up(here, now):
    make_order(here, now, total="10.5")
    make_order(here, now, total="7", currency="SAR", provider="jahez")
    make_order(here, now, total="99", status=Status.CANCELLED)

    body = chart(here, metric="revenue", groupBy="provider")

    assert [(series["currency"], series["total"]) for series in body["series"]] == [("JOD", "10.500"), ("SAR", "7.00")]
    assert values(body, 0) == {"careem": "10.500", "talabat": "0.000", "deliveroo": "0.000", "jahez": "0.000"}
    assert values(body, 1) == {"careem": "0.00", "talabat": "0.00", "deliveroo": "0.00", "jahez": "7.00"}


def test_revenue_of_nothing_is_zero_in_the_companys_currency(here, now):
    assert [(s["currency"], s["total"]) for s in chart(here, metric="revenue")["series"]] == [("JOD", "0.000")]


def test_the_cancellation_rate(here, now):
    for status in (Status.DELIVERED, Status.CANCELLED, Status.REJECTED, Status.RECEIVED):
        make_order(here, now, status=status)
    make_order(here, now, status=Status.FAILED, provider="jahez")

    body = chart(here, metric="cancellation_rate", groupBy="provider")

    assert values(body) == {"careem": 0.5, "talabat": None, "deliveroo": None, "jahez": 1.0}
    assert (body["series"][0]["total"], body["unit"]) == (0.6, "fraction")


def test_the_acceptance_time(here, now):
    make_order(here, now - timedelta(hours=1), accepted_after_s=30)
    make_order(here, now - timedelta(hours=1), accepted_after_s=61)
    make_order(here, now - timedelta(hours=1))

    body = chart(here, metric="acceptance_time", groupBy="provider")

    assert (values(body)["careem"], body["unit"]) == (45.5, "seconds")
    assert values(chart(here, metric="acceptance_time"))["2026-03-18"] == 45.5


def test_orders_by_status_and_branch(here, now):
    second = Branch.objects.create(company=here.company, name="Second")
    make_order(here, now, status=Status.READY)
    make_order(here, now, branch=second)
    make_order(here, now, branch=None)

    assert values(chart(here, groupBy="status"))["ready"] == 1
    body = chart(here, groupBy="branch")
    assert [(point["label"], point["value"]) for point in body["series"][0]["points"]] == [
        ("Main", 1),
        ("Second", 1),
        ("", 1),
    ]


def test_a_chart_of_some_providers_and_branches(here, now):
    second = Branch.objects.create(company=here.company, name="Second")
    make_order(here, now, branch=second, provider="jahez")
    make_order(here, now, provider="jahez")
    make_order(here, now)

    assert chart(here, provider="jahez")["series"][0]["total"] == 2
    assert chart(here, provider="jahez", branch=str(second.id))["series"][0]["total"] == 1


def test_test_orders_count_only_when_asked_for(here, now):
    make_order(here, now, is_test=True)

    assert chart(here)["series"][0]["total"] == 0
    assert chart(here, includeTest="true")["series"][0]["total"] == 1


def test_another_company_counts_for_nobody_else(here, now):
    other = make_installation("other-grill", menu=False)
    make_order(here, now)

    assert chart(other)["series"][0]["total"] == 0
    assert chart(other, branch=str(here.branch.id))["series"][0]["total"] == 0
    assert str(here.branch.id) not in values(chart(other, groupBy="branch"))


def test_a_member_of_one_branch_gets_its_figures(here, now):
    second = Branch.objects.create(company=here.company, name="Second")
    Membership.objects.filter(user=here.staff).update(is_limited=True)
    Membership.objects.get(user=here.staff).branches.set([second])
    make_order(here, now)
    make_order(here, now, branch=second)

    assert values(chart(here, here.staff, groupBy="branch")) == {str(second.id): 1}
    assert dashboard(here, here.staff)["today"]["orders"] == 1


@pytest.mark.parametrize(
    ("query", "name"),
    [("metric=x", "metric"), ("groupBy=x", "groupBy"), ("period=year", "period"), ("provider=x", "provider"),
     ("branch=x", "branch"), ("includeTest=x", "includeTest")],
)  # fmt: skip
def test_a_bad_parameter_is_400_and_named(here, query, name):
    response = api(here).get(f"/api/analytics?{query}")

    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert list(response.json()["details"]) == [name]


# -- the dashboard -----------------------------------------------------------------------------------------------------


def test_the_dashboard(here, now):
    make_order(here, now - timedelta(hours=1), total="10.5", accepted_after_s=40, status=Status.CONFIRMED)
    make_order(here, now, total="7", currency="SAR", provider="jahez", needs_attention=True)
    make_order(here, now, status=Status.CANCELLED, needs_attention=True)
    make_order(here, now, is_test=True)
    make_order(here, now - timedelta(days=1), status=Status.READY)
    make_order(here, now - timedelta(days=7, hours=1), total="5", status=Status.DELIVERED, accepted_after_s=10)
    make_order(here, now - timedelta(days=7) + timedelta(minutes=5), status=Status.DELIVERED)

    nothing = {"orders": 0, "cancelled": 0, "cancellationRate": None, "averageAcceptanceSeconds": None, "revenue": []}
    assert dashboard(here) == {
        "companyId": str(here.company.id),
        "timeZone": "Asia/Amman",
        "currency": "JOD",
        "businessDay": "2026-03-18",
        "since": "2026-03-17T21:00:00Z",
        "until": "2026-03-18T12:31:00Z",
        "today": {
            "orders": 3,
            "cancelled": 1,
            "cancellationRate": 0.3333,
            "averageAcceptanceSeconds": 40.0,
            "revenue": [{"currency": "JOD", "amount": "10.500"}, {"currency": "SAR", "amount": "7.00"}],
        },
        "lastWeek": {
            "businessDay": "2026-03-11",
            "since": "2026-03-10T21:00:00Z",
            "until": "2026-03-11T12:31:00Z",
            "orders": 1,
            "cancelled": 0,
            "cancellationRate": 0.0,
            "averageAcceptanceSeconds": 10.0,
            "revenue": [{"currency": "JOD", "amount": "5.000"}],
        },
        "providers": [
            {
                "provider": "careem",
                "name": "Careem",
                "orders": 2,
                "cancelled": 1,
                "cancellationRate": 0.5,
                "averageAcceptanceSeconds": 40.0,
                "revenue": [{"currency": "JOD", "amount": "10.500"}],
            },
            {"provider": "talabat", "name": "Talabat", **nothing},
            {"provider": "deliveroo", "name": "Deliveroo", **nothing},
            {
                "provider": "jahez",
                "name": "Jahez",
                "orders": 1,
                "cancelled": 0,
                "cancellationRate": 0.0,
                "averageAcceptanceSeconds": None,
                "revenue": [{"currency": "SAR", "amount": "7.00"}],
            },
        ],
        "openOrders": {
            "total": 4,
            "byStatus": {"received": 2, "confirmed": 1, "preparing": 0, "ready": 1, "out_for_delivery": 0},
        },
        "needsAttention": 1,
        "testOrders": 1,
        "lastSeq": 0,
    }


def test_a_dashboard_that_has_not_changed_is_304(here, now):
    client = api(here)
    etag = client.get("/api/dashboard").headers["ETag"]

    response = client.get("/api/dashboard", headers={"If-None-Match": etag})

    assert (response.status_code, response.content, response.headers["ETag"]) == (304, b"", etag)
    assert response.headers["Cache-Control"] == "private, no-cache"


def test_an_order_changes_the_dashboard_at_once(here, now):
    client = api(here)
    etag = client.get("/api/dashboard").headers["ETag"]
    assert here.send("careem").status_code == 200

    response = client.get("/api/dashboard", headers={"If-None-Match": etag})

    assert (response.status_code, response.json()["today"]["orders"], response.json()["lastSeq"]) == (200, 1, 1)


def test_the_next_minute_has_another_tag(here):
    client = api(here)
    tags = []
    for seconds in (0, 10, 60):
        with time_machine.travel(NOW + timedelta(seconds=seconds), tick=False):
            tags.append(client.get("/api/dashboard").headers["ETag"])

    assert tags[0] == tags[1] != tags[2]


def test_one_companys_dashboard_is_not_anothers(here, now):
    other = make_installation("other-grill", menu=False)
    make_order(here, now)
    etag = api(here).get("/api/dashboard").headers["ETag"]

    response = api(other).get("/api/dashboard", headers={"If-None-Match": etag})

    assert (response.status_code, response.json()["today"]["orders"]) == (200, 0)
    assert response.json()["companyId"] == str(other.company.id)
    assert api(other).get(f"/api/dashboard?company={here.company.id}").status_code == 404
    assert api(other).get(f"/api/analytics?company={here.company.id}").status_code == 404


def test_the_same_snapshot_is_counted_once(here, now, django_assert_num_queries):
    client = api(here)
    client.get("/api/dashboard")

    # Token, membership, the number.
    with django_assert_num_queries(3):
        client.get("/api/dashboard")


def test_the_figures_want_a_sign_in(here):
    assert Client().get("/api/dashboard").status_code == 401
    assert Client().get("/api/analytics").status_code == 401
