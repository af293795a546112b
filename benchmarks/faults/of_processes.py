"""What happens when our own processes die."""

from __future__ import annotations

import asyncio
import os
import signal
import time

from benchmarks.faults.http import livez
from benchmarks.faults.run import Run
from benchmarks.faults.scenarios import scenario
from deploy.reload import children

AFTER_START_S = 8.0
"""How long after a start answers may be slow: the senders have waited, and all come at once."""


@scenario("healthy", "nothing breaks")
async def healthy(run: Run) -> None:
    async with run.load(15):
        pass


@scenario("web-killed", "kill -9 of the web: its master and all workers")
async def web_killed(run: Run) -> None:
    async with run.load(15):
        await asyncio.sleep(5)
        with run.fault(grace_s=AFTER_START_S):
            run.stack.kill("web")
            await run.web_is_back(30)


@scenario("web-worker-killed", "kill -9 of one worker of the web, its master stays")
async def web_worker_killed(run: Run) -> None:
    async with run.load(15):
        await asyncio.sleep(5)
        with run.fault(grace_s=AFTER_START_S):
            os.kill(children(run.stack.pid("web"))[0], signal.SIGKILL)


@scenario("web-master-killed", "kill -9 of the web's master alone: its workers are orphans that hold the port")
async def web_master_killed(run: Run) -> None:
    async with run.load(20):
        await asyncio.sleep(5)
        with run.fault(grace_s=10):
            run.stack.kill("web", alone=True)
            await asyncio.sleep(1)
            await run.web_is_back(30)


@scenario("sockets-killed", "kill -9 of the process that has the sockets")
async def sockets_killed(run: Run) -> None:
    async with run.load(15):
        await asyncio.sleep(5)
        with run.fault(grace_s=0):
            killed = run.stack.kill("sockets")
            await run.wait_for("sockets back", lambda: run.stack.pid("sockets") not in {0, *killed}, 30)


@scenario("terminated", "SIGTERM to each process under load, one after the other; supervisor starts them again")
async def terminated(run: Run) -> None:
    async with run.load(18):
        await asyncio.sleep(4)
        with run.fault(grace_s=AFTER_START_S):
            for name in ("web", "sockets", "sweeper", "worker", "beat"):
                pid = run.stack.pid(name)
                os.kill(pid, signal.SIGTERM)
                await run.wait_for(f"{name} back", lambda name=name, pid=pid: run.stack.pid(name) not in {0, pid}, 30)  # type: ignore[misc]
                if name == "web":
                    await run.web_is_back(30)
    none_given_up(run)


@scenario("restarted", "everything is stopped as Ctrl-C does, and started again by hand")
async def restarted(run: Run) -> None:
    async with run.load(18):
        await asyncio.sleep(5)
        with run.fault(grace_s=AFTER_START_S):
            run.notes["down in"] = f"{await asyncio.to_thread(run.stack.down):.1f} s"
            await asyncio.to_thread(run.stack.up, run.stack.env)
    run.notes["given up"] = str(sum(not event.is_acknowledged for event in run.events))


@scenario("supervisor-killed", "kill -9 of the supervisor: its processes go on, until `make up` takes their place")
async def supervisor_killed(run: Run) -> None:
    async with run.load(20):
        await asyncio.sleep(4)
        run.stack.kill_supervisor()
        await asyncio.sleep(3)
        # Nobody would start it again: an answer, however late on a busy machine, comes from what is left.
        await run.wait_for("the web goes on", lambda: livez(run.stack.port), 10)
        with run.fault(grace_s=AFTER_START_S):
            started = time.monotonic()
            await asyncio.to_thread(run.stack.up, run.stack.env)
            run.notes["up again in"] = f"{time.monotonic() - started:.1f} s"


def none_given_up(run: Run) -> None:
    """A sender that tries again after 1, 2 and 4 s gets every event through."""
    if given_up := sum(not event.is_acknowledged for event in run.events):
        run.faults.append(f"{given_up} events were given up by a sender that tried four times")
