"""Our vocabulary: what an adapter makes of a provider's request.

Everything here is frozen and free of models, clock and network. In a snapshot ``None`` means that the payload does
not tell the field, and an update then leaves it alone. A blank text and an empty list tell nothing either: providers
blank what they have no right to show, and that must not wipe what the kitchen already has.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from providers.money import Amount, to_major


class Status(StrEnum):
    """The status of an order, in our words."""

    RECEIVED = "received"
    CONFIRMED = "confirmed"
    PREPARING = "preparing"
    READY = "ready"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class Kind(StrEnum):
    """What an event is about. The first four are the contract's ``eventType`` values."""

    CREATED = "order.created"
    UPDATED = "order.updated"
    CANCELLED = "order.cancelled"
    DELIVERED = "order.delivered"
    IGNORED = "ignored"


class OrderType(StrEnum):
    DELIVERY = "delivery"
    PICKUP = "pickup"
    DINE_IN = "dine_in"


class FulfilledBy(StrEnum):
    """Who carries the order to the customer."""

    PROVIDER = "provider"
    RESTAURANT = "restaurant"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Modifier:
    """An option chosen for a line. ``modifiers`` are the options chosen inside it, to any depth."""

    external_id: str = ""
    name: str = ""
    name_ar: str = ""
    quantity: int = 1
    price: Amount | None = None
    modifiers: tuple[Modifier, ...] = ()

    def walk(self) -> Iterator[Modifier]:
        """Yield this modifier and all below it, parents before children."""
        yield self
        for child in self.modifiers:
            yield from child.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of an order: ``quantity`` of one product."""

    quantity: int
    external_id: str = ""
    name: str = ""
    name_ar: str = ""
    unit_price: Amount | None = None
    total_price: Amount | None = None
    notes: str = ""
    modifiers: tuple[Modifier, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerInfo:
    """The customer as the provider names them. A phone with an access code is a shared, proxied number."""

    name: str = ""
    phone: str = ""
    phone_access_code: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to deliver. ``text`` is the whole address in one line, as sent or joined from its parts."""

    text: str = ""
    street: str = ""
    building: str = ""
    floor: str = ""
    apartment: str = ""
    area: str = ""
    city: str = ""
    notes: str = ""
    latitude: Decimal | None = None
    longitude: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """The rider or captain; ``status`` is the provider's own word."""

    name: str = ""
    phone: str = ""
    status: str = ""


AMOUNT_FIELDS = ("subtotal", "tax", "delivery_fee", "service_fee", "discount", "tip", "total", "cash_due")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSnapshot:
    """An order as one payload names it. Amounts are as sent until :meth:`in_currency` scales them."""

    display_id: str | None = None
    store_ids: tuple[str, ...] = ()
    """The provider's ids of the branch, the one to be believed first."""
    customer: CustomerInfo | None = None
    lines: tuple[Line, ...] | None = None
    subtotal: Amount | None = None
    tax: Amount | None = None
    delivery_fee: Amount | None = None
    service_fee: Amount | None = None
    discount: Amount | None = None
    tip: Amount | None = None
    total: Amount | None = None
    cash_due: Amount | None = None
    currency: str | None = None
    payment_method: str | None = None
    order_type: OrderType | None = None
    fulfilled_by: FulfilledBy | None = None
    delivery_address: Address | None = None
    notes: str | None = None
    is_test: bool | None = None
    placed_at: datetime | None = None
    accept_by: datetime | None = None
    scheduled_for: datetime | None = None
    estimated_delivery_at: datetime | None = None
    market: str | None = None
    """ISO 3166 country of the order where the payload tells it; acceptance deadlines depend on it."""
    callback_urls: dict[str, str] | None = None
    """Addresses that the provider wants its answers sent to, by its own names."""

    def in_currency(self, digits: int) -> OrderSnapshot:
        """Return the same order with every amount a ``Decimal`` in major units with ``digits`` decimals."""

        def scale_modifier(modifier: Modifier) -> Modifier:
            return dataclasses.replace(
                modifier,
                price=to_major(modifier.price, digits),
                modifiers=tuple(map(scale_modifier, modifier.modifiers)),
            )

        def scale_line(line: Line) -> Line:
            return dataclasses.replace(
                line,
                unit_price=to_major(line.unit_price, digits),
                total_price=to_major(line.total_price, digits),
                modifiers=tuple(map(scale_modifier, line.modifiers)),
            )

        amounts: dict[str, Any] = {name: to_major(getattr(self, name), digits) for name in AMOUNT_FIELDS}
        lines = None if self.lines is None else tuple(map(scale_line, self.lines))
        return dataclasses.replace(self, lines=lines, **amounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent:
    """One thing that happened to one order, as a provider tells it.

    ``external_id`` is the provider's key of the order. Where a provider answers with *our* id instead (Talabat's
    ``posOrderStatus``), ``order_ref`` holds that id and ``external_id`` is empty. ``status`` is ``None`` when the event
    says nothing about it. A ``Kind.IGNORED`` event is understood and touches no order; ``reason`` says why.
    """

    kind: Kind
    word: str = ""
    """The provider's own event word."""
    external_id: str = ""
    order_ref: str = ""
    status: Status | None = None
    provider_status: str = ""
    occurred_at: datetime | None = None
    reason: str = ""
    """A cancellation's or rejection's reason as sent; for an ignored event, why it is ignored."""
    snapshot: OrderSnapshot | None = None
    courier: Courier | None = None
    warnings: tuple[str, ...] = field(default=())
    """What was left out or read with doubt, one sentence each, beginning with the path."""
