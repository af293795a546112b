"""Everything in one process, with nothing else to install: ``make run``.

Daphne serves HTTP and sockets on the main thread's loop; a Celery worker, its beat and the sweeper run in threads over a
broker in memory. Whatever the memory loses is in the database, where the sweeper finds it.
"""

from __future__ import annotations

import logging
import os
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from integration.garbage import load_without_looking, look_seldom

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "restaurant_integration.settings")
if not (os.environ.get("DATABASE_URL") or os.environ.get("DATABASE_URL_FILE")):
    # Somebody's own database may hold real companies: there the sandbox wants to be asked for.
    os.environ.setdefault("SANDBOX_ENABLED", "true")
os.environ["SERVES_REQUESTS"] = "true"

logger = logging.getLogger("restaurant_integration.embedded")

BACKLOG = 256
STOP_WITHIN_S = 4.5
"""How long everything has to end after a signal; then the process leaves all the same: the database loses nothing."""


class StartError(Exception):
    """The server cannot start; the message is one sentence for a person."""


def open_port(host: str, port: int) -> socket.socket:
    """Return a listening IPv4 socket; raise StartError where the address cannot be had."""
    try:
        found = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(found[0][4])
        listener.listen(BACKLOG)
    except OSError as error:
        raise StartError(
            f"Port {port} of {host} cannot be used ({error.strerror}): stop what uses it, or choose another with PORT."
        ) from error
    return listener


class Background:
    """The worker, its beat, the sweeper and, where it is on, the sandbox, each in a thread."""

    def __init__(self) -> None:
        from celery.beat import EmbeddedService

        from integration.sandbox.loop import SandboxLoop
        from integration.sandbox.views.base import is_open
        from integration.sweep import Sweeper
        from restaurant_integration.celery import app

        # The broker is this process, also where Redis carries the sockets: the worker is here, and nothing has to survive.
        app.conf.update(broker_url="memory://localhost/", broker_transport_options={"polling_interval": 0.05})
        app.finalize()
        app.set_current()
        self._stop = threading.Event()
        worker = app.WorkController(
            pool="threads",
            concurrency=2,
            loglevel=logging.WARNING,
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
        )
        self._beat: threading.Thread = EmbeddedService(app, thread=True)
        self._threads = [
            threading.Thread(target=worker.start, name="worker", daemon=True),
            threading.Thread(target=Sweeper().run, args=(self._stop,), name="sweeper", daemon=True),
            self._beat,
        ]
        if is_open():
            sandbox = threading.Thread(target=SandboxLoop().run, args=(self._stop,), name="sandbox", daemon=True)
            self._threads.append(sandbox)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Tell all to end, and wait for them."""
        from celery.worker import state

        self._stop.set()
        state.should_stop = os.EX_OK
        self._beat.service.stop()  # type: ignore[attr-defined]
        for thread in self._threads:
            thread.join()


def serve(listener: socket.socket, started: Callable[[], None]) -> None:
    """Serve HTTP and sockets on this thread until a signal comes; ``started`` is called once before the first request."""
    from daphne.server import twisted_loop

    from orders.live import hints
    from restaurant_integration.asgi import application
    from restaurant_integration.daphne_limits import LimitedServer, reactor

    look_seldom()
    hints.use_loop(twisted_loop)
    reactor.addSystemEventTrigger("before", "shutdown", leave_in_time)
    server = LimitedServer(
        application=application,
        endpoints=[f"fd:fileno={listener.fileno()}"],
        application_close_timeout=4,
        ready_callable=started,
        server_name="",
    )
    server.run()
    if server.abort_start:
        raise StartError("The server could not listen; the log says why.")


def banner(sign_in: str) -> str:
    """Return what a person needs to know now, with the exact command that sends a first order."""
    from django.conf import settings

    address = settings.APP_BASE_URL
    python = Path(sys.executable)
    if python.is_relative_to(settings.BASE_DIR) and Path.cwd() == settings.BASE_DIR:
        python = python.relative_to(settings.BASE_DIR)
    names = ("ROLE", "PORT", "DATA_DIR", "APP_BASE_URL", "DATABASE_URL_FILE")
    moved = [f"{name}={shlex.quote(os.environ[name])}" for name in names if os.environ.get(name)]
    is_hub = settings.ROLE == "hub"
    lines = [
        "",
        f"  {'Hub   ' if is_hub else 'Orders'}     {address}/",
        f"  Sign in    {sign_in}",
        f"  Admin      {address}/admin/",
        f"  API        {address}/api/docs",
        "",
        *(
            ["  Its companies come with their first POST /api/integration/register-webhook at a platform."]
            if is_hub
            else []
        ),
        f"  Send a first order{' as a provider then' if is_hub else ''}, from another terminal:",
        "",
        f"      {' '.join([*moved, str(python)])} manage.py send_sample careem",
        "",
        "  Ctrl-C stops it.",
        "",
    ]
    if not settings.WEBHOOK_VALIDATE_SIGNATURE:
        lines.insert(1, "  SIGNATURES ARE NOT CHECKED: anybody can send orders.\n")
    return "\n".join(lines)


def demo_sign_in() -> str:
    """Return how one signs in, only as far as it is true: the demo user may be gone or have another password."""
    from django.conf import settings

    from integration.demo import USERNAME, kept_password
    from orders.models import User

    user = User.objects.filter(username=USERNAME, is_active=True).first()
    if user is None:
        return "with a user of your own"
    password = kept_password(settings.DATA_DIR)
    return f"{USERNAME} / {password}" if user.check_password(password) else f"{USERNAME}, with the password you set"


def run() -> None:
    """Start everything, serve until a signal comes, stop everything. Raises StartError."""
    import django
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    try:
        host, port = os.environ.get("HOST") or "127.0.0.1", settings.PORT
    except (ImproperlyConfigured, ValueError) as error:
        raise StartError(str(error)) from error
    listener = open_port(host, port)
    django.setup()

    from restaurant_integration.guard import refuse_unsafe_start

    try:
        refuse_unsafe_start()
    except ImproperlyConfigured as error:
        raise StartError(str(error)) from error

    from django.db import OperationalError, connections

    from integration.answered import answered
    from integration.demo import wire_demo
    from integration.preparing import StillLockedError, prepare

    try:
        prepare(demo=True)
        wire_demo()
        text = banner(demo_sign_in())
    except StillLockedError as error:
        raise StartError("Another process is still preparing this database; try again when it has ended.") from error
    except OperationalError as error:
        raise StartError(f"The database cannot be used: {str(error).strip().splitlines()[0]}") from error
    finally:
        connections.close_all()
    background = Background()
    background.start()
    serve(listener, lambda: print(text, flush=True))  # noqa: T201
    background.stop()
    # The process leaves without its exit handlers.
    answered.write()


def leave_in_time() -> None:
    """End the process in a few seconds whatever still runs: what is not finished is in the database, and is taken up again."""
    timer = threading.Timer(STOP_WITHIN_S, os._exit, args=(os.EX_OK,))
    timer.daemon = True
    timer.start()


def main() -> int:
    """Run; return the exit code."""
    # Also where a shell started us with interrupts ignored, as it does for what runs in its background.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        run()
    except StartError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        # It came before the server took the signals over: nothing has begun yet.
        return 0
    return 0


if __name__ == "__main__":
    load_without_looking()
    code = main()
    # Everything of ours has ended; what libraries leave running would only keep a person waiting.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)
