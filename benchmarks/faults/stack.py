"""The installation under test: servers, proxies in front of them, and the production processes as ``make up`` runs them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from benchmarks.faults.http import livez
from benchmarks.faults.proxy import ROOT, Proxy
from benchmarks.faults.servers import MissingError, free_port, postgres_server, postgres_url, redis_server
from deploy import certificate, orphans
from deploy.reload import children

START_TIMEOUT_S = 180
KEYS = {"SECRET_KEY": "faults-secret-key-" + "k" * 40, "CREDENTIAL_ENCRYPTION_KEY": "faults-credential-key-" + "c" * 40}
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
"""All that the processes see of the environment around them."""


@dataclass(frozen=True, slots=True)
class CompanyAccess:
    """A company with what proves its requests."""

    id: str
    slug: str
    token: str
    password: str
    credentials: dict[str, dict[str, str]]

    def secrets(self) -> list[str]:
        """Return everything of it that no log may hold."""
        return [
            self.token,
            self.password,
            *(value for fields in self.credentials.values() for value in fields.values()),
        ]


class Stack:
    """Everything that runs, in one temporary folder on ports of its own."""

    install = "benchmarks.faults.install"
    """The program that makes companies."""

    def __init__(self, *postgres_settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="faults-", dir="/tmp"))
        # Postgres may run as somebody else than we do.
        self.folder.chmod(0o755)
        self.data = self.folder / "data"
        self.log = self.folder / "processes.log"
        self.postgres = postgres_server(self.folder, *postgres_settings)
        self.redis = redis_server(self.folder)
        self.postgres_port, self.redis_port = self.postgres.port, self.redis.port
        """Where the processes find the servers."""
        self.port, self.sockets_port = free_port(), free_port()
        self.tls: ssl.SSLContext | None = None
        """How to speak to nginx; None while the processes are called themselves."""
        self.https_port, self.plain_port = free_port(), free_port()
        """Of nginx."""
        self.env: dict[str, str] | None = None
        self.starts = 0
        """How often the processes were started."""
        self._up: subprocess.Popen[bytes] | None = None

    @property
    def direct_url(self) -> str:
        """Postgres itself, past the proxy: for the checks."""
        return postgres_url(self.postgres.port)

    @property
    def calls_at(self) -> int:
        """The port that requests go to."""
        return self.https_port if self.tls else self.port

    @property
    def frames_at(self) -> int:
        """The port that sockets are opened at."""
        return self.https_port if self.tls else self.sockets_port

    def put_behind_nginx(self) -> dict[str, str]:
        """Make a certificate, let requests and sockets go through nginx from now on; return the settings for ``up``."""
        made, key = certificate.write(self.folder / "tls", ["localhost"], 1)
        self.tls = ssl.create_default_context(cafile=str(made))
        return {
            "APP_BASE_URL": f"https://localhost:{self.https_port}",
            "TLS_CERTIFICATE": str(made),
            "TLS_KEY": str(key),
            "PROXY_HOST": "127.0.0.1",
            "HTTPS_PORT": str(self.https_port),
            "HTTP_PORT": str(self.plain_port),
        }

    def start_servers(self) -> None:
        self.postgres.start()
        self.redis.start()
        self.postgres_proxy, self.redis_proxy = Proxy(self.postgres.port), Proxy(self.redis.port)
        self.postgres_port, self.redis_port = self.postgres_proxy.port, self.redis_proxy.port

    def environ(self, extra: dict[str, str]) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            **KEYS,
            "DATABASE_URL": postgres_url(self.postgres_port),
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "PORT": str(self.port),
            "SOCKETS_PORT": str(self.sockets_port),
            "DATA_DIR": str(self.data),
            # Whoever sends ``X-Forwarded-For`` is a client of its own: all come from this machine.
            "TRUSTED_PROXIES": "127.0.0.1",
            **extra,
        }

    # -- the processes -----------------------------------------------------------------------------------------------

    def up(self, extra: dict[str, str] | None = None) -> bool:
        """Run the processes; return False where they run with this environment already. Raises MissingError."""
        extra = extra or {}
        if self._up is not None and self._up.poll() is None and self.env == extra:
            return False
        if self._up is not None:
            self.down()
        with self.log.open("ab") as log:
            self._up = subprocess.Popen(
                [sys.executable, "-m", "deploy.up"], cwd=ROOT, env=self.environ(extra), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.env, self.starts = extra, self.starts + 1
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._up.poll() is None:
            if livez(self.port) and livez(self.sockets_port) and self.pid("worker") and self.pid("sweeper"):
                # A moment for the worker, which says nothing when it is ready.
                time.sleep(2)
                return True
            time.sleep(0.2)
        raise MissingError(f"the processes did not start; see {self.log}")

    def down(self) -> float:
        """Stop the processes as Ctrl-C does; return how long it took."""
        started = time.monotonic()
        if self._up is not None and self._up.poll() is None:
            self._up.terminate()
            try:
                self._up.wait(30)
            except subprocess.TimeoutExpired:
                self._up.kill()
                self._up.wait()
        self._up = None
        # Nothing is left even where the supervisor had to be killed.
        orphans.stop(self.data, ROOT, 5)
        return time.monotonic() - started

    def kill_supervisor(self) -> None:
        """Kill the supervisor alone: what it runs stays, and nobody watches it."""
        assert self._up is not None
        self._up.kill()
        self._up.wait()
        self._up = None

    def supervisor(self) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self.data}/supervisor.sock")
        return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor

    def pid(self, name: str) -> int:
        """Return the pid of a process that supervisor runs, 0 while it does not."""
        try:
            info = self.supervisor().getProcessInfo(f"all:{name}")
        except (OSError, xmlrpc.client.Error):
            return 0
        return int(info["pid"]) if info["statename"] in {"RUNNING", "STARTING"} else 0

    def kill(self, name: str, *, alone: bool = False) -> list[int]:
        """Kill a process with its children, ``alone`` without them; return the pids."""
        pid = self.pid(name)
        pids = [pid] if alone else [pid, *children(pid)]
        for each in pids:
            with contextlib.suppress(ProcessLookupError):
                if each:
                    os.kill(each, signal.SIGKILL)
        return pids

    def helper(self, *arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start another process of the program beside those of supervisor; the caller ends it."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *arguments], cwd=ROOT, env=self.environ(env or {}), stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def make_companies(self, *slugs: str) -> list[CompanyAccess]:
        """Make companies with credentials of every provider in both dialects."""
        made = subprocess.run(
            [sys.executable, "-m", self.install, *slugs], cwd=ROOT, env=self.environ({}),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if made.returncode:
            raise MissingError(f"no companies: {made.stderr.strip()[-500:]}")
        return [CompanyAccess(**entry) for entry in json.loads(made.stdout)]

    def stop(self, *, keep: bool = False) -> None:
        """End all that was started here, and remove what it left unless somebody wants to read it."""
        self.down()
        for name in ("postgres_proxy", "redis_proxy"):
            if proxy := getattr(self, name, None):
                proxy.stop()
        self.redis.stop()
        self.postgres.stop(signal.SIGINT)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
