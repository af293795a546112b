"""The words that every provider shares in the hub dialect. Source: the hub's own documentation of its envelope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from providers.events import Kind, OrderType, Status


@dataclass(frozen=True, slots=True)
class EventWord:
    """What an event word means: its kind, and the status it implies where the payload names none.

    ``binding`` words (cancelled, delivered) are their own status: a payload that still names an older one is overruled.
    """

    kind: Kind
    status: Status | None = None
    binding: bool = False


CREATED = EventWord(Kind.CREATED)
UPDATED = EventWord(Kind.UPDATED)
CONFIRMED = EventWord(Kind.UPDATED, Status.CONFIRMED)
PICKED_UP = EventWord(Kind.UPDATED, Status.OUT_FOR_DELIVERY)
CANCELLED = EventWord(Kind.CANCELLED, Status.CANCELLED, binding=True)
DELIVERED = EventWord(Kind.DELIVERED, Status.DELIVERED, binding=True)

HUB_EVENTS: Mapping[str, EventWord] = {
    "order.created": CREATED,
    "order.updated": UPDATED,
    "order.status_changed": UPDATED,
    "order.confirmed": CONFIRMED,
    "order.picked_up": PICKED_UP,
    "order.cancelled": CANCELLED,
    "order.delivered": DELIVERED,
}

IGNORED_EVENTS = frozenset(
    {"menu.updated", "menu_bulk_update", "item_availability_changed", "menu_sync", "connection_test"}
)

COURIER_WORDS = frozenset(
    {
        "rider_assigned", "rider_arrived", "rider_confirmed_at_restaurant", "rider_unassigned",
        "driver_coming", "driver_here", "driver_assigned", "driver_arrived",
        "courier_assigned", "courier_arrived", "courier_arrived_at_vendor",
    }
)  # fmt: skip
"""Status words that speak of the courier alone: they change ``courier`` and leave the order's status."""

TIMELINE_WORDS = frozenset({"slot_upcoming", "slot_started"})
"""Status words that change nothing but the timeline."""

ORDER_TYPES: Mapping[str, OrderType] = {
    "pickup": OrderType.PICKUP,
    "pick_up": OrderType.PICKUP,
    "takeaway": OrderType.PICKUP,
    "take_away": OrderType.PICKUP,
    "collection": OrderType.PICKUP,
    "customer": OrderType.PICKUP,
    "dine_in": OrderType.DINE_IN,
    "dine-in": OrderType.DINE_IN,
    "table_service": OrderType.DINE_IN,
}
"""Words for how the order reaches the customer; any other word is a delivery."""
