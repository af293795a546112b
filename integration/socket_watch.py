"""A screen for programs: one socket, opened with a token, and the frames that come on it."""

from __future__ import annotations

import base64
import json
import secrets
import socket
import ssl
import struct
import time
from typing import Any
from urllib.parse import urlsplit

CONNECT_TIMEOUT_S = 10.0
GREETED_WITHIN_S = 20.0
"""A process that has just started opens its connections for the first socket."""
OPENED_WITHIN_S, AGAIN_S = 30.0, 0.5
"""Where nobody is behind the proxy, as while the sockets are restarted, it is asked again for so long."""
_MOST_HEAD = 16_384
_TEXT, _CLOSE = 1, 8


class SocketWatchError(Exception):
    """The socket cannot be had; the message is one sentence for a person."""


class SocketWatch:
    """One open ``/ws/orders/`` of a company, which has been greeted: what is committed from now on is told of.

    ``ca`` names a file of authorities to trust instead of the usual ones.
    """

    def __init__(self, base_url: str, token: str, *, ca: str = "") -> None:
        until = time.monotonic() + OPENED_WITHIN_S
        while not self._open(base_url, token, ca, is_last=time.monotonic() > until):
            time.sleep(AGAIN_S)
        greeting = self.frame(time.monotonic() + GREETED_WITHIN_S)
        if greeting is None or greeting.get("type") != "hello":
            raise SocketWatchError(f"the socket did not say hello within {GREETED_WITHIN_S:.0f} s")

    def _open(self, base_url: str, token: str, ca: str, *, is_last: bool) -> bool:
        """Connect; return False where nobody is behind the proxy yet, unless it was the last try. Raises SocketWatchError."""
        address = urlsplit(base_url)
        host, is_tls = address.hostname or "", address.scheme == "https"
        self._waiting = b""
        try:
            plain = socket.create_connection((host, address.port or (443 if is_tls else 80)), CONNECT_TIMEOUT_S)
            context = ssl.create_default_context(cafile=ca or None) if is_tls else None
            self._socket = context.wrap_socket(plain, server_hostname=host) if context else plain
            first = self._shake_hands(address.netloc, token)
        except OSError as error:
            raise SocketWatchError(f"no socket at {base_url}/ws/orders/ ({type(error).__name__})") from None
        if " 101" in first:
            return True
        self._socket.close()
        if " 503" in first and not is_last:
            return False
        raise SocketWatchError(f"no socket: /ws/orders/ was answered {first[:60]!r} instead of 101")

    def _shake_hands(self, host: str, token: str) -> str:
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        self._socket.sendall(
            f"GET /ws/orders/ HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: token.{token}\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._waiting and len(self._waiting) < _MOST_HEAD:
            self._receive()
        head, _, self._waiting = self._waiting.partition(b"\r\n\r\n")
        return head.split(b"\r\n")[0].decode("latin-1")

    def frame(self, until: float) -> dict[str, Any] | None:
        """Return the next frame, None where none has come at a time of the monotonic clock. Raises SocketWatchError."""
        try:
            while True:
                self._socket.settimeout(max(0.01, until - time.monotonic()))
                kind, data = self._read()
                if kind == _CLOSE:
                    raise SocketWatchError("the socket was closed")
                if kind == _TEXT:
                    found: dict[str, Any] = json.loads(data)
                    return found
        except TimeoutError:
            return None
        except OSError as error:
            raise SocketWatchError(f"the socket broke off ({type(error).__name__})") from None

    def _read(self) -> tuple[int, bytes]:
        """Return the kind and the content of one whole frame; what has come of it is kept where the time runs out."""
        while True:
            if (found := _split(self._waiting)) is not None:
                kind, data, self._waiting = found
                return kind, data
            self._receive()

    def _receive(self) -> None:
        data = self._socket.recv(65_536)
        if not data:
            raise SocketWatchError("the socket was closed")
        self._waiting += data

    def close(self) -> None:
        self._socket.close()


def _split(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Return kind and content of the first frame and what is behind it; None where it is not whole yet."""
    if len(data) < 2:
        return None
    length, start = data[1] & 0x7F, 2
    if length >= 126:
        size = 2 if length == 126 else 8
        start += size
        if len(data) < start:
            return None
        length = struct.unpack(">H" if size == 2 else ">Q", data[2:start])[0]
    if len(data) < start + length:
        return None
    return data[0] & 0x0F, data[start : start + length], data[start + length :]
