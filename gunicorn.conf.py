"""Gunicorn, for everything but the sockets. Nothing of Django is imported here: this runs in the master."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

bind = f"{os.environ.get('HOST') or '127.0.0.1'}:{os.environ.get('PORT') or '3001'}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
# More than deliveries are worked at once (WEBHOOK_PLACES): the others wait for a place, or store what finds none.
threads = int(os.environ.get("WEB_THREADS") or 24)
raw_env = ["SERVES_REQUESTS=true"]

# Each worker loads the application after the fork: a pool of connections must not be shared between processes.
preload_app = False
# A worker that answers nothing for so long is replaced; every limit on the webhook path adds up to far less.
timeout = 20
# Requests in flight finish; no limit of theirs is longer.
graceful_timeout = 10
keepalive = 15
# The heartbeat of a worker must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112

# Whom to believe about addresses and TLS is the application's to say (TRUSTED_PROXIES), not gunicorn's.
forwarded_allow_ips = ""
# A socket in the home directory by which it can be commanded: signals do all that we need, and two deployments would share it.
control_socket_disable = True
# No access log: a query may hold what somebody searched for. Our own lines have no such thing.
accesslog = None
loglevel = "warning"
if os.environ.get("LOG_FORMAT") == "json":
    # Its own few lines in the form of the application's.
    logconfig_dict = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "orders.logs.JsonFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {
            "gunicorn.error": {"level": "WARNING", "handlers": ["stderr"], "propagate": False},
            "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
        },
    }

# A file for each worker that has loaded the program, by which deploy/reload.py knows when the former ones may end.
_ready = Path(os.environ.get("DATA_DIR") or "var") / "web-workers"


def on_starting(server: Any) -> None:
    """Forget the workers of an earlier start."""
    shutil.rmtree(_ready, ignore_errors=True)


def post_fork(server: Any, worker: Any) -> None:
    """Spare a worker the garbage collector while it loads the program."""
    from integration.garbage import load_without_looking

    load_without_looking()


def post_worker_init(worker: Any) -> None:
    """Settle a worker that has loaded everything, and say that it is ready."""
    from integration.garbage import look_seldom

    look_seldom()
    with contextlib.suppress(OSError):
        _ready.mkdir(parents=True, exist_ok=True)
        (_ready / str(worker.pid)).touch()


def child_exit(server: Any, worker: Any) -> None:
    """Forget a worker that has ended: its number may become another's."""
    (_ready / str(worker.pid)).unlink(missing_ok=True)
