"""``make bench``: measure, one benchmark after the other; keep what was measured, and write the table."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import signal
import sys
import time
from dataclasses import dataclass

import psycopg

from benchmarks.faults.proxy import ROOT
from benchmarks.faults.servers import MissingError
from benchmarks.growth.report import write_page
from benchmarks.speed import machine
from benchmarks.speed.catalogue import BENCHMARKS
from benchmarks.speed.registry import Benchmark, Options, Outcome
from benchmarks.speed.report import KEPT, TRIED, lines, passed, result_of, write_result, write_table

MOST_SECONDS = 3_600.0
MOST_RATE = 2_000.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    names: list[str]
    write: bool
    seconds: float | None
    rate: float | None
    count: int | None
    keep: bool

    def options(self, benchmark: Benchmark) -> Options:
        """Return the size of a run: the benchmark's own where nothing else is asked for."""
        named = {"seconds": self.seconds, "rate": self.rate, "count": self.count}
        changes = {name: value for name, value in named.items() if value is not None}
        return dataclasses.replace(benchmark.full(), keep=self.keep, **changes)  # type: ignore[arg-type]

    def command(self, name: str) -> str:
        """Return the line that plays a benchmark as it was played."""
        sizes = "".join(
            f" --{option} {value:g}"
            for option, value in (("seconds", self.seconds), ("rate", self.rate), ("count", self.count))
            if value is not None
        )
        return f"python -m benchmarks.speed {name}{' --write' if self.write else ''}{sizes}"


async def play(benchmark: Benchmark, options: Options) -> Outcome:
    """Play a benchmark; what cannot be measured is a fault. Raises MissingError where it cannot even begin."""
    try:
        async with asyncio.timeout(benchmark.within_s + options.seconds):
            return await benchmark.run(options)
    except TimeoutError:
        return Outcome(faults=[f"not done after {benchmark.within_s + options.seconds:.0f} s"])
    except (OSError, psycopg.Error) as error:
        return Outcome(faults=[f"broke off: {type(error).__name__}: {error}"[:300]])


async def play_all(asked: Asked) -> int:
    """Play the benchmarks; return the exit code: 0 when every figure is as it has to be."""
    failed = []
    for name in asked.names:
        benchmark = BENCHMARKS[name]
        options = asked.options(benchmark)
        busy = await asyncio.to_thread(machine.busy_share)
        before_ms = machine.loop_ms()
        started = time.monotonic()
        outcome = await play(benchmark, options)
        took_s = time.monotonic() - started
        outcome.notes["machine busy before"] = f"{busy:.0%}"
        outcome.notes["a fixed loop"] = f"{before_ms:.2f} ms before, {machine.loop_ms():.2f} ms after"
        print(lines(benchmark, outcome, took_s), flush=True)
        if not passed(benchmark, outcome):
            failed.append(name)
        result = result_of(benchmark, outcome, asked.command(name), machine.facts(), took_s)
        hindrance = why_not_kept(benchmark, options, busy)
        if asked.write and hindrance:
            print(f"      not written: {hindrance}")
            failed.append(name)
        is_kept = asked.write and not hindrance
        path = write_result(result, KEPT if is_kept else TRIED)
        if is_kept:
            write_table()
            write_page()
        print(f"      result: {path.relative_to(ROOT)}", flush=True)
    return int(bool(failed))


def why_not_kept(benchmark: Benchmark, options: Options, busy: float) -> str:
    """Return why a run belongs into no table, blank where it does."""
    full = benchmark.full()
    if (options.seconds, options.rate, options.count) != (full.seconds, full.rate, full.count):
        return "only a run of the full size goes into the table"
    if busy > machine.BUSY_SHARE:
        return f"the machine was busy with other work before it began ({busy:.0%})"
    return ""


def parse(arguments: list[str]) -> Asked:
    """Read the command line; ends the program with a sentence where it cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="play these only; without names all but the long ones")
    parser.add_argument("--write", action="store_true", help="keep the result in docs/performance/ and write the table")
    parser.add_argument("--seconds", type=float, help="measure so long")
    parser.add_argument("--rate", type=float, help="orders a second, where the benchmark has a rate")
    parser.add_argument("--count", type=int, help="how many orders, rows, sockets or starts, where it counts them")
    parser.add_argument("--keep", action="store_true", help="leave the folder with the processes' logs behind")
    parser.add_argument("--list", action="store_true", help="list the benchmarks")
    parser.add_argument("--table", action="store_true", help="only write the tables, from the results that are kept")
    asked = parser.parse_args(arguments)
    if asked.list:
        for benchmark in BENCHMARKS.values():
            print(f"{benchmark.name:<14} {benchmark.says}{' (long: only by its name)' if benchmark.is_long else ''}")
        raise SystemExit(0)
    if asked.table:
        write_table()
        write_page()
        raise SystemExit(0)
    if unknown := [name for name in asked.names if name not in BENCHMARKS]:
        parser.error(f"no benchmark is called {unknown[0]}; there are: {', '.join(BENCHMARKS)}")
    if not 0 <= (asked.seconds or 0) <= MOST_SECONDS or not 0 <= (asked.rate or 0) <= MOST_RATE:
        parser.error(f"--seconds is at most {MOST_SECONDS:.0f}, --rate at most {MOST_RATE:.0f}")
    names = asked.names or [name for name, each in BENCHMARKS.items() if not each.is_long]
    return Asked(names, asked.write, asked.seconds, asked.rate, asked.count, asked.keep)


def main(arguments: list[str]) -> int:
    """Measure what is asked for; return the exit code."""
    # The servers are stopped by the same way out as after an interrupt.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    asked = parse(arguments)
    try:
        return asyncio.run(play_all(asked))
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except MissingError as reason:
        print(f"Cannot run: {reason}.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
