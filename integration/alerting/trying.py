"""Testing a channel: a message is sent now, and each step says what happened."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from integration.alerting import messages, notices
from integration.connectivity import FAILED, OK, SKIPPED, Step, look_up, shake_hands, timed
from integration.models import AlertChannel, AlertNotice, NoticeStatus
from integration.retry import LEASE_S
from orders.audit import record_act
from orders.models import User


def try_channel(channel: AlertChannel, *, user: User, request: HttpRequest) -> list[Step]:
    """Send a test by a channel, enabled or not, and return the steps. What is sent stands among its notices."""
    steps = _mail_steps() if channel.kind == AlertChannel.Kind.EMAIL else _http_steps(channel)
    if any(step.outcome == FAILED for step in steps):
        steps.append(Step("send", SKIPPED, detail="An earlier step failed."))
    else:
        steps.append(_send(channel))
    works = all(step.outcome == OK for step in steps)
    record_act("alert_channel.tested", company=channel.company, target=channel.id, details={"ok": works}, user=user,
               request=request)  # fmt: skip
    return steps


def _http_steps(channel: AlertChannel) -> list[Step]:
    steps = [timed("dns", lambda: look_up(channel.url))]
    if steps[0].outcome == FAILED:
        return [*steps, Step("tls", SKIPPED, detail="An earlier step failed.")]
    return [*steps, timed("tls", lambda: shake_hands(channel.url))]


def _mail_steps() -> list[Step]:
    if not settings.EMAIL_HOST:
        return [Step("mail_server", FAILED, detail="No mail server is set: the operators set EMAIL_HOST.")]
    return [Step("mail_server", OK, detail=f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}")]


def _send(channel: AlertChannel) -> Step:
    now = timezone.now()
    notice = AlertNotice.objects.create(
        channel=channel, kind=AlertNotice.Kind.TEST, content=messages.trial(channel.company), attempts=1,
        status=NoticeStatus.SENDING, claim_token=uuid.uuid4(), next_attempt_at=now + timedelta(seconds=LEASE_S),
        created_at=now,
    )  # fmt: skip
    result = notices.send(notice)
    if result.status == NoticeStatus.FAILED:
        # A test is not tried again: somebody looks at it.
        result = notices.Outcome(
            NoticeStatus.DEAD, result.outcome, result.error, result.response_status, None, result.duration_ms
        )
    notices.settle(notice, result, now)
    if result.status != NoticeStatus.SENT:
        return Step("send", FAILED, result.duration_ms, result.error)
    said = f"The receiver answered {result.response_status}." if result.response_status else "The mail server took it."
    return Step("send", OK, result.duration_ms, said)
