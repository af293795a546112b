"""nginx in front of the processes of ``make up``: its configuration from the template, and whether it runs at all."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from deploy import StartError

TEMPLATE = Path(__file__).resolve().parent / "nginx" / "nginx.conf.template"
OFF = "off"
_NAME = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
_UNSAFE = re.compile(r"""[\s;{}"'\\$#]""")
"""What would end or change a directive."""
EVERYWHERE, EVERYWHERE_6 = "0.0.0.0", "[::]"  # noqa: S104 — it is there for the outside
_LISTEN = re.compile(rf"^( *listen ){re.escape(EVERYWHERE)}(:.*)$", re.MULTILINE)


def render(template: str, values: Mapping[str, str]) -> str:
    """Return the configuration with each ``${NAME}`` filled in. Raises StartError for a value that cannot stand in one."""

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        value = values.get(name, "")
        if not value or _UNSAFE.search(value):
            raise StartError(f"nginx needs {name}, without spaces and without any of ; {{ }} $ # and quotes.")
        return value

    return _NAME.sub(fill, template)


def with_ipv6(configuration: str) -> str:
    """Return a configuration that listens on every address of IPv6 as well: on sockets of their own, so that senders of IPv4
    keep their addresses."""
    return _LISTEN.sub(rf"\g<0>\n\g<1>{EVERYWHERE_6}\g<2>", configuration)


def has_ipv6() -> bool:
    """Tell whether this machine has IPv6 at all."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


def hosts_of(environ: Mapping[str, str]) -> list[str]:
    """Return the addresses that nginx listens on: PROXY_HOST alone, by default every one that the machine has."""
    return [environ["PROXY_HOST"], *([EVERYWHERE_6] if "PROXY_IPV6" in environ else [])]


def with_proxy(environ: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Return the environment with what nginx and the processes behind it need, and the line that tells a person.

    ``environ`` is what ``up.with_defaults`` returns. Without TLS_CERTIFICATE, with ``NGINX=off`` and where nginx is not
    installed it comes back as it is: the processes are then reached on their plain ports. Raises StartError for TLS that
    is half set.
    """
    certificate, key = environ.get("TLS_CERTIFICATE", ""), environ.get("TLS_KEY", "")
    if not certificate and not key:
        return dict(environ), "no TLS: TLS_CERTIFICATE and TLS_KEY are not set; only the plain ports"
    if environ.get("NGINX") == OFF:
        return dict(environ), "NGINX=off: no TLS from here; only the plain ports"
    program = _program(environ)
    if not program:
        return dict(environ), "NO TLS: nginx is not installed (`apt-get install nginx-light`); only the plain ports"
    for name, path in (("TLS_CERTIFICATE", certificate), ("TLS_KEY", key)):
        if not path or not os.access(path, os.R_OK):
            raise StartError(f"{name} names no file that can be read: {path or 'it is empty'}.")
    address = urlsplit(environ.get("APP_BASE_URL", ""))
    if address.scheme != "https" or not address.hostname:
        raise StartError("With TLS_CERTIFICATE, APP_BASE_URL is the https address that the outside calls.")
    for name in ("HTTP_PORT", "HTTPS_PORT"):
        if not (environ.get(name) or "80").isdecimal():
            raise StartError(f"{name} is a number.")
    data_dir = Path(environ["DATA_DIR"])
    proxies = [entry.strip() for entry in environ.get("TRUSTED_PROXIES", "").split(",") if entry.strip()]
    added = {
        "NGINX_PROGRAM": program,
        "NGINX_DIR": str(data_dir / "nginx"),
        # Whoever starts everything as root has its own workers as root too: nobody else may enter DATA_DIR.
        "NGINX_OPTIONS": "-g 'user root;'" if os.geteuid() == 0 else "",
        "ACME_DIR": str(data_dir / "acme"),
        "TLS_CERTIFICATE": os.path.abspath(certificate),  # noqa: PTH100 — a link stays one: it leads to the newest
        "TLS_KEY": os.path.abspath(key),  # noqa: PTH100
        "PROXY_HOST": environ.get("PROXY_HOST") or EVERYWHERE,
        **({"PROXY_IPV6": "1"} if not environ.get("PROXY_HOST") and has_ipv6() else {}),
        "HTTP_PORT": environ.get("HTTP_PORT") or "80",
        "HTTPS_PORT": environ.get("HTTPS_PORT") or "443",
        "SERVER_NAME": address.hostname,
        "APP_BASE_URL": environ["APP_BASE_URL"].rstrip("/"),
        "WEB_UPSTREAM": f"{environ['HOST']}:{environ['PORT']}",
        "SOCKETS_UPSTREAM": f"{environ['HOST']}:{environ['SOCKETS_PORT']}",
        # From there alone the forwarded address is nginx's own word.
        "TRUSTED_PROXIES": ",".join(dict.fromkeys([*proxies, "127.0.0.1"])),
    }
    # nginx itself takes this name for the sockets that a former one hands on.
    plain = {name: value for name, value in environ.items() if name != "NGINX"}
    hosts = " and ".join(hosts_of(added))
    return {**plain, **added}, f"nginx on {hosts}, ports {added['HTTPS_PORT']} and {added['HTTP_PORT']}"


def _program(environ: Mapping[str, str]) -> str:
    named = environ.get("NGINX", "")
    # Debian keeps it off the PATH of people.
    path = f"{environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin{os.pathsep}/usr/local/sbin"
    found = shutil.which(named or "nginx", path=path)
    if named and not found:
        raise StartError(f"NGINX names no program: {named}.")
    return found or ""


def write_configuration(environ: Mapping[str, str]) -> None:
    """Write nginx's configuration under DATA_DIR, and let nginx itself check it. Raises StartError with what it says."""
    folder = Path(environ["NGINX_DIR"])
    for each in (Path(environ["DATA_DIR"]), folder, Path(environ["ACME_DIR"])):
        each.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / "nginx.conf"
    text = render(TEMPLATE.read_text(encoding="utf-8"), environ)
    path.write_text(with_ipv6(text) if "PROXY_IPV6" in environ else text, encoding="utf-8")
    command = [environ["NGINX_PROGRAM"], "-t", "-q", "-e", "stderr", "-p", str(folder), "-c", str(path)]
    done = subprocess.run(command, env=dict(environ), capture_output=True, text=True, check=False)
    if done.returncode:
        raise StartError(f"nginx does not take its configuration: {done.stderr.strip()[-600:]}")
