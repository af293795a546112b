"""The client against real peers that are slow, cut off, endless or elsewhere."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time

import pytest

from integration.outbound import MAX_READ, SendError, recorded_request, send, stored_text
from integration.tests.peers import answer, peer
from providers.outbound import OutboundRequest, json_request


@pytest.fixture
def at(settings):
    """Run a peer whose origin is allowed."""
    with contextlib.ExitStack() as stack:

        def start(behave):
            made = stack.enter_context(peer(behave))
            settings.OUTBOUND_ALLOWED_ORIGINS = [made.url]
            return made

        yield start


def failure(url, **kwargs):
    with pytest.raises(SendError) as caught:
        send(OutboundRequest(method="GET", url=url), **kwargs)
    return caught.value.code, caught.value.is_passing


def test_a_call_and_its_answer(at):
    made = at(answer("201 Created", b'{"a":1}', "X-Thing: y"))
    sent = send(json_request("POST", f"{made.url}/x", {"n": "é"}), idempotency_key="key-1")
    assert (sent.answer.status, sent.answer.document(), sent.answer.headers["x-thing"]) == (201, {"a": 1}, "y")
    head, body = made.requests[0].split(b"\r\n\r\n")
    assert body == '{"n":"é"}'.encode()
    for line in (b"POST /x HTTP/1.1", b"Idempotency-Key: key-1", b"Content-Type: application/json",
                 b"Accept-Encoding: identity"):  # fmt: skip
        assert line in head


def test_a_silent_peer_times_out(at):
    made = at(lambda connection, request: time.sleep(60))
    started = time.monotonic()
    assert failure(made.url, timeout_s=0.3) == ("timeout", True)
    assert time.monotonic() - started < 30


def test_headers_that_drip_end_with_the_call(at):
    def drip(connection, request):
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 600:
            connection.sendall(bytes([byte]))
            time.sleep(0.1)

    made = at(drip)
    started = time.monotonic()
    assert failure(made.url, timeout_s=5, total_s=0.6) == ("timeout", True)
    assert time.monotonic() - started < 30


def test_a_body_that_drips_ends_with_the_call(at):
    def drip(connection, request):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(600):
            connection.sendall(b"a")
            time.sleep(0.1)

    made = at(drip)
    started = time.monotonic()
    assert failure(made.url, timeout_s=5, total_s=0.6) == ("timeout", True)
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"])
def test_an_answer_that_is_cut_off_is_none(at, part):
    def cut(connection, request):
        connection.sendall(part)
        connection.close()

    assert failure(at(cut).url) == ("connection_lost", True)


def test_an_answer_that_is_no_http_is_none(at):
    def talk(connection, request):
        connection.sendall(b"220 mail.example.com ESMTP\r\n")
        connection.close()

    assert failure(at(talk).url) == ("connection_lost", True)


def test_a_body_is_read_up_to_a_megabyte(at):
    def pour(connection, request):
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        for _ in range(64):
            connection.sendall(b"a" * 65536)

    sent = send(OutboundRequest(method="GET", url=at(pour).url))
    assert (sent.answer.status, len(sent.answer.body), sent.answer.is_cut) == (200, MAX_READ, True)


def test_a_redirect_is_an_answer(at):
    made = at(answer("302 Found", b"", "Location: /elsewhere"))
    assert send(OutboundRequest(method="GET", url=made.url)).answer.status == 302
    assert len(made.requests) == 1


def test_nobody_listening(settings):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    settings.OUTBOUND_ALLOWED_ORIGINS = [url]
    assert failure(url) == ("connect_failed", True)


def test_a_plain_peer_under_https_is_a_tls_failure(settings):
    def talk(server):
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        settings.OUTBOUND_ALLOWED_ORIGINS = [url]
        threading.Thread(target=talk, args=(server,), daemon=True).start()
        assert failure(url, timeout_s=2) == ("tls_failed", True)


def test_connections_are_kept_and_cookies_are_not(at):
    made = at(answer("200 OK", b"{}", "Set-Cookie: session=1; Path=/"))
    for _ in range(3):
        send(OutboundRequest(method="GET", url=made.url))
    assert made.connections == 1
    assert not any(b"ookie" in request for request in made.requests)


def test_the_environments_proxies_and_passwords_are_not_used(at, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert send(OutboundRequest(method="GET", url=at(answer()).url)).answer.status == 200


def test_the_name_stays_in_the_host_header(at, monkeypatch, settings):
    made = at(answer())
    port = made.url.rpartition(":")[2]
    settings.OUTBOUND_ALLOWED_ORIGINS = [f"http://peer.example.com:{port}"]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(port)))]
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **k: found if host == "peer.example.com" else real(host, *a, **k)
    )
    send(OutboundRequest(method="GET", url=f"http://peer.example.com:{port}/"))
    assert f"Host: peer.example.com:{port}".encode() in made.requests[0]


def test_no_descriptor_is_left_open(at):
    made = at(answer())
    send(OutboundRequest(method="GET", url=made.url))
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(20):
        send(OutboundRequest(method="GET", url=made.url))
    # One for each call would be twenty; what other tests left to the garbage collector may go meanwhile.
    assert len(os.listdir("/proc/self/fd")) < before + 10  # noqa: PTH208


def test_a_record_holds_no_secret():
    request = OutboundRequest(
        method="POST", url="https://x.example.com", headers={"X-Api-Key": "k", "X-Own": "o", "Accept": "a"}, body=b"secret=1",
        secret_headers=("x-own",), hides_body=True,
    )  # fmt: skip
    assert recorded_request(request) == {
        "method": "POST", "url": "https://x.example.com", "request_body": "[redacted]",
        "request_headers": {"x-api-key": "[redacted]", "x-own": "[redacted]", "accept": "a"},
    }  # fmt: skip


def test_a_stored_answer_is_cut_and_clean():
    assert stored_text(b"a\x00b\xff secret-token", ("secret-token",)) == "a\ufffdb\ufffd [redacted]"
    assert len(stored_text(b"x" * 20_000)) == 16_384
