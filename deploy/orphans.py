"""What an earlier start left behind when its supervisor was killed: processes that hold the ports and serve nobody's orders."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

KILL_WITHIN_S = 5
PROC = Path("/proc")


def socket_of(folder: Path) -> str:
    """Return the address of the supervisor of a data directory; each of its processes has it in its environment."""
    return f"unix://{folder}/supervisor.sock"


def running_supervisor(folder: Path) -> int | None:
    """Return the pid of the supervisor that runs on a data directory, None where none does.

    The pid file alone proves nothing: after a crash or a restart of the machine its number may be anybody's.
    """
    try:
        pid = int((folder / "supervisord.pid").read_text())
        arguments = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if os.fsencode(folder / "supervisord.conf") in arguments else None


def left_behind(folder: Path, root: Path) -> list[int]:
    """Return the pids of what a dead supervisor of a data directory has started and nobody has stopped.

    Ours is only what names that supervisor in its environment, works in our directory and belongs to our user. None
    where no supervisor was killed, or where the system does not tell.
    """
    if not (folder / "supervisord.pid").exists() or running_supervisor(folder) is not None:
        return []
    mark = f"SUPERVISOR_SERVER_URL={socket_of(folder)}".encode()
    return [int(entry.name) for entry in PROC.glob("[0-9]*") if _is_ours(entry, mark, root)]


def _is_ours(entry: Path, mark: bytes, root: Path) -> bool:
    if int(entry.name) == os.getpid():
        return False
    try:
        return (
            entry.stat().st_uid == os.geteuid()
            and mark in (entry / "environ").read_bytes().split(b"\0")
            and (entry / "cwd").readlink() == root
        )
    except OSError:  # it has ended, or is somebody else's
        return False


def stop(folder: Path, root: Path, within_s: float) -> int:
    """End what a killed supervisor left behind, by force what does not end in time; return how many there were."""
    found = left_behind(folder, root)
    for number, patience_s in ((signal.SIGTERM, within_s), (signal.SIGKILL, KILL_WITHIN_S)):
        # Looked up again each time: a number that has become free may be somebody else's by now.
        for pid in left_behind(folder, root):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + patience_s
        while left_behind(folder, root) and time.monotonic() < deadline:
            time.sleep(0.1)
    return len(found)
