"""Private Postgres and Redis servers for a test run: started from installed programs, on free ports, gone at its end."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10


class MissingError(Exception):
    """A server cannot be started here; the message says why."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def private_redis() -> Iterator[str]:
    """Run a Redis and yield its URL. Nothing is written to disk. Raises MissingError."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise MissingError("redis-server is not installed")
    port = free_port()
    arguments = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    server = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        _wait_for_port(port, server, "redis-server")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        _stop(server, signal.SIGTERM)


@contextlib.contextmanager
def private_postgres() -> Iterator[str]:
    """Run a Postgres with an empty cluster and yield its URL; never as root. Raises MissingError."""
    programs = _postgres_programs()
    # Not below a directory that only root may enter: the server runs as somebody else then.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        user = _unprivileged_user() if os.geteuid() == 0 else None
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        data, port = folder / "data", free_port()
        options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        made = subprocess.run(
            [programs / "initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
            capture_output=True, text=True, cwd=folder, check=False, **options,
        )  # fmt: skip
        if made.returncode:
            raise MissingError(f"initdb failed: {made.stderr.strip().splitlines()[-1:]}")
        fast = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=100", "timezone=UTC"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder,
                 *(part for setting in fast for part in ("-c", setting))],
                stdout=log, stderr=log, cwd=folder, start_new_session=True, **options,
            )  # fmt: skip
        try:
            _wait_for_port(port, server, "postgres")
            yield f"postgres://tests@127.0.0.1:{port}/postgres"
        finally:
            _stop(server, signal.SIGINT)  # fast shutdown: whoever is connected is cut off
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_programs() -> Path:
    """Return the folder of the newest installed server: Debian keeps it off the PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    folders += [Path(on_path).resolve().parent] if on_path else []
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise MissingError("Postgres is not installed (no initdb in /usr/lib/postgresql/*/bin nor on the PATH)")


def _unprivileged_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise MissingError("Postgres does not run as root, and there is no user postgres or nobody")


def _wait_for_port(port: int, server: subprocess.Popen[bytes], name: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            if name != "postgres" or _accepts(port):
                return
        time.sleep(0.1)
    raise MissingError(f"{name} did not start")


def _accepts(port: int) -> bool:
    """Return whether Postgres takes connections: its port is open a moment earlier."""
    import psycopg

    try:
        psycopg.connect(f"postgres://tests@127.0.0.1:{port}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _stop(server: subprocess.Popen[bytes], how: signal.Signals) -> None:
    if server.poll() is None:
        server.send_signal(how)
        try:
            server.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
