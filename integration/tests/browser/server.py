"""A real server for the browser tests: the embedded one, in a process and a data directory of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from benchmarks.faults.servers import free_port
from integration.tests import migrated
from integration.tests.browser.commands import ROOT, Commands

READY_WITHIN_S = 180
STOPPED_WITHIN_S = 15


class Server:
    """Starts, stops and starts again on the same port and data."""

    def __init__(self, data_dir: Path) -> None:
        self.port = free_port()
        self.data_dir = data_dir
        self.url = f"http://127.0.0.1:{self.port}"
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "VIRTUAL_ENV"}}
        self.env = kept | {
            "DATA_DIR": str(data_dir),
            "PORT": str(self.port),
            "DJANGO_SETTINGS_MODULE": "restaurant_integration.settings",
        }
        self.commands = Commands(self.env | {"APP_BASE_URL": self.url})
        self._process: subprocess.Popen | None = None

    @property
    def password(self) -> str:
        return (self.data_dir / "demo_password").read_text(encoding="utf-8").strip()

    def start(self) -> None:
        migrated.give(self.data_dir)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "restaurant_integration.embedded"],
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=(self.data_dir / "server.log").open("a"),
        )
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError((self.data_dir / "server.log").read_text(encoding="utf-8")[-2000:])
            time.sleep(0.2)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/sign-in/", timeout=2) as response:
                return response.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        self.commands.end()
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def manage(self, *arguments: str) -> str:
        """Run a command on the same installation; return what it printed."""
        return self.commands.run(*arguments)

    def shell(self, code: str) -> str:
        return self.manage("shell", "--no-imports", "-c", code)
