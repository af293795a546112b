"""Orders: to look at. What moves one is the dashboard and the provider."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from orders.admin.lists import (
    CompanyFilter,
    DayFilter,
    LargeListAdmin,
    OwnRowsFilter,
    ProviderFilter,
    searched_company_ids,
)
from orders.admin_scope import ReadOnlyAdmin, ScopedInline
from orders.models import Order, OrderEvent, OrderItem, OrderItemModifier
from providers.money import currency_digits

FOUND_AT_MOST = 200
DISPLAY_IDS_OF = timedelta(days=31)
"""Short numbers are used again and stand in no index: they are looked for among the newest orders."""


def money(amount: Decimal | None, currency: str) -> str:
    """Return an amount with its currency's own number of decimals; a dash where the provider named none."""
    return "–" if amount is None else f"{amount:.{currency_digits(currency)}f}"


def _amount_of(name: str) -> Callable[[Order], str]:
    def amount(order: Order) -> str:
        return money(getattr(order, name), order.currency)

    amount.__name__ = name
    return admin.display(description=name.replace("_", " "))(amount)


AMOUNTS = tuple(
    _amount_of(name)
    for name in ("subtotal", "tax", "delivery_fee", "service_fee", "discount", "tip", "total", "cash_due")
)


class OrderItemInline(ScopedInline):
    model = OrderItem
    is_read_only = True
    fields = ("quantity", "name", "name_ar", "external_id", "options", "each", "together", "notes", "product")
    readonly_fields = ("options", "each", "together", "product")
    verbose_name = "line"

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderItem]:
        return super().get_queryset(request).select_related("order", "menu_product").prefetch_related("modifiers")

    @admin.display(description=_("unit price"))
    def each(self, item: OrderItem) -> str:
        return money(item.unit_price, item.order.currency)

    @admin.display(description=_("total price"))
    def together(self, item: OrderItem) -> str:
        return money(item.total_price, item.order.currency)

    @admin.display(description=_("modifiers"))
    def options(self, item: OrderItem) -> str:
        """Return the line's options, each as deep as it stands."""
        depth: dict[uuid.UUID, int] = {}
        lines: list[tuple[str, str]] = []
        modifier: OrderItemModifier
        for modifier in item.modifiers.all():
            depth[modifier.pk] = depth.get(modifier.parent_id, -1) + 1 if modifier.parent_id else 0
            price = "" if modifier.price is None else f" {money(modifier.price, item.order.currency)}"
            lines.append(("– " * depth[modifier.pk], f"{modifier}{price}"))
        return format_html_join("", "<div>{}{}</div>", lines) if lines else "–"

    @admin.display(description=_("menu product"))
    def product(self, item: OrderItem) -> str:
        if item.menu_product is None:
            return "–"
        url = reverse("admin:orders_menuproduct_change", args=[item.menu_product.pk])
        return format_html('<a href="{}">{}</a>', url, item.menu_product)


class OrderEventInline(ScopedInline):
    model = OrderEvent
    is_read_only = True
    fields = ("occurred_at", "type", "status", "provider_status", "source", "user", "reason", "note", "seq", "delivery")
    readonly_fields = ("delivery",)
    verbose_name_plural = "timeline"

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderEvent]:
        return super().get_queryset(request).select_related("user")

    @admin.display(description=_("webhook"))
    def delivery(self, event: OrderEvent) -> str:
        if event.webhook_event_id is None:
            return "–"
        url = reverse("admin:integration_webhooklog_change", args=[event.webhook_event_id])
        return format_html('<a href="{}">{}</a>', url, str(event.webhook_event_id)[-8:])


@admin.register(Order)
class OrderAdmin(LargeListAdmin, ReadOnlyAdmin):
    """Orders with their lines and their timeline."""

    list_display = ("__str__", "provider", "status", "branch", "amount", "needs_attention", "is_test", "company",
                    "created_at")  # fmt: skip
    list_select_related = ("branch", "company")
    list_filter: ClassVar[Any] = (
        "status", ProviderFilter, ("branch", OwnRowsFilter), DayFilter, "needs_attention", ("company", CompanyFilter),
    )  # fmt: skip
    allowed_lookups = ("customer__id__exact",)
    search_fields = ("external_id",)
    search_help_text = _("A whole external id, an order's id, or a display number of the last month.")
    ordering = ("-created_at", "-id")
    readonly_fields: ClassVar[Any] = ("webhook_logs", *AMOUNTS)
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("id", "company", "provider", "external_id", "display_id", "branch", "status",
                           "attention_reasons", "is_test", "via_hub", "webhook_logs")}),
        (_("Customer"), {"fields": ("customer", "customer_name", "customer_phone", "customer_phone_access_code",
                                 "customer_email", "delivery_address", "notes", "courier")}),
        (_("Amounts"), {"fields": (*AMOUNTS, "currency", "payment_method")}),
        (_("Handing over"), {"fields": ("order_type", "fulfilled_by", "placed_at", "received_at", "accept_by",
                                     "scheduled_for", "estimated_delivery_at", "created_at", "updated_at", "seq")}),
    )  # fmt: skip
    inlines = (OrderItemInline, OrderEventInline)

    def found_ids(self, request: HttpRequest, term: str) -> Iterable[Any]:
        try:
            return [uuid.UUID(term)]
        except ValueError:
            pass
        own = Order.objects.filter(company_id__in=searched_company_ids(request)).order_by()
        recent = own.filter(created_at__gte=timezone.now() - DISPLAY_IDS_OF)
        return [*own.filter(external_id=term).values_list("pk", flat=True)[:FOUND_AT_MOST],
                *recent.filter(display_id=term).values_list("pk", flat=True)[:FOUND_AT_MOST]]  # fmt: skip

    @admin.display(description=_("total"))
    def amount(self, obj: Order) -> str:
        return f"{money(obj.total, obj.currency)} {obj.currency}"

    @admin.display(description=_("webhook log"))
    def webhook_logs(self, obj: Order) -> str:
        url = reverse("admin:integration_webhooklog_changelist")
        # The index of orders in the log begins with the company.
        return format_html(
            '<a href="{}?company__id__exact={}&amp;order_id__exact={}">What the provider sent about it</a>',
            url, obj.company_id, obj.pk,
        )  # fmt: skip
