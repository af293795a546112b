"""``/menu/``: what came and is not on the menu, one click to say what it is; the products and their ids."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

from django.core.paginator import Page, Paginator
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from integration.forms import ProductForm
from integration.views.acting import acted, missing
from orders.access import Access
from orders.menu import (
    AlreadyMappedError,
    Mended,
    ProductInUseError,
    change_product,
    delete_product,
    is_ordered,
    make_product,
    map_item,
    mend_known,
    search_products,
    take_id,
)
from orders.models import MenuProduct, MenuProductCode, Role
from orders.pages import member_page, page_for, uuid_or_none
from orders.suggestions import Suggester
from orders.timeline import last_seq
from orders.unmapped import add_last_lines, coverage, unmapped_items
from providers.registry import ADAPTERS

ITEMS_A_PAGE = 20
PRODUCTS_A_PAGE = 50
RECENT = timedelta(hours=12)
MOST_RECENT = 5
MAX_ID = 255


def page_context(access: Access) -> dict[str, Any]:
    """Return what each page of the menu shows."""
    return {
        "seq": last_seq(access.company.id),
        "may_edit": access.at_least(Role.MANAGER),
        "adapters": ADAPTERS.values(),
    }


def numbered(request: HttpRequest, rows: Any, size: int) -> Page[Any]:
    """Return the page that the request names; the nearest that there is."""
    return Paginator(rows, size).get_page(request.GET.get("page", "1"))


# -- what is not on the menu -------------------------------------------------------------------------------------------


@member_page
def unmapped(request: HttpRequest, access: Access) -> HttpResponse:
    """Show what came unmapped with suggestions, what was mapped lately, and how much is known of each provider."""
    page = numbered(request, unmapped_items(access), ITEMS_A_PAGE)
    entries = list(page)
    suggester = Suggester(access.company, entries) if entries else None
    add_last_lines(access, entries)
    recent = MenuProductCode.objects.filter(company=access.company, mapped_at__gte=timezone.now() - RECENT)
    context = {
        **page_context(access),
        "page": page,
        "entries": [(entry, suggester.suggest(entry)) for entry in entries] if suggester else [],
        "coverage": coverage(access),
        "recent": recent.select_related("product", "mapped_by").order_by("-mapped_at")[:MOST_RECENT],
    }
    return render(request, "integration/menu.html", context)


@page_for(Role.MANAGER, "POST")
def map_to(request: HttpRequest, access: Access) -> HttpResponse:
    """Say which product an item is. One without an id is only matched again: its name is the product's by now."""
    product = _product(access, uuid_or_none(request.POST.get("product", "")))
    provider, external_id = request.POST.get("provider", ""), request.POST.get("externalId", "")
    if product is None or provider not in ADAPTERS or not _is_id(external_id):
        return missing(request)
    try:
        done = map_item(access, provider, external_id, product, request) if external_id else mend_known(access)
    except AlreadyMappedError as error:
        message = _("Nothing was changed: this id is “%(name)s” already.") % {"name": error.product.name}
        return acted(request, "menu", message=message, ok=False, code="already_mapped")
    except OperationalError:
        return _busy(request)
    return acted(request, "menu", message=_("It is “%(name)s” now.") % {"name": product.name} + mended_words(done))


@page_for(Role.MANAGER, "POST")
def take(request: HttpRequest, access: Access, code_id: int) -> HttpResponse:
    """Take a provider's id from its product: undoes what was mapped."""
    code = MenuProductCode.objects.select_related("product").filter(company=access.company, pk=code_id).first()
    if code is None:
        return missing(request)
    try:
        done = take_id(access, code, request)
    except OperationalError:
        return _busy(request)
    message = _("“%(name)s” has this id no longer.") % {"name": code.product.name} + mended_words(done)
    return acted(request, "menu-product", code.product_id, message=message)


def mended_words(done: Mended) -> str:
    if not done.orders:
        return ""
    text = ngettext("%(n)d order was matched anew.", "%(n)d orders were matched anew.", done.orders) % {
        "n": done.orders
    }
    more = _("More of them wait: press once more.") if done.has_more else ""
    return " ".join(("", text, more)).rstrip()


def _busy(request: HttpRequest) -> HttpResponse:
    message = _("Nothing was changed: its orders are being written just now. Try again.")
    return acted(request, "menu", message=message, ok=False, code="unavailable")


def _is_id(text: str) -> bool:
    return len(text) <= MAX_ID and "\x00" not in text


# -- products ----------------------------------------------------------------------------------------------------------


@member_page
def products(request: HttpRequest, access: Access) -> HttpResponse:
    """Show the products; with an item in the query, choose the one that it is."""
    given = {name: request.GET.get(name, "").strip()[:100] for name in ("search", "available", "missing")}
    rows = search_products(MenuProduct.objects.filter(company=access.company), given["search"])
    if given["available"] in ("yes", "no"):
        rows = rows.filter(is_active=given["available"] == "yes")
    if given["missing"] in ADAPTERS:
        coded = MenuProductCode.objects.filter(company=access.company, provider=given["missing"])
        rows = rows.exclude(pk__in=coded.values("product_id"))
    page = numbered(request, rows.prefetch_related("codes").order_by("name", "id"), PRODUCTS_A_PAGE)
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        **page_context(access),
        "page": page,
        "given": given,
        "is_filtered": any(given.values()),
        "query": query.urlencode(),
        "item": item_of(request) if access.at_least(Role.MANAGER) else None,
    }
    return render(request, "integration/menu_products.html", context)


def item_of(request: HttpRequest) -> dict[str, str] | None:
    """Return the item that the query is about; None without one."""
    item = {
        name: request.GET.get(name, "")[:MAX_ID]
        for name in ("provider", "externalId", "itemName", "itemNameAr", "price")
    }
    if item["provider"] not in ADAPTERS or not _is_id(item["externalId"]):
        return None
    return item if item["externalId"] or item["itemName"] or item["itemNameAr"] else None


@page_for(Role.MANAGER, "GET", "HEAD", "POST")
def new_product(request: HttpRequest, access: Access) -> HttpResponse:
    """Show the form of a new product, filled in with the item that came; with POST, add it and say that it is the item."""
    item = item_of(request) or {}
    named = {
        "name": item.get("itemName", ""),
        "name_ar": item.get("itemNameAr", ""),
        "price": _short(item.get("price", "")),
    }
    form = ProductForm(request.POST if request.method == "POST" else None, initial={"is_active": True, **named})
    if request.method == "POST" and form.is_valid():
        product = form.save(commit=False)
        try:
            done = make_product(
                access, product, request, provider=item.get("provider", ""), external_id=item.get("externalId", "")
            )
        except AlreadyMappedError as error:
            form.add_error(None, _("This id is “%(name)s” already.") % {"name": error.product.name})
        except OperationalError:
            form.add_error(None, _("Nothing was changed: its orders are being written just now. Try again."))
        else:
            message = _("“%(name)s” is on the menu.") % {"name": product.name} + mended_words(done)
            return acted(request, "menu" if item else "menu-product", *([] if item else [product.id]), message=message)
    context = {**page_context(access), "form": form, "item": item, "company_currency": access.company.currency}
    return render(request, "integration/menu_product.html", context, status=400 if form.errors else 200)


@member_page
def product(request: HttpRequest, access: Access, product_id: uuid.UUID) -> HttpResponse:
    """Show a product and its ids."""
    found = _product(access, product_id)
    if found is None:
        return missing(request)
    return _show(request, access, found, ProductForm(instance=found, initial={"price": _short(found.price)}))


@page_for(Role.MANAGER, "POST")
def change(request: HttpRequest, access: Access, product_id: uuid.UUID) -> HttpResponse:
    """Change a product."""
    found = _product(access, product_id)
    if found is None:
        return missing(request)
    # A form writes into its instance: what is kept is compared with a row of its own.
    form = ProductForm(request.POST, instance=MenuProduct(company=access.company))
    if not form.is_valid():
        return _show(request, access, found, form)
    done = change_product(access, found, form.cleaned_data, request)
    return acted(request, "menu-product", found.id, message=_("Saved.") + mended_words(done))


def _show(request: HttpRequest, access: Access, found: MenuProduct, form: ProductForm) -> HttpResponse:
    context = {
        **page_context(access),
        "form": form,
        "product": found,
        "codes": found.codes.select_related("mapped_by").order_by("provider", "external_id"),
        "is_ordered": is_ordered(found),
        "company_currency": access.company.currency,
    }
    return render(request, "integration/menu_product.html", context, status=400 if form.errors else 200)


@page_for(Role.MANAGER, "POST")
def add_id(request: HttpRequest, access: Access, product_id: uuid.UUID) -> HttpResponse:
    """Give a product a provider's id that has not come yet; orders that came with it are mended."""
    found = _product(access, product_id)
    provider, external_id = request.POST.get("provider", ""), request.POST.get("externalId", "").strip()
    if found is None or provider not in ADAPTERS:
        return missing(request)
    if not external_id or not _is_id(external_id):
        message = _("An id has 1 to %(most)d characters.") % {"most": MAX_ID}
        return acted(request, "menu-product", found.id, message=message, ok=False, code="invalid_request")
    try:
        done = map_item(access, provider, external_id, found, request)
    except AlreadyMappedError as error:
        message = _("Nothing was changed: this id is “%(name)s” already.") % {"name": error.product.name}
        return acted(request, "menu-product", found.id, message=message, ok=False, code="already_mapped")
    except OperationalError:
        return _busy(request)
    return acted(request, "menu-product", found.id, message=_("The id is kept.") + mended_words(done))


@page_for(Role.MANAGER, "POST")
def delete(request: HttpRequest, access: Access, product_id: uuid.UUID) -> HttpResponse:
    """Delete a product that nothing refers to."""
    found = _product(access, product_id)
    if found is None:
        return missing(request)
    try:
        delete_product(access, found, request)
    except ProductInUseError:
        message = _("It has ids of providers, or orders: switch it to not available instead.")
        return acted(request, "menu-product", found.id, message=message, ok=False, code="product_in_use")
    return acted(request, "menu-products", message=_("“%(name)s” is deleted.") % {"name": found.name})


def _short(price: object) -> str:
    """Return an amount without the zeros behind it, as one types it; anything else as it is."""
    text = "" if price is None else str(price)
    return text.rstrip("0").rstrip(".") if re.fullmatch(r"[0-9]+\.[0-9]+", text) else text


def _product(access: Access, product_id: uuid.UUID | None) -> MenuProduct | None:
    return MenuProduct.objects.filter(company=access.company, pk=product_id).first() if product_id else None
