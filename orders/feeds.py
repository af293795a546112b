"""From the channel layer to the sockets of this process: one feed per company that somebody here is looking at.

The layer only hints, and loses hints: when Redis is away, or when another process changed an order without reaching it. So
every feed is compared with the company's number in the database every few seconds, and a socket that lags is told; and, less
often, with what stands there without a number, such as alerts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Callable, Coroutine
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from channels.layers import InMemoryChannelLayer, get_channel_layer

from orders import live, metrics
from orders.models import CompanySequence

logger = logging.getLogger(__name__)

WATCH_EVERY_S = 5.0
STANDING_EVERY = 4
"""At each of so many looks at the numbers, what stands without one is looked at too."""
REJOIN_EVERY_S = 30.0
FIRST_JOIN_S = 1.0
"""How long a new socket waits for the layer; after that it lives on the numbers alone."""
RETRY_S = (1.0, 5.0, 15.0, 60.0)
LEAVE_S = 1.0


Frames = dict[uuid.UUID, list[dict[str, Any]]]
_standing: list[Callable[[list[uuid.UUID]], Frames]] = []


def watch_also(read: Callable[[list[uuid.UUID]], Frames]) -> None:
    """Watch what has no number: ``read`` returns, of some companies, the frame of each thing that stands, by its ``id``."""
    _standing.append(read)


class Socket(Protocol):
    """What a feed needs of a socket. Neither call waits or raises."""

    def deliver(self, frame: dict[str, Any], branch_id: str | None) -> None:
        """Take a frame that came through the layer."""

    def catch_up(self, seq: int) -> None:
        """Take notice that the company is at ``seq``."""


class Feed:
    """The hints of one company: one channel of the layer, however many sockets listen."""

    def __init__(self, company_id: uuid.UUID) -> None:
        self.company_id = company_id
        self.group = live.group_name(company_id)
        self.sockets: set[Socket] = set()
        self.seq = 0
        """The highest number heard of."""
        self.standing: dict[str, dict[str, Any]] | None = None
        """What was heard of and has no number, by its id; None until it was read once."""
        self.tried = asyncio.Event()
        """Set when joining the group has succeeded or failed once."""
        self._task = _start(self._listen())

    def close(self) -> None:
        self._task.cancel()

    def heard_of(self, seq: int) -> int:
        """Tell the sockets that the company is at ``seq``, if that is news to them; return by how much it is.

        The first number is no news: who has just joined has read it.
        """
        behind = max(0, seq - self.seq) if self.seq else 0
        if behind:
            metrics.CAUGHT_UP.add()
        self.seq = max(self.seq, seq)
        for socket in tuple(self.sockets):
            socket.catch_up(self.seq)
        return behind

    def found_standing(self, frames: list[dict[str, Any]]) -> None:
        """Tell the sockets what stands, or stands no longer, and no hint has told. The first look is no news."""
        known, self.standing = self.standing, {frame["id"]: frame for frame in frames}
        if known is None:
            return
        gone = [frame | {"state": "resolved"} for key, frame in known.items() if key not in self.standing]
        for frame in gone + [frame for key, frame in self.standing.items() if known.get(key) != frame]:
            self._deliver(frame, None)

    def _heard_standing(self, frame: dict[str, Any]) -> None:
        if self.standing is not None and frame.get("type") == "alert":
            self.standing[frame["id"]] = frame
            if frame["state"] == "resolved":
                del self.standing[frame["id"]]

    def _deliver(self, frame: dict[str, Any], branch_id: str | None) -> None:
        for socket in tuple(self.sockets):
            socket.deliver(frame, branch_id)

    async def _listen(self) -> None:
        """Join the group and pass on what comes, for ever; a layer that is away is tried again."""
        failures = 0
        while True:
            try:
                layer = get_channel_layer()
                channel = await layer.new_channel()
                await layer.group_add(self.group, channel)
                self.tried.set()
                failures = 0
                await self._pass_on(layer, channel)
            except Exception as error:
                logger.warning("No live hints, the numbers are watched instead: %s", type(error).__name__)
            self.tried.set()
            await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
            failures += 1

    async def _pass_on(self, layer: Any, channel: str) -> None:
        rejoin = _start(self._rejoin(layer, channel))
        try:
            while True:
                message = await layer.receive(channel)
                for each in message.get("messages", [message]):
                    self._take(each)
        finally:
            rejoin.cancel()
            with contextlib.suppress(Exception):
                await asyncio.wait_for(layer.group_discard(self.group, channel), LEAVE_S)

    def _take(self, message: dict[str, Any]) -> None:
        frame = message.get("frame")
        if message.get("type") != "frame" or not isinstance(frame, dict):
            return
        self.seq = max(self.seq, frame.get("seq") or 0)
        if "at" in message:
            metrics.FRAME_DELAY.took(time.time() - message["at"])
        self._heard_standing(frame)
        self._deliver(frame, message.get("branch"))

    async def _rejoin(self, layer: Any, channel: str) -> None:
        """Join again and again: a group forgets its members when Redis loses its keys or a message expires unread."""
        while True:
            await asyncio.sleep(REJOIN_EVERY_S)
            try:
                await layer.group_add(self.group, channel)
            except Exception as error:
                logger.warning("Could not join the live hints again: %s", type(error).__name__)


class Feeds:
    """The feeds of one event loop, and the one watch over all their numbers."""

    def __init__(self) -> None:
        self._feeds: dict[uuid.UUID, Feed] = {}
        self._watch: asyncio.Task[None] | None = None

    async def join(self, company_id: uuid.UUID, socket: Socket) -> Feed:
        """Add a socket to its company's feed; return when the hints flow, or soon when they do not."""
        feed = self._feeds.get(company_id)
        if feed is None:
            if isinstance(get_channel_layer(), InMemoryChannelLayer):
                # The layer of one process wakes its receivers only from their own loop.
                live.hints.use_loop(asyncio.get_running_loop())
            feed = self._feeds[company_id] = Feed(company_id)
        feed.sockets.add(socket)
        self._tell()
        if self._watch is None:
            self._watch = _start(self._watch_numbers())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(feed.tried.wait(), FIRST_JOIN_S)
        return feed

    def leave(self, feed: Feed, socket: Socket) -> None:
        """Take a socket out; the last one of a company closes its feed. Safe to call twice."""
        feed.sockets.discard(socket)
        if not feed.sockets and self._feeds.get(feed.company_id) is feed:
            del self._feeds[feed.company_id]
            feed.close()
        if not self._feeds and self._watch is not None:
            self._watch.cancel()
            self._watch = None
            metrics.SEQ_LAG.put(0)
        self._tell()

    def _tell(self) -> None:
        metrics.SOCKETS.put(sum(len(feed.sockets) for feed in self._feeds.values()))

    async def _watch_numbers(self) -> None:
        failing = False
        looks = 0
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            looks += 1
            try:
                numbers = await read_numbers(list(self._feeds))
                standing = await read_standing(list(self._feeds)) if looks % STANDING_EVERY == 1 else {}
                failing = False
            except Exception as error:
                if not failing:
                    logger.warning("The companies' numbers cannot be read: %s", type(error).__name__)
                failing = True
                continue
            known = [(feed, seq) for company_id, seq in numbers.items() if (feed := self._feeds.get(company_id))]
            metrics.SEQ_LAG.put(max((feed.heard_of(seq) for feed, seq in known), default=0))
            for company_id, frames in standing.items():
                if company_id in self._feeds:
                    self._feeds[company_id].found_standing(frames)


def _read_numbers(company_ids: list[uuid.UUID]) -> dict[uuid.UUID, int]:
    rows = CompanySequence.objects.filter(company_id__in=company_ids)
    return dict(rows.values_list("company_id", "last_seq"))


read_numbers = database_sync_to_async(_read_numbers, thread_sensitive=False)
"""Return the last number of each company, in one query."""


def _read_standing(company_ids: list[uuid.UUID]) -> Frames:
    found: Frames = {company_id: [] for company_id in company_ids}
    for read in _standing:
        for company_id, frames in read(company_ids).items():
            found[company_id] += frames
    return found


read_standing = database_sync_to_async(_read_standing, thread_sensitive=False)
"""Return, of each company, the frames of what stands without a number."""

_tasks: set[asyncio.Task[None]] = set()
_feeds_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Feeds] = WeakKeyDictionary()


def feeds() -> Feeds:
    """Return the feeds of the running loop."""
    loop = asyncio.get_running_loop()
    if loop not in _feeds_by_loop:
        _feeds_by_loop[loop] = Feeds()
    return _feeds_by_loop[loop]


def _start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start a task and keep hold of it: a loop knows its tasks only weakly."""
    task = asyncio.get_running_loop().create_task(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return task
