"""``/bell/``: what every page of the staff makes heard, and how somebody says that they have heard it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from integration.alert_centre import cause_of, critical_of, open_alerts
from integration.views.acting import acted, missing
from orders.access import Access
from orders.bell import MOST, Ring, acknowledge_order, ringing
from orders.models import Order, OrderEvent, Role
from orders.pages import member_page, page_for, uuid_or_none
from orders.transitions import CALLED_OFF
from providers.events import Status


def draw_bell(request: HttpRequest, access: Access) -> HttpResponse:
    """Show what rings for this person: new orders, orders that are off after all, critical alerts."""
    orders, alerts = ringing(access), open_alerts(access.company)
    cancelled = [order for order in orders if order.rings == Ring.CANCELLED]
    critical = critical_of(alerts)
    context: dict[str, Any] = {
        "new": [order for order in orders if order.rings == Ring.NEW],
        "cancelled": [(order, end) for order, end in zip(cancelled, _ends_of(cancelled), strict=True)],
        "headline": _headline(cancelled),
        "is_full": len(orders) == MOST,
        "alarms": [(alert, cause_of(alert.cause)) for alert in critical],
        # The number in the navigation comes along: one request tells a page all that every page shows.
        "open": len(alerts),
        "critical": len(critical),
        "may_acknowledge_alerts": access.at_least(Role.MANAGER),
    }
    return render(request, "integration/bell.html", context)


bell = member_page(draw_bell)


def _headline(orders: list[Order]) -> str:
    """Return what is called across the kitchen of orders that are off."""
    number, failed = len(orders), sum(order.status == Status.FAILED for order in orders)
    if number == 1:
        return _("Failed – stop cooking") if failed else _("Cancelled – stop cooking")
    if failed == number:
        text = ngettext("{number} failed – stop cooking", "{number} failed – stop cooking", number)
    elif failed:
        text = ngettext(
            "{number} cancelled or failed – stop cooking", "{number} cancelled or failed – stop cooking", number
        )
    else:
        text = ngettext("{number} cancelled – stop cooking", "{number} cancelled – stop cooking", number)
    return text.format(number=number)


def _ends_of(orders: list[Order]) -> list[OrderEvent | None]:
    """Return the entry that ended each of the orders."""
    if not orders:
        return []
    entries = OrderEvent.objects.filter(order__in=orders, is_loud=True, status__in=CALLED_OFF).order_by("created_at")
    ends = {entry.order_id: entry for entry in entries}
    return [ends.get(order.id) for order in orders]


@page_for(Role.STAFF, "POST")
def acknowledge(request: HttpRequest, access: Access) -> HttpResponse:
    """Silence the orders named, on every device; what this person may not see does not exist."""
    ids = {found for text in request.POST.getlist("order")[:MOST] if (found := uuid_or_none(text))}
    orders = list(access.orders().filter(id__in=ids))
    if not orders:
        return missing(request)
    for order in orders:
        acknowledge_order(order, access, request)
    return acted(request, "orders:stream", message=_("Acknowledged."))
