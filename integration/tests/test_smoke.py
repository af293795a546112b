"""``manage.py smoke``: orders of every provider by the public address, seen on a socket, and left behind as tests."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
from io import StringIO
from urllib.parse import urlsplit

import pytest
import responses
from django.core.management import CommandError, call_command
from django.test import Client

from integration import socket_watch
from integration.management.commands import smoke as command
from integration.models import ProviderCredential
from integration.smoke import smoke_company
from integration.socket_watch import SocketWatch, SocketWatchError
from integration.tests.factories import make_installation
from orders.models import ApiToken, Company, Order
from providers.registry import ADAPTERS

URL = "http://127.0.0.1:1"


class Screen:
    """Stands for the socket: tells of each order that is there, as the real one does, but not of those it should miss."""

    misses = ""

    def __init__(self, url, token, *, ca):
        assert ApiToken.objects.get().name == "smoke"
        self.told = set()

    def frame(self, until):
        for order in Order.objects.exclude(provider=self.misses):
            if order.id not in self.told:
                self.told.add(order.id)
                return {"type": "order_created", "orderId": str(order.id)}
        return None

    def close(self):
        pass


@pytest.fixture
def server(db, monkeypatch):
    """Our own webhook endpoints behind the HTTP client of the command."""
    monkeypatch.setattr(command, "SocketWatch", Screen)
    monkeypatch.setattr(Screen, "misses", "")

    def answer(request):
        response = Client().generic(
            request.method, urlsplit(request.url).path, request.body or b"", content_type="application/json",
            headers={name: value for name, value in request.headers.items() if name.lower() != "content-type"},
        )  # fmt: skip
        return response.status_code, {}, response.content

    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add_callback(responses.POST, re.compile(f"{URL}/.*"), callback=answer)
        yield mock


def run(*arguments: str) -> list[list[str]]:
    """Return the words of each line; the command fails by its exception, and has printed by then."""
    out = StringIO()
    try:
        call_command("smoke", "--url", URL, *arguments, stdout=out)
    finally:
        run.printed = [line.split() for line in out.getvalue().splitlines()]
    return run.printed


def test_each_provider_has_its_line(server):
    lines = run()
    assert [line[:4] for line in lines] == [["ok", slug, "200", "processed"] for slug in ADAPTERS]
    assert all("on the screen after" in " ".join(line) for line in lines)


def test_its_orders_are_tests_of_a_company_of_their_own_and_leave_nothing_open(server):
    run()
    run()
    assert Company.objects.get().slug == "smoke"
    assert Order.objects.count() == 2 * len(ADAPTERS)
    assert set(Order.objects.values_list("is_test", "status")) == {(True, "cancelled")}
    assert not ApiToken.objects.exists()


def test_nobody_can_sign_in_to_that_company(db):
    company = smoke_company()
    owner = company.memberships.get().user
    assert not owner.has_usable_password()
    assert not owner.is_staff
    assert not ApiToken.objects.exists()


def test_an_order_that_no_screen_is_told_of_is_no_success(server, monkeypatch):
    monkeypatch.setattr(Screen, "misses", "talabat")
    with pytest.raises(CommandError, match="Not well: talabat"):
        run()
    assert [line[0] for line in run.printed] == ["ok", "FAIL", "ok", "ok"]
    assert not ApiToken.objects.exists()


def test_a_refusal_is_no_success(server):
    company = smoke_company()
    jahez = ProviderCredential.objects.get(company=company, provider="jahez")
    jahez.is_enabled = False
    jahez.save()
    with pytest.raises(CommandError, match="Not well: jahez"):
        run()
    assert run.printed[-1][:4] == ["FAIL", "jahez", "401", "invalid_signature"]


def test_nobody_who_answers_is_no_success(server):
    server.reset()
    with pytest.raises(CommandError, match="Not well: careem"):
        run("--providers", "careem")
    assert "nobody answers" in " ".join(run.printed[0])


def test_another_company_and_some_providers_can_be_named(server):
    installation = make_installation()
    assert len(run("--company", installation.company.slug, "--providers", "jahez,careem")) == 2
    assert set(Order.objects.values_list("company__slug", flat=True)) == {installation.company.slug}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--providers", "ubereats"], "No provider is called ubereats"), (["--ca", "/nowhere.pem"], "There is no file")],
)
def test_what_cannot_be_asked_for_sends_nothing(db, arguments, says):
    with pytest.raises(CommandError, match=says):
        run(*arguments)
    assert not Company.objects.exists()


# -- the socket ----------------------------------------------------------------------------------------------------------


def served(*pieces: bytes, before: tuple[bytes, ...] = ()) -> tuple[str, list[bytes], threading.Thread]:
    """Answer one connection with these bytes, then close it; return the address, what was asked, and who does it.

    ``before`` are answers to connections before that one.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    asked: list[bytes] = []

    def answer():
        for other in before:
            with listener.accept()[0] as peer:
                asked.append(peer.recv(65_536))
                peer.sendall(other)
        with listener, listener.accept()[0] as peer:
            asked.append(peer.recv(65_536))
            for piece in pieces:
                peer.sendall(piece)
            peer.shutdown(socket.SHUT_WR)
            peer.recv(1)

    thread = threading.Thread(target=answer)
    thread.start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", asked, thread


def text(frame: dict) -> bytes:
    data = json.dumps(frame).encode()
    head = bytes([0x81, len(data)]) if len(data) < 126 else bytes([0x81, 126]) + struct.pack(">H", len(data))
    return head + data


OPENED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


def test_frames_are_read_whole_however_they_come():
    large = {"type": "order_created", "orderId": "x" * 300}
    stream = OPENED + text({"type": "hello"}) + bytes([0x89, 0]) + text(large) + bytes([0x88, 0])
    url, asked, thread = served(*(stream[at : at + 7] for at in range(0, len(stream), 7)))
    watch = SocketWatch(url, "a-token")
    assert watch.frame(1e6) == large
    with pytest.raises(SocketWatchError, match="was closed"):
        watch.frame(1e6)
    watch.close()
    thread.join()
    assert b"Sec-WebSocket-Protocol: token.a-token\r\n" in asked[0]


def test_sockets_that_are_being_restarted_are_asked_again(monkeypatch):
    monkeypatch.setattr(socket_watch, "AGAIN_S", 0.01)
    away = b"HTTP/1.1 503 Service Temporarily Unavailable\r\n\r\n"
    url, asked, thread = served(OPENED + text({"type": "hello"}), before=(away, away))
    SocketWatch(url, "a-token").close()
    thread.join()
    assert len(asked) == 3


def test_sockets_that_stay_away_are_said(monkeypatch):
    monkeypatch.setattr(socket_watch, "OPENED_WITHIN_S", -1)
    url, _, thread = served(b"HTTP/1.1 503 Service Temporarily Unavailable\r\n\r\n")
    with pytest.raises(SocketWatchError, match=r"was answered 'HTTP/1\.1 503"):
        SocketWatch(url, "a-token")
    thread.join()


def test_a_socket_that_has_not_been_greeted_is_none_yet():
    # What is committed before the greeting is told to nobody: a program that sends an order then would wait in vain.
    url, _, thread = served(OPENED + text({"type": "ping", "seq": 1}))
    with pytest.raises(SocketWatchError, match="did not say hello"):
        SocketWatch(url, "a-token")
    thread.join()


def test_a_socket_that_is_refused_says_what_came_instead():
    url, _, thread = served(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
    with pytest.raises(SocketWatchError, match="502 Bad Gateway"):
        SocketWatch(url, "a-token")
    thread.join()


def test_nobody_at_the_address_is_said():
    with pytest.raises(SocketWatchError, match="ConnectionRefusedError"):
        SocketWatch(URL, "a-token")
