"""What the played providers share: they exist only while the sandbox is on, know their callers, and write every call down."""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.parsers import BaseParser, FormParser, JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from integration.models import SandboxCall, SandboxOrder
from integration.sandbox import elsewhere, orders
from integration.sandbox.accounts import (
    TOKEN_LIFE_S,
    Account,
    TokenError,
    account_of_token,
    find_account,
    issue_token,
)
from orders.counters import Window, counters
from orders.errors import ApiError, not_found
from orders.schema import extend_schema

logger = logging.getLogger(__name__)

REDACTED = "[redacted]"
_SECRET = re.compile(r"secret|password|access_?token|api_?key|^token$", re.IGNORECASE)
MAX_KEPT = 4_000
TOKEN_CALLS = Window(30, 60)
"""Careem blocks addresses that ask for a token with every call; the number is ours."""


def is_open() -> bool:
    """Tell whether the sandbox exists in this process."""
    return bool(settings.SANDBOX_ENABLED) and settings.ROLE == "platform"


@extend_schema(exclude=True)
class ProviderView(APIView):
    """An endpoint of a played provider. Its failures have our shape, with the provider's own fields in ``details``."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    parser_classes: Sequence[type[BaseParser]] = (JSONParser,)
    provider: ClassVar[str]
    needs_token: ClassVar[bool] = True
    calls: ClassVar[Window] = Window(600, 60)
    """How often an account may call the provider, on the provider's clock."""
    account: Account | None = None
    external_id = ""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not is_open():
            raise not_found("This path")
        super().initial(request, *args, **kwargs)
        if self.needs_token:
            self.account = self._caller()

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        done = super().finalize_response(request, response, *args, **kwargs)
        if is_open():
            self._write_down(request, done)
        return done

    # -- what subclasses ask -------------------------------------------------------------------------------------------

    def body(self) -> dict[str, Any]:
        """Return the body as an object of texts and values; raise ApiError 400 for any other."""
        data = self.request.data
        if hasattr(data, "dict"):
            return dict(data.dict())
        if not isinstance(data, dict):
            raise bad_request("The body is a JSON object.")
        return data

    def order(self, external_id: str) -> SandboxOrder:
        """Return the caller's order; raise ApiError 404 where it has none with this id."""
        self.external_id = external_id[:512]
        assert self.account is not None
        found = SandboxOrder.objects.filter(
            company_id=self.account.company_id, provider=self.provider, external_id=external_id
        ).first()
        found = found or elsewhere.adopt_order(self.account.company_id, self.provider, external_id, timezone.now())
        self.count_call(found.speed if found else 1.0)
        if found is None:
            raise not_found("This order")
        return found

    def change(self, order: SandboxOrder, what: Callable[[SandboxOrder], None]) -> SandboxOrder:
        """Change an order; raise ApiError 409 where it is past that."""
        try:
            return orders.change(order.pk, what)
        except orders.ConflictError as error:
            raise self.conflict(error) from error

    def conflict(self, error: orders.ConflictError) -> ApiError:
        """Return the answer to a call that comes too late, or once too often."""
        return ApiError(
            409, "conflict", f"The order is {error.status.label.lower()}.", {"currentState": error.status.value}
        )

    def count_call(self, speed: float = 1.0) -> None:
        """Count a call of the account; raise Throttled above the provider's limit."""
        assert self.account is not None
        self.limit(str(self.account.company_id), self.calls, speed)

    def limit(self, key: str, window: Window, speed: float = 1.0) -> None:
        """Count a call; raise Throttled above the limit. Where the sandbox's clock runs fast, so do the provider's windows."""
        window = Window(window.count, max(1, round(window.seconds / speed)))
        wait_s = counters.exceeded(f"sandbox:{self.provider}:{key}", [window])
        if wait_s:
            raise exceptions.Throttled(wait_s)

    # -- who calls -----------------------------------------------------------------------------------------------------

    def _caller(self) -> Account:
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise ApiError(401, "missing_token", "Send a token, as Authorization: Bearer.")
        try:
            return account_of_token(self.provider, token.strip())
        except TokenError as error:
            raise ApiError(401, str(error), "The token does not hold.") from error

    def _write_down(self, request: Request, response: Response) -> None:
        try:
            body = request.data
            body = body.dict() if hasattr(body, "dict") else body
        except exceptions.APIException:
            body = None
        try:
            SandboxCall.objects.create(
                company_id=self.account.company_id if self.account else None,
                provider=self.provider,
                external_id=self.external_id,
                method=request.method or "",
                path=request.path[:1024],
                body=without_secrets(body),
                answer_status=response.status_code,
                answer=without_secrets(getattr(response, "data", None)),
                received_at=timezone.now(),
            )
        except (DatabaseError, ValueError) as error:
            # The call was taken; a note that cannot be kept changes nothing of it.
            logger.warning("A sandbox call was not written down: %s", type(error).__name__)


class TokenView(ProviderView):
    """Where an account gets its token: client credentials, as OAuth 2 has them."""

    needs_token = False
    parser_classes = (FormParser, MultiPartParser, JSONParser)

    def post(self, request: Request) -> Response:
        self.limit(f"token:{request.META.get('REMOTE_ADDR', '')}", TOKEN_CALLS)
        values = self.account_values(self.body())
        account = find_account(self.provider, *values) if all(values) else None
        if account is None:
            raise ApiError(401, "invalid_client", "No account has these credentials.")
        self.account = account
        return Response(self.answer(issue_token(self.provider, account, timezone.now())))

    def account_values(self, body: dict[str, Any]) -> tuple[str, ...]:
        """Return what the caller gives as its credentials, in the order of ACCOUNT_FIELDS. Raises ApiError 400."""
        raise NotImplementedError

    def answer(self, token: str) -> dict[str, Any]:
        """Return what a caller gets with its token."""
        return {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_LIFE_S[self.provider]}

    def want_grant(self, body: dict[str, Any]) -> None:
        if body.get("grant_type") != "client_credentials":
            raise ApiError(400, "unsupported_grant_type", "grant_type is client_credentials.")

    def basic_values(self) -> tuple[str, str]:
        """Return user and password of the Basic scheme, blanks where there are none."""
        scheme, _, text = self.request.headers.get("Authorization", "").partition(" ")
        try:
            name, _, word = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return (name, word) if scheme.lower() == "basic" else ("", "")


def bad_request(message: str, **details: Any) -> ApiError:
    """Return the answer to a body that the provider does not take."""
    return ApiError(400, "invalid_request", message, details)


def text_of(value: Any) -> str:
    """Return a text as it is, ``""`` for anything else."""
    return value if isinstance(value, str) else ""


def without_secrets(value: Any, depth: int = 0) -> Any:
    """Return a JSON value with everything secret replaced and long texts cut."""
    if isinstance(value, dict):
        return {
            clean(str(name)): REDACTED if _SECRET.search(str(name)) and item else without_secrets(item, depth + 1)
            for name, item in list(value.items())[:100]
        }
    if isinstance(value, list):
        return [without_secrets(item, depth + 1) for item in value[:100]] if depth < 10 else []
    if isinstance(value, str):
        return clean(value)
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def clean(text: str) -> str:
    """Return a text that every database takes."""
    return re.sub("[\x00\ud800-\udfff]", "\ufffd", text)[:MAX_KEPT]
