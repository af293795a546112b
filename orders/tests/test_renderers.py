"""Answers as bytes: what the framework's own renderer makes of the same data, as data."""

from __future__ import annotations

import json
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils.translation import gettext_lazy
from rest_framework import renderers

from orders.models import Order
from orders.renderers import JSONRenderer
from providers.events import Status

pytestmark = pytest.mark.any_database


def same() -> dict[str, Any]:
    """Return data of every kind, anew: some of it can be read once."""
    return {
        "text": {"a": "كباب", "b": 'quote " and \\ and \n', "c": "line\u2028and\u2029paragraph"},
        "numbers": [0, -1, 1.5, 10**15, 2**63, -(2**63), True, None],
        "beyond 64 bits": {"n": 2**70, "list": ["a"]},
        "times": [
            datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
            datetime(2026, 3, 1, 9, 30, 0, 123456, UTC),
            date(2026, 3, 1),
        ],
        "spans": timedelta(seconds=90),
        "amounts": [Decimal("1.250"), Decimal("0")],
        "ids": uuid.UUID("00000000-0000-4000-8000-000000000001"),
        "words": [Status.CONFIRMED, Order.Ring.NEW, gettext_lazy("New")],
        "kinds of list": [(1, 2), OrderedDict(a=1), {"b"}, (number for number in (1, 2))],
        "keys": {1: "one", Status.READY: "two", None: "three"},
        "read once": {"list": (number for number in (1, 2)), "beyond 64 bits": 2**70},
        "nothing": {},
    }


@dataclass
class Told:
    secret: str


def rendered(renderer, data, media_type="application/json"):
    return renderer.render(data, media_type, {})


@pytest.mark.parametrize("name", same())
def test_it_says_what_the_frameworks_own_renderer_says(name):
    ours, frameworks = (rendered(renderer, same()[name]) for renderer in (JSONRenderer(), renderers.JSONRenderer()))
    assert json.loads(ours) == json.loads(frameworks)


def test_no_data_is_no_bytes():
    assert rendered(JSONRenderer(), None) == b""


def test_text_is_utf_8_and_compact():
    assert rendered(JSONRenderer(), {"name": "كباب", "list": [1, 2]}) == '{"name":"كباب","list":[1,2]}'.encode()


def test_it_is_indented_where_that_is_asked_for():
    assert rendered(JSONRenderer(), {"a": 1}, "application/json; indent=2") == b'{\n  "a": 1\n}'


def test_a_number_that_json_has_not_is_null():
    assert rendered(JSONRenderer(), [float("nan"), float("inf")]) == b"[null,null]"


@pytest.mark.parametrize(
    "data",
    [{"name": "\ud800"}, object(), Told("what nobody chose to answer")],
    ids=["half a surrogate pair", "no form", "dataclass"],
)
def test_what_has_no_bytes_is_an_error(data):
    with pytest.raises((TypeError, ValueError)):
        rendered(JSONRenderer(), data)
