"""An order as the API tells it. Plain functions: a DRF serializer takes many times as long for the same dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Func, Prefetch, QuerySet, TextField

from orders.access import Access
from orders.contacts import mask_phone
from orders.models import Order, OrderEvent, OrderItem, OrderItemModifier, Role
from orders.times import iso_time
from providers.money import currency_digits

LEFT_OUT = ("callback_urls", "fields_told_at")
"""Documents of an order that :func:`orders_json` leaves out: reading them takes longer than most of what it tells."""


def with_details(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Return the orders with their branch, lines and options as instances: three queries, however many orders."""
    items = OrderItem.objects.order_by("position").prefetch_related(
        Prefetch("modifiers", OrderItemModifier.objects.order_by("position"))
    )
    return orders.select_related("branch").prefetch_related(Prefetch("items", items))


def money(amount: Decimal | None, digits: int) -> str | None:
    """Return an amount in major units with exactly ``digits`` decimals; None stays None."""
    return None if amount is None else f"{amount:.{digits}f}"


def orders_json(orders: Sequence[Order], access: Access) -> list[dict[str, Any]]:
    """Return orders as ``access`` may see them, in two queries for all their lines and options. Read them with ``branch``."""
    lines = _read_lines(orders)
    return [_order_json(order, access, lines[str(order.id)]) for order in orders]


def order_json(order: Order, access: Access) -> dict[str, Any]:
    """Return an order as ``access`` may see it."""
    return orders_json([order], access)[0]


def _order_json(order: Order, access: Access, lines: list[dict[str, Any]]) -> dict[str, Any]:
    digits = currency_digits(order.currency)
    return {
        "id": str(order.id),
        "externalOrderId": order.external_id,
        "displayId": order.display_id,
        "provider": order.provider,
        "companyId": str(order.company_id),
        "branch": {"id": str(order.branch.id), "name": order.branch.name} if order.branch else None,
        "status": order.status,
        "customer": customer_json(order, access),
        "items": lines,
        "subtotal": money(order.subtotal, digits),
        "tax": money(order.tax, digits),
        "deliveryFee": money(order.delivery_fee, digits),
        "serviceFee": money(order.service_fee, digits),
        "discount": money(order.discount, digits),
        "tip": money(order.tip, digits),
        "total": money(order.total, digits),
        "currency": order.currency,
        "paymentMethod": order.payment_method,
        "cashDue": money(order.cash_due, digits),
        "orderType": order.order_type,
        "fulfilledBy": order.fulfilled_by,
        "deliveryAddress": order.delivery_address,
        "notes": order.notes,
        "courier": order.courier,
        "isTest": order.is_test,
        "timeZone": access.company.time_zone,
        "needsAttention": order.needs_attention,
        "attentionReasons": order.attention_reasons,
        "placedAt": iso_time(order.placed_at),
        "receivedAt": iso_time(order.received_at),
        "acceptBy": iso_time(order.accept_by),
        "scheduledFor": iso_time(order.scheduled_for),
        "estimatedDeliveryAt": iso_time(order.estimated_delivery_at),
        "createdAt": iso_time(order.created_at),
        "updatedAt": iso_time(order.updated_at),
        "seq": order.seq,
    }


def customer_json(order: Order, access: Access) -> dict[str, Any] | None:
    """Return the customer as the order names them; None where it names nobody.

    Staff do not need a finished order's phone any more, nor the code that goes with it.
    """
    if not (order.customer_name or order.customer_phone or order.customer_email):
        return None
    masked = hides_phone(order, access)
    return {
        "id": str(order.customer_id) if order.customer_id else None,
        "name": order.customer_name,
        "phone": mask_phone(order.customer_phone) if masked else order.customer_phone,
        "phoneAccessCode": "" if masked else order.customer_phone_access_code,
        "email": order.customer_email,
    }


def hides_phone(order: Order, access: Access) -> bool:
    return order.is_finished and not access.at_least(Role.MANAGER)


class _IdText(Func):
    """A UUID as text, written by the database: of thousands, an instance of each and its text take a third of a page's time."""

    template = "%(expressions)s::text"
    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """SQLite keeps a UUID as 32 digits without dashes."""
        parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
        template = " || '-' || ".join(f"SUBSTR(%(expressions)s, {first}, {length})" for first, length in parts)
        return self.as_sql(compiler, connection, template=template, **extra)


_LINE = (
    _IdText("order_id"), _IdText("id"), "external_id", "name", "name_ar", "quantity", "unit_price", "total_price", "notes",
    _IdText("menu_product_id"),
)  # fmt: skip
_OPTION = (
    _IdText("item__order_id"), _IdText("item_id"), _IdText("id"), "external_id", "name", "name_ar", "quantity", "price",
    _IdText("parent_id"),
)  # fmt: skip


def _read_lines(orders: Sequence[Order]) -> dict[str, list[dict[str, Any]]]:
    """Return the lines of each order with their options, in the payload's order.

    From plain rows: a page has thousands of them, and an instance of a model takes several times as long as its row.
    """
    ids = [order.id for order in orders]
    digits = {str(order.id): currency_digits(order.currency) for order in orders}
    options: dict[str, list[dict[str, Any]]] = {}
    rows = OrderItemModifier.objects.filter(item__order__in=ids).order_by("position").values_list(*_OPTION)
    for order_id, item_id, pk, external_id, name, name_ar, quantity, price, parent_id in rows:
        option = {
            "id": pk,
            "externalId": external_id,
            "name": name,
            "nameAr": name_ar,
            "quantity": quantity,
            "price": money(price, digits[order_id]),
            "parentId": parent_id,
        }
        options.setdefault(item_id, []).append(option)
    lines: dict[str, list[dict[str, Any]]] = {pk: [] for pk in digits}
    found = OrderItem.objects.filter(order__in=ids).order_by("position").values_list(*_LINE)
    for order_id, pk, external_id, name, name_ar, quantity, unit_price, total_price, notes, menu_product_id in found:
        line = {
            "id": pk,
            "externalId": external_id,
            "name": name,
            "nameAr": name_ar,
            "quantity": quantity,
            "unitPrice": money(unit_price, digits[order_id]),
            "totalPrice": money(total_price, digits[order_id]),
            "notes": notes,
            "menuProductId": menu_product_id,
            "modifiers": options.get(pk, []),
        }
        lines[order_id].append(line)
    return lines


def entry_json(entry: OrderEvent) -> dict[str, Any]:
    """Return an entry of the timeline. ``seq`` is null for what came too late to change anything."""
    return {
        "id": str(entry.id),
        "seq": entry.seq,
        "type": entry.type,
        "status": entry.status,
        "previousStatus": entry.previous_status or None,
        "providerStatus": entry.provider_status,
        "source": entry.source,
        "user": entry.user.display_name if entry.user else None,
        "reason": entry.reason,
        "prepMinutes": entry.prep_minutes,
        "changes": entry.changes,
        "loud": entry.is_loud,
        "note": entry.note,
        "occurredAt": iso_time(entry.occurred_at),
        "createdAt": iso_time(entry.created_at),
        "eventId": str(entry.webhook_event_id) if entry.webhook_event_id else None,
    }
