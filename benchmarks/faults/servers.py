"""A private Postgres and a private Redis that can be stopped, started, frozen and thawed."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from deploy.reload import children

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10
USER = "private"


class MissingError(Exception):
    """A server cannot be started here; the message says why."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_open(port: int) -> bool:
    """Return whether somebody listens on a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class Server:
    """One server process on one port; a restart keeps port and data."""

    def __init__(self, name: str, command: list[str], port: int, log: Path, ready: Callable[[], bool], **options: Any):
        self.name, self.command, self.port, self.log, self.ready, self.options = (
            name,
            command,
            port,
            log,
            ready,
            options,
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it takes connections. Raises MissingError."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, start_new_session=True, **self.options
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if is_open(self.port) and self.ready():
                return
            time.sleep(0.05)
        raise MissingError(f"{self.name} did not start; see {self.log}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, however it stands. Safe to call twice."""
        if self.process is None or self.process.poll() is not None:
            return
        self.thaw()
        self.process.send_signal(how)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def freeze(self) -> None:
        """Stop the whole process group in its tracks: connections stay open and nothing answers."""
        self._signal_group(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_group(signal.SIGCONT)

    def _signal_group(self, number: signal.Signals) -> None:
        # Backends of Postgres have groups of their own, so each child is told too.
        if self.process is None or self.process.poll() is not None:
            return
        for pid in (self.process.pid, *children(self.process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def redis_server(folder: Path) -> Server:
    """Return a Redis that writes nothing to disk, not started yet. Raises MissingError."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise MissingError("redis-server is not installed")
    port = free_port()
    arguments = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    return Server("Redis", [program, *arguments], port, folder / "redis.log", lambda: True, cwd=folder)


def postgres_server(folder: Path, *settings: str) -> Server:
    """Return a Postgres with an empty cluster, not started yet; never as root. Raises MissingError.

    It commits to disk, unless ``settings`` (``name=value``) say otherwise.
    """
    programs, data, port = postgres_programs(), folder / "postgres", free_port()
    user = unprivileged_user() if os.geteuid() == 0 else None
    options: dict[str, Any] = {"cwd": folder}
    if user is not None:
        options |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        os.chown(folder, user.pw_uid, user.pw_gid)
    made = subprocess.run(
        [programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
        capture_output=True, text=True, check=False, **options,
    )  # fmt: skip
    if made.returncode:
        raise MissingError(f"initdb failed: {made.stderr.strip().splitlines()[-1:]}")
    command = [str(programs / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(folder),
               *(part for each in ("max_connections=120", "timezone=UTC", *settings) for part in ("-c", each))]  # fmt: skip

    def answers() -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(postgres_url(port), connect_timeout=2).close()
            return True
        return False

    return Server("Postgres", command, port, folder / "postgres.log", answers, **options)


def postgres_url(port: int) -> str:
    """Return the address of the only database, for its only user, of a Postgres behind a port."""
    return f"postgres://{USER}@127.0.0.1:{port}/postgres"


def postgres_programs() -> Path:
    """Return the folder of the newest installed server: Debian keeps it off the PATH. Raises MissingError."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    folders += [Path(on_path).resolve().parent] if on_path else []
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise MissingError("Postgres is not installed (no initdb in /usr/lib/postgresql/*/bin nor on the PATH)")


def unprivileged_user() -> pwd.struct_passwd:
    """Return whom Postgres runs as where we are root. Raises MissingError."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise MissingError("Postgres does not run as root, and there is no user postgres or nobody")
