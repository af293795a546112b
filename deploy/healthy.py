"""``python -m deploy.healthy PROCESS``: exit code 0 while a process is well; what a container asks itself.

Without the program's own weight: it runs every few seconds in each container. Web and sockets are asked whether they answer,
web whether it could commit an order; worker and sweeper, which nobody calls, by their signs of life, of which web tells.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 4.0
PORTS = {"web": "3001", "sockets": "3003"}


def ask(address: str, path: str, host: str) -> dict[str, Any]:
    """Return what an address answers to a path, as JSON. Raises OSError, ValueError and HTTPException."""
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        found: dict[str, Any] = {"code": answer.status, **json.loads(answer.read())}
        return found
    finally:
        connection.close()


def fault(process: str) -> str:
    """Return what is wrong with a process, ``""`` while nothing is."""
    host = urlsplit(os.environ.get("APP_BASE_URL", "")).netloc or "localhost"
    web = os.environ.get("WEB_ADDRESS") or f"127.0.0.1:{PORTS['web']}"
    try:
        if process in PORTS:
            answer = ask(f"127.0.0.1:{PORTS[process]}", "/readyz" if process == "web" else "/livez", host)
            return "" if answer["code"] == 200 else f"answered {answer['code']}"
        checks = ask(web, "/readyz", host).get("checks") or {}
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"does not answer ({type(error).__name__})"
    state = checks.get(process, "unknown")
    return "" if state == "ok" else f"its last sign of life: {state}"


def main(arguments: list[str]) -> int:
    """Print what is wrong and return the exit code."""
    if len(arguments) != 1 or arguments[0] not in {*PORTS, "worker", "sweeper"}:
        print("python -m deploy.healthy web|sockets|worker|sweeper", file=sys.stderr)
        return 2
    if said := fault(arguments[0]):
        print(f"{arguments[0]}: {said}", file=sys.stderr)
    return int(bool(said))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
