"""The WSGI entry: pages, API and webhooks. The sockets need the ASGI entry."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "restaurant_integration.settings")
# Before the settings load: a process that serves requests waits for nothing long.
os.environ.setdefault("SERVES_REQUESTS", "true")

from django.core.wsgi import get_wsgi_application

from restaurant_integration.chunked import ChunkedBodies

application = ChunkedBodies(get_wsgi_application())

from django.conf import settings  # noqa: E402

from restaurant_integration.guard import refuse_unsafe_start  # noqa: E402

refuse_unsafe_start()

if settings.STATIC_ROOT.is_dir():
    # Usually the proxy in front serves these; without one, or without its files, they come from here.
    from whitenoise import WhiteNoise

    application = WhiteNoise(application, root=settings.STATIC_ROOT, prefix=settings.STATIC_URL)
