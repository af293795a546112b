"""The proxy between the program and its servers does what it is told."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from benchmarks.faults.proxy import Proxy


@pytest.fixture
def line():
    """A proxy in front of a server that says everything back."""
    server = socket.create_server(("127.0.0.1", 0))

    def echo(connection: socket.socket) -> None:
        while data := connection.recv(1000):
            connection.sendall(data)

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=echo, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    proxy = Proxy(server.getsockname()[1])
    yield proxy
    proxy.stop()
    server.close()


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=3)


def said(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    return connection.recv(1000)


def test_it_passes_what_is_said(line):
    with connect(line) as connection:
        assert said(connection, b"hello") == b"hello"


def is_silent(connection: socket.socket) -> bool:
    connection.settimeout(0.5)
    try:
        said(connection, b"lost?")
    except TimeoutError:
        return True
    return False


def test_a_black_hole_keeps_the_line_open_and_says_nothing_until_it_is_closed(line):
    with connect(line) as connection:
        assert said(connection, b"before") == b"before"
        line.set_mode("blackhole")
        while not is_silent(connection):
            pass
        line.set_mode("pass")
        connection.settimeout(3)
        assert connection.recv(1000).startswith(b"lost?")


def test_a_refusal_ends_every_line(line):
    with connect(line) as connection:
        assert said(connection, b"before") == b"before"
        line.set_mode("refuse")
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            while said(connection, b"after"):
                pass


def test_a_cut_ends_a_line_after_so_many_bytes(line):
    line.set_mode("cut", 8)
    with connect(line) as connection:
        assert said(connection, b"12345678") == b"12345678"
        try:
            rest = said(connection, b"9")
        except ConnectionResetError:
            rest = b""
        assert rest == b""
