"""The hub's envelope, as a subscriber gets it: ``{eventType, provider, orderId, orderData, timestamp, companyId}``.

``orderData`` is what the provider sent, byte for byte. ``delivery`` says how it came, because some providers say in a path or
a header what it is; whoever does not know that field reads the rest as ever.
"""

from __future__ import annotations

import json
from typing import Any

from integration.envelope import CARRIED_HEADERS
from integration.models import OutboundPush, WebhookBody, WebhookLog
from orders.times import iso_time
from providers.events import Status
from providers.registry import get_adapter

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def envelope_of(forward: OutboundPush) -> bytes | None:
    """Return the envelope of a forward; None where the provider's bytes are past their retention."""
    head: dict[str, Any] = {
        "eventType": forward.action,
        "provider": forward.provider,
        "orderId": forward.order.external_id,
        "timestamp": iso_time(forward.occurred_at),
        "companyId": str(forward.company_id),
    }
    if forward.delivery is None:
        return _joined(head, _dumped(_as_hub_dialect(forward)))
    body = WebhookBody.objects.filter(log=forward.delivery).values_list("body", flat=True).first()
    if body is None:
        return None
    head["delivery"] = _way_of(forward.delivery)
    return _joined(head, bytes(body).removeprefix(BYTE_ORDER_MARK))


def _joined(head: dict[str, Any], order_data: bytes) -> bytes:
    """Put the envelope together around bytes that are JSON already: parsing and writing again would change numbers."""
    return _dumped(head)[:-1] + b',"orderData":' + order_data + b"}"


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _way_of(log: WebhookLog) -> dict[str, Any]:
    headers = {name: log.headers[name] for name in CARRIED_HEADERS if name in log.headers}
    return {"method": log.method, "path": log.path, "headers": headers, "isTest": log.is_test}


def _as_hub_dialect(forward: OutboundPush) -> dict[str, Any]:
    """Return a step taken at the hub in the words of the hub's dialect of its provider."""
    entry = forward.event
    status = Status(entry.status if entry is not None else forward.order.status)
    words = (word for word, meaning in get_adapter(forward.provider).statuses.items() if meaning is status)
    document = {"order_id": forward.order.external_id, "status": next(words, status.value)}
    return document | ({"cancellationReason": forward.reason} if forward.reason else {})
