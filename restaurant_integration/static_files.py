"""Static files: under an ASGI server read in threads and sent in pieces, under a WSGI server by WhiteNoise; never anything
outside their directories.
"""

from __future__ import annotations

import asyncio
import mimetypes
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.exceptions import SuspiciousOperation
from django.utils._os import safe_join
from django.utils.http import http_date, parse_etags, parse_http_date_safe

ASGIApp = Callable[[dict[str, Any], Any, Any], Awaitable[Any]]
Headers = list[tuple[bytes, bytes]]

CHUNK = 64 * 1024
_DIGEST_IN_NAME = re.compile(r"\.[0-9a-f]{12}\.\w+$")
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml",
          ".json": "application/json", ".map": "application/json", ".html": "text/html", ".txt": "text/plain",
          ".woff": "font/woff", ".woff2": "font/woff2", ".webmanifest": "application/manifest+json",
          ".ico": "image/x-icon", ".webp": "image/webp"}  # fmt: skip
"""Types that must not depend on the machine's own table."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file that may be sent. ``modified`` is in seconds since 1970."""

    path: Path
    size: int
    modified: float

    @property
    def etag(self) -> str:
        return f'"{int(self.modified * 1000):x}-{self.size:x}"'

    @property
    def content_type(self) -> str:
        guessed, packing = mimetypes.guess_type(self.path.name)
        if packing:
            return "application/gzip" if packing == "gzip" else "application/octet-stream"
        kind = _TYPES.get(self.path.suffix.lower()) or guessed or "application/octet-stream"
        is_text = kind.startswith("text/") or kind in {"application/json", "image/svg+xml"}
        return f"{kind}; charset=utf-8" if is_text else kind

    @property
    def cache_control(self) -> str:
        if _DIGEST_IN_NAME.search(self.path.name):
            return "public, max-age=31536000, immutable"
        # Asked for again each time, and answered 304: after an update no page runs old modules beside new ones.
        return "public, no-cache"


class StaticFiles:
    """Answer what is below ``STATIC_URL``; hand everything else on.

    Django's own handler for ASGI serves only in development, and WhiteNoise's responses are for WSGI.
    """

    def __init__(self, application: ASGIApp) -> None:
        self.application = application
        self.prefix = urlsplit(settings.STATIC_URL).path

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        path: str = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith(self.prefix):
            return await self.application(scope, receive, send)
        if scope["method"] not in {"GET", "HEAD"}:
            return await _answer(send, 405, [(b"allow", b"GET, HEAD")])
        file = await asyncio.to_thread(find_file, path.removeprefix(self.prefix))
        if file is None:
            return await _answer(send, 404, [(b"content-type", b"text/plain; charset=utf-8")], b"Not found")
        headers: Headers = [
            (b"etag", file.etag.encode()),
            (b"last-modified", http_date(file.modified).encode()),
            (b"cache-control", file.cache_control.encode()),
            (b"x-content-type-options", b"nosniff"),
        ]
        if _is_known(file, scope["headers"]):
            return await _answer(send, 304, headers)
        headers += [(b"content-type", file.content_type.encode()), (b"content-length", str(file.size).encode())]
        if scope["method"] == "HEAD":
            return await _answer(send, 200, headers)
        return await _send_file(send, file, headers)


def with_static_files(application: Any) -> Any:
    """Return a WSGI application that answers what is below ``STATIC_URL`` itself, from the directories of the apps.

    Nothing has to be collected first, and nothing collected by an earlier version is ever sent. What was there when the
    process started is served.
    """
    from whitenoise import WhiteNoise

    # Asked for again each time, as under ASGI; and readable by no page of another site.
    served = WhiteNoise(
        application, max_age=0, allow_all_origins=False, immutable_file_test=_DIGEST_IN_NAME.pattern,
        add_headers_function=lambda headers, path, url: headers.__setitem__("X-Content-Type-Options", "nosniff"),
    )  # fmt: skip
    found: dict[str, str] = {}
    for finder in finders.get_finders():
        for path, storage in finder.list([]):
            prefix = getattr(storage, "prefix", "") or ""
            found.setdefault(f"{prefix}/{path}" if prefix else path, storage.path(path))
    root = urlsplit(settings.STATIC_URL).path
    for name, place in found.items():
        served.add_file_to_dictionary(f"{root}{name}", place)
    return served


def find_file(name: str) -> StaticFile | None:
    """Return a static file by its name: a collected one, else one of the apps; None for what is no such file."""
    try:
        collected = safe_join(settings.STATIC_ROOT, name)
        found = collected if Path(collected).is_file() else finders.find(name)
        if not found or not Path(found).is_file():
            return None
        stat = Path(found).stat()
    except (SuspiciousOperation, ValueError, OSError):
        return None
    return StaticFile(Path(found), stat.st_size, stat.st_mtime)


def _is_known(file: StaticFile, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Tell whether the client has this very file; a tag counts before a time."""
    given = {name.lower(): value.decode("latin-1") for name, value in headers}
    if b"if-none-match" in given:
        tags = [tag.removeprefix("W/") for tag in parse_etags(given[b"if-none-match"])]
        return "*" in tags or file.etag in tags
    since = parse_http_date_safe(given.get(b"if-modified-since", ""))
    return since is not None and int(file.modified) <= since


async def _answer(send: Any, status: int, headers: Headers, body: bytes = b"") -> None:
    if body:
        headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _send_file(send: Any, file: StaticFile, headers: Headers) -> None:
    opened: IO[bytes] = await asyncio.to_thread(file.path.open, "rb")
    try:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        left = file.size
        while left > 0:
            # Not a byte more than was announced, should the file have grown meanwhile.
            piece = await asyncio.to_thread(opened.read, min(CHUNK, left))
            if not piece:
                break
            left -= len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await asyncio.to_thread(opened.close)
