"""The outbox: what a kitchen decides reaches the provider once, in order, and as long as it is of use.

A row is written in the transaction of the change; a worker claims it, makes the call outside of any transaction, and writes
how it went if the claim is still its own. A call that was made and not recorded is repeated with the same key.
"""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from integration.alerts import raise_alert, resolve_alerts
from integration.attempts import Result
from integration.delivery import deliver
from integration.hub import forwarding
from integration.metrics import PUSH_ATTEMPTS
from integration.models import Alert, OutboundAttempt, OutboundPush, PushRoute, PushStatus
from integration.models.outbound import UNFINISHED
from integration.nudge import nudge
from integration.retry import FORWARD_MAX_DELAY_S, LEASE_S, PUSH_GIVES_UP_AFTER, PUSH_MAX_DELAY_S, push_delay
from integration.untold import DECISIONS, TO_PROVIDER, TOO_LATE, is_untold, note_end
from orders.logs import following, request_id_var
from orders.models import Order, OrderEvent
from orders.settling import NOT_TOLD
from orders.timeline import lock_order
from orders.transitions import RANK
from providers.events import Status
from providers.outbound import ACKNOWLEDGE, ASIDE, PREP_TIME

logger = logging.getLogger(__name__)

ENDING = (Status.REJECTED.value, Status.CANCELLED.value)
ALERT_AFTER = 3
"""So many failures of one push in a row, and somebody is told."""
LAST_TRY_BEFORE_S = 5.0
MAX_IN_A_ROW = 10
BEGIN_WITHIN_S = 15
"""How long a worker may take to begin with a claimed push; whoever begins holds it for a minute."""


# -- recording ---------------------------------------------------------------------------------------------------------


def record(order: Order, event: OrderEvent, *, action: str = "") -> OutboundPush:
    """Write what the provider is to be told of an event, in the caller's transaction; a worker hears of it afterwards.

    The hub takes statuses alone: what is told aside goes to the provider itself.
    """
    now = timezone.now()
    push = OutboundPush.objects.create(
        company_id=order.company_id,
        order=order,
        event=event,
        provider=order.provider,
        route=PushRoute.HUB if order.via_hub and action not in ASIDE else PushRoute.PROVIDER,
        action=action or event.status,
        previous_status=event.previous_status,
        seq=event.seq or order.seq,
        reason=event.reason,
        prep_minutes=event.prep_minutes,
        occurred_at=event.occurred_at,
        request_id=request_id_var.get(),
        next_attempt_at=now,
        created_at=now,
    )
    nudge(order.id)
    return push


def push_again(order: Order) -> OutboundPush:
    """Tell the provider the order's present status now: hurry what waits, else write a new row. A person asked."""
    now = timezone.now()
    with transaction.atomic():
        waiting = OutboundPush.objects.filter(order=order, action=order.status, status__in=UNFINISHED).first()
        if waiting is not None:
            OutboundPush.objects.filter(pk=waiting.pk, claim_token=None).update(next_attempt_at=now)
            nudge(order.id)
            return waiting
        event = OrderEvent.objects.filter(order=order, seq__isnull=False, status=order.status).order_by("seq").first()
        return OutboundPush.objects.create(
            company_id=order.company_id,
            order=order,
            event=event,
            provider=order.provider,
            route=PushRoute.HUB if order.via_hub else PushRoute.PROVIDER,
            action=order.status,
            previous_status=event.previous_status if event else "",
            seq=order.seq,
            reason=event.reason if event else "",
            prep_minutes=event.prep_minutes if event else None,
            occurred_at=event.occurred_at if event else order.updated_at,
            request_id=request_id_var.get(),
            next_attempt_at=now,
            created_at=now,
        )


# -- claiming ----------------------------------------------------------------------------------------------------------


def due_pushes(now: datetime, limit: int, *, order_id: uuid.UUID | None = None) -> list[OutboundPush]:
    """Return pushes that may be sent now, or whose sender is lost: in turns by company, each company's oldest first.

    Left out is what has to wait for an earlier push of its order: one that is under way or due, or an acceptance that is
    still to be made, which an end of the order does not wait for. A forward waits for every earlier one to its subscriber.
    """
    before = OutboundPush.objects.filter(order_id=OuterRef("order_id"), status__in=UNFINISHED)
    earlier = before.filter(TO_PROVIDER, seq__lt=OuterRef("seq")).exclude(action__in=ASIDE)
    under_way = earlier.filter(Q(status=PushStatus.SENDING) | Q(next_attempt_at__lte=now))
    acceptance = earlier.filter(action=Status.CONFIRMED.value)
    rows = OutboundPush.objects.filter(status__in=UNFINISHED, next_attempt_at__lte=now)
    if order_id is not None:
        rows = rows.filter(order_id=order_id)
    told_before = Q(seq__lt=OuterRef("seq")) | Q(seq=OuterRef("seq"), created_at__lt=OuterRef("created_at"))
    forwarded = before.filter(told_before, subscription=OuterRef("subscription_id"))
    free_to_provider = ~Exists(under_way) & (Q(action__in=ENDING) | ~Exists(acceptance))
    rows = rows.filter((TO_PROVIDER & free_to_provider) | (~TO_PROVIDER & ~Exists(forwarded)))
    turn = Window(RowNumber(), partition_by=F("company_id"), order_by=F("next_attempt_at").asc())
    return list(rows.annotate(turn=turn).order_by("turn", "next_attempt_at", "seq")[:limit])


def claim(push: OutboundPush, now: datetime) -> uuid.UUID | None:
    """Take a due push for as long as a worker may take to begin; return the claim, or None where somebody was first."""
    token = uuid.uuid4()
    taken = OutboundPush.objects.filter(
        pk=push.pk, status__in=UNFINISHED, next_attempt_at=push.next_attempt_at, claim_token=push.claim_token
    ).update(status=PushStatus.SENDING, claim_token=token, next_attempt_at=now + timedelta(seconds=BEGIN_WITHIN_S))
    return token if taken else None


def work_order(order_id: uuid.UUID) -> int:
    """Send what an order has to be sent, in order; return how many were worked. Safe to call from anywhere, twice."""
    worked = 0
    while worked < MAX_IN_A_ROW:
        now = timezone.now()
        token = None
        for push in due_pushes(now, 5, order_id=order_id):
            token = claim(push, now)
            if token is not None:
                _work(push.pk, token)
                worked += 1
                break
        if token is None:
            break
    return worked


def work_claimed(push_id: uuid.UUID, token: uuid.UUID) -> None:
    """Send a claimed push, then what waited for it. Safe to call twice: the second finds no claim."""
    order_id = _work(push_id, token)
    if order_id is not None:
        work_order(order_id)


def _work(push_id: uuid.UUID, token: uuid.UUID) -> uuid.UUID | None:
    mine, now = uuid.uuid4(), timezone.now()
    taken = OutboundPush.objects.filter(pk=push_id, claim_token=token, status=PushStatus.SENDING).update(
        claim_token=mine, next_attempt_at=now + timedelta(seconds=LEASE_S)
    )
    if not taken:
        return None
    push = OutboundPush.objects.select_related(
        "order__company", "order__branch", "event", "subscription", "delivery"
    ).get(pk=push_id)
    with following(push.request_id):
        _try(push, now)
    return push.order_id


def _try(push: OutboundPush, now: datetime) -> None:
    """Make one attempt of a push that is ours, and write how it went."""
    reason = why_useless(push, now)
    if reason is not None:
        _settle(push, Result(PushStatus.DROPPED, *reason))
        return
    try:
        result = deliver(push) if push.subscription is None else forwarding.forward(push)
    except Exception as error:
        logger.exception("Push %s of %s failed here", push.id, push.provider)
        result = Result(PushStatus.FAILED, "internal_error", f"Failed here: {type(error).__name__}.", counts=True)
    _settle(push, result)


def why_useless(push: OutboundPush, now: datetime) -> tuple[str, str] | None:
    """Return a code and a sentence when a push no longer helps anybody; None while it does."""
    if push.subscription is not None:
        return forwarding.why_useless(push.subscription)
    order = push.order
    if order.is_finished and push.action not in (order.status, ACKNOWLEDGE):
        return "order_ended", f"The order is {order.status}."
    if push.action == ACKNOWLEDGE:
        return ("order_ended", f"The order is {order.status}.") if order.is_finished else None
    if push.action == PREP_TIME:
        return _why_no_new_time(push)
    later = OutboundPush.objects.filter(TO_PROVIDER, order=order, seq__gt=push.seq, status=PushStatus.SENT).exclude(
        action__in=ASIDE
    )
    sent = later.order_by("-seq").values_list("action", flat=True).first()
    if sent:
        return "superseded", f"The later status {sent} went out."
    told = OrderEvent.objects.filter(order=order, source=OrderEvent.Source.PROVIDER, seq__gt=push.seq)
    rank = RANK[Status(push.action)]
    for status in told.values_list("status", flat=True):
        if RANK[Status(status)] > rank:
            return "overtaken", f"The provider itself says {status}."
    if push.action in DECISIONS and order.accept_by is not None and now >= order.accept_by:
        return TOO_LATE
    return None


def _why_no_new_time(push: OutboundPush) -> tuple[str, str] | None:
    if RANK[Status(push.order.status)] >= RANK[Status.READY]:
        return "superseded", f"The order is {push.order.status} already."
    newer = OutboundPush.objects.filter(order=push.order, action=PREP_TIME, seq__gt=push.seq)
    return ("superseded", "Another time was named since.") if newer.exists() else None


def old_attempts(now: datetime) -> QuerySet[OutboundAttempt]:
    """Return attempts past the log's retention that still hold what went out and came back."""
    before = now - timedelta(days=settings.WEBHOOK_LOG_RETENTION_DAYS)
    return OutboundAttempt.objects.filter(started_at__lt=before).exclude(request_body="", response_body="")


def blank_attempts(attempts: QuerySet[OutboundAttempt]) -> None:
    """Take out what went out and came back; the rows stay."""
    attempts.update(request_body="", response_body="")


# -- recording how it went ---------------------------------------------------------------------------------------------


def _settle(push: OutboundPush, result: Result) -> None:
    """Write a push's result and its attempts, if the claim is still ours; what follows from it goes with it."""
    now = timezone.now()
    changes: dict[str, Any] = {
        "status": result.status,
        "error_code": result.code,
        "error": result.error[:500],
        "steps_done": push.steps_done,
        "claim_token": None,
        "attempts": push.attempts + result.counts,
        "next_attempt_at": None,
        "finished_at": now,
        "route": result.route or push.route,
    }
    if result.status in UNFINISHED:
        _plan_next(push, result, changes, now)
    token = push.claim_token
    with transaction.atomic():
        if is_untold(push, changes["status"], changes["error_code"]) or NOT_TOLD in push.order.attention_reasons:
            # Before the row, as whoever changes an order does.
            lock_order(push.order_id)
            push.order = Order.objects.select_related("company").get(pk=push.order_id)
        if changes["status"] == PushStatus.DEAD:
            push.order.refresh_from_db(fields=["status"])
            ended = why_useless(push, now)
            if ended is not None:
                changes |= {"status": PushStatus.DROPPED, "error_code": ended[0], "error": ended[1]}
        if not OutboundPush.objects.filter(pk=push.pk, claim_token=token).update(**changes):
            return
        OutboundAttempt.objects.bulk_create(
            OutboundAttempt(push=push, number=changes["attempts"], **attempt) for attempt in result.attempts
        )
        for name, value in changes.items():
            setattr(push, name, value)
        _follow_up(push)
    PUSH_ATTEMPTS.add(push.provider, push.status)
    logger.debug(
        "Push %s (%s of order %s to %s by %s) is %s %s", push.id, push.action, push.order_id, push.provider, push.route,
        push.status, push.error_code,
    )  # fmt: skip


def _plan_next(push: OutboundPush, result: Result, changes: dict[str, Any], now: datetime) -> None:
    """Set the next try, or end the push where none of use is left."""
    delay = push_delay(changes["attempts"], FORWARD_MAX_DELAY_S if push.subscription else PUSH_MAX_DELAY_S)
    if result.retry_after_s is not None:
        delay = timedelta(seconds=result.retry_after_s)
    moment = now + delay
    deadline = push.order.accept_by if push.action in DECISIONS else None
    if deadline is not None and moment >= deadline:
        # The last moment is worth a try; after it nothing is.
        last = deadline - timedelta(seconds=LAST_TRY_BEFORE_S)
        if last <= now + timedelta(seconds=1):
            code, why = TOO_LATE
            said = f"{why} {result.error}".strip()[:500]
            changes |= {"status": PushStatus.DROPPED, "error_code": code, "error": said}
            return
        moment = last
    if moment > push.created_at + PUSH_GIVES_UP_AFTER:
        changes |= {"status": PushStatus.DEAD}
        return
    changes |= {"next_attempt_at": moment, "finished_at": None}


def _follow_up(push: OutboundPush) -> None:
    """Drop what a sent push makes useless, and tell people of what did not get through."""
    if push.subscription is not None:
        forwarding.follow_up(push)
        return
    details = {"orderId": str(push.order_id), "externalOrderId": push.order.external_id, "status": push.action}
    company, name = push.order.company, push.provider
    note_end(push)
    if push.status == PushStatus.SENT:
        if push.action not in ASIDE:
            _drop_earlier(push)
        still = OutboundPush.objects.filter(
            TO_PROVIDER, company=company, provider=name, status=PushStatus.FAILED, attempts__gte=ALERT_AFTER
        )
        if push.attempts > ALERT_AFTER and not still.exists():
            resolve_alerts(company.id, "push_failing", name)
    elif push.status == PushStatus.DEAD:
        is_time = push.action == PREP_TIME
        raise_alert(
            company, "push_dead", f"{name} did not take a {'time' if is_time else 'status'}: {push.error}"[:500],
            subject=name, severity=Alert.Severity.WARNING if is_time else Alert.Severity.CRITICAL, details=details,
        )  # fmt: skip
    elif push.status == PushStatus.DROPPED and push.error_code == "deadline_passed":
        raise_alert(
            company, "answer_not_delivered", f"{name} could not be told in time; look at the order on its own device.",
            subject=name, severity=Alert.Severity.CRITICAL, details=details,
        )  # fmt: skip
    elif push.status == PushStatus.NOT_SENT and push.error_code == "no_credential" and push.action != ACKNOWLEDGE:
        raise_alert(
            company, "push_no_credential", f"{name} is told nothing: {push.error}"[:500], subject=name, details=details
        )
    elif push.status == PushStatus.FAILED and push.attempts == ALERT_AFTER and push.error_code != "breaker_open":
        raise_alert(
            company, "push_failing", f"{name} does not take what the kitchen answers; it is tried again.", subject=name,
            details=details,
        )  # fmt: skip
    if push.error_code == "hub_unreachable" and push.status in UNFINISHED:
        raise_alert(
            company, "hub_unreachable", "NEXARA cannot be reached: answer the orders that came through it on the tablet.",
            subject=name, severity=Alert.Severity.CRITICAL, details=details,
        )  # fmt: skip
    elif push.status == PushStatus.SENT and push.route == PushRoute.HUB:
        resolve_alerts(company.id, "hub_unreachable", name)


def _drop_earlier(push: OutboundPush) -> None:
    earlier = OutboundPush.objects.filter(
        TO_PROVIDER, order_id=push.order_id, seq__lt=push.seq, status__in=(PushStatus.PENDING, PushStatus.FAILED)
    ).exclude(action__in=ASIDE)
    earlier.update(
        status=PushStatus.DROPPED,
        error_code="superseded",
        error=f"The later status {push.action} went out.",
        next_attempt_at=None,
        claim_token=None,
        finished_at=push.finished_at,
    )
