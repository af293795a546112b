"""Finding the company that a command is about."""

from __future__ import annotations

import uuid

from django.core.management.base import CommandError

from integration import demo
from orders.models import Company


def webhook_address(base_url: str, provider: str, company_id: uuid.UUID, *, at_hub: bool) -> str:
    """Return what is registered with a provider: where a company's events go, at a platform or at a hub."""
    path = "webhooks" if at_hub else "api/integration/webhook"
    return f"{base_url}/{path}/{provider}/{company_id}"


def named_company(name: str) -> Company:
    """Return the company of an id or a slug; raise CommandError, naming those that there are, where there is none."""
    try:
        found = Company.objects.filter(pk=uuid.UUID(name)).first()
    except ValueError:
        found = Company.objects.filter(slug=name).first()
    if found is None:
        raise CommandError(f"There is no company {name!r}. {_those_there_are()}")
    return found


def default_company() -> Company:
    """Return the only company, else the demo one; raise CommandError where it has to be named."""
    companies = list(Company.objects.order_by("created_at")[:2])
    if len(companies) == 1:
        return companies[0]
    found = Company.objects.filter(slug=demo.SLUG).first()
    if found is None:
        raise CommandError(f"Name a company with --company. {_those_there_are()}")
    return found


def _those_there_are() -> str:
    slugs = list(Company.objects.order_by("slug").values_list("slug", flat=True)[:10])
    if not slugs:
        return "There is none yet: make one with `python manage.py bootstrap_company --name NAME`, or `seed_demo`."
    return f"There are: {', '.join(slugs)}."
