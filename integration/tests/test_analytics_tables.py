"""The analytics as the page, the API and CSV tell them: whose figures, which days, and exact numbers."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.conf import settings
from django.test import Client

from integration.analytics.query import percentile
from integration.delivery_rollup import BUCKETS_MS
from integration.models import WebhookLog
from integration.rollup import roll_up
from integration.tests.factories import make_installation
from orders.models import Branch, BranchStore, Membership, MenuProduct, Order, OrderEvent, OrderItem
from orders.rollup.counting import BUCKETS_S
from orders.tests import wednesday
from providers.events import Status

pytestmark = pytest.mark.django_db
NOW = wednesday.NOW
fresh_cache, here = wednesday.fresh_cache, wednesday.here
NOON = datetime(2026, 3, 16, 9, tzinfo=UTC)


@pytest.fixture
def now():
    with time_machine.travel(NOW, tick=False):
        yield NOW


def make_order(here, received_at=NOON, status=Status.DELIVERED, *, total="10", steps=(), **fields):
    """Make an order with steps of its timeline: ``(seconds after receiving, from, to, source, reason)``."""
    number = Order.objects.count() + 1
    order = Order.objects.create(
        id=f"00000000-0000-4000-8000-{number:012}", company=here.company, provider=fields.pop("provider", "careem"),
        external_id=str(number), branch=fields.pop("branch", here.branch), total=Decimal(total), status=status,
        currency=fields.pop("currency", "JOD"), placed_at=received_at, received_at=received_at, created_at=received_at,
        updated_at=received_at, **fields,
    )  # fmt: skip
    for after_s, before, after, *said in steps:
        at = received_at + timedelta(seconds=after_s)
        source, reason = said or ("person", "")
        OrderEvent.objects.create(
            company=here.company, order=order, seq=OrderEvent.objects.count() + 1, type="order.updated", status=after,
            previous_status=before, source=source, reason=reason, total=order.total, occurred_at=at, created_at=at,
        )  # fmt: skip
    return order


def make_log(here, received_at=NOON, status="processed", **fields):
    return WebhookLog.objects.create(
        company=here.company, provider=fields.pop("provider", "careem"), status=status, received_at=received_at,
        delivery_key=f"key-{WebhookLog.objects.count()}" if status != "rejected" else None,
        rejection_key=f"key-{WebhookLog.objects.count()}" if status == "rejected" else None, **fields,
    )  # fmt: skip


def api(here, user=None):
    return Client(headers={"Authorization": f"Token {here.token(user)}"})


def table(here, name, user=None, **query):
    response = api(here, user).get(f"/api/analytics/{name}", {key.rstrip("_"): value for key, value in query.items()})
    assert response.status_code == 200, response.content
    return response.json()


def line(body, key):
    return next(row for row in body["results"] if row["key"] == key)


# -- the figures -------------------------------------------------------------------------------------------------------

TIMELY = ((40, "received", "confirmed"), (340, "confirmed", "ready"))


def test_a_line_of_the_figures(here, now):
    order = make_order(here, steps=TIMELY, total="10.5", accept_by=NOON + timedelta(minutes=5))
    make_order(here, steps=((100, "received", "confirmed"),), total="7", accept_by=NOON + timedelta(seconds=60))
    make_order(here, status=Status.REJECTED, total="99", steps=((5, "received", "rejected", "person", "CLOSED"),))
    make_log(here, order_id=order.id, duration_ms=8.5, duplicates=1)
    make_log(here, status="dead", error_code="processing_failed")
    make_log(here, status="rejected", count=2, error_code="invalid_signature")

    body = table(here, "figures", period="week", groupBy="provider")

    assert line(body, "careem") == {
        "key": "careem",
        "label": "Careem",
        "orders": 3,
        "sold": 2,
        "cancelled": 0,
        "rejected": 1,
        "failed": 0,
        "cancellationRate": 0.3333,
        "rejectionRate": 0.3333,
        "revenue": [{"currency": "JOD", "amount": "17.500", "orders": 2, "averageBasket": "8.750"}],
        "acceptance": {"count": 2, "averageSeconds": 70.0, "p50Seconds": 45.0, "p95Seconds": 120.0},
        "preparation": {"count": 1, "averageSeconds": 300.0, "p50Seconds": 300.0, "p95Seconds": 300.0},
        "deadlines": {"due": 2, "inTime": 1, "missed": 1, "inTimeRate": 0.5},
        "deliveries": {
            "total": 2, "failed": 1, "duplicates": 1, "refused": 2, "successRate": 0.5, "answeredRate": 0.6,
        },
        "processing": {"count": 1, "averageMs": 8.5, "p50Ms": 10.0, "p95Ms": 10.0},
    }  # fmt: skip
    assert {name: body[name] for name in ("table", "from", "to", "timeZone", "currency", "daysBehind", "groupBy")} == {
        "table": "figures", "from": "2026-03-12", "to": "2026-03-18", "timeZone": "Asia/Amman", "currency": "JOD",
        "daysBehind": 0, "groupBy": "provider",
    }  # fmt: skip
    assert body["whole"] == line(body, "careem") | {"key": "", "label": ""}


def test_what_is_kept_and_what_is_raw_are_told_alike(here, now):
    make_order(here, steps=TIMELY)
    make_order(here, NOW - timedelta(hours=1), steps=TIMELY)
    make_log(here, duration_ms=3)
    queries = [("figures", {"groupBy": group}) for group in ("day", "week", "month", "hour", "provider", "branch")]
    queries += [(name, {}) for name in ("reasons", "errors", "products", "unmapped")]
    before = [table(here, name, **query) for name, query in queries]

    assert roll_up() > 0

    assert [table(here, name, **query) for name, query in queries] == before


def test_currencies_stand_apart(here, now):
    make_order(here, total="10")
    make_order(here, total="5", currency="SAR")

    assert table(here, "figures")["whole"]["revenue"] == [
        {"currency": "JOD", "amount": "10.000", "orders": 1, "averageBasket": "10.000"},
        {"currency": "SAR", "amount": "5.00", "orders": 1, "averageBasket": "5.00"},
    ]


@pytest.mark.parametrize(
    ("group_by", "key", "keys"),
    [("day", "2026-03-16", 30), ("week", "2026-03-16", 5), ("month", "2026-03", 2), ("hour", "12:00", 24)],
)
def test_groups_of_time_have_no_gap(here, now, group_by, key, keys):
    make_order(here)

    body = table(here, "figures", groupBy=group_by)

    assert (line(body, key)["orders"], len(body["results"]), body["whole"]["orders"]) == (1, keys, 1)


def test_percentiles_are_not_known_by_the_hour(here, now):
    make_order(here, steps=TIMELY)

    body = table(here, "figures", groupBy="hour")

    assert line(body, "12:00")["acceptance"] == {
        "count": 1,
        "averageSeconds": 40.0,
        "p50Seconds": None,
        "p95Seconds": None,
    }
    assert body["whole"]["acceptance"]["p95Seconds"] == 45.0


def test_branches_and_orders_without_one(here, now):
    second = Branch.objects.create(company=here.company, name="Second")
    make_order(here, branch=second)
    make_order(here, branch=None)

    body = table(here, "figures", groupBy="branch")

    assert [(row["label"], row["orders"]) for row in body["results"]] == [("Main", 0), ("Second", 1), ("none", 1)]


def test_test_orders_count_only_when_asked_for(here, now):
    make_order(here, is_test=True)

    assert table(here, "figures")["whole"]["orders"] == 0
    assert table(here, "figures", includeTest="true")["whole"]["orders"] == 1


def test_named_days_go_before_a_period(here, now):
    make_order(here)
    make_order(here, NOON - timedelta(days=3))

    body = table(here, "figures", from_="2026-03-14", to="2026-03-16", period="year")

    assert (body["from"], body["to"], body["whole"]["orders"]) == ("2026-03-14", "2026-03-16", 1)


@pytest.mark.parametrize(
    ("query", "name"),
    [("period=x", "period"), ("groupBy=x", "groupBy"), ("from=x", "from"), ("to=2026-3-1", "to"), ("provider=x", "provider"),
     ("from=2026-03-02&to=2026-03-01", "from"), ("from=2001-01-01", "from"), ("branch=x", "branch"), ("to=0001-01-01", "to")],
)  # fmt: skip
def test_a_bad_parameter_is_400_and_named(here, now, query, name):
    response = api(here).get(f"/api/analytics/figures?{query}")

    assert (response.status_code, response.json()["error"], list(response.json()["details"])) == (
        400,
        "invalid_request",
        [name],
    )


def test_a_table_that_is_not_known_is_404(here, now):
    assert api(here).get("/api/analytics/x").status_code == 404
    assert api(here).get("/api/analytics/x.csv").status_code == 404
    assert Client().get("/api/analytics/figures").status_code == 401


# -- the other tables --------------------------------------------------------------------------------------------------


def test_why_orders_were_lost(here, now):
    for _ in range(2):
        make_order(here, status=Status.REJECTED, steps=((5, "received", "rejected", "person", "OUTLET_CLOSED"),))
    make_order(here, status=Status.CANCELLED, steps=((5, "received", "cancelled", "provider", "he said: never again"),))
    make_order(here, status=Status.FAILED, provider="jahez", steps=((5, "received", "failed", "provider", ""),))

    rows = table(here, "reasons")["results"]

    assert [tuple(row.values()) for row in rows] == [
        ("careem", "rejected", "person", "OUTLET_CLOSED", 2, 0.5),
        ("careem", "cancelled", "provider", "words", 1, 0.25),
        ("jahez", "failed", "provider", "", 1, 0.25),
    ]


def test_why_deliveries_failed_beside_the_days_before(here, now):
    make_log(here, status="dead", error_code="processing_failed")
    make_log(here, status="rejected", error_code="invalid_signature", count=3)
    for _ in range(2):
        make_log(here, NOON - timedelta(days=7), status="dead", error_code="processing_failed")

    rows = table(here, "errors", period="week")["results"]

    assert [(row["status"], row["error"], row["count"], row["before"]) for row in rows] == [
        ("rejected", "invalid_signature", 3, 0),
        ("dead", "processing_failed", 1, 2),
    ]


def test_what_sold_most(here, now):
    mansaf = MenuProduct.objects.create(company=here.company, name="Mansaf", name_ar="منسف")
    hummus = MenuProduct.objects.create(company=here.company, name="Hummus")
    for number, (product, quantity, status) in enumerate(
        [(mansaf, 2, "delivered"), (hummus, 5, "delivered"), (mansaf, 1, "ready"), (hummus, 9, "cancelled")]
    ):
        order = make_order(here, status=Status(status))
        OrderItem.objects.create(
            order=order, position=number, quantity=quantity, menu_product=product, name="x", total_price=Decimal("1.5")
        )

    assert table(here, "products")["results"] == [
        {"productId": str(hummus.id), "name": "Hummus", "nameAr": None, "quantity": 5,
         "amounts": [{"currency": "JOD", "amount": "1.500"}]},
        {"productId": str(mansaf.id), "name": "Mansaf", "nameAr": "منسف", "quantity": 3,
         "amounts": [{"currency": "JOD", "amount": "3.000"}]},
    ]  # fmt: skip


def test_what_the_menu_does_not_know(here, now):
    BranchStore.objects.create(branch=here.branch, provider="careem", store_id="s-9")
    for external_id, name in (("HUMMUS", "Hummus"), ("", "Bread"), ("", "bread ")):
        OrderItem.objects.create(order=make_order(here), position=0, quantity=2, external_id=external_id, name=name)

    assert table(here, "unmapped")["results"] == [
        {"provider": "careem", "externalId": None, "name": "bread ", "quantity": 4},
        {"provider": "careem", "externalId": "HUMMUS", "name": "Hummus", "quantity": 2},
    ]


def test_a_percentile_of_buckets():
    bounds = (5, 10, 20)

    assert [percentile([90, 6, 0, 4], bounds, each) for each in (50, 90, 91, 96, 97)] == [5, 5, 10, 10, 20]
    assert percentile([0, 0, 1, 0], bounds, 50) == 20
    assert percentile([0, 0, 0, 0], bounds, 95) is None
    assert percentile([], bounds, 95) is None


def test_the_buckets_are_those_of_the_documentation():
    text = (settings.BASE_DIR / "docs/analytics.md").read_text(encoding="utf-8")

    assert f": {', '.join(map(str, BUCKETS_S))}\n" in text
    assert f": {', '.join(map(str, BUCKETS_MS))}\n" in text


# -- whose figures -----------------------------------------------------------------------------------------------------


def test_another_companys_figures_are_nobody_elses(here, now):
    other = make_installation("other-grill", menu=False)
    make_order(here, status=Status.REJECTED, steps=((5, "received", "rejected"),))
    make_log(here, status="dead", error_code="x")

    assert table(other, "figures")["whole"]["orders"] == 0
    assert table(other, "figures", branch=str(here.branch.id))["whole"]["orders"] == 0
    assert [table(other, name)["results"] for name in ("reasons", "errors", "products", "unmapped")] == [[], [], [], []]
    assert api(other).get(f"/api/analytics/figures?company={here.company.id}").status_code == 404
    assert api(other).get(f"/api/analytics/figures.csv?company={here.company.id}").status_code == 404


def test_who_sees_one_branch_gets_its_figures_and_no_refusals(here, now):
    second = Branch.objects.create(company=here.company, name="Second")
    Membership.objects.filter(user=here.staff).update(is_limited=True)
    Membership.objects.get(user=here.staff).branches.set([second])
    make_order(here)
    order = make_order(here, branch=second)
    make_log(here, order_id=order.id)
    make_log(here, status="rejected", error_code="invalid_signature")

    body = table(here, "figures", here.staff, groupBy="branch")

    assert [(row["label"], row["orders"]) for row in body["results"]] == [("Second", 1)]
    assert (body["whole"]["deliveries"]["total"], body["whole"]["deliveries"]["refused"]) == (1, None)
    assert table(here, "errors", here.staff)["results"] == []


# -- CSV ---------------------------------------------------------------------------------------------------------------


def rows_of(response):
    assert response.status_code == 200, response.content
    text = response.content.decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:])))


def test_the_figures_as_a_file(here, now):
    make_order(here, total="10.5", steps=TIMELY)

    response = api(here).get("/api/analytics/figures.csv?groupBy=provider")

    row = rows_of(response)[0]
    assert response.headers["Content-Disposition"] == (
        'attachment; filename="figures-amman-grill-2026-02-17-2026-03-18.csv"'
    )
    assert (row["key"], row["orders"], row["revenue.JOD.amount"], row["revenue.JOD.averageBasket"]) == (
        "careem", "1", "10.500", "10.500",
    )  # fmt: skip
    assert (row["acceptance.averageSeconds"], row["acceptance.p95Seconds"]) == ("40.0", "45.0")


def test_no_cell_of_a_file_is_a_formula(here, now):
    OrderItem.objects.create(order=make_order(here), position=0, quantity=1, external_id="", name="=1+1")

    assert rows_of(api(here).get("/api/analytics/unmapped.csv"))[0]["name"] == "'=1+1"


def test_a_file_without_rows_has_its_head(here, now):
    response = api(here).get("/api/analytics/reasons.csv")

    assert response.content.decode("utf-8") == "\ufeffprovider,status,source,reason,count,share\r\n"


# -- the page ----------------------------------------------------------------------------------------------------------


def page(here, user=None, **query):
    return here.client(user).get("/analytics/", {key.rstrip("_"): value for key, value in query.items()})


def test_the_page_shows_the_same_numbers(here, now):
    make_order(here, total="1234.5", steps=TIMELY)
    make_order(here, status=Status.CANCELLED, steps=((5, "received", "cancelled", "provider", "he said no"),))
    make_log(here, status="dead", error_code="processing_failed")

    response = page(here, groupBy="provider")

    text = response.content.decode()
    assert response.status_code == 200
    assert [cell.text for cell in next(cells for label, _short, cells in response.context["rows"] if label == "Careem")] == [
        "2", "1,234.500", "1,234.500", "0:40", "0:45", "5:00", "5:00", "50.0 %", "0", "1", "0.0 %", "1", "",
    ]  # fmt: skip
    assert "in somebody&#x27;s own words" in text
    assert "/api/analytics/figures.csv?groupBy=provider" in text
    assert "he said no" not in text


def test_staff_see_the_page_and_strangers_do_not(here, now):
    other = make_installation("other-grill", menu=False)

    assert page(here, here.staff).status_code == 200
    assert page(other, company=str(here.company.id)).status_code == 404
    assert Client().get("/analytics/").status_code == 302


def test_the_page_names_what_it_cannot_read(here, now):
    response = page(here, period="days", from_="2026-03-09", to="2026-03-01")

    assert response.status_code == 200
    assert list(response.context["faults"]) == ["from"]
    assert response.context["query"].period == "month"


def test_named_days_count_on_the_page_only_where_they_are_chosen(here, now):
    chosen = page(here, period="days", from_="2026-03-01", to="2026-03-02").context["query"].days
    ignored = page(here, period="week", from_="2026-03-01", to="2026-03-02").context["query"].days

    assert (str(chosen.first), str(chosen.last)) == ("2026-03-01", "2026-03-02")
    assert (str(ignored.first), str(ignored.last)) == ("2026-03-12", "2026-03-18")


def test_who_may_see_another_branch_gets_no_page_of_the_first(here, now):
    second = Branch.objects.create(company=here.company, name="Second")
    Membership.objects.filter(user=here.staff).update(is_limited=True)
    Membership.objects.get(user=here.staff).branches.set([second])
    make_order(here)

    assert page(here).context["whole"][0].text == "1"
    assert page(here, here.staff).context["whole"][0].text == "0"
