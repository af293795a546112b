"""Doing it again, as a person asks: one delivery, or many, with a trace in the trail."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from integration.inbox import NotReplayableError, replay, replayable
from integration.models import WebhookLog
from orders.access import Access
from orders.audit import record_act
from orders.times import iso_time

MAX_REPLAYS = 500
REPLAY_BUDGET_S = 20.0
"""A call that replays many ends after so long, whatever remains: proxies give up on a request after 30 to 60 s."""


def replay_one(access: Access, log: WebhookLog, *, force: bool, request: HttpRequest) -> WebhookLog:
    """Replay a delivery now; return it as it then is. Raises NotReplayableError, and writes nothing then."""
    was = log.status
    done = replay(log, user=access.user, force=force)
    record_act(
        "event.replayed", company=access.company, target=log.id, request=request, user=access.user,
        details={"provider": log.provider, "was": was, "became": done.status, "force": force},
    )  # fmt: skip
    return done


def count_replay(matching: QuerySet[WebhookLog], *, force: bool) -> dict[str, int]:
    """Return how many of the rows a replay would run (``count``), and how many not (``skipped``)."""
    count = replayable(matching, force=force).count()
    return {"count": count, "skipped": matching.count() - count}


def replay_many(
    access: Access, matching: QuerySet[WebhookLog], given: Mapping[str, Any], *, force: bool, request: HttpRequest
) -> dict[str, Any]:
    """Replay what of the rows can be, the oldest first, as far as one call may go; return what became of it.

    ``given`` is the filter as the person wrote it, for the trail.
    """
    able = replayable(matching, force=force)
    count = able.count()
    ends_at = time.monotonic() + REPLAY_BUDGET_S
    outcomes: Counter[str] = Counter()
    tried, busy, last = 0, 0, None
    for log in list(able.select_related("company").order_by("received_at", "id")[:MAX_REPLAYS]):
        if time.monotonic() > ends_at:
            break
        tried, last = tried + 1, log.received_at
        try:
            outcomes[replay(log, user=access.user, force=force).status] += 1
        except NotReplayableError:
            # Somebody works on it in this moment, or replayed it meanwhile.
            busy += 1
    replayed = sum(outcomes.values())
    # A search may be a customer's name or number, which the trail does not keep.
    kept = {name: value for name, value in given.items() if name != "search"}
    record_act(
        "events.replayed", company=access.company, request=request, user=access.user,
        details={"filter": kept, "searched": "search" in given, "force": force, "replayed": replayed},
    )  # fmt: skip
    return {
        "replayed": replayed,
        "busy": busy,
        "outcomes": dict(sorted(outcomes.items())),
        "remaining": max(0, count - tried),
        "lastReceivedAt": iso_time(last),
    }
