"""What happens when the database is away, hangs or cuts us off. Nothing is acknowledged then, and nothing is lost."""

from __future__ import annotations

import asyncio
import signal

from benchmarks.faults.run import Run
from benchmarks.faults.scenarios import scenario

AFTER_S = 6.0
"""How long after its return answers may be slow or refused: the senders come back all at once."""


@scenario("postgres-restarted", "Postgres is stopped (fast) and started again after four seconds")
async def postgres_restarted(run: Run) -> None:
    async with run.load(18):
        await asyncio.sleep(4)
        with run.fault(grace_s=AFTER_S):
            await asyncio.to_thread(run.stack.postgres.stop, signal.SIGINT)
            await asyncio.sleep(4)
            await asyncio.to_thread(run.stack.postgres.start)


@scenario("postgres-killed", "kill -9 of Postgres, which recovers from its log")
async def postgres_killed(run: Run) -> None:
    async with run.load(18):
        await asyncio.sleep(4)
        with run.fault(grace_s=AFTER_S):
            await asyncio.to_thread(run.stack.postgres.stop, signal.SIGQUIT)
            await asyncio.to_thread(run.stack.postgres.start)


@scenario("postgres-hung", "Postgres and all its backends are frozen (SIGSTOP) for ten seconds")
async def postgres_hung(run: Run) -> None:
    async with run.load(24):
        await asyncio.sleep(4)
        with run.fault(grace_s=AFTER_S):
            run.stack.postgres.freeze()
            await asyncio.sleep(10)
            run.stack.postgres.thaw()


@scenario("postgres-cut-off", "the line to Postgres swallows everything for ten seconds; connections stay open")
async def postgres_cut_off(run: Run) -> None:
    async with run.load(24):
        await asyncio.sleep(4)
        with run.fault(grace_s=AFTER_S):
            run.stack.postgres_proxy.set_mode("blackhole")
            await asyncio.sleep(10)
            run.stack.postgres_proxy.set_mode("pass")


@scenario("postgres-terminated", "every connection is terminated from inside, five times")
async def postgres_terminated(run: Run) -> None:
    async with run.load(18):
        await asyncio.sleep(4)
        with run.fault(grace_s=2):
            for _ in range(5):
                await asyncio.to_thread(
                    run.query, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                    " AND backend_type = 'client backend'",
                )  # fmt: skip
                await asyncio.sleep(1.5)


@scenario("postgres-torn", "each connection to Postgres ends in the middle of an answer, for six seconds")
async def postgres_torn(run: Run) -> None:
    async with run.load(18):
        await asyncio.sleep(4)
        with run.fault(grace_s=4):
            run.stack.postgres_proxy.set_mode("cut", 6_000)
            await asyncio.sleep(6)
            run.stack.postgres_proxy.set_mode("pass")


@scenario("postgres-slow", "each answer of Postgres takes 20 ms more", p99_ms=3000)
async def postgres_slow(run: Run) -> None:
    async with run.load(15, rate=8):
        await asyncio.sleep(4)
        with run.fault(grace_s=4):
            run.stack.postgres_proxy.set_mode("delay", 20)
            await asyncio.sleep(6)
            run.stack.postgres_proxy.set_mode("pass")
