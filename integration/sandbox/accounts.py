"""A company's account at a played provider: what gets it a token, and whether it has one here at all."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from integration.models import ProviderCredential
from integration.onboarding import make_credential
from orders.models import Company

ACCOUNT_FIELDS = {
    "careem": ("clientId", "clientSecret"),
    "talabat": ("username", "password"),
    "deliveroo": ("clientId", "clientSecret"),
    "jahez": ("apiKey", "secret"),
}
"""The fields of a credential that get a token at each provider that is played."""
LISTING_FIELDS = {"talabat": ("chainCode",)}
"""What besides a token its list of orders needs."""
PLAYED = tuple(ACCOUNT_FIELDS)

TOKEN_LIFE_S = {"careem": 86_400, "talabat": 1_800, "deliveroo": 300, "jahez": 3_600}
"""As long as the real ones: a day, 30 and 5 minutes; Jahez's life is not published."""


class TokenError(Exception):
    """A token that does not hold; the message is a stable code."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who calls a played provider."""

    company_id: uuid.UUID
    credential: ProviderCredential


def sandbox_url(provider: str) -> str:
    """Return the base URL of a played provider, as a credential's ``baseUrl`` names it."""
    return f"{settings.APP_BASE_URL}/sandbox/{provider}"


def is_wired(credential: ProviderCredential | None) -> bool:
    """Tell whether what we send with this credential goes to the sandbox."""
    return credential is not None and credential.base_url.rstrip("/").endswith(f"/sandbox/{credential.provider}")


def has_real_account(credential: ProviderCredential | None) -> bool:
    """Tell whether what we send with this credential would go to the provider itself."""
    if credential is None or is_wired(credential):
        return False
    return all(credential.value(name) for name in ACCOUNT_FIELDS[credential.provider])


def wire(company: Company) -> None:
    """Give the company an account at every played provider. Leaves what an operator has set; safe to call again."""
    for provider, fields in ACCOUNT_FIELDS.items():
        credential = ProviderCredential.objects.filter(company=company, provider=provider).first()
        if has_real_account(credential) or (credential and credential.base_url and not is_wired(credential)):
            continue
        make_credential(company, provider, (*fields, *LISTING_FIELDS.get(provider, ())))
        url = sandbox_url(provider)
        # The address may have moved since the last start.
        ProviderCredential.objects.filter(company=company, provider=provider).exclude(base_url=url).update(base_url=url)


def find_account(provider: str, *values: str) -> Account | None:
    """Return the account that these values open; None where there is none. Only wired companies have one."""
    fields = ACCOUNT_FIELDS[provider]
    found = None
    wired = ProviderCredential.objects.filter(provider=provider, base_url__endswith=f"/sandbox/{provider}")
    for credential in wired.select_related("company"):
        stored = [credential.value(name) for name in fields]
        if all(stored) and all(map(_equal, stored, values)):
            found = Account(credential.company_id, credential)
    return found


def _equal(stored: str, given: str) -> bool:
    return hmac.compare_digest(stored.encode(), given.encode())


def issue_token(provider: str, account: Account, now: datetime) -> str:
    """Return a token of an account; it holds for TOKEN_LIFE_S. Nothing is stored, so a restart forgets none."""
    claims = {
        "aud": provider,
        "sub": str(account.company_id),
        "iat": now,
        "exp": now + timedelta(seconds=TOKEN_LIFE_S[provider]),
        "jti": uuid.uuid4().hex,
    }
    # With the first token, as in providers/signatures.py.
    import jwt

    return jwt.encode(claims, _key(), algorithm="HS256")


def account_of_token(provider: str, token: str) -> Account:
    """Return whose a token is; raise TokenError for one that is expired or none of ours."""
    import jwt

    try:
        claims = jwt.decode(token, _key(), algorithms=["HS256"], audience=provider, options={"require": ["exp", "sub"]})
    except jwt.ExpiredSignatureError as error:
        raise TokenError("expired_token") from error
    except (jwt.PyJWTError, ValueError) as error:
        raise TokenError("invalid_token") from error
    credential = ProviderCredential.objects.filter(company_id=claims["sub"], provider=provider).first()
    if credential is None or not is_wired(credential):
        raise TokenError("invalid_token")
    return Account(credential.company_id, credential)


def _key() -> bytes:
    return hashlib.sha256(b"sandbox tokens\n" + settings.SECRET_KEY.encode()).digest()
