"""The ASGI entry: pages and API as HTTP, and the sockets."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "restaurant_integration.settings")
# Before the settings load: a process that serves requests waits for nothing long.
os.environ.setdefault("SERVES_REQUESTS", "true")

from django.core.asgi import get_asgi_application

http = get_asgi_application()

from restaurant_integration.guard import refuse_unsafe_start  # noqa: E402

refuse_unsafe_start()

# Only now is Django set up, and the consumers may import models.
from channels.routing import ProtocolTypeRouter  # noqa: E402
from channels.sessions import CookieMiddleware  # noqa: E402

from orders.routing import sockets  # noqa: E402
from orders.socket_limits import AddressLimit  # noqa: E402
from orders.socket_origin import OriginCheck  # noqa: E402
from restaurant_integration.static_files import StaticFiles  # noqa: E402

websocket = AddressLimit(OriginCheck(CookieMiddleware(sockets)))
application = ProtocolTypeRouter({"http": StaticFiles(http), "websocket": websocket})
