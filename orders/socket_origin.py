"""Which web pages may open a socket."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings

logger = logging.getLogger(__name__)

TOKEN_PREFIX = "token."  # noqa: S105 - what stands before the key
_PORTS = {"http": 80, "https": 443}


class OriginCheck:
    """Refuse a socket whose origin is not in ``SOCKET_ORIGINS``, before anything is looked up.

    A browser always names the origin, so a request without one comes from a program, and a program brings a token:
    without that check any web page could open a socket with the cookie of whoever looks at it.
    """

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        origins = [value.decode("latin-1") for name, value in scope.get("headers", []) if name == b"origin"]
        if is_allowed(origins, scope.get("subprotocols") or []):
            return await self.application(scope, receive, send)
        logger.warning("Refused a socket from the origin %r", origins[0][:200] if origins else None)
        return await WebsocketDenier()(scope, receive, send)


def is_allowed(origins: list[str], subprotocols: list[str]) -> bool:
    """Tell whether a request with these ``Origin`` headers may open a socket."""
    if not origins:
        return any(protocol.startswith(TOKEN_PREFIX) for protocol in subprotocols)
    if len(origins) > 1:
        return False
    origin = _parts(origins[0])
    return origin is not None and origin in {_parts(allowed) for allowed in settings.SOCKET_ORIGINS}


def _parts(origin: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an origin; None where it is none, as ``null`` is."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme]
