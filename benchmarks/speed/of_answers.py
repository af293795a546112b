"""How many orders a second, and how long an answer takes: production processes, the whole pipeline."""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Sequence

from benchmarks.faults.stack import CompanyAccess
from benchmarks.speed.checks import lost, waiting
from benchmarks.speed.floor import measure_floor
from benchmarks.speed.installation import Installation, Production, production
from benchmarks.speed.machine import CpuMeter
from benchmarks.speed.plan import Planned, plan_orders
from benchmarks.speed.registry import LOST, Figure, Options, Outcome, benchmark
from benchmarks.speed.sending import Sent, send_plan

COMPANIES = 8
WARM_UP = 400
"""Orders before each measurement, of the same companies: what is loaded on first use belongs to no figure."""
WARM_UP_NUMBERS = 100_000_000
"""Where the numbers of those begin."""
PLANNED_A_SECOND = 900
"""How many orders are there to be sent in a closed loop: more than are taken."""
FLOOR_S = 15.0


def utc_now() -> str:
    """Return the time as both databases compare it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")


async def warm_up(
    installation: Installation,
    companies: Sequence[CompanyAccess],
    count: int = WARM_UP,
    *,
    first: int = WARM_UP_NUMBERS,
) -> None:
    """Send a little, and forget it; another ``first`` makes other orders of it."""
    plan = plan_orders(companies, count, first=first)
    await send_plan(installation.port, plan, "closed", seconds=20, connections=16)


async def measured(installation: Installation, plan: Sequence[Planned], mode: str, outcome: Outcome, label: str = "",
                   *, seconds: float = 0.0) -> Sent:  # fmt: skip
    """Send a plan; note who used the processor and what was lost."""
    syncs, waited_ms = installation.log_syncs()
    since, meter = utc_now(), CpuMeter(installation.roots())
    sent = await send_plan(installation.port, plan, mode, seconds=seconds)
    before = f"{label} " if label else ""
    outcome.notes |= {f"{before}{name}": value for name, value in sent.notes().items()}
    outcome.notes[f"{before}cores used"] = meter.shares(sender=sent.cpu_s)
    now_syncs, now_waited_ms = installation.log_syncs()
    if count := now_syncs - syncs:
        outcome.notes[f"{before}waits for the disk"] = f"{count:,}, {(now_waited_ms - waited_ms) / count:.1f} ms each"
    ended, left = time.monotonic(), waiting(installation, sent.acknowledged)
    faults = await lost(installation, since, sent.acknowledged)
    if left:
        outcome.notes[f"{before}stored, and worked later"] = (
            f"{left:,}, the last {time.monotonic() - ended:.0f} s after the end"
        )
    outcome.values["lost"] = outcome.values.get("lost", 0) + sum(int(fault.split()[0]) for fault in faults)
    outcome.faults += faults
    outcome.histograms[label or "answers"] = sent.latencies().encoded()
    return dataclasses.replace(sent, waiting=left)


def refuse_others(sent: Sent, outcome: Outcome) -> None:
    """Count everything but 2xx as a fault: a latency of refusals is none."""
    outcome.faults += [f"{count} answers were {status}" for status, count in sent.others().items()]


@benchmark(
    "throughput",
    "orders a second, 4 providers, 8 companies, 10 lines with options",
    Figure("per_second", "orders a second, sustained", "/s", 400, "at least"),
    Figure("floor_share", "of the floor: bare psycopg, the same rows and connections, the same run", "", 0.40, "at least"),
    LOST,
    seconds=60,
)  # fmt: skip
async def throughput(options: Options) -> Outcome:
    """Send on 16 connections, each the next order when it has its answer; write the same rows without the program.

    Half of the floor is measured before and half after: the machine's own speed changes from minute to minute.
    """
    outcome = Outcome()
    with production(keep=options.keep) as stack:
        outcome.note_installation(stack)
        companies = stack.make_companies(*(f"speed-{index}" for index in range(COMPANIES)))
        await warm_up(stack, companies)
        halves = [await _half_of_floor(stack, companies, options)]
        plan = plan_orders(companies, int(options.seconds * PLANNED_A_SECOND))
        sent = await measured(stack, plan, "closed", outcome, seconds=options.seconds)
        refuse_others(sent, outcome)
        if len(sent.planned) == len(plan):
            outcome.faults.append("the plan was used up: there is more in it than was measured")
        meter = CpuMeter(stack.roots())
        halves.append(await _half_of_floor(stack, companies, options))
        outcome.notes["cores used for the floor"] = meter.shares()
    floor = sum(halves) / len(halves)
    outcome.values |= {"per_second": sent.per_second, "floor_share": sent.per_second / floor if floor else 0.0}
    outcome.notes["floor"] = f"{halves[0]:.0f} orders a second before, {halves[1]:.0f} after"
    outcome.notes["answers"] = f"p50 {sent.latencies().ms(50):.0f} ms, p99 {sent.latencies().ms(99):.0f} ms"
    return outcome


async def _half_of_floor(stack: Production, companies: Sequence[CompanyAccess], options: Options) -> float:
    seconds = min(FLOOR_S, options.seconds) / 2
    return await measure_floor(stack.direct_url, [company.id for company in companies], seconds)


async def _answers(options: Options, companies: int) -> Outcome:
    outcome = Outcome()
    with production(keep=options.keep) as stack:
        outcome.note_installation(stack)
        made = stack.make_companies(*(f"speed-{index}" for index in range(companies)))
        await warm_up(stack, made, WARM_UP // 2)
        plan = plan_orders(made, int(options.seconds * options.rate), rate=options.rate)
        sent = await measured(stack, plan, "open", outcome)
        refuse_others(sent, outcome)
    outcome.values |= sent.latencies().figures()
    return outcome


@benchmark(
    "answers-20",
    "answer time at 20 orders a second, one company, default rate limit",
    Figure("mean", "mean", "ms", 10, earlier="145 ms"),
    Figure("p50", "p50", "ms", 10),
    Figure("p99", "p99", "ms", 50, earlier="400 ms"),
    LOST,
    seconds=60,
    rate=20,
)
async def answers_20(options: Options) -> Outcome:
    """Send in an open loop; times count from when a request was meant to go."""
    return await _answers(options, 1)


@benchmark(
    "answers-200",
    "answer time at 200 orders a second, 8 companies",
    Figure("p50", "p50", "ms"),
    Figure("p99", "p99", "ms", 150),
    LOST,
    seconds=60,
    rate=200,
)
async def answers_200(options: Options) -> Outcome:
    """Send in an open loop; times count from when a request was meant to go."""
    return await _answers(options, COMPANIES)


@benchmark(
    "burst",
    "1,000 orders at once, each on a connection of its own, one company, default rate limit",
    Figure("not_2xx", "not answered 2xx", "", 0),
    Figure("slowest", "slowest answer", "s", 5),
    LOST,
    count=1_000,
)
async def burst(options: Options) -> Outcome:
    """Open as many connections as there are orders, and send them all in the same moment."""
    outcome = Outcome()
    with production(keep=options.keep) as stack:
        outcome.note_installation(stack)
        companies = stack.make_companies("speed-0")
        await warm_up(stack, companies, WARM_UP // 2)
        sent = await measured(stack, plan_orders(companies, options.count), "burst", outcome)
    outcome.values |= {"not_2xx": sum(sent.others().values()), "slowest": sent.latencies().max_ms / 1000}
    outcome.notes["answers"] = f"p50 {sent.latencies().ms(50) / 1000:.2f} s"
    return outcome
