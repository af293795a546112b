"""``make faults``: play the scenarios one after the other, print a line for each, write the table."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path

import psycopg

from benchmarks.faults import of_postgres, of_processes, of_redis, of_work  # noqa: F401 - they register their scenarios
from benchmarks.faults.checks import check
from benchmarks.faults.report import line, write_table
from benchmarks.faults.run import Run, make_run
from benchmarks.faults.scenarios import SCENARIOS, Scenario
from benchmarks.faults.servers import MissingError
from benchmarks.faults.stack import Stack

KEEP, WRITE = "--keep", "--write"
"""Leave the folder with the logs and ledgers behind; write the table of docs/reliability.md."""


def cpu_wait_s() -> float | None:
    """Return how long, since its start, something on this machine has waited for a core; None where it does not say."""
    try:
        return int(Path("/proc/pressure/cpu").read_text().split("total=", 1)[1].split()[0]) / 1e6
    except (OSError, IndexError, ValueError):
        return None


async def play(stack: Stack, scenario: Scenario) -> Run:
    """Play one scenario and check what is left of it."""
    is_fresh = await asyncio.to_thread(stack.up, scenario.env)
    log_from = stack.log.stat().st_size
    run = await make_run(stack, scenario.name, scenario.companies)
    try:
        if is_fresh:
            await run.warm_up()
        waited_s, started = cpu_wait_s(), time.monotonic()
        await scenario.play(run)
        if waited_s is not None:
            run.busy_share = ((cpu_wait_s() or 0) - waited_s) / (time.monotonic() - started)
            run.notes["machine busy"] = f"{run.busy_share:.0%}"
        await run.settle()
        await check(run, log_from, scenario.p99_ms)
    except (MissingError, OSError, psycopg.Error) as error:
        run.faults.append(f"broke off: {type(error).__name__}: {error}"[:300])
    finally:
        await run.close()
    return run


async def play_all(names: list[str], *, keep: bool, write: bool) -> int:
    runs: list[Run] = []
    stack = Stack()
    try:
        stack.start_servers()
        for name in names:
            started = time.monotonic()
            run = await play(stack, SCENARIOS[name])
            runs.append(run)
            print(line(run, time.monotonic() - started), flush=True)
            if write:
                write_table([run])
    finally:
        await asyncio.to_thread(stack.down)
        stack.stop(keep=keep)
        if keep:
            print(f"Logs and ledgers: {stack.folder}")
    return int(any(run.faults for run in runs))


def main(arguments: list[str]) -> int:
    """Play the named scenarios, all without names; return the exit code."""
    names = [name for name in arguments if name not in {KEEP, WRITE}] or list(SCENARIOS)
    if unknown := [name for name in names if name not in SCENARIOS]:
        print(f"No scenario is called {unknown[0]}; there are: {', '.join(SCENARIOS)}.", file=sys.stderr)
        return 2
    # The servers are stopped by the same way out as after an interrupt.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return asyncio.run(play_all(names, keep=KEEP in arguments, write=WRITE in arguments))
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except MissingError as reason:
        print(f"Cannot run: {reason}.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
