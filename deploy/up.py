"""``make up``: every production process on this machine, under supervisor, restarted when it dies.

The processes stand in the Procfile; supervisor's configuration is made from it at every start, so the two cannot differ.
"""

from __future__ import annotations

import itertools
import os
import re
import socket
import string
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy import StartError, orphans
from deploy.proxy import hosts_of, with_proxy, write_configuration

ROOT = Path(__file__).resolve().parent.parent
PROCFILE = ROOT / "Procfile"
STOP_WITHIN_S = 12
"""How long a process has to finish what it has begun; gunicorn gives its requests 10 s."""
TRUE = {"1", "true", "on", "yes", "y", "ok", "t"}
"""What the settings take for yes."""
_LINE = re.compile(r"([a-z][a-z0-9_-]*):\s+(.+)")


def read_procfile(text: str) -> dict[str, str]:
    """Return name to command. Raises StartError for a line that is none."""
    programs: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None or match[1] in programs:
            raise StartError(f"The Procfile has a line that is no process, or one twice: {line.strip()[:60]}")
        programs[match[1]] = match[2]
    return programs


def data_dir_of(environ: Mapping[str, str]) -> Path:
    """Return the directory of an installation, as the settings find it."""
    return ROOT / (environ.get("DATA_DIR") or ("var/hub" if environ.get("ROLE") == "hub" else "var"))


def with_defaults(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the processes. Raises StartError where it lacks what they need."""
    for name in ("DATABASE_URL", "REDIS_URL"):
        if not environ.get(name) and not environ.get(f"{name}_FILE"):
            raise StartError(f"Set {name} (or {name}_FILE): `make run` needs neither, and is one process.")
    is_hub = environ.get("ROLE") == "hub"
    port = environ.get("PORT") or ("3002" if is_hub else "3001")
    sockets_port = environ.get("SOCKETS_PORT") or (str(int(port) + 2) if port.isdecimal() else "")
    if not port.isdecimal() or not sockets_port.isdecimal():
        raise StartError("PORT and SOCKETS_PORT are numbers.")
    data_dir = data_dir_of(environ)
    return {
        **environ,
        "HOST": environ.get("HOST") or "127.0.0.1",
        "PORT": port,
        "SOCKETS_PORT": sockets_port,
        "DATA_DIR": str(data_dir),
        "PROMETHEUS_MULTIPROC_DIR": environ.get("PROMETHEUS_MULTIPROC_DIR") or str(data_dir / "metrics"),
        "WORKER_CONCURRENCY": environ.get("WORKER_CONCURRENCY") or "2",
        # The commands of this environment come first, whatever else is installed.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environ.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
    }


def programs_of(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what is to run with an environment: the Procfile, sandbox and nginx only where they are on. Raises StartError."""
    programs = read_procfile(PROCFILE.read_text(encoding="utf-8"))
    if environ.get("SANDBOX_ENABLED", "").lower() not in TRUE or environ.get("ROLE") == "hub":
        programs.pop("sandbox", None)
    if "NGINX_DIR" not in environ:
        programs.pop("nginx", None)
    return programs


def supervisor_config(programs: Mapping[str, str], environ: Mapping[str, str]) -> str:
    """Return supervisor's configuration: its own part, then a program each, all in one group so that they stop together."""
    folder = environ["DATA_DIR"].replace("%", "%%")
    parts = [
        "[supervisord]",
        "nodaemon=true",
        "logfile=/dev/null",
        "logfile_maxbytes=0",
        f"pidfile={folder}/supervisord.pid",
        f"directory={ROOT}",
        # Says that running as root, as in a container, is meant.
        *(["user=root"] if os.geteuid() == 0 else []),
        "",
        "[unix_http_server]",
        f"file={folder}/supervisor.sock",
        "chmod=0700",
        "",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        "",
        "[supervisorctl]",
        f"serverurl=unix://{folder}/supervisor.sock",
        "",
    ]
    for name, command in programs.items():
        parts += [f"[program:{name}]", *_program(name, command, environ), ""]
    parts += ["[group:all]", f"programs={','.join(programs)}", ""]
    return "\n".join(parts)


def _program(name: str, command: str, environ: Mapping[str, str]) -> list[str]:
    try:
        line = string.Template(command).substitute(environ)
    except (KeyError, ValueError) as error:
        raise StartError(f"The Procfile names {error}, which is not set.") from None
    return [
        "command=" + line.replace("%", "%%"),
        "autorestart=true",
        "startsecs=1",
        # Never give up: what cannot start now, because its port or a server is away, can start later.
        "startretries=1000000",
        # To nginx TERM means at once, and the answers of requests under way would be lost.
        f"stopsignal={'QUIT' if name == 'nginx' else 'TERM'}",
        f"stopwaitsecs={STOP_WITHIN_S}",
        "killasgroup=true",
        "redirect_stderr=true",
        "stdout_logfile=/dev/fd/1",
        "stdout_logfile_maxbytes=0",
    ]


def check_port(host: str, port: str) -> None:
    """Raise StartError where somebody listens already: a process of an earlier start, or somebody else's."""
    bare = host.strip("[]")
    with socket.socket(socket.AF_INET6 if ":" in bare else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if probe.family == socket.AF_INET6:
            # As nginx does: IPv4 has a socket of its own.
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind((bare, int(port)))
        except OSError as error:
            raise StartError(f"Port {port} of {host} cannot be used ({error.strerror}): choose another.") from error


def clear_the_way(folder: Path) -> None:
    """Stop what an earlier start on a data directory left behind when its supervisor was killed.

    Raises StartError where that start still runs.
    """
    if pid := orphans.running_supervisor(folder):
        raise StartError(f"It runs already with this DATA_DIR ({folder}): stop process {pid} first, or choose another.")
    if left := orphans.stop(folder, ROOT, STOP_WITHIN_S):
        print(f"The supervisor of an earlier start was killed: stopped the {left} processes that it left behind.")


def forget_counts(folder: Path) -> None:
    """Let the metrics of this start begin with nothing: what processes of an earlier one have counted is nobody's."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in folder.glob("*.db"):
        path.unlink(missing_ok=True)


def keep_output_open() -> None:
    """Make standard output one that can be opened again by its name, as supervisor does for each process.

    systemd gives a socket, which cannot, and root a file that others may not; then a process of its own hands on what
    comes through a pipe.
    """
    try:
        os.close(os.open("/dev/fd/1", os.O_WRONLY | os.O_APPEND))
    except OSError:
        # In a session of its own, so that Ctrl-C does not end it before the last line.
        relay = subprocess.Popen(["cat"], stdin=subprocess.PIPE, start_new_session=True)  # noqa: S607
        assert relay.stdin is not None
        os.dup2(relay.stdin.fileno(), 1)
        os.dup2(relay.stdin.fileno(), 2)


def main() -> int:
    """Migrate, then become supervisor; return an exit code only where that failed."""
    try:
        environ, proxy = with_proxy(with_defaults(os.environ))
        config = supervisor_config(programs_of(environ), environ)
        clear_the_way(Path(environ["DATA_DIR"]))
        for name in ("PORT", "SOCKETS_PORT"):
            check_port(environ["HOST"], environ[name])
        if "NGINX_DIR" in environ:
            for host, name in itertools.product(hosts_of(environ), ("HTTP_PORT", "HTTPS_PORT")):
                check_port(host, environ[name])
            write_configuration(environ)
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    folder = Path(environ["DATA_DIR"])
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    prepared = subprocess.run([sys.executable, "manage.py", "prepare"], cwd=ROOT, env=environ, check=False)
    if prepared.returncode:
        return prepared.returncode
    forget_counts(Path(environ["PROMETHEUS_MULTIPROC_DIR"]))
    path = folder / "supervisord.conf"
    path.write_text(config, encoding="utf-8")
    print(
        f"\n  HTTP     http://{environ['HOST']}:{environ['PORT']}/\n"
        f"  Sockets  ws://{environ['HOST']}:{environ['SOCKETS_PORT']}/ws/orders/\n"
        f"  Outside  {proxy}\n"
        f"  State    {Path(sys.executable).with_name('supervisorctl')} -c {path} status\n\n"
        "  Ctrl-C stops it.\n",
        flush=True,
    )
    keep_output_open()
    arguments = [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(path)]
    # Our own interpreter, and no shell.
    return os.execve(sys.executable, arguments, environ)  # noqa: S606


if __name__ == "__main__":
    sys.exit(main())
