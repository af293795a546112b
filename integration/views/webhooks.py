"""``/webhooks/``: the log of deliveries, one of them whole, and what waits for a person."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from integration.api.logs import FILTERS, read_filter
from integration.api.reading import Fields
from integration.deliveries import MAX_CHARS, readable
from integration.events import PROVIDERS, filter_events, visible_events, whole_event_json
from integration.inbox import SETTLED
from integration.mapping import read_mapping
from integration.models import WebhookLog, WebhookStatus
from integration.views.acting import missing
from integration.worklist import MOST_COUNTED, WAITING_FOR_PERSON, causes, remedy_of, waiting_count
from orders.access import Access
from orders.errors import ApiError
from orders.models import Role
from orders.pages import member_page
from orders.pagination import DEFAULT_LIMIT, page_after
from orders.timeline import last_seq

PLACE = ("received_at", "id")


def page_context(access: Access) -> dict[str, Any]:
    """Return what each page about webhooks shows."""
    waiting = waiting_count(access)
    return {
        "seq": last_seq(access.company.id),
        "waiting": f"{MOST_COUNTED}+" if waiting > MOST_COUNTED else waiting,
        "providers": PROVIDERS,
        "statuses": WebhookStatus.choices,
        "may_manage": access.at_least(Role.MANAGER),
    }


def filter_of(request: HttpRequest, access: Access) -> tuple[dict[str, str], dict[str, Any], dict[str, str]]:
    """Return the filter as it was written, as the log takes it, and its faults by field; with a fault it takes nothing."""
    given = {name: request.GET.get(name, "").strip() for name in FILTERS}
    try:
        return given, read_filter(Fields(given), access.company), {}
    except ApiError as error:
        return given, {}, error.details


@member_page
def log(request: HttpRequest, access: Access) -> HttpResponse:
    """Show the deliveries that match, newest first."""
    given, wanted, faults = filter_of(request, access)
    page: list[WebhookLog] = []
    older, cursor = "", request.GET.get("cursor", "")
    if not faults:
        try:
            page, older = page_after(filter_events(visible_events(access), wanted), cursor, DEFAULT_LIMIT, PLACE)
        except ApiError as error:
            faults = error.details
    context = {
        **page_context(access),
        "given": given,
        "faults": faults,
        "events": page,
        "older": older,
        "cursor": cursor,
        "is_filtered": any(given.values()),
    }
    return render(request, "integration/webhooks.html", context, status=400 if faults else 200)


@member_page
def work(request: HttpRequest, access: Access) -> HttpResponse:
    """Show what waits for a person, by cause."""
    return render(request, "integration/work.html", {**page_context(access), "causes": causes(access)})


@member_page
def event(request: HttpRequest, access: Access, event_id: uuid.UUID) -> HttpResponse:
    """Show everything about one delivery."""
    found = visible_events(access).select_related("company").filter(pk=event_id).first()
    if found is None:
        return missing(request)
    whole = whole_event_json(found, access)
    body = readable((whole["body"] or "").encode("utf-8", "surrogatepass"))
    context = {
        **page_context(access),
        "log": found,
        "attempts": found.attempt_set.select_related("user"),
        "why_no_body": whole["bodyMissing"],
        "body": body[:MAX_CHARS],
        "is_cut": len(body) > MAX_CHARS,
        "mapped": None if whole["bodyMissing"] else read_mapping(found),
        "has_order": found.order_id is not None and access.orders().filter(pk=found.order_id).exists(),
        "is_settled": found.status in SETTLED,
        "remedy": remedy_of(found.error_code, found.error) if found.status in WAITING_FOR_PERSON else "",
        "can_replay": whole["bodyMissing"] not in ("rejected", "past_retention"),
    }
    return render(request, "integration/webhook.html", context)
