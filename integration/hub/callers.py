"""Who calls the hub: a platform proves itself by the deployer's key, by a company's key, or by an owner's API token."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request
from rest_framework.views import APIView

from integration.hub.subscriptions import keys_of
from integration.inbox import record_rejection
from integration.limits import refused_limit
from integration.models.credential import NEXARA
from integration.senders import find_company
from orders.access import Access, CompanyAPIView, find_access, named_company
from orders.authentication import token_of
from orders.models import Company, Role, User
from providers.signatures import HexSignature, InboundRequest, SignatureError, verify_request

SIGNATURE = HexSignature(
    header="x-nexara-signature",
    secret="nexara.secretKey",  # noqa: S106 — the name of a field
    timestamp_header="x-timestamp",
    timestamp_required=True,
)
"""The scheme in which the hub signs; a call has no ``X-Webhook-Id``, since sending it twice does nothing twice."""
_LOCAL = frozenset({"127.0.0.1", "::1"})


def check_caller(call: InboundRequest, company: Company | None, now: datetime, offered: Sequence[str] = ()) -> None:
    """Return if a call proves that it may speak for a company; raise SignatureError with the true reason.

    The deployer's key is needed where one is set, and speaks for every company. Where none is, a signature with a key that
    the hub holds, or the token of an owner. ``offered`` are keys that count besides. Any proof that is there has to hold.
    """
    scheme, _, value = call.header("authorization").strip().partition(" ")
    if scheme.lower() == "token":
        _check_token(value.strip(), company)
        return
    is_proven = False
    if settings.NEXARA_API_KEY:
        given = value.strip() if scheme.lower() == "bearer" else ""
        if not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), settings.NEXARA_API_KEY.encode()):
            raise SignatureError("wrong_api_key" if given else "no_api_key")
        is_proven = True
    keys = [*keys_of(company, now), *offered]
    if SIGNATURE.carried(call) or not is_proven:
        verify_request((SIGNATURE,), call, {SIGNATURE.secret: keys}, now)


def check_registration(call: InboundRequest, company: Company | None, key: str, now: datetime) -> None:
    """Return if a call may register for a company, None where the hub does not know it; raise SignatureError if not.

    ``key`` is the one that the call brings. A hub without a deployer's key takes a call without any other proof from a
    newcomer, who has nothing yet to show, and from whoever brings a current key. A former key signs for whoever names a
    current one, as a platform in the middle of its rotation does; alone it would read the new key, or undo the rotation.
    """
    current = keys_of(company, now, with_former=False)
    names_current = _is_one_of(key, current)
    has_other_proof = settings.NEXARA_API_KEY or call.header("authorization") or SIGNATURE.carried(call)
    if not has_other_proof and (company is None or names_current):
        return
    offered = [key] if key and (company is None or carries_deployers_key(call)) else []
    check_caller(call, company, now, offered)
    is_vouched_for = settings.NEXARA_API_KEY or call.header("authorization").strip().lower().startswith("token ")
    if not is_vouched_for and not names_current:
        verify_request((SIGNATURE,), call, {SIGNATURE.secret: [*current, *offered]}, now)


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform that reads what the hub keeps of one of its companies."""

    company: Company


class PlatformAuthentication(BaseAuthentication):
    """A platform's proof instead of a person: the deployer's key, or the company's signature over an empty body.

    The company is named by ``X-Company-Id``, else by ``company``.
    """

    def authenticate(self, request: Request) -> tuple[User, Platform] | None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = InboundRequest(body=request._request.body, headers=headers, path=request.path)
        if not SIGNATURE.carried(call) and not call.header("authorization").lower().startswith("bearer "):
            return None
        company = find_company(named_company(request))
        try:
            check_caller(call, company, timezone.now())
        except SignatureError as error:
            wait_s = refused_limit(company, NEXARA, request.META["REMOTE_ADDR"])
            if wait_s:
                raise Throttled(wait_s) from None
            record_rejection(company, NEXARA, error.reason, timezone.now())
            raise AuthenticationFailed from None
        if company is None:
            raise AuthenticationFailed
        return User(username="platform"), Platform(company)


class PlatformReadView(CompanyAPIView):
    """What a company's people read at the hub, and its platform as well."""

    authentication_classes = (*APIView.authentication_classes, PlatformAuthentication)

    @cached_property
    def access(self) -> Access:
        """The caller's standing; a platform reads as one of the staff does."""
        if isinstance(self.request.auth, Platform):
            assert isinstance(self.request.user, User)
            return Access(self.request.user, self.request.auth.company, Role.STAFF)
        return super().access


def _is_one_of(key: str, held: Sequence[str]) -> bool:
    given = key.encode("utf-8", "surrogatepass")
    return any(hmac.compare_digest(given, each.encode()) for each in held)


def carries_deployers_key(call: InboundRequest) -> bool:
    """Tell whether a call comes with the deployer's key, which vouches for a new key; ``check_caller`` refuses a wrong one."""
    return bool(settings.NEXARA_API_KEY) and call.header("authorization").lower().startswith("bearer ")


def _check_token(key: str, company: Company | None) -> None:
    token = token_of(key)
    access = find_access(token.user, token=token) if token is not None and company is not None else None
    if access is None or company is None or access.company.id != company.id or not access.at_least(Role.OWNER):
        raise SignatureError("wrong_token")


def may_come_unknown(request: HttpRequest) -> bool:
    """Tell whether a company that the hub does not know may register: with the deployer's key, else from this machine alone."""
    if settings.NEXARA_API_KEY:
        return True
    return urlsplit(settings.APP_BASE_URL).hostname in {"localhost", *_LOCAL} and request.META["REMOTE_ADDR"] in _LOCAL
