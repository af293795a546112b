"""A socket outlives its session by less than a minute, however the session ended."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client

from orders import consumers
from orders.tests.test_sockets import _fresh_layer, in_db, make_tenant, next_of, opened, quick  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


def test_access_is_looked_up_again_every_minute():
    assert consumers.CHECK_EVERY_S <= 60


def sign_out(here, client):
    assert client.post("/sign-out/").status_code == 302


def change_password(here, client):
    here.staff.set_password("another horse battery")
    here.staff.save()


def lock(here, client):
    here.staff.is_active = False
    here.staff.save()


def signed_in(here) -> Client:
    client = Client()
    client.force_login(here.staff)
    return client


@pytest.mark.parametrize("end", [sign_out, change_password, lock])
async def test_its_socket_closes(end, quick):  # noqa: F811
    here, _ = await in_db(make_tenant)()
    client = await in_db(signed_in)(here)
    async with opened(cookie=client.cookies[settings.SESSION_COOKIE_NAME].value) as socket:
        await next_of(socket, "hello")
        await in_db(end)(here, client)
        code = None
        while code is None:
            message = await socket.receive_output(timeout=5)
            code = message["code"] if message["type"] == "websocket.close" else None
    assert code == 4403
