"""The sender counts from the time that was meant, and loses no answer."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from decimal import Decimal

import pytest

from benchmarks.faults.servers import MissingError
from benchmarks.speed.checks import compare
from benchmarks.speed.listeners import listeners, take_frame
from benchmarks.speed.of_sockets import told as frames_told
from benchmarks.speed.of_work import growth
from benchmarks.speed.plan import Expected, Planned, read_plan, write_plan
from benchmarks.speed.sender import Sender
from benchmarks.speed.sending import Sent

COMPANY = "3f1c8a52-0000-4000-8000-000000000001"
EXPECTED = Expected(COMPANY, "careem", "1", 10, 12, Decimal("4.500"))
WIRE = b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"


@contextlib.asynccontextmanager
async def server(answer):
    """Serve connections with a coroutine that takes a request's number, counted from 0, and returns what is written."""
    numbers = iter(range(1_000_000))

    async def handle(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                said = await answer(next(numbers))
                if said is None:
                    break
                writer.write(said)
        writer.close()

    running = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield running.sockets[0].getsockname()[1]
    finally:
        running.close()


def response(status: int = 200, body: bytes = b"{}", extra: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n%s" % (status, len(body), extra, body)


async def sent_by(port: int, count: int, connections: int, mode: str = "open", seconds: float = 5.0) -> Sender:
    sender = Sender(port, [(0.0, WIRE)] * count, connections)
    if mode != "burst":
        await sender.open_connections(connections)
    start = asyncio.get_running_loop().time()
    if mode == "closed":
        await sender.run_closed(start, seconds)
    else:
        await (sender.run_burst(start) if mode == "burst" else sender.run_open(start))
    return sender


@pytest.mark.parametrize("mode", ["open", "burst"])
async def test_every_request_gets_its_answer(mode):
    async def answer(number):
        return response(503 if number == 3 else 200)

    async with server(answer) as port:
        sender = await sent_by(port, 20, 4, mode)
    assert sorted(sender.status) == [200] * 19 + [503]
    assert all(done >= meant for done, meant in zip(sender.done, sender.meant, strict=True))


async def test_a_closed_loop_sends_until_the_plan_is_over():
    async def answer(number):
        return response()

    async with server(answer) as port:
        sender = await sent_by(port, 50, 3, "closed", seconds=30)
    assert sender.next == 50
    assert sender.status == [200] * 50


async def test_what_waits_for_a_connection_counts_from_when_it_was_meant():
    async def answer(number):
        if number == 0:
            await asyncio.sleep(0.2)
        return response()

    async with server(answer) as port:
        sender = await sent_by(port, 2, 1)
    assert sender.status == [200, 200]
    assert min(done - meant for done, meant in zip(sender.done, sender.meant, strict=True)) >= 0.19


async def test_a_connection_that_the_server_closed_is_replaced_once():
    async def answer(number):
        return None if number == 0 else response()

    async with server(answer) as port:
        sender = await sent_by(port, 3, 1)
    assert sender.status == [200] * 3
    assert sorted(sender.tries) == [1, 1, 2]


async def test_nothing_but_silence_is_status_0():
    async def answer(number):
        return None

    async with server(answer) as port:
        sender = await sent_by(port, 2, 1)
    assert sender.status == [0, 0]


async def test_an_answer_in_pieces_is_one_answer():
    parts = [response(body=b"x" * 100)[:20], response(body=b"x" * 100)[20:]]

    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.01)

    running = await asyncio.start_server(handle, "127.0.0.1", 0)
    sender = await sent_by(running.sockets[0].getsockname()[1], 1, 1)
    running.close()
    assert sender.status == [200]


def test_a_plan_is_read_as_it_was_written(tmp_path):
    plan = [Planned(0.0, b"one\r\n\r\n\x00", EXPECTED), Planned(0.05, b"two", EXPECTED)]
    write_plan(tmp_path / "plan", plan)
    assert read_plan(tmp_path / "plan") == [(0.0, b"one\r\n\r\n\x00"), (0.05, b"two")]


def test_only_what_was_answered_2xx_is_acknowledged():
    plan = [Planned(0.0, WIRE, EXPECTED)] * 4
    sent = Sent(plan, 10.0, 12.0, 0.1, [10.0] * 4, [10.0] * 4, [10.01, 10.02, 10.03, 0.0], [200, 202, 429, 0], [1] * 4)
    assert sent.acknowledged == [EXPECTED, EXPECTED]
    assert sent.per_second == 1.0
    assert sent.others() == {"429": 1, "none": 1}
    assert round(sent.latencies().max_ms / 1000) == 20


# -- what is checked afterwards ----------------------------------------------------------------------------------------

ROW = (COMPANY, "careem", "1", Decimal("4.5000"), 10, 12)


def test_a_whole_order_is_not_lost():
    assert compare([EXPECTED], [ROW]) == []
    assert compare([EXPECTED], [(COMPANY.replace("-", ""), "careem", "1", 4.5, 10, 12)]) == []


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([], "1 acknowledged orders are lost"),
        ([(COMPANY, "jahez", "1", Decimal("4.5"), 10, 12)], "1 acknowledged orders are lost"),
        ([ROW, ROW], "1 orders are there twice"),
        ([(*ROW[:4], 9, 12)], "1 orders lack lines or options"),
        ([(*ROW[:5], 11)], "1 orders lack lines or options"),
        ([(*ROW[:3], Decimal("4.6"), 10, 12)], "1 orders have another total"),
    ],
)
def test_what_is_not_whole_is_told(rows, fault):
    assert compare([EXPECTED], rows) == [fault]


@pytest.mark.parametrize("length", [5, 200, 70_000])
def test_a_frame_is_taken_when_it_is_whole(length):
    head = (
        bytes([length])
        if length < 126
        else (b"\x7e" + length.to_bytes(2, "big") if length < 65_536 else b"\x7f" + length.to_bytes(8, "big"))
    )
    whole = b"\x81" + head + b"x" * length
    buffer = bytearray(whole[:-1])
    assert take_frame(buffer) is None
    buffer += whole[-1:] + b"\x89\x00"
    assert take_frame(buffer) == (1, b"x" * length)
    assert take_frame(buffer) == (9, b"")
    assert take_frame(buffer) is None


def test_growth_is_counted_from_the_end_of_the_first_part():
    samples = [{"web": 50.0}] * 10 + [{"web": 100.0}] * 40 + [{"web": 110.0}] * 10
    notes: dict[str, str] = {}
    assert {name: round(value, 3) for name, value in growth(samples, notes).items()} == {"growth": 10, "megabytes": 110}
    assert notes == {"memory of web": "100 MB, then 110 MB (every five minutes: 50 100)"}


# -- the sockets -------------------------------------------------------------------------------------------------------


async def test_sockets_note_when_they_hear_of_a_new_order():
    told = [b'{"type": "hello", "seq": 0}', b'{"type": "order_created", "externalOrderId": "77"}', b'{"type": "ping"}']

    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + b"".join(b"\x81%c" % len(each) + each for each in told)
        )
        await reader.read()
        writer.close()

    running = await asyncio.start_server(handle, "127.0.0.1", 0)
    before = time.monotonic()
    async with listeners(running.sockets[0].getsockname()[1]) as screens:
        await screens.open(["one", "two"])
        await screens.open(["three"])
        await screens.close()
    running.close()
    assert [[order for order, _ in heard] for heard in screens.heard] == [["77"], ["77"], ["77"]]
    assert all(before < at < time.monotonic() for heard in screens.heard for _, at in heard)
    assert screens.lost == 0
    sent = Sent(
        [Planned(0.0, WIRE, dataclasses.replace(EXPECTED, external_id="77"))],
        0,
        1,
        0,
        [before],
        [before],
        [before + 1],
        [200],
        [1],
    )
    times, missing = frames_told(sent, screens, 4)
    assert (times.count, missing) == (3, 1)


async def test_a_socket_that_is_refused_is_told():
    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        writer.close()

    running = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with listeners(running.sockets[0].getsockname()[1]) as screens:
        with pytest.raises(MissingError):
            await screens.open(["one"])
    running.close()


def test_a_run_that_is_too_short_tells_no_growth():
    notes: dict[str, str] = {}
    assert growth([{"web": 50.0}] * 8, notes) == {}
    assert notes == {"memory": "the run was too short to see it grow"}
