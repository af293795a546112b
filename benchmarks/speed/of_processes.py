"""How long a start takes."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import time
from collections.abc import Callable

from benchmarks.faults.http import livez
from benchmarks.faults.servers import MissingError, free_port
from benchmarks.speed.installation import Embedded, Production, embedded
from benchmarks.speed.registry import Figure, Options, Outcome, benchmark

READY_WITHIN_S = 30.0
LOOK_EVERY_S = 0.01


@benchmark(
    "start",
    "from the command to the first answer, and what each command of manage.py costs before it begins; medians",
    Figure("web_ready", "gunicorn with its two workers", "s", 3),
    Figure("embedded_ready", "make run, with its database there", "s"),
    Figure("command", "manage.py: settings, models and the system check", "s", 0.8),
    count=7,
)
async def start(options: Options) -> Outcome:
    """Start each several times, one after the other, with nothing else to do."""
    return await asyncio.to_thread(_measure, options)


def _measure(options: Options) -> Outcome:
    outcome = Outcome()
    stack = Production()
    try:
        stack.start_servers()
        _wait(stack.helper("manage.py", "prepare"))
        outcome.note_installation(stack)
        web = [_web_ready_s(stack) for _ in range(options.count)]
        commands = [_timed(lambda: _wait(stack.helper("manage.py", "check"))) for _ in range(options.count)]
    finally:
        stack.stop(keep=options.keep)
    with embedded() as one:
        one.stop(keep=True)
        runs = [_embedded_ready_s(one) for _ in range(options.count)]
    for name, found in (("web_ready", web), ("command", commands), ("embedded_ready", runs)):
        outcome.values[name] = statistics.median(found)
        outcome.notes[f"{name.replace('_', ' ')}, all"] = f"{min(found):.2f} to {max(found):.2f} s"
    return outcome


def _timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def _wait(process: subprocess.Popen[bytes]) -> None:
    if process.wait(READY_WITHIN_S * 2):
        raise MissingError("a command failed")


def _web_ready_s(stack: Production) -> float:
    port = free_port()
    process = stack.helper(
        "-m", "gunicorn", "--config", "gunicorn.conf.py", "restaurant_integration.wsgi", env={"PORT": str(port)}
    )
    try:
        return _timed(lambda: _until_it_answers(port, process))
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(READY_WITHIN_S)


def _embedded_ready_s(one: Embedded) -> float:
    try:
        return _timed(one.start)
    finally:
        one.stop(keep=True)


def _until_it_answers(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while not livez(port):
        if time.monotonic() > until or process.poll() is not None:
            raise MissingError("the web did not start")
        time.sleep(LOOK_EVERY_S)
