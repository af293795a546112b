"""A short run against the real processes, in which nothing breaks; then the checks have to see what is broken by hand."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.faults.checks import check
from benchmarks.faults.run import Run, make_run
from benchmarks.faults.servers import MissingError
from benchmarks.faults.stack import Stack

BROKEN_BY_HAND = {
    "events lost": "DELETE FROM webhook_bodies WHERE log_id = (SELECT id FROM webhook_logs WHERE company_id = %s LIMIT 1)",
    "no end state": "UPDATE webhook_logs SET status = 'failed' WHERE id = (SELECT l.id FROM webhook_logs l"
    " JOIN webhook_bodies b ON b.log_id = l.id WHERE company_id = %s AND status = 'processed' LIMIT 1)",
    "not ": "UPDATE orders SET total = total + 0.001 WHERE id = (SELECT id FROM orders WHERE company_id = %s LIMIT 1)",
    "no path": "UPDATE order_events SET previous_status = 'delivered' WHERE seq = 2 AND company_id = %s",
    "gap": "DELETE FROM order_events WHERE seq = 3 AND company_id = %s",
    "heard of events that are not there": "SELECT %s",
}
"""What a check says, and how the database is made to deserve it."""


async def play() -> tuple[Run, list[str], list[str]]:
    """Return the run, what did not hold after it, and what after it was broken by hand."""
    stack = Stack()
    try:
        stack.start_servers()
        stack.up()
        run = await make_run(stack, "short", companies=2)
        try:
            await run.warm_up()
            async with run.load(5, rate=9, poison=2):
                pass
            await run.settle()
            await check(run, 0, p99_ms=5_000)
            held, run.faults = run.faults, []
            for sql in BROKEN_BY_HAND.values():
                run.execute(sql, run.companies[0].id)
            with stack.log.open("a") as log:
                log.write(f"a line with {run.companies[1].token} in it\n")
            await check(run, 0, p99_ms=5_000)
        finally:
            await run.close()
    finally:
        stack.stop()
    return run, held, run.faults


@pytest.fixture(scope="module")
def played():
    try:
        return asyncio.run(play())
    except MissingError as reason:
        pytest.skip(str(reason))


def test_nothing_is_lost_when_nothing_breaks(played):
    run, held, _ = played
    assert held == []
    assert run.notes["lost"] == "0"
    assert run.notes["acknowledged"] == run.notes["events"]


@pytest.mark.parametrize("said", BROKEN_BY_HAND)
def test_the_checks_see_what_is_broken(played, said):
    assert [fault for fault in played[2] if said in fault]


def test_the_checks_see_a_secret_in_the_log(played):
    assert "a log line holds a secret" in played[2]
