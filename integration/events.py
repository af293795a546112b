"""The log of deliveries as the API tells it: which rows a person may read, the filters, and the JSON."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet

from integration.inbox import SETTLED
from integration.models import WebhookAttempt, WebhookBody, WebhookLog, WebhookStatus
from integration.models.credential import NEXARA
from orders.access import Access
from orders.models import Order, Role
from orders.times import iso_time
from providers.registry import ADAPTERS

PROVIDERS = (*ADAPTERS, NEXARA)


def visible_events(access: Access) -> QuerySet[WebhookLog]:
    """Return the deliveries that a person may read: all of the company, or those of the orders of their branches."""
    logs = WebhookLog.objects.filter(company=access.company)
    if access.branch_ids is None:
        return logs
    return logs.filter(order_id__in=access.orders().values("pk"))


def filter_events(logs: QuerySet[WebhookLog], wanted: Mapping[str, Any]) -> QuerySet[WebhookLog]:
    """Return the rows that fit: ``provider`` and ``status`` are lists, the rest as the contract names it.

    The status ``duplicate`` means deliveries that came more than once: a repeated one has no row of its own.
    """
    if wanted.get("provider"):
        logs = logs.filter(provider__in=wanted["provider"])
    if wanted.get("status"):
        fits = Q(status__in=wanted["status"])
        if WebhookStatus.DUPLICATE.value in wanted["status"]:
            fits |= Q(duplicates__gt=0)
        logs = logs.filter(fits)
    if wanted.get("eventType"):
        # A socket frame writes order_created, the log order.created; a word of the provider stands as it came.
        word = wanted["eventType"]
        logs = logs.filter(event_type__in={word, word.replace("order_", "order.", 1)})
    if wanted.get("since"):
        logs = logs.filter(received_at__gte=wanted["since"])
    if wanted.get("until"):
        logs = logs.filter(received_at__lt=wanted["until"])
    if wanted.get("externalOrderId"):
        logs = logs.filter(external_id=wanted["externalOrderId"])
    if wanted.get("fingerprint"):
        logs = logs.filter(fingerprint=wanted["fingerprint"])
    if wanted.get("search"):
        logs = logs.filter(_matches(wanted["search"]))
    return logs


def _matches(text: str) -> Q:
    """Return the condition of a search: an id of an event or an order, or a part of what the row says."""
    fits = Q()
    for field in ("external_id", "event_type", "provider_event", "error_code", "error", "request_id"):
        fits |= Q(**{f"{field}__icontains": text})
    try:
        known = uuid.UUID(text)
    except ValueError:
        return fits
    return fits | Q(pk=known) | Q(order_id=known)


def event_json(log: WebhookLog) -> dict[str, Any]:
    """Return a delivery as it stands in a list."""
    return {
        "eventId": str(log.id),
        "provider": log.provider,
        "status": log.status,
        "eventType": log.event_type or None,
        "providerEvent": log.provider_event or None,
        "externalOrderId": log.external_id or None,
        "orderId": str(log.order_id) if log.order_id else None,
        "orderStatus": log.order_status or None,
        "error": log.error_code or None,
        "errorMessage": log.error or None,
        "fingerprint": log.fingerprint or None,
        "attempts": log.attempts,
        "duplicates": log.duplicates,
        "count": log.count,
        "isEnvelope": log.is_envelope,
        "source": log.source,
        "receivedAt": iso_time(log.received_at),
        "processedAt": iso_time(log.processed_at),
        "nextAttemptAt": iso_time(log.next_attempt_at) if log.status == WebhookStatus.FAILED else None,
        "durationMs": log.duration_ms,
    }


def whole_event_json(log: WebhookLog, access: Access) -> dict[str, Any]:
    """Return a delivery whole: its headers with the secrets redacted, its body as it came, every attempt."""
    return event_json(log) | {
        "method": log.method,
        "path": log.path,
        "proof": log.proof or None,
        "remoteAddress": log.remote_address,
        "requestId": log.request_id or None,
        "headers": log.headers,
        **_body_json(log, access),
        "bodySize": log.body_size,
        "bodySha256": log.body_sha256 or None,
        "details": log.details,
        "warnings": log.warnings,
        "attemptLog": attempts_json(log),
    }


def _body_json(log: WebhookLog, access: Access) -> dict[str, Any]:
    """Return the body as text, and as base64 where it is not UTF-8; ``bodyMissing`` says why there is none to show."""
    empty = {"body": None, "bodyBase64": None}
    if log.status == WebhookStatus.REJECTED:
        return empty | {"bodyMissing": "rejected"}
    stored = WebhookBody.objects.filter(log=log).values_list("body", flat=True).first()
    if stored is None:
        return empty | {"bodyMissing": "past_retention"}
    hidden = "" if access.at_least(Role.MANAGER) else _why_hidden(log)
    if hidden:
        return empty | {"bodyMissing": hidden}
    raw = bytes(stored)
    try:
        return {"body": raw.decode("utf-8"), "bodyBase64": None, "bodyMissing": None}
    except UnicodeDecodeError:
        text = raw.decode("utf-8", "replace")
        return {"body": text, "bodyBase64": base64.b64encode(raw).decode(), "bodyMissing": None}


def _why_hidden(log: WebhookLog) -> str:
    """Return why staff do not read a body, ``""`` where they do: it holds the customer's phone, which is theirs to see only
    while the order is under way.
    """
    order = Order.objects.filter(company=log.company_id, pk=log.order_id).first() if log.order_id else None
    if order is None:
        return "no_order"
    return "order_finished" if order.is_finished else ""


def attempts_json(log: WebhookLog) -> list[dict[str, Any]]:
    """Return every try, oldest first; a first try that succeeded has no row of its own and is told from the delivery."""
    rows = list(log.attempt_set.select_related("user"))
    if not rows and log.status in SETTLED:
        return [_attempt(WebhookAttempt.Trigger.LIVE, log.status, "", iso_time(log.received_at), log.duration_ms, None)]
    return [
        _attempt(
            row.trigger,
            row.outcome,
            row.error,
            iso_time(row.started_at),
            row.duration_ms,
            row.user.username if row.user else None,
        )
        for row in rows
    ]


def _attempt(
    trigger: str, outcome: str, error: str, started_at: str | None, duration_ms: float | None, user: str | None
) -> dict[str, Any]:
    return {
        "trigger": trigger,
        "outcome": outcome,
        "error": error or None,
        "startedAt": started_at,
        "durationMs": duration_ms,
        "user": user,
    }
