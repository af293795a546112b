"""What happens to events that are under way, useless, too many or oddly timed."""

from __future__ import annotations

import asyncio
import os
import signal
import time

from benchmarks.faults.of_processes import AFTER_START_S
from benchmarks.faults.run import Run
from benchmarks.faults.scenarios import scenario
from benchmarks.faults.traffic import Event
from deploy.reload import children

WITH_POINTS = {"DJANGO_SETTINGS_MODULE": "benchmarks.faults.settings"}
NO_REDIS = {"REDIS_URL": "redis://127.0.0.1:9/0"}
MANY, FEW = 20_000, 10
BACKLOG, BACKLOG_WITHIN_S = 1_000, 15
GONE_WITHIN_S = 90
"""A worker is missed 45 s after its last sign; what it was given until then is pulled to 15 s more, and then worked."""


@scenario(
    "killed-between-commits", "three workers of the web die between storing an event and its effect", env=WITH_POINTS
)
async def killed_between_commits(run: Run) -> None:
    run.points(die_between=3)
    async with run.load(15):
        with run.fault(grace_s=AFTER_START_S):
            await run.wait_for("deaths", lambda: run.deaths() == 3, 30)
    run.points()


@scenario(
    "worker-killed", "kill -9 of the Celery worker and its children in the middle of tasks, twice", env=WITH_POINTS
)
async def worker_killed(run: Run) -> None:
    run.points(fail_first=0.3, dawdle_s=0.5)
    async with run.load(24, rate=12):
        await asyncio.sleep(14)
        with run.fault(grace_s=3):
            for _ in range(2):
                killed = run.stack.kill("worker")
                await run.wait_for("worker back", lambda killed=killed: run.stack.pid("worker") not in {0, *killed}, 60)  # type: ignore[misc]
                await asyncio.sleep(4)
    run.points()


@scenario("worker-child-killed", "kill -9 of one child of the worker, which itself stays", env=WITH_POINTS)
async def worker_child_killed(run: Run) -> None:
    run.points(fail_first=0.3, dawdle_s=0.5)
    async with run.load(20, rate=12):
        await asyncio.sleep(13)
        with run.fault(grace_s=1):
            os.kill(children(run.stack.pid("worker"))[-1], signal.SIGKILL)
    run.points()


@scenario("worker-gone", "there is no worker, nobody starts one, and the broker goes on taking tasks", env=WITH_POINTS)
async def worker_gone(run: Run) -> None:
    run.points(fail_first=0.33)
    run.stack.supervisor().stopProcess("all:worker")
    try:
        async with run.load(18):
            pass
        await run.wait_for("all worked without a worker", lambda: not run.waiting(), GONE_WITHIN_S - 18)
    finally:
        run.points()
        run.stack.supervisor().startProcess("all:worker")


@scenario("many-beats", "two beats and three sweepers, and every third first try fails", env=WITH_POINTS)
async def many_beats(run: Run) -> None:
    run.points(fail_first=0.33)
    beat = ["-m", "celery", "--quiet", "--app", "restaurant_integration", "beat", "--pidfile=", "--schedule"]
    others = [run.stack.helper(*beat, str(run.stack.data / "second-schedule"), env=WITH_POINTS)]
    others += [run.stack.helper("manage.py", "run_sweeper", env=WITH_POINTS) for _ in range(2)]
    try:
        async with run.load(18, rate=18):
            pass
        await run.settle()
    finally:
        for other in others:
            other.terminate()
        for other in others:
            await asyncio.to_thread(other.wait, 20)
    run.points()


@scenario("redis-never", "there is no Redis at all, and every third first try fails", env=WITH_POINTS | NO_REDIS)
async def redis_never(run: Run) -> None:
    run.points(fail_first=0.33)
    async with run.load(15):
        pass
    run.points()


@scenario("poison", "fifty events that nobody can use among five hundred good ones")
async def poison(run: Run) -> None:
    async with run.load(21, poison=50):
        pass
    quarantined = run.query(
        "SELECT count(*) FROM webhook_logs WHERE status = 'quarantined' AND company_id = ANY(%s::uuid[])", run.ids()
    )
    run.notes["quarantined"] = str(quarantined[0][0])
    if quarantined[0][0] != 50:
        run.faults.append(f"{quarantined[0][0]} of 50 useless events are quarantined")


@scenario("clock-off", "the clock of every other sender is ten minutes ahead")
async def clock_off(run: Run) -> None:
    def turn_clock(event: Event) -> None:
        if (event.number // 3) % 2:
            event.skew_s = 600.0

    async with run.load(15, change=turn_clock):
        pass
    refused = [event for event in run.events if event.attempts[-1].status == 401]
    run.notes["refused"] = str(len(refused))
    if any(not event.skew_s for event in refused):
        run.faults.append("a sender whose clock is right was refused")
    kept = run.query(
        "SELECT count(*) FROM webhook_bodies WHERE encode(sha256(body), 'hex') = ANY(%s)",
        [event.digest for event in refused],
    )
    if kept[0][0]:
        run.faults.append(f"{kept[0][0]} refused events were stored")


@scenario("crowded", "one company has 20,000 rows that are due, another ten of the same age and ten that come later")
async def crowded(run: Run) -> None:
    big, small = await asyncio.to_thread(
        run.stack.make_companies, f"{run.name}-{run.number}-big", f"{run.name}-{run.number}-small"
    )
    async with run.load(5, rate=9):
        pass
    with run.fault(grace_s=10):
        await asyncio.to_thread(run.insert_due, big.id, MANY)
        await asyncio.to_thread(run.insert_due, small.id, FEW)
        started = time.monotonic()
        async with run.load(15, rate=6):
            await run.wait_for("ten beside them", lambda: run.done_of(small.id) == FEW, 30)
            await asyncio.sleep(max(0.0, started + 12 - time.monotonic()))
            await asyncio.to_thread(run.insert_due, small.id, FEW)
            await run.wait_for("ten behind them", lambda: run.done_of(small.id) == 2 * FEW, 30)
    done, took_s = run.done_of(big.id), time.monotonic() - started
    run.notes["of the 20,000"] = f"{done} in {took_s:.0f} s"
    await asyncio.to_thread(run.give_up_due, big.id)


@scenario("backlog", "a thousand rows are due at once, as after a long outage")
async def backlog(run: Run) -> None:
    (company,) = await asyncio.to_thread(run.stack.make_companies, f"{run.name}-{run.number}")
    async with run.load(5, rate=9):
        pass
    with run.fault(grace_s=2):
        await asyncio.to_thread(run.insert_due, company.id, BACKLOG)
        took_s = await run.wait_for("a thousand rows", lambda: run.done_of(company.id) == BACKLOG, 60)
    if took_s > BACKLOG_WITHIN_S:
        run.slow.append(f"a thousand due rows took {took_s:.0f} s")
