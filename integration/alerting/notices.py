"""Sending what was planned: a worker claims a row, sends it outside of any transaction, and writes how it went.

Each channel has one notice under way at a time, so one that does not answer holds one worker at most, and no other channel.
"""

from __future__ import annotations

import logging
import smtplib
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from integration import outbound
from integration.alerting import messages
from integration.alerting.planning import CHANNEL_FAILING
from integration.alerts import raise_alert, resolve_alert
from integration.models import Alert, AlertChannel, AlertNotice, AlertNoticeAttempt, NoticeStatus
from integration.models.channel import NOTICE_UNFINISHED
from integration.outbound import SendError
from integration.retry import LEASE_S, NOTICE_MAX_DELAY_S, PUSH_GIVES_UP_AFTER, push_delay
from integration.webhook_signing import signed_headers
from providers.outbound import OutboundRequest, Verdict, judge_status

logger = logging.getLogger(__name__)

BEGIN_WITHIN_S = 15
TOTAL_S = 8.0
"""The longest that a channel may keep a worker."""
ALERT_AFTER = 3
"""So many failures of one notice, and the alert centre says that the channel does not work."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one try went."""

    status: NoticeStatus
    outcome: str
    error: str = ""
    response_status: int | None = None
    retry_after_s: float | None = None
    duration_ms: float = 0.0


# -- claiming ----------------------------------------------------------------------------------------------------------


def due_notices(now: datetime, limit: int) -> list[AlertNotice]:
    """Return notices that may be sent now: of each channel the oldest, where none of it is under way."""
    under_way = AlertNotice.objects.filter(
        channel=OuterRef("channel"), status=NoticeStatus.SENDING, next_attempt_at__gt=now
    )
    rows = AlertNotice.objects.filter(status__in=NOTICE_UNFINISHED, next_attempt_at__lte=now).exclude(Exists(under_way))
    turn = Window(RowNumber(), partition_by=F("channel_id"), order_by=(F("created_at").asc(), F("id").asc()))
    return list(rows.annotate(turn=turn).filter(turn=1).order_by("next_attempt_at")[:limit])


def claim(notice: AlertNotice, now: datetime) -> uuid.UUID | None:
    """Take a due notice for as long as a worker may take to begin; return the claim, None where somebody was first."""
    token = uuid.uuid4()
    taken = AlertNotice.objects.filter(
        pk=notice.pk, status__in=NOTICE_UNFINISHED, next_attempt_at=notice.next_attempt_at,
        claim_token=notice.claim_token,
    ).update(
        status=NoticeStatus.SENDING, claim_token=token, next_attempt_at=now + timedelta(seconds=BEGIN_WITHIN_S)
    )  # fmt: skip
    return token if taken else None


def work_claimed(notice_id: uuid.UUID, token: uuid.UUID) -> None:
    """Send a claimed notice. Safe to call twice: the second finds no claim."""
    mine, now = uuid.uuid4(), timezone.now()
    taken = AlertNotice.objects.filter(pk=notice_id, claim_token=token, status=NoticeStatus.SENDING).update(
        claim_token=mine, next_attempt_at=now + timedelta(seconds=LEASE_S), attempts=F("attempts") + 1
    )
    if taken:
        notice = AlertNotice.objects.select_related("channel__company").get(pk=notice_id)
        settle(notice, send(notice), now)


# -- sending -----------------------------------------------------------------------------------------------------------


def send(notice: AlertNotice) -> Outcome:
    """Send a notice by its channel; return how it went. Raises nothing that a peer causes."""
    channel = notice.channel
    if not channel.enabled and notice.kind != AlertNotice.Kind.TEST:
        return Outcome(NoticeStatus.DEAD, "switched_off", "The channel is switched off.")
    started = time.perf_counter()
    try:
        return _mail(notice) if channel.kind == AlertChannel.Kind.EMAIL else _post(notice)
    except Exception as error:
        # Its text may quote an address.
        logger.exception("Notice %s failed here", notice.id)
        spent_ms = round((time.perf_counter() - started) * 1000, 3)
        return Outcome(
            NoticeStatus.FAILED, "internal_error", f"Failed here: {type(error).__name__}.", duration_ms=spent_ms
        )


def http_request(notice: AlertNotice, now: datetime) -> OutboundRequest:
    """Return the call that a notice is, signed where its channel signs. Raises ValueError for a bad secret."""
    channel = notice.channel
    if channel.kind == AlertChannel.Kind.SLACK:
        body, headers = messages.slack_body(notice), {}
    else:
        body = messages.webhook_body(notice)
        headers = signed_headers(str(notice.id), int(now.timestamp()), body, channel.signing_secrets(now))
    return OutboundRequest(method="POST", url=channel.url, headers=headers, body=body, content_type="application/json")


def _post(notice: AlertNotice) -> Outcome:
    started, now = time.perf_counter(), timezone.now()
    try:
        sent = outbound.send(
            http_request(notice, now), peer=f"alerts:{notice.channel.kind}", timeout_s=TOTAL_S, total_s=TOTAL_S
        )
    except SendError as error:
        status = NoticeStatus.FAILED if error.is_passing else NoticeStatus.DEAD
        spent_ms = round((time.perf_counter() - started) * 1000, 3)
        return Outcome(status, error.code[:16], error.message, duration_ms=spent_ms)
    judged = judge_status(sent.answer, now)
    reason = judged.reason.replace("The provider", "The receiver")
    if judged.verdict is Verdict.DONE:
        status = NoticeStatus.SENT
    else:
        # A receiver that is being mended takes it later; only one that says it is gone for good is believed at once.
        status = NoticeStatus.DEAD if sent.answer.status == 410 else NoticeStatus.FAILED
    outcome = "done" if status == NoticeStatus.SENT else f"http_{sent.answer.status}"
    return Outcome(status, outcome, reason, sent.answer.status, judged.retry_after_s, sent.duration_ms)


def _mail(notice: AlertNotice) -> Outcome:
    started = time.perf_counter()

    def outcome(status: NoticeStatus, code: str, error: str = "") -> Outcome:
        return Outcome(status, code, error, duration_ms=round((time.perf_counter() - started) * 1000, 3))

    if not settings.EMAIL_HOST:
        return outcome(NoticeStatus.DEAD, "no_mail_server", "No mail server is set: the operators set EMAIL_HOST.")
    message = EmailMessage(
        subject=messages.subject_line(notice),
        body=messages.text_of(notice),
        to=list(notice.channel.emails),
        # A repeated message is known as the same one, and no machine answers it.
        headers={"Message-ID": f"<{notice.id}@alerts.invalid>", "Auto-Submitted": "auto-generated"},
        connection=get_connection(timeout=settings.EMAIL_TIMEOUT),
    )
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused:
        return outcome(NoticeStatus.DEAD, "refused", "The mail server refused every address.")
    except smtplib.SMTPAuthenticationError:
        return outcome(NoticeStatus.FAILED, "sign_in_failed", "The mail server refused our user name or password.")
    except smtplib.SMTPException as error:
        return outcome(NoticeStatus.FAILED, "mail_failed", f"The mail server did not take it: {type(error).__name__}.")
    except OSError as error:
        return outcome(
            NoticeStatus.FAILED, "connect_failed", f"The mail server cannot be reached: {type(error).__name__}."
        )
    return outcome(NoticeStatus.SENT, "done")


def old_notices(now: datetime) -> QuerySet[AlertNotice]:
    """Return finished notices past the log's retention."""
    before = now - timedelta(days=settings.WEBHOOK_LOG_RETENTION_DAYS)
    return AlertNotice.objects.filter(created_at__lt=before).exclude(status__in=NOTICE_UNFINISHED)


# -- recording how it went ---------------------------------------------------------------------------------------------


def settle(notice: AlertNotice, result: Outcome, started_at: datetime) -> None:
    """Write a notice's result and its attempt, if the claim is still ours; what follows from it goes with it."""
    now = timezone.now()
    changes: dict[str, Any] = {
        "status": result.status,
        "error": result.error[:500],
        "claim_token": None,
        "next_attempt_at": None,
        "finished_at": now,
    }
    if result.status == NoticeStatus.FAILED:
        delay = push_delay(notice.attempts, NOTICE_MAX_DELAY_S)
        if result.retry_after_s is not None:
            delay = max(delay, timedelta(seconds=result.retry_after_s))
        if now + delay > notice.created_at + PUSH_GIVES_UP_AFTER:
            changes["status"] = NoticeStatus.DEAD
        else:
            changes |= {"next_attempt_at": now + delay, "finished_at": None}
    with transaction.atomic():
        if not AlertNotice.objects.filter(pk=notice.pk, claim_token=notice.claim_token).update(**changes):
            return
        AlertNoticeAttempt.objects.create(
            notice=notice, number=notice.attempts, outcome=result.outcome, error=result.error[:500],
            response_status=result.response_status, started_at=started_at, duration_ms=result.duration_ms,
        )  # fmt: skip
        for name, value in changes.items():
            setattr(notice, name, value)
        _follow_up(notice, now)


def _follow_up(notice: AlertNotice, now: datetime) -> None:
    """Let the channel's others wait with one that failed; say in the alert centre that a channel works no longer, or again."""
    channel = notice.channel
    if notice.status == NoticeStatus.FAILED:
        others = AlertNotice.objects.filter(channel=channel, status__in=(NoticeStatus.PENDING, NoticeStatus.FAILED))
        others.filter(next_attempt_at__lt=notice.next_attempt_at).update(next_attempt_at=notice.next_attempt_at)
    if notice.kind == AlertNotice.Kind.TEST or not channel.enabled:
        return
    standing = Alert.objects.filter(company=channel.company, cause=CHANNEL_FAILING, subject=channel.name)
    if notice.status == NoticeStatus.SENT:
        for alert in standing.exclude(state=Alert.State.RESOLVED):
            resolve_alert(alert, None)
    elif notice.status == NoticeStatus.DEAD or notice.attempts == ALERT_AFTER:
        raise_alert(
            channel.company, CHANNEL_FAILING, f"The channel {channel.name} does not take alerts: {notice.error}",
            subject=channel.name, details={"channelId": str(channel.id)}, now=now,
        )  # fmt: skip
