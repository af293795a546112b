"""The providers we speak with. Adding one is a folder and a line here."""

from __future__ import annotations

from providers.base import ProviderAdapter
from providers.careem.adapter import CareemAdapter
from providers.deliveroo.adapter import DeliverooAdapter
from providers.jahez.adapter import JahezAdapter
from providers.talabat.adapter import TalabatAdapter

ADAPTERS: dict[str, ProviderAdapter] = {
    adapter.slug: adapter for adapter in (CareemAdapter(), TalabatAdapter(), DeliverooAdapter(), JahezAdapter())
}


class UnknownProviderError(LookupError):
    """No adapter has this slug."""


def get_adapter(slug: str) -> ProviderAdapter:
    """Return the adapter of a slug; raise UnknownProviderError where there is none."""
    try:
        return ADAPTERS[slug]
    except KeyError:
        raise UnknownProviderError(slug) from None


def provider_choices() -> list[tuple[str, str]]:
    """Return (slug, name) of every provider, for forms."""
    return [(adapter.slug, adapter.name) for adapter in ADAPTERS.values()]
