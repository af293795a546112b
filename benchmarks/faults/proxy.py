"""A TCP proxy in a process of its own, told on standard input how to treat what passes.

``pass``, ``refuse`` (connections are reset), ``blackhole`` (they stay open and nothing arrives), ``delay <ms>`` (each chunk
waits), ``cut <bytes>`` (a connection ends after so many bytes from the server).
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.faults.servers import free_port, is_open

ROOT = Path(__file__).resolve().parent.parent.parent
CHUNK = 65_536


class Forwarder:
    """Forwards connections to one port of this machine, as its mode says."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.mode, self.amount = "pass", 0
        self.open_again = asyncio.Event()
        self.open_again.set()
        self.writers: set[asyncio.StreamWriter] = set()

    def set_mode(self, mode: str, amount: int = 0) -> None:
        self.mode, self.amount = mode, amount
        if mode == "blackhole":
            self.open_again.clear()
        else:
            self.open_again.set()
        if mode == "refuse":
            for writer in tuple(self.writers):
                writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection both ways until either side ends it."""
        self.writers.add(writer)
        upstream: asyncio.StreamWriter | None = None
        try:
            await self.open_again.wait()
            if self.mode == "refuse":
                return
            from_server, upstream = await asyncio.open_connection("127.0.0.1", self.target)
            self.writers.add(upstream)
            ways = [asyncio.ensure_future(self._copy(reader, upstream, counted=False)),
                    asyncio.ensure_future(self._copy(from_server, writer, counted=True))]  # fmt: skip
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
        except OSError:
            pass
        finally:
            for end in (writer, upstream):
                if end is not None:
                    self.writers.discard(end)
                    end.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                await self.open_again.wait()
                if self.mode == "delay":
                    await asyncio.sleep(self.amount / 1000)
                if self.mode == "cut" and counted:
                    passed += len(data)
                    if passed > self.amount:
                        return
                writer.write(data)
                await writer.drain()


async def main(port: int, target: int) -> None:
    """Serve until standard input ends."""
    forwarder = Forwarder(target)
    server = await asyncio.start_server(forwarder.serve, "127.0.0.1", port)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        mode, *rest = line.decode().split()
        forwarder.set_mode(mode, int(rest[0]) if rest else 0)
    server.close()


class Proxy:
    """The handle of a proxy process."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "benchmarks.faults.proxy", str(self.port), str(target)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True)
        deadline = time.monotonic() + 10
        while not is_open(self.port) and time.monotonic() < deadline:
            time.sleep(0.05)

    def set_mode(self, mode: str, amount: int = 0) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{mode} {amount}\n".encode())
        self.process.stdin.flush()

    def stop(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.terminate()
        self.process.wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
