"""``/dashboard/together/``: what an open dashboard wants at the same moment, in one answer."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from django.test import Client

from integration.tests.factories import Installation, make_installation
from orders.models import Order

FRAGMENT = {"X-Fragment": "1"}
ALONE = {"rows": "/orders/rows/", "bell": "/bell/", "panels": "/dashboard/panels/", "chart": "/dashboard/revenue/"}


def together(here: Installation, client: Client | None = None, **wanted: str) -> dict:
    response = (client or here.client()).get("/dashboard/together/", wanted, headers=FRAGMENT)
    assert response.status_code == 200
    return response.json()["pieces"]


@pytest.fixture
def still(time_machine):
    """Stop the clock: a minute that ends between two answers makes them differ."""
    time_machine.move_to("2026-03-18T12:30:20Z", tick=False)


def shape(text: str) -> str:
    """Return a piece without its token, which is another one in every answer."""
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", text)


@pytest.fixture
def orders(amman) -> list[Order]:
    for number in ("1000001", "1000002"):
        assert amman.send("careem", external_id=number).status_code == 200
    return list(Order.objects.filter(company=amman.company).order_by("external_id"))


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("rows", ""),
        ("rows", "provider=jahez"),
        ("bell", ""),
        ("panels", ""),
        ("chart", "by=day&split=provider"),
    ],
)
def test_a_piece_is_what_its_own_address_answers(still, amman, orders, name, query):
    alone = amman.client().get(f"{ALONE[name]}?{query}")
    found = together(amman, **{name: query})
    assert list(found) == [name]
    assert shape(found[name]["text"]) == shape(alone.content.decode())
    assert found[name]["tag"] == alone.headers.get("ETag", "")


def test_all_that_is_named_comes_at_once_with_the_orders_that_are_asked_for(amman, orders):
    found = together(amman, rows=urlencode({"id": orders[0].id}), bell="", panels="", chart="")
    assert list(found) == ["rows", "bell", "panels", "chart"]
    assert re.findall(r'data-order="([^"]+)" data-seq', found["rows"]["text"]) == [str(orders[0].id)]
    assert 'data-new="2"' in found["bell"]["text"]
    assert 'data-seq="2"' in found["panels"]["text"]


def test_what_the_page_has_already_is_null(still, amman, orders):
    client = amman.client()
    tags = {f"{name}-tag": piece["tag"] for name, piece in together(amman, client, panels="", chart="").items()}
    assert together(amman, client, panels="", chart="", **tags) == {"panels": None, "chart": None}


def test_the_links_stay_in_the_company_that_a_piece_names(amman, orders):
    html = together(amman, rows=f"company={amman.company.id}")["rows"]["text"]
    assert f'href="/orders/{orders[0].id}/?company={amman.company.id}"' in html


def test_another_company_does_not_exist(amman, orders):
    dubai = make_installation("other-grill", menu=False)
    wanted = {"company": str(amman.company.id), "rows": ""}
    assert dubai.client().get("/dashboard/together/", wanted, headers=FRAGMENT).status_code == 404
    # What a piece names beside it changes only its links.
    html = together(dubai, rows=urlencode({"company": amman.company.id, "id": orders[0].id}))["rows"]["text"]
    assert str(orders[0].id) not in html


def test_an_ended_session_is_told_by_its_code(db):
    assert Client().get("/dashboard/together/?rows=", headers=FRAGMENT).status_code == 401


def test_it_asks_who_somebody_is_once(amman, orders, django_assert_num_queries):
    client = amman.client()
    together(amman, client, rows="", bell="", panels="", chart="")
    with django_assert_num_queries(16):
        together(amman, client, rows="", bell="", panels="", chart="")


@pytest.mark.parametrize(("wanted", "is_slow"), [("panels", True), ("rows", False)])
def test_figures_that_hold_the_others_up_are_told(amman, monkeypatch, wanted, is_slow):
    monkeypatch.setattr("integration.views.together.SLOW_S", 0.0)
    answer = amman.client().get("/dashboard/together/", {wanted: ""}, headers=FRAGMENT).json()
    assert answer["isSlow"] is is_slow


def test_the_page_names_it_where_open_pages_share(amman, settings):
    assert 'data-together="/dashboard/together/"' in amman.client().get("/").content.decode()
    settings.DASHBOARD_CACHE = False
    assert "data-together" not in amman.client().get("/").content.decode()
