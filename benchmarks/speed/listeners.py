"""Many open sockets: a process of its own that notes when each hears of each new order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import struct
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.faults.listener import handshake
from benchmarks.faults.proxy import ROOT
from benchmarks.faults.servers import MissingError

AT_ONCE = 25
"""So many handshakes are under way at the same time."""
OPEN_WITHIN_S = 120.0
CLOSE_WITHIN_S = 60.0
_CREATED = b'"type": "order_created"'


class Socket(asyncio.Protocol):
    """One socket, as little as can be read of it: the time of each frame of a new order, and an answer to each ping."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.greeted = asyncio.Event()
        self.is_lost = False
        self.heard: list[tuple[str, float]] = []
        self._buffer = bytearray()
        self._is_open = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(handshake(self.token))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self.greeted.set()

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._buffer += data
        if not self._is_open:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            del self._buffer[: end + 4]
            self._is_open = True
        while (frame := take_frame(self._buffer)) is not None:
            self._take(*frame, now)

    def _take(self, kind: int, payload: bytes, now: float) -> None:
        if kind == 9 and self._transport is not None:
            mask = os.urandom(4)
            masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
            self._transport.write(bytes([0x8A, 0x80 | len(payload)]) + mask + masked)
        elif kind == 1 and _CREATED in payload:
            self.heard.append((json.loads(payload)["externalOrderId"], now))
        elif kind == 1:
            # The greeting is the first there is.
            self.greeted.set()


def take_frame(buffer: bytearray) -> tuple[int, bytes] | None:
    """Take the first whole frame of a server out of a buffer: its kind and content; None where it is not whole yet."""
    if len(buffer) < 2:
        return None
    length, start = buffer[1] & 0x7F, 2
    if length == 126:
        if len(buffer) < 4:
            return None
        length, start = struct.unpack_from(">H", buffer, 2)[0], 4
    elif length == 127:
        if len(buffer) < 10:
            return None
        length, start = struct.unpack_from(">Q", buffer, 2)[0], 10
    if len(buffer) < start + length:
        return None
    frame = buffer[0] & 0x0F, bytes(buffer[start : start + length])
    del buffer[: start + length]
    return frame


class Listeners:
    """The parent's side of the process."""

    def __init__(self, process: asyncio.subprocess.Process, result: Path) -> None:
        self.process, self._result = process, result
        self.heard: list[list[tuple[str, float]]] = []
        """By socket: external id and when, on the machine's monotonic clock."""
        self.lost = 0

    async def open(self, tokens: Sequence[str]) -> None:
        """Open a socket for each token, beside those that are open. Raises MissingError where one is refused."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(list(tokens)).encode() + b"\n")
        async with asyncio.timeout(OPEN_WITHIN_S):
            said = await self.process.stdout.readline()
        if said.strip() != b"open":
            raise MissingError("not every socket could be opened")

    async def close(self) -> None:
        """Close them all, and read what they heard."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        async with asyncio.timeout(CLOSE_WITHIN_S):
            await self.process.communicate()
        answer = json.loads(await asyncio.to_thread(self._result.read_text))
        self.heard, self.lost = answer["heard"], answer["lost"]


@contextlib.asynccontextmanager
async def listeners(port: int) -> AsyncIterator[Listeners]:
    """Run the process; it has no socket yet."""
    with TemporaryDirectory(prefix="speed-sockets-") as folder:
        result = Path(folder) / "result"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.speed.listeners", str(port), str(result), cwd=ROOT,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**20,
        )  # fmt: skip
        try:
            yield Listeners(process, result)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def listen(port: int) -> dict[str, Any]:
    """Open the sockets of each line of standard input; at its end return what all of them have heard."""
    loop = asyncio.get_running_loop()
    sockets: list[Socket] = []
    gate = asyncio.Semaphore(AT_ONCE)

    async def open_one(token: str) -> Socket:
        async with gate:
            _, one = await loop.create_connection(lambda: Socket(token), "127.0.0.1", port)
            await one.greeted.wait()
            return one

    while line := await asyncio.to_thread(sys.stdin.readline):
        sockets += await asyncio.gather(*(open_one(token) for token in json.loads(line)))
        gc.freeze()
        print("refused" if any(one.is_lost for one in sockets) else "open", flush=True)
    return {"heard": [one.heard for one in sockets], "lost": sum(one.is_lost for one in sockets)}


if __name__ == "__main__":
    answer = asyncio.run(listen(int(sys.argv[1])))
    Path(sys.argv[2]).write_text(json.dumps(answer), encoding="utf-8")
