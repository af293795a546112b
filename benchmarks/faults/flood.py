"""A stranger who floods the sockets, in a process of its own: a program that reads what to do and writes what became of it."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys
from collections import Counter

from benchmarks.faults.listener import Closed, shake_hands

A_SECOND = 50
TOO_LARGE = 2 * 1024 * 1024


async def open_many(port: int, count: int, token: str, address: str) -> Counter[str]:
    """Open so many sockets from an address and leave them open till the end; count what became of them.

    ``refused`` in the handshake, ``closed`` with a code after it, or ``greeted``.
    """
    ends: list[asyncio.StreamWriter] = []

    async def open_one(after_s: float) -> str:
        await asyncio.sleep(after_s)
        try:
            async with asyncio.timeout(20):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                ends.append(writer)
                await shake_hands(reader, writer, token, address)
                first, _ = await reader.readexactly(2)
        except (OSError, TimeoutError, Closed, asyncio.IncompleteReadError):
            return "refused"
        return "greeted" if first & 0x0F == 1 else "closed"

    try:
        return Counter(await asyncio.gather(*(open_one(number / A_SECOND) for number in range(count))))
    finally:
        for writer in ends:
            writer.transport.abort()


async def send_too_large(port: int, token: str, address: str) -> str:
    """Send a frame of 2 MB; return ``cut`` where the server ends the socket, else ``taken``."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(20):
            await shake_hands(reader, writer, token, address)
            writer.write(bytes([0x81, 0xFF]) + struct.pack(">Q", TOO_LARGE) + os.urandom(4) + bytes(TOO_LARGE))
            while await reader.read(65_536):
                pass
    except (TimeoutError, Closed, asyncio.IncompleteReadError):
        return "taken"
    except OSError:
        return "cut"
    finally:
        writer.transport.abort()
    return "cut"


async def main(port: int, what: str, count: int, token: str, address: str) -> None:
    """Open sockets, or send frames that are too large; print how often what became of it."""
    if what == "frames":
        found = Counter([await send_too_large(port, token, address) for _ in range(count)])
    else:
        found = await open_many(port, count, token, address)
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main(*json.load(sys.stdin)))
