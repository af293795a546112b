"""What an unknown item may be: products with its very name, with its id at another provider, with a name that is close.

Only for a person to choose from: matching itself never goes by similarity.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from orders.models import Company, MenuProduct, MenuProductCode
from orders.names import name_key
from orders.unmapped import Unmapped

MOST = 4
"""Suggestions for one item."""
CLOSE = 62.0
"""The least likeness, out of 100, of a name that is close."""


class Why(StrEnum):
    KNOWN = "known"
    """The provider's id is this product's by now."""
    NAME = "name"
    """The names are the same one, in either language."""
    ID = "id"
    """Another provider's id of this product is the same."""
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A product that an item may be. ``likeness`` is out of 100 where the names are close."""

    product: MenuProduct
    why: Why
    likeness: int = 100


class Suggester:
    """Suggests products of one company: its names are read once, for any number of items."""

    def __init__(self, company: Company, entries: Collection[Unmapped]) -> None:
        fields = ("id", "name", "name_ar", "name_key", "name_ar_key", "is_active", "company_id")
        products = list(MenuProduct.objects.filter(company=company).only(*fields).order_by("created_at", "id"))
        self._products = {product.id: product for product in products}
        named = [(key, product) for product in products for key in {product.name_key, product.name_ar_key} if key]
        self._names = [key for key, _ in named]
        self._named = [product for _, product in named]
        self._by_name: dict[str, MenuProduct] = {}
        for key, product in named:
            self._by_name.setdefault(key, product)
        ids = {each for entry in entries for each in (entry.external_id, *entry.ids) if each}
        self._by_id: dict[str, dict[str, uuid.UUID]] = {}
        codes = MenuProductCode.objects.filter(company=company, external_id__in=ids)
        for external_id, provider, product_id in codes.values_list("external_id", "provider", "product_id"):
            self._by_id.setdefault(external_id, {})[provider] = product_id

    def suggest(self, entry: Unmapped) -> list[Suggestion]:
        """Return what an item may be, the surest first; the product alone where its id is known by now."""
        found: dict[uuid.UUID, Suggestion] = {}
        for each in self._surest(entry):
            if each.why is Why.KNOWN:
                return [each]
            found.setdefault(each.product.id, each)
        for each in self._close(entry):
            found.setdefault(each.product.id, each)
        return list(found.values())[:MOST]

    def _surest(self, entry: Unmapped) -> Iterable[Suggestion]:
        ids = [each for each in (entry.external_id, *sorted(entry.ids)) if each]
        for external_id in ids:
            product_id = self._by_id.get(external_id, {}).get(entry.provider)
            if product_id in self._products:
                yield Suggestion(self._products[product_id], Why.KNOWN)
        for key in _keys(entry):
            if key in self._by_name:
                yield Suggestion(self._by_name[key], Why.NAME)
        for external_id in ids:
            for product_id in self._by_id.get(external_id, {}).values():
                if product_id in self._products:
                    yield Suggestion(self._products[product_id], Why.ID)

    def _close(self, entry: Unmapped) -> Iterable[Suggestion]:
        # With the first name: a command compares none.
        from rapidfuzz import fuzz, process

        scored: list[tuple[float, int]] = []
        for key in _keys(entry):
            best = process.extract(
                key, self._names, scorer=fuzz.token_sort_ratio, processor=None, limit=MOST * 2, score_cutoff=CLOSE
            )
            scored += [(score, index) for _, score, index in best]
        for score, index in sorted(scored, key=lambda each: (-each[0], each[1])):
            yield Suggestion(self._named[index], Why.CLOSE, round(score))


def _keys(entry: Unmapped) -> list[str]:
    return [key for key in dict.fromkeys((name_key(entry.name), name_key(entry.name_ar))) if key]
