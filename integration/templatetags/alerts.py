"""What every page says of the alerts: how many are open."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

from integration import alert_words as sentences
from integration.alert_centre import cause_of, open_alerts
from orders.access import Access
from orders.pages import Text

register = template.Library()


@register.inclusion_tag("integration/_alert_badge.html", takes_context=True)
def alert_badge(context: Context, access: Access) -> dict[str, Any]:
    """Show the number of open alerts; it is there and hidden while there are none, for the script to fill."""
    return {"request": context.get("request"), **open_alerts(access.company)}


@register.filter
def cause_title(code: str) -> Text:
    """Return a cause in words."""
    return cause_of(code).title


@register.filter
def alert_words(message: str) -> str:
    """Return an alert's sentence in the language of the page."""
    return sentences.alert_words(message)
