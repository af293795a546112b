"""The paths of the sockets."""

from __future__ import annotations

from typing import Any

from channels.routing import URLRouter
from channels.security.websocket import WebsocketDenier
from django.urls import path, re_path

from orders.consumers import OrdersConsumer

websocket_urlpatterns: list[Any] = [
    path("ws/orders/", OrdersConsumer.as_asgi()),
    path("ws/orders", OrdersConsumer.as_asgi()),
    # Without this line a wrong path is a traceback in the log.
    re_path(r"", WebsocketDenier.as_asgi()),
]
sockets = URLRouter(websocket_urlpatterns)
