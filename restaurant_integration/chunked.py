"""Bodies without an announced length, under a WSGI server: Django would take each for empty, a good order for a forged one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

MAX_BODY_BYTES = 1024 * 1024
"""The largest body of any request; the application's own limit is the same."""

WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class ChunkedBodies:
    """Read a chunked body before Django does, up to its limit, and hand it on with its length.

    Only where the server says that its stream ends by itself (``wsgi.input_terminated``, as gunicorn does).
    """

    def __init__(self, application: WSGIApp) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        is_chunked = environ.get("HTTP_TRANSFER_ENCODING", "").strip().lower() == "chunked"
        if is_chunked and environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH"):
            try:
                body = environ["wsgi.input"].read(MAX_BODY_BYTES + 1)
            except OSError:
                # Also what gunicorn raises for a chunk that is none.
                return _refuse(start_response, "400 Bad Request", "bad_request", "The body could not be read.")
            if len(body) > MAX_BODY_BYTES:
                message = f"A body has at most {MAX_BODY_BYTES} bytes."
                return _refuse(start_response, "413 Payload Too Large", "payload_too_large", message)
            environ = {**environ, "wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
            del environ["HTTP_TRANSFER_ENCODING"]
        return self.application(environ, start_response)


def _refuse(start_response: Callable[..., Any], status: str, code: str, message: str) -> Iterable[bytes]:
    content = json.dumps({"success": False, "error": code, "message": message, "details": {}}).encode()
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(content))),
        ("Cache-Control", "no-store"),
    ]
    # What still comes is not read: the line cannot be used again.
    start_response(status, [*headers, ("Connection", "close")])
    return [content]
