"""The sender: a process of its own that sends a plan and writes down when each answer was whole.

``open``: each request at its time, whatever became of those before; its time counts from when it was meant to go.
``closed``: on each connection one after the other, for so many seconds. ``burst``: each on a connection of its own, at once.
"""

from __future__ import annotations

import asyncio
import collections
import gc
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.speed.plan import read_plan

ANSWER_WITHIN_S = 20.0
MOST_CONNECTIONS = 1_200
LEAD_S = 0.3
"""From the last preparation to the first request."""
LOOK_EVERY_S = 0.05
"""How often it is looked whether a closed loop has used its plan up."""
TRIES = 2
"""A server may close an idle connection in the moment in which we use it: then another one is taken, once."""


class Connection(asyncio.Protocol):
    """One connection: a request, then its answer. An answer has a length, as all of ours have."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.transport: asyncio.Transport | None = None
        self.number = -1
        """The request that is under way."""
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def send(self, number: int) -> None:
        assert self.transport is not None
        self.number, self._buffer = number, b""
        self.transport.write(self.sender.wires[number])

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) >= end + 4 + length:
            number, self.number = self.number, -1
            self.sender.answered(self, number, int(head[9:12]), closes=b"connection: close" in head)

    def connection_lost(self, exc: Exception | None) -> None:
        number, self.number = self.number, -1
        self.sender.lost(self, number)


class Sender:
    """Sends a plan over a set of connections to one port of this machine."""

    def __init__(self, port: int, plan: list[tuple[float, bytes]], connections: int) -> None:
        self.port, self.most = port, connections
        self.times = [at_s for at_s, _ in plan]
        self.wires = [wire for _, wire in plan]
        count = len(plan)
        self.meant, self.sent, self.done = [0.0] * count, [0.0] * count, [0.0] * count
        self.status, self.tries = [0] * count, [0] * count
        self.idle: collections.deque[Connection] = collections.deque()
        self.waiting: collections.deque[int] = collections.deque()
        self.opened = self.left = 0
        self.all_done = asyncio.Event()
        self.stop_at = float("inf")
        self.next = 0
        """In a closed loop: the next request that nobody has sent."""
        self.mode = "open"

    async def open_connections(self, count: int) -> None:
        """Open so many connections before the start."""
        for at in range(0, count, 50):
            await asyncio.gather(*(self._open() for _ in range(min(50, count - at))))

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        self.opened += 1
        try:
            _, connection = await loop.create_connection(lambda: Connection(self), "127.0.0.1", self.port)
        except OSError:
            self.opened -= 1
            if self.waiting:
                self._finish(self.waiting.popleft(), 0)
            return
        self._free(connection)

    def _free(self, connection: Connection) -> None:
        if self.waiting:
            self._put(connection, self.waiting.popleft())
        else:
            self.idle.append(connection)

    def _put(self, connection: Connection, number: int) -> None:
        self.tries[number] += 1
        self.sent[number] = time.monotonic()
        connection.send(number)

    def submit(self, number: int) -> None:
        """Send a request on the connection that was idle longest; on a new one where none is."""
        while self.idle:
            connection = self.idle.popleft()
            if connection.transport is not None and not connection.transport.is_closing():
                self._put(connection, number)
                return
        self.waiting.append(number)
        self._open_another()

    def _open_another(self) -> None:
        if self.waiting and self.opened < self.most:
            task = asyncio.ensure_future(self._open())
            _tasks.add(task)
            task.add_done_callback(_tasks.discard)

    def answered(self, connection: Connection, number: int, status: int, *, closes: bool) -> None:
        if number < 0:
            return
        self._finish(number, status)
        if closes and connection.transport is not None:
            connection.transport.close()
        elif self.mode == "closed":
            self._next_on(connection)
        else:
            self._free(connection)

    def lost(self, connection: Connection, number: int) -> None:
        self.opened -= 1
        if number >= 0 and self.tries[number] < TRIES:
            self.submit(number)
            return
        if number >= 0:
            self._finish(number, 0)
        if self.mode == "closed":
            self._next_on(None)
        else:
            self._open_another()

    def _finish(self, number: int, status: int) -> None:
        if self.done[number]:
            return
        self.done[number], self.status[number] = time.monotonic(), status
        self.left -= 1
        if not self.left:
            self.all_done.set()

    def _next_on(self, connection: Connection | None) -> None:
        """In a closed loop: send the next request, on another connection where this one is gone, until time or plan is over."""
        if self.next >= len(self.wires) or time.monotonic() >= self.stop_at:
            return
        number, self.next = self.next, self.next + 1
        self.left += 1
        self.meant[number] = time.monotonic()
        self.all_done.clear()
        if connection is None:
            self.submit(number)
        else:
            self._put(connection, number)

    # -- the three ways ----------------------------------------------------------------------------------------------

    async def run_open(self, start: float) -> None:
        self.left = len(self.wires)
        for number, at_s in enumerate(self.times):
            self.meant[number] = start + at_s
            wait_s = start + at_s - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            self.submit(number)
        await self._wait_for_answers()

    async def run_closed(self, start: float, seconds: float) -> None:
        self.mode, self.stop_at = "closed", start + seconds
        await asyncio.sleep(start - time.monotonic())
        for connection in [self.idle.popleft() for _ in range(len(self.idle))]:
            self._next_on(connection)
        while self.next < len(self.wires) and time.monotonic() < self.stop_at:
            await asyncio.sleep(min(LOOK_EVERY_S, max(0.0, self.stop_at - time.monotonic())))
        await self._wait_for_answers()

    async def run_burst(self, start: float) -> None:
        self.left = len(self.wires)
        await asyncio.sleep(start - time.monotonic())
        for number in range(len(self.wires)):
            self.meant[number] = start
            self.submit(number)
        await self._wait_for_answers()

    async def _wait_for_answers(self) -> None:
        if self.left:
            try:
                await asyncio.wait_for(self.all_done.wait(), ANSWER_WITHIN_S)
            except TimeoutError:
                return


_tasks: set[asyncio.Task[None]] = set()


async def send(job: dict[str, Any]) -> dict[str, Any]:
    """Send a plan as the job says; return times (seconds of the machine's monotonic clock) and statuses by its order."""
    sender = Sender(job["port"], read_plan(Path(job["plan"])), min(job["connections"], MOST_CONNECTIONS))
    mode = job["mode"]
    if mode != "burst":
        await sender.open_connections(min(sender.most, max(1, len(sender.wires))))
    # What is loaded now stays: the collector has nothing to look for in it.
    gc.collect()
    gc.freeze()
    gc.disable()
    start = time.monotonic() + LEAD_S
    cpu = _cpu_s()
    if mode == "closed":
        await sender.run_closed(start, job["seconds"])
    elif mode == "burst":
        await sender.run_burst(start)
    else:
        # No sender waits for another's answer.
        sender.most = MOST_CONNECTIONS
        await sender.run_open(start)
    count = sender.next if mode == "closed" else len(sender.wires)
    ended = max([*sender.done[:count], time.monotonic() if sender.left else start])
    return {
        "start": start,
        "end": ended,
        "cpu_s": _cpu_s() - cpu,
        "meant": sender.meant[:count],
        "sent": sender.sent[:count],
        "done": sender.done[:count],
        "status": sender.status[:count],
        "tries": sender.tries[:count],
    }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Read the job from standard input, write the answer to the file that it names."""
    job = json.loads(sys.stdin.read())
    answer = asyncio.run(send(job))
    Path(job["result"]).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
