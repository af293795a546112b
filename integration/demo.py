"""The demo company: enough to send a first order of every provider and see it on the screen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction

from integration.models.credential import NEXARA
from integration.onboarding import make_credential
from integration.sandbox.accounts import wire
from orders.models import Branch, BranchStore, Company, Membership, MenuProduct, MenuProductCode, Role, User
from orders.secret_files import kept_secret
from providers.registry import ADAPTERS
from providers.samples import DEMO_MENU

SLUG = "demo"
USERNAME = "demo"
BRANCHES = (("Jabal Amman", "جبل عمّان"), ("Abdoun", "عبدون"))
"""The first is the default one; the store ids of the n-th are ``demo-<provider>-<n>``."""


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo company and who signs in to it."""

    company: Company
    user: User


def kept_password(data_dir: Path) -> str:
    """Return the password of the first seeding, kept in ``DATA_DIR/demo_password``; make it where it is missing."""
    return kept_secret(data_dir / "demo_password", size=12)


@transaction.atomic
def seed_demo(password: str) -> Demo:
    """Make the demo company, or what it lacks of it: safe to call again.

    A credential for both dialects of every provider, two branches with a store at each, the sample menu. ``password`` is
    the user's where the user is new; an existing one keeps theirs.
    """
    company, _ = Company.objects.get_or_create(slug=SLUG, defaults={"name": "Demo Restaurants"})
    user = User.objects.filter(username=USERNAME).first()
    if user is None:
        user = User.objects.create_user(
            USERNAME, password=password, is_staff=True, first_name="Demo", last_name="Owner"
        )
    Membership.objects.get_or_create(user=user, company=company, defaults={"role": Role.OWNER})
    for slug, adapter in ADAPTERS.items():
        make_credential(company, slug, [adapter.hub_secret, adapter.native_secret])
    make_credential(company, NEXARA, ["secretKey"])
    _seed_branches(company)
    _seed_menu(company)
    wire_demo()
    return Demo(company, user)


def wire_demo() -> None:
    """Send the demo company's answers to the sandbox where there is one, at its present address. Safe to call again."""
    company = Company.objects.filter(slug=SLUG).first()
    if company is not None and settings.SANDBOX_ENABLED and settings.ROLE == "platform":
        wire(company)


def _seed_branches(company: Company) -> None:
    for number, (name, name_ar) in enumerate(BRANCHES, start=1):
        is_default = number == 1 and not company.branches.filter(is_default=True).exists()
        branch, _ = Branch.objects.get_or_create(
            company=company, name=name, defaults={"name_ar": name_ar, "is_default": is_default}
        )
        for provider in ADAPTERS:
            BranchStore.objects.get_or_create(
                provider=provider, store_id=f"{SLUG}-{provider}-{number}", defaults={"branch": branch}
            )


def _seed_menu(company: Company) -> None:
    for product in DEMO_MENU:
        row, _ = MenuProduct.objects.get_or_create(
            company=company, name=product.name, defaults={"name_ar": product.name_ar, "price": product.price}
        )
        for provider in ADAPTERS:
            MenuProductCode.objects.get_or_create(
                company=company, provider=provider, external_id=product.code, defaults={"product": row}
            )
