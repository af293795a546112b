"""The smallest HTTP client that measures honestly: one request, one connection, nothing retried behind our back."""

from __future__ import annotations

import asyncio
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Status 0: nothing did."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


NOTHING = Answer(0, {}, b"")


async def request(
    port: int, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", timeout_s: float = 20,
    *, tls: ssl.SSLContext | None = None,
) -> Answer:  # fmt: skip
    """Send a request to this machine, over TLS where its context is given; an answer that is cut off counts as none."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await connect(port, tls)
            named = {**headers, "Host": "localhost", "Connection": "close", "Content-Length": str(len(body))}
            head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
            writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
            await writer.drain()
            raw = await reader.read(-1)
    except (OSError, TimeoutError, ssl.SSLError):
        return NOTHING
    finally:
        if writer is not None:
            writer.transport.abort()
    top, separator, rest = raw.partition(b"\r\n\r\n")
    if not separator:
        return NOTHING
    first, *lines = top.decode("latin-1").split("\r\n")
    found = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if found.get("transfer-encoding") == "chunked":
        rest = _unchunk(rest)
    elif len(rest) < int(found.get("content-length", 0)):
        return NOTHING
    return Answer(int(first.split()[1]), found, rest)


async def connect(port: int, tls: ssl.SSLContext | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection to this machine. Raises OSError."""
    return await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname="localhost" if tls else None)


def _unchunk(data: bytes) -> bytes:
    parts = []
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size or b"0", 16)
        if not length:
            break
        parts.append(data[:length])
        data = data[length + 2 :]
    return b"".join(parts)


def livez(port: int) -> bool:
    """Return whether a process answers at all."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
