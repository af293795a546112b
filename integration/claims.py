"""Who may work a stored delivery, and when: what is due, who has claimed it, and when that claim runs out."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Window
from django.db.models.functions import RowNumber

from integration.models import WebhookLog, WebhookStatus
from integration.retry import PULLED_TO_S, WORK_LEASE_S

WAITING = (WebhookStatus.RECEIVED, WebhookStatus.PROCESSING, WebhookStatus.FAILED)
DATABASE_WAS_AWAY = ("OperationalError", "InterfaceError")
"""What a row's ``error`` says when the database was away, not the event at fault."""


def due_rows(now: datetime, limit: int) -> list[uuid.UUID]:
    """Return the ids of rows that are due, or whose lease has run out: each company's oldest first, in turns.

    In turns, so that a company with a long queue does not keep the others waiting.
    """
    turn = Window(RowNumber(), partition_by=F("company_id"), order_by=["next_attempt_at", "received_at", "id"])
    rows = WebhookLog.objects.filter(status__in=WAITING, next_attempt_at__lte=now).annotate(turn=turn)
    # The ids alone: sorting whole rows takes ten times as long when many are due.
    return list(rows.order_by("turn", "next_attempt_at", "received_at", "id").values_list("id", flat=True)[:limit])


def rows_under_way(now: datetime) -> int:
    """Return how many rows are claimed, by whomever, and still within their lease."""
    return WebhookLog.objects.filter(status=WebhookStatus.PROCESSING, next_attempt_at__gt=now).count()


def claim(ids: Sequence[uuid.UUID], now: datetime) -> tuple[uuid.UUID, list[uuid.UUID]]:
    """Take rows that are due for the time of a lease; return the claim, and those that it got, in the order given.

    One commit for all of them: a commit waits for the disk. What somebody else has claimed, or is claiming, is left out.
    """
    token = uuid.uuid4()
    due = WebhookLog.objects.filter(pk__in=ids, status__in=WAITING, next_attempt_at__lte=now)
    with transaction.atomic():
        free = set(due.select_for_update(skip_locked=True).values_list("pk", flat=True))
        WebhookLog.objects.filter(pk__in=free).update(
            status=WebhookStatus.PROCESSING, claim_token=token, next_attempt_at=now + timedelta(seconds=WORK_LEASE_S)
        )
    return token, [pk for pk in ids if pk in free]


def pull_due(now: datetime, but: Collection[uuid.UUID] = ()) -> list[uuid.UUID]:
    """Let nothing that the database or the broker kept waiting wait longer than 15 s from now; return the failed rows of it.

    For the moment in which one of them is back: failures that it caused have pushed the next try far away, and claims
    may be held by nobody. A claim that somebody does hold loses nothing: at worst the row is worked twice, and only the
    first result stands. What failed for a reason of its own keeps its time, and so do the failed rows in ``but``.
    """
    until = now + timedelta(seconds=PULLED_TO_S)
    late = WebhookLog.objects.filter(status__in=WAITING, next_attempt_at__gt=until)
    late.exclude(status=WebhookStatus.FAILED).update(next_attempt_at=until)
    failed = late.filter(status=WebhookStatus.FAILED)
    pulled = set(failed.filter(error__in=DATABASE_WAS_AWAY).values_list("pk", flat=True)) - set(but)
    failed.filter(pk__in=pulled).update(next_attempt_at=until)
    return sorted(pulled)
