"""``/alerts/``: what waits for a person, who has seen it, and what is mended."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integration.alert_centre import State, group_alerts, move_alert, order_ids_of, state_counts
from integration.models import Alert
from integration.views.acting import acted, missing
from orders.access import Access
from orders.errors import ApiError, bad_request
from orders.models import Role
from orders.pages import Text, member_page, page_for
from orders.pagination import DEFAULT_LIMIT, page_after
from orders.timeline import last_seq

STATE_WORDS: dict[str, Text] = {
    State.OPEN: gettext_lazy("Open"),
    State.ACKNOWLEDGED: gettext_lazy("Acknowledged"),
    State.RESOLVED: gettext_lazy("Resolved"),
}


@member_page
def alerts(request: HttpRequest, access: Access) -> HttpResponse:
    """Show the alerts of one state by cause, the last raised first."""
    state = request.GET.get("state", "")
    state = state if state in State.values else State.OPEN.value
    rows = Alert.objects.filter(company=access.company, state=state).select_related("acknowledged_by", "resolved_by")
    try:
        page, older = page_after(rows, request.GET.get("cursor", ""), DEFAULT_LIMIT, ("last_seen_at", "id"))
    except ApiError:
        return bad_request(request)
    counts = state_counts(access.company)
    context = {
        "seq": last_seq(access.company.id),
        "state": state,
        "states": [(value, STATE_WORDS[value], counts.get(value)) for value in State.values],
        "groups": group_alerts(page),
        "labels": _labels(access, page),
        "older": older,
        "may_manage": access.at_least(Role.OWNER),
        "may_act": access.at_least(Role.MANAGER) and state != State.RESOLVED,
    }
    return render(request, "integration/alerts.html", context)


def _labels(access: Access, alerts: Iterable[Alert]) -> dict[uuid.UUID, str]:
    """Return the numbers of the orders that some alerts name, as far as this person may see them."""
    ids = {order_id for alert in alerts for order_id in order_ids_of(alert)}
    orders = access.orders().filter(id__in=ids).values_list("id", "display_id", "external_id") if ids else ()
    return {order_id: display_id or external_id for order_id, display_id, external_id in orders}


@page_for(Role.MANAGER, "POST")
def move(request: HttpRequest, access: Access, alert_id: uuid.UUID, move: str) -> HttpResponse:
    """Acknowledge or resolve an alert."""
    alert = move_alert(access.company, alert_id, move, access.user, request)
    if alert is None:
        return missing(request)
    done = _("Resolved.") if alert.state == State.RESOLVED else _("Acknowledged.")
    return acted(request, "alerts", message=done)
