"""Who wants to be told of a company's orders: one subscription per provider; registering again updates it."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from integration import breaker
from integration.credentials import CredentialChange, set_credential
from integration.models import IntegrationWebhook, OutboundPush, ProviderCredential, PushStatus
from integration.models.credential import DEFAULT_OVERLAP_HOURS, NEXARA
from orders.models import Company
from providers.payload import parse_time


def breaker_name(subscription: IntegrationWebhook) -> str:
    """Return the name of the breaker of the way to a subscriber."""
    return f"subscriber:{subscription.provider}"


def new_key() -> str:
    """Return a key nobody can guess."""
    return secrets.token_urlsafe(32)


def current_key(subscription: IntegrationWebhook) -> str:
    """Return the key that signs what goes to a subscriber."""
    return str(subscription.secrets.get("secretKey", ""))


def valid_keys(subscription: IntegrationWebhook, now: datetime) -> list[str]:
    """Return the keys with which a subscriber may sign its calls now, the current one first."""
    until = parse_time(str(subscription.secrets.get("previousUntil", "")))
    former = str(subscription.secrets.get("previous", "")) if until is not None and now < until else ""
    return [key for key in (current_key(subscription), former) if key]


def keys_of(company: Company | None, now: datetime) -> list[str]:
    """Return every key that proves a company's platform to the hub; none for nobody."""
    # Nobody's is looked up as well, so that an unknown company costs what a known one does.
    company_id = company.id if company else uuid.uuid4()
    credential = ProviderCredential.objects.filter(company_id=company_id, provider=NEXARA, is_enabled=True).first()
    keys = list(credential.valid_values("secretKey", now)) if credential else []
    for subscription in IntegrationWebhook.objects.filter(company_id=company_id):
        keys += valid_keys(subscription, now)
    return list(dict.fromkeys(keys))


def subscribe(company: Company, provider: str, url: str, events: list[str], key: str = "") -> IntegrationWebhook:
    """Register a subscriber, or change what is registered: address, events and, where one is named, the key.

    The former key proves the subscriber for the usual overlap; what goes out is signed with the new one at once.
    """
    with transaction.atomic():
        IntegrationWebhook.objects.get_or_create(company=company, provider=provider, defaults={"url": url})
        row = IntegrationWebhook.objects.select_for_update().get(company=company, provider=provider)
        row.webhook_id, row.url, row.events = str(row.id), url, events
        row.status, row.error = IntegrationWebhook.Status.ACTIVE, ""
        standing = current_key(row)
        key = key or standing or new_key()
        if key != standing:
            until = timezone.now() + timedelta(hours=DEFAULT_OVERLAP_HOURS)
            former = {"previous": standing, "previousUntil": until.isoformat()} if standing else {}
            row.secrets = {"secretKey": key, **former}  # type: ignore[assignment]
            # The company's own key moves along, so that the former one ends here as well.
            set_credential(company, NEXARA, CredentialChange(secrets={"secretKey": key}))
        row.save()
    hurry(row)
    return row


def hurry(subscription: IntegrationWebhook) -> None:
    """Send soon what waits for a subscriber: it has just been heard of."""
    breaker.succeeded(subscription.company_id, breaker_name(subscription))
    waiting = OutboundPush.objects.filter(subscription=subscription, status=PushStatus.FAILED, claim_token=None)
    waiting.update(next_attempt_at=timezone.now())
