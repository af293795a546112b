"""One attempt to forward an event to its subscriber, and what follows from it."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from integration import breaker, outbound
from integration.alerts import raise_alert, resolve_alerts
from integration.attempts import Result, answered, note_failure, tell_breaker, unanswered, waits_for_breaker
from integration.hub.envelopes import envelope_of
from integration.hub.subscriptions import breaker_name, current_key
from integration.models import Alert, IntegrationWebhook, OutboundPush, PushStatus, WebhookBody, WebhookStatus
from integration.models.outbound import UNFINISHED
from integration.outbound import SendError
from providers.outbound import OutboundRequest, Verdict, retry_after_s
from providers.signatures import NEXARA

ALERT_AFTER = 3
"""So many failures of one forward in a row, and somebody is told."""


def why_useless(subscription: IntegrationWebhook) -> tuple[str, str] | None:
    """Return a code and a sentence when nobody wants a forward any more; None while somebody does."""
    if subscription.status == IntegrationWebhook.Status.ACTIVE:
        return None
    return "not_subscribed", f"The subscription is {subscription.status}."


def forward(push: OutboundPush) -> Result:
    """Send a forward's envelope, signed now, under the same id at each try. Anything but 2xx is tried again."""
    subscription = push.subscription
    assert subscription is not None
    now, name = timezone.now(), breaker_name(subscription)
    gate = breaker.admit(push.company_id, name, now)
    if not gate.is_open:
        return waits_for_breaker(gate, now, "The subscriber")
    body = envelope_of(push)
    if body is None:
        return Result(PushStatus.DEAD, "body_gone", "The provider's bytes are past their retention.", counts=True)
    key = current_key(subscription)
    if not key:
        return Result(PushStatus.DEAD, "no_key", "The subscription has no key: it has to register again.", counts=True)
    request = OutboundRequest(
        method="POST",
        url=subscription.url,
        headers=NEXARA.sign(body, key, now, str(push.id)),
        body=body,
        content_type="application/json",
        secret_headers=(NEXARA.header,),
        hides_body=True,  # the delivery has it
    )
    result = Result(PushStatus.SENT, counts=True)
    try:
        sent = outbound.send(request, peer=name)
    except SendError as error:
        result.attempts.append(unanswered(request, error, now))
        note_failure(result, error, push, name)
        return result
    tell_breaker(push, name, sent)
    if not sent.answer.is_success:
        result.status, result.code = PushStatus.FAILED, f"http_{sent.answer.status}"
        result.error = f"The subscriber answered {sent.answer.status}."
        result.retry_after_s = retry_after_s(sent.answer, now)
    verdict = Verdict.DONE if sent.answer.is_success else Verdict.RETRY
    result.attempts.append(answered(request, sent, verdict, result.error, now, (key,)))
    return result


def follow_up(push: OutboundPush) -> None:
    """Tell people of what did not get through, and hurry what waits once something did."""
    details = {
        "orderId": str(push.order_id),
        "externalOrderId": push.order.external_id,
        "eventType": push.action,
        "forwardId": str(push.id),
    }
    company, name = push.order.company, push.provider
    if push.status == PushStatus.SENT:
        _after_success(push)
    elif push.status == PushStatus.DEAD:
        raise_alert(
            company, "forward_dead", f"An event of {name} did not reach its subscriber: {push.error}"[:500], subject=name,
            severity=Alert.Severity.CRITICAL, details=details,
        )  # fmt: skip
    elif push.status == PushStatus.FAILED and push.attempts == ALERT_AFTER and push.error_code != "breaker_open":
        raise_alert(
            company, "forward_failing", f"The subscriber of {name} does not take events; they are tried again.", subject=name,
            details=details,
        )  # fmt: skip


def _after_success(push: OutboundPush) -> None:
    assert push.subscription is not None
    waiting = OutboundPush.objects.filter(subscription=push.subscription, status=PushStatus.FAILED)
    # What got an answer that is none of a fault there keeps its pause: that another was taken says nothing of it.
    unwell = waiting.filter(~Q(error_code__startswith="http_") | Q(error_code__startswith="http_5"))
    unwell.filter(next_attempt_at__gt=timezone.now(), claim_token=None).update(next_attempt_at=timezone.now())
    if push.attempts > ALERT_AFTER and not waiting.filter(attempts__gte=ALERT_AFTER).exists():
        resolve_alerts(push.company_id, "forward_failing", push.provider)
    if push.delivery is not None and not settings.LOG_WEBHOOKS:
        # Kept until here, because it was what had to be sent.
        processed = WebhookBody.objects.filter(log=push.delivery, log__status=WebhookStatus.PROCESSED)
        processed.exclude(log__forwards__status__in=UNFINISHED).delete()
