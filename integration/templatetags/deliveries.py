"""The part of an order's page that tells what came from the provider. A tag, because the orders know no webhooks."""

from __future__ import annotations

from typing import Any

from django import template

from integration.deliveries import deliveries_of
from orders.access import Access
from orders.models import Order

register = template.Library()


@register.inclusion_tag("integration/_deliveries.html")
def order_deliveries(order: Order, access: Access) -> dict[str, Any]:
    """Show an order's deliveries: payload, headers, attempts and errors."""
    deliveries, has_older = deliveries_of(order, access)
    return {"deliveries": deliveries, "has_older": has_older}
