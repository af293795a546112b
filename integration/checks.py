"""What Django's check command says about our settings; an error also keeps the servers from starting (``guard``)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

SAFE_START = "safe_start"
"""The tag of the checks that a server runs before its first request."""
LEAST_KEY_LENGTH = 32
_LEAST_DIFFERENT = 5
_PLACEHOLDERS = ("djangoinsecure", "changeme", "replaceme", "yoursecret")
_LOCAL = {"localhost", "127.0.0.1", "::1"}


@register(SAFE_START)
def check_keys(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse keys that are missing, short or from an example. Development (``DEBUG``) may use any."""
    return [] if settings.DEBUG else list(_key_faults())


def _key_faults() -> Iterator[CheckMessage]:
    fault = weakness(settings.SECRET_KEY)
    if fault:
        yield Error(f"SECRET_KEY {fault}.", hint=_MAKE_ONE, id="integration.E001")
    keys = list(settings.FERNET_KEYS)
    if not keys:
        yield Error("CREDENTIAL_ENCRYPTION_KEY is empty.", hint=_MAKE_ONE, id="integration.E002")
    for place, key in enumerate(keys):
        fault = weakness(key)
        if fault and place == 0:
            yield Error(f"CREDENTIAL_ENCRYPTION_KEY {fault}.", hint=_MAKE_ONE, id="integration.E003")
        elif fault:
            # It only reads what it once wrote; refusing it would keep one from ever rotating away from it.
            yield Warning(
                f"Key {place + 1} of CREDENTIAL_ENCRYPTION_KEY {fault}.",
                hint="Run manage.py rotate_keys, then drop this key.", id="integration.W003",
            )  # fmt: skip
    if settings.SECRET_KEY and settings.SECRET_KEY in keys:
        yield Warning(
            "SECRET_KEY is also an encryption key: neither can be changed without the other.",
            hint=_MAKE_ONE, id="integration.W004",
        )  # fmt: skip


_MAKE_ONE = "Make one of its own: python -c 'import secrets; print(secrets.token_urlsafe(48))'"


def weakness(key: str) -> str:
    """Return why a key is no secret, ``""`` where it may be one. Never quotes the key."""
    plain = key.lower().replace("-", "").replace("_", "").replace(" ", "")
    if any(word in plain for word in _PLACEHOLDERS):
        return "is the one of an example"
    if len(key) < LEAST_KEY_LENGTH:
        return f"has fewer than {LEAST_KEY_LENGTH} characters"
    if len(set(key)) < _LEAST_DIFFERENT:
        return f"has fewer than {_LEAST_DIFFERENT} different characters"
    return ""


@register(SAFE_START)
def check_signatures(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse to take unsigned orders outside development."""
    if settings.WEBHOOK_VALIDATE_SIGNATURE or settings.DEBUG:
        return []
    return [Error(
        "WEBHOOK_VALIDATE_SIGNATURE is off: anybody could send orders.",
        hint="Leave it on, or set DEBUG=true on a machine for development.", id="integration.E004",
    )]  # fmt: skip


@register(SAFE_START)
def check_reach(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Warn of what is fine on one's own machine, and is not where others reach it."""
    address = urlsplit(settings.APP_BASE_URL)
    if address.hostname in _LOCAL:
        return []
    found: list[CheckMessage] = []
    if address.scheme != "https":
        found.append(Warning(
            "APP_BASE_URL is http outside localhost: passwords, cookies and orders travel in the clear.",
            hint="Put TLS in front, and give its https address.", id="integration.W001",
        ))  # fmt: skip
    if settings.SANDBOX_ENABLED:
        found.append(Warning(
            "SANDBOX_ENABLED is on where others reach it: it plays the providers.",
            hint="Set SANDBOX_ENABLED=false.", id="integration.W002",
        ))  # fmt: skip
    if settings.DEBUG:
        found.append(Warning(
            "DEBUG is on where others reach it: its error pages show settings and data.",
            hint="Set DEBUG=false.", id="integration.W005",
        ))  # fmt: skip
    return found


@register(SAFE_START)
def check_metrics(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse networks that are none, which would fail at each scrape; warn of tokens that can be guessed."""
    found: list[CheckMessage] = []
    for entry in settings.METRICS_ALLOWED_NETWORKS:
        try:
            ipaddress.ip_network(entry, strict=False)
        except ValueError:
            found.append(Error(
                f"METRICS_ALLOWED_NETWORKS has an entry that is no address and no network: {entry[:40]}.",
                hint="Write each as 10.0.0.0/8 or 192.0.2.7.", id="integration.E005",
            ))  # fmt: skip
    for name in ("METRICS_TOKEN", "PROBE_TOKEN"):
        token = getattr(settings, name)
        fault = weakness(token) if token and not settings.DEBUG else ""
        if fault:
            found.append(Warning(f"{name} {fault}.", hint=_MAKE_ONE, id="integration.W006"))
    return found
