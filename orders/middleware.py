"""What every request passes first."""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from orders.logs import request_id_var

_SLASHED = re.compile(r"^/(api/.*|livez|readyz|metrics)/$")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)


class ApiPathMiddleware:
    """Let every API path answer with and without a trailing slash, never by a redirect, which would drop a body."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _SLASHED.match(request.path_info):
            request.path_info = request.path_info.rstrip("/")
        return self.get_response(request)


class ClientAddressMiddleware:
    """Set ``REMOTE_ADDR`` to the sender's address, and give the request an id that follows it through the logs.

    ``X-Forwarded-For`` counts only from a trusted proxy: the last address in it that is no trusted proxy is the sender's.
    From anybody else the forwarding headers are dropped, so that nobody chooses an address or pretends to use TLS.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.trusted = [ipaddress.ip_network(entry, strict=False) for entry in settings.TRUSTED_PROXIES]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        if self._is_trusted(meta.get("REMOTE_ADDR", "")):
            for candidate in reversed(meta.get("HTTP_X_FORWARDED_FOR", "").split(",")):
                address = _address(candidate)
                if address is None:
                    break
                meta["REMOTE_ADDR"] = address
                if not self._is_trusted(address):
                    break
        else:
            meta.pop("HTTP_X_FORWARDED_FOR", None)
            meta.pop("HTTP_X_FORWARDED_PROTO", None)
        meta["REMOTE_ADDR"] = _address(meta.get("REMOTE_ADDR", "")) or ""
        given = meta.get("HTTP_X_REQUEST_ID", "")
        request.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex  # type: ignore[attr-defined]
        token = request_id_var.set(request.request_id)  # type: ignore[attr-defined]
        try:
            return self.get_response(request)
        finally:
            request_id_var.reset(token)

    def _is_trusted(self, address: str) -> bool:
        parsed = _address(address)
        return parsed is not None and any(ipaddress.ip_address(parsed) in network for network in self.trusted)


def _address(text: str) -> str | None:
    """Return an address in its usual form, an IPv4 one in IPv6 clothes as IPv4; None where it is none."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
