"""What the disk does meanwhile, told by bare writes beside the load: whoever commits waits for it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EVERY_S = 0.1
BLOCK = b"\0" * 8192
"""As much as Postgres writes at least."""
STALL_S = 0.1
"""A write that takes longer is a stall: an order waits for one, and for what else there is to do."""
STALLED_SHARE = 0.01
"""From this share of the time in stalls, one answer in a hundred meets one, whatever the program does."""


class Disk:
    """Writes a block in place and waits for the disk, ten times a second, and keeps how long each took."""

    def __init__(self) -> None:
        self.took_s: list[float] = []
        self.lasted_s = 0.0

    @property
    def stalled_share(self) -> float:
        """The share of the time in which a write that began would have met a stall."""
        return sum(took_s for took_s in self.took_s if took_s > STALL_S) / self.lasted_s if self.lasted_s else 0.0

    @contextmanager
    def watched(self, folder: Path) -> Iterator[None]:
        """Watch the disk of a folder while the block runs."""
        ended = threading.Event()
        thread = threading.Thread(target=self._watch, args=(folder / "disk.probe", ended), daemon=True)
        began = time.monotonic()
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self.lasted_s = time.monotonic() - began

    def _watch(self, path: Path, ended: threading.Event) -> None:
        with path.open("wb", buffering=0) as file:
            while not ended.wait(EVERY_S):
                began = time.monotonic()
                os.pwrite(file.fileno(), BLOCK, 0)
                os.fdatasync(file.fileno())
                self.took_s.append(time.monotonic() - began)
