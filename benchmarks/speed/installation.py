"""What is measured: the production processes of ``make up`` with private servers, or ``make run`` in its one process."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import psycopg

from benchmarks.faults.http import livez
from benchmarks.faults.proxy import ROOT
from benchmarks.faults.servers import MissingError, free_port
from benchmarks.faults.stack import INHERITED, KEYS, START_TIMEOUT_S, CompanyAccess, Stack

POSTGRES = ("shared_buffers=1GB", "max_wal_size=4GB", "track_wal_io_timing=on")
"""What everybody sets who runs Postgres in earnest; the rest is its default, and every commit waits for the disk."""
INSTALL = "benchmarks.speed.install"


class Installation(Protocol):
    """A running program and its database."""

    port: int
    sockets_port: int

    def make_companies(self, *slugs: str) -> list[CompanyAccess]:
        """Make companies that take orders of every provider."""

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read from the database; places for values are written ``%s``."""

    def roots(self) -> dict[str, int]:
        """Return the pid of each process that belongs to it, by name; its children belong to it as well."""

    def log_syncs(self) -> tuple[int, float]:
        """Return how often the database had its log written to the disk, and for how many ms it waited; else 0."""


class Production(Stack):
    """The production processes, with nothing between them and their servers."""

    install = INSTALL

    def __init__(self) -> None:
        super().__init__(*POSTGRES)

    def start_servers(self) -> None:
        """Start them without the proxies of the fault runs, which cost more processor than what they carry."""
        self.postgres.start()
        self.redis.start()

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.direct_url, connect_timeout=5, autocommit=True) as connection:
            return list(connection.execute(sql, values).fetchall())

    def execute(self, sql: str, *values: object) -> None:
        with psycopg.connect(self.direct_url, connect_timeout=5, autocommit=True) as connection:
            connection.execute(sql, values)

    def roots(self) -> dict[str, int]:
        servers = {"postgres": self.postgres, "redis": self.redis}
        found = {name: server.process.pid for name, server in servers.items() if server.process is not None}
        return found | {name: self.pid(name) for name in ("web", "sockets", "worker", "sweeper", "beat")}

    def log_syncs(self) -> tuple[int, float]:
        try:
            count, took_ms = self.query("SELECT wal_sync, wal_sync_time::float8 FROM pg_stat_wal")[0]
        except psycopg.errors.UndefinedColumn:  # from Postgres 18 on it stands elsewhere
            return 0, 0.0
        return int(count), float(took_ms)

    def versions(self) -> dict[str, str]:
        """Return the versions of the servers."""
        return {
            "postgres": str(self.query("SHOW server_version")[0][0]).split()[0],
            "postgres settings": ", ".join(POSTGRES),
        }


@contextlib.contextmanager
def production(extra: dict[str, str] | None = None, *, keep: bool = False) -> Iterator[Production]:
    """Run the production processes; whatever happens, nothing of them is left running. Raises MissingError."""
    stack = Production()
    try:
        stack.start_servers()
        stack.up(extra)
        yield stack
    except MissingError:
        keep = True  # the logs say why
        raise
    finally:
        stack.stop(keep=keep)
        if keep:
            print(f"Logs: {stack.folder}")


class Embedded:
    """``make run``: one process on SQLite."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="speed-", dir="/tmp"))
        self.port = self.sockets_port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def environ(self) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            **KEYS,
            "PORT": str(self.port),
            "DATA_DIR": str(self.folder),
        }

    def run(self, *arguments: str) -> str:
        """Run a program of the installation; return what it prints. Raises MissingError."""
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environ(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise MissingError(f"{arguments[-1]} failed: {done.stderr.strip()[-500:]}")
        return done.stdout

    def start(self) -> None:
        """Start it and wait until it answers. Raises MissingError."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "restaurant_integration.embedded"], cwd=ROOT, env=self.environ(),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if livez(self.port):
                return
            time.sleep(0.1)
        raise MissingError(f"the server did not start; see {self.folder / 'log'}")

    def make_companies(self, *slugs: str) -> list[CompanyAccess]:
        return [CompanyAccess(**entry) for entry in json.loads(self.run("-m", INSTALL, *slugs))]

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        # It keeps ids without dashes.
        plain = [each.hex if isinstance(each, uuid.UUID) else each for each in values]
        with contextlib.closing(sqlite3.connect(self.folder / "db.sqlite3", timeout=10)) as connection:
            return list(connection.execute(sql.replace("%s", "?"), plain).fetchall())

    def log_syncs(self) -> tuple[int, float]:
        return 0, 0.0

    def roots(self) -> dict[str, int]:
        return {"server": self._process.pid} if self._process is not None else {}

    def stop(self, *, keep: bool = False) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def embedded(*, keep: bool = False) -> Iterator[Embedded]:
    """Run the one process; whatever happens, nothing of it is left running. Raises MissingError."""
    one = Embedded()
    try:
        one.start()
        yield one
    except MissingError:
        keep = True
        raise
    finally:
        one.stop(keep=keep)
        if keep:
            print(f"Logs: {one.folder}")
