"""Faults of payloads in the language of a page."""

from __future__ import annotations

import pytest
from django.utils import translation

from orders.fault_words import fault_words
from orders.models import Branch


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("expected an id, got nothing", "المتوقع: رقم، والموجود: لا شيء"),
        (
            "items[2].quantity: expected a positive integer, got 1.5; order_number: expected an id, got nothing",
            "\u2068items[2].quantity\u2069: المتوقع: عدد صحيح موجب، والموجود: \u20681.5\u2069;"
            " \u2068order_number\u2069: المتوقع: رقم، والموجود: لا شيء",
        ),
        ("expected at most 500 lines, got 501", "المتوقع: 500 سطر على الأكثر، والموجود: \u2068501\u2069"),
        ("expected an object, left out", "المتوقع: كائن، وقد تُرك"),
        ("unchanged", "بلا تغيير"),
        ("Somebody else's words; and so on", "Somebody else's words; and so on"),
    ],
)
def test_a_fault_is_arabic_on_an_arabic_page_and_english_on_an_english_one(text, expected):
    with translation.override("ar"):
        assert fault_words(text).removeprefix("\u200f") == expected
        # A translated one says its direction, and another's keeps its own.
        assert fault_words(text).startswith("\u200f") is (expected != text)
    with translation.override("en"):
        assert fault_words(text) == text


def test_a_branch_has_its_name_in_the_pages_language_as_far_as_there_is_one():
    with translation.override("ar"):
        assert Branch(name="Abdoun", name_ar="عبدون").display_name == "عبدون"
        assert Branch(name="Abdoun").display_name == "Abdoun"
    with translation.override("en"):
        assert Branch(name="Abdoun", name_ar="عبدون").display_name == "Abdoun"
