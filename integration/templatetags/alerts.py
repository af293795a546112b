"""What every page says of the alerts: how many are open."""

from __future__ import annotations

import uuid
from typing import Any

from django import template

from integration import alert_words as sentences
from integration.alert_centre import cause_of, critical_of, open_alerts
from integration.models import Alert
from orders.access import Access
from orders.pages import Text

register = template.Library()


@register.inclusion_tag("integration/_alert_badge.html")
def alert_badge(access: Access) -> dict[str, Any]:
    """Show the number of open alerts; it is there and hidden while there are none, for the script to fill."""
    alerts = open_alerts(access.company)
    return {"open": len(alerts), "critical": len(critical_of(alerts))}


@register.filter
def cause_title(code: str) -> Text:
    """Return a cause in words."""
    return cause_of(code).title


@register.filter
def label_of(labels: dict[uuid.UUID, str], order_id: uuid.UUID) -> str:
    """Return an order's number among ``labels``; ``""`` for one that is not among them."""
    return labels.get(order_id, "")


@register.filter
def alert_words(alert: Alert) -> str:
    """Return what an alert says in the language of the page."""
    return sentences.alert_words(alert)
