"""Making a company that can take orders: its branch, its owner, a token, and a credential for each provider."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from babel.core import get_global
from babel.numbers import get_territory_currencies
from django.db import transaction
from django.utils import timezone

from integration.models import ProviderCredential
from integration.models.credential import NEXARA
from orders.audit import record_act
from orders.models import ApiToken, Branch, Company, Membership, Role, User
from orders.secret_files import new_secret
from providers.registry import get_adapter

DEFAULT_TIME_ZONE = "Asia/Amman"


@dataclass(frozen=True, slots=True)
class NewCompany:
    """What was made, with the secrets in the clear: shown once, kept nowhere else."""

    company: Company
    branch: Branch
    owner: User
    password: str
    token_key: str
    credentials: Mapping[str, Mapping[str, str]]
    """Provider to field to value; the hub's own is ``nexara``."""


def currency_of(country: str) -> str:
    """Return the currency of a country (ISO 3166, two letters), ``""`` where it has none."""
    return next(iter(get_territory_currencies(country, timezone.now().date())), "")


def time_zone_of(country: str) -> str:
    """Return the time zone of a country, the first where it has several; that of Amman for an unknown one."""
    zones = get_global("territory_zones").get(country) or [DEFAULT_TIME_ZONE]
    return str(zones[0])


def free_username(wanted: str) -> str:
    """Return the username, with a number behind it where somebody else has it."""
    name, number = wanted[:140], 1
    while User.objects.filter(username=name).exists():
        number += 1
        name = f"{wanted[:140]}-{number}"
    return name


def make_credential(company: Company, provider: str, fields: Iterable[str]) -> dict[str, str]:
    """Give the company's credential of a provider a new secret in each field that it lacks; return what was made."""
    credential = ProviderCredential.objects.filter(company=company, provider=provider).first()
    credential = credential or ProviderCredential(company=company, provider=provider)
    made = {name: new_secret() for name in dict.fromkeys(fields) if not credential.value(name)}
    for name, value in made.items():
        credential.rotate(name, value)
    if made:
        credential.save()
    return made


@transaction.atomic
def bootstrap_company(company: Company, providers: Iterable[str]) -> NewCompany:
    """Store a new company with a default branch, an owner, a token and credentials; all of it or nothing.

    The credentials hold what proves the hub's dialect. Raises ValidationError for a company that is not valid, its slug
    taken included, and UnknownProviderError.
    """
    company.full_clean()
    company.save(force_insert=True)
    branch = Branch.objects.create(company=company, name="Main", name_ar="الرئيسي", is_default=True)
    password = new_secret(12)
    owner = User.objects.create_user(free_username(f"{company.slug}-owner"), password=password, is_staff=True)
    Membership.objects.create(user=owner, company=company, role=Role.OWNER)
    _, key = ApiToken.issue(user=owner, company=company, name="bootstrap")
    credentials = {slug: make_credential(company, slug, [get_adapter(slug).hub_secret]) for slug in providers}
    credentials[NEXARA] = make_credential(company, NEXARA, ["secretKey"])
    record_act("company.created", company=company, target=company.slug, details={"providers": sorted(credentials)})
    return NewCompany(company, branch, owner, password, key, credentials)
