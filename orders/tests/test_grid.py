"""The grid's rows: what they tell, in which order, to whom, and at which cost."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integration.tests.factories import Installation, make_installation
from orders import grid
from orders.models import Branch, Order
from orders.tests.test_board import limit_to
from orders.tests.test_pages import make_order, page

pytestmark = pytest.mark.django_db
URL = "/api/orders/grid"


@pytest.fixture
def shop() -> Installation:
    cache.clear()
    return make_installation()


def ask(shop: Installation, user=None, **query) -> dict:
    answer = shop.client(user).get(URL, query)
    assert answer.status_code == 200, answer.content
    body = answer.json()
    body["orders"] = [dict(zip(body["columns"], row, strict=True)) for row in body["results"]]
    return body


def numbers(body: dict) -> list[str]:
    return [order["externalOrderId"].removeprefix("order-") for order in body["orders"]]


def refused(shop: Installation, query: str) -> dict:
    answer = shop.client().get(f"{URL}?{query}")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    return answer.json()["details"]


def test_a_row_tells_an_order_without_its_lines(shop):
    at = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
    order = make_order(
        shop, "7", display_id="A17", placed_at=at, received_at=at, created_at=at, updated_at=at, seq=12,
        accept_by=at + timedelta(minutes=10), payment_method="cash", cash_due=Decimal("8.5"), needs_attention=True,
        courier={"name": "Sami", "phone": "+962790000000", "status": "near"}, attention_reasons=["unmapped_item"],
    )  # fmt: skip
    assert ask(shop)["orders"] == [
        {
            "id": str(order.id), "seq": 12, "status": "received", "provider": "careem", "externalOrderId": "order-7",
            "displayId": "A17", "branch": "Main", "customer": "Lina Haddad", "itemCount": 2, "total": "8.500",
            "currency": "JOD", "paymentMethod": "cash", "cashDue": "8.500", "orderType": "delivery",
            "fulfilledBy": "provider", "courier": "Sami", "isTest": False, "attentionReasons": ["unmapped_item"], "storeId": "",
            "placedAt": "2026-03-01T10:30:00Z", "receivedAt": "2026-03-01T10:30:00Z",
            "acceptBy": "2026-03-01T10:40:00Z", "scheduledFor": None, "createdAt": "2026-03-01T10:30:00Z",
            "updatedAt": "2026-03-01T10:30:00Z",
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", "3 2 1"),
        ("received", "1 2 3"),
        ("-received", "3 2 1"),
        ("total", "2 3 1"),
        ("-total", "1 3 2"),
        ("customer", "3 1 2"),
        ("-items", "2 1 3"),
        ("provider", "1 3 2"),
        ("-changed", "1 2 3"),
    ],
)
def test_rows_stand_in_the_order_that_is_asked_for(shop, sort, expected):
    now = timezone.now()
    for number, total, name, items, provider in (
        ("1", "9.5", "B", 2, "careem"), ("2", "-1", "C", 3, "talabat"), ("3", "9.25", "A", 1, "jahez"),
    ):  # fmt: skip
        later = timedelta(seconds=int(number))
        make_order(shop, number, total=total, customer_name=name, item_count=items, provider=provider,
                   created_at=now + later, updated_at=now - later)  # fmt: skip
    assert numbers(ask(shop, sort=sort)) == expected.split()


@pytest.mark.parametrize("sort", [f"{sign}{name}" for name in grid.SORTS for sign in ("", "-")])
def test_pages_have_every_order_once_also_where_values_are_equal(shop, sort):
    now = timezone.now()
    for number in range(7):
        make_order(shop, str(number), created_at=now, updated_at=now, total=f"{number % 2}.5", customer_name="=é'\"")
    whole = numbers(ask(shop, sort=sort))
    assert sorted(whole) == list("0123456")
    found, body = [], ask(shop, sort=sort, limit=3)
    assert body["total"] == 7
    found += numbers(body)
    while body["next"]:
        answer = shop.client().get(body["next"])
        body = answer.json()
        body["orders"] = [dict(zip(body["columns"], row, strict=True)) for row in body["results"]]
        assert body["total"] is None
        found += numbers(body)
    assert found == whole


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("sort=notes", "sort"), ("sort=--total", "sort"), ("sort=company__name", "sort"), ("limit=501", "limit"),
        ("limit=0", "limit"), ("cursor=x", "cursor"), ("ids=x", "ids"), ("status=lost", "status"), ("since=x", "since"),
    ],
)  # fmt: skip
def test_what_is_not_on_the_list_is_refused_by_its_name(shop, query, name):
    assert list(refused(shop, query)) == [name]


@pytest.mark.parametrize("value", ["1e999999", "NaN", "9" * 40, "x", 7, None, [], "\ud800", "1.23456"])
@pytest.mark.parametrize("sort", ["total", "customer", "received", "items"])
def test_a_cursor_that_we_have_not_made_is_refused_or_finds_a_place(shop, sort, value):
    make_order(shop)
    text = json.dumps([value, "00000000-0000-4000-8000-000000000000"])
    cursor = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    answer = shop.client().get(URL, {"sort": sort, "cursor": cursor})
    is_place = isinstance(value, str) and value != "\ud800" if sort == "customer" else value == 7 and sort == "items"
    assert answer.status_code == (200 if is_place else 400)


def test_more_than_five_hundred_ids_are_refused(shop):
    ids = ",".join(["00000000-0000-4000-8000-000000000000"] * 501)
    assert refused(shop, f"ids={ids}") == {"ids": "expected at most 500"}


def test_orders_by_id_are_those_that_match_the_filter(shop):
    here, moved = make_order(shop, "1"), make_order(shop, "2", status="confirmed")
    make_order(shop, "3")
    body = ask(shop, ids=f"{here.id},{moved.id}", status="received")
    assert (numbers(body), body["total"], body["next"]) == (["1"], None, None)


def test_another_company_is_never_there(shop):
    other = make_installation("beirut-bakery")
    order = make_order(other, "9", customer_name="Secret Guest")
    make_order(shop, "1")
    for query in ({}, {"ids": f"{order.id}"}, {"search": "Secret"}, {"branch": str(other.branch.id)}):
        assert "9" not in numbers(ask(shop, **query))
    assert ask(shop)["total"] == 1
    assert shop.client().get(URL, {"company": str(other.company.id)}).status_code == 404


def test_who_is_limited_to_branches_gets_theirs_alone(shop):
    other = Branch.objects.create(company=shop.company, name="Abdoun")
    make_order(shop, "1")
    theirs = make_order(shop, "2", branch=other)
    limit_to(shop, shop.branch)
    for query in ({}, {"ids": f"{theirs.id}"}, {"branch": str(other.id)}):
        assert "2" not in numbers(ask(shop, shop.staff, **query))
    assert ask(shop, shop.staff)["total"] == 1


def test_a_phone_and_an_address_are_not_among_what_a_row_tells(shop):
    make_order(shop, customer_phone="+962790000001", delivery_address={"text": "Rainbow Street"}, notes="Ring twice")
    content = shop.client().get(URL).content.decode()
    assert not [text for text in ("962790000001", "Rainbow", "Ring") if text in content]


def test_the_queries_do_not_grow_with_the_rows(shop, django_assert_num_queries):
    client = shop.client()
    for number in range(3):
        make_order(shop, str(number))
    client.get(URL)
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get(URL, {"limit": 2})
    for number in range(3, 40):
        make_order(shop, str(number))
    with django_assert_num_queries(len(few)):
        client.get(URL, {"limit": 20})
    about_orders = [query for query in few if 'FROM "orders"' in query["sql"]]
    assert len(about_orders) == 2  # the rows, and their number
    assert len(few) <= 8


def test_orders_are_counted_up_to_a_limit(shop, monkeypatch):
    monkeypatch.setattr("orders.api.grid.COUNTED", 3)
    for number in range(5):
        make_order(shop, str(number))
    assert ask(shop, limit=2)["total"] == 3


def test_the_page_offers_what_can_be_asked_for(shop):
    html = page(shop.client(), "/orders/grid/?status=ready&search=%22%3E%3Cb%3E&since=2026-03-01")
    assert '<input type="checkbox" name="status" value="ready" id="id_status_3" checked>' in html
    assert "&quot;&gt;&lt;b&gt;" in html
    assert 'name="since" value="2026-03-01"' in html
    assert html.count('role="columnheader"') == len(grid.COLUMNS)  # no branches to tell apart, and one to choose by
    assert "&amp;needsAttention=true" in html


def test_every_column_that_sorts_is_one_of_the_lists():
    assert {column.sort for column in grid.COLUMNS if column.sort} == set(grid.SORTS)
    empty = [name for name in grid.SORTS.values() if Order._meta.get_field(name).null]
    assert empty == []
