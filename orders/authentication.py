"""How people and programs prove who they are, and how often they may call."""

from __future__ import annotations

import re
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from knox.crypto import hash_token
from rest_framework import authentication, exceptions, throttling
from rest_framework.request import Request

from orders.counters import Window, counters
from orders.models import ApiToken, User

_KEY = re.compile(r"[A-Za-z0-9_-]{20,200}", re.ASCII)
_USED_RESOLUTION = timedelta(minutes=1)


def token_of(key: str) -> ApiToken | None:
    """Return the token of a key, and note that it was used; None where there is none or its user is gone."""
    if not _KEY.fullmatch(key):
        return None
    token: ApiToken | None = ApiToken.objects.select_related("user", "company").filter(digest=hash_token(key)).first()
    now = timezone.now()
    if token is None or not token.user.is_active or (token.expiry and token.expiry < now):
        return None
    if token.last_used_at is None or now - token.last_used_at > _USED_RESOLUTION:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


class TokenAuthentication(authentication.BaseAuthentication):
    """``Authorization: Token <key>``."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        header = authentication.get_authorization_header(request).decode("latin-1").split()
        if not header or header[0].lower() != "token":
            return None
        token = token_of(header[1]) if len(header) == 2 else None
        if token is None:
            raise exceptions.AuthenticationFailed
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Token"


class SessionAuthentication(authentication.SessionAuthentication):
    """The cookie of a signed-in person; writing calls need the CSRF header."""


class CallsPerMinute(throttling.BaseThrottle):
    """At most 600 calls a minute per token, user or, for open endpoints, address."""

    wait_s = 0

    def allow_request(self, request: Request, view: object) -> bool:
        if isinstance(request.auth, ApiToken):
            key = f"token:{request.auth.digest[:32]}"
        elif request.user.is_authenticated:
            key = f"user:{request.user.pk}"
        else:
            key = f"address:{request.META.get('REMOTE_ADDR', '')}"
        self.wait_s = counters.exceeded(f"api:{key}", [Window(settings.API_RATE_LIMIT_PER_MINUTE, 60)])
        return not self.wait_s

    def wait(self) -> float:
        return self.wait_s
