"""What becomes of sockets that are idle, slow, too many or fed with too much, and of everybody beside them."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from benchmarks.faults.idle import IdleWatch
from benchmarks.faults.proxy import ROOT
from benchmarks.faults.run import Run
from benchmarks.faults.scenarios import scenario

PING_WITHIN_S = 25.0
"""The longest silence on an idle socket: a ping comes every 20 s."""
SLOW_S = 60.0
"""How long the slow client reads nothing: the server gives up on whoever does not answer its pings for 50 s."""
OF_PERSON, OF_ADDRESS, FRAMES = 250, 750, 10
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
        person = await flood(run, "sockets", OF_PERSON, stranger.token, "203.0.113.1")
        nobody = await flood(run, "sockets", OF_ADDRESS, "x" * 40, "203.0.113.2")
        large = await flood(run, "frames", FRAMES, stranger.token, "203.0.113.3")
    run.notes["of a person"] = ", ".join(f"{count} {what}" for what, count in person.items())
    run.notes["of a stranger"] = ", ".join(f"{count} {what}" for what, count in nobody.items())
    run.notes["frames of 2 MB cut off"] = f"{large.get('cut', 0)} of {FRAMES}"
    run.notes["sockets grew by"] = f"{(growth := memory_mb(run.stack.pid('sockets')) - before_mb):.0f} MB"
    if nobody.get("greeted") or not person.get("greeted"):
        run.faults.append(f"who may and who may not was mistaken: {person}, {nobody}")
    if large.get("cut") != FRAMES or growth > MOST_GROWTH_MB:
        run.faults.append(f"of {FRAMES} frames of 2 MB: {large}; memory grew by {growth:.0f} MB")
    if [listener.connects for listener in run.listeners] != opened:
        run.faults.append("somebody else's socket was closed")


async def flood(run: Run, what: str, count: int, token: str, address: str) -> dict[str, int]:
    """Let a client in a process of its own send a flood; return how often what became of it."""
    asked = json.dumps([run.stack.sockets_port, what, count, token, address])
    # A stranger's work is not ours: what it costs here must not take the cores from what is measured.
    command = ["nice", "-n", "10", sys.executable, "-m", "benchmarks.faults.flood"]
    client = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        said, _ = await client.communicate(asked.encode())
    finally:
        if client.returncode is None:
            client.kill()
    return dict(json.loads(said)) if said else {}


def memory_mb(pid: int) -> float:
    """Return what a process holds in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
