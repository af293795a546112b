"""Setting and forgetting what proves a provider to us and us to a provider."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import HttpRequest

from integration.hub import is_hub
from integration.models import IntegrationWebhook, ProviderCredential
from integration.models.credential import DEFAULT_OVERLAP_HOURS, NEXARA
from orders.audit import record_act
from orders.models import Company, User
from orders.times import iso_time
from providers.payload import parse_time


@dataclass(frozen=True, slots=True)
class CredentialChange:
    """What a call names; None leaves a field as it is. ``secrets`` are rotated, ``overlap_hours`` is for the values before."""

    secrets: dict[str, str] = dataclasses.field(default_factory=dict, repr=False)
    overlap_hours: int = DEFAULT_OVERLAP_HOURS
    is_enabled: bool | None = None
    environment: str | None = None
    base_url: str | None = None
    allowed_ips: list[str] | None = None
    expires_at: datetime | None = None
    sets_expiry: bool = False
    """Whether ``expires_at`` is named: None is a value of its own there."""


_NAMES = {
    "is_enabled": "enabled",
    "environment": "environment",
    "base_url": "baseUrl",
    "allowed_ips": "allowedIps",
    "expires_at": "expiresAt",
}


def set_credential(
    company: Company, provider: str, change: CredentialChange
) -> tuple[ProviderCredential, list[str], list[str]]:
    """Set what is named and leave the rest; return the credential, the secrets that changed, and the other fields.

    In one transaction, so that two calls at once lose nothing of each other.
    """
    with transaction.atomic():
        ProviderCredential.objects.get_or_create(company=company, provider=provider)
        credential = ProviderCredential.objects.select_for_update().get(company=company, provider=provider)
        rotated = [
            name
            for name, value in change.secrets.items()
            if credential.rotate(name, value, overlap_hours=change.overlap_hours)
        ]
        changed = []
        for attribute, name in _NAMES.items():
            value = getattr(change, attribute)
            named = change.sets_expiry if attribute == "expires_at" else value is not None
            if named and getattr(credential, attribute) != value:
                setattr(credential, attribute, value)
                changed.append(name)
        if rotated or changed:
            credential.save()
    return credential, rotated, changed


def change_credential(
    company: Company, provider: str, change: CredentialChange, *, user: User, request: HttpRequest
) -> list[str]:
    """Set what is named, with a trace in the trail where anything changed; return the names of what did."""
    with transaction.atomic():
        _, rotated, changed = set_credential(company, provider, change)
        if rotated or changed:
            action = "credential.rotated" if rotated else "credential.changed"
            details = change_details(change, rotated, changed)
            record_act(action, company=company, target=provider, details=details, request=request, user=user)
    return [*rotated, *changed]


def change_details(change: CredentialChange, rotated: list[str], changed: list[str]) -> dict[str, Any]:
    """Return what the audit trail keeps of a change: names of fields, no secret, and whether the provider is on now."""
    details: dict[str, Any] = {"fields": [*rotated, *changed]}
    if rotated:
        details["overlapHours"] = change.overlap_hours
    if "enabled" in changed:
        details["enabled"] = change.is_enabled
    return details


def forget_credential(company: Company, provider: str) -> bool:
    """Forget everything of a provider at once, the hub's own key for it too; return whether there was anything.

    Forgetting the hub forgets the key that it gave for each provider. Safe to call twice. At the hub itself those keys are the
    subscribers', and stay: what waits for them would go out unsigned, or not at all.
    """
    with transaction.atomic():
        deleted, _ = ProviderCredential.objects.filter(company=company, provider=provider).delete()
        registrations = IntegrationWebhook.objects.none() if is_hub() else company.integration_webhooks.all()
        if provider != NEXARA:
            registrations = registrations.filter(provider=provider)
        keyed = [registration for registration in registrations.select_for_update() if registration.secrets]
        for registration in keyed:
            registration.secrets = {}  # type: ignore[assignment]
            registration.save(update_fields=["secrets", "updated_at"])
    return bool(deleted or keyed)


def credential_json(provider: str, credential: ProviderCredential | None, now: datetime) -> dict[str, Any]:
    """Return a credential as its owner may read it: every secret that is set, masked."""
    credential = credential or ProviderCredential(provider=provider)
    overlaps = {
        name: iso_time(until)
        for name in ProviderCredential.SECRET_FIELDS
        if (until := parse_time(str((credential.secrets.get(name) or {}).get("previousUntil", "")))) and now < until
    }
    return {
        "provider": provider,
        "credentialSet": credential.is_set,
        "enabled": credential.is_enabled,
        "environment": credential.environment,
        "baseUrl": credential.base_url or None,
        "allowedIps": credential.allowed_ips,
        "expiresAt": iso_time(credential.expires_at),
        **credential.masked(),
        "previousValidUntil": overlaps,
    }
