"""``python -m deploy.reload``: web takes up a new version, and nginx a new certificate, without an answer lost or late.

Gunicorn's own reload ends the former workers as soon as the new ones are forked, and nobody answers until those have loaded
the program. Here they are added first (TTIN), and the former ones end (TTOU takes the oldest) when the new ones are ready.
What stands in gunicorn.conf.py itself wants a restart.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable
from pathlib import Path

from supervisor.xmlrpc import SupervisorTransport

from deploy import StartError, orphans
from deploy.up import ROOT, data_dir_of

READY = "web-workers"
"""The folder under DATA_DIR where each worker of web leaves a file of its pid's name when it is ready (gunicorn.conf.py)."""
READY_WITHIN_S = 120.0
LEFT_WITHIN_S = 30.0
"""Gunicorn gives its requests 10 s."""


def children(pid: int) -> list[int]:
    """Return the direct children of a process."""
    with contextlib.suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def pid_of(folder: Path, name: str) -> int:
    """Return the pid of a process of the supervisor of a data directory, 0 where it does not run."""
    transport = SupervisorTransport(None, None, orphans.socket_of(folder))
    try:
        info = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor.getProcessInfo(
            f"all:{name}"
        )
    except (OSError, xmlrpc.client.Error):
        return 0
    assert isinstance(info, dict)
    return int(info["pid"])


def replace_workers(master: int, ready: Callable[[], set[int]]) -> int:
    """Replace the workers of gunicorn by new ones, and return how many; raise StartError where these do not get ready."""
    former = set(children(master))
    if not former:
        raise StartError("web has no workers yet: try again in a moment.")

    def has(number: int) -> Callable[[], bool]:
        return lambda: len(children(master)) >= number

    def has_former(number: int) -> Callable[[], bool]:
        return lambda: len(former & set(children(master))) <= number

    # One at a time: a signal that comes while the same one waits is lost.
    for number in range(1, len(former) + 1):
        os.kill(master, signal.SIGTTIN)
        wait(has(len(former) + number), READY_WITHIN_S, "web starts no new worker")
    wait(
        lambda: len((set(children(master)) - former) & ready()) >= len(former),
        READY_WITHIN_S,
        "the new workers of web do not get ready; the former ones go on",
    )
    for number in reversed(range(len(former))):
        os.kill(master, signal.SIGTTOU)
        wait(has_former(number), LEFT_WITHIN_S, "a former worker of web does not end")
    return len(former)


def wait(is_so: Callable[[], bool], within_s: float, otherwise: str) -> None:
    """Wait until something is so. Raises StartError."""
    deadline = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > deadline:
            raise StartError(f"Not done: {otherwise}.")
        time.sleep(0.1)


def main() -> int:
    """Check the program as it is now, then let web and nginx take it up; return the exit code."""
    folder = data_dir_of(os.environ)
    master = pid_of(folder, "web")
    if not master:
        print(f"Nothing runs with this DATA_DIR ({folder}).", file=sys.stderr)
        return 1
    # A worker that cannot load the program takes the whole of web with it.
    checked = subprocess.run([sys.executable, "manage.py", "check"], cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
    if checked.returncode:
        print("Not reloaded: the program does not load with these settings. What runs goes on.", file=sys.stderr)
        return 1
    try:
        count = replace_workers(master, lambda: {int(path.name) for path in (folder / READY).glob("[0-9]*")})
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"web: {count} new workers")
    if nginx := pid_of(folder, "nginx"):
        os.kill(nginx, signal.SIGHUP)
        print("nginx: told to read its certificate and configuration again")
    return 0


if __name__ == "__main__":
    sys.exit(main())
