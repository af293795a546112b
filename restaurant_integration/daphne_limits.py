"""Daphne with limits: what is too large, too slow or malformed ends before it costs memory.

Daphne itself takes a whole body into memory or a temporary file before the application sees a byte of it. Run it as
``python -m restaurant_integration.daphne_limits``, with daphne's own arguments.
"""

from __future__ import annotations

import json
import sys
from io import BytesIO
from typing import Any

import daphne.server  # first: it chooses Twisted's reactor
from daphne.cli import CommandLineInterface
from daphne.http_protocol import HTTPFactory, WebRequest
from twisted.internet import reactor as twisted_reactor

# Twisted finds its reactor at run time; its declared type has none of the methods in their usable form.
reactor: Any = twisted_reactor

MAX_BODY_BYTES = 1024 * 1024
"""The largest body of any request; the application's own limit is the same."""
MAX_DISCARDED_BYTES = 64 * 1024 * 1024
"""How much of a refused body is read and thrown away, so that its sender can read the answer; then the line is cut."""
RECEIVE_TIMEOUT_S = 30
"""How long a request may take to arrive, headers and body together."""
MAX_SOCKET_MESSAGE_BYTES = 65_536


class LimitedRequest(WebRequest):  # type: ignore[misc]
    """A request that is refused with 413 as soon as it is known to be too large, and cut off when it is too slow."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._received = 0
        self._is_refused = False
        self._deadline: Any = reactor.callLater(RECEIVE_TIMEOUT_S, self._cut)

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()
        if length is not None and length > MAX_BODY_BYTES:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        self._received += len(data)
        if not self._is_refused and self._received > MAX_BODY_BYTES:
            self._refuse()
        if not self._is_refused:
            super().handleContentChunk(data)
        elif self._received > MAX_DISCARDED_BYTES:
            self._cut()

    def process(self) -> Any:
        self._stop_clock()
        if self._is_refused:
            self.channel.loseConnection()
            return None
        return super().process()

    def connectionLost(self, reason: Any) -> None:
        self._stop_clock()
        super().connectionLost(reason)

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """Answer what never reaches the application in the shape of its own failures."""
        code = status_text.decode("ascii").lower().replace(" ", "_")
        content = _failure(code, f"{body}.")
        headers = [(b"Content-Type", b"application/json"), (b"Content-Length", str(len(content)).encode())]
        self.handle_reply({"type": "http.response.start", "status": status, "headers": headers})
        self.handle_reply({"type": "http.response.body", "body": content})

    def _refuse(self) -> None:
        """Answer at once; what still comes is thrown away, since closing now could destroy the answer on its way."""
        self._is_refused = True
        self.content = BytesIO()
        self.requestHeaders.removeHeader(b"expect")
        body = _failure("payload_too_large", f"A body has at most {MAX_BODY_BYTES} bytes.")
        head = f"HTTP/1.1 413 Payload Too Large\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self.channel.write(head.encode() + b"Connection: close\r\n\r\n" + body)

    def _cut(self) -> None:
        if self.channel is not None and self.channel.transport is not None:
            self.channel.transport.abortConnection()

    def _stop_clock(self) -> None:
        if self._deadline.active():
            self._deadline.cancel()


def _failure(code: str, message: str) -> bytes:
    return json.dumps({"success": False, "error": code, "message": message, "details": {}}).encode()


class LimitedHTTPFactory(HTTPFactory):  # type: ignore[misc]
    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = LimitedRequest
        return protocol


class LimitedServer(daphne.server.Server):  # type: ignore[misc]
    """Daphne's server with our factory in place of its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # 0 and the default of an unset option mean "no limit of one's own".
        for name in ("websocket_max_message_size", "websocket_max_frame_size"):
            kwargs[name] = min(kwargs.get(name) or MAX_SOCKET_MESSAGE_BYTES, MAX_SOCKET_MESSAGE_BYTES)
        super().__init__(*args, **kwargs)

    @property
    def http_factory(self) -> Any:
        return self._http_factory

    @http_factory.setter
    def http_factory(self, factory: Any) -> None:
        # daphne makes its factory inside run(); there is no argument for another one.
        self._http_factory = LimitedHTTPFactory(self)


class LimitedCommandLine(CommandLineInterface):  # type: ignore[misc]
    server_class = LimitedServer


if __name__ == "__main__":
    LimitedCommandLine().run(sys.argv[1:])
