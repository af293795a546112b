"""The export: the list as a file that a spreadsheet cannot be tricked by."""

from __future__ import annotations

import csv
import io
import warnings
from datetime import timedelta

import pytest
from channels.db import database_sync_to_async
from django.core.handlers.wsgi import WSGIHandler
from django.test import AsyncClient, Client, RequestFactory
from django.utils import timezone

from integration.tests.factories import make_installation
from orders import export
from orders.export import COLUMNS, safe_cell
from orders.models import AuditEntry, Branch, Membership, Order
from providers.events import Status

pytestmark = pytest.mark.django_db
URL = "/api/orders/export.csv"


@pytest.fixture
def here():
    return make_installation()


def make_order(here, external_id="1000001", **fields):
    assert here.send("careem", external_id=external_id).status_code == 200
    order = Order.objects.get(company=here.company, external_id=external_id)
    Order.objects.filter(pk=order.pk).update(**{"created_at": order.created_at, **fields})
    order.refresh_from_db()
    return order


def api(here, user=None):
    return Client(headers={"Authorization": f"Token {here.token(user)}"})


def read(content: bytes):
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def rows(response):
    assert response.status_code == 200
    return read(b"".join(response.streaming_content))


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+962791234567", "'+962791234567"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("  \n =1", "'  \n =1"),
        ("\u00a0=1", "'\u00a0=1"),
        ("\tx", "'\tx"),
        ("a=1", "a=1"),
        ("برجر", "برجر"),
        ("", ""),
        (None, ""),
        (7, "7"),
    ],
)
def test_no_cell_is_a_formula(value, cell):
    assert safe_cell(value) == cell


def test_the_file(here):
    order = make_order(here, customer_name="=cmd|' /C calc'!A0", customer_phone="+962791234567", currency="JOD",
                       total="15", attention_reasons=["a", "b"], display_id="A-17")  # fmt: skip

    response = api(here).get(URL)

    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="orders-amman-grill-')
    [row] = rows(response)
    assert tuple(row) == COLUMNS
    assert {name: row[name] for name in ("id", "displayId", "branch", "status", "customerName", "customerPhone", "total",
                                         "isTest", "attentionReasons")} == {
        "id": str(order.id),
        "displayId": "A-17",
        "branch": "Main",
        "status": "received",
        "customerName": "'=cmd|' /C calc'!A0",
        "customerPhone": "'+962791234567",
        "total": "15.000",
        "isTest": "false",
        "attentionReasons": "a b",
    }  # fmt: skip
    assert " × " in row["items"]


def test_the_lists_filters_hold(here):
    make_order(here, status=Status.READY)
    make_order(here, "1000002")

    assert [row["externalOrderId"] for row in rows(api(here).get(f"{URL}?status=ready"))] == ["1000001"]


def test_every_page_is_there_once(here, monkeypatch):
    monkeypatch.setattr(export, "PAGE", 2)
    at = timezone.now() - timedelta(hours=1)
    for number in range(5):
        make_order(here, str(number), created_at=at)

    assert sorted(row["externalOrderId"] for row in rows(api(here).get(URL))) == ["0", "1", "2", "3", "4"]


def test_an_empty_file_has_its_heading(here):
    response = api(here).get(URL)

    assert b"".join(response.streaming_content).decode("utf-8-sig") == ",".join(COLUMNS) + "\r\n"


def test_staff_get_masked_phones_of_finished_orders(here):
    make_order(here, status=Status.DELIVERED, customer_phone="+962791234567")

    assert rows(api(here, here.staff).get(URL))[0]["customerPhone"] == "••••67"
    assert rows(api(here, here.manager).get(URL))[0]["customerPhone"] == "'+962791234567"


def test_an_export_stands_in_the_audit_trail_without_what_was_searched(here):
    api(here, here.staff).get(f"{URL}?status=ready,received&search=Rana")

    entry = AuditEntry.objects.get(action="order.exported")
    assert (entry.company, entry.user) == (here.company, here.staff)
    assert entry.details == {"filters": {"search": "used", "status": "ready,received"}}


def test_another_company_and_branch_are_not_in_it(here):
    other = make_installation("other-grill")
    second = Branch.objects.create(company=here.company, name="Second")
    Membership.objects.filter(user=here.staff).update(is_limited=True)
    Membership.objects.get(user=here.staff).branches.set([second])
    make_order(here)

    assert rows(api(other).get(URL)) == []
    assert rows(api(here, here.staff).get(URL)) == []
    assert api(other).get(f"{URL}?company={here.company.id}").status_code == 404


def test_a_bad_filter_is_400_and_leaves_no_trace(here):
    response = api(here).get(f"{URL}?status=eaten", headers={"Accept": "text/csv"})

    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert not AuditEntry.objects.filter(action="order.exported").exists()


def test_it_is_csv_whatever_is_accepted(here):
    assert api(here).get(URL, headers={"Accept": "text/csv"}).status_code == 200


def test_it_wants_a_sign_in():
    assert Client().get(URL).status_code == 401


@pytest.mark.django_db(transaction=True)
def test_it_streams_under_wsgi_without_a_warning(here):
    make_order(here)
    environ = RequestFactory().get(URL, headers={"Authorization": f"Token {here.token()}"}).environ
    sent = []

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        response = WSGIHandler()(environ, lambda status, headers: sent.append(status))
        content = b"".join(response)

    assert sent == ["200 OK"]
    assert len(read(content)) == 1


@pytest.mark.django_db(transaction=True)
async def test_it_streams_under_asgi_without_a_warning():
    here = await database_sync_to_async(make_installation)()
    await database_sync_to_async(make_order)(here)
    token = await database_sync_to_async(here.token)()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        response = await AsyncClient().get(URL, headers={"Authorization": f"Token {token}"})
        content = b"".join([piece async for piece in response.streaming_content])

    assert len(read(content)) == 1
