"""Two writings of one name."""

from __future__ import annotations

import pytest

from orders.names import name_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Classic Burger", "  classic   BURGER "),
        ("Ｃｌａｓｓｉｃ Burger", "Classic Burger"),
        ("برجر كلاسيك", "بَرْجَر كلاسيك"),
        ("منسف لحم", "منســـف لحم"),
        ("أرز", "ارز"),
        ("إدام", "ادام"),
        ("كنافة", "كنافه"),
        ("حلوى", "حلوي"),
        ("Straße", "STRASSE"),
        ("شاورما‎", "شاورما‎"),
    ],
)
def test_same_name(one, other):
    assert name_key(one) == name_key(other) != ""


@pytest.mark.parametrize(
    ("one", "other"), [("Burger", "Burger Meal"), ("Café", "Cafe"), ("برجر", "برجر دجاج"), ("", "x")]
)
def test_other_name(one, other):
    assert name_key(one) != name_key(other)


def test_key_fits_its_column():
    assert len(name_key("ﷺ" * 255)) <= 255
