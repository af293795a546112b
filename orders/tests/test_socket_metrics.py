"""The metrics of the sockets move with them."""

from __future__ import annotations

import asyncio
import time

import pytest

from integration.tests.metrics import moves, value
from orders import consumers, feeds, live
from orders.tests.test_sockets import _fresh_layer, in_db, make_tenant, next_of, opened, quick, send_order  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


async def until(look, within_s=10.0):
    deadline = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_open_sockets_are_counted():
    _, token = await in_db(make_tenant)()
    async with opened(token=token) as first, opened(token=token) as second:
        await next_of(first, "hello")
        await next_of(second, "hello")
        assert value("integration_socket_connections") == 2
    await until(lambda: value("integration_socket_connections") == 0)


async def test_the_time_from_the_commit_to_the_sockets_is_measured():
    here, token = await in_db(make_tenant)()
    before = value("integration_socket_frame_seconds_count")
    async with opened(token=token) as socket:
        await next_of(socket, "hello")
        await send_order(here)
        await next_of(socket, "order_created")
    # The order's frame and the delivery's.
    await until(lambda: value("integration_socket_frame_seconds_count") >= before + 1)


async def test_a_lag_behind_the_database_is_told(quick, monkeypatch):  # noqa: F811
    here, token = await in_db(make_tenant)()
    behind = []
    monkeypatch.setattr(feeds.metrics.SEQ_LAG, "put", behind.append)
    async with opened(token=token) as socket:
        await next_of(socket, "hello")
        await send_order(here, external_id="1")
        await next_of(socket, "order_created")
        monkeypatch.setattr(live.hints, "send", lambda group, message: None)
        before = value("integration_socket_catch_ups_total")
        await send_order(here, external_id="2")
        await until(lambda: 1 in behind)
        assert value("integration_socket_catch_ups_total") == before + 1


async def test_the_lag_is_a_number_of_the_process():
    feeds.metrics.SEQ_LAG.put(7)
    assert value("integration_socket_seq_lag") == 7
    feeds.metrics.SEQ_LAG.put(0)
    assert value("integration_socket_seq_lag") == 0


async def test_a_frame_that_a_client_is_too_slow_for_is_counted():
    consumer = consumers.OrdersConsumer()
    consumer.outbox = asyncio.Queue(1)
    consumer.put({"type": "ping", "seq": 1})
    with moves("integration_socket_frames_dropped_total"):
        consumer.put({"type": "ping", "seq": 2})


async def test_a_hint_that_does_not_leave_is_counted(monkeypatch):
    hints = live.Hints()
    hints._broken_until = time.monotonic() + 60
    with moves("integration_socket_hints_dropped_total"):
        hints.send("company_x", {"type": "frame", "frame": {}})
