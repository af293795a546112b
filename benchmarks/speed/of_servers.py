"""Which HTTP server: the same application, pipeline, processes and threads behind each."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from importlib.util import find_spec

from benchmarks.faults.http import livez
from benchmarks.faults.servers import MissingError
from benchmarks.speed.installation import Production, production
from benchmarks.speed.of_answers import COMPANIES, PLANNED_A_SECOND, measured, refuse_others, warm_up
from benchmarks.speed.plan import plan_orders
from benchmarks.speed.registry import LOST, Figure, Options, Outcome, benchmark

START_WITHIN_S = 30.0
PROCESSES, THREADS = "2", "24"
"""What `gunicorn.conf.py` has by default."""
WSGI = "restaurant_integration.wsgi"
SERVERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "gunicorn": ("gunicorn", ("-m", "gunicorn", "--config", "gunicorn.conf.py", WSGI)),
    "granian": (
        "granian",
        (
            "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", "{port}", "--workers", PROCESSES,
            "--blocking-threads", THREADS, "--no-ws", "--log-level", "warning", f"{WSGI}:application",
        ),
    ),
    "uvicorn": (
        "a2wsgi",
        (
            "-m", "uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--workers", PROCESSES, "--no-access-log",
            "--log-level", "warning", "--lifespan", "off", "benchmarks.speed.uvicorn_wsgi:application",
        ),
    ),
}  # fmt: skip
"""Name to the package that it needs and its command."""
RATES = (20.0, 200.0)


def _figures() -> tuple[Figure, ...]:
    return tuple(
        figure
        for name in SERVERS
        for figure in (
            Figure(f"{name}_per_second", f"{name}: orders a second", "/s"),
            *(Figure(f"{name}_p99_{rate:.0f}", f"{name}: p99 at {rate:.0f} a second", "ms") for rate in RATES),
        )
    )


@benchmark(
    "servers",
    "gunicorn (gthread), granian (WSGI), uvicorn (a2wsgi): 2 processes with 24 threads each, the whole pipeline",
    *_figures(),
    LOST,
    seconds=30,
    is_long=True,
)
async def servers(options: Options) -> Outcome:
    """Put each in the place of the web in turn, on the same database."""
    outcome = Outcome()
    with production(keep=options.keep) as stack:
        outcome.note_installation(stack)
        companies = stack.make_companies(*(f"speed-{index}" for index in range(COMPANIES)))
        stack.supervisor().stopProcess("all:web")
        first = 0
        for name, (package, command) in SERVERS.items():
            if find_spec(package) is None:
                outcome.faults.append(f"{name} was left out: requirements-bench.txt is not installed")
                continue
            process = await asyncio.to_thread(_start, stack, command)
            try:
                await warm_up(stack, companies, first=500_000_000 + first)
                for rate in RATES:
                    plan = plan_orders(companies, int(options.seconds * rate), rate=rate, first=first)
                    first += len(plan)
                    sent = await measured(stack, plan, "open", outcome, f"{name} at {rate:.0f}")
                    refuse_others(sent, outcome)
                    outcome.values[f"{name}_p99_{rate:.0f}"] = sent.latencies().ms(99)
                plan = plan_orders(companies, int(options.seconds * PLANNED_A_SECOND), first=first)
                first += len(plan)
                sent = await measured(stack, plan, "closed", outcome, name, seconds=options.seconds)
                refuse_others(sent, outcome)
                outcome.values[f"{name}_per_second"] = sent.per_second
            finally:
                await asyncio.to_thread(_stop, process)
    return outcome


def _start(stack: Production, command: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """Start a server on the web's port and wait until it answers. Raises MissingError."""
    arguments = [part.format(port=stack.port) for part in command]
    env = {"SERVES_REQUESTS": "true", "WEB_CONCURRENCY": PROCESSES, "WEB_THREADS": THREADS}
    process = stack.helper(*arguments, env=env)
    until = time.monotonic() + START_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        if livez(stack.port):
            return process
        time.sleep(0.1)
    _stop(process)
    raise MissingError(f"{command[1]} did not start; see {stack.log}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
