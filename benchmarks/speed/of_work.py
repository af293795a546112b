"""What is due is worked off, and an hour's work leaves nothing behind in the memory."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence

from benchmarks.faults.run import POINTS_FILE
from benchmarks.faults.stack import CompanyAccess
from benchmarks.speed.checks import lost
from benchmarks.speed.installation import Production, production
from benchmarks.speed.listeners import listeners
from benchmarks.speed.machine import CpuMeter, memory_of
from benchmarks.speed.of_answers import WARM_UP, utc_now, warm_up
from benchmarks.speed.plan import Expected, Planned, plan_orders
from benchmarks.speed.registry import LOST, Figure, Options, Outcome, benchmark
from benchmarks.speed.sending import send_plan

WORK_WITHIN_S = 120.0
FAULT_POINTS = {"DJANGO_SETTINGS_MODULE": "benchmarks.faults.settings"}
DUE = (
    "UPDATE webhook_logs SET next_attempt_at = now() - interval '1 second'"
    " WHERE status = 'failed' AND company_id = ANY(%s::uuid[])"
)
LATER = "UPDATE webhook_logs SET next_attempt_at = now() + interval '1 hour' WHERE status = 'failed'"
LEFT = (
    "SELECT count(*) FROM webhook_logs"
    " WHERE company_id = ANY(%s::uuid[]) AND status IN ('failed', 'processing', 'received')"
)
_LAST = "SELECT extract(epoch FROM max(processed_at))::float8 FROM webhook_logs WHERE company_id = ANY(%s::uuid[])"


@benchmark(
    "due",
    "1,000 orders that failed once become due in the same moment; two workers",
    Figure("seconds", "all of them worked", "s", 15),
    LOST,
    count=1_000,
)
async def due(options: Options) -> Outcome:
    """Let each order's first try fail, as when the database is away; then make all of them due at once."""
    outcome = Outcome()
    with production(FAULT_POINTS, keep=options.keep) as stack:
        outcome.note_installation(stack)
        companies = stack.make_companies(*(f"speed-{index}" for index in range(4)))
        await warm_up(stack, companies, WARM_UP // 4)
        ids = [company.id for company in companies]
        points = stack.data / POINTS_FILE
        points.write_text(json.dumps({"fail_first": 1.0}))
        since = utc_now()
        sent = await send_plan(stack.port, plan_orders(companies, options.count), "closed", seconds=60)
        stack.execute(LATER)
        points.write_text("{}")
        waiting = int(stack.query(LEFT, ids)[0][0])
        if waiting < options.count:
            outcome.faults.append(f"only {waiting} of {options.count} were waiting")
        meter, began = CpuMeter(stack.roots()), time.time()
        stack.execute(DUE, ids)
        until = time.monotonic() + WORK_WITHIN_S
        while time.monotonic() < until and stack.query(LEFT, ids)[0][0]:
            await asyncio.sleep(0.1)
        outcome.notes["cores used"] = meter.shares()
        outcome.values["seconds"] = float(stack.query(_LAST, ids)[0][0]) - began
        faults = await lost(stack, since, sent.acknowledged)
    outcome.values["lost"] = sum(int(fault.split()[0]) for fault in faults)
    outcome.faults += faults
    return outcome


# -- memory ------------------------------------------------------------------------------------------------------------

ROUND_S = 60.0
SAMPLE_S = 10.0
FIRST_SHARE = 1 / 6
"""How much of the run belongs to no figure: ten minutes of an hour."""
AVERAGED = 6
"""Samples that make a figure: a minute."""
TOLD_EVERY = 30
"""Samples from one that is told to the next: five minutes."""
SCREENS = 4


@benchmark(
    "memory",
    "an hour at 20 orders a second, four screens open: what all our processes hold in memory",
    Figure("growth", "growth after the first ten minutes", "%", 5),
    Figure("megabytes", "all of them at the end", "MB"),
    LOST,
    seconds=3_600,
    rate=20,
    within_s=900,
    is_long=True,
)
async def memory(options: Options) -> Outcome:
    """Send in an open loop, a minute after the other, and look at the memory every ten seconds.

    What processes share is divided among them, also with others that run meanwhile: the machine has to be left alone.
    """
    outcome = Outcome()
    with production(keep=options.keep) as stack:
        outcome.note_installation(stack)
        companies = stack.make_companies("speed-0", "speed-1")
        await warm_up(stack, companies, WARM_UP)
        since, samples = utc_now(), list[dict[str, float]]()
        async with listeners(stack.sockets_port) as screens:
            await screens.open([companies[index % 2].token for index in range(SCREENS)])
            looking = asyncio.create_task(_look(stack, samples))
            try:
                acknowledged = await _send_rounds(stack, companies, options)
            finally:
                looking.cancel()
            await screens.close()
        faults = await lost(stack, since, acknowledged)
    outcome.faults += faults
    outcome.values["lost"] = sum(int(fault.split()[0]) for fault in faults)
    outcome.values |= growth(samples, outcome.notes)
    outcome.notes["orders"] = f"{len(acknowledged):,} acknowledged"
    return outcome


async def _send_rounds(stack: Production, companies: Sequence[CompanyAccess], options: Options) -> list[Expected]:
    """Send for so long; the next minute is prepared while the last one is being sent."""
    count = max(1, int(min(ROUND_S, options.seconds) * options.rate))
    acknowledged: list[Expected] = []
    until = time.monotonic() + options.seconds

    def prepare(first: int) -> list[Planned]:
        return plan_orders(companies, count, rate=options.rate, first=first)

    number, plan = 0, await asyncio.to_thread(prepare, 0)
    while time.monotonic() < until:
        number += 1
        following = asyncio.create_task(asyncio.to_thread(prepare, number * count))
        sent = await send_plan(stack.port, plan, "open")
        acknowledged += sent.acknowledged
        plan = await following
    return acknowledged


async def _look(stack: Production, samples: list[dict[str, float]]) -> None:
    while True:
        roots = await asyncio.to_thread(stack.roots)
        ours = {name: memory_of([pid]) / 1024 for name, pid in roots.items() if name not in {"postgres", "redis"}}
        samples.append(ours)
        await asyncio.sleep(SAMPLE_S)


def growth(samples: Sequence[dict[str, float]], notes: dict[str, str]) -> dict[str, float]:
    """Return by how many per cent the memory grew from the end of the first part to the end; nothing of too short a run."""
    first = int(len(samples) * FIRST_SHARE)
    start, end = samples[first : first + AVERAGED], samples[-AVERAGED:]
    if len(samples) < first + 2 * AVERAGED:
        notes["memory"] = "the run was too short to see it grow"
        return {}

    def mean(part: Sequence[dict[str, float]], name: str) -> float:
        return sum(sample.get(name, 0.0) for sample in part) / len(part)

    for name in samples[-1]:
        seen = " ".join(f"{mean(samples[at : at + AVERAGED], name):.0f}" for at in range(0, len(samples), TOLD_EVERY))
        notes[f"memory of {name}"] = (
            f"{mean(start, name):.0f} MB, then {mean(end, name):.0f} MB (every five minutes: {seen})"
        )
    before, after = (sum(mean(part, name) for name in samples[-1]) for part in (start, end))
    return {"growth": (after / before - 1) * 100, "megabytes": after}
