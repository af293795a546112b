"""How often sockets may be opened."""

from __future__ import annotations

import ipaddress
import logging
import time
from types import SimpleNamespace

import pytest
import redis
from channels.layers import channel_layers

import orders.counters
from orders import consumers, socket_limits
from orders.counters import Window, counters
from orders.tests.test_sockets import IN_MEMORY, close_code, in_db, make_tenant, opened
from restaurant_integration.asgi import websocket

pytestmark = pytest.mark.django_db(transaction=True)
PEER = "198.51.100.1"


@pytest.fixture(autouse=True)
def _in_memory(settings):
    settings.CHANNEL_LAYERS = IN_MEMORY
    channel_layers.backends.clear()


@pytest.fixture(autouse=True)
def _one_minute(monkeypatch):
    """No window ends in the middle of a test."""
    clock = SimpleNamespace(time=lambda: 1_800_000_030.0, monotonic=time.monotonic)
    monkeypatch.setattr(orders.counters, "time", clock)


@pytest.fixture
def two_per_address(monkeypatch):
    monkeypatch.setattr(socket_limits, "PER_ADDRESS", (Window(2, 60),))


async def accepted(**kwargs) -> bool:
    async with opened(**kwargs) as socket:
        return socket.accepted


async def test_an_address_that_opens_too_many_is_refused_before_anything_is_looked_up(two_per_address, monkeypatch):
    looked_up = []

    async def look_up(caller):
        looked_up.append(caller)
        return consumers.NOT_AUTHENTICATED

    monkeypatch.setattr(consumers, "check_access", look_up)
    assert [await accepted(peer=PEER) for _ in range(4)] == [True, True, False, False]
    assert await accepted(peer="198.51.100.2")
    assert len(looked_up) == 3


async def test_the_addresses_of_one_ipv6_network_count_together(two_per_address):
    peers = ["2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:ffff::3", "2001:db8:1:3::1"]
    assert [await accepted(peer=peer) for peer in peers] == [True, True, False, True]


async def test_an_address_counts_for_itself_behind_a_trusted_proxy(two_per_address, monkeypatch):
    monkeypatch.setattr(websocket.proxies, "_networks", [ipaddress.ip_network("10.0.0.0/8")])
    asked = [("10.0.0.1", "203.0.113.1")] * 3 + [("10.0.0.1", "203.0.113.1, 203.0.113.2")]
    assert [await accepted(peer=peer, forwarded_for=sender) for peer, sender in asked] == [True, True, False, True]


async def test_a_forwarded_address_of_anybody_else_counts_for_nothing(two_per_address):
    senders = ["203.0.113.1", "203.0.113.2", "203.0.113.3"]
    assert [await accepted(peer=PEER, forwarded_for=sender) for sender in senders] == [True, True, False]


async def test_a_person_who_opens_too_many_is_asked_to_come_later(monkeypatch):
    monkeypatch.setattr(consumers, "PER_PERSON", (Window(1, 60),))
    _, token = await in_db(make_tenant)()
    _, others = await in_db(make_tenant)("other-grill")
    async with opened(token=token) as first:
        assert (await first.receive_json_from(timeout=5))["type"] == "hello"
        async with opened(token=token) as second:
            assert await close_code(second) == consumers.TRY_AGAIN
    async with opened(token=others) as other:
        assert (await other.receive_json_from(timeout=5))["type"] == "hello"


async def test_refusals_are_said_once_a_minute(two_per_address, caplog):
    with caplog.at_level(logging.WARNING, "orders.socket_limits"):
        for _ in range(6):
            await accepted(peer=PEER)
    said = [record.getMessage() for record in caplog.records if record.name == "orders.socket_limits"]
    assert len(said) == 1
    assert PEER not in said[0]


async def test_without_redis_sockets_are_counted_here(two_per_address, monkeypatch):
    class Away:
        def pipeline(self, **kwargs):
            raise redis.ConnectionError

    monkeypatch.setattr(counters, "_redis", Away())
    monkeypatch.setattr(counters, "_broken_until", 0.0)
    assert [await accepted(peer=PEER) for _ in range(3)] == [True, True, False]


async def test_what_this_process_has_seen_too_often_asks_redis_nothing(two_per_address, monkeypatch):
    asked, ask = [], counters.exceeded
    monkeypatch.setattr(counters, "exceeded", lambda key, windows: asked.append(key) or ask(key, windows))
    assert [await accepted(peer=PEER) for _ in range(4)] == [True, True, False, False]
    assert asked == [f"sockets:address:{PEER}"] * 2


async def test_what_other_processes_have_seen_counts_too(two_per_address):
    for _ in range(2):
        counters.exceeded(f"sockets:address:{PEER}", socket_limits.PER_ADDRESS)
    assert not await accepted(peer=PEER)
