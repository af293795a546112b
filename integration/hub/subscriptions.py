"""Who wants to be told of a company's orders: one subscription per provider; registering again updates it."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from integration import breaker
from integration.credentials import CredentialChange, set_credential
from integration.models import IntegrationWebhook, OutboundPush, ProviderCredential, PushStatus
from integration.models.credential import DEFAULT_OVERLAP_HOURS, NEXARA
from orders.models import Company
from orders.secret_files import new_secret
from providers.payload import parse_time

KEY_SIZE = 32
"""Random bytes in a key that the hub makes."""


def breaker_name(subscription: IntegrationWebhook) -> str:
    """Return the name of the breaker of the way to a subscriber."""
    return f"subscriber:{subscription.provider}"


def current_key(subscription: IntegrationWebhook) -> str:
    """Return the key that signs what goes to a subscriber."""
    return str(subscription.secrets.get("secretKey", ""))


def valid_keys(subscription: IntegrationWebhook, now: datetime) -> list[str]:
    """Return the keys with which a subscriber may sign its calls now, the current one first."""
    until = parse_time(str(subscription.secrets.get("previousUntil", "")))
    former = str(subscription.secrets.get("previous", "")) if until is not None and now < until else ""
    return [key for key in (current_key(subscription), former) if key]


def keys_of(company: Company | None, now: datetime, *, with_former: bool = True) -> list[str]:
    """Return every key that proves a company's platform to the hub, or the current ones alone; none for nobody."""
    # Nobody's is looked up as well, so that an unknown company costs what a known one does.
    company_id = company.id if company else uuid.uuid4()
    credential = ProviderCredential.objects.filter(company_id=company_id, provider=NEXARA, is_enabled=True).first()
    own = credential or ProviderCredential()
    keys = list(own.valid_values("secretKey", now)) if with_former else [own.value("secretKey")]
    for subscription in IntegrationWebhook.objects.filter(company_id=company_id):
        keys += valid_keys(subscription, now) if with_former else [current_key(subscription)]
    return [key for key in dict.fromkeys(keys) if key]


def subscribe(company: Company, provider: str, url: str, events: list[str], key: str = "") -> IntegrationWebhook:
    """Register a subscriber, or change what is registered: address, events and, where one is named, the key.

    A key that is named becomes the company's own; one that is made here is for this subscription alone. The former key
    proves the subscriber for the usual overlap; what goes out is signed with the new one at once.
    """
    with transaction.atomic():
        IntegrationWebhook.objects.get_or_create(company=company, provider=provider, defaults={"url": url})
        # All of the company's, since a key moves on each that has it; in one order, so that two who come at once take turns.
        rows = list(IntegrationWebhook.objects.select_for_update().filter(company=company).order_by("pk"))
        row = next(each for each in rows if each.provider == provider)
        row.webhook_id, row.url, row.events = str(row.id), url, events
        row.status, row.error = IntegrationWebhook.Status.ACTIVE, ""
        if key and key != current_key(row):
            _move_key(company, row, rows, key)
        elif not current_key(row):
            row.secrets = {"secretKey": new_secret(KEY_SIZE)}  # type: ignore[assignment]
        row.save()
    hurry(row)
    return row


def _move_key(company: Company, row: IntegrationWebhook, rows: list[IntegrationWebhook], key: str) -> None:
    """Replace the key of a subscription and the company's own, and either wherever else it stands: it ends at one time."""
    own = ProviderCredential.objects.filter(company=company, provider=NEXARA).first()
    replaced = {current_key(row), own.value("secretKey") if own else ""} - {key, ""}
    until = timezone.now() + timedelta(hours=DEFAULT_OVERLAP_HOURS)
    for each in rows:
        standing = current_key(each)
        if each is row or standing in replaced:
            former = {"previous": standing, "previousUntil": until.isoformat()} if standing else {}
            each.secrets = {"secretKey": key, **former}  # type: ignore[assignment]
            each.save(update_fields=["secrets", "updated_at"])
    set_credential(company, NEXARA, CredentialChange(secrets={"secretKey": key}))


def hurry(subscription: IntegrationWebhook) -> None:
    """Send soon what waits for a subscriber: it has just been heard of."""
    breaker.succeeded(subscription.company_id, breaker_name(subscription))
    waiting = OutboundPush.objects.filter(subscription=subscription, status=PushStatus.FAILED, claim_token=None)
    waiting.update(next_attempt_at=timezone.now())
