"""Providers that are slow, broken, busy or endless, over real connections: what waits, what goes on, and what opens again."""

from __future__ import annotations

import functools
import socket
import threading

import pytest
from django.db import connection, connections  # noqa: F401 — the condition below reads the first
from django.utils import timezone

from integration import breaker, outbound, outbox
from integration.models import CircuitBreaker, OutboundPush
from integration.outbound import MAX_READ
from integration.tests.factories import make_installation
from integration.tests.outbound import arm, move, received, work
from integration.tests.peers import answer, peer
from orders.models import Order

SOON_S = 30
CHUNK = b"a" * 65_536
HUNDRED_MB = 100 * 1024 * 1024


class Provider:
    """Jahez on this machine: gives tokens, and answers a status as it is told at the moment."""

    def __init__(self) -> None:
        self.behave = answer(body=b'{"success": true}')
        self.asked = threading.Event()
        self.released = threading.Event()
        self.poured = 0

    def __call__(self, made: socket.socket, request: bytes) -> None:
        if request.startswith(b"POST /token"):
            answer(body=b'{"success": true, "token": "a-token"}')(made, request)
            return
        self.asked.set()
        self.behave(made, request)

    def hang(self, made: socket.socket, request: bytes) -> None:
        """Say nothing for as long as the test likes; 20 s would be the same, as the client gives up before."""
        self.released.wait(SOON_S)
        answer()(made, request)

    def cut(self, made: socket.socket, request: bytes) -> None:
        made.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        made.shutdown(socket.SHUT_RDWR)

    def pour(self, status: str, made: socket.socket, request: bytes) -> None:
        """Send a hundred megabytes, as far as anybody reads."""
        made.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {HUNDRED_MB}\r\n\r\n".encode())
        while self.poured < HUNDRED_MB:
            made.sendall(CHUNK)
            self.poured += len(CHUNK)


@pytest.fixture
def provider(settings, monkeypatch):
    """Serve, with the client's patience cut short: the limits themselves have tests of their own."""
    monkeypatch.setattr(outbound, "send", functools.partial(outbound.send, timeout_s=0.5, total_s=1.0))
    made = Provider()
    with peer(made) as served:
        made.url = served.url
        made.requests = served.requests
        settings.OUTBOUND_ALLOWED_ORIGINS = [served.url]
        yield made
        made.released.set()


def an_order(installation, provider, external_id="10000001") -> Order:
    order = received(installation, "jahez", external_id)
    arm(installation, "jahez", base_url=provider.url)
    Order.objects.filter(pk=order.pk).update(accept_by=None)
    return order


def again(push: OutboundPush) -> OutboundPush:
    OutboundPush.objects.filter(pk=push.pk).update(next_attempt_at=timezone.now())
    return work(push)


def breaker_of(installation) -> CircuitBreaker:
    return CircuitBreaker.objects.get(company=installation.company, provider="jahez")


BAD = {
    "silent": (lambda p: p.hang, "timeout"),
    "failing": (lambda p: answer("500 Internal Server Error"), "http_500"),
    "cut off": (lambda p: p.cut, "connection_lost"),
    "endless and failing": (lambda p: functools.partial(p.pour, "502 Bad Gateway"), "http_502"),
}


@pytest.mark.parametrize("kind", BAD)
def test_the_breaker_opens_for_a_peer_that_fails_and_closes_when_it_is_well(amman, provider, kind):
    behaviour, code = BAD[kind]
    provider.behave = behaviour(provider)
    push = work(move(an_order(amman, provider), "confirmed"))
    assert (push.status, push.error_code, push.attempts) == ("failed", code, 1)
    for _ in range(4):
        push = again(push)
    assert (push.attempts, breaker_of(amman).state) == (5, "open")
    asked = len(provider.requests)
    push = again(push)
    assert (push.status, push.error_code, push.attempts) == ("failed", "breaker_open", 5)
    assert len(provider.requests) == asked
    provider.released.set()
    provider.behave = answer(body=b'{"success": true}')
    CircuitBreaker.objects.update(retry_at=timezone.now())
    push = again(push)
    assert (push.status, push.attempts, breaker_of(amman).state) == ("sent", 6, "closed")


def test_a_peer_that_is_busy_is_waited_for_and_is_not_out_of_reach(amman, provider):
    provider.behave = answer("429 Too Many Requests", b"{}", "Retry-After: 120")
    push = work(move(an_order(amman, provider), "confirmed"))
    for _ in range(5):
        push = again(push)
    assert (push.status, push.error_code) == ("failed", "http_429")
    assert 110 < (push.next_attempt_at - timezone.now()).total_seconds() <= 120
    assert breaker.state_of(amman.company.id, "jahez") == "closed"


def test_an_endless_answer_is_read_up_to_its_limit(amman, provider):
    provider.behave = functools.partial(provider.pour, "200 OK")
    push = work(move(an_order(amman, provider), "confirmed"))
    assert push.status == "sent"
    assert len(push.attempt_set.get().response_body) == 16_384
    # What the two kernels hold between them comes on top of what was read.
    assert MAX_READ <= provider.poured < HUNDRED_MB / 4


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="needs Postgres: SQLite has one writer at a time")
def test_nobody_waits_for_a_peer_that_hangs(provider, monkeypatch):
    monkeypatch.setattr(outbound, "send", functools.partial(outbound.send.func, timeout_s=SOON_S, total_s=SOON_S))
    amman = make_installation("amman-grill")
    provider.behave = provider.hang
    hanging, other = an_order(amman, provider), an_order(amman, provider, "10000002")
    push = move(hanging, "confirmed")

    def send() -> None:
        try:
            outbox.work_order(hanging.id)
        finally:
            connections.close_all()

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    assert provider.asked.wait(SOON_S)
    # The call is out and has no answer; all of this is answered meanwhile.
    assert amman.send("jahez", dialect="native", external_id="10000003").status_code == 200
    assert amman.send("jahez", "cancelled", "native", external_id="10000001").status_code == 200
    client = amman.client()
    url = f"/api/orders/{other.id}/status"
    assert client.post(url, {"status": "confirmed"}, content_type="application/json").status_code == 200
    assert client.get(f"/api/orders/{hanging.id}").json()["status"] == "cancelled"
    push.refresh_from_db()
    assert (push.status, sender.is_alive()) == ("sending", True)
    provider.released.set()
    sender.join(SOON_S)
    push.refresh_from_db()
    assert (push.status, sender.is_alive()) == ("sent", False)
