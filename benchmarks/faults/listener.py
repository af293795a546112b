"""A program that watches a company as the contract tells: the socket's frames, and the changes call for what it missed."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import struct
import time
from typing import Any

from benchmarks.faults.http import connect, request
from benchmarks.faults.stack import CompanyAccess, Stack

ORDER_FRAMES = {"order_created", "order_updated", "order_cancelled", "order_delivered"}
RECONNECT_S = 0.5
ASK_EVERY_S = 0.5
"""So long a client waits before it takes a missing number for a gap; frames of two processes may come out of order."""


class Closed(Exception):
    """The socket is gone."""


def handshake(token: str = "", address: str = "") -> bytes:
    """Return the request that opens a socket with a token, from an address of its own where one is named."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET /ws/orders/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: token.{token}\r\n"
        f"{f'X-Forwarded-For: {address}' if address else 'X-Client: faults'}\r\n\r\n"
    ).encode()


async def shake_hands(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str = "", address: str = ""
) -> None:
    """Open a socket as :func:`handshake` asks. Raises Closed where it is refused."""
    writer.write(handshake(token, address))
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 101 " not in head.split(b"\r\n")[0]:
        raise Closed


class Listener:
    """One open socket of a company, opened again when it closes."""

    def __init__(self, stack: Stack, company: CompanyAccess) -> None:
        self.stack, self.company = stack, company
        self.seq = 0
        """The last number up to which every event is known."""
        self.events: dict[int, dict[str, Any]] = {}
        self.heard_at: dict[int, float] = {}
        self.raw: list[str] = []
        self.connects = 0
        self.catch_ups = 0
        self.longest_silence_s = 0.0
        self.reads = asyncio.Event()
        """Cleared while the client does not read: what comes waits in buffers, until the server has had enough."""
        self.reads.set()
        self.was_slow = False
        self._head = 0
        """The highest number heard of."""
        self._task = asyncio.ensure_future(self._listen())
        self._asking = asyncio.ensure_future(self._ask())

    async def close(self) -> None:
        for task in (self._task, self._asking):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _listen(self) -> None:
        while True:
            writer: asyncio.StreamWriter | None = None
            try:
                reader, writer = await connect(self.stack.frames_at, self.stack.tls)
                async with asyncio.timeout(10):
                    await shake_hands(reader, writer, self.company.token)
                self.connects += 1
                while True:
                    await self.reads.wait()
                    asked = time.monotonic()
                    # A ping comes every 20 s: silence for longer is a connection that only looks alive.
                    async with asyncio.timeout(30):
                        text = await self._read_text(reader, writer)
                    self.longest_silence_s = max(self.longest_silence_s, time.monotonic() - asked)
                    self._take(text)
            except (OSError, TimeoutError, Closed, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await asyncio.sleep(RECONNECT_S)
            finally:
                if writer is not None:
                    writer.transport.abort()

    async def _read_text(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        """Return the next text message; answer pings on the way."""
        while True:
            first, second = await reader.readexactly(2)
            length = second & 0x7F
            if length == 126:
                length = struct.unpack(">H", await reader.readexactly(2))[0]
            elif length == 127:
                length = struct.unpack(">Q", await reader.readexactly(8))[0]
            data = await reader.readexactly(length)
            kind = first & 0x0F
            if kind == 1:
                return data.decode()
            if kind == 8:
                raise Closed
            if kind == 9:
                mask = os.urandom(4)
                masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
                writer.write(bytes([0x8A, 0x80 | len(data)]) + mask + masked)

    def _take(self, text: str) -> None:
        self.raw.append(text)
        frame = json.loads(text)
        seq = frame.get("seq")
        if seq is None:
            return
        if frame["type"] in ORDER_FRAMES:
            self._keep(frame)
        self._head = max(self._head, seq)

    def _keep(self, frame: dict[str, Any]) -> None:
        self.events.setdefault(frame["seq"], frame)
        self.heard_at.setdefault(frame["seq"], time.time())
        while self.seq + 1 in self.events:
            self.seq += 1

    async def _ask(self) -> None:
        """Ask for what is between, whenever a number does not follow or has no event, until it is answered."""
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            if not self.reads.is_set():
                continue
            if self._head > self.seq:
                await self._catch_up()

    async def _catch_up(self) -> None:
        self.catch_ups += 1
        path = f"/api/orders/changes?since={self.seq}"
        while path:
            answer = await request(
                self.stack.calls_at, "GET", path, {"Authorization": f"Token {self.company.token}"}, timeout_s=8,
                tls=self.stack.tls,
            )  # fmt: skip
            if answer.status != 200:
                return
            self.raw.append(answer.body.decode())
            page = answer.json()
            for frame in page["results"]:
                self._keep(frame)
            following = page["next"]
            path = "/api/" + following.split("/api/", 1)[1] if following else ""
