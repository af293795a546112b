"""Orders as the kitchen sees them, and everything that happened to them."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orders.ids import new_id
from providers.events import FulfilledBy, OrderType, Status

_ORDER_IDS = uuid.UUID("6f3b1c52-8f1e-5f0a-9d0c-3b6a5d0e7c41")


def order_id_for(company_id: uuid.UUID, provider: str, external_id: str) -> uuid.UUID:
    """Return the id that this order has or will have: the same for every dispatch, even before the order exists."""
    return uuid.uuid5(_ORDER_IDS, f"{company_id}\n{provider}\n{external_id}")


def _amount(**kwargs: Any) -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=15, decimal_places=4, null=True, blank=True, **kwargs)


STATUS_CHOICES = [(status.value, status.value.replace("_", " ").capitalize()) for status in Status]
FINISHED = frozenset({Status.DELIVERED, Status.CANCELLED, Status.REJECTED, Status.FAILED})


class Order(models.Model):
    """One order. Amounts are the provider's, in major units of ``currency``. Written only by ``orders.services`` and
    ``orders.bell``.
    """

    class Ring(models.TextChoices):
        NEW = "new", "New"
        CANCELLED = "cancelled", "Cancelled after it was accepted"

    id = models.UUIDField(primary_key=True, editable=False)
    company = models.ForeignKey("orders.Company", models.PROTECT, related_name="orders", db_index=False)
    provider = models.CharField(max_length=32)
    external_id = models.CharField(max_length=512)
    display_id = models.CharField(max_length=64, blank=True)
    branch = models.ForeignKey("orders.Branch", models.SET_NULL, null=True, related_name="orders")
    customer = models.ForeignKey("orders.Customer", models.SET_NULL, null=True, related_name="orders")
    status = models.CharField(max_length=20, choices=STATUS_CHOICES, default=Status.RECEIVED)
    customer_name = models.CharField(max_length=255, blank=True)
    customer_phone = models.CharField(max_length=64, blank=True)
    customer_phone_access_code = models.CharField(max_length=64, blank=True)
    customer_email = models.CharField(max_length=254, blank=True)
    subtotal = _amount()
    tax = _amount()
    delivery_fee = _amount()
    service_fee = _amount()
    discount = _amount()
    tip = _amount()
    total = models.DecimalField(max_digits=15, decimal_places=4)
    cash_due = _amount()
    currency = models.CharField(max_length=8)
    payment_method = models.CharField(max_length=64, blank=True)
    order_type = models.CharField(
        max_length=10, choices=[(t.value, t.value) for t in OrderType], default=OrderType.DELIVERY
    )
    fulfilled_by = models.CharField(
        max_length=10, choices=[(f.value, f.value) for f in FulfilledBy], default=FulfilledBy.PROVIDER
    )
    delivery_address = models.JSONField(null=True, blank=True)
    notes = models.TextField(blank=True)
    courier = models.JSONField(null=True, blank=True)
    callback_urls = models.JSONField(default=dict, blank=True)
    rings = models.CharField(max_length=10, choices=Ring, blank=True, default="", editable=False)
    """Why it is heard until somebody acknowledges it; blank once nobody has to be told any more."""
    is_test = models.BooleanField(default=False)
    item_count = models.PositiveIntegerField(default=0)
    """The sum of the lines' quantities."""
    attention_reasons = models.JSONField(default=list, blank=True)
    needs_attention = models.BooleanField(default=False)
    store_id = models.CharField(max_length=255, blank=True, default="", db_default="", editable=False)
    """The provider's id of the store, while no branch has it; blank where the branch is known or no store was named."""
    via_hub = models.BooleanField(default=False)
    """Came through NEXARA, so the kitchen's answers go back through it."""
    placed_at = models.DateTimeField()
    received_at = models.DateTimeField()
    accept_by = models.DateTimeField(null=True, blank=True)
    scheduled_for = models.DateTimeField(null=True, blank=True)
    estimated_delivery_at = models.DateTimeField(null=True, blank=True)
    fields_told_at = models.JSONField(null=True, blank=True, editable=False)
    """Field name to when the newest event that named it was received, in seconds since 1970; without what opened the order."""
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    seq = models.BigIntegerField(default=0)
    """The number of the company's event that last changed this order."""

    class Meta:
        db_table = "orders"
        ordering = ["-created_at", "-id"]
        constraints = [
            # One order per dispatch, however often it is sent; also the look-up by external id.
            models.UniqueConstraint(fields=["company", "provider", "external_id"], name="order_unique_external_id"),
            models.CheckConstraint(condition=Q(status__in=[s.value for s in Status]), name="order_status_known"),
        ]
        indexes = [
            # The list, newest first.
            models.Index(fields=["company", "-created_at", "-id"], name="order_newest"),
            # A business day: orders count when they were received, which may be long before a replay created them.
            models.Index(fields=["company", "received_at"], name="order_by_receipt"),
            # The board and the list by status.
            models.Index(fields=["company", "status", "-created_at"], name="order_by_status"),
            # Search by external id without a provider.
            models.Index(fields=["company", "external_id"], name="order_by_external_id"),
            # The work list of orders that wait for a person.
            models.Index(
                fields=["company", "-created_at"], condition=Q(needs_attention=True), name="order_needs_attention"
            ),
            # The watch over what nobody has answered.
            models.Index(fields=["accept_by"], condition=Q(status="received"), name="order_accept_by"),
            # What nobody has acknowledged yet: every open page asks for it.
            models.Index(fields=["company", "-created_at"], condition=~Q(rings=""), name="order_rings"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.display_id or self.external_id}"

    @property
    def is_finished(self) -> bool:
        return self.status in FINISHED


class OrderItem(models.Model):
    """A line, at its place in the payload."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    order = models.ForeignKey(Order, models.CASCADE, related_name="items", db_index=False)
    position = models.PositiveSmallIntegerField()
    external_id = models.CharField(max_length=255, blank=True)
    name = models.CharField(max_length=255, blank=True)
    name_ar = models.CharField(max_length=255, blank=True)
    quantity = models.PositiveIntegerField()
    unit_price = _amount()
    total_price = _amount()
    notes = models.TextField(blank=True)
    menu_product = models.ForeignKey("orders.MenuProduct", models.SET_NULL, null=True, related_name="+")
    has_menu_name = models.BooleanField(default=False, db_default=False, editable=False)
    """``name`` is the menu's: the provider sent none."""
    has_menu_name_ar = models.BooleanField(default=False, db_default=False, editable=False)

    class Meta:
        db_table = "order_items"
        ordering = ["position"]
        indexes = [
            # Read by unmapped.waiting_orders: the lines of an id that the menu did not know.
            models.Index(fields=["external_id"], condition=Q(menu_product=None), name="order_item_unmapped"),
        ]
        constraints = [
            # Lines are shown in the payload's order.
            models.UniqueConstraint(fields=["order", "position"], name="order_item_position"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="order_item_quantity_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.name or self.external_id}"


class OrderItemModifier(models.Model):
    """An option of a line. ``parent`` is the option that holds it; positions put parents before children."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    item = models.ForeignKey(OrderItem, models.CASCADE, related_name="modifiers", db_index=False)
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children", db_index=False)
    position = models.PositiveIntegerField()
    external_id = models.CharField(max_length=255, blank=True)
    name = models.CharField(max_length=255, blank=True)
    name_ar = models.CharField(max_length=255, blank=True)
    quantity = models.PositiveIntegerField(default=1)
    price = _amount()
    has_menu_name = models.BooleanField(default=False, db_default=False, editable=False)
    """``name`` is the menu's: the provider sent none."""
    has_menu_name_ar = models.BooleanField(default=False, db_default=False, editable=False)

    class Meta:
        db_table = "order_item_modifiers"
        ordering = ["position"]
        indexes = [
            # Read by unmapped.waiting_orders: options without a name, and those that the menu gave one.
            models.Index(
                fields=["external_id"],
                condition=Q(name="", name_ar="") | Q(has_menu_name=True),
                name="order_option_by_menu",
            ),
            # What hangs on an option, when it is deleted; most hang on none.
            models.Index(fields=["parent"], condition=Q(parent__isnull=False), name="order_option_by_parent"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["item", "position"], name="order_item_modifier_position"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="order_item_modifier_quantity_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.name or self.external_id}"


class OrderEvent(models.Model):
    """An entry of an order's timeline; append-only. One with a ``seq`` changed the order and went to the sockets.

    A status that came too late changes nothing: it has no number and stands here at its own time.
    """

    class Source(models.TextChoices):
        PROVIDER = "provider", _("Provider")
        PERSON = "person", _("Person")
        SYSTEM = "system", _("System")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey("orders.Company", models.PROTECT, related_name="+", db_index=False)
    order = models.ForeignKey(Order, models.PROTECT, related_name="events", db_index=False)
    seq = models.BigIntegerField(null=True)
    type = models.CharField(max_length=32)
    """``order.created`` and its sisters."""
    status = models.CharField(max_length=20)
    """The order's status after this event."""
    previous_status = models.CharField(max_length=20, blank=True)
    provider_status = models.CharField(max_length=64, blank=True)
    """The provider's own word."""
    source = models.CharField(max_length=10, choices=Source.choices)
    user = models.ForeignKey("orders.User", models.SET_NULL, null=True, related_name="+", db_index=False)
    webhook_event_id = models.UUIDField(null=True)
    """The delivery that caused it."""
    reason = models.CharField(max_length=500, blank=True)
    prep_minutes = models.PositiveSmallIntegerField(null=True)
    changes = models.JSONField(default=dict)
    """Field name to ``[before, after]``."""
    is_loud = models.BooleanField(default=False)
    """To be noticed: a change to an order that the kitchen already has, a cancellation after it was confirmed."""
    note = models.CharField(max_length=255, blank=True)
    total = models.DecimalField(max_digits=15, decimal_places=4)
    item_count = models.PositiveIntegerField(default=0)
    occurred_at = models.DateTimeField()
    """When it happened, as the provider says; else when we heard of it."""
    created_at = models.DateTimeField()

    class Meta:
        db_table = "order_events"
        ordering = ["occurred_at", "created_at"]
        constraints = [
            # Numbers rise by one per company; ``changes`` reads by them.
            models.UniqueConstraint(fields=["company", "seq"], name="order_event_seq"),
        ]
        indexes = [
            # The timeline of one order.
            models.Index(fields=["order", "occurred_at"], name="order_event_timeline"),
            # What a person did, when the person is deleted; most is the providers' doing.
            models.Index(fields=["user"], condition=Q(user__isnull=False), name="order_event_by_person"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.status}"
