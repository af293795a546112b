"""Whose a request is, and whether it proves it."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import FilteredRelation, Q, QuerySet

from integration.models import IntegrationWebhook, ProviderCredential
from integration.models.credential import NEXARA
from orders.compiled import Params, Select
from orders.models import Company
from providers.base import InboundRequest, ProviderAdapter
from providers.signatures import NEXARA as NEXARA_SCHEME
from providers.signatures import Scheme, SignatureError, verify_request

UNVERIFIED = "unverified"
_COMPANY = Select(lambda at: Company.objects.filter(pk=at.one("id", Company, "id")))


def _with_secrets(at: Params) -> QuerySet[Company]:
    """Write the query for a company with what each of its senders may prove itself by: one question in place of three."""
    provider = at.one("provider", ProviderCredential, "provider")
    return (
        Company.objects.filter(pk=at.one("id", Company, "id"))
        .annotate(
            own=FilteredRelation("credentials", condition=Q(credentials__provider=provider)),
            hub=FilteredRelation("credentials", condition=Q(credentials__provider=NEXARA)),
            registered=FilteredRelation("integration_webhooks", condition=Q(integration_webhooks__provider=provider)),
        )
        .select_related("own", "hub", "registered")  # type: ignore[misc]  # the stubs know no relation that is filtered
    )


_SENDER = Select(_with_secrets)


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


def company_key(company_id: str) -> uuid.UUID:
    """Return a company's id from any of a UUID's writings; from anything else one that nobody has."""
    try:
        return uuid.UUID(company_id)
    except ValueError:
        return uuid.uuid4()  # looked up all the same


def find_company(company_id: str) -> Company | None:
    """Return the company of an id in any of a UUID's writings; None where there is none."""
    return _COMPANY.first(id=company_key(company_id))


def find_sender(company_id: uuid.UUID, adapter: ProviderAdapter | None, now: datetime) -> Sender:
    """Return the company and the secrets with which a request of this provider may prove itself now.

    An unknown company costs what a known one does.
    """
    slug = adapter.slug if adapter else NEXARA
    names = {scheme.secret for scheme in adapter.schemes} if adapter else set()
    found = _SENDER.first(id=company_id, provider=slug)
    # Django sets no name for what the join does not find.
    own: ProviderCredential | None = getattr(found, "own", None)
    hub: ProviderCredential | None = getattr(found, "hub", None)
    registered: IntegrationWebhook | None = getattr(found, "registered", None)
    secrets = {name: own.valid_values(name, now) if own else () for name in names}
    if adapter and not secrets.get(adapter.hub_secret):
        # The installation's secret stands in only where the company has none of its own.
        fallback = settings.PROVIDER_FALLBACK_SECRETS.get(slug, "")
        secrets[adapter.hub_secret] = (fallback,) if fallback else ()
    hub_values = hub.valid_values("secretKey", now) if hub and hub.is_enabled else ()
    registered_key = str(registered.secrets.get("secretKey", "")) if registered else ""
    secrets[NEXARA_SCHEME.secret] = ((registered_key,) if registered_key else ()) + hub_values
    enabled = settings.PROVIDER_ENABLED.get(slug, True) and (own is None or own.is_enabled)
    return Sender(found, own, secrets, enabled)


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
