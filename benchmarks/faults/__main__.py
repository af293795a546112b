"""``make faults``: play the scenarios one after the other, print a line for each, write the table."""

from __future__ import annotations

import asyncio
import sys
import time

import psycopg

from benchmarks.faults import of_postgres, of_processes, of_redis, of_work  # noqa: F401 - they register their scenarios
from benchmarks.faults.checks import check
from benchmarks.faults.run import Run, make_run
from benchmarks.faults.scenarios import SCENARIOS, Scenario
from benchmarks.faults.servers import MissingError
from benchmarks.faults.stack import Stack

KEEP = "--keep"
"""Leaves the folder with the logs and ledgers behind."""


async def play(stack: Stack, scenario: Scenario) -> Run:
    """Play one scenario and check what is left of it."""
    await asyncio.to_thread(stack.up, scenario.env)
    log_from = stack.log.stat().st_size
    run = await make_run(stack, scenario.name, scenario.companies)
    try:
        await scenario.play(run)
        await run.settle()
        await check(run, log_from, scenario.p99_ms)
    except (MissingError, OSError, psycopg.Error) as error:
        run.faults.append(f"broke off: {type(error).__name__}: {error}"[:300])
    finally:
        await run.close()
    return run


def line(run: Run, took_s: float) -> str:
    notes = ", ".join(f"{name} {value}" for name, value in run.notes.items())
    verdict = "FAIL" if run.faults else "PASS"
    first = f"{verdict}  {run.name:<22} {took_s:4.0f} s  {notes}"
    return "\n".join([first, *(f"      - {fault}" for fault in run.faults[:12])])


async def play_all(names: list[str], *, keep: bool) -> int:
    failed = 0
    stack = Stack()
    try:
        stack.start_servers()
        for name in names:
            started = time.monotonic()
            run = await play(stack, SCENARIOS[name])
            failed += bool(run.faults)
            print(line(run, time.monotonic() - started), flush=True)
    finally:
        await asyncio.to_thread(stack.down)
        stack.stop(keep=keep)
        if keep:
            print(f"Logs and ledgers: {stack.folder}")
    return int(failed > 0)


def main(arguments: list[str]) -> int:
    """Play the named scenarios, all without names; return the exit code."""
    keep = KEEP in arguments
    names = [name for name in arguments if name != KEEP] or list(SCENARIOS)
    if unknown := [name for name in names if name not in SCENARIOS]:
        print(f"No scenario is called {unknown[0]}; there are: {', '.join(SCENARIOS)}.", file=sys.stderr)
        return 2
    try:
        return asyncio.run(play_all(names, keep=keep))
    except MissingError as reason:
        print(f"Cannot run: {reason}.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
