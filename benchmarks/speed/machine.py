"""What a figure depends on: the machine, the versions, who else used the processor, and what each process used."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

from benchmarks.faults.proxy import ROOT
from deploy.reload import children

PACKAGES = ("django", "djangorestframework", "psycopg", "gunicorn", "daphne", "channels-redis", "celery", "redis")
TICKS = os.sysconf("SC_CLK_TCK")
PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
IDLE_S = 3.0
LOOPS, LOOP_STEPS = 500, 4_000
BUSY_SHARE = 0.10
"""A machine that is busier than this before a run has other work, and its figures say little about ours."""


def facts() -> dict[str, str]:
    """Return what a reader has to know of the machine and the versions; no name, path or address."""
    return {
        "processor": f"{os.cpu_count()} cores of {_cpu_model()}",
        "memory": f"{_meminfo('MemTotal') / 1024 / 1024:.0f} GB",
        "system": f"Linux {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "commit": commit(),
        "measured": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _meminfo(name: str) -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return 0


def commit() -> str:
    """Return the commit that is checked out, marked where the tree differs from it."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs")
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + (" with changes" if changed else "")


def loop_ms() -> float:
    """Return how long a fixed loop in Python takes now, the median of many: a shared machine is not always as fast."""
    took = []
    for _ in range(LOOPS):
        started, seen = time.perf_counter(), dict[int, str]()
        for step in range(LOOP_STEPS):
            seen[step] = str(step)
        took.append(time.perf_counter() - started)
    return sorted(took)[LOOPS // 2] * 1000


def busy_share(seconds: float = IDLE_S) -> float:
    """Return which share of the processor is in use, watched for so long."""
    before = _stat()
    time.sleep(seconds)
    after = _stat()
    total = after[1] - before[1]
    return (after[0] - before[0]) / total if total else 0.0


def _stat() -> tuple[int, int]:
    """Return busy and all ticks since the machine's start."""
    fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return sum(fields) - idle, sum(fields)


def tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    return [pid, *(each for child in children(pid) for each in tree(child))] if pid else []


def cpu_s(pid: int) -> float:
    """Return the processor time of a process and those of its children that are gone; 0 where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) / TICKS


def memory_kb(pid: int) -> int:
    """Return what a process holds in memory, its part of what it shares with others; 0 where there is none."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        return 0
    return 0


def memory_of(pids: Iterable[int]) -> int:
    """Return the memory of processes with all below them, in kB."""
    return sum(memory_kb(each) for pid in pids for each in tree(pid))


class CpuMeter:
    """Who used the processor between two moments, in cores: by name, and all others together."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        self.roots = dict(roots)
        self._before = self._read()
        self._stat, self._at = _stat(), time.monotonic()

    def _read(self) -> dict[str, float]:
        return {name: sum(cpu_s(each) for each in tree(pid)) for name, pid in self.roots.items()}

    def used_s(self) -> dict[str, float]:
        """Return the seconds of processor time that each has used since the meter was made."""
        return {name: max(0.0, after - self._before[name]) for name, after in self._read().items()}

    def shares(self, **also_s: float) -> str:
        """Return a line for the notes; ``also_s`` are processes that are gone, with the time that they used."""
        took_s = time.monotonic() - self._at
        used = self.used_s() | also_s
        busy = (_stat()[0] - self._stat[0]) / TICKS
        used["others"] = max(0.0, busy - sum(used.values()))
        return ", ".join(
            f"{name} {seconds / took_s:.2f}" for name, seconds in used.items() if seconds / took_s >= 0.005
        )
