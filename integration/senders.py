"""Whose a request is, and whether it proves it."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from integration.models import IntegrationWebhook, ProviderCredential
from integration.models.credential import NEXARA
from orders.compiled import Select
from orders.models import Company
from providers.base import InboundRequest, ProviderAdapter
from providers.signatures import NEXARA as NEXARA_SCHEME
from providers.signatures import Scheme, SignatureError, verify_request

UNVERIFIED = "unverified"
_COMPANY = Select(lambda at: Company.objects.filter(pk=at.one("id", Company, "id")))
_CREDENTIALS = Select(
    lambda at: ProviderCredential.objects.filter(
        company=at.one("company", ProviderCredential, "company"),
        provider__in=at.many("providers", ProviderCredential, "provider"),
    )
)
_REGISTERED = Select(
    lambda at: IntegrationWebhook.objects.filter(
        company=at.one("company", IntegrationWebhook, "company"),
        provider=at.one("provider", IntegrationWebhook, "provider"),
    )
)


@dataclass(frozen=True, slots=True)
class Sender:
    """A company's side of one provider. ``company`` is None where nobody could be told from the request."""

    company: Company | None
    credential: ProviderCredential | None
    secrets: Mapping[str, tuple[str, ...]]
    is_enabled: bool = True

    @property
    def is_sandbox(self) -> bool:
        return self.credential is not None and self.credential.is_sandbox


def find_company(company_id: str) -> Company | None:
    """Return the company of an id in any of a UUID's writings; None where there is none."""
    try:
        key = uuid.UUID(company_id)
    except ValueError:
        key = uuid.uuid4()  # nobody's: looked up all the same
    return _COMPANY.first(id=key)


def find_sender(company: Company | None, adapter: ProviderAdapter | None, now: datetime) -> Sender:
    """Return the secrets with which a request of this company and provider may prove itself now."""
    slug = adapter.slug if adapter else NEXARA
    names = {scheme.secret for scheme in adapter.schemes} if adapter else set()
    # Nobody's id is looked up as well, so that an unknown company costs what a known one does.
    company_id = company.id if company else uuid.uuid4()
    found = _CREDENTIALS.all(company=company_id, providers=[slug, NEXARA])
    credentials = {credential.provider: credential for credential in found}
    own, hub = credentials.get(slug), credentials.get(NEXARA)
    secrets = {name: own.valid_values(name, now) if own else () for name in names}
    if adapter and not secrets.get(adapter.hub_secret):
        # The installation's secret stands in only where the company has none of its own.
        fallback = settings.PROVIDER_FALLBACK_SECRETS.get(slug, "")
        secrets[adapter.hub_secret] = (fallback,) if fallback else ()
    hub_values = hub.valid_values("secretKey", now) if hub and hub.is_enabled else ()
    registered = _REGISTERED.first(company=company_id, provider=slug)
    registered_key = str(registered.secrets.get("secretKey", "")) if registered else ""
    secrets[NEXARA_SCHEME.secret] = ((registered_key,) if registered_key else ()) + hub_values
    enabled = settings.PROVIDER_ENABLED.get(slug, True) and (own is None or own.is_enabled)
    return Sender(company, own, secrets, enabled)


def verify_sender(
    sender: Sender, adapter: ProviderAdapter | None, request: InboundRequest, address: str, now: datetime
) -> str:
    """Return the name of the secret that proved the request; raise SignatureError with the true reason.

    Everything is always checked, in the same order, so that the time does not tell which check failed.
    """
    schemes: tuple[Scheme, ...] = (*(adapter.schemes if adapter else ()), NEXARA_SCHEME)
    failure: SignatureError | None = None
    proof = ""
    try:
        proof = verify_request(schemes, request, sender.secrets, now)
    except SignatureError as error:
        failure = error
        if not settings.WEBHOOK_VALIDATE_SIGNATURE:
            failure, proof = None, UNVERIFIED
    if sender.company is None:
        raise SignatureError("unknown_company")
    if not sender.is_enabled:
        raise SignatureError("provider_disabled")
    if failure is not None:
        raise failure
    # The hub sends from its own addresses: the list is the provider's.
    if proof != NEXARA_SCHEME.secret and not _is_allowed(sender.credential, address):
        raise SignatureError("address_not_allowed")
    return proof


def _is_allowed(credential: ProviderCredential | None, address: str) -> bool:
    networks = credential.allowed_ips if credential else []
    if not networks:
        return True
    try:
        sender = ipaddress.ip_address(address)
        return any(sender in ipaddress.ip_network(network, strict=False) for network in networks)
    except ValueError:
        return False
