"""Everything about one order for a dispute with its provider: what came, what was sent, what people did, with the times.

Secrets are redacted as everywhere. The customer's data is in it: it is for those who settle the dispute.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q

from integration.events import attempts_json, event_json
from integration.models import OutboundAttempt, OutboundPush, WebhookLog
from integration.pushes import push_json
from orders.access import Access
from orders.models import AuditEntry, Order, OrderEvent
from orders.serializers import entry_json, order_json
from orders.times import iso_time

MOST_DELIVERIES, MOST_PUSHES, MOST_ENTRIES = 500, 500, 2_000
MOST_BYTES = 32 * 1024 * 1024
"""Of raw bodies: what is more is named with its digest and left out."""
README = """Evidence of one order
=====================

evidence.json   the order as it stands now; its timeline; every delivery of the provider and every attempt to process it;
                every call to the provider and its answer; what people did. Times are UTC.
received/       the bodies of the provider's requests, byte for byte as they came, where they are still kept.
SHA256SUMS      the SHA-256 of every other file: `sha256sum -c SHA256SUMS` checks them.

Signatures, tokens and passwords are replaced by [redacted]. A delivery's bodySha256 was taken when it came.
"""


@dataclass(slots=True)
class Evidence:
    """The document, and the bodies that it names by file."""

    document: dict[str, Any]
    bodies: dict[str, bytes] = field(default_factory=dict)

    def as_zip(self, now: datetime) -> bytes:
        """Return everything as one ZIP file, with the digest of each file."""
        text = json.dumps(self.document, ensure_ascii=False, indent=2, sort_keys=False).encode("utf-8", "replace")
        files = {"README.txt": README.encode(), "evidence.json": text, **self.bodies}
        sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in {**files, "SHA256SUMS": sums.encode()}.items():
                archive.writestr(zipfile.ZipInfo(name, now.timetuple()[:6]), content, zipfile.ZIP_DEFLATED)
        return made.getvalue()

    def as_json(self) -> dict[str, Any]:
        """Return everything as one document: bodies as text, and as base64 where they are not UTF-8."""
        deliveries = [{**each, **_inline(self.bodies.get(each["file"] or ""))} for each in self.document["deliveries"]]
        return {**self.document, "deliveries": deliveries}


def _inline(body: bytes | None) -> dict[str, Any]:
    if body is None:
        return {"body": None, "bodyBase64": None}
    try:
        return {"body": body.decode("utf-8"), "bodyBase64": None}
    except UnicodeDecodeError:
        return {"body": None, "bodyBase64": base64.b64encode(body).decode()}


def collect(order: Order, access: Access, now: datetime) -> Evidence:
    """Return the evidence of an order that ``access`` may see."""
    evidence = Evidence({})
    deliveries = _deliveries(order, evidence.bodies)
    events = OrderEvent.objects.filter(order=order).select_related("user").order_by("occurred_at", "created_at", "id")
    about = Q(target=str(order.id)) | Q(target__in=[each["eventId"] for each in deliveries])
    acts = AuditEntry.objects.filter(about, company=access.company).order_by("created_at", "id")
    evidence.document = {
        "madeAt": iso_time(now),
        "madeBy": access.user.username,
        "madeAtAddress": settings.APP_BASE_URL,
        "company": {"id": str(access.company.id), "name": access.company.name, "timeZone": access.company.time_zone},
        "order": order_json(order, access),
        "timeline": [entry_json(event) for event in events[:MOST_ENTRIES]],
        "deliveries": deliveries,
        "pushes": _pushes(order),
        "acts": [_act(entry) for entry in acts[:MOST_ENTRIES]],
    }
    return evidence


def _deliveries(order: Order, bodies: dict[str, bytes]) -> list[dict[str, Any]]:
    """Return what the provider sent about an order, oldest first, and put the bodies that are kept into ``bodies``."""
    logs = WebhookLog.objects.filter(company_id=order.company_id, order_id=order.id).select_related("body")
    found, size = [], 0
    for number, log in enumerate(logs.order_by("received_at", "id")[:MOST_DELIVERIES], start=1):
        name, why = f"received/{number:03d}-{log.id}.bin", ""
        if not hasattr(log, "body"):
            name, why = "", "past_retention"
        elif size + log.body_size > MOST_BYTES:
            name, why = "", "too_much"
        else:
            bodies[name] = bytes(log.body.body)
            size += len(bodies[name])
        found.append({
            **event_json(log),
            "method": log.method,
            "path": log.path,
            "proof": log.proof or None,
            "remoteAddress": log.remote_address,
            "headers": log.headers,
            "bodySize": log.body_size,
            "bodySha256": log.body_sha256 or None,
            "file": name or None,
            "bodyMissing": why or None,
            "details": log.details,
            "warnings": log.warnings,
            "attemptLog": attempts_json(log),
        })  # fmt: skip
    return found


def _pushes(order: Order) -> list[dict[str, Any]]:
    rows = OutboundPush.objects.filter(order=order).prefetch_related("attempt_set").order_by("created_at", "id")
    return [
        {
            **push_json(push),
            "reason": push.reason or None,
            "prepMinutes": push.prep_minutes,
            "occurredAt": iso_time(push.occurred_at),
            "createdAt": iso_time(push.created_at),
            "calls": [_call(attempt) for attempt in push.attempt_set.all()],
        }
        for push in rows[:MOST_PUSHES]
    ]


def _call(attempt: OutboundAttempt) -> dict[str, Any]:
    return {
        "attempt": attempt.number,
        "outcome": attempt.outcome,
        "error": attempt.error or None,
        "method": attempt.method,
        "url": attempt.url,
        "requestHeaders": attempt.request_headers,
        "requestBody": attempt.request_body or None,
        "responseStatus": attempt.response_status,
        "responseBody": attempt.response_body or None,
        "startedAt": iso_time(attempt.started_at),
        "durationMs": attempt.duration_ms,
    }


def _act(entry: AuditEntry) -> dict[str, Any]:
    return {
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "details": entry.details,
        "createdAt": iso_time(entry.created_at),
    }
