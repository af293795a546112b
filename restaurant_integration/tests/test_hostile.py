"""Hostile bytes at the webhook doors of a real server: each gets its refusal, none an error of ours, none a log line."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from django.conf import settings

from restaurant_integration.tests.processes import Server

RECEIVE_TIMEOUT_S = 8
MIB = 1024 * 1024
DOOR = "/api/integration/webhook/careem"
_START = f"""
import runpy, restaurant_integration.daphne_limits as limits
limits.RECEIVE_TIMEOUT_S = {RECEIVE_TIMEOUT_S}
runpy.run_module("restaurant_integration.embedded", run_name="__main__")
"""


class ImpatientServer(Server):
    """The embedded server, which waits only seconds for a request to arrive."""

    def start(self) -> subprocess.Popen[str]:
        with self.log.open("w") as log:
            return subprocess.Popen(
                [sys.executable, "-c", _START], cwd=settings.BASE_DIR, env=self.environment,
                stdout=subprocess.DEVNULL, stderr=log, text=True,
            )  # fmt: skip

    def memory(self) -> int:
        """Return the resident memory in bytes."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        return int(found[1]) * 1024

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def say(self, *parts: bytes) -> bytes:
        """Send bytes as they are; return everything that comes back until the line is closed or silent."""
        with self.connect() as line:
            try:
                for part in parts:
                    line.sendall(part)
            except OSError:
                pass  # cut off while we spoke: the answer may have come before
            return heard(line)


def heard(line: socket.socket, silence_s: float = 2.5) -> bytes:
    line.settimeout(silence_s)
    answer = b""
    while True:
        try:
            data = line.recv(65_536)
        except OSError:
            return answer
        if not data:
            return answer
        answer += data


def statuses(answer: bytes) -> list[int]:
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def request(path: str = DOOR, *headers: bytes, body: bytes = b"{}", length: bool = True) -> bytes:
    head = [
        f"POST {path} HTTP/1.1".encode(),
        b"Host: localhost",
        b"Content-Type: application/json",
        b"Connection: close",
    ]
    if length:
        head.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*head, *headers]) + b"\r\n\r\n" + body


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = ImpatientServer(tmp_path_factory.mktemp("hostile"), LOG_LEVEL="DEBUG")
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.process.terminate()
        running.process.wait(20)


@pytest.fixture(scope="module")
def company(server) -> dict:
    done = server.manage("bootstrap_company", "--name", "Amman Grill", "--providers", "careem", "--json")
    return json.loads(done.stdout)


@pytest.fixture(autouse=True)
def _nothing_of_ours_fails(server):
    """Whatever was sent: the server is alive, answers at once, and has no traceback in its log."""
    yield
    started = time.monotonic()
    assert statuses(server.say(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")) == [200]
    assert time.monotonic() - started < 20
    log = server.log.read_text()
    assert "Traceback" not in log
    assert " ERROR " not in log


def order(external_id: str) -> bytes:
    event = {"event_type": "order_created", "order_id": external_id, "delivery": str(uuid.uuid4())}
    return json.dumps(event).encode()


def signature(company: dict, body: bytes) -> bytes:
    secret = company["credentials"]["careem"]["webhookSecret"].encode()
    return b"x-careem-signature: " + hmac.new(secret, body, hashlib.sha256).hexdigest().encode()


# -- headers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "status"), [(b"X-Company-Id", 202), (b"X_Company_Id", 401), (b"X_COMPANY-ID", 401), (b"X-Company_Id", 401)]
)
def test_an_underscore_in_a_header_is_no_hyphen(server, company, name, status):
    body = order(name.decode())
    answer = server.say(
        request(DOOR, signature(company, body), name + b": " + company["companyId"].encode(), body=body)
    )
    assert statuses(answer) == [status]


def test_a_company_that_is_named_twice_is_none(server, company):
    body, named = order("twice"), b"X-Company-Id: " + company["companyId"].encode()
    assert statuses(server.say(request(DOOR, signature(company, body), named, named, body=body))) == [401]


def test_a_signature_that_stands_there_twice_is_none(server, company):
    body, path = order("signed-twice"), f"{DOOR}/{company['companyId']}"
    right, wrong = signature(company, body), b"x-careem-signature: " + b"0" * 64
    assert statuses(server.say(request(path, wrong, right, body=body))) == [401]
    assert statuses(server.say(request(path, right, wrong, body=body))) == [401]


@pytest.mark.parametrize(
    "header",
    [
        b"x-careem-signature: \xff\xfe\xc3\xa9",
        b"Authorization: Bearer \xd8\xb3\xd8\xb1",
        b"X-Company-Id: \x80\x81",
        b"X-Request-Id: \xe2\x80\xa8forged",
        b"Content-Encoding: gzip",
        b"Expect: 100-continue",
        b"Cookie: sessionid=\x01\x02; csrftoken=" + b"x" * 200,
        b"X-Forwarded-For: 127.0.0.1, \xff, ::1",
        b"X-Forwarded-Proto: https\x0b",
        b"Forwarded: for=127.0.0.1",
        b"X-HTTP-Method-Override: DELETE",
    ],
    ids=ascii,
)
def test_a_strange_header_is_refused_like_any_other_forgery(server, header):
    answer = statuses(server.say(request(DOOR, header)))
    assert answer in ([401], [100, 401], [415], [400])


@pytest.mark.parametrize(
    "raw",
    [
        request(DOOR, b"X-Long: " + b"a" * MIB),
        request(DOOR, *[b"X-%d: 1" % number for number in range(2_000)]),
        request(DOOR, b"no colon here"),
        request(DOOR, b": no name"),
        request(DOOR, b"X-Fold: a\r\n b"),
        request(DOOR, b"Content-Length: 3"),
        request(DOOR, b"Content-Length: -1", length=False),
        request(DOOR, b"Content-Length: +2", length=False),
        request(DOOR, b"Content-Length: 0x2", length=False),
        request(DOOR, b"Transfer-Encoding: chunked"),
        request(DOOR, b"Transfer-Encoding: chunked", body=b"zz\r\n{}\r\n0\r\n\r\n", length=False),
        request(DOOR, b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n", length=False),
        request(DOOR, b"Host: evil.example"),
        request("/api/integration/webhook/careem\x00"),
        request(f"{DOOR}/%00%0a%0dforged"),
        request(f"{DOOR}/" + "a" * 20_000),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 4096,
        b"GET\r\n\r\n",
        b"POST " + DOOR.encode() + b" HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=lambda raw: ascii(raw[60:110]),
)
def test_what_is_malformed_gets_no_answer_of_success_and_no_error_of_ours(server, raw):
    assert all(400 <= status < 500 for status in statuses(server.say(raw)))


def test_a_body_that_is_announced_twice_is_no_second_request(server):
    smuggled = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = server.say(request(DOOR, b"Content-Length: %d" % len(smuggled), body=smuggled))
    assert statuses(answer) in ([], [400])


def test_rubbish_behind_a_request_is_not_taken_for_one(server):
    first = request().replace(b"Connection: close\r\n", b"")
    answer = statuses(server.say(first, b"\x00\xff rubbish\r\n\r\n" * 50))
    assert answer in ([401], [401, 400])


# -- bodies ------------------------------------------------------------------------------------------------------------


def test_fifty_megabytes_in_chunks_are_refused_early_and_cost_no_memory(server):
    server.say(request(DOOR, body=b"{" + b" " * (MIB - 2)))  # so that what one full body costs is there already
    before = server.memory()
    chunk = b"%x\r\n" % MIB + b" " * MIB + b"\r\n"
    head = request(DOOR, b"Transfer-Encoding: chunked", body=b"", length=False)
    answer = server.say(head, *[chunk] * 50, b"0\r\n\r\n")
    assert statuses(answer) == [413]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == "payload_too_large"
    assert server.memory() - before < 10 * MIB


def test_a_slow_sender_is_cut_off_and_keeps_nobody_waiting(server):
    with server.connect() as slow:
        slow.sendall(request(body=b"{}")[:-1])
        started = time.monotonic()
        assert statuses(server.say(request())) == [401]
        assert time.monotonic() - started < RECEIVE_TIMEOUT_S - 1
        answer = heard(slow, silence_s=RECEIVE_TIMEOUT_S * 3)
        assert RECEIVE_TIMEOUT_S - 1 < time.monotonic() - started < RECEIVE_TIMEOUT_S * 3
    assert statuses(answer) in ([], [400], [408])


def test_a_sender_who_leaves_in_the_middle_leaves_nothing_behind(server):
    for size in (1, 40, 120):
        with server.connect() as line:
            line.sendall(request(body=b"{" * 1000)[:size])


# -- the log -----------------------------------------------------------------------------------------------------------


def test_nobody_writes_a_log_line_of_their_own(server):
    forged = "2026-01-01 00:00:00,000 ERROR   orders forged"
    server.say(request(f"{DOOR}/%0A{forged.replace(' ', '%20')}"))
    server.say(
        request(DOOR, b"X-Request-Id: " + forged.encode(), b"Origin: http://x" + b"\xe2\x80\xa8" + forged.encode())
    )
    server.say(
        f"GET /%0D%0A{forged.replace(' ', '%20')} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    )
    assert not [line for line in server.log.read_text().splitlines() if line.startswith("2026-01-01 00:00:00,000")]
