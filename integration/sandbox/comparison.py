"""The sandbox's record of calls against our outbox, call by call: what went out is what came in, once."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from integration.models import OutboundAttempt, OutboundPush, PushRoute, PushStatus, SandboxCall
from integration.models.outbound import UNFINISHED
from integration.sandbox.floor import Placed
from integration.sandbox.outcome import chunks
from integration.sandbox.views.base import without_secrets
from orders.models import Company, Order

UNAUTHORIZED = 401
"""Refused before the sandbox knows of which order it is: left out on both sides."""


@dataclass(frozen=True, slots=True)
class Made:
    """A call as both sides know it. ``status`` is None where no answer came back to us."""

    method: str
    path: str
    body: str
    status: int | None

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.body or '(no body)'}, answered {self.status or 'nothing'}"


@dataclass
class Comparison:
    """What both sides have of the calls about some orders. ``differences`` are sentences for a person."""

    ours: int = 0
    theirs: int = 0
    by_hub: int = 0
    """Orders that came through the hub: what is told of them are calls of its own, which are not in our outbox."""
    differences: list[str] = field(default_factory=list)


def compare_calls(company: Company, placed: Sequence[Placed]) -> Comparison:
    """Compare the calls about orders that were placed, in the order in which they were made."""
    result = Comparison()
    for chunk in chunks(placed):
        orders = [uuid.UUID(one.order_id) for one in chunk]
        by_hub = set(Order.objects.filter(pk__in=orders, via_hub=True).values_list("pk", flat=True))
        result.by_hub += len(by_hub)
        ours, unfinished = _ours([order for order in orders if order not in by_hub])
        theirs = _theirs(company, [one.external_id for one in chunk])
        for one in chunk:
            if uuid.UUID(one.order_id) in by_hub:
                continue
            name = f"{one.planned.provider} {one.external_id}"
            sent, got = ours[one.order_id], theirs[one.planned.provider, one.external_id]
            result.ours += len(sent)
            result.theirs += len(got)
            result.differences += [f"{name}: {text}" for text in [*unfinished[one.order_id], *_differences(sent, got)]]
    return result


def _differences(sent: list[Made], got: list[Made]) -> list[str]:
    """Return what one side has and the other has not. A call of ours that got no answer may have arrived or not."""
    left, missed = list(got), []
    # Those without an answer come last: they take what is left over.
    for call in sorted(sent, key=lambda call: call.status is None):
        same = next((other for other in left if call in (other, _unanswered(other))), None)
        if same is not None:
            left.remove(same)
        elif call.status is not None:
            missed.append(f"the outbox has, and the sandbox has not: {call}")
    told = [*missed, *(f"the sandbox has, and the outbox has not: {call}" for call in left)]
    if (
        not told
        and (answered := [call for call in sent if call.status is not None]) != got
        and len(answered) == len(got)
    ):
        told = [f"the order of the calls differs: {'; '.join(map(str, sent))}"]
    return told


def _unanswered(call: Made) -> Made:
    return Made(call.method, call.path, call.body, None)


def _ours(orders: list[uuid.UUID]) -> tuple[dict[str, list[Made]], dict[str, list[str]]]:
    """Return the calls of the outbox by order, and what of it should have gone out, or went out without a call."""
    made: dict[str, list[Made]] = defaultdict(list)
    faults: dict[str, list[str]] = defaultdict(list)
    called = set()
    attempts = OutboundAttempt.objects.filter(push__order__in=orders, push__route=PushRoute.PROVIDER)
    for attempt in attempts.select_related("push").order_by("started_at", "id"):
        called.add(attempt.push_id)
        if attempt.response_status != UNAUTHORIZED:
            path = unquote(urlsplit(attempt.url).path)
            call = Made(attempt.method, path, _body(attempt.request_body), attempt.response_status)
            made[str(attempt.push.order_id)].append(call)
    for push in OutboundPush.objects.filter(order__in=orders, route=PushRoute.PROVIDER):
        if push.status in UNFINISHED:
            faults[str(push.order_id)].append(f"{push.action} still waits: {push.error or push.status}")
        elif push.status == PushStatus.SENT and push.pk not in called:
            faults[str(push.order_id)].append(f"{push.action} counts as sent, and no call was made")
    return made, faults


def _theirs(company: Company, external_ids: list[str]) -> dict[tuple[str, str], list[Made]]:
    found: dict[tuple[str, str], list[Made]] = defaultdict(list)
    calls = SandboxCall.objects.filter(company=company, external_id__in=external_ids)
    # What only asks is reconciliation's, which no push causes.
    for call in calls.exclude(method="GET").order_by("id"):
        made = Made(call.method, call.path, _text(call.body), call.answer_status)
        found[call.provider, call.external_id].append(made)
    return found


def _body(text: str) -> str:
    """Return a body of ours as the sandbox would have written it down."""
    try:
        return _text(without_secrets(json.loads(text))) if text else ""
    except ValueError:
        return text


def _text(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False, sort_keys=True) if body else ""
