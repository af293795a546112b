"""What the processes count of deliveries, pushes and calls. Labels are our own words: providers, answers, outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.answered import answered
from orders.metrics import Count, Timing
from providers.registry import ADAPTERS

UNKNOWN = "unknown"
"""Stands for a provider that nobody has: a label is never what somebody sent."""

REQUESTS = Count(
    "integration_webhook_requests",
    "Webhook requests by what they were answered: a status of ours, or the code of a failure.",
    ("provider", "answer", "code"),
)
REQUEST_SECONDS = Timing("integration_webhook_seconds", "From a webhook request to its answer.", ("provider",))
STEP_SECONDS = Timing(
    "integration_webhook_step_seconds",
    "Time of a step: verify and record (in the request), parse and apply (in the request, a retry or a replay).",
    ("provider", "step"),
)
ATTEMPTS = Count(
    "integration_webhook_attempts",
    "Tries to process a delivery, by who asked (live, retry, replay) and what became of it.",
    ("provider", "trigger", "outcome"),
)
POSTPONED = Count(
    "integration_webhooks_postponed",
    "Deliveries that were stored and left to the sweeper, since as many were being worked as there are places.",
    ("provider",),
)
PUSH_ATTEMPTS = Count(
    "integration_push_attempts", "Tries to tell a provider a status, by what became of it.", ("provider", "outcome")
)
SWEPT = Count(
    "integration_swept_rows",
    "Rows that the sweeper found due, by who works them: a worker, or the sweeper itself.",
    ("queue", "worked_by"),
)
CALLS = Count(
    "integration_outbound_calls",
    "Calls that went out, by the class of their answer or the reason why there was none.",
    ("peer", "outcome"),
)
CALL_SECONDS = Timing("integration_outbound_call_seconds", "Time of a call that went out.", ("peer",))

for _slug in (*ADAPTERS, "nexara"):
    # Known from the start: a rate does not see the event with which a series begins.
    for _answer, _code in (("unavailable", "503"), ("internal_error", "500"), ("invalid_signature", "401")):
        REQUESTS.start(_slug, _answer, _code)


def count_request(provider: str, status: int, body: Mapping[str, Any] | None, seconds: float) -> None:
    """Count an answered webhook request; ``body`` is None where an error of ours is the answer."""
    slug = provider if provider in ADAPTERS or provider == "nexara" else UNKNOWN
    answer = "internal_error" if body is None else str(body.get("status") or body.get("error") or "none")
    REQUESTS.add(slug, answer, str(status))
    REQUEST_SECONDS.took(seconds, slug)
    answered.note(failed=status >= 500)


def count_call(peer: str, outcome: str | int, seconds: float) -> None:
    """Count a call that went out: the status of its answer, or the code of why it has none."""
    CALLS.add(peer or UNKNOWN, f"{outcome // 100}xx" if isinstance(outcome, int) else outcome)
    CALL_SECONDS.took(seconds, peer or UNKNOWN)
