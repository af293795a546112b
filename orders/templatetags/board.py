"""What the board's cards say besides the order itself: where what is wrong with it is mended."""

from __future__ import annotations

from dataclasses import dataclass

from django import template
from django.template import Context
from django.utils.translation import gettext_lazy as _

from orders.models import Order, Role
from orders.pages import Text
from orders.templatetags.pages import company_url

register = template.Library()


@dataclass(frozen=True, slots=True)
class Remedy:
    """A link that mends something, in words that say what one does there."""

    url: str
    label: Text


_PARTS: dict[str, tuple[str, Text]] = {
    "amount_mismatch": ("#part-amounts", _("Check the amounts")),
    "unknown_currency": ("#part-amounts", _("Check the amounts")),
    "missing_customer": ("#part-side", _("Look for the customer")),
    "provider_not_told": ("#part-attention", _("See why, and tell it again")),
    "unknown_branch": ("#part-attention", _("Check the branch")),
}
"""Where the order's own page shows it."""


@register.simple_tag(takes_context=True)
def remedy(context: Context, order: Order, code: str) -> Remedy:
    """Return where a reason for attention is mended; for one that no page mends, where the order's page shows it."""
    if code == "unmapped_item":
        return Remedy(company_url(context, "menu"), _("Map it on the menu"))
    if code == "unknown_branch" and order.store_id and getattr(context.get("access"), "role", "") == Role.OWNER:
        return Remedy(company_url(context, "orders:order", order.id) + "#part-attention", _("Say which branch it is"))
    part, label = _PARTS.get(code, ("", _("Open the order")))
    return Remedy(company_url(context, "orders:order", order.id) + part, label)
