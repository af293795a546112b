"""Why a call or a comparison did not work, in Arabic: every sentence that the program can write there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from integration.call_words import call_words

PLACES = (
    "integration/reconciliation/*.py", "integration/outbound.py", "integration/tokens.py", "integration/nexara.py",
    "integration/hub_watch.py", "integration/addresses.py", "providers/listing.py", "providers/*/listing.py",
)  # fmt: skip
RAISED = {"SourceError", "GoneError", "SendError", "ListingError", "AddressError", "gettext_noop"}
VALUE = "404"
SAID_ELSEWHERE = {"404"}
"""What is nothing but another's words."""


def written(node: ast.AST) -> Iterator[str]:
    """Yield the sentences among the arguments of a call, with a value where one stands in them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else VALUE for part in node.values)


def sentences() -> set[str]:
    found = set()
    for place in PLACES:
        for path in Path(settings.BASE_DIR).glob(place):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISED:
                    found |= {text for argument in node.args for text in written(argument)}
    return found - SAID_ELSEWHERE


def test_every_reason_that_is_written_is_arabic_on_an_arabic_page():
    assert len(sentences()) > 30
    with translation.override("ar"):
        assert {text for text in sentences() if call_words(text) == text} == set()


@pytest.mark.parametrize(
    ("stored", "english", "arabic"),
    [
        ("The provider answered 404.", "The provider answered 404.", "أجاب التطبيق بالحالة 404."),
        (
            "The provider answered 503 to the request for a token.",
            "The provider answered 503 to the request for a token.",
            "أجاب التطبيق بالحالة 503 عن طلب رمز الدخول.",
        ),
        ("The list of careem does not end.", "The list of Careem does not end.", "قائمة Careem لا تنتهي."),
        (
            "nexara cannot be reached now; calls wait.",
            "NEXARA cannot be reached now; calls wait.",
            "تعذّر الوصول إلى NEXARA الآن؛ الاتصالات تنتظر.",
        ),
        (
            "This address is not called: expected a full public host name.",
            "This address is not called: expected a full public host name.",
            "لا يُتصل بهذا العنوان: يُنتظر اسم خادم عام كامل.",
        ),
        ("Somebody else's words; and more.", "Somebody else's words; and more.", "Somebody else's words; and more."),
    ],
)
def test_a_reason_keeps_its_value_in_the_language_of_the_page(stored, english, arabic):
    with translation.override("en"):
        assert call_words(stored) == english
    with translation.override("ar"):
        assert call_words(stored) == arabic
