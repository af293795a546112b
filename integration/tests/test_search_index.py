"""The index of the search by parts: that Postgres can answer each of its conditions from it."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pytest
from django.db import connection

from orders.access import Access
from orders.filters import matches
from orders.models import Order
from providers.events import Status

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.postgres,
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="needs Postgres: SQLite has no such index"),
]
MIGRATION = importlib.import_module("orders.migrations.0013_search")


@pytest.mark.parametrize("text", ["Lina Had", "#412", "79012345", "+962 79 012 3456"])
def test_each_condition_of_the_search_is_answered_from_the_index(amman, text):
    MIGRATION.make_index(None, SimpleNamespace(connection=connection))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
    orders = Order.objects.filter(matches(text, Access(amman.owner, amman.company, "owner"))).order_by()

    plan = orders.explain()

    assert "Seq Scan" not in plan
    assert plan.count("order_search") == str(orders.query).count(" LIKE ")


def test_without_the_right_to_make_an_index_the_search_goes_on(amman, monkeypatch, caplog):
    monkeypatch.setattr(MIGRATION, "INDEX", "CREATE INDEX order_search ON no_such_table (x)")

    MIGRATION.make_index(None, SimpleNamespace(connection=connection))

    assert "The search has no index" in caplog.text
    assert not Order.objects.filter(status=Status.RECEIVED, external_id__startswith="x").exists()
