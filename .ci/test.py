"""``make test``: every test that a database may change on SQLite, and again on Postgres and Redis; every other one once.

Four runs of pytest, the longest first, as many at once as there are lanes; what they print comes one behind the other. The
servers are those of DATABASE_URL and REDIS_URL, else private ones from installed programs; where there are none that run is
skipped, with its reason, as are the tests that start nginx. Exit code 0 when no run failed; with ``--require-services`` what
was skipped for want of a program has failed. ``--coverage`` leaves the measurements behind that ``coverage_of_lines.py``
reads; all other arguments go to pytest.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

sys.path.insert(0, str(Path(__file__).parent))

from services import MissingError, private_postgres, private_redis

ROOT = Path(__file__).resolve().parent.parent
OURS = {
    "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "CREDENTIAL_ENCRYPTION_KEY", "DATA_DIR", "DEBUG", "PORT", "HOST", "ROLE",
    "APP_BASE_URL", "ALLOWED_HOSTS", "SANDBOX_ENABLED", "SERVES_REQUESTS", "LOG_LEVEL", "LOG_FORMAT",
}  # fmt: skip
"""Settings of a deployment that must not reach the tests."""
WITH_DATABASE = ["orders", "integration", "restaurant_integration"]
BROWSER = ["integration/tests/browser"]
"""Where such tests stand: nothing else need be read."""
NOTHING_CHOSEN = 5
"""Pytest's exit code where no test is left."""
LANES = max(2, os.cpu_count() or 1)
"""Runs at once. Each waits a part of its time; but waits have bounds, and with more lanes they come near them."""
POLL_S = 0.2
ON_SERVERS = "Postgres and Redis"


@dataclasses.dataclass
class Run:
    """One pytest: its arguments and where its database is. ``code`` is its exit code, None until it has one."""

    title: str
    output: IO[bytes]
    arguments: list[str]
    urls: dict[str, str] = dataclasses.field(default_factory=dict)
    is_measured: bool = False
    missing: str = ""
    """Why it cannot be started."""
    code: int | None = None

    def __post_init__(self) -> None:
        said = f": SKIPPED: {self.missing}." if self.missing else ""
        self.output.write(f"\n=== {self.title}{said} ===\n".encode())
        self.output.flush()
        self._shown = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if name not in OURS} | self.urls
        measured = ["-m", "coverage", "run"] if self.is_measured else []
        command = [sys.executable, *measured, "-m", "pytest", *self.arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=self.output, stderr=self.output)

    def has_ended(self) -> bool:
        if self.process is not None:
            self.code = self.process.poll()
        return self.code is not None or bool(self.missing)

    def show(self) -> None:
        """Print what has come since it was last shown."""
        # The child writes where this file stands: reading must not move it.
        while part := os.pread(self.output.fileno(), 65_536, self._shown):
            sys.stdout.buffer.write(part)
            self._shown += len(part)
        sys.stdout.flush()

    def end(self) -> None:
        """End a process that still runs, before the servers that it uses."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def start_services(stack: contextlib.ExitStack) -> dict[str, str]:
    """Return the URLs of Postgres and Redis, given or private until the stack ends. Raises MissingError."""
    urls = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL") if os.environ.get(name)}
    if "DATABASE_URL" not in urls:
        urls["DATABASE_URL"] = stack.enter_context(private_postgres())
    if "REDIS_URL" not in urls:
        urls["REDIS_URL"] = stack.enter_context(private_redis())
    return urls


def plan(stack: contextlib.ExitStack, arguments: list[str], *, with_coverage: bool) -> Iterator[Run]:
    """Yield what is to run, the longest first. What two runs do is measured where it is quicker, on SQLite."""
    urls, missing = {}, ""
    try:
        urls = start_services(stack)
    except MissingError as reason:
        missing = str(reason)

    def run(title: str, chosen: list[str], where: list[str], **options: Any) -> Run:
        output = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 — the stack closes it
        return Run(title, output, [*chosen, *(arguments or where)], **options)

    database = ["--only", "database"]
    servers = [*database, "--look-at", "servers"]
    yield run(ON_SERVERS, servers, WITH_DATABASE, urls=urls, is_measured=with_coverage, missing=missing)
    # Pages look the same over any database.
    yield run("Browser", ["-m", "browser"], BROWSER)
    yield run("Once", ["--only", "other", "-m", "not browser"], [], is_measured=with_coverage)
    yield run("SQLite", database, WITH_DATABASE, is_measured=with_coverage)


def run_all(arguments: list[str], *, with_coverage: bool) -> list[Run]:
    """Run everything, as many at once as there are lanes."""
    with contextlib.ExitStack() as stack:
        runs = list(plan(stack, arguments, with_coverage=with_coverage))
        for run in runs:
            stack.callback(run.end)
        waiting, shown = [run for run in runs if not run.missing], list(runs)
        under_way: list[Run] = []
        while shown:
            under_way = [run for run in under_way if not run.has_ended()]
            while waiting and len(under_way) < LANES:
                under_way.append(waiting.pop(0))
                under_way[-1].start()
            has_ended = shown[0].has_ended()
            if has_ended or shown[0].process is not None:
                shown[0].show()
            if has_ended:
                shown.pop(0)
            else:
                time.sleep(POLL_S)
    return runs


def word_for(run: Run, *, required: bool) -> str:
    if run.missing:
        return word_for_missing(required=required)
    return {0: "passed", NOTHING_CHOSEN: "nothing chosen"}.get(run.code or 0, f"FAILED (pytest exit code {run.code})")


def word_for_missing(*, required: bool) -> str:
    return "FAILED: it has to run" if required else "skipped"


def main(arguments: list[str]) -> int:
    """Run everything; return the exit code."""
    required, with_coverage = "--require-services" in arguments, "--coverage" in arguments
    arguments = [argument for argument in arguments if argument not in {"--require-services", "--coverage"}]
    # The servers are stopped by the same way out as after an interrupt.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        runs = run_all(arguments, with_coverage=with_coverage)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    words = {run.title: word_for(run, required=required) for run in runs}
    # Its tests skip themselves.
    if shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin") is None:
        words["nginx"] = word_for_missing(required=required)
    print()
    for title, word in words.items():
        print(f"{title}: {word}")
    return int("passed" not in words.values() or any(word.startswith("FAILED") for word in words.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
