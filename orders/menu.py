"""What a person does with the menu: saying which product an item is, taking that back, products and their ids."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from orders.access import Access
from orders.audit import record_act
from orders.matching import Menu
from orders.models import Company, MenuProduct, MenuProductCode, Order, OrderItem
from orders.names import name_key
from orders.rematch import BATCH, rematch
from orders.unmapped import Unmapped, orders_with, stores_of, unmapped_items, waiting_orders, writings_of
from providers.events import Line

MOST_ORDERS = 500
"""Orders that one click mends; the rest waits for the next one, and stands on the list as known."""


class AlreadyMappedError(Exception):
    """The provider's id is another product's; somebody may have said so in this moment."""

    def __init__(self, product: MenuProduct) -> None:
        self.product = product
        super().__init__(product.name)


class ProductInUseError(Exception):
    """The product has ids of providers, or orders whose lines are it."""


@dataclass(frozen=True, slots=True)
class Mended:
    """How many orders were matched anew, and whether more of them wait."""

    orders: int
    has_more: bool = False


# -- which product an item is ------------------------------------------------------------------------------------------


def map_item(access: Access, provider: str, external_id: str, product: MenuProduct, request: HttpRequest) -> Mended:
    """Make a provider's id a product's, and mend the orders that wait for it: the open ones and the newest first.

    The id, its entry in the audit trail and the first ``BATCH`` orders are one transaction; more follow in batches. Raises
    AlreadyMappedError where the id is another product's; nothing is written then. Safe to call twice.
    """
    company = access.company
    ids = writings_of(company, provider, external_id)

    def give() -> None:
        _give_id(access, product, provider, external_id, request)

    return _mend(access, provider, lambda: waiting_orders(company, provider, ids), give)


def _give_id(access: Access, product: MenuProduct, provider: str, external_id: str, request: HttpRequest) -> None:
    """Write an id in the caller's transaction; what the product has already leaves no trace. Raises AlreadyMappedError."""
    draft = MenuProductCode(
        product=product, provider=provider, external_id=external_id, mapped_at=timezone.now(), mapped_by=access.user
    )
    try:
        # Of two at once the second waits here for the first, and then finds what it has written.
        with transaction.atomic():
            draft.save(force_insert=True)
    except IntegrityError:
        codes = MenuProductCode.objects.select_related("product")
        found = codes.get(company=product.company_id, provider=provider, external_id=external_id)
        if found.product_id != product.id:
            raise AlreadyMappedError(found.product) from None
        return
    details = {"product": str(product.id), "name": product.name}
    _record(access, request, "menu.mapped", f"{provider} {external_id}", details)


def _record(access: Access, request: HttpRequest, action: str, target: object, details: dict[str, Any]) -> None:
    record_act(action, company=access.company, user=access.user, request=request, target=target, details=details)


def take_id(access: Access, code: MenuProductCode, request: HttpRequest) -> Mended:
    """Take a provider's id from its product, and match the lines that had it anew. Undoes :func:`map_item`.

    What nothing else on the menu matches is unmapped again, and its orders say so. Safe to call twice.
    """
    company, provider, product_id = access.company, code.provider, code.product_id
    ids = writings_of(company, provider, code.external_id)

    def take() -> None:
        taken, _ = MenuProductCode.objects.filter(pk=code.pk).delete()
        if taken:
            details = {"product": str(product_id), "name": code.product.name}
            _record(access, request, "menu.unmapped", f"{provider} {code.external_id}", details)

    return _mend(access, provider, lambda: orders_with(company, provider, ids, product_id), take, stale=ids)


def _mend(
    access: Access, provider: str, affected: Callable[[], QuerySet[Order]], change: Callable[[], None],
    stale: Collection[str] = (),
) -> Mended:  # fmt: skip
    """Change the menu and match the first orders in one transaction, and the others in transactions of their own."""
    with transaction.atomic():
        change()
        # Looked up after the change: what comes meanwhile finds the menu as it then is.
        order_ids = list(affected().values_list("pk", flat=True)[: MOST_ORDERS + 1])
        mended = rematch(access.company, provider, order_ids[:BATCH], user=access.user, stale=stale)
    return _mend_more(access, {provider: order_ids[BATCH:]}, mended, stale)


def _mend_more(
    access: Access, waiting: dict[str, list[uuid.UUID]], mended: int = 0, stale: Collection[str] = ()
) -> Mended:
    """Match orders in batches, each in its own transaction, up to ``MOST_ORDERS``; stop where the database is too busy."""
    room = MOST_ORDERS - mended
    has_more = False
    for provider, order_ids in waiting.items():
        for start in range(0, min(len(order_ids), room), BATCH):
            try:
                batch = order_ids[start : min(start + BATCH, room)]
                mended += rematch(access.company, provider, batch, user=access.user, stale=stale)
            except OperationalError:
                return Mended(mended, has_more=True)
        has_more = has_more or len(order_ids) > room
        room = max(0, room - len(order_ids))
    return Mended(mended, has_more)


def mend_known(access: Access) -> Mended:
    """Mend the orders whose items the menu knows by now: after products, names or many ids have changed."""
    company = access.company
    waiting: dict[str, list[uuid.UUID]] = {}
    entries: dict[str, list[Unmapped]] = {}
    for entry in unmapped_items(access):
        entries.setdefault(entry.provider, []).append(entry)
    for provider, items in entries.items():
        known = _known(company, provider, items)
        if not known:
            continue
        ids = {each for entry in known for each in entry.ids}
        names = {name for entry in known if not entry.external_id for name in entry.names}
        found = waiting_orders(company, provider, ids, names).values_list("pk", flat=True)
        waiting[provider] = list(found[: MOST_ORDERS + 1])
    return _mend_more(access, waiting)


def _known(company: Company, provider: str, entries: list[Unmapped]) -> list[Unmapped]:
    """Return the items that matching would find now."""
    stores = tuple(stores_of(company, [provider]).get(provider, ()))
    lines = [Line(quantity=1, external_id=e.external_id, name=e.name, name_ar=e.name_ar) for e in entries]
    menu = Menu(company, provider, lines, stores)
    return [entry for entry, line in zip(entries, lines, strict=True) if menu.find(line) is not None]


# -- products ----------------------------------------------------------------------------------------------------------


def search_products(products: QuerySet[MenuProduct], term: str) -> QuerySet[MenuProduct]:
    """Return the products that have a part of a name, in either language and however it is written, or an id of a provider."""
    term = term.strip().replace("\x00", "")
    if not term:
        return products
    key = name_key(term)
    named = Q(name_key__contains=key) | Q(name_ar_key__contains=key) if key else Q(name__icontains=term)
    coded = MenuProductCode.objects.filter(external_id=term).values("product_id")
    return products.filter(named | Q(pk__in=coded))


def make_product(
    access: Access, product: MenuProduct, request: HttpRequest, *, provider: str = "", external_id: str = ""
) -> Mended:
    """Add a product, with the provider's id of what came where one is named; mend the orders that it now fits.

    Raises AlreadyMappedError where the id is another product's; nothing is written then.
    """
    product.company = access.company
    ids = writings_of(access.company, provider, external_id) if external_id else set()

    def add() -> None:
        product.save(force_insert=True)
        _record(access, request, "menu.product_added", product.id, {"name": product.name})
        if external_id:
            _give_id(access, product, provider, external_id, request)

    if not external_id:
        with transaction.atomic():
            add()
        return mend_known(access)
    return _mend(access, provider, lambda: waiting_orders(access.company, provider, ids), add)


PRODUCT_FIELDS = ("name", "name_ar", "price", "is_active")


def change_product(access: Access, product: MenuProduct, values: dict[str, Any], request: HttpRequest) -> Mended:
    """Change a product's fields, and mend the orders that a new name fits. What is the same already leaves no trace."""
    before = {name: getattr(product, name) for name in values}
    changes = {name: [_plain(before[name]), _plain(value)] for name, value in values.items() if before[name] != value}
    if not changes:
        return Mended(0)
    for name, value in values.items():
        setattr(product, name, value)
    with transaction.atomic():
        product.save(update_fields=list(changes))
        _record(access, request, "menu.product_changed", product.id, {"name": product.name, "changes": changes})
    return mend_known(access) if changes.keys() & {"name", "name_ar"} else Mended(0)


def delete_product(access: Access, product: MenuProduct, request: HttpRequest) -> None:
    """Delete a product that nothing refers to. Raises ProductInUseError: its orders would be unmapped and nobody told."""
    with transaction.atomic():
        MenuProduct.objects.select_for_update().filter(pk=product.pk).first()
        in_use = MenuProductCode.objects.filter(product=product).exists() or is_ordered(product)
        if in_use:
            raise ProductInUseError
        target = product.id
        product.delete()
        _record(access, request, "menu.product_deleted", target, {"name": product.name})


def is_ordered(product: MenuProduct) -> bool:
    """Tell whether a line of an order is this product."""
    return OrderItem.objects.filter(menu_product=product).exists()


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, type(None))) else str(value)
