"""Which lists there are to compare a company with, and why there is none."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from django.conf import settings

from integration.hub import is_hub
from integration.hub_watch import uses_hub
from integration.models.credential import NEXARA
from integration.reconciliation.at_hub import HubSource
from integration.reconciliation.at_provider import company_source
from integration.reconciliation.runs import Comparison, reconcile
from integration.reconciliation.source import Source
from integration.tokens import provider_access
from orders.models import Company
from providers.registry import ADAPTERS


def sources_of(company: Company) -> dict[str, Source | str]:
    """Return each list by its name, or one sentence that says why it cannot be asked for."""
    found: dict[str, Source | str] = {}
    for slug in ADAPTERS:
        if settings.PROVIDER_ENABLED.get(slug, True):
            found[slug] = company_source(company, slug, provider_access(company, slug))
    if not is_hub() and uses_hub(company):
        found[NEXARA] = HubSource(company)
    return found


def to_compare() -> Iterator[tuple[uuid.UUID, str]]:
    """Yield each company with each list that can be asked for."""
    for company in Company.objects.order_by("created_at"):
        for name, source in sources_of(company).items():
            if not isinstance(source, str):
                yield company.id, name


def compare_with(company_id: uuid.UUID, name: str) -> Comparison | None:
    """Compare a company with one list; None where there is none to ask, or another run is under way."""
    company = Company.objects.filter(pk=company_id).first()
    source = source_of(company, name) if company is not None else ""
    return None if isinstance(source, str) else reconcile(source)


def source_of(company: Company, name: str) -> Source | str:
    """Return one list, or why it cannot be asked for."""
    return sources_of(company).get(name, "It is switched off for the whole installation, or not registered.")
