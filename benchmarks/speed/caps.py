"""A cap on the processor time of some processes, by the kernel's own accounting: what stands in for a machine of that size."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterable
from pathlib import Path

from benchmarks.faults.servers import MissingError

HIERARCHIES = (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup"))
"""Where the controller of version 1 is mounted, else the only hierarchy of version 2."""
PERIOD_US = 10_000
"""Short: whoever is stopped for the rest of it may hold a row that another group waits for."""


class Cap:
    """A control group of its own below the root of a hierarchy; it has no limit yet. Raises MissingError."""

    def __init__(self, hierarchies: Iterable[Path] = HIERARCHIES) -> None:
        self.folder: Path | None = None
        for root in hierarchies:
            folder = root / f"speed-{uuid.uuid4().hex[:8]}"
            # Version 2 has to be told that children shall have the controller; version 1 has no such file.
            with contextlib.suppress(OSError):
                if (root / "cgroup.subtree_control").exists():
                    (root / "cgroup.subtree_control").write_text("+cpu")
                folder.mkdir()
                if (folder / "cpu.max").exists() or (folder / "cpu.cfs_quota_us").exists():
                    self.folder = folder
                    return
                folder.rmdir()
        raise MissingError("processor time cannot be capped: that needs root and the kernel's cpu controller")

    def take(self, pids: Iterable[int]) -> None:
        """Put processes into the group; what they start later is in it as well. One that has ended is left out."""
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                self._write("cgroup.procs", str(pid))

    def limit(self, cores: float) -> None:
        """Let all of them together use so many cores."""
        self._set(str(round(cores * PERIOD_US)))

    def lift(self) -> None:
        """Let them use what there is."""
        self._set("max")

    def _set(self, quota: str) -> None:
        assert self.folder is not None
        if (self.folder / "cpu.max").exists():
            self._write("cpu.max", f"{quota} {PERIOD_US}")
            return
        self._write("cpu.cfs_period_us", str(PERIOD_US))
        self._write("cpu.cfs_quota_us", "-1" if quota == "max" else quota)

    def _write(self, name: str, value: str) -> None:
        assert self.folder is not None
        # Opened as it is: the kernel makes no file here, and one that is not there is a fault.
        file = os.open(self.folder / name, os.O_WRONLY)
        try:
            os.write(file, value.encode())
        finally:
            os.close(file)

    def remove(self) -> None:
        """Remove the group once its processes have ended. Safe to call twice."""
        if self.folder is not None:
            with contextlib.suppress(OSError):
                self.folder.rmdir()
