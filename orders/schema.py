"""What the OpenAPI schema says of every endpoint: how one signs in, and how a failure looks."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """``Authorization: Token <key>``."""

    target_class = "orders.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token <key>`. An owner makes keys at `/api/integration/tokens`; a key is shown once.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The cookie of a signed-in person."""

    target_class = "orders.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The cookie of a signed-in person; calls that write need the header `X-CSRFToken` besides.",
        }


class Failure(serializers.Serializer[Any]):
    """Every failure: a stable code for programs, a sentence for people, and what is to be said besides."""

    success = serializers.BooleanField(default=False)
    error = serializers.CharField()
    message = serializers.CharField()
    details = serializers.DictField()


FAILURES = {
    400: "`invalid_request` (`details` maps each field to its fault), `invalid_json`",
    401: "`not_authenticated`, `invalid_token`",
    403: "`permission_denied`: the role does not allow this",
    404: "`not_found`, also for what belongs to another company",
    409: "The state does not allow this",
    429: "`rate_limited`, with `Retry-After`: more than 600 calls a minute",
    503: "`unavailable`, with `Retry-After`: the database does not answer",
}


def failures(*statuses: int, **said: str) -> dict[int, OpenApiResponse]:
    """Return the schema's entries for failed answers; ``s409="…"`` says what one means here."""
    every = {*statuses, 401, 403, 429, 503, *(int(name[1:]) for name in said)}
    return {
        status: OpenApiResponse(Failure, said.get(f"s{status}", FAILURES.get(status, ""))) for status in sorted(every)
    }
