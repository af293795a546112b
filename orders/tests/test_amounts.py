"""The check of an order's amounts, by hand-computed figures."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from orders.amounts import adds_up, computed_total, goods_total, line_total
from providers.events import Line, Modifier, OrderSnapshot

ONE_LINE = (Line(quantity=1, total_price=D("10.000")),)


def order(total, *, lines=ONE_LINE, **fields):
    amounts = {name: D(value) for name, value in fields.items()}
    return OrderSnapshot(lines=tuple(lines), total=D(total), **amounts)


@pytest.mark.parametrize(
    "snapshot",
    [
        order("10.000"),
        order("11.600", tax="1.600"),
        order("10.000", tax="1.600"),
        order("11.000", tip="1.000"),
        order("10.000", tip="1.000"),
        order("12.600", tax="1.600", tip="1.000"),
        order("13.000", delivery_fee="2.000", service_fee="1.000"),
        order("9.000", discount="1.000"),
        order("9.000", discount="-1.000"),
        order("10.001"),
        order("8.000", subtotal="8.000"),
        order("10.002", lines=[Line(quantity=1, total_price=D("5")), Line(quantity=1, total_price=D("5"))]),
    ],
)
def test_total_that_fits(snapshot):
    assert adds_up(snapshot, 3)


@pytest.mark.parametrize(
    "snapshot",
    [
        order("10.002"),
        order("11.000"),
        order("9.000"),
        order("12.000", tax="1.600"),
        order("10.000", subtotal="8.000"),
        order("10.003", lines=[Line(quantity=1, total_price=D("5")), Line(quantity=1, total_price=D("5"))]),
    ],
)
def test_total_that_does_not_fit(snapshot):
    assert not adds_up(snapshot, 3)


def test_order_without_prices_cannot_be_checked_and_passes():
    assert adds_up(order("8.85", lines=[Line(quantity=1)]), 2)
    assert adds_up(OrderSnapshot(lines=(Line(quantity=1, total_price=D("1")),)), 2)


def test_line_total_is_the_sent_one_else_unit_and_options_times_quantity():
    options = (Modifier(price=D("0.5"), quantity=2, modifiers=(Modifier(price=D("0.25")),)),)
    assert line_total(Line(quantity=2, unit_price=D("4"), total_price=D("9"), modifiers=options)) == D("9")
    assert line_total(Line(quantity=2, unit_price=D("4"), modifiers=options)) == D("10.5")
    assert line_total(Line(quantity=2, modifiers=options)) is None


def test_goods_are_the_subtotal_else_the_lines():
    assert goods_total(OrderSnapshot(subtotal=D("3"), lines=())) == D("3")
    assert goods_total(OrderSnapshot(lines=(Line(quantity=1, total_price=D("2")), Line(quantity=1)))) is None


def test_computed_total_has_tax_on_top_and_the_tip_in():
    snapshot = OrderSnapshot(subtotal=D("10"), tax=D("1"), tip=D("2"), delivery_fee=D("3"), discount=D("4"))
    assert computed_total(snapshot) == D("12")
    assert computed_total(OrderSnapshot(lines=(Line(quantity=1),))) is None
