"""How often sockets may be opened: by an address, before anything is looked up, and by whoever is signed in."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from channels.security.websocket import WebsocketDenier

from orders.addresses import TrustedProxies, place_of
from orders.counters import Window, counters

logger = logging.getLogger(__name__)

PER_ADDRESS = (Window(6000, 60),)
"""A hundred a second: every screen of a large group behind one proxy comes back at once after a restart."""
PER_PERSON = (Window(3000, 60),)
"""Half of it: wall screens and integrations of one company often share a token."""


class AddressLimit:
    """Refuse the handshakes of an address that opens too many; counting fails open, as everywhere."""

    def __init__(self, application: Any) -> None:
        self.application = application
        self.proxies = TrustedProxies()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        forwarded = [value.decode("latin-1") for name, value in scope.get("headers", []) if name == b"x-forwarded-for"]
        place = place_of(self.proxies.sender((scope.get("client") or [""])[0], forwarded))
        if place and await is_too_often(f"address:{place}", PER_ADDRESS):
            return await WebsocketDenier()(scope, receive, send)
        return await self.application(scope, receive, send)


async def is_too_often(whose: str, windows: tuple[Window, ...]) -> bool:
    """Count a socket that is opened; tell whether it is one too many."""
    key = f"sockets:{whose}"
    # What this process has seen too often already costs neither a thread nor a call: a flood ends here.
    wait_s = counters.exceeded_here(key, windows) or await asyncio.to_thread(counters.exceeded, key, windows)
    # Once a minute: a flood of refusals is no flood of the log.
    if wait_s and not counters.exceeded_here(f"noted:{key}", [Window(1, 60)]):
        logger.warning("Sockets are opened too often; refused for %d s", wait_s)
    return bool(wait_s)
