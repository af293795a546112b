"""Ids of rows: of RFC 9562's version 7, rising with time, never twice."""

from __future__ import annotations

import time
import uuid

import pytest

from integration.models import OutboundPush, WebhookLog
from orders.ids import new_id
from orders.models import Customer, OrderEvent, OrderItem, OrderItemModifier

pytestmark = pytest.mark.any_database


def test_an_id_is_a_uuid_of_version_7_that_tells_its_time(monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: 0x0123456789AB * 1_000_000 + 500_000)
    made = new_id()
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert str(made).startswith("01234567-89ab-7800-")


@pytest.mark.parametrize(("nanoseconds", "rest"), [(0, "7000"), (999_999, "7fff")])
def test_the_rest_of_the_millisecond_fills_its_twelve_bits(monkeypatch, nanoseconds, rest):
    monkeypatch.setattr(time, "time_ns", lambda: nanoseconds)
    assert str(new_id())[14:18] == rest


def test_ids_rise_with_time(monkeypatch):
    start = time.time_ns()
    moments = [start, start + 1_000, start + 1_000_000, start + 60_000_000_000, start + 10**18]
    made = []
    for moment in moments:
        monkeypatch.setattr(time, "time_ns", lambda moment=moment: moment)
        made.append(new_id())
    assert [each.bytes for each in made] == sorted(each.bytes for each in made)


def test_ids_of_one_moment_differ(monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: 1)
    assert len({new_id() for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize("model", [Customer, OrderEvent, OrderItem, OrderItemModifier, OutboundPush, WebhookLog])
def test_rows_of_which_an_order_has_many_have_such_ids(model):
    assert model().pk.version == 7
