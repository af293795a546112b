"""What the OpenAPI schema says of every endpoint, and how a failure looks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular import utils
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

Handler = TypeVar("Handler", bound=Callable[..., Any])
_said: list[tuple[Callable[..., Any], dict[str, Any]]] = []
_is_wanted = threading.Event()


def extend_schema(**said: Any) -> Callable[[Handler], Handler]:
    """Keep what the schema says of a view or of its method: the arguments of drf-spectacular's decorator of that name.

    That one loads all that makes schemas, and Django's test client with it, which only whoever asks for the schema needs.
    """

    def keep(handler: Handler) -> Handler:
        _said.append((handler, said))
        if _is_wanted.is_set():
            tell_all()
        return handler

    return keep


def tell_all() -> None:
    """Hand what is kept to drf-spectacular, and from now on everything at once. Safe to call twice."""
    _is_wanted.set()
    while _said:
        handler, said = _said.pop(0)
        utils.extend_schema(**said)(handler)


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
