"""Several machines, simulated: groups of processes on one Postgres and one Redis, each with a share of the processor."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import string
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.faults.http import livez
from benchmarks.faults.proxy import ROOT
from benchmarks.faults.servers import MissingError, free_port
from benchmarks.speed.caps import Cap
from benchmarks.speed.installation import Production
from benchmarks.speed.machine import tree
from deploy.up import PROCFILE, forget_counts, read_procfile, with_defaults

START_WITHIN_S = 60.0
STOP_WITHIN_S = 15.0


class Group:
    """What runs on one machine: a gunicorn with its own master and port, a daphne, and where it is asked for a worker."""

    def __init__(self, stack: Production, number: int, settings: dict[str, str]) -> None:
        self.stack, self.name = stack, f"group {number}"
        self.port, self.sockets_port = free_port(), free_port()
        self.data: Path = stack.folder / f"group-{number}"
        named = {"PORT": str(self.port), "SOCKETS_PORT": str(self.sockets_port), "DATA_DIR": str(self.data)}
        self.environ = with_defaults(stack.environ(settings | named))
        forget_counts(Path(self.environ["PROMETHEUS_MULTIPROC_DIR"]))
        self.cap = Cap()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start web and sockets and wait until both answer. Raises MissingError."""
        self._run("web")
        self._run("sockets")
        self._until(lambda: livez(self.port) and livez(self.sockets_port))

    def start_worker(self) -> None:
        """Start the worker and wait for its children; it says nothing when it is ready."""
        self._run("worker")
        self._until(lambda: len(tree(self.processes["worker"].pid)) > int(self.environ["WORKER_CONCURRENCY"]))

    def _run(self, name: str) -> None:
        """Start a process of the Procfile, as ``make up`` does."""
        command = string.Template(read_procfile(PROCFILE.read_text(encoding="utf-8"))[name]).substitute(self.environ)
        with self.stack.log.open("ab") as log:
            process = subprocess.Popen(
                shlex.split(command), cwd=ROOT, env=self.environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
        self.processes[name] = process
        # What it starts is in the group as well.
        self.cap.take([process.pid])

    def _until(self, is_ready: Callable[[], bool]) -> None:
        until = time.monotonic() + START_WITHIN_S
        while not is_ready():
            if time.monotonic() > until or any(process.poll() is not None for process in self.processes.values()):
                raise MissingError(f"{self.name} did not start; see {self.stack.log}")
            time.sleep(0.1)

    def take_all(self) -> None:
        """Put everything that runs into the group: what was started before its parent was in it, too."""
        self.cap.take(pid for process in self.processes.values() for pid in tree(process.pid))

    def stop(self) -> None:
        """End what runs, however it stands. Safe to call twice."""
        self.cap.lift()
        for process in self.processes.values():
            end(process)
        self.cap.remove()


def end(process: subprocess.Popen[bytes]) -> None:
    """End a helper with what it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class Machines(Production):
    """The servers, the groups, and a sweeper beside them: nothing runs under supervisor."""

    def __init__(self) -> None:
        super().__init__()
        self.groups: list[Group] = []
        self.sweeper: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Start the servers and migrate. Raises MissingError."""
        self.start_servers()
        if self.helper("manage.py", "prepare").wait(START_WITHIN_S * 2):
            raise MissingError(f"the database could not be prepared; see {self.log}")

    def add_group(self, settings: dict[str, str]) -> Group:
        """Make a group and start its web and sockets. Raises MissingError."""
        group = Group(self, len(self.groups) + 1, settings)
        self.groups.append(group)
        group.start()
        if len(self.groups) == 1:
            self.port, self.sockets_port = group.port, group.sockets_port
        return group

    def limit(self, cores: float) -> None:
        """Give every group so many cores."""
        for group in self.groups:
            group.take_all()
            group.cap.limit(cores)

    def lift(self) -> None:
        for group in self.groups:
            group.cap.lift()

    def roots(self) -> dict[str, int]:
        servers = {"postgres": self.postgres, "redis": self.redis}
        found = {name: server.process.pid for name, server in servers.items() if server.process is not None}
        if self.sweeper is not None:
            found["sweeper"] = self.sweeper.pid
        for number, group in enumerate(self.groups, start=1):
            found |= {f"{name}-{number}": process.pid for name, process in group.processes.items()}
        return found

    def stop(self, *, keep: bool = False) -> None:
        if self.sweeper is not None:
            end(self.sweeper)
        for group in self.groups:
            group.stop()
        super().stop(keep=keep)


@contextlib.contextmanager
def machines(*, keep: bool = False) -> Iterator[Machines]:
    """Run the servers; whatever happens, nothing of them or of the groups is left running. Raises MissingError."""
    stack = Machines()
    try:
        stack.prepare()
        yield stack
    except MissingError:
        keep = True
        raise
    finally:
        stack.stop(keep=keep)
        if keep:
            print(f"Logs: {stack.folder}")
