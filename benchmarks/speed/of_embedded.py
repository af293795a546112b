"""``make run``: one process with everything in it, on SQLite."""

from __future__ import annotations

from benchmarks.speed.installation import embedded
from benchmarks.speed.of_answers import PLANNED_A_SECOND, WARM_UP, measured, refuse_others, warm_up
from benchmarks.speed.plan import plan_orders
from benchmarks.speed.registry import LOST, Figure, Options, Outcome, benchmark


@benchmark(
    "embedded",
    "make run: one process, SQLite, one company",
    Figure("per_second", "orders a second, sustained", "/s", 100, "at least"),
    Figure("mean", "mean answer time at 20 a second", "ms"),
    Figure("p99", "p99 at 20 a second", "ms", 100),
    LOST,
    seconds=60,
    rate=20,
)
async def one_process(options: Options) -> Outcome:
    """Send at a steady rate in an open loop, then on 16 connections as fast as it answers."""
    outcome = Outcome()
    with embedded(keep=options.keep) as one:
        companies = one.make_companies("speed-0")
        await warm_up(one, companies, WARM_UP // 4)
        steady = int(options.seconds * options.rate)
        at_rate = await measured(one, plan_orders(companies, steady, rate=options.rate), "open", outcome, "steady")
        refuse_others(at_rate, outcome)
        # The default rate limit is by provider: 6,000 in a minute, and four providers.
        plan = plan_orders(companies, int(options.seconds * PLANNED_A_SECOND / 3), first=steady)
        sent = await measured(one, plan, "closed", outcome, "sustained", seconds=options.seconds)
        refuse_others(sent, outcome)
        if len(sent.planned) == len(plan):
            outcome.faults.append("the plan was used up: there is more in it than was measured")
    outcome.values |= {
        "per_second": sent.per_second,
        "mean": at_rate.latencies().mean_ms,
        "p99": at_rate.latencies().ms(99),
    }
    return outcome
