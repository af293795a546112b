"""How soon a screen knows, and what many screens cost."""

from __future__ import annotations

import asyncio

from benchmarks.speed.histogram import Latencies
from benchmarks.speed.installation import Production, production
from benchmarks.speed.listeners import Listeners, listeners
from benchmarks.speed.machine import memory_of
from benchmarks.speed.of_answers import WARM_UP, measured, refuse_others, warm_up
from benchmarks.speed.plan import plan_orders
from benchmarks.speed.registry import LOST, Figure, Options, Outcome, benchmark
from benchmarks.speed.sending import Sent

SCREENS = 20
ORDERS = 5
"""Orders that all sockets of a company are told of, one after the other: the slowest counts."""
PAUSE_S = 3.0
FIRST_SOCKETS = 50
"""Open before the memory is looked at for the first time: what the first socket loads is not what a socket costs."""
AFTER_S = 3.0
"""How long frames may still be under way after the last answer."""


async def _frames(options: Options, companies: int) -> Outcome:
    outcome = Outcome()
    with production(keep=options.keep) as stack:
        outcome.note_installation(stack)
        made = stack.make_companies(*(f"speed-{index}" for index in range(companies)))
        await warm_up(stack, made, WARM_UP // 2)
        async with listeners(stack.sockets_port) as screens:
            await screens.open([made[index % companies].token for index in range(SCREENS)])
            plan = plan_orders(made, int(options.seconds * options.rate), rate=options.rate)
            sent = await measured(stack, plan, "open", outcome)
            await asyncio.sleep(AFTER_S)
            await screens.close()
        refuse_others(sent, outcome)
    times, missing = told(sent, screens, SCREENS // companies)
    outcome.values |= times.figures() | {"missing": missing}
    outcome.histograms["frames"] = times.encoded()
    outcome.notes["answers"] = f"p50 {sent.latencies().ms(50):.1f} ms, p99 {sent.latencies().ms(99):.1f} ms"
    return outcome


def told(sent: Sent, screens: Listeners, each: int) -> tuple[Latencies, int]:
    """Return how long after its intended time each order was on each of so many screens, and how often it never was."""
    meant = {request.expected.external_id: at for request, at in zip(sent.planned, sent.meant, strict=True)}
    heard = [at - meant[order] for screen in screens.heard for order, at in screen if order in meant]
    return Latencies(heard), len(sent.acknowledged) * each - len(heard)


_FIGURES = (
    Figure("p50", "p50", "ms", 15),
    Figure("p99", "p99", "ms", 50),
    Figure("missing", "frames that never came", "", 0),
    LOST,
)


@benchmark(
    "frames",
    "from the provider's request to the frame on a socket, 50 orders a second, 20 sockets of 4 companies",
    *_FIGURES,
    seconds=60,
    rate=50,
)
async def frames(options: Options) -> Outcome:
    """Send in an open loop, and listen on five sockets of each company."""
    return await _frames(options, 4)


@benchmark(
    "frames-together",
    "the same with all 20 sockets in one company: 20 frames for each order, and 20 of the log",
    *_FIGURES,
    seconds=60,
    rate=50,
)
async def frames_together(options: Options) -> Outcome:
    """Send in an open loop, and listen on twenty sockets of the one company."""
    return await _frames(options, 1)


@benchmark(
    "sockets",
    "2,000 open sockets of one company on one daphne",
    Figure("kb_each", "memory for a socket", "kB", 60),
    Figure("all_told", "one order on all of them, the slowest of five", "s", 1),
    Figure("missing", "frames that never came", "", 0),
    count=2_000,
)
async def sockets(options: Options) -> Outcome:
    """Open them, look at the memory, and send orders with a pause after each."""
    outcome = Outcome()
    with production(keep=options.keep) as stack:
        outcome.note_installation(stack)
        companies = stack.make_companies("speed-0")
        await warm_up(stack, companies, WARM_UP // 4)
        async with listeners(stack.sockets_port) as screens:
            await screens.open([companies[0].token] * FIRST_SOCKETS)
            await asyncio.sleep(PAUSE_S)
            before = _memory(stack)
            await screens.open([companies[0].token] * options.count)
            plan = plan_orders(companies, ORDERS, rate=1 / PAUSE_S)
            sent = await measured(stack, plan, "open", outcome)
            await asyncio.sleep(AFTER_S)
            grown = _memory(stack) - before
            await screens.close()
        refuse_others(sent, outcome)
    everybody = options.count + FIRST_SOCKETS
    times, missing = told(sent, screens, everybody)
    outcome.values |= {"kb_each": grown / options.count, "all_told": times.max_ms / 1000, "missing": missing}
    outcome.notes |= {
        "sockets": f"{everybody:,}, of which {screens.lost} were closed",
        "told": f"half after {times.ms(50):.0f} ms, 99 of 100 after {times.ms(99):.0f} ms",
        "memory before": f"{before / 1024:.0f} MB",
    }
    return outcome


def _memory(stack: Production) -> int:
    return memory_of([stack.pid("sockets")])
