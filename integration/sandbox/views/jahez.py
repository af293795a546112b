"""Jahez's integration API as far as orders go. Not published: from working integrations, the status codes are ours."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from integration.sandbox import orders
from integration.sandbox.views.base import ProviderView, TokenView, bad_request, text_of
from orders.errors import ApiError

MAX_REASON = 500


class JahezTokenView(TokenView):
    """``POST /token``: the key in a header, the secret in the body."""

    provider = "jahez"

    def account_values(self, body: dict[str, Any]) -> tuple[str, ...]:
        return self.request.headers.get("x-api-key", ""), text_of(body.get("secret"))

    def answer(self, token: str) -> dict[str, Any]:
        return {"success": True, "token": token}


class JahezView(ProviderView):
    """A call with a token, and the key beside it."""

    provider = "jahez"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        assert self.account is not None
        key = self.account.credential.value("apiKey")
        if not key or not hmac.compare_digest(key.encode(), request.headers.get("x-api-key", "").encode()):
            raise ApiError(401, "invalid_key", "The x-api-key header is missing or wrong.")


class JahezStatusView(JahezView):
    """``POST /webhooks/status_update``: ``A`` or ``R``, within five minutes."""

    def post(self, request: Request) -> Response:
        body, now = self.body(), timezone.now()
        # Both are in production: a text with the acceptance, a number with the refusal.
        key = body.get("jahezOrderId")
        if isinstance(key, bool) or not isinstance(key, (int, str)) or not str(key).strip():
            raise _unprocessable("jahezOrderId is a number.")
        status, reason = body.get("status"), body.get("reason")
        if status not in {"A", "R"}:
            raise _unprocessable("status is A or R.", status=str(status)[:100])
        if reason is not None and (not isinstance(reason, str) or len(reason) > MAX_REASON):
            raise _unprocessable(f"reason is a text of up to {MAX_REASON} characters.")
        order = self.order(str(key).strip())
        if status == "A":
            self.change(order, lambda row: orders.accept(row, now))
        else:
            self.change(order, lambda row: orders.reject(row, now))
        return Response({"success": True})


class JahezRegisterView(JahezView):
    """``POST /webhooks/jahez_create_endpoint`` and ``…/order_update_endpoint``: taken and written down, no more."""

    def post(self, request: Request) -> Response:
        self.count_call()
        url = urlsplit(text_of(self.body().get("url")))
        if url.scheme not in {"http", "https"} or not url.netloc:
            raise bad_request("url is an address.")
        return Response({"success": True})


def _unprocessable(message: str, **details: Any) -> ApiError:
    return ApiError(422, "invalid_request", message, details)
