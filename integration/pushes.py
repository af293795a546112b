"""What a provider was told of an order, as people read it: each push, and each call that was made for it.

No header and no body: those hold tokens and customers, and stand in the admin alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integration.models import OutboundAttempt, OutboundPush, PushRoute, PushStatus
from integration.models.outbound import UNFINISHED
from orders.models import OrderEvent
from orders.pages import STATUS_WORDS, Text
from orders.times import iso_time
from providers.outbound import ACKNOWLEDGE, PREP_TIME

LOOK_AGAIN_S, LOOK_AGAIN_AT_MOST_S = 2, 60

PUSH_WORDS: dict[str, Text] = {
    PushStatus.PENDING: _("waits for its turn"),
    PushStatus.SENDING: _("is under way"),
    PushStatus.FAILED: _("failed, is tried again"),
    PushStatus.SENT: _("taken"),
    PushStatus.DROPPED: _("dropped"),
    PushStatus.NOT_SENT: _("not sent"),
    PushStatus.DEAD: _("refused, waits for a person"),
}
ROUTE_WORDS: dict[str, Text] = {PushRoute.HUB: "NEXARA", PushRoute.SUBSCRIBER: _("the platform")}
ACTION_WORDS: dict[str, Text] = {
    ACKNOWLEDGE: _("that the order has come"),
    PREP_TIME: _("the preparation time"),
    **STATUS_WORDS,
}


def pushes_of(events: Iterable[OrderEvent]) -> dict[uuid.UUID, list[OutboundPush]]:
    """Return the pushes of entries of a timeline with their calls, by entry, oldest first: two queries."""
    attempts = Prefetch(
        "attempt_set", OutboundAttempt.objects.defer("request_headers", "request_body", "response_body")
    )
    found: dict[uuid.UUID, list[OutboundPush]] = {}
    rows = OutboundPush.objects.filter(event__in=[event.pk for event in events]).prefetch_related(attempts)
    for push in rows.order_by("created_at", "id"):
        assert push.event_id is not None
        found.setdefault(push.event_id, []).append(push)
    return found


def push_json(push: OutboundPush) -> dict[str, Any]:
    """Return a push as the API tells it."""
    return {
        "id": str(push.id),
        "status": push.status,
        "route": push.route,
        "action": push.action,
        "attempts": push.attempts,
        "error": push.error or None,
        "nextAttemptAt": iso_time(push.next_attempt_at),
        "finishedAt": iso_time(push.finished_at),
    }


def push_with_calls_json(push: OutboundPush) -> dict[str, Any]:
    """Return a push with its calls: a token's renewal and a second request of the same attempt stand beside it."""
    return {**push_json(push), "calls": [_call_json(attempt) for attempt in push.attempt_set.all()]}


def _call_json(attempt: OutboundAttempt) -> dict[str, Any]:
    return {
        "attempt": attempt.number,
        "method": attempt.method,
        "url": attempt.url,
        "responseStatus": attempt.response_status,
        "outcome": attempt.outcome,
        "error": attempt.error or None,
        "startedAt": iso_time(attempt.started_at),
        "durationMs": attempt.duration_ms,
    }


def route_word(push: OutboundPush, provider_name: str) -> Text:
    """Return who is called, in a person's words."""
    return ROUTE_WORDS.get(push.route, provider_name)


def look_again_in_s(pushes: Iterable[OutboundPush], now: datetime | None = None) -> int | None:
    """Return in how many seconds a page that shows these should look again; None where all are finished."""
    now = now or timezone.now()
    waits = [
        (push.next_attempt_at - now).total_seconds() + LOOK_AGAIN_S
        if push.status == PushStatus.FAILED and push.next_attempt_at
        else LOOK_AGAIN_S
        for push in pushes
        if push.status in UNFINISHED
    ]
    return max(LOOK_AGAIN_S, min(LOOK_AGAIN_AT_MOST_S, round(min(waits)))) if waits else None
