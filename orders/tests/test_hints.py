"""Hints to the sockets leave in the order in which they came, and what waits for one group goes as one message."""

from __future__ import annotations

import asyncio

import pytest

from orders import live
from orders.feeds import Feed

pytestmark = [pytest.mark.any_database, pytest.mark.asyncio]


class Layer:
    """Keeps what is sent; the first sending waits until it is let go."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[tuple[str, dict]] = asyncio.Queue()
        self.go = asyncio.Event()

    async def group_send(self, group, message):
        self.sent.put_nowait((group, message))
        await self.go.wait()

    async def next(self) -> tuple[str, dict]:
        return await asyncio.wait_for(self.sent.get(), 30)


def hint(number: int) -> dict:
    return {"type": "frame", "frame": {"type": "order_created", "seq": number}, "branch": None, "at": 0.0}


async def test_what_waits_for_one_group_goes_as_one_message(monkeypatch):
    layer = Layer()
    monkeypatch.setattr(live, "get_channel_layer", lambda: layer)
    hints = live.Hints()
    hints.use_loop(asyncio.get_running_loop())
    hints.send("company_a", hint(1))
    assert await layer.next() == ("company_a", hint(1))
    for group, number in (("company_a", 2), ("company_b", 7), ("company_a", 3)):
        hints.send(group, hint(number))
    layer.go.set()
    assert await layer.next() == ("company_a", {"type": "frames", "messages": [hint(2), hint(3)]})
    assert await layer.next() == ("company_b", hint(7))
    assert layer.sent.empty()


async def test_a_layer_that_fails_loses_what_waited_and_is_left_alone_for_a_while(monkeypatch):
    class Broken:
        tries = 0
        tried = asyncio.Event()

        async def group_send(self, group, message):
            self.tries += 1
            self.tried.set()
            raise OSError("gone")

    layer = Broken()
    monkeypatch.setattr(live, "get_channel_layer", lambda: layer)
    hints = live.Hints()
    hints.use_loop(asyncio.get_running_loop())
    for number in (1, 2):
        hints.send("company_a", hint(number))
    await asyncio.wait_for(layer.tried.wait(), 30)
    hints.send("company_a", hint(3))
    assert (layer.tries, list(hints._waiting)) == (1, [])


async def test_a_feed_takes_each_frame_of_a_message(monkeypatch):
    class Socket:
        got: list[tuple[dict, str | None]] = []

        def deliver(self, frame, branch_id):
            self.got.append((frame, branch_id))

        def catch_up(self, seq):
            raise AssertionError("nothing is behind")

    class Messages:
        async def receive(self, channel):
            if not waiting:
                raise ConnectionError("no more")
            return waiting.pop(0)

        async def group_add(self, group, channel):
            pass

        async def group_discard(self, group, channel):
            pass

    waiting = [{"type": "frames", "messages": [hint(1), {"type": "other"}, hint(2)]}, hint(3)]
    monkeypatch.setattr(Feed, "_listen", lambda self: asyncio.sleep(0))
    feed = Feed(company_id="00000000-0000-4000-8000-000000000001")
    feed.sockets.add(Socket())
    with pytest.raises(ConnectionError):
        await feed._pass_on(Messages(), "channel")
    assert [frame["seq"] for frame, _ in Socket.got] == [1, 2, 3]
    assert feed.seq == 3
