"""Registering a company's providers with NEXARA; each stands for itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction

from integration import nexara
from integration.credentials import CredentialChange, set_credential
from integration.hub import is_hub
from integration.models import IntegrationWebhook, ProviderCredential
from integration.models.credential import NEXARA
from integration.outbound import SendError, Sent
from orders.models import Company
from orders.secret_files import new_secret

EVENTS = ["order.created", "order.updated", "order.cancelled", "order.delivered", "order.status_changed"]
MAX_KEY = 4_096


@dataclass(frozen=True, slots=True)
class Registered:
    """What became of one provider. ``reason`` is blank for one that is registered."""

    provider: str
    url: str
    webhook_id: str = ""
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        if self.reason:
            return {"provider": self.provider, "reason": self.reason}
        return {"provider": self.provider, "webhookId": self.webhook_id, "url": self.url, "status": "active"}


def webhook_url() -> str:
    """Return where the hub finds us: the envelope's endpoint."""
    return f"{settings.APP_BASE_URL}/api/integration/webhook"


def company_key(company: Company) -> str:
    """Return the company's key for the hub; make one where there is none."""
    with transaction.atomic():
        ProviderCredential.objects.get_or_create(company=company, provider=NEXARA)
        credential = ProviderCredential.objects.select_for_update().get(company=company, provider=NEXARA)
        if not credential.value("secretKey"):
            credential.rotate("secretKey", new_secret(32))
            credential.save()
        return credential.value("secretKey")


def register(company: Company, providers: list[str], changes: dict[str, CredentialChange]) -> list[Registered]:
    """Store the credentials, then register each provider; one that fails undoes nothing. Calling again updates.

    All calls go at once, so that a hub that does not answer is waited for once: 25 s. A hub has none above it, and its rows of
    registrations are its subscribers': there nothing is touched.
    """
    if is_hub():
        return [Registered(slug, "", reason="This is the hub itself.") for slug in providers]
    with transaction.atomic():
        for provider, change in changes.items():
            set_credential(company, provider, change)
    key, url = company_key(company), webhook_url()
    requests = {
        slug: [
            nexara.register_request(company, slug, url, EVENTS, key, proof) for proof in nexara.keys_of(company, slug)
        ]
        for slug in providers
    }
    with ThreadPoolExecutor(max_workers=max(1, len(requests))) as pool:
        # Nothing in these threads touches the database.
        calls = {slug: pool.submit(nexara.call_with_any, tries) for slug, tries in requests.items()}
    results = []
    for slug, called in calls.items():
        try:
            results.append(_read(slug, url, called.result()[1], company, key))
        except SendError as error:
            results.append(_failed(company, slug, url, error.message))
    return results


def _read(provider: str, url: str, sent: Sent, company: Company, key: str) -> Registered:
    answer, document = sent.answer, sent.answer.document()
    if not answer.is_success:
        return _failed(company, provider, url, f"NEXARA answered {answer.status}.")
    if not isinstance(document, dict) or not document.get("webhookId"):
        return _failed(company, provider, url, "NEXARA's answer names no webhookId.")
    given = document.get("secretKey")
    if given is not None and (not isinstance(given, str) or not given.strip() or len(given) > MAX_KEY):
        return _failed(company, provider, url, "NEXARA's answer holds a key that cannot be used.")
    webhook_id = str(document["webhookId"])[:128]
    IntegrationWebhook.objects.update_or_create(
        company=company,
        provider=provider,
        defaults={
            "webhook_id": webhook_id,
            "url": url,
            "events": EVENTS,
            # Kept only where it is another than the company's own.
            "secrets": {"secretKey": given} if given and given != key else {},
            "status": IntegrationWebhook.Status.ACTIVE,
            "error": "",
        },
    )
    return Registered(provider, url, webhook_id)


def _failed(company: Company, provider: str, url: str, reason: str) -> Registered:
    """Note a failure. A registration that stood still stands at the hub: it is not taken for gone."""
    standing = IntegrationWebhook.objects.filter(company=company, provider=provider)
    if not standing.update(error=reason[:500]):
        IntegrationWebhook.objects.create(
            company=company, provider=provider, url=url, events=EVENTS, error=reason[:500],
            status=IntegrationWebhook.Status.FAILED,
        )  # fmt: skip
    return Registered(provider, url, reason=reason)
