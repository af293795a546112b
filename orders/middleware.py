"""What every request passes first."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

from orders.addresses import TrustedProxies
from orders.errors import is_api
from orders.logs import request_id_var

_SLASHED = re.compile(r"^/(api/.*|webhooks/(?![0-9a-f-]{36}/)[^/]+/.+|livez|readyz|metrics)/$")
"""The hub's doors are ``webhooks/<provider>/<client>``; ``webhooks/``, one word or an event's id behind it are pages."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)


class ApiPathMiddleware:
    """Let every API path answer with and without a trailing slash, never by a redirect, which would drop a body."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _SLASHED.match(request.path_info):
            request.path_info = request.path_info.rstrip("/")
        return self.get_response(request)


class PageLanguage(LocaleMiddleware):
    """Speak a person's language on pages. The API speaks English: programs read its sentences, and they must not change."""

    def process_request(self, request: HttpRequest) -> None:
        if not is_api(request):
            super().process_request(request)
            return
        translation.activate(settings.LANGUAGE_CODE)
        request.LANGUAGE_CODE = settings.LANGUAGE_CODE


class ClientAddressMiddleware:
    """Set ``REMOTE_ADDR`` to the sender's address, and give the request an id that follows it through the logs.

    The id is the ``X-Request-Id`` that came, where it is a plain word of 8 to 64 letters, digits, ``-`` and ``_``, else one
    of ours; the answer names it.

    ``X-Forwarded-For`` counts only from a trusted proxy: the last address in it that is no trusted proxy is the sender's.
    From anybody else the forwarding headers are dropped, so that nobody chooses an address or pretends to use TLS.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.proxies = TrustedProxies()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        peer = meta.get("REMOTE_ADDR", "")
        meta["REMOTE_ADDR"] = self.proxies.sender(peer, [meta.get("HTTP_X_FORWARDED_FOR", "")])
        if not self.proxies.has(peer):
            meta.pop("HTTP_X_FORWARDED_FOR", None)
            meta.pop("HTTP_X_FORWARDED_PROTO", None)
        given = meta.get("HTTP_X_REQUEST_ID", "")
        request.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex  # type: ignore[attr-defined]
        token = request_id_var.set(request.request_id)  # type: ignore[attr-defined]
        try:
            response = self.get_response(request)
            response.headers["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
            return response
        finally:
            request_id_var.reset(token)
