"""One attempt to deliver a push: by the provider's own API, or through the hub."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from integration import breaker, nexara, outbound
from integration.attempts import Result, answered, note_failure, tell_breaker, unanswered, waits_for_breaker
from integration.envelope import provider_request
from integration.models import OutboundPush, PushRoute, PushStatus, WebhookLog
from integration.models.credential import NEXARA
from integration.models.outbound import UNFINISHED
from integration.models.webhook import TEST_PROOF
from integration.outbound import SendError
from integration.tokens import ProviderAccess, get_token, provider_access
from orders.models import BranchStore, Order, OrderEvent
from providers.base import InboundRequest
from providers.events import FulfilledBy, OrderType, Status
from providers.outbound import (
    ACKNOWLEDGE,
    PREP_TIME,
    NotSent,
    OrderView,
    OutboundRequest,
    Verdict,
    judge_status,
    ready_time,
)
from providers.registry import get_adapter

NOT_ACCEPTED = (Status.RECEIVED.value, Status.REJECTED.value, Status.CANCELLED.value, Status.FAILED.value)


def deliver(push: OutboundPush) -> Result:
    """Make the push's call or calls, and return how it went; ``push.steps_done`` tells how far it came.

    Raises nothing that a peer causes.
    """
    if push.route == PushRoute.HUB:
        return _through_hub(push)
    return _by_provider(push)


# -- by the provider's own API -----------------------------------------------------------------------------------------


def _by_provider(push: OutboundPush) -> Result:
    order = push.order
    access = provider_access(order.company, push.provider)
    refused = why_not_callable(order, access)
    if access is None or refused is not None:
        return refused or Result(PushStatus.NOT_SENT, "no_calls", "This provider takes no calls.")
    now = timezone.now()
    view = order_view(push, now)
    built = access.calls.build(view, access.api)
    if isinstance(built, NotSent):
        return Result(PushStatus.NOT_SENT, "no_call", built.reason)
    gate = breaker.admit(push.company_id, push.provider, now)
    if not gate.is_open:
        return waits_for_breaker(gate, now, push.provider)
    result = Result(PushStatus.SENT, counts=True)
    for step, request in enumerate(built.requests):
        if step < push.steps_done:
            continue
        if not _make_call(push, access, view, request, step, result):
            return result
        push.steps_done = step + 1
    return result


def why_not_callable(order: Order, access: ProviderAccess | None) -> Result | None:
    """Return why a company's provider cannot or must not be called about an order; None where it can."""
    if access is None:
        return Result(PushStatus.NOT_SENT, "no_calls", "This provider takes no calls.")
    if order.is_test and not access.is_sandbox and _is_trial(order):
        return Result(PushStatus.NOT_SENT, "test_order", "A trial of our own: the provider does not know this order.")
    if access.missing or not access.is_enabled:
        names = ", ".join(access.missing)
        why = f"the credential lacks {names}." if names else "the provider is switched off."
        return Result(PushStatus.NOT_SENT, "no_credential", why)
    return None


def _is_trial(order: Order) -> bool:
    """Tell whether an order was made by our webhook test: its delivery is of its making, or it has none.

    One that came with a sandbox credential is a test order too, and its provider, or the hub, does know it.
    """
    event_id = OrderEvent.objects.filter(order=order).order_by("created_at").values_list("webhook_event_id", flat=True)
    first = event_id.first()
    log = WebhookLog.objects.filter(pk=first).first() if first else None
    return log is None or log.proof == TEST_PROOF


def _make_call(
    push: OutboundPush, access: ProviderAccess, view: OrderView, request: OutboundRequest, step: int, result: Result
) -> bool:
    """Make one request, with a new token once where the first is refused; put into ``result`` what came of it."""
    stale = ""
    key = str(push.id) if step == 0 else f"{push.id}-{step}"
    for is_last in (False, True):
        started = timezone.now()
        try:
            authorized = access.calls.authorize(request, access.api, token := get_token(access, stale=stale))
        except SendError as error:
            token_call = access.calls.token_request(access.api)
            result.attempts.append(unanswered(token_call, error, started))
            note_failure(result, error, push, access.provider)
            return False
        try:
            sent = outbound.send(authorized, peer=access.provider, idempotency_key=key)
        except SendError as error:
            result.attempts.append(unanswered(authorized, error, started))
            note_failure(result, error, push, access.provider)
            return False
        age_s = (started - push.created_at).total_seconds()
        judged = access.calls.judge(view, sent.answer, attempt=push.attempts + 1, age_s=age_s, now=started)
        verdict = judged.verdict
        result.attempts.append(answered(authorized, sent, verdict, judged.reason, started, (*access.hidden, token)))
        tell_breaker(push, access.provider, sent)
        if verdict is Verdict.REFRESH_TOKEN and not is_last:
            stale = token
            continue
        break
    result.error = judged.reason
    if verdict is Verdict.DONE:
        return True
    if verdict is Verdict.RETRY:
        result.status, result.code = PushStatus.FAILED, f"http_{sent.answer.status}"
        result.retry_after_s = judged.retry_after_s
    elif verdict is Verdict.GONE:
        result.status, result.code = PushStatus.DROPPED, "gone"
    else:
        result.status, result.code = PushStatus.DEAD, f"http_{sent.answer.status}"
    return False


# -- through the hub ---------------------------------------------------------------------------------------------------


def _through_hub(push: OutboundPush) -> Result:
    """Tell the hub; where it cannot be reached, go the provider's own way if the company has one, else wait."""
    if push.order.is_test and _is_trial(push.order):
        return Result(PushStatus.NOT_SENT, "test_order", "A trial of our own: the hub does not know this order.")
    now = timezone.now()
    gate = breaker.admit(push.company_id, NEXARA, now)
    if not gate.is_open:
        return _without_hub(push, waits_for_breaker(gate, now, "NEXARA"))
    keys = nexara.keys_of(push.order.company, push.provider)
    requests = nexara.sync_requests(push, keys)
    result = Result(PushStatus.SENT, counts=True)
    try:
        request, sent = nexara.call_with_any(requests, idempotency_key=str(push.id))
    except SendError as error:
        result.attempts.append(unanswered(requests[0], error, now))
        note_failure(result, error, push, NEXARA)
        return _without_hub(push, result) if error.is_passing else result
    tell_breaker(push, NEXARA, sent)
    answer = sent.answer
    judged = judge_status(answer, timezone.now())
    verdict, reason = judged.verdict, judged.reason.replace("The provider", "NEXARA")
    document = answer.document()
    if verdict is Verdict.DONE and isinstance(document, dict) and document.get("success") is False:
        verdict, reason = Verdict.PERMANENT, "NEXARA answered that it did not take it."
    result.attempts.append(answered(request, sent, verdict, reason, now, tuple(keys)))
    result.error = reason
    if verdict is Verdict.RETRY:
        result.status, result.code = PushStatus.FAILED, f"http_{answer.status}"
        result.retry_after_s = judged.retry_after_s
        return _without_hub(push, result) if answer.status >= 500 else result
    if verdict is not Verdict.DONE:
        result.status, result.code = PushStatus.DEAD, f"http_{answer.status}"
    return result


def _without_hub(push: OutboundPush, result: Result) -> Result:
    """Turn a push round to the provider's own API, at once; where there is no way, let it wait and say so.

    The row itself changes its way, so nothing is left that could go to the hub later.
    """
    access = provider_access(push.order.company, push.provider)
    if access is not None and why_not_callable(push.order, access) is None:
        built = access.calls.build(order_view(push, timezone.now()), access.api)
        if not isinstance(built, NotSent):
            result.status, result.code = PushStatus.FAILED, "hub_bypassed"
            result.error = "NEXARA cannot be reached; the provider is told directly."
            result.route, result.retry_after_s = PushRoute.PROVIDER, 0.0
            return result
    result.code = "hub_unreachable"
    return result


# -- what an adapter is told -------------------------------------------------------------------------------------------


def order_view(push: OutboundPush, now: datetime) -> OrderView:
    """Return what an adapter needs to know of a push and its order."""
    order = push.order
    calls = get_adapter(order.provider).calls
    wants_payload = calls is not None and calls.wants_payload
    request = _first_request(order) if wants_payload else None
    stores: tuple[str, ...] = ()
    if order.branch_id:
        rows = BranchStore.objects.filter(branch_id=order.branch_id, provider=order.provider).order_by("pk")
        stores = tuple(rows.values_list("store_id", flat=True))
    if not stores and request is not None:
        # A hub knows no branches, and the provider named its own.
        stores = get_adapter(order.provider).store_ids(request)
    return OrderView(
        order_id=str(order.id),
        provider=order.provider,
        external_id=order.external_id,
        action=push.action,
        previous_status=push.previous_status,
        was_accepted=_was_accepted(push),
        order_type=OrderType(order.order_type),
        fulfilled_by=FulfilledBy(order.fulfilled_by),
        callback_urls=order.callback_urls or {},
        scheduled_for=order.scheduled_for,
        accept_by=order.accept_by,
        store_ids=stores,
        payload=_payload(request),
        prep_minutes=push.prep_minutes,
        promised_at=_promised_at(order) if push.action == PREP_TIME else None,
        prep_changes=_prep_changes(push) if push.action == PREP_TIME else 0,
        reason=push.reason,
        occurred_at=push.occurred_at,
        now=now,
    )


def _was_accepted(push: OutboundPush) -> bool:
    """Tell whether the provider knows the order as accepted: we told it, or it told us."""
    told = OutboundPush.objects.filter(order_id=push.order_id, action=Status.CONFIRMED.value, status=PushStatus.SENT)
    if push.action != ACKNOWLEDGE and told.exclude(pk=push.pk).exists():
        return True
    heard = OrderEvent.objects.filter(order_id=push.order_id, source=OrderEvent.Source.PROVIDER, seq__isnull=False)
    # An update that changes no status carries the status of before, which may be a person's.
    named = heard.exclude(Q(status__in=NOT_ACCEPTED) | Q(provider_status=""))
    return named.exists()


def _promised_at(order: Order) -> datetime:
    """Return when the acceptance promised that the order would be ready; whoever accepted it."""
    events = OrderEvent.objects.filter(order=order, seq__isnull=False, status=Status.CONFIRMED)
    accepted = events.exclude(previous_status=Status.CONFIRMED).order_by("seq").first()
    if accepted is None:
        return ready_time(order.received_at, None, order.scheduled_for)
    return ready_time(accepted.occurred_at, accepted.prep_minutes, order.scheduled_for)


def _prep_changes(push: OutboundPush) -> int:
    """Count the other times that the provider was told, or is about to be."""
    told = OutboundPush.objects.filter(order_id=push.order_id, action=PREP_TIME).exclude(pk=push.pk)
    return told.filter(status__in=(PushStatus.SENT, *UNFINISHED)).count()


def _first_request(order: Order) -> InboundRequest | None:
    """Return what the provider sent to make the order, also where it came in an envelope; None once its bytes are gone."""
    events = OrderEvent.objects.filter(order=order, webhook_event_id__isnull=False).order_by("created_at")
    log_id = events.values_list("webhook_event_id", flat=True).first()
    made_by = WebhookLog.objects.filter(pk=log_id, body__isnull=False) if log_id else WebhookLog.objects.none()
    log = made_by.select_related("body").first()
    if log is None:
        return None
    request = InboundRequest(body=bytes(log.body.body), headers=log.headers, path=log.path, method=log.method)
    return provider_request(request) if log.is_envelope else request


def _payload(request: InboundRequest | None) -> dict[str, Any]:
    document = request.document[0] if request is not None else None
    return document if isinstance(document, dict) else {}
