"""Queries whose SQL is made once find, write and refuse what Django's own do."""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.signals import post_save

from orders.compiled import Select, Update, placed
from orders.inserts import insert, insert_all
from orders.models import BranchStore, Customer, MenuProductCode, Order, OrderEvent, OrderItem, OrderItemModifier
from orders.timeline import last_seq, open_order

NOW = "2026-01-10T12:00Z"
CODES = Select(
    lambda at: MenuProductCode.objects.select_related("product").filter(
        company=at.one("company", MenuProductCode, "company"),
        external_id__in=at.many("ids", MenuProductCode, "external_id"),
    )
)


@pytest.fixture
def menu(company, mansaf) -> list[MenuProductCode]:
    codes = [
        MenuProductCode(company=company, product=mansaf, provider="talabat", external_id=f"P{n}") for n in range(5)
    ]
    return MenuProductCode.objects.bulk_create(codes)


def customer(company, **fields) -> Customer:
    return Customer(company=company, name="Layla Haddad", **fields)


def test_instances_are_those_of_the_query_set_related_ones_included(company, menu, mansaf, django_assert_num_queries):
    with django_assert_num_queries(1):
        found = CODES.all(company=company.id, ids=["P1", "P3"])
        products = {code.product.name: code.product.price for code in found}
    assert {code.pk for code in found} == {menu[1].pk, menu[3].pk}
    assert [getattr(found[0], name) for name in ("company_id", "provider")] == [company.id, "talabat"]
    assert products == {"Lamb Mansaf": Decimal("9.750")}
    assert found[0].mapped_at == MenuProductCode.objects.get(pk=found[0].pk).mapped_at


def test_a_list_of_any_length_is_filled_up_so_that_its_query_has_few_forms(company, menu, django_assert_num_queries):
    with django_assert_num_queries(2) as captured:
        three = CODES.all(company=company.id, ids=["P0", "P1", "P2"])
        four = CODES.all(company=company.id, ids=["P0", "P1", "P2", "P3"])
    assert (len(three), len(four)) == (3, 4)
    places = [re.findall(r" IN \((.*?)\)", each["sql"])[0].count(",") + 1 for each in captured.captured_queries]
    assert places == [4, 4]


def test_an_empty_list_finds_nothing_and_asks_nothing(company, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert CODES.all(company=company.id, ids=[]) == []


def test_what_belongs_to_another_company_is_not_found(other_company, menu):
    assert CODES.first(company=other_company.id, ids=["P1"]) is None


def test_the_first_is_the_first_by_the_order_of_the_query(company):
    main = company.branches.get()
    for store_id in ("b", "a", "c"):
        BranchStore.objects.create(branch=main, provider="jahez", store_id=store_id)
    stores = Select(
        lambda at: BranchStore.objects.filter(provider=at.one("provider", BranchStore, "provider")).order_by(
            "-store_id"
        )[:2]
    )
    first = stores.first(provider="jahez")
    assert first is not None
    assert first.store_id == "c"
    assert [store.store_id for store in stores.all(provider="jahez")] == ["c", "b"]


def test_an_update_writes_the_fields_of_the_row_where_the_query_finds_it(company):
    row = customer(company, phone="+962790000001")
    row.save()
    write = Update(
        ("name", "email_key"),
        lambda at: Customer.objects.filter(pk=at.one("id", Customer, "id"), phone=at.one("phone", Customer, "phone")),
    )
    row.name, row.email_key, row.phone = "Omar", None, "not written"
    assert write.run(row, id=row.pk, phone="somebody else's") == 0
    assert Customer.objects.get().name == "Layla Haddad"
    assert write.run(row, id=row.pk, phone="+962790000001") == 1
    after = Customer.objects.get()
    assert (after.name, after.email_key, after.phone) == ("Omar", None, "+962790000001")


def test_a_row_is_inserted_as_saving_it_does(company):
    heard = []

    def hear(sender, instance, created, **kwargs):
        heard.append((instance, created))

    post_save.connect(hear, sender=Customer)
    try:
        row = customer(company, phone_key="+962790000001")
        assert insert(row) is True
    finally:
        post_save.disconnect(hear, sender=Customer)
    assert heard == [(row, True)]
    assert row._state.adding is False
    row.name = "Omar"
    row.save()
    assert Customer.objects.get().name == "Omar"
    assert row.created_at <= row.updated_at


def test_a_key_that_is_taken_is_refused(company):
    insert(customer(company, phone_key="+962790000001"))
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(customer(company, phone_key="+962790000001"))
    assert Customer.objects.count() == 1


def test_unless_taken_leaves_the_row_that_was_first(company):
    first, second = (customer(company, phone_key="+962790000001") for _ in range(2))
    assert insert(first, unless_taken=True) is True
    assert insert(second, unless_taken=True) is False
    assert second._state.adding is True
    assert Customer.objects.get() == first


def new_order(company, external_id: str) -> Order:
    now = datetime.fromisoformat(NOW)
    return Order(
        id=uuid.uuid4(), company=company, provider="careem", external_id=external_id, currency="JOD", total=Decimal("1.250"),
        customer_name="100 % 'Layla' %s {} \\ ليلى", delivery_address={"city": "Amman", "floor": None}, discount=None,
        attention_reasons=["unmapped_item"], placed_at=now, received_at=now, created_at=now, updated_at=now,
    )  # fmt: skip


def values_of(row) -> dict:
    return {field.attname: getattr(row, field.attname) for field in row._meta.local_concrete_fields}


@pytest.mark.parametrize(("lines", "options"), [(0, 0), (1, 0), (1, 1), (3, 5)])
def test_an_order_is_opened_with_all_that_belongs_to_it_under_the_next_number(company, mansaf, lines, options):
    opened = []
    for external_id in ("1", "2"):
        order = new_order(company, external_id)
        items = [
            OrderItem(order_id=order.id, position=n, quantity=n + 1, unit_price=Decimal("1.5"), menu_product=mansaf)
            for n in range(lines)
        ]
        rows = [
            OrderItemModifier(item_id=items[0].id, position=n, name=f"Option {n}", price=None) for n in range(options)
        ]
        with transaction.atomic():
            entry = open_order(
                order, items, rows, type="order.created", source="provider", changes={"a": [1, None]},
                occurred_at=order.placed_at,
            )  # fmt: skip
        opened.append((order, entry, items, rows))
    for number, (order, entry, items, rows) in enumerate(opened, 1):
        assert (order.seq, entry.seq) == (number, number)
        assert not any(row._state.adding for row in (order, entry, *items, *rows))
        for row in (order, entry, *items, *rows):
            assert values_of(type(row).objects.get(pk=row.pk)) == values_of(row)
    assert (OrderItem.objects.count(), OrderItemModifier.objects.count()) == (2 * lines, 2 * options)
    assert last_seq(company.id) == 2


def test_an_order_whose_rows_are_refused_takes_no_number(company):
    order = new_order(company, "1")
    items = [OrderItem(order_id=order.id, position=0, quantity=1) for _ in range(2)]
    with pytest.raises(IntegrityError), transaction.atomic():
        open_order(order, items, [], type="order.created", source="provider", occurred_at=order.placed_at)
    assert (Order.objects.count(), last_seq(company.id)) == (0, 0)


def test_what_hears_of_entries_hears_of_the_first_one(company):
    heard = []

    def hear(sender, instance, created, **kwargs):
        heard.append((instance, created, instance.order.seq))

    post_save.connect(hear, sender=OrderEvent)
    try:
        order = new_order(company, "1")
        entry = open_order(order, [], [], type="order.created", source="provider", occurred_at=order.placed_at)
    finally:
        post_save.disconnect(hear, sender=OrderEvent)
    assert heard == [(entry, True, 1)]


def test_places_are_those_of_the_database():
    wanted = "a = $1 AND b LIKE '%' AND c IN ($2, $3)" if connection.vendor == "postgresql" else None
    written = "a = %s AND b LIKE '%%' AND c IN (%s, %s)"
    assert placed(written) == (wanted or written)


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_several_rows_are_inserted_with_one_query(company, mansaf, count, django_assert_num_queries):
    order = new_order(company, "1")
    order.save(force_insert=True)
    rows = [
        OrderItem(
            order_id=order.id, position=n, name=f"Dish {n} 'quoted' {{}} \\ منسف", quantity=n + 1,
            unit_price=Decimal("1.250"), total_price=None if n % 2 else Decimal("2.5"), menu_product=None if n else mansaf,
        )
        for n in range(count)
    ]  # fmt: skip
    with django_assert_num_queries(1 if count else 0, connection=connection):
        insert_all(rows)
    stored = list(OrderItem.objects.filter(order=order).order_by("position"))
    assert [
        (row.pk, row.name, row.quantity, row.unit_price, row.total_price, row.menu_product_id) for row in stored
    ] == [(row.pk, row.name, row.quantity, row.unit_price, row.total_price, row.menu_product_id) for row in rows]
    assert not any(row._state.adding for row in rows)
