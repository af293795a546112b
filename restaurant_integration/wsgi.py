"""The WSGI entry: pages, API and webhooks. The sockets need the ASGI entry."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "restaurant_integration.settings")
# Before the settings load: a process that serves requests waits for nothing long.
os.environ.setdefault("SERVES_REQUESTS", "true")

from django.core.wsgi import get_wsgi_application

from restaurant_integration.chunked import ChunkedBodies

application = ChunkedBodies(get_wsgi_application())

from restaurant_integration.guard import refuse_unsafe_start  # noqa: E402

refuse_unsafe_start()

from restaurant_integration.static_files import with_static_files  # noqa: E402

application = with_static_files(application)
