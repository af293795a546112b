"""Finding whose an order is: its branch, its customer, its products. Always within one company."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from orders.compiled import Param, Params, Select
from orders.contacts import Contact
from orders.inserts import insert
from orders.models import Branch, BranchStore, Company, Customer, MenuProduct, MenuProductCode
from orders.names import name_key
from providers.events import Line, Modifier

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BranchMatch:
    """``is_known`` is False where the default branch stands in; ``currency`` is the store's own, else blank."""

    branch: Branch | None
    is_known: bool
    currency: str = ""


def match_branch(company: Company, provider: str, store_ids: tuple[str, ...]) -> BranchMatch:
    """Return the branch that one of the store ids names, the first to be believed; else the default branch.

    A store id of another company is as unknown as one that nobody has. Without any id a company's only branch is meant.
    """
    if store_ids:
        stores = {
            store.store_id: store for store in _STORES.all(provider=provider, store_ids=store_ids, company=company.id)
        }
        for store_id in store_ids:
            if store_id in stores:
                return BranchMatch(stores[store_id].branch, True, stores[store_id].currency)
    branches = sorted(company.branches.all(), key=lambda branch: (not branch.is_default, branch.created_at))
    return BranchMatch(branches[0] if branches else None, is_known=not store_ids and len(branches) == 1)


def store_to_keep(store_ids: tuple[str, ...]) -> str:
    """Return the store id that an order of an unknown store keeps: the first to be believed that a branch can have."""
    longest = BranchStore._meta.get_field("store_id").max_length or 0
    return next((store_id for store_id in store_ids if len(store_id) <= longest), "")


def company_of_store(provider: str, store_ids: tuple[str, ...]) -> Company | None:
    """Return the company of a store id, for a request that does not say whose it is."""
    stores = BranchStore.objects.select_related("branch__company").filter(provider=provider, store_id__in=store_ids)
    companies = {store.branch.company for store in stores}
    return companies.pop() if len(companies) == 1 else None


def match_customer(company: Company, contact: Contact) -> Customer:
    """Return the customer of a contact: by phone, else by e-mail, else a new one. Safe against the same at once.

    Someone known by e-mail alone becomes known by phone when an order brings both. A name follows the newest order.
    """
    fields = {"name": contact.name, "phone": contact.phone, "email": contact.email}
    customer = _find_customer(company, contact)
    if customer is None:
        draft = Customer(company=company, phone_key=contact.phone_key, email_key=contact.email_key, **fields)
        # Another order of the same person may be inserting them now: the loser of the constraint reads the winner.
        found = None if insert(draft, unless_taken=True) else _find_customer(company, contact)
        logger.debug("No customer matches by %s: a new one", _keys(contact))
        return found or draft
    logger.debug("Customer %s matches by %s", customer.pk, _keys(contact))
    changed = [name for name, value in fields.items() if value and getattr(customer, name) != value]
    for name in changed:
        setattr(customer, name, fields[name])
    for key in ("phone_key", "email_key"):
        if getattr(contact, key) and not getattr(customer, key):
            setattr(customer, key, getattr(contact, key))
            changed.append(key)
    if changed:
        customer.save(update_fields=[*changed, "updated_at"])
    return customer


def _keys(contact: Contact) -> str:
    return (
        " or ".join(name for name, key in (("phone", contact.phone_key), ("e-mail", contact.email_key)) if key)
        or "nothing"
    )


def _find_customer(company: Company, contact: Contact) -> Customer | None:
    if contact.phone_key:
        found = _BY_PHONE.first(company=company.id, phone=contact.phone_key)
        if found or not contact.email_key:
            return found
        return _BY_EMAIL_ALONE.first(company=company.id, email=contact.email_key)
    if contact.email_key:
        return _BY_EMAIL.first(company=company.id, email=contact.email_key)
    return None


def _people(at: Params, **keys: Param) -> QuerySet[Customer]:
    return Customer.objects.filter(company=at.one("company", Customer, "company"), **keys)


_BY_PHONE = Select(lambda at: _people(at, phone_key=at.one("phone", Customer, "phone_key")))
_BY_EMAIL = Select(
    lambda at: _people(at, email_key=at.one("email", Customer, "email_key")).order_by("created_at", "id")[:1]
)
_BY_EMAIL_ALONE = Select(
    lambda at: _people(at, email_key=at.one("email", Customer, "email_key")).filter(phone_key=None)
)
_STORES = Select(
    lambda at: BranchStore.objects.select_related("branch").filter(
        provider=at.one("provider", BranchStore, "provider"),
        store_id__in=at.many("store_ids", BranchStore, "store_id"),
        branch__company=at.one("company", Branch, "company"),
    )
)
_CODES = Select(
    lambda at: MenuProductCode.objects.select_related("product").filter(
        company=at.one("company", MenuProductCode, "company"),
        provider=at.one("provider", MenuProductCode, "provider"),
        external_id__in=at.many("ids", MenuProductCode, "external_id"),
    )
)


class Menu:
    """The products that a set of lines may mean, read in at most two queries."""

    def __init__(self, company: Company, provider: str, lines: Iterable[Line], store_ids: tuple[str, ...]) -> None:
        self._suffixes = tuple(f"-{store_id}" for store_id in store_ids)
        things: list[Line | Modifier] = list(_walk(lines))
        ids = {candidate for thing in things for candidate in self._candidates(thing.external_id)}
        self._by_id = {
            code.external_id: code.product
            for code in _CODES.all(company=company.id, provider=provider, ids=sorted(ids))
        }
        self._by_name = self._read_names(company, [thing for thing in things if self._with_id(thing) is None])

    def _read_names(self, company: Company, things: list[Line | Modifier]) -> dict[str, MenuProduct]:
        keys = {key for thing in things for key in (name_key(thing.name), name_key(thing.name_ar)) if key}
        if not keys:
            return {}
        products = MenuProduct.objects.filter(Q(name_key__in=keys) | Q(name_ar_key__in=keys), company=company)
        by_name: dict[str, MenuProduct] = {}
        for product in products.order_by("created_at", "id"):
            for key in (product.name_key, product.name_ar_key):
                if key:
                    by_name.setdefault(key, product)
        return by_name

    def _candidates(self, external_id: str) -> Iterator[str]:
        """Yield an id and, where a provider (Jahez) hangs the branch on it, the id without that."""
        if external_id:
            yield external_id
            for suffix in self._suffixes:
                if external_id.endswith(suffix) and external_id != suffix:
                    yield external_id.removesuffix(suffix)

    def _with_id(self, thing: Line | Modifier) -> MenuProduct | None:
        for candidate in self._candidates(thing.external_id):
            if candidate in self._by_id:
                return self._by_id[candidate]
        return None

    def find(self, thing: Line | Modifier) -> MenuProduct | None:
        """Return the product of a line or an option: by its id, else by its exact normalised name in either language."""
        product = self._with_id(thing)
        if product is not None:
            return product
        for name in (thing.name, thing.name_ar):
            key = name_key(name)
            if key and key in self._by_name:
                return self._by_name[key]
        return None


def _walk(lines: Iterable[Line]) -> Iterator[Line | Modifier]:
    for line in lines:
        yield line
        for modifier in line.modifiers:
            yield from modifier.walk()
