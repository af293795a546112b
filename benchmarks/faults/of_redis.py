"""What happens when Redis is away, forgets or hangs. Nothing may depend on it."""

from __future__ import annotations

import asyncio

import redis

from benchmarks.faults.run import Run
from benchmarks.faults.scenarios import scenario


@scenario("redis-stopped", "Redis is stopped for eight seconds")
async def redis_stopped(run: Run) -> None:
    async with run.load(18):
        await asyncio.sleep(4)
        with run.fault(grace_s=0):
            await asyncio.to_thread(run.stack.redis.stop)
            await asyncio.sleep(8)
            await asyncio.to_thread(run.stack.redis.start)
    none_failed(run)


@scenario("redis-restarted", "Redis is restarted ten times under load")
async def redis_restarted(run: Run) -> None:
    async with run.load(20):
        await asyncio.sleep(2)
        with run.fault(grace_s=0):
            for _ in range(10):
                await asyncio.to_thread(run.stack.redis.stop)
                await asyncio.to_thread(run.stack.redis.start)
                await asyncio.sleep(1.2)
    none_failed(run)


@scenario("redis-flushed", "Redis loses all it has, five times")
async def redis_flushed(run: Run) -> None:
    client = redis.Redis(port=run.stack.redis.port)
    async with run.load(15):
        await asyncio.sleep(3)
        with run.fault(grace_s=0):
            for _ in range(5):
                await asyncio.to_thread(client.flushall)
                await asyncio.sleep(1.5)
    client.close()
    none_failed(run)


@scenario("redis-hung", "Redis accepts connections and answers nothing (SIGSTOP) for ten seconds")
async def redis_hung(run: Run) -> None:
    async with run.load(20):
        await asyncio.sleep(4)
        with run.fault(grace_s=0):
            run.stack.redis.freeze()
            await asyncio.sleep(10)
            run.stack.redis.thaw()
    none_failed(run)


def none_failed(run: Run) -> None:
    """Without Redis every answer is a good one, within three seconds."""
    attempts = [attempt for event in run.events for attempt in event.attempts]
    bad = sum(not 200 <= attempt.status < 300 for attempt in attempts)
    if bad:
        run.faults.append(f"{bad} answers were no 2xx")
    slowest = max(attempt.took_ms for attempt in attempts)
    if slowest > 3000:
        run.slow.append(f"an answer took {slowest:.0f} ms")
