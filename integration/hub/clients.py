"""The companies of platforms at the hub: each has there the id that it has at home, which is its ``clientId``."""

from __future__ import annotations

import uuid

from django.db import transaction

from integration.credentials import CredentialChange, set_credential
from integration.demo import USERNAME
from integration.models.credential import NEXARA
from integration.onboarding import make_credential
from orders.audit import record_act
from orders.models import Branch, Company, User
from providers.registry import ADAPTERS


def admit_client(client_id: uuid.UUID, key: str) -> tuple[Company, bool]:
    """Return a platform's company at the hub and whether it is new; ``key`` is a new one's own. Two may call at once.

    It gets a secret for each provider, which an operator replaces by the provider's, and no person: those who run the hub
    see it.
    """
    with transaction.atomic():
        defaults = {"name": f"Client {str(client_id)[:8]}", "slug": f"client-{client_id.hex}"}
        company, is_new = Company.objects.get_or_create(pk=client_id, defaults=defaults)
        if is_new:
            Branch.objects.create(company=company, name="Main", name_ar="الرئيسي", is_default=True)
            for slug, adapter in ADAPTERS.items():
                make_credential(company, slug, [adapter.hub_secret, adapter.native_secret])
            set_credential(company, NEXARA, CredentialChange(secrets={"secretKey": key}))
            record_act("company.created", company=company, target=company.slug, actor="platform")
    return company, is_new


def seed_operator(password: str) -> User:
    """Make the person who runs a hub of its own, or return them: safe to call again. An existing one keeps their password."""
    found = User.objects.filter(username=USERNAME).first()
    return found or User.objects.create_superuser(USERNAME, password=password, first_name="Hub", last_name="Operator")
