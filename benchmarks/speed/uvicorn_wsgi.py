"""The WSGI application for a server that speaks ASGI alone: only for the comparison of servers."""

from __future__ import annotations

import os

from a2wsgi import WSGIMiddleware

from restaurant_integration.wsgi import application as wsgi

application = WSGIMiddleware(wsgi, workers=int(os.environ.get("WEB_THREADS") or 24))
