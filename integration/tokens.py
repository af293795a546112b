"""A company's access to a provider's API: where, with which secrets, and with a token that one worker at a time renews."""

from __future__ import annotations

import hashlib
import time
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from integration import outbound
from integration.models import ProviderCredential, ProviderToken
from integration.outbound import SendError
from orders.models import Company
from providers.outbound import Api, ProviderCalls, TokenError
from providers.registry import get_adapter

RENEW_BEFORE_S = 60
REFRESH_LEASE_S = 15
WAIT_S, POLL_S = 12.0, 0.1
TOKEN_TOTAL_S = 8.0


@dataclass(frozen=True, slots=True)
class ProviderAccess:
    """What is needed to call a provider for a company. ``missing`` names the credential's fields that are not set."""

    company: Company
    provider: str
    calls: ProviderCalls
    api: Api
    is_enabled: bool
    is_sandbox: bool
    missing: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Tell one credential from another without holding it: a changed one makes the token worthless."""
        parts = [self.api.hosts.auth, *(f"{name}={self.api.secrets[name]}" for name in sorted(self.api.secrets))]
        return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def hidden(self) -> tuple[str, ...]:
        """Return what must never stand in a record."""
        return tuple(self.api.secrets.values())


def provider_access(company: Company, provider: str) -> ProviderAccess | None:
    """Return a company's access to a provider's own API; None where that provider takes no calls."""
    adapter = get_adapter(provider)
    calls = adapter.calls
    if calls is None:
        return None
    credential = ProviderCredential.objects.filter(company=company, provider=provider).first()
    secrets = {}
    if credential is not None:
        names = (*calls.secret_fields, *(adapter.listing.secret_fields if adapter.listing else ()))
        secrets = {name: credential.value(name) for name in names if credential.value(name)}
    is_sandbox = credential is not None and credential.is_sandbox
    hosts = calls.hosts(
        is_sandbox=is_sandbox,
        base_url=credential.base_url if credential else "",
        sandbox_auth=settings.SANDBOX_AUTH_URLS.get(provider, ""),
    )
    unknown_host = () if hosts.auth else (f"baseUrl, or {provider.upper()}_SANDBOX_AUTH_URL in the environment",)
    return ProviderAccess(
        company=company,
        provider=provider,
        calls=calls,
        api=Api(hosts, secrets),
        is_enabled=credential is not None and credential.is_enabled,
        is_sandbox=is_sandbox,
        missing=(*calls.missing(secrets), *unknown_host),
    )


def get_token(access: ProviderAccess, *, stale: str = "") -> str:
    """Return a token that holds for another minute; ask the provider for one where there is none.

    ``stale`` is a token that the provider has refused: it is not returned again. One worker asks, the others wait for
    what it gets. Raises SendError.
    """
    until = time.monotonic() + WAIT_S
    while True:
        row, _ = ProviderToken.objects.get_or_create(company=access.company, provider=access.provider)
        token = _usable(row, access, stale)
        if token:
            return token
        now = timezone.now()
        mine = uuid.uuid4()
        free = Q(refresher__isnull=True) | Q(refresh_until__lt=now)
        # Nobody has renewed it since we looked, and nobody is about to.
        taken = ProviderToken.objects.filter(
            free, pk=row.pk, fingerprint=row.fingerprint, expires_at=row.expires_at, refresher=row.refresher
        ).update(refresher=mine, refresh_until=now + timedelta(seconds=REFRESH_LEASE_S))
        if taken:
            return _renew(access, mine)
        if time.monotonic() > until:
            raise SendError("token_busy", "Another worker is asking for the token.")
        time.sleep(POLL_S)


def _usable(row: ProviderToken, access: ProviderAccess, stale: str) -> str:
    secrets: dict[str, Any] = row.secrets or {}
    value = str(secrets.get("token", ""))
    holds = row.expires_at is not None and row.expires_at > timezone.now() + timedelta(seconds=RENEW_BEFORE_S)
    return value if value and holds and value != stale and row.fingerprint == access.fingerprint else ""


def _renew(access: ProviderAccess, mine: uuid.UUID) -> str:
    """Ask the provider; keep what it gives. The lock is given back whatever happens."""
    row = ProviderToken.objects.filter(company=access.company, provider=access.provider, refresher=mine)
    try:
        sent = outbound.send(access.calls.token_request(access.api), peer=access.provider, total_s=TOKEN_TOTAL_S)
        answer = sent.answer
        if answer.status == 429 or answer.status >= 500:
            raise SendError("token_failed", f"The provider answered {answer.status} to the request for a token.")
        if not answer.is_success:
            raise SendError(
                "token_refused", f"The provider refused our credential ({answer.status}).", is_passing=False
            )
        try:
            token = access.calls.read_token(answer)
        except TokenError as error:
            raise SendError("token_unreadable", f"No token came: {error}") from error
    except BaseException:
        row.update(refresher=None, refresh_until=None)
        raise
    # A token that holds for less than the minute we want left is used for half of its life.
    holds_s = max(token.expires_in_s, RENEW_BEFORE_S + token.expires_in_s / 2)
    row.update(
        secrets={"token": token.value},
        fingerprint=access.fingerprint,
        expires_at=timezone.now() + timedelta(seconds=holds_s),
        refresher=None,
        refresh_until=None,
    )
    return token.value
