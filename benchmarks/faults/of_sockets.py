"""What becomes of sockets that are idle, slow, too many or fed with too much, and of everybody beside them."""

from __future__ import annotations

import asyncio
import os
import struct
import time
from collections import Counter
from pathlib import Path

from benchmarks.faults.idle import IdleWatch
from benchmarks.faults.listener import Closed, shake_hands
from benchmarks.faults.run import Run
from benchmarks.faults.scenarios import scenario
from benchmarks.faults.stack import Stack

PING_WITHIN_S = 25.0
"""The longest silence on an idle socket: a ping comes every 20 s."""
SLOW_S = 60.0
"""How long the slow client reads nothing: the server gives up on whoever does not answer its pings for 50 s."""
OF_PERSON, OF_ADDRESS, FLOOD_A_SECOND = 250, 750, 50
TOO_LARGE = 2 * 1024 * 1024
MOST_GROWTH_MB = 64


@scenario("socket-idle", "nothing happens on a socket for minutes, beside the faults before")
async def socket_idle(run: Run) -> None:
    watch = await IdleWatch.begin(run.stack)
    async with run.load(5, rate=9):
        pass
    await asyncio.sleep(watch.limit_s)
    listener = watch.listener
    run.notes["idle"] = f"{(time.monotonic() - watch.opened_at) / 60:.1f} min"
    run.notes["longest silence"] = f"{listener.longest_silence_s:.1f} s"
    if listener.connects != 1:
        run.faults.append(f"the idle socket was opened {listener.connects} times")
    if listener.longest_silence_s > PING_WITHIN_S:
        run.faults.append(f"the idle socket was silent for {listener.longest_silence_s:.0f} s")
    await IdleWatch.end()


@scenario("socket-slow", "a client reads nothing for a minute; it loses frames, and no facts")
async def socket_slow(run: Run) -> None:
    slow = run.listeners[0]
    async with run.load(SLOW_S + 8, rate=9):
        await asyncio.sleep(4)
        slow.was_slow = True
        slow.reads.clear()
        known = slow.seq
        await asyncio.sleep(SLOW_S)
        slow.reads.set()
    run.notes["behind by"] = f"{run.last_seq(slow.company.id) - known} events"
    await run.wait_for("caught up", lambda: slow.seq >= run.last_seq(slow.company.id), 15)
    run.notes["opened again"] = f"{slow.connects - 1} times"


@scenario("socket-flood", "a thousand sockets are opened by two strangers in seconds, and frames of 2 MB are sent")
async def socket_flood(run: Run) -> None:
    (stranger,) = await asyncio.to_thread(run.stack.make_companies, f"{run.name}-{run.number}")
    opened = [listener.connects for listener in run.listeners]
    before_mb = memory_mb(run.stack.pid("sockets"))
    async with run.load(30):
        await asyncio.sleep(2)
        person = await flood(run.stack, OF_PERSON, stranger.token, "203.0.113.1")
        nobody = await flood(run.stack, OF_ADDRESS, "x" * 40, "203.0.113.2")
        cut = [await send_too_large(run.stack, stranger.token, f"203.0.113.{number}") for number in range(3, 13)]
    run.notes["of a person"] = ", ".join(f"{count} {what}" for what, count in person.items())
    run.notes["of a stranger"] = ", ".join(f"{count} {what}" for what, count in nobody.items())
    run.notes["frames of 2 MB cut off"] = str(sum(cut))
    run.notes["sockets grew by"] = f"{(growth := memory_mb(run.stack.pid('sockets')) - before_mb):.0f} MB"
    if nobody["greeted"]:
        run.faults.append(f"{nobody['greeted']} sockets of nobody were greeted")
    if not all(cut) or growth > MOST_GROWTH_MB:
        run.faults.append(f"{sum(cut)} of {len(cut)} frames of 2 MB were cut off, and memory grew by {growth:.0f} MB")
    if [listener.connects for listener in run.listeners] != opened:
        run.faults.append("somebody else's socket was closed")


async def flood(stack: Stack, count: int, token: str, address: str) -> Counter[str]:
    """Open so many sockets from an address and leave them open till the end; count what became of them.

    ``refused`` in the handshake, ``closed`` with a code after it, or ``greeted``.
    """
    ends: list[asyncio.StreamWriter] = []

    async def open_one(after_s: float) -> str:
        await asyncio.sleep(after_s)
        try:
            async with asyncio.timeout(20):
                reader, writer = await asyncio.open_connection("127.0.0.1", stack.sockets_port)
                ends.append(writer)
                await shake_hands(reader, writer, token, address)
                first, _ = await reader.readexactly(2)
        except (OSError, TimeoutError, Closed, asyncio.IncompleteReadError):
            return "refused"
        return "greeted" if first & 0x0F == 1 else "closed"

    try:
        return Counter(await asyncio.gather(*(open_one(number / FLOOD_A_SECOND) for number in range(count))))
    finally:
        for writer in ends:
            writer.transport.abort()


async def send_too_large(stack: Stack, token: str, address: str) -> bool:
    """Send a frame of 2 MB; return whether the server ended the socket."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.sockets_port)
    try:
        async with asyncio.timeout(20):
            await shake_hands(reader, writer, token, address)
            writer.write(bytes([0x81, 0xFF]) + struct.pack(">Q", TOO_LARGE) + os.urandom(4) + bytes(TOO_LARGE))
            while await reader.read(65_536):
                pass
    except OSError:
        return True
    except (TimeoutError, Closed):
        return False
    finally:
        writer.transport.abort()
    return True


def memory_mb(pid: int) -> float:
    """Return what a process holds in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
