"""A customer's data in the domain: finding it, and taking it out of orders that keep their amounts and lines."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from orders.contacts import e164
from orders.models import Company, Customer, Order, OrderEvent, OrderItem
from orders.reasons import WORDS, reason_key

ERASED = "[erased]"
_BLANK: dict[str, Any] = {
    "customer": None, "customer_name": "", "customer_phone": "", "customer_phone_access_code": "", "customer_email": "",
    "delivery_address": None, "notes": "", "courier": None,
}  # fmt: skip
HAS_PERSONAL_DATA = (
    Q(customer__isnull=False) | Q(delivery_address__isnull=False) | Q(courier__isnull=False) | ~Q(customer_name="")
    | ~Q(customer_phone="") | ~Q(customer_phone_access_code="") | ~Q(customer_email="") | ~Q(notes="")
)  # fmt: skip
"""Orders that name anybody still."""


@dataclass(frozen=True)
class Person:
    """Somebody as one company knows them: one customer, or all that share a phone, and every order that names them."""

    company: Company
    customers: tuple[Customer, ...]
    orders: QuerySet[Order]
    words: frozenset[str]
    """What tells the person in free text: the whole name, phones as digits, e-mail addresses; all in lower case."""


def find_person(company: Company, *, customer_id: uuid.UUID | None = None, phone: str = "") -> Person | None:
    """Return the person of a customer's id or a phone, in any writing, within a company; None where it knows nobody so."""
    normal = e164(phone, company.country) or phone.strip()
    known = Customer.objects.filter(company=company)
    if customer_id is not None:
        customers = tuple(known.filter(pk=customer_id))
        orders = Order.objects.filter(company=company, customer__in=customers)
    else:
        customers = tuple(known.filter(Q(phone_key=normal) | Q(phone__in=[normal, phone])))
        of_phone = Q(customer_phone__in=[normal, phone]) if normal else Q(pk__in=[])
        orders = Order.objects.filter(of_phone | Q(customer__in=customers), company=company)
    if not customers and not orders.exists():
        return None
    told = list(orders.values_list("customer_name", "customer_phone", "customer_email").distinct())
    told += [(customer.name, customer.phone, customer.email) for customer in customers]
    return Person(company, customers, orders, frozenset(words_of(told)))


def words_of(told: Iterable[tuple[str, str, str]]) -> Iterable[str]:
    """Yield what tells somebody in free text. A short name is left out: it would be found in other words."""
    for name, phone, email in told:
        digits = re.sub(r"\D", "", phone)
        yield from (word for word in (name.strip().casefold(), email.strip().casefold()) if len(word) >= 3)
        if len(digits) >= 7:
            # Without the country's code: it is rarely written down among people of one country.
            yield digits[-8:]


def quotes(text: str, words: Iterable[str]) -> bool:
    """Tell whether a text names the person: a name as a word of its own, a number however its digits are spaced."""
    plain, digits = text.casefold(), re.sub(r"\D", "", text)
    return any(
        word in digits if word.isdecimal() else re.search(rf"(?<!\w){re.escape(word)}(?!\w)", plain) is not None
        for word in words
    )


def blank_orders(order_ids: list[uuid.UUID], words: Iterable[str] | None = None) -> int:
    """Take everything personal out of these orders; return how many. Amounts, lines and times stay.

    A reason in the timeline goes where it quotes one of ``words``; without ``words``, every one that is no code goes.
    """
    OrderItem.objects.filter(order__in=order_ids).exclude(notes="").update(notes="")
    for entry in OrderEvent.objects.filter(order__in=order_ids).exclude(reason="").select_related("order"):
        is_text = reason_key(entry.order.provider, entry.reason, entry.source) == WORDS
        if is_text if words is None else quotes(entry.reason, words):
            OrderEvent.objects.filter(pk=entry.pk).update(reason=ERASED)
    return Order.objects.filter(pk__in=order_ids).update(**_BLANK)
