"""A customer's data everywhere: exporting it, erasing it, and blanking what is old."""

from __future__ import annotations

import base64
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from integration.batches import SIZE, delete, in_batches
from integration.models import OutboundAttempt, OutboundPush, WebhookAttempt, WebhookBody, WebhookLog, WebhookStatus
from orders.audit import record_act
from orders.models import Company, Customer, Order, OrderEvent, User
from orders.models.order import FINISHED
from orders.personal_data import ERASED, HAS_PERSONAL_DATA, Person, blank_orders, quotes
from orders.serializers import entry_json, money, with_details
from orders.times import iso_time
from providers.money import currency_digits

BATCH = 200


class OpenOrdersError(Exception):
    """The person has orders that are not finished: the kitchen and the courier still need their data."""


@dataclass
class Erasure:
    """How much there was."""

    customers: int = 0
    orders: int = 0
    deliveries: int = 0


# -- what belongs to whom ----------------------------------------------------------------------------------------------


def deliveries_of(person: Person) -> QuerySet[WebhookLog]:
    """Return the deliveries of a person's orders, and those without an order whose bytes have their phone or e-mail."""
    orders = person.orders.values("pk")
    contacts = [word for word in person.words if word.isdecimal() or "@" in word]
    nowhere = WebhookLog.objects.filter(company=person.company, order_id__isnull=True, body__isnull=False)
    bodies = WebhookBody.objects.filter(log__in=nowhere).values_list("pk", "body")
    named = [pk for pk, body in bodies.iterator(BATCH) if quotes(bytes(body).decode("utf-8", "replace"), contacts)]
    return WebhookLog.objects.filter(Q(order_id__in=orders) | Q(pk__in=named), company=person.company)


# -- exporting ---------------------------------------------------------------------------------------------------------


def export_person(person: Person, *, user: User | None = None) -> dict[str, Any]:
    """Return everything that a company holds of a person, as JSON; leaves an entry in the audit trail."""
    orders = [_order(order) for order in with_details(person.orders.order_by("created_at"))]
    deliveries = [_delivery(log) for log in deliveries_of(person).select_related("body").order_by("received_at")]
    details = {"orders": len(orders), "deliveries": len(deliveries)}
    record_act("customer.exported", company=person.company, user=user, target=_target(person), details=details)
    return {
        "company": {"id": str(person.company.id), "name": person.company.name},
        "exportedAt": iso_time(timezone.now()),
        "customers": [
            {"id": str(one.id), "name": one.name, "phone": one.phone, "email": one.email,
             "createdAt": iso_time(one.created_at), "updatedAt": iso_time(one.updated_at)}
            for one in person.customers
        ],
        "orders": orders,
        "deliveries": deliveries,
    }  # fmt: skip


def _order(order: Order) -> dict[str, Any]:
    digits = currency_digits(order.currency)
    return {
        "id": str(order.id),
        "provider": order.provider,
        "externalOrderId": order.external_id,
        "status": order.status,
        "customer": {"name": order.customer_name, "phone": order.customer_phone, "email": order.customer_email,
                     "phoneAccessCode": order.customer_phone_access_code},
        "deliveryAddress": order.delivery_address,
        "notes": order.notes,
        "courier": order.courier,
        "items": [
            {"name": item.name, "nameAr": item.name_ar, "quantity": item.quantity, "notes": item.notes,
             "totalPrice": money(item.total_price, digits)}
            for item in order.items.all()
        ],
        "total": money(order.total, digits),
        "currency": order.currency,
        "placedAt": iso_time(order.placed_at),
        "timeline": [entry_json(entry) for entry in OrderEvent.objects.filter(order=order).select_related("user")],
    }  # fmt: skip


def _delivery(log: WebhookLog) -> dict[str, Any]:
    body = bytes(log.body.body) if hasattr(log, "body") else None
    told: dict[str, Any] = {"body": None}
    if body is not None:
        try:
            told = {"body": body.decode("utf-8")}
        except UnicodeDecodeError:
            told = {"bodyBase64": base64.b64encode(body).decode("ascii")}
    return {"id": str(log.id), "receivedAt": iso_time(log.received_at), "headers": log.headers, **told}


# -- erasing -----------------------------------------------------------------------------------------------------------


def count_person(person: Person) -> Erasure:
    """Return how much an erasure would take."""
    return Erasure(len(person.customers), person.orders.count(), deliveries_of(person).count())


def erase_person(person: Person, *, user: User | None = None) -> Erasure:
    """Erase a person in one transaction, with an entry in the audit trail that names nobody. Safe to call twice.

    Orders keep their amounts and lines, deliveries their keys and digests. Raises OpenOrdersError while an order is open.
    """
    with transaction.atomic():
        orders = list(person.orders.select_for_update(of=("self",)))
        if any(not order.is_finished for order in orders):
            raise OpenOrdersError
        done = count_person(person)
        order_ids = [order.pk for order in orders]
        _blank_deliveries(list(deliveries_of(person).values_list("pk", flat=True)))
        _blank_pushes(order_ids, person)
        blank_orders(order_ids, person.words)
        Customer.objects.filter(pk__in=[customer.pk for customer in person.customers]).delete()
        details = {"customers": done.customers, "orders": done.orders, "deliveries": done.deliveries}
        record_act("customer.erased", company=person.company, user=user, target=_target(person), details=details)
    return done


def _target(person: Person) -> str:
    return ", ".join(str(customer.pk) for customer in person.customers[:5]) or "a phone without a customer"


def _blank_deliveries(log_ids: list[uuid.UUID]) -> None:
    """Delete the bytes and everything that may quote them. What makes a delivery known stays, so that none is taken twice."""
    WebhookBody.objects.filter(pk__in=log_ids).delete()
    WebhookAttempt.objects.filter(log__in=log_ids).exclude(error="").update(error=ERASED)
    logs = WebhookLog.objects.filter(pk__in=log_ids)
    logs.update(headers={}, details={}, warnings=[])
    logs.exclude(error="").update(error=ERASED)


def _blank_pushes(order_ids: list[uuid.UUID], person: Person | None = None) -> None:
    attempts = OutboundAttempt.objects.filter(push__order__in=order_ids)
    attempts.update(request_body="", response_body="", request_headers={})
    for push in OutboundPush.objects.filter(order__in=order_ids).exclude(reason=""):
        if person is None or quotes(push.reason, person.words):
            OutboundPush.objects.filter(pk=push.pk).update(reason=ERASED)


# -- what is old -------------------------------------------------------------------------------------------------------


def old_orders(now: datetime | None = None) -> QuerySet[Order]:
    """Return finished orders past PERSONAL_DATA_RETENTION_DAYS that name somebody still; none where it is 0."""
    if not settings.PERSONAL_DATA_RETENTION_DAYS:
        return Order.objects.none()
    before = (now or timezone.now()) - timedelta(days=settings.PERSONAL_DATA_RETENTION_DAYS)
    return Order.objects.filter(HAS_PERSONAL_DATA, status__in=FINISHED, created_at__lt=before)


def count_old_data(now: datetime | None = None) -> dict[str, int]:
    """Return how many rows of each table ``prune_personal_data`` would blank or delete."""
    now = now or timezone.now()
    if not settings.PERSONAL_DATA_RETENTION_DAYS:
        return {}
    return {
        "orders": old_orders(now).count(),
        "webhook_logs": _unused_logs(now).count(),
        "customers": _unused_customers(now).count(),
    }


def prune_personal_data(now: datetime | None = None, *, tell: Callable[[str, int, int], None] | None = None) -> int:
    """Blank old orders in batches, each a transaction, and delete the customers that none names any more; return how many.

    Deliveries that never became an order, and wait in vain, lose their bytes at the same age. ``tell`` hears after each
    batch of the table, of how many rows are done and how many there were. Whoever stops it goes on with the next run.
    """
    now = now or timezone.now()
    blanked: Counter[uuid.UUID] = Counter()
    of = count_old_data(now)
    for table, rows, act, size in (
        ("orders", old_orders(now), partial(_blank_batch, blanked), BATCH),
        ("webhook_logs", _unused_logs(now), _blank_logs, BATCH),
        ("customers", _unused_customers(now), delete, SIZE),
    ):
        done = 0
        for number in in_batches(rows, act, size) if of else ():  # type: ignore[arg-type]
            done += number
            if tell is not None:
                tell(table, done, max(of[table], done))
    for company in Company.objects.filter(pk__in=blanked):
        record_act("customer.data_pruned", company=company, details={"orders": blanked[company.pk]})
    return blanked.total()


def _blank_batch(blanked: Counter[uuid.UUID], orders: QuerySet[Order]) -> None:
    batch = list(orders.values_list("pk", "company_id"))
    order_ids, companies = [pk for pk, _ in batch], [company_id for _, company_id in batch]
    with transaction.atomic():
        logs = WebhookLog.objects.filter(company__in=set(companies), order_id__in=order_ids)
        _blank_deliveries(list(logs.values_list("pk", flat=True)))
        _blank_pushes(order_ids)
        blank_orders(order_ids)
    blanked.update(companies)


def _blank_logs(logs: QuerySet[WebhookLog]) -> None:
    with transaction.atomic():
        _blank_deliveries(list(logs.values_list("pk", flat=True)))


def _unused_logs(now: datetime) -> QuerySet[WebhookLog]:
    """Return old deliveries that never became an order and still have their bytes."""
    waiting = [WebhookStatus.QUARANTINED, WebhookStatus.DEAD, WebhookStatus.PARKED]
    return WebhookLog.objects.filter(status__in=waiting, received_at__lt=_before(now), body__isnull=False)


def _unused_customers(now: datetime) -> QuerySet[Customer]:
    return Customer.objects.filter(orders__isnull=True, updated_at__lt=_before(now))


def _before(now: datetime) -> datetime:
    return now - timedelta(days=settings.PERSONAL_DATA_RETENTION_DAYS)
