"""What a sender is told: made from the log row alone, so that a duplicate gets the same."""

from __future__ import annotations

from typing import Any

from integration.inbox import SETTLED
from integration.models import WebhookLog, WebhookStatus
from orders.times import iso_time
from providers.base import InboundRequest, ProviderAdapter


def answer_for(
    log: WebhookLog, adapter: ProviderAdapter | None, request: InboundRequest, *, is_new: bool
) -> tuple[int, dict[str, Any]]:
    """Return the HTTP status and body for a recorded delivery."""
    body: dict[str, Any] = {
        "success": True,
        "status": log.status,
        "eventId": str(log.id),
        "orderId": str(log.order_id) if log.order_id else None,
        "externalOrderId": log.external_id or None,
        "provider": log.provider,
        "eventType": log.event_type or None,
        "orderStatus": log.order_status or None,
        "processedAt": iso_time(log.processed_at),
    }
    if adapter is not None and log.order_id:
        body |= adapter.answer_fields(str(log.order_id))
    stored = adapter.stored_status if adapter else 202
    if log.status in SETTLED:
        if not is_new:
            body["status"] = WebhookStatus.DUPLICATE.value
        return adapter.answer_status(request) if adapter else 200, body
    if log.status == WebhookStatus.QUARANTINED:
        message = "The event is stored, and cannot be used as it is; a person will look at it."
        return stored, body | {"success": False, "error": log.error_code, "message": message, "details": log.details}
    if log.status == WebhookStatus.DEAD:
        message = "The event is stored, and could not be processed; a person will look at it."
        return stored, body | {"success": False, "error": log.error_code, "message": message, "details": {}}
    return stored, body | {"status": "queued"}
