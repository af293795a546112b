"""Servers in processes of their own: started, asked, killed and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.conf import settings

from benchmarks.faults.servers import free_port
from integration.tests import migrated

START_TIMEOUT_S = 180
Found = TypeVar("Found")


def eventually(look: Callable[[], Found | None], within_s: float = 60, every_s: float = 0.1) -> Found:
    """Return what ``look`` finds as soon as it finds something; fail where it never does."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"It did not come to be within {within_s} s: {look.__qualname__}")
        time.sleep(every_s)
    return found


class Server:
    """The embedded server in a process of its own, on its own port and data directory.

    ``is_first``: it finds nothing there, and makes its database, which takes seconds.
    """

    def __init__(
        self, data_dir: Path, *, port: int = 0, starts: bool = True, is_first: bool = False, **environment: str
    ) -> None:
        self.port, self.data_dir, self.log = port or free_port(), data_dir, data_dir / "stderr"
        self.url = f"http://localhost:{self.port}"
        kept = {
            name: value for name, value in os.environ.items() if name.startswith(("COVERAGE", "COV_")) or name == "PATH"
        }
        self.environment = kept | {"PORT": str(self.port), "DATA_DIR": str(data_dir), **environment}
        if not is_first:
            migrated.give(data_dir)
        if starts:
            self.process = self.start()

    def start(self) -> subprocess.Popen[str]:
        with self.log.open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "restaurant_integration.embedded"], cwd=settings.BASE_DIR, env=self.environment,
                stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2).close()
                return
            except OSError:
                time.sleep(0.1)
        self.process.kill()
        pytest.fail(f"The server did not start: {self.log.read_text()}")

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=settings.BASE_DIR, env=self.environment,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code and what stood on standard output."""
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=30)
        return self.process.returncode, out

    def kill(self) -> None:
        """End the process without a word, as a power cut does."""
        self.end(signal.SIGKILL)

    def restart(self) -> None:
        self.process = self.start()

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Call the server; return the answer's status and its JSON."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{self.url}{path}", data, named, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
