"""The sockets: who may open one, what comes out of it, and what survives when the hints are lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from channels.layers import channel_layers
from channels.testing import WebsocketCommunicator
from django.conf import settings

from integration.tests.factories import make_installation
from orders import consumers, feeds
from orders.models import ApiToken, Branch, Membership, Order, User
from orders.services import change_status
from orders.timeline import last_seq
from providers.events import Status
from restaurant_integration.asgi import application

pytestmark = pytest.mark.django_db(transaction=True)
in_db = database_sync_to_async


IN_MEMORY = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 1000}}}


class Socket(WebsocketCommunicator):
    """Channels' own keeps every database connection open, for tests inside a transaction; these are not."""

    send_input = ApplicationCommunicator.send_input
    receive_output = ApplicationCommunicator.receive_output


@pytest.fixture(autouse=True)
async def _fresh_layer(request, settings):
    if "redis" not in request.keywords:
        settings.CHANNEL_LAYERS = IN_MEMORY
    channel_layers.backends.clear()
    yield
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(consumers, "PING_EVERY_S", 0.05)
    monkeypatch.setattr(consumers, "CHECK_EVERY_S", 0.05)
    monkeypatch.setattr(feeds, "WATCH_EVERY_S", 0.05)


@contextlib.asynccontextmanager
async def opened(path="/ws/orders/", *, origin="http://localhost:3001", token="", cookie="", peer="", forwarded_for=""):
    headers = [(b"origin", origin.encode())] if origin else []
    if forwarded_for:
        headers.append((b"x-forwarded-for", forwarded_for.encode()))
    if cookie:
        headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
    socket = Socket(application, path, headers, [f"token.{token}"] if token else None)
    socket.scope["client"] = [peer, 50_000] if peer else None
    socket.accepted, socket.chosen = await socket.connect(timeout=5)
    try:
        yield socket
    finally:
        await socket.disconnect(timeout=5)


def make_tenant(slug="amman-grill", **kwargs):
    here = make_installation(slug, menu=False, **kwargs)
    return here, here.token()


def sign_in(user):
    from django.test import Client

    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


async def close_code(socket):
    message = await socket.receive_output(timeout=5)
    assert message["type"] == "websocket.close", message
    return message["code"]


async def next_of(socket, kind):
    """Return the next frame of a type, whatever stands before it."""
    for _ in range(200):
        frame = await socket.receive_json_from(timeout=5)
        if frame["type"] == kind:
            return frame
    raise AssertionError(f"no {kind}")


async def send_order(here, external_id="1000001", provider="careem", **kwargs):
    response = await in_db(here.send)(provider, external_id=external_id, **kwargs)
    assert response.status_code == 200, response.content
    return await in_db(Order.objects.get)(external_id=external_id, company=here.company)


async def test_a_token_opens_a_socket_and_is_greeted():
    here, token = await in_db(make_tenant)()

    async with opened(token=token) as socket:
        assert (socket.accepted, socket.chosen) == (True, f"token.{token}")
        assert await socket.receive_json_from(timeout=5) == {
            "type": "hello",
            "companyId": str(here.company.id),
            "seq": 0,
        }


async def test_a_session_opens_a_socket():
    here, _ = await in_db(make_tenant)()
    cookie = await in_db(sign_in)(here.staff)

    async with opened(cookie=cookie) as socket:
        assert (await socket.receive_json_from(timeout=5))["companyId"] == str(here.company.id)


async def test_the_path_answers_without_its_slash():
    _, token = await in_db(make_tenant)()

    async with opened("/ws/orders", token=token) as socket:
        assert (await socket.receive_json_from(timeout=5))["type"] == "hello"


async def test_hello_tells_the_last_number():
    here, token = await in_db(make_tenant)()
    await send_order(here)

    async with opened(token=token) as socket:
        assert (await socket.receive_json_from(timeout=5))["seq"] == 1


async def test_an_order_comes_as_its_frame():
    here, token = await in_db(make_tenant)()

    async with opened(token=token) as socket:
        await next_of(socket, "hello")
        order = await send_order(here)
        frame = await next_of(socket, "order_created")

    assert frame == {
        "type": "order_created",
        "seq": 1,
        "orderId": str(order.id),
        "externalOrderId": "1000001",
        "status": order.status,
        "provider": "careem",
        "eventType": "order_created",
        "currency": order.currency,
        "orderData": {
            "customerName": order.customer_name,
            "total": float(order.total),
            "items": order.item_count,
        },
    }


async def test_a_status_change_comes_as_order_updated():
    here, token = await in_db(make_tenant)()
    order = await send_order(here)

    async with opened(token=token) as socket:
        await next_of(socket, "hello")
        await in_db(change_status)(order, Status.CONFIRMED, user=here.staff)
        frame = await next_of(socket, "order_updated")

    assert (frame["seq"], frame["status"]) == (2, "confirmed")


@pytest.mark.redis
@pytest.mark.skipif(not settings.REDIS_URL, reason="REDIS_URL names no server")
async def test_an_order_comes_through_redis():
    here, token = await in_db(make_tenant)()

    async with opened(token=token) as socket:
        await next_of(socket, "hello")
        await send_order(here)
        assert (await next_of(socket, "order_created"))["seq"] == 1


async def test_another_company_hears_nothing(quick):
    here, _ = await in_db(make_tenant)()
    _, foreign = await in_db(make_tenant)("other-grill")

    async with opened(token=foreign) as socket:
        await next_of(socket, "hello")
        await send_order(here)
        frames = [await socket.receive_json_from(timeout=5) for _ in range(5)]

    assert frames == [{"type": "ping", "seq": 0}] * 5


async def test_without_sign_in_it_closes_4401():
    async with opened() as socket:
        assert await close_code(socket) == 4401


async def test_a_wrong_token_closes_4401_even_beside_a_session():
    here, _ = await in_db(make_tenant)()
    cookie = await in_db(sign_in)(here.owner)

    async with opened(token="x" * 40, cookie=cookie) as socket:
        assert await close_code(socket) == 4401


@pytest.mark.parametrize("company", ["not-a-company", "00000000-0000-0000-0000-000000000000"])
async def test_an_unknown_company_closes_4404(company):
    _, token = await in_db(make_tenant)()

    async with opened(f"/ws/orders/?company={company}", token=token) as socket:
        assert await close_code(socket) == 4404


async def test_another_company_closes_4404():
    here, _ = await in_db(make_tenant)()
    other, _ = await in_db(make_tenant)("other-grill")
    cookie = await in_db(sign_in)(other.owner)

    async with opened(f"/ws/orders/?company={here.company.id}", cookie=cookie) as socket:
        assert await close_code(socket) == 4404


async def test_who_has_no_company_gets_4404():
    user = await in_db(User.objects.create_user)("nobody", password="correct horse battery")
    cookie = await in_db(sign_in)(user)

    async with opened(cookie=cookie) as socket:
        assert await close_code(socket) == 4404


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:9", "http://[", "http://a:99999"])
async def test_a_foreign_origin_is_refused_and_logged(origin, caplog):
    _, token = await in_db(make_tenant)()

    with caplog.at_level(logging.WARNING, "orders.socket_origin"):
        async with opened(origin=origin, token=token) as socket:
            assert not socket.accepted

    said = [record.message for record in caplog.records if record.name == "orders.socket_origin"]
    assert said == [f"Refused a socket from the origin {origin!r}"]


async def test_a_program_without_origin_needs_a_token():
    here, token = await in_db(make_tenant)()
    cookie = await in_db(sign_in)(here.owner)

    async with opened(origin="", token=token) as socket:
        assert socket.accepted
    async with opened(origin="", cookie=cookie) as socket:
        assert not socket.accepted


async def test_an_unknown_path_is_refused():
    async with opened("/ws/nothing/") as socket:
        assert not socket.accepted


async def test_what_a_client_sends_is_not_read():
    here, token = await in_db(make_tenant)()

    async with opened(token=token) as socket:
        await next_of(socket, "hello")
        await socket.send_to(text_data="{not json" * 1000)
        await socket.send_to(bytes_data=b"\x00")
        await send_order(here)
        assert (await next_of(socket, "order_created"))["seq"] == 1


async def test_a_member_of_one_branch_hears_only_the_numbers_of_the_others():
    here, _ = await in_db(make_tenant)()

    def limit():
        branch = Branch.objects.create(company=here.company, name="Second")
        membership = Membership.objects.get(user=here.staff)
        membership.is_limited = True
        membership.save()
        membership.branches.set([branch])
        return here.token(here.staff)

    token = await in_db(limit)()
    async with opened(token=token) as socket:
        await next_of(socket, "hello")
        await send_order(here)
        assert await socket.receive_json_from(timeout=5) == {"type": "ping", "seq": 1}


async def test_a_ping_comes_by_itself(quick):
    _, token = await in_db(make_tenant)()

    async with opened(token=token) as socket:
        await next_of(socket, "hello")
        assert await socket.receive_json_from(timeout=5) == {"type": "ping", "seq": 0}


async def test_an_alert_whose_hint_was_lost_is_told_and_so_is_its_end(quick, monkeypatch):
    here, token = await in_db(make_tenant)()
    stands: dict[str, list[dict]] = {"now": []}
    looked = asyncio.Event()

    def read(company_ids):
        looked.set()
        return {here.company.id: list(stands["now"])}

    monkeypatch.setattr(feeds, "STANDING_EVERY", 2)
    monkeypatch.setattr(feeds, "_standing", [read])
    alert = {"type": "alert", "id": "a", "severity": "critical", "cause": "push_dead", "count": 1, "state": "open"}

    async with opened(token=token) as socket:
        await next_of(socket, "hello")
        await asyncio.wait_for(looked.wait(), 5)
        looked.clear()
        await asyncio.wait_for(looked.wait(), 5)
        stands["now"] = [alert]
        assert await next_of(socket, "alert") == alert
        stands["now"] = []
        assert await next_of(socket, "alert") == alert | {"state": "resolved"}


def test_an_alert_that_a_hint_has_told_is_not_told_again():
    feed = feeds.Feed.__new__(feeds.Feed)
    feed.standing, told = {}, []
    feed.sockets = {type("Socket", (), {"deliver": lambda self, frame, branch_id: told.append(frame)})()}
    alert = {"type": "alert", "id": "a", "count": 1, "state": "open"}
    feed._heard_standing(alert)
    feed.found_standing([alert])
    assert told == []
    feed.found_standing([alert | {"count": 2}])
    assert told == [alert | {"count": 2}]


async def _closed_after(change, monkeypatch, quick):
    here, token = await in_db(make_tenant)()

    async with opened(token=token) as socket:
        await next_of(socket, "hello")
        await in_db(change)(here)
        for _ in range(200):
            message = await socket.receive_output(timeout=5)
            if message["type"] == "websocket.close":
                return message["code"]
    return None


@pytest.mark.parametrize(
    "change",
    [
        lambda here: ApiToken.objects.all().delete(),
        lambda here: Membership.objects.filter(user=here.owner).delete(),
        lambda here: User.objects.filter(pk=here.owner.pk).update(is_active=False),
    ],
    ids=["token-revoked", "membership-gone", "user-inactive"],
)
async def test_lost_access_closes_4403(change, monkeypatch, quick):
    assert await _closed_after(change, monkeypatch, quick) == 4403


async def test_the_end_of_a_session_closes_4403(quick):
    here, _ = await in_db(make_tenant)()
    cookie = await in_db(sign_in)(here.staff)

    def sign_out():
        from django.contrib.sessions.models import Session

        Session.objects.all().delete()

    async with opened(cookie=cookie) as socket:
        await next_of(socket, "hello")
        await in_db(sign_out)()
        codes = []
        while not codes:
            message = await socket.receive_output(timeout=5)
            codes = [message["code"]] if message["type"] == "websocket.close" else []
    assert codes == [4403]


async def test_a_database_that_is_away_takes_nobodys_access(quick, monkeypatch):
    _, token = await in_db(make_tenant)()

    async with opened(token=token) as socket:
        await next_of(socket, "hello")

        async def away(*args):
            raise OSError

        monkeypatch.setattr(consumers, "check_access", away)
        monkeypatch.setattr(feeds, "read_numbers", away)
        frames = [await socket.receive_json_from(timeout=5) for _ in range(5)]

    assert {frame["type"] for frame in frames} == {"ping"}


class AwayLayer:
    """A layer whose Redis does not answer."""

    async def new_channel(self):
        raise ConnectionError

    async def group_send(self, group, message):
        raise ConnectionError


class HungLayer(AwayLayer):
    async def new_channel(self):
        await asyncio.sleep(3600)


@pytest.mark.parametrize("layer", [AwayLayer(), HungLayer()], ids=["away", "hung"])
async def test_without_the_layer_the_number_is_told_all_the_same(layer, quick, monkeypatch):
    monkeypatch.setattr(feeds, "get_channel_layer", lambda: layer)
    monkeypatch.setattr(feeds, "FIRST_JOIN_S", 0.05)
    monkeypatch.setattr(consumers, "PING_EVERY_S", 60)
    here, token = await in_db(make_tenant)()

    async with opened(token=token) as socket:
        assert (await socket.receive_json_from(timeout=5))["type"] == "hello"
        await send_order(here)
        assert await socket.receive_json_from(timeout=5) == {"type": "ping", "seq": 1}


async def test_hints_come_back_with_the_layer(quick, monkeypatch):
    here, token = await in_db(make_tenant)()
    real = feeds.get_channel_layer
    monkeypatch.setattr(feeds, "RETRY_S", (0.01,))
    monkeypatch.setattr(feeds, "get_channel_layer", AwayLayer)

    async with opened(token=token) as socket:
        await next_of(socket, "hello")
        monkeypatch.setattr(feeds, "get_channel_layer", real)
        feeds.live.hints.use_loop(asyncio.get_running_loop())
        await asyncio.sleep(0.1)
        await send_order(here)
        assert (await next_of(socket, "order_created"))["seq"] == 1


async def test_a_forgotten_group_is_joined_again(monkeypatch):
    here, token = await in_db(make_tenant)()
    monkeypatch.setattr(feeds, "REJOIN_EVERY_S", 0.02)

    async with opened(token=token) as socket:
        await next_of(socket, "hello")
        feeds.get_channel_layer().groups.clear()
        await asyncio.sleep(0.1)
        await send_order(here)
        assert (await next_of(socket, "order_created"))["seq"] == 1


async def test_a_change_of_another_process_is_noticed(quick, monkeypatch):
    here, token = await in_db(make_tenant)()
    monkeypatch.setattr(consumers, "PING_EVERY_S", 60)
    monkeypatch.setattr(feeds.live.hints, "send", lambda group, message: None)

    async with opened(token=token) as socket:
        await next_of(socket, "hello")
        await send_order(here)
        assert await socket.receive_json_from(timeout=5) == {"type": "ping", "seq": 1}
        assert await in_db(last_seq)(here.company.id) == 1


async def test_the_last_socket_takes_the_feed_with_it():
    _, token = await in_db(make_tenant)()

    async with opened(token=token) as socket:
        await next_of(socket, "hello")
        assert len(feeds.feeds()._feeds) == 1

    await asyncio.sleep(0.05)
    assert (feeds.feeds()._feeds, feeds.feeds()._watch) == ({}, None)
    assert feeds.get_channel_layer().groups == {}


async def test_a_socket_that_does_not_read_is_told_the_number_later(monkeypatch):
    monkeypatch.setattr(consumers, "MAX_WAITING", 1)
    consumer = consumers.OrdersConsumer()
    consumer.outbox, consumer.seen_seq = asyncio.Queue(1), 0
    consumer.access = type("Everything", (), {"sees_branch": lambda self, branch: True})()

    for seq in (1, 2, 3):
        consumer.deliver({"type": "order_updated", "seq": seq}, None)
    assert (consumer.outbox.get_nowait()["seq"], consumer.seen_seq) == (1, 1)

    consumer.catch_up(3)
    assert consumer.outbox.get_nowait() == {"type": "ping", "seq": 3}


async def test_a_send_after_the_close_is_no_error():
    consumer = consumers.OrdersConsumer()
    consumer.is_open = True

    async def gone(message):
        raise RuntimeError("closed")

    consumer.base_send = gone
    assert await consumer.push({"type": "ping", "seq": 1}) is False
    assert consumer.is_open is False
