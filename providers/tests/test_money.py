"""Amounts and their scale."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.events import Line, Modifier, OrderSnapshot
from providers.money import Minor, currency_digits, is_known_currency, to_major


@pytest.mark.parametrize(
    ("code", "digits"),
    [("JOD", 3), ("KWD", 3), ("BHD", 3), ("OMR", 3), ("SAR", 2), ("AED", 2), ("QAR", 2), ("EGP", 2), ("GBP", 2),
     ("EUR", 2), ("JPY", 0), ("IQD", 0)],
)  # fmt: skip
def test_decimals_of_a_currency(code, digits):
    assert currency_digits(code) == digits
    assert is_known_currency(code)


@pytest.mark.parametrize("code", ["", "XX", "ZZZ", "sar", "SARS", "ريال", "123"])
def test_unknown_currency_has_two_decimals(code):
    assert not is_known_currency(code)
    assert currency_digits(code) == 2


@pytest.mark.parametrize(
    ("amount", "digits", "expected"),
    [
        (Decimal("1.5"), 2, "1.50"),
        (Decimal("1.005"), 2, "1.01"),
        (Decimal("-1.005"), 2, "-1.01"),
        (Decimal("1.004999"), 2, "1.00"),
        (Decimal("2.0005"), 3, "2.001"),
        (Decimal("0.5"), 0, "1"),
        (Decimal("99999999999.99999999999999999999"), 3, "100000000000.000"),
        (Minor(1250), 2, "12.50"),
        (Minor(1250), 3, "1.250"),
        (Minor(1250), 0, "1250"),
        (Minor(-5), 2, "-0.05"),
        (Minor(99_999_999_999_999), 3, "99999999999.999"),
    ],
)
def test_amount_in_major_units(amount, digits, expected):
    assert str(to_major(amount, digits)) == expected


def test_missing_amount_stays_missing():
    assert to_major(None, 2) is None


@given(st.integers(-(10**14) + 1, 10**14 - 1), st.integers(0, 4))
def test_minor_units_come_back(units, digits):
    assert to_major(Minor(units), digits).scaleb(digits) == units


def test_snapshot_in_its_currency_scales_every_amount():
    snapshot = OrderSnapshot(
        display_id="A",
        lines=(
            Line(
                quantity=2,
                unit_price=Minor(1250),
                total_price=Decimal("2.5"),
                modifiers=(Modifier(price=Minor(250), modifiers=(Modifier(price=Decimal("0.1")), Modifier())),),
            ),
        ),
        subtotal=Minor(1),
        tax=Minor(2),
        delivery_fee=Minor(3),
        service_fee=Minor(4),
        discount=Minor(5),
        tip=Minor(6),
        total=Minor(7),
        cash_due=Decimal("8"),
    )
    assert snapshot.in_currency(3) == OrderSnapshot(
        display_id="A",
        lines=(
            Line(
                quantity=2,
                unit_price=Decimal("1.250"),
                total_price=Decimal("2.500"),
                modifiers=(Modifier(price=Decimal("0.250"), modifiers=(Modifier(price=Decimal("0.100")), Modifier())),),
            ),
        ),
        subtotal=Decimal("0.001"),
        tax=Decimal("0.002"),
        delivery_fee=Decimal("0.003"),
        service_fee=Decimal("0.004"),
        discount=Decimal("0.005"),
        tip=Decimal("0.006"),
        total=Decimal("0.007"),
        cash_due=Decimal("8.000"),
    )


def test_snapshot_without_lines_or_amounts_stays_so():
    assert OrderSnapshot().in_currency(2) == OrderSnapshot()


def test_modifiers_walk_parents_before_children():
    tree = Modifier(name="1", modifiers=(Modifier(name="2", modifiers=(Modifier(name="3"),)), Modifier(name="4")))
    assert [modifier.name for modifier in tree.walk()] == ["1", "2", "3", "4"]
