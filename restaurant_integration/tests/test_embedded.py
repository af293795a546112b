"""``make run``: one process, started and stopped as a person does."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from restaurant_integration.tests.processes import Server


@contextlib.contextmanager
def running(data_dir: Path, *, is_first: bool = False) -> Iterator[Server]:
    made = Server(data_dir, is_first=is_first)
    try:
        made.wait_until_ready()
        yield made
    finally:
        if made.process.poll() is None:
            made.end()


@pytest.fixture
def server(tmp_path):
    with running(tmp_path, is_first=True) as made:
        yield made


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory):
    """One for the tests that leave it as it was."""
    with running(tmp_path_factory.mktemp("shared")) as made:
        yield made


def test_a_first_order_needs_nothing_but_the_printed_line(server):
    sent = server.manage("send_sample", "careem")
    assert (sent.returncode, sent.stdout.split()[:4]) == (0, ["careem", "created", "200", "processed"])
    assert server.manage("diagnose").returncode == 0
    code, out = server.end(signal.SIGINT)
    assert code == 0
    assert server.log.read_text() == ""
    assert re.search(r"^ +(\S+=\S+ )*\S+ manage\.py send_sample careem$", out, re.MULTILINE)
    assert f"demo / {(server.data_dir / 'demo_password').read_text()}" in out
    assert f"http://localhost:{server.port}/" in out


def test_a_second_start_finds_everything_as_it_was(tmp_path):
    with running(tmp_path) as server:
        secret = server.manage("bootstrap_company", "--name", "Petra", "--json").stdout
        _, first = server.end()
        server.process = server.start()
        server.wait_until_ready()
        assert server.manage("bootstrap_company", "--name", "Petra", "--json").returncode == 1
        code, second = server.end()
    assert (code, second) == (0, first)
    assert json.loads(secret)["slug"] == "petra"


def test_a_hub_tells_how_to_reach_it(tmp_path):
    code = "from restaurant_integration.embedded import banner; print(banner('demo / a-password'))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"], "ROLE": "hub", "DATA_DIR": str(tmp_path)},
    )  # fmt: skip
    assert "  Hub        http://localhost:3002/\n  Sign in    demo / a-password\n" in done.stdout
    line = rf"^ +ROLE=hub DATA_DIR={tmp_path} \S+ manage\.py send_sample careem$"
    assert re.search(line, done.stdout, re.MULTILINE), done.stdout


def test_a_port_in_use_is_one_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environment = {"PATH": os.environ["PATH"], "PORT": str(taken.getsockname()[1]), "DATA_DIR": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-m", "restaurant_integration.embedded"], cwd=settings.BASE_DIR, env=environment,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(
        r"Port \d+ of 127\.0\.0\.1 cannot be used .*: stop what uses it, or choose another with PORT\.\n", done.stderr
    )


def post(port: int, body: bytes | None, *, chunks: int = 0, **headers: str) -> tuple[int, dict]:
    """Post to the webhook; ``chunks`` sends that many of 64 KiB without telling the length first."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    line.putrequest("POST", "/api/integration/webhook/careem")
    line.putheader("Content-Type", "application/json")
    for name, value in headers.items():
        line.putheader(name.replace("_", "-"), value)
    if chunks:
        line.putheader("Transfer-Encoding", "chunked")
        line.endheaders()
        for _ in range(chunks):
            line.send(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        line.send(b"0\r\n\r\n")
    else:
        line.putheader("Content-Length", str(len(body or b"")))
        line.endheaders(body)
    answer = line.getresponse()
    said = answer.read()
    line.close()
    return answer.status, json.loads(said)


def resident_bytes(pid: int) -> int:
    return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) * 1024


def test_a_large_body_is_refused_before_it_is_in_memory(shared_server):
    before = resident_bytes(shared_server.process.pid)
    too_large = {
        "success": False, "error": "payload_too_large", "message": "A body has at most 1048576 bytes.", "details": {},
    }  # fmt: skip
    assert post(shared_server.port, b" " * (40 * 1024 * 1024)) == (413, too_large)
    assert post(shared_server.port, None, chunks=400) == (413, too_large)
    assert resident_bytes(shared_server.process.pid) - before < 20 * 1024 * 1024
    assert post(shared_server.port, b" " * (1024 * 1024))[0] == 401


def test_an_endless_body_is_cut(shared_server):
    with pytest.raises((ConnectionError, http.client.BadStatusLine)):
        post(shared_server.port, None, chunks=4_000)


def test_headers_without_end_are_refused(shared_server):
    with socket.create_connection(("127.0.0.1", shared_server.port), timeout=10) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + (b"X-Long: " + b"x" * 9_000 + b"\r\n") * 3 + b"\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 400")


def test_a_malformed_header_is_refused_as_json(shared_server):
    with socket.create_connection(("127.0.0.1", shared_server.port), timeout=10) as line:
        line.sendall(b"GET /api/orders HTTP/1.1\r\nHost: localhost\r\nX-A: b\x0bc\r\nConnection: close\r\n\r\n")
        said = b"".join(iter(lambda: line.recv(4096), b""))
    assert said.startswith(b"HTTP/1.1 400")
    assert json.loads(said.split(b"\r\n\r\n", 1)[1])["error"] == "bad_request"
