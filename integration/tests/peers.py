"""A real HTTP peer on 127.0.0.1 that answers as badly as it is told."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Behaviour = Callable[[socket.socket, bytes], None]


@dataclass
class Peer:
    url: str
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0


def answer(status: str = "200 OK", body: bytes = b"{}", *headers: str) -> Behaviour:
    def behave(connection: socket.socket, request: bytes) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        connection.sendall("\r\n".join(lines).encode() + body)

    return behave


def _read(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return data
        data += part
    head, _, rest = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    while len(rest) < length:
        rest += connection.recv(65536)
    return head + b"\r\n\r\n" + rest


@contextlib.contextmanager
def peer(behave: Behaviour) -> Iterator[Peer]:
    """Serve until the end of the block; each request is read whole, then ``behave`` has the socket."""
    listener = socket.create_server(("127.0.0.1", 0))
    made = Peer(f"http://127.0.0.1:{listener.getsockname()[1]}")
    is_over = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while not is_over.is_set():
                request = _read(connection)
                if not request:
                    return
                made.requests.append(request)
                behave(connection, request)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                made.connections += 1
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield made
    finally:
        is_over.set()
        listener.close()
