"""The same with a year in the database: a million orders, three million deliveries."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.faults.http import request
from benchmarks.faults.stack import CompanyAccess
from benchmarks.speed.histogram import Latencies
from benchmarks.speed.installation import Production, production
from benchmarks.speed.million import DELIVERIES, SHARES, Loader
from benchmarks.speed.of_answers import PLANNED_A_SECOND, WARM_UP_NUMBERS, measured, refuse_others, warm_up
from benchmarks.speed.plan import plan_orders
from benchmarks.speed.registry import LOST, Figure, Options, Outcome, benchmark

CALLS = 200
"""Of each kind, in turns with the tokens of all companies."""
CALLS_A_SECOND = 10.0
SLOWLY = {"large_list": 2.0}
"""Calls a second of what is not asked so often."""
SNAPSHOTS = 60


@dataclass(frozen=True, slots=True)
class Known:
    """What a company has that can be asked for."""

    company: CompanyAccess
    orders: list[tuple[str, str]]
    """Id and external id of some of its orders, of the whole year."""
    last_seq: int


def _known(stack: Production, companies: Sequence[CompanyAccess]) -> list[Known]:
    found = []
    for company in companies:
        rows = stack.query(
            "SELECT id, external_id FROM orders TABLESAMPLE SYSTEM (5) WHERE company_id = %s LIMIT 500", company.id
        )
        rows = rows or stack.query("SELECT id, external_id FROM orders WHERE company_id = %s LIMIT 500", company.id)
        seq = stack.query("SELECT last_seq FROM company_sequences WHERE company_id = %s", company.id)
        found.append(Known(company, [(str(pk), str(external)) for pk, external in rows], int(seq[0][0])))
    return found


_LISTS = ("", "status=delivered", "provider=careem&status=cancelled", "needsAttention=true")
_chance = random.Random(1)
PATHS: dict[str, Callable[[Known], str]] = {
    "list": lambda known: f"/api/orders?{_chance.choice(_LISTS)}",
    "large_list": lambda known: "/api/orders?limit=200",
    "search": lambda known: f"/api/orders?externalOrderId={_chance.choice(known.orders)[1]}",
    "order": lambda known: f"/api/orders/{_chance.choice(known.orders)[0]}",
    "changes": lambda known: f"/api/orders/changes?since={max(0, known.last_seq - _chance.randrange(1, 500))}",
    "log": lambda known: "/api/integration/logs?limit=50",
}
"""What is asked: four kinds of list, the largest page, one order by either of its ids, what a client missed, and the log."""


async def _ask(
    stack: Production, known: Sequence[Known], name: str, outcome: Outcome, rate: float = CALLS_A_SECOND
) -> Latencies:
    """Ask in an open loop, in turns for each company."""
    times, path, started = Latencies(), PATHS[name], time.monotonic() + 0.1

    async def one(number: int) -> None:
        meant, whose = started + number / rate, known[number % len(known)]
        await asyncio.sleep(max(0.0, meant - time.monotonic()))
        answer = await request(stack.port, "GET", path(whose), {"Authorization": f"Token {whose.company.token}"})
        times.add(time.monotonic() - meant)
        if answer.status != 200:
            outcome.faults.append(f"{path(whose).split('?')[0]} was answered {answer.status}")

    await asyncio.gather(*(one(number) for number in range(CALLS)))
    return times


async def _snapshots(stack: Production, known: Sequence[Known], outcome: Outcome) -> Latencies:
    """Ask for a dashboard that nobody has asked for since the last order: what was counted once is kept for a moment."""
    times = Latencies()
    for number in range(SNAPSHOTS):
        whose = known[number % len(known)]
        # As an order would, without one: what is measured is the counting.
        stack.execute("UPDATE company_sequences SET last_seq = last_seq + 1 WHERE company_id = %s", whose.company.id)
        started = time.monotonic()
        answer = await request(stack.port, "GET", "/api/dashboard", {"Authorization": f"Token {whose.company.token}"})
        times.add(time.monotonic() - started)
        if answer.status != 200:
            outcome.faults.append(f"the dashboard was answered {answer.status}")
        await asyncio.sleep(1 / CALLS_A_SECOND)
    return times


async def _per_second(stack: Production, companies: Sequence[CompanyAccess], outcome: Outcome, label: str, first: int,
                      seconds: float) -> float:  # fmt: skip
    plan = plan_orders(companies, int(seconds * PLANNED_A_SECOND), first=first)
    sent = await measured(stack, plan, "closed", outcome, label, seconds=seconds)
    refuse_others(sent, outcome)
    return sent.per_second


@benchmark(
    "million",
    "1,000,000 orders and 3,000,000 deliveries of a year in the database",
    Figure("throughput_share", "orders a second, of those with an empty database in the same run", "", 0.85, "at least"),
    Figure("list_p95", "GET /api/orders, p95", "ms", 50),
    Figure("large_list_p95", "the largest page of it, 200 orders, p95", "ms"),
    Figure("search_p95", "by external id, p95", "ms", 50),
    Figure("order_p95", "one order, p95", "ms", 50),
    Figure("changes_p95", "changes, p95", "ms", 50),
    Figure("log_p95", "the log of deliveries, p95", "ms"),
    Figure("dashboard_p95", "snapshot of the dashboard, counted anew, p95", "ms", 150),
    LOST,
    seconds=60,
    count=1_000_000,
    within_s=3_600,
    is_long=True,
)  # fmt: skip
async def million(options: Options) -> Outcome:
    """Measure the throughput, fill the database, measure it again; then ask as pages and programs do."""
    outcome = Outcome()
    with production(keep=options.keep) as stack:
        outcome.note_installation(stack)
        companies = stack.make_companies(*(f"speed-{index}" for index in range(len(SHARES))))
        await warm_up(stack, companies)
        empty = await _per_second(stack, companies, outcome, "empty", 0, options.seconds)
        stack.down()
        started = time.monotonic()
        loader = Loader(stack.direct_url, [company.id for company in companies], options.count)
        outcome.notes |= {f"loaded {name}": value for name, value in (await asyncio.to_thread(loader.load)).items()}
        outcome.notes["loading took"] = f"{(time.monotonic() - started) / 60:.1f} min"
        stack.up()
        await warm_up(stack, companies, first=WARM_UP_NUMBERS * 2)
        full = await _per_second(stack, companies, outcome, "full", 10_000_000, options.seconds)
        known = _known(stack, companies)
        for name in PATHS:
            rate = SLOWLY.get(name, CALLS_A_SECOND)
            # All threads and their connections once: what is loaded on first use belongs to no figure.
            await _ask(stack, known, name, Outcome(), rate * 2)
            times = await _ask(stack, known, name, outcome, rate)
            outcome.values[f"{name}_p95"] = times.ms(95)
            outcome.histograms[name] = times.encoded()
        await _snapshots(stack, known, Outcome())
        times = await _snapshots(stack, known, outcome)
        outcome.values["dashboard_p95"] = times.ms(95)
        outcome.histograms["dashboard"] = times.encoded()
    outcome.values["throughput_share"] = full / empty if empty else 0.0
    outcome.notes["orders a second"] = f"empty {empty:.0f}, full {full:.0f}"
    outcome.notes["deliveries"] = f"{DELIVERIES} for each order"
    return outcome
