"""What one attempt to send something comes to, and what is kept of each of its calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from integration import breaker
from integration.models import OutboundPush, PushStatus
from integration.outbound import SendError, Sent, recorded_request, stored_text
from providers.outbound import OutboundRequest, Verdict


@dataclass(slots=True)
class Result:
    """How an attempt went. ``counts``: whether it was one; a breaker that is open lets none happen."""

    status: PushStatus
    code: str = ""
    error: str = ""
    counts: bool = False
    retry_after_s: float | None = None
    route: str = ""
    attempts: list[dict[str, Any]] = field(default_factory=list)


def waits_for_breaker(gate: breaker.Gate, now: datetime, name: str) -> Result:
    """Return the result of an attempt that an open breaker did not let happen."""
    wait_s = max(1.0, (gate.retry_at - now).total_seconds()) if gate.retry_at else 1.0
    return Result(PushStatus.FAILED, "breaker_open", f"{name} cannot be reached now.", retry_after_s=wait_s)


def note_failure(result: Result, error: SendError, push: OutboundPush, name: str) -> None:
    """Put into a result that a call got no answer; a passing failure counts for the breaker of this name."""
    result.code, result.error = error.code, error.message
    result.status = PushStatus.FAILED if error.is_passing else PushStatus.DEAD
    # Waiting for another worker's token says nothing of the provider.
    if error.is_passing and error.code != "token_busy":
        breaker.failed(push.order.company, name)


def tell_breaker(push: OutboundPush, name: str, sent: Sent) -> None:
    """Tell the breaker of this name how its peer answered."""
    if sent.answer.status >= 500:
        breaker.failed(push.order.company, name)
    else:
        breaker.succeeded(push.company_id, name)


def unanswered(request: OutboundRequest, error: SendError, started: datetime) -> dict[str, Any]:
    """Return what is kept of a call that got no answer."""
    duration = (timezone.now() - started).total_seconds() * 1000
    return {
        **recorded_request(request),
        "outcome": error.code[:16],
        "error": error.message[:500],
        "started_at": started,
        "duration_ms": round(duration, 3),
    }


def answered(
    request: OutboundRequest, sent: Sent, verdict: Verdict, reason: str, started: datetime, hidden: tuple[str, ...]
) -> dict[str, Any]:
    """Return what is kept of a call and its answer, without the secrets ``hidden``."""
    return {
        **recorded_request(request),
        "outcome": verdict.value,
        "error": reason[:500],
        "response_status": sent.answer.status,
        "response_body": stored_text(sent.answer.body, hidden),
        "started_at": started,
        "duration_ms": sent.duration_ms,
    }
