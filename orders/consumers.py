"""The sockets of the staff: a greeting, the company's frames, a ping that tells its number."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from orders import metrics
from orders.access import Access, find_access
from orders.authentication import token_of
from orders.feeds import Feed, feeds
from orders.socket_limits import PER_PERSON, is_too_often
from orders.socket_origin import TOKEN_PREFIX
from orders.timeline import last_seq

logger = logging.getLogger(__name__)

PING_EVERY_S = 20.0
CHECK_EVERY_S = 60.0
MAX_WAITING = 500
"""Frames that wait for a slow client; what does not fit it finds by its number."""

NOT_AUTHENTICATED, ACCESS_LOST, NO_COMPANY, TRY_AGAIN = 4401, 4403, 4404, 1013
"""Close codes."""


@dataclass(frozen=True, slots=True)
class Caller:
    """How whoever opened the socket proves who they are, and the company that they name; looked up again and again."""

    token_key: str | None
    session_key: str
    company: str

    @classmethod
    def of(cls, scope: dict[str, Any]) -> Caller:
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        protocol = token_protocol(scope)
        return cls(
            token_key=None if protocol is None else protocol.removeprefix(TOKEN_PREFIX),
            session_key=scope.get("cookies", {}).get(settings.SESSION_COOKIE_NAME, ""),
            company=query.get("company", [""])[-1],
        )

    def access(self) -> Access | int:
        """Return the access as it stands now, or the code to close with. A token that is offered counts alone."""
        if self.token_key is not None:
            token = token_of(self.token_key)
            if token is None:
                return NOT_AUTHENTICATED
            return find_access(token.user, self.company, token) or NO_COMPANY
        request = HttpRequest()
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(self.session_key or None)
        user = get_user(request)
        if not user.is_authenticated:
            return NOT_AUTHENTICATED
        return find_access(user, self.company) or NO_COMPANY


check_access = database_sync_to_async(Caller.access, thread_sensitive=False)
read_last_seq = database_sync_to_async(last_seq, thread_sensitive=False)


def token_protocol(scope: dict[str, Any]) -> str | None:
    """Return the offered subprotocol that carries a token; a client that offers one wants it echoed."""
    protocols: list[str] = scope.get("subprotocols") or []
    return next((protocol for protocol in protocols if protocol.startswith(TOKEN_PREFIX)), None)


class OrdersConsumer(AsyncJsonWebsocketConsumer):
    """One open page or program. Frames come from its company's feed; what the client sends is not read.

    It does not touch the channel layer itself: a layer that is away would take the socket with it.
    """

    channel_layer_alias = None
    access: Access
    caller: Caller
    feed: Feed | None = None
    writer: asyncio.Task[None] | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MAX_WAITING)
        self.seen_seq = 0
        self.is_open = True
        try:
            await super().__call__(scope, receive, send)
        finally:
            # A server that shuts down cancels the socket without a word.
            self.end()

    async def connect(self) -> None:
        """Accept, so that a refusal's code is seen, then look up who it is."""
        await self.accept(token_protocol(self.scope))
        self.caller = Caller.of(self.scope)
        try:
            access = await check_access(self.caller)
            if isinstance(access, int):
                await self.refuse(access)
                return
            self.access = access
            if await is_too_often(f"user:{access.user.pk}", PER_PERSON):
                await self.refuse(TRY_AGAIN)
                return
            # In the group before the number is read: what is committed in between comes as a frame.
            self.feed = await feeds().join(self.company_id, self)
            self.seen_seq = await read_last_seq(self.company_id)
        except Exception as error:
            logger.warning("A socket could not be opened: %s", type(error).__name__)
            await self.refuse(TRY_AGAIN)
            return
        hello = {"type": "hello", "companyId": str(self.company_id), "seq": self.seen_seq}
        if await self.push(hello):
            self.writer = asyncio.get_running_loop().create_task(self.write())

    @property
    def company_id(self) -> uuid.UUID:
        return self.access.company.id

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any) -> None:
        """Read nothing of what a client sends."""

    async def disconnect(self, code: int) -> None:
        self.end()

    def end(self) -> None:
        """Stop listening and writing. Safe to call twice."""
        self.is_open = False
        if self.feed is not None:
            feeds().leave(self.feed, self)
        if self.writer is not None and self.writer is not asyncio.current_task():
            self.writer.cancel()

    async def refuse(self, code: int) -> None:
        """Close with a code that says why."""
        self.end()
        try:
            await self.close(code)
        except Exception as error:
            logger.debug("A socket was gone before it was closed: %s", type(error).__name__)

    # -- what the feed calls; neither waits ----------------------------------------------------------------------------

    def deliver(self, frame: dict[str, Any], branch_id: str | None) -> None:
        seq = frame.get("seq")
        if seq is not None and not self.access.sees_branch(branch_id):
            # Another branch's order: only its number goes out, so that the client does not look for a gap.
            frame = {"type": "ping", "seq": max(seq, self.seen_seq)}
        if self.put(frame) and seq is not None:
            self.seen_seq = max(self.seen_seq, seq)

    def catch_up(self, seq: int) -> None:
        if seq > self.seen_seq and self.put({"type": "ping", "seq": seq}):
            self.seen_seq = seq

    def put(self, frame: dict[str, Any]) -> bool:
        try:
            self.outbox.put_nowait(frame)
        except asyncio.QueueFull:
            metrics.FRAMES_DROPPED.add()
            return False
        return True

    # -- the writer ----------------------------------------------------------------------------------------------------

    async def write(self) -> None:
        """Send what waits, ping, and look again whether the caller still belongs here, until the socket is gone."""
        now = time.monotonic()
        ping_at, check_at = now + PING_EVERY_S, now + CHECK_EVERY_S
        while self.is_open:
            try:
                frame = await asyncio.wait_for(self.outbox.get(), max(0.0, min(ping_at, check_at) - time.monotonic()))
            except TimeoutError:
                frame = None
            if frame is not None and not await self.push(frame):
                return
            now = time.monotonic()
            if now >= ping_at:
                ping_at = now + PING_EVERY_S
                if not await self.push({"type": "ping", "seq": self.seen_seq}):
                    return
            if now >= check_at:
                check_at = now + CHECK_EVERY_S
                if not await self.still_belongs():
                    await self.refuse(ACCESS_LOST)
                    return

    async def still_belongs(self) -> bool:
        """Look the caller up again. A database that is away takes nobody's access."""
        try:
            access = await check_access(self.caller)
        except Exception as error:
            logger.warning("The access of a socket could not be checked: %s", type(error).__name__)
            return True
        if isinstance(access, int) or access.company.id != self.company_id:
            return False
        self.access = access
        return True

    async def push(self, frame: dict[str, Any]) -> bool:
        """Send one frame; False when the socket is gone, which is no error."""
        if not self.is_open:
            return False
        try:
            await self.send_json(frame)
        except Exception as error:
            logger.debug("A socket went away: %s", type(error).__name__)
            self.end()
            return False
        return True
