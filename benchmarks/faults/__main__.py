"""``make faults``: play the scenarios one after the other, print a line for each, write the table."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import psycopg

from benchmarks.faults.checks import check
from benchmarks.faults.idle import IdleWatch
from benchmarks.faults.report import line, passed_on, today, write_table
from benchmarks.faults.run import Run, make_run
from benchmarks.faults.scenarios import SCENARIOS, Scenario
from benchmarks.faults.servers import MissingError
from benchmarks.faults.stack import Stack

# They register their scenarios in this order: a socket stays open up to `socket-idle`, before our own processes die.
for _name in ("of_postgres", "of_redis", "of_sockets", "of_processes", "of_work"):
    import_module(f"benchmarks.faults.{_name}")

SCENARIO_WITHIN_S = 240
"""No scenario takes longer; one that does has failed, and the next one begins. Idle minutes come on top."""
BEGIN_WITHIN_S = 28 * 60
"""After so long no other scenario is begun: all of them take less than half an hour."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    names: list[str]
    keep: bool
    write: bool


def cpu_wait_s() -> float | None:
    """Return how long, since its start, something on this machine has waited for a core; None where it does not say."""
    try:
        return int(Path("/proc/pressure/cpu").read_text().split("total=", 1)[1].split()[0]) / 1e6
    except (OSError, IndexError, ValueError):
        return None


async def play(stack: Stack, scenario: Scenario, *, watch_idle: bool = False) -> Run:
    """Play one scenario and check what is left of it; with ``watch_idle`` a socket is left alone beside it."""
    is_fresh = await asyncio.to_thread(stack.up, scenario.env)
    log_from = stack.log.stat().st_size
    run = await make_run(stack, scenario.name, scenario.companies)
    try:
        async with asyncio.timeout(SCENARIO_WITHIN_S + 60 * IdleWatch.minutes * (scenario.name == "socket-idle")):
            if is_fresh:
                await run.warm_up()
            if watch_idle:
                await IdleWatch.begin(stack)
            waited_s, started = cpu_wait_s(), time.monotonic()
            with run.disk.watched(stack.folder):
                await scenario.play(run)
            run.notes["disk stalled"] = f"{run.disk.stalled_share:.1%}"
            if waited_s is not None:
                run.busy_share = ((cpu_wait_s() or 0) - waited_s) / (time.monotonic() - started)
                run.notes["machine busy"] = f"{run.busy_share:.0%}"
            await run.settle()
            await check(run, log_from, scenario.p99_ms)
    except (MissingError, OSError, psycopg.Error) as error:
        # A TimeoutError is an OSError.
        run.faults.append(f"broke off: {type(error).__name__}: {error}"[:300])
    finally:
        await run.close()
    return run


async def play_all(options: Options) -> int:
    """Play scenarios until all are done or time is up; return the exit code. Whatever happens, nothing is left running."""
    runs: list[Run] = []
    left = list(options.names)
    began = time.monotonic()
    stack = Stack()
    try:
        stack.start_servers()
        while left and time.monotonic() - began < BEGIN_WITHIN_S + 60 * IdleWatch.minutes * (len(options.names) == 1):
            started = time.monotonic()
            name = left.pop(0)
            run = await play(stack, SCENARIOS[name], watch_idle="socket-idle" in left and not SCENARIOS[name].env)
            runs.append(run)
            print(line(run, time.monotonic() - started), flush=True)
            if options.write:
                write_table([run])
    finally:
        await IdleWatch.end()
        await asyncio.to_thread(stack.down)
        stack.stop(keep=options.keep)
        if options.keep:
            print(f"Logs and ledgers: {stack.folder}")
    failed = [run.name for run in runs if run.faults]
    print(
        f"{len(runs)} scenarios in {(time.monotonic() - began) / 60:.0f} min; {len(failed)} failed {' '.join(failed)}"
    )
    if left:
        print(f"Not played, for want of time: {' '.join(left)}")
    return int(bool(failed or left))


def parse(arguments: list[str]) -> Options:
    """Read the command line; ends the program with a sentence where it cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="SCENARIO", help="play these only; all without names")
    parser.add_argument("--keep", action="store_true", help="leave the folder with the logs and ledgers behind")
    parser.add_argument("--write", action="store_true", help="write each row of the table in docs/reliability.md")
    parser.add_argument("--resume", action="store_true", help="leave out what passed today, as the table says")
    parser.add_argument("--idle-minutes", type=float, default=6.0, help="how long socket-idle waits (6)")
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.names if name not in SCENARIOS]:
        parser.error(f"no scenario is called {unknown[0]}; there are: {', '.join(SCENARIOS)}")
    IdleWatch.minutes = asked.idle_minutes
    done = passed_on(today()) if asked.resume else set()
    names = [name for name in asked.names or SCENARIOS if name not in done]
    return Options(names, keep=asked.keep, write=asked.write)


def main(arguments: list[str]) -> int:
    """Play what is asked for; return the exit code."""
    options = parse(arguments)
    # The servers are stopped by the same way out as after an interrupt.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return asyncio.run(play_all(options))
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except MissingError as reason:
        print(f"Cannot run: {reason}.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
