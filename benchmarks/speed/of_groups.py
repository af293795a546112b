"""Two machines beside one: groups of processes with a share of the processor each, on the same Postgres and Redis."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import chain

from benchmarks.faults.run import POINTS_FILE
from benchmarks.faults.stack import CompanyAccess
from benchmarks.speed.checks import lost
from benchmarks.speed.listeners import Listeners, listeners
from benchmarks.speed.machine import CpuMeter
from benchmarks.speed.machines import Machines, end, machines
from benchmarks.speed.of_answers import COMPANIES, WARM_UP, WARM_UP_NUMBERS, refuse_others, utc_now
from benchmarks.speed.of_work import DUE, FAULT_POINTS, LATER, LEFT
from benchmarks.speed.plan import Expected, plan_orders
from benchmarks.speed.registry import LOST, Figure, Options, Outcome, benchmark
from benchmarks.speed.sending import Sent, send_plan

SHARE = 0.1
"""Of all cores, for each group: two of them leave most of the machine to Postgres, Redis and the sender, and seldom run at the
same moment, which slows both down where two cores are the threads of one."""
CONNECTIONS = 6
"""To each group: enough to keep it busy. More would only wait, with rows locked, for processor time."""
SCREENS_EACH = 2
"""Of each company: with two groups one on each, so that every order has to be told by both."""
LEAST_OF_SHARE = 0.75
PLANNED_A_SECOND = 40
"""More than a group takes with its share."""
AFTER_S = 2.0
WORK_WITHIN_S = 60.0
READY_S = 4.0
"""For the sweeper, and for a worker that has just been started: it says nothing when it is ready."""
_SEQUENCES = (
    "SELECT count(*), count(DISTINCT e.seq), coalesce(max(e.seq), 0), s.last_seq FROM company_sequences s"
    " LEFT JOIN order_events e ON e.company_id = s.company_id AND e.seq IS NOT NULL"
    " WHERE s.company_id = ANY(%s::uuid[]) GROUP BY s.company_id, s.last_seq"
)
_WORKED = (
    "SELECT extract(epoch FROM processed_at)::float8 FROM webhook_logs"
    " WHERE status = 'processed' AND attempts > 1 AND company_id = ANY(%s::uuid[]) AND received_at >= %s ORDER BY 1"
)


@benchmark(
    "groups",
    "two groups of processes beside one, each with a tenth of the processor as its machine; one Postgres, one Redis",
    Figure("web_one", "orders a second, one group", "/s"),
    Figure("web_two", "orders a second, two groups", "/s"),
    Figure("web_times", "two groups against one", "×", 1.8, "at least"),
    Figure("due_one", "retries worked a second, one worker", "/s"),
    Figure("due_two", "retries worked a second, two workers", "/s"),
    Figure("due_times", "two workers against one", "×", 1.8, "at least"),
    Figure("missing", "frames that never came", "", 0),
    Figure("gaps", "numbers of a company that are missing or there twice", "", 0),
    LOST,
    seconds=15,
    count=240,
    within_s=165,
)
async def groups(options: Options) -> Outcome:
    """Measure one group, then two with twice the connections; then let one worker and two work off what is due."""
    outcome = Outcome()
    with machines(keep=options.keep) as stack:
        outcome.note_installation(stack)
        cores = (os.cpu_count() or 1) * SHARE
        outcome.notes["a group's machine"] = f"{cores:.2g} cores of this one, by the kernel's cap"
        await asyncio.to_thread(stack.add_group, FAULT_POINTS)
        companies = await asyncio.to_thread(stack.make_companies, *(f"speed-{index}" for index in range(COMPANIES)))
        acknowledged, since, first = list[Expected](), utc_now(), 0
        for name in ("one", "two"):
            if name == "two":
                await asyncio.to_thread(stack.add_group, FAULT_POINTS)
            sent = await _measure(stack, companies, cores, first, options.seconds, outcome, name)
            outcome.values[f"web_{name}"] = sent.per_second
            acknowledged += sent.acknowledged
            first += 1_000_000
        for number, name in enumerate(("one", "two")):
            await asyncio.to_thread(stack.groups[number].start_worker)
            done = await _work_off(stack, companies, cores, first, options.count, outcome, name)
            acknowledged += done
            first += 1_000_000
        faults = await lost(stack, since, acknowledged)
        outcome.values["gaps"] = gaps(stack.query(_SEQUENCES, [company.id for company in companies]))
    outcome.values["lost"] = sum(int(fault.split()[0]) for fault in faults)
    outcome.faults += faults
    for what in ("web", "due"):
        one, two = outcome.values.get(f"{what}_one", 0.0), outcome.values.get(f"{what}_two", 0.0)
        outcome.values[f"{what}_times"] = two / one if one else 0.0
    return outcome


def gaps(rows: Sequence[tuple[int, int, int, int]]) -> int:
    """Return how many numbers are missing or there twice: of each company how many events, different numbers, the greatest, the
    last one given.
    """  # fmt: skip
    return sum(
        abs(last - different) + (count - different) + abs(last - greatest) for count, different, greatest, last in rows
    )


# -- the web -----------------------------------------------------------------------------------------------------------


async def _measure(
    stack: Machines,
    companies: Sequence[CompanyAccess],
    cores: float,
    first: int,
    seconds: float,
    outcome: Outcome,
    name: str,
) -> Sent:
    """Send to all groups at once, each over connections of its own; the screens hear all of it."""
    stack.lift()
    # The newest group alone: each has had as much when it is measured for the first time.
    warm = plan_orders(companies, WARM_UP, first=WARM_UP_NUMBERS + first)
    await send_plan(stack.groups[-1].port, warm, "closed", seconds=20, connections=CONNECTIONS)
    async with AsyncExitStack() as open_ones:
        # Built before anybody sends: the senders begin together.
        plans = [
            await asyncio.to_thread(
                plan_orders, companies, int(seconds * PLANNED_A_SECOND), first=first + number * 100_000
            )
            for number in range(len(stack.groups))
        ]
        screens = [await open_ones.enter_async_context(listeners(group.sockets_port)) for group in stack.groups]
        for number in range(SCREENS_EACH):
            await screens[number % len(screens)].open([company.token for company in companies])
        stack.limit(cores)
        meter = CpuMeter(stack.roots())
        sent = together(await asyncio.gather(*(
            send_plan(group.port, plan, "closed", seconds=seconds, connections=CONNECTIONS)
            for group, plan in zip(stack.groups, plans, strict=True)
        )))  # fmt: skip
        outcome.notes[f"{name}: cores used"] = meter.shares(sender=sent.cpu_s)
        outcome.faults += short_of_share(meter.used_s(), cores * sent.took_s, len(stack.groups))
        stack.lift()
        await asyncio.sleep(AFTER_S)
        for each in screens:
            await each.close()
    refuse_others(sent, outcome)
    if len(sent.planned) == sum(map(len, plans)):
        outcome.faults.append(f"{name}: the plan was used up: there is more in it than was measured")
    times = sent.latencies()
    outcome.notes[f"{name}: requests"] = f"{len(sent.planned):,}"
    outcome.notes[f"{name}: answers"] = f"p50 {times.ms(50):.0f} ms, p99 {times.ms(99):.0f} ms"
    outcome.values["missing"] = outcome.values.get("missing", 0) + missing(sent, screens, SCREENS_EACH)
    return sent


def short_of_share(used_s: Mapping[str, float], share_s: float, count: int) -> list[str]:
    """Return a sentence for each group that did not come near its share: something else held it, and the figure says little."""
    found = []
    for number in range(1, count + 1):
        group_s = sum(seconds for name, seconds in used_s.items() if name.endswith(f"-{number}"))
        if group_s < LEAST_OF_SHARE * share_s:
            found.append(f"group {number} used {group_s / share_s:.0%} of its share: the cap is not what held it")
    return found


def together(parts: Sequence[Sent]) -> Sent:
    """Return what several senders sent at the same time as one: from the first's start to the last one's end."""

    def all_of(name: str) -> list[float]:
        return list(chain.from_iterable(getattr(part, name) for part in parts))

    return Sent(
        planned=list(chain.from_iterable(part.planned for part in parts)),
        start=min(part.start for part in parts),
        end=max(part.end for part in parts),
        cpu_s=sum(part.cpu_s for part in parts),
        meant=all_of("meant"),
        sent=all_of("sent"),
        done=all_of("done"),
        status=list(chain.from_iterable(part.status for part in parts)),
        tries=list(chain.from_iterable(part.tries for part in parts)),
    )


def missing(sent: Sent, screens: Sequence[Listeners], each: int) -> int:
    """Return how often an acknowledged order was not told to one of so many screens, on whichever machine they are."""
    orders = {expected.external_id for expected in sent.acknowledged}
    heard = sum(order in orders for every in screens for screen in every.heard for order, _ in screen)
    return len(sent.acknowledged) * each - heard


# -- the workers -------------------------------------------------------------------------------------------------------


async def _work_off(
    stack: Machines,
    companies: Sequence[CompanyAccess],
    cores: float,
    first: int,
    count: int,
    outcome: Outcome,
    name: str,
) -> list[Expected]:
    """Let each order's first try fail, make all of them due at once, and note how many a second are worked."""
    stack.lift()
    ids = [company.id for company in companies]
    _let_fail(stack, 1.0)
    since = utc_now()
    sent = await send_plan(stack.port, plan_orders(companies, count, first=first), "closed", seconds=60)
    stack.execute(LATER)
    _let_fail(stack, 0.0)
    waiting = int(stack.query(LEFT, ids)[0][0])
    if waiting < count:
        outcome.faults.append(f"{name}: only {waiting} of {count} were waiting")
    # Not before: what is being sent would be due before the last of it has failed.
    stack.sweeper = stack.helper("manage.py", "run_sweeper")
    await asyncio.sleep(READY_S)
    stack.limit(cores)
    meter = CpuMeter(stack.roots())
    stack.execute(DUE, ids)
    until = time.monotonic() + WORK_WITHIN_S
    while time.monotonic() < until and stack.query(LEFT, ids)[0][0]:
        await asyncio.sleep(0.1)
    outcome.notes[f"{name} at work: cores used"] = meter.shares()
    end(stack.sweeper)
    outcome.values[f"due_{name}"] = rate_of([row[0] for row in stack.query(_WORKED, ids, since)])
    return sent.acknowledged


def rate_of(times: Sequence[float]) -> float:
    """Return how many a second were done, without the first quarter: a new worker loads what it needs; 0 of too few."""
    first = len(times) // 4
    took_s = times[-1] - times[first] if times else 0.0
    return (len(times) - 1 - first) / took_s if took_s else 0.0


def _let_fail(stack: Machines, share: float) -> None:
    for group in stack.groups:
        group.data.mkdir(exist_ok=True)
        (group.data / POINTS_FILE).write_text(json.dumps({"fail_first": share} if share else {}))
