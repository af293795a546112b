"""Private Postgres and Redis servers for a test run: started from installed programs, on free ports, gone at its end."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.faults.servers import MissingError, Server, postgres_server, postgres_url, redis_server

__all__ = ["MissingError", "private_postgres", "private_redis"]

FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""What is in it is forgotten with it."""


@contextlib.contextmanager
def private_redis() -> Iterator[str]:
    """Run a Redis and yield its URL. Nothing is written to disk. Raises MissingError."""
    with _folder() as folder, _running(redis_server(folder), signal.SIGTERM) as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@contextlib.contextmanager
def private_postgres() -> Iterator[str]:
    """Run a Postgres with an empty cluster and yield its URL; never as root. Raises MissingError."""
    # SIGINT is its fast shutdown: whoever is connected is cut off.
    with _folder() as folder, _running(postgres_server(folder, *FAST), signal.SIGINT) as server:
        yield postgres_url(server.port)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    # Not below a directory that only root may enter: Postgres runs as somebody else then.
    folder = Path(tempfile.mkdtemp(prefix="services-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _running(server: Server, how: signal.Signals) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.stop(how)
