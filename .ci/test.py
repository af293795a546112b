"""``make test``: the whole suite on SQLite, and again on Postgres and Redis.

The second part uses the servers of DATABASE_URL and REDIS_URL, else private ones from installed programs; where there are
none it is skipped, with its reason, as are the tests that start nginx. Exit code 0 when no part failed; with
``--require-services`` what was skipped for want of a program has failed. ``--coverage`` leaves the measurements of one part
behind, the second's where it runs; all other arguments go to pytest.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

sys.path.insert(0, str(Path(__file__).parent))

from services import MissingError, private_postgres, private_redis

ROOT = Path(__file__).resolve().parent.parent
OURS = {
    "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "CREDENTIAL_ENCRYPTION_KEY", "DATA_DIR", "DEBUG", "PORT", "HOST", "ROLE",
    "APP_BASE_URL", "ALLOWED_HOSTS", "SANDBOX_ENABLED", "SERVES_REQUESTS", "LOG_LEVEL", "LOG_FORMAT",
}  # fmt: skip
"""Settings of a deployment that must not reach the tests."""
WITHOUT_DATABASE = ["providers"]
WITH_DATABASE = ["orders", "integration", "restaurant_integration"]
TOOLS = ["benchmarks"]
SECOND = "Postgres and Redis"


def start_pytest(
    arguments: list[str], urls: dict[str, str], *, with_coverage: bool, output: IO[bytes] | None = None
) -> subprocess.Popen[bytes]:
    """Start pytest in a process of its own; with ``output``, what it prints goes there."""
    environment = {name: value for name, value in os.environ.items() if name not in OURS} | urls
    measured = ["-m", "coverage", "run"] if with_coverage else []
    command = [sys.executable, *measured, "-m", "pytest", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)


def start_services(stack: contextlib.ExitStack) -> dict[str, str]:
    """Return the URLs of Postgres and Redis, given or private until the stack ends. Raises MissingError."""
    urls = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL") if os.environ.get(name)}
    if "DATABASE_URL" not in urls:
        urls["DATABASE_URL"] = stack.enter_context(private_postgres())
    if "REDIS_URL" not in urls:
        urls["REDIS_URL"] = stack.enter_context(private_redis())
    return urls


def run_parts(arguments: list[str], *, with_coverage: bool) -> dict[str, int | None]:
    """Run both parts side by side, the second one's output behind the first's; return their exit codes, None if skipped."""
    with contextlib.ExitStack() as stack:
        second, missing = None, ""
        output = stack.enter_context(tempfile.TemporaryFile())
        try:
            urls = start_services(stack)
        except MissingError as reason:
            missing = str(reason)
        else:
            # Pages look the same over any database: their browser runs in the first part alone. Adapters know of none:
            # their tests run once, where the measurement is.
            measured = WITHOUT_DATABASE if with_coverage else []
            chosen = ["-m", "not browser", *(arguments or [*measured, *WITH_DATABASE])]
            second = start_pytest(chosen, urls, with_coverage=with_coverage, output=output)
            stack.callback(end, second)
        print("=== SQLite ===", flush=True)
        if second is not None and with_coverage:
            first = start_pytest(arguments or [*WITH_DATABASE, *TOOLS], {}, with_coverage=False)
        else:
            first = start_pytest(arguments, {}, with_coverage=with_coverage)
        stack.callback(end, first)
        results: dict[str, int | None] = {"SQLite": first.wait(), SECOND: None}
        if second is None:
            print(f"\n=== {SECOND}: SKIPPED: {missing}. ===", flush=True)
        else:
            results[SECOND] = second.wait()
            print(f"\n=== {SECOND} ===", flush=True)
            output.seek(0)
            shutil.copyfileobj(output, sys.stdout.buffer)
            sys.stdout.flush()
    return results


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that still runs, before the servers that it uses."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main(arguments: list[str]) -> int:
    """Run both parts; return the exit code."""
    required, with_coverage = "--require-services" in arguments, "--coverage" in arguments
    arguments = [argument for argument in arguments if argument not in {"--require-services", "--coverage"}]
    # The servers are stopped by the same way out as after an interrupt.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        results = run_parts(arguments, with_coverage=with_coverage)
        # Its tests stand in both parts, and skip themselves.
        if shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin") is None:
            results["nginx"] = None
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    words = {None: "FAILED: it has to run" if required else "skipped", 0: "passed"}
    print()
    for title, code in results.items():
        print(f"{title}: {words.get(code, f'FAILED (pytest exit code {code})')}")
    failed = any(code not in (0, None) for code in results.values()) or (required and None in results.values())
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
