"""What this process counts, in memory. Counting never fails, never waits, and holds numbers and our own words alone.

Several processes share a directory, ``PROMETHEUS_MULTIPROC_DIR``: each maps files of its own there into its memory, and who is
asked adds them up. Without one a process tells of itself, which under ``make run`` is everything.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import prometheus_client as prometheus
from prometheus_client import values
from prometheus_client.multiprocess import MultiProcessCollector

logger = logging.getLogger(__name__)

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
RESERVED = 1024 * 1024
"""Bytes of each file that are taken from the disk at once: a page that a full disk cannot give kills who writes to it."""
KINDS = ("counter", "histogram", "gauge_livesum", "gauge_livemax")
BREAK_S = 60.0
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""In seconds: an answer takes milliseconds, a call to a provider seconds."""
_HOST = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())


class _Files:
    """The files of this process; after a fork, or in a container beside others, nobody else's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pid = 0
        self._name = ""
        self._broken_until = 0.0

    def name(self) -> str:
        """Return what the files of this process are called after. Raises OSError where the disk has no room for them."""
        if self._pid != os.getpid():
            self._reserve(f"{_HOST}-{os.getpid()}")
            self._pid = os.getpid()
        return self._name

    def _reserve(self, name: str) -> None:
        if time.monotonic() < self._broken_until:
            raise OSError("there was no room a moment ago")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for kind in KINDS:
                self._make(self.folder / f"{kind}_{name}.db")
        except OSError:
            self._broken_until = time.monotonic() + BREAK_S
            raise
        self._name = name

    @staticmethod
    def _make(path: Path) -> None:
        """Make a file whole or not at all: whoever adds up meanwhile cannot read half of one."""
        if path.exists():  # of a process that had this number before: it counts on
            return
        draft = path.with_suffix(".new")
        try:
            with draft.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVED)
            draft.rename(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise

    def forget_dead(self) -> None:
        """Remove the gauges of processes of this machine that are gone: what they had open is open no more."""
        for path in self.folder.glob(f"gauge_live*_{_HOST}-*.db"):
            pid = path.stem.rpartition("-")[2]
            if pid.isdecimal() and not _is_alive(int(pid)):
                path.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _share() -> _Files | None:
    """Let the metrics of this process go to the shared directory; None where there is none, or none that can be used."""
    folder = os.environ.get(DIRECTORY, "")
    if not folder:
        return None
    files = _Files(Path(folder))
    try:
        values.ValueClass = values.MultiProcessValue(files.name)  # type: ignore[no-untyped-call]
    except OSError as error:
        logger.warning("Metrics are of this process alone: %s cannot be used: %s", DIRECTORY, error.strerror)
        values.ValueClass = values.MutexValue
        return None
    return files


_files = _share()
REGISTRY = prometheus.CollectorRegistry()
"""Everything that is counted here; the same names in every process."""
prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]


def everything() -> prometheus.CollectorRegistry:
    """Return what all processes that share the directory have counted; of this one alone where there is none."""
    if _files is None:
        return REGISTRY
    with contextlib.suppress(OSError):
        _files.forget_dead()
    found = prometheus.CollectorRegistry()
    MultiProcessCollector(found, str(_files.folder))  # type: ignore[no-untyped-call]
    return found


class _Quiet:
    """A metric that fails says so once a minute, and never to whoever counts."""

    _silent_until = 0.0

    def failed(self, error: Exception) -> None:
        if time.monotonic() >= _Quiet._silent_until:
            _Quiet._silent_until = time.monotonic() + BREAK_S
            logger.warning("Something was not counted: %s", type(error).__name__)


class Count(_Quiet):
    """A number that only rises, by its labels."""

    def __init__(self, name: str, says: str, labels: Sequence[str] = ()) -> None:
        self.metric = prometheus.Counter(name, says, labels, registry=REGISTRY)

    def start(self, *labels: str) -> None:
        """Let a series begin at 0 before anything has happened."""
        self.add(*labels, by=0)

    def add(self, *labels: str, by: float = 1) -> None:
        """Count, under the values of the labels in their order."""
        try:
            (self.metric.labels(*labels) if labels else self.metric).inc(by)
        except Exception as error:
            self.failed(error)


class Timing(_Quiet):
    """How long something took, in seconds, by its labels."""

    def __init__(self, name: str, says: str, labels: Sequence[str] = ()) -> None:
        self.metric = prometheus.Histogram(name, says, labels, registry=REGISTRY, buckets=BUCKETS)

    def took(self, seconds: float, *labels: str) -> None:
        """Count one time; a clock that went back makes it none."""
        try:
            (self.metric.labels(*labels) if labels else self.metric).observe(max(0.0, seconds))
        except Exception as error:
            self.failed(error)

    @contextmanager
    def time(self, *labels: str) -> Iterator[None]:
        """Count how long the block takes, also where it raises."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.took(time.perf_counter() - started, *labels)


class Level(_Quiet):
    """A number that rises and falls: of all processes that live the sum, or the greatest."""

    def __init__(self, name: str, says: str, *, greatest: bool = False) -> None:
        mode = "livemax" if greatest else "livesum"
        self.metric = prometheus.Gauge(name, says, registry=REGISTRY, multiprocess_mode=mode)  # type: ignore[arg-type]

    def put(self, value: float) -> None:
        """Say what the number is now."""
        try:
            self.metric.set(value)
        except Exception as error:
            self.failed(error)


# -- the sockets -------------------------------------------------------------------------------------------------------

SOCKETS = Level("integration_socket_connections", "Sockets that are open.")
SEQ_LAG = Level(
    "integration_socket_seq_lag",
    "By how many events the hints were behind the database at the last look, of the company that is furthest behind.",
    greatest=True,
)
FRAME_DELAY = Timing("integration_socket_frame_seconds", "From a commit to its frame at the sockets of its company.")
CAUGHT_UP = Count(
    "integration_socket_catch_ups", "Times that a company's sockets were told of a number without its frame."
)
FRAMES_DROPPED = Count("integration_socket_frames_dropped", "Frames that a client was too slow for.")
HINTS_DROPPED = Count(
    "integration_socket_hints_dropped", "Frames that never left: the channel layer was away or too slow."
)
