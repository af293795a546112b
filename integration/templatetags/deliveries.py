"""The parts of an order's page that tell what came from the provider, and what it was told. Tags, because the orders know
neither webhooks nor pushes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import template
from django.template import Context

from integration.deliveries import deliveries_of
from integration.models import OutboundPush
from integration.pushes import ACTION_WORDS, PUSH_WORDS, look_again_in_s, pushes_of, route_word
from orders.access import Access
from orders.models import Order, OrderEvent
from orders.pages import Text
from providers.registry import ADAPTERS

register = template.Library()


@register.inclusion_tag("integration/_deliveries.html", takes_context=True)
def order_deliveries(context: Context, order: Order, access: Access) -> dict[str, Any]:
    """Show an order's deliveries: payload, headers, attempts and errors."""
    deliveries, has_older = deliveries_of(order, access)
    return {"request": context.get("request"), "deliveries": deliveries, "has_older": has_older}


@dataclass(frozen=True, slots=True)
class Told:
    """What an order's provider was told, by the entry that caused it."""

    by_event: dict[uuid.UUID, list[OutboundPush]]
    look_again_s: int | None


@register.simple_tag
def order_pushes(events: Sequence[OrderEvent]) -> Told:
    """Return the pushes of a timeline's entries, for ``event_pushes``."""
    found = pushes_of(events)
    return Told(found, look_again_in_s([push for pushes in found.values() for push in pushes]))


@register.inclusion_tag("integration/_pushes.html")
def event_pushes(told: Told, event: OrderEvent) -> dict[str, Any]:
    """Show what the provider was told because of an entry, and each call."""
    return {"pushes": told.by_event.get(event.pk, [])}


@register.filter
def push_word(push: OutboundPush) -> Text:
    return PUSH_WORDS[push.status]


@register.filter
def push_action(push: OutboundPush) -> Text:
    return ACTION_WORDS.get(push.action, push.action)


@register.filter
def push_to(push: OutboundPush) -> Text:
    adapter = ADAPTERS.get(push.provider)
    return route_word(push, adapter.name if adapter else push.provider)
