"""The part of an order's page that tells what came from the provider, what happened, and what it was told. Tags, because the
orders know neither webhooks nor pushes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django import template
from django.urls import reverse

from integration.deliveries import Delivery, deliveries_of
from integration.models import OutboundPush, ProviderCredential, PushRoute
from integration.models.credential import NEXARA
from integration.pushes import ACTION_WORDS, PUSH_WORDS, look_again_in_s, pushes_of, route_word
from integration.untold import Untold, untold
from orders.access import Access
from orders.models import Branch, Order, OrderEvent, Role
from orders.pages import Text
from providers.registry import ADAPTERS

register = template.Library()


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened at one time: an entry of the timeline with what caused it and what the provider was told of it, or a
    delivery that changed nothing.
    """

    at: datetime
    event: OrderEvent | None = None
    delivery: Delivery | None = None
    pushes: Sequence[OutboundPush] = ()


@dataclass(frozen=True, slots=True)
class History:
    """Everything that happened to an order, newest first; ``look_again_s`` is when more may be known."""

    entries: list[Entry]
    has_older: bool
    look_again_s: int | None


@register.simple_tag
def order_history(order: Order, events: Sequence[OrderEvent], access: Access) -> History:
    """Return one timeline of an order's events, deliveries with their attempts, and pushes."""
    pushes = pushes_of(events)
    deliveries, has_older = deliveries_of(order, access)
    unclaimed = {delivery.log.pk: delivery for delivery in deliveries}
    entries = [
        Entry(
            event.occurred_at,
            event,
            unclaimed.pop(event.webhook_event_id, None) if event.webhook_event_id else None,
            pushes.get(event.pk, ()),
        )
        for event in events
    ]
    entries += [Entry(delivery.log.received_at, delivery=delivery) for delivery in unclaimed.values()]
    # Stable: the events stand newest first already, also those of one moment.
    entries.sort(key=lambda entry: entry.at, reverse=True)
    told = [push for found in pushes.values() for push in found]
    return History(entries, has_older, look_again_in_s(told))


@register.simple_tag
def not_told(order: Order, history: History) -> Untold:
    """Return what the provider did not take of a marked order, of the pushes that its history shows."""
    return untold(order, (push for entry in history.entries for push in entry.pushes))


@register.simple_tag
def credential_page(push: OutboundPush, access: Access) -> str:
    """Return where the credential is set that a push was made with; ``""`` for whoever may not."""
    if not access.at_least(Role.OWNER) or not access.user.is_staff:
        return ""
    provider = NEXARA if push.route == PushRoute.HUB else push.provider
    found = ProviderCredential.objects.filter(company=access.company, provider=provider).only("pk").first()
    return reverse("admin:integration_providercredential_change", args=[found.pk]) if found else ""


@register.simple_tag
def branch_choices(access: Access) -> list[Branch]:
    """Return the branches that a person may give a store id to; none for whoever may not."""
    if not access.at_least(Role.OWNER):
        return []
    return [branch for branch in Branch.objects.filter(company=access.company) if access.sees_branch(branch.id)]


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
