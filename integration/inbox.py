"""The inbox: record, process, retry, quarantine, replay. What is recorded is never lost and never invisible."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import logging
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from integration.alerts import raise_alert
from integration.delivery_rollup import mark_late
from integration.envelope import provider_request, read_envelope
from integration.fingerprints import describe, of_failure, of_fault
from integration.hub.forwards import forward_delivery
from integration.metrics import ATTEMPTS, POSTPONED, STEP_SECONDS
from integration.models import Alert, WebhookAttempt, WebhookBody, WebhookLog, WebhookStatus
from integration.models.webhook import RECONCILIATION
from integration.models.webhook import SETTLED as SETTLED
from integration.redaction import redact_headers
from integration.retry import MOST_TRIES, WORK_LEASE_S, next_delay
from orders import live
from orders.audit import record_act
from orders.compiled import Select, Update
from orders.inserts import insert_pair
from orders.logs import following
from orders.models import Company, User
from orders.models.order import order_id_for
from orders.services import Applied, Delivery, Outcome, apply_event, order_id_of
from orders.times import iso_time
from providers.base import InboundRequest, ProviderAdapter
from providers.events import Kind, OrderEvent, OrderSnapshot
from providers.payload import PayloadError
from providers.registry import get_adapter
from providers.signatures import NEXARA

logger = logging.getLogger(__name__)

Trigger = WebhookAttempt.Trigger
DEADLOCKS = ("40P01", "40001")
"""Postgres: deadlock detected, serialization failure."""
REFUSALS_THAT_CLUSTER = 10
"""So many refusals of one kind in a minute are no accident."""


class LostClaimError(Exception):
    """Somebody else holds the row now; what we did with it is undone."""


class TryNeverEndedError(Exception):
    """Try after try of the row ended without a word, as when it ends its process: it gets no other."""


class EnvelopeError(PayloadError):
    """An authentic request of the hub whose envelope lacks what it needs to be read."""


class NotReplayableError(Exception):
    """The row cannot be replayed; the message says why."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A delivery in the log. ``is_new`` is False for one that we already had."""

    log: WebhookLog
    is_new: bool


# -- recording ---------------------------------------------------------------------------------------------------------


def delivery_key(adapter: ProviderAdapter | None, request: InboundRequest, proof: str) -> str:
    """Return what makes two requests the same delivery: the sender's own id of it, else a digest over path and body."""
    own = ""
    if proof == NEXARA.secret:
        own = request.header(NEXARA.id_header)
    elif adapter is not None:
        own = adapter.delivery_id(request)
    kind = "hub" if proof == NEXARA.secret else "id"
    if own and len(own) <= 200 and own.isprintable():
        return f"{kind}:{own}"
    if own:
        return f"{kind}-sha256:{hashlib.sha256(own.encode('utf-8', 'surrogatepass')).hexdigest()}"
    digest = hashlib.sha256(f"{request.method} {request.path}\n".encode("utf-8", "surrogatepass") + request.body)
    return f"sha256:{digest.hexdigest()}"


def record(
    company: Company,
    provider: str,
    adapter: ProviderAdapter | None,
    request: InboundRequest,
    *,
    proof: str,
    received_at: datetime,
    address: str = "",
    request_id: str = "",
    is_envelope: bool = False,
    is_test: bool = False,
    key: str = "",
    hurried: bool = False,
    postponed: bool = False,
) -> Recorded:
    """Commit a verified delivery, byte for byte, and claim it for this process; or return the one we already have.

    ``key`` names it where its own bytes do not. ``hurried`` does not wait for the disk: the commit of its result does, or
    :func:`confirm`, and before one of them nobody is told that we have it. ``postponed`` claims nothing: it is due for the
    sweep at once.

    A known key with another body is stored too, ``quarantined`` as ``delivery_conflict``: the first stands.
    """
    key = key or delivery_key(adapter, request, proof)
    log = WebhookLog(
        company=company,
        provider=provider,
        status=WebhookStatus.PROCESSING,
        delivery_key=key,
        is_envelope=is_envelope,
        is_test=is_test,
        proof=proof,
        method=request.method,
        path=request.path[:1200],
        headers=redact_headers(request.headers),
        body_sha256=hashlib.sha256(request.body).hexdigest(),
        body_size=len(request.body),
        remote_address=address or None,
        request_id=request_id,
        attempts=1,
        next_attempt_at=received_at + timedelta(seconds=WORK_LEASE_S),
        claim_token=uuid.uuid4(),
        received_at=received_at,
    )
    if postponed:
        log.status, log.claim_token, log.next_attempt_at, log.attempts = WebhookStatus.RECEIVED, None, received_at, 0
        _name_order(log, request)
    if insert_pair(log, WebhookBody(log=log, body=request.body), hurried=hurried):
        logger.debug(
            "Event %s of %s is new: %d bytes, known by its %s", log.id, provider, log.body_size, key.split(":")[0]
        )
        if postponed:
            POSTPONED.add(provider)
        return Recorded(log, True)
    known = WebhookLog.objects.get(company=company, provider=provider, delivery_key=key)
    if known.body_sha256 == log.body_sha256:
        return _count_duplicate(known)
    log.delivery_key = f"{key}#{log.body_sha256}"
    log.status, log.claim_token, log.next_attempt_at, log.attempts = WebhookStatus.QUARANTINED, None, None, 0
    log.error_code = "delivery_conflict"
    log.error = f"Delivery {known.id} came under the same id with another body; that one stands."
    log.details = {"delivery": "the same id as an earlier delivery with another body"}
    log.fingerprint = of_fault(provider, log.error_code, log.details)
    log.processed_at = timezone.now()
    if not insert_pair(log, WebhookBody(log=log, body=request.body)):
        return _count_duplicate(
            WebhookLog.objects.get(company=company, provider=provider, delivery_key=log.delivery_key)
        )
    logger.debug("Event %s has the key of event %s and another body", log.id, known.id)
    _alert_quarantined(log)
    _announce(log)
    return Recorded(log, True)


def _name_order(log: WebhookLog, request: InboundRequest) -> None:
    """Note whose order it is before anything is applied: the answer has to name it. What cannot be read names none."""
    with contextlib.suppress(PayloadError):
        _note_order(log, parse_row(log, request))


def _note_order(log: WebhookLog, events: list[OrderEvent]) -> None:
    event = next((each for each in events if each.external_id or each.order_ref), None)
    if event is not None and log.company is not None:
        log.external_id = log.external_id or event.external_id
        log.order_id = log.order_id or order_id_of(log.company, log.provider, event)


def confirm(log: WebhookLog) -> None:
    """Wait until a row that was recorded in a hurry is on the disk; raise OperationalError where it is not there any more."""
    if not WebhookLog.objects.filter(pk=log.pk).update(duplicates=F("duplicates")):
        raise OperationalError("the database has lost what it had just taken")


def _count_duplicate(known: WebhookLog) -> Recorded:
    logger.debug("Event %s of %s came once more; it is %s", known.id, known.provider, known.status)
    WebhookLog.objects.filter(pk=known.pk).update(duplicates=F("duplicates") + 1)
    mark_late(known)
    return Recorded(known, False)


def record_rejection(company: Company | None, provider: str, reason: str, now: datetime) -> None:
    """Count a request that is not authentic: one row per company, provider, reason and minute, with nothing of it."""
    minute = now.replace(second=0, microsecond=0)
    key = f"{company.id if company else '-'}|{provider}|{reason}|{minute:%Y-%m-%dT%H:%M}"
    row = WebhookLog.objects.filter(rejection_key=key)
    if not row.update(count=F("count") + 1):
        draft = WebhookLog(
            company=company, provider=provider, status=WebhookStatus.REJECTED, rejection_key=key, count=0,
            error_code="invalid_signature", error=reason, received_at=minute, processed_at=minute,
        )  # fmt: skip
        WebhookLog.objects.bulk_create([draft], ignore_conflicts=True)
        row.update(count=F("count") + 1)
    count = row.values_list("count", flat=True).first() or 0
    if count == REFUSALS_THAT_CLUSTER:
        raise_alert(
            company, "signatures_failing", f"Many requests of {provider} are refused: {reason}.", subject=provider, now=now,
            details={"reason": reason},
        )  # fmt: skip
        record_act("webhook.signatures_failing", company=company, target=provider, details={"reason": reason})


# -- working -----------------------------------------------------------------------------------------------------------


def process_claimed(
    log_id: uuid.UUID, token: uuid.UUID, trigger: str = Trigger.RETRY, user: User | None = None
) -> WebhookLog | None:
    """Work a claimed row; None where the claim is not ours any more. Safe to call twice: the second finds no claim."""
    mine = uuid.uuid4()
    now = timezone.now()
    taken = WebhookLog.objects.filter(pk=log_id, claim_token=token, status=WebhookStatus.PROCESSING).update(
        claim_token=mine, attempts=F("attempts") + 1, next_attempt_at=now + timedelta(seconds=WORK_LEASE_S)
    )
    if not taken:
        return None
    log = WebhookLog.objects.select_related("company", "body").get(pk=log_id)
    if log.attempts == 1 and trigger == Trigger.RETRY:
        trigger = Trigger.LIVE  # it was only stored when it came
    with following(log.request_id):
        return process(log, stored_request(log), trigger=trigger, user=user)


def stored_request(log: WebhookLog) -> InboundRequest:
    """Return the request of a stored row: the same that came in, its proofs redacted."""
    try:
        body = bytes(log.body.body)
    except WebhookBody.DoesNotExist:  # past its retention
        body = b""
    return InboundRequest(body=body, headers=log.headers, path=log.path, method=log.method, is_envelope=log.is_envelope)


# -- processing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Try:
    """One try to process a row: who asked for it and when it began."""

    trigger: str
    user: User | None
    started_at: datetime
    clock: float

    def write(self, log: WebhookLog) -> None:
        """Write how it went, in the transaction of its result: a commit of its own would wait for the disk once more."""
        if self.trigger != Trigger.LIVE or log.status not in SETTLED:
            WebhookAttempt.objects.create(
                log=log, trigger=self.trigger, user=self.user, outcome=log.status, error=log.error,
                started_at=self.started_at, duration_ms=round((time.perf_counter() - self.clock) * 1000, 3),
            )  # fmt: skip


def process(
    log: WebhookLog,
    request: InboundRequest,
    *,
    trigger: str = Trigger.LIVE,
    user: User | None = None,
) -> WebhookLog:
    """Parse and apply a claimed row and write how it went; raise only where not even that can be written.

    The event's effect and the row's status are one commit. A failure is saved outside of it, with its next try. A row whose
    tries ended without a word, one after the other, is dead and not worked: it may be what ends the process.
    """
    token = log.claim_token
    this = _Try(trigger, user, timezone.now() if trigger != Trigger.LIVE else log.received_at, time.perf_counter())
    try:
        if log.attempts > MOST_TRIES:
            raise TryNeverEndedError("tries ended without a word")
        with STEP_SECONDS.time(log.provider, "parse"):
            events = parse_row(log, request)
        for event in events:
            _tell_what_was_read(log, event)
    except PayloadError as error:
        if not _quarantine(log, error, this):
            return log
    except Exception as error:
        if not _fail(log, error, this):
            return log
    else:
        try:
            with STEP_SECONDS.time(log.provider, "apply"):
                _apply_patiently(log, events, this)
        except LostClaimError:
            log.refresh_from_db()
            return log
        except Exception as error:
            log.claim_token = token  # what failed may be the commit, after the result was in hand
            # Whoever looks for the order finds what became of it.
            _note_order(log, events)
            if not _fail(log, error, this):
                return log
    ATTEMPTS.add(log.provider, trigger, log.status)
    logger.debug("Event %s of %s is %s at attempt %d", log.id, log.provider, log.status, log.attempts)
    _announce(log)
    return log


def _tell_what_was_read(log: WebhookLog, event: OrderEvent) -> None:
    """Say which fields an event names, in our words: never a value, and no word of the payload."""
    if not logger.isEnabledFor(logging.DEBUG):
        return
    told = event.snapshot or OrderSnapshot()
    named = [each.name for each in dataclasses.fields(told) if getattr(told, each.name) != each.default]
    logger.debug(
        "Event %s of %s says %s, status %s, of order %s; it names %s; %d lines, %d warnings",
        log.id, log.provider, event.kind.value, event.status, order_id_of(log.company, log.provider, event),  # type: ignore[arg-type]
        ", ".join(named) or "no fields", len(told.lines or ()), len(event.warnings),
    )  # fmt: skip


def parse_row(log: WebhookLog, request: InboundRequest) -> list[OrderEvent]:
    """Return the events of a row; one that came as an envelope has to be a whole one first."""
    if log.is_envelope:
        envelope = read_envelope(request)
        if envelope.faults or envelope.adapter is None:
            raise EnvelopeError(envelope.faults)
        request = provider_request(request)
    return get_adapter(log.provider).parse(request)


def _apply_patiently(log: WebhookLog, events: list[OrderEvent], this: _Try) -> None:
    """Apply in one transaction; a deadlock, which somebody has to lose, is tried again at once."""
    token = log.claim_token
    for tries_left in (2, 1, 0):
        log.claim_token = token
        try:
            with transaction.atomic():
                _apply(log, events)
                this.write(log)
            return
        except OperationalError as error:
            if not tries_left or getattr(error.__cause__, "sqlstate", "") not in DEADLOCKS:
                raise


def _apply(log: WebhookLog, events: list[OrderEvent]) -> None:
    company = log.company
    assert company is not None
    delivery = Delivery(
        received_at=log.received_at,
        event_id=log.id,
        via_hub=log.is_envelope or log.proof == NEXARA.secret,
        is_test=log.is_test,
        is_imported=log.proof == RECONCILIATION,
    )
    results = [(event, apply_event(company, log.provider, event, delivery)) for event in events]
    for _, result in results:
        if result.created and result.order is not None and _apply_parked(log, result.order.id):
            result.order.refresh_from_db(fields=["status"])
    event, result = _chief(results)
    _describe(log, event, result)
    forward_delivery(log, event.kind, result.order)
    _finish(log)
    _drop_body(log)


def _drop_body(log: WebhookLog) -> None:
    if not settings.LOG_WEBHOOKS and log.status == WebhookStatus.PROCESSED and not log.forwards.exists():
        WebhookBody.objects.filter(log=log).delete()


def _chief(results: list[tuple[OrderEvent, Applied]]) -> tuple[OrderEvent, Applied]:
    """Return the result that speaks for the delivery: one that did something, else one that waits, else the first."""
    for outcome in (Outcome.PROCESSED, Outcome.PARKED):
        for pair in results:
            if pair[1].outcome is outcome:
                return pair
    return results[0] if results else (OrderEvent(kind=Kind.IGNORED), Applied(Outcome.IGNORED, None, note="no event"))


def _describe(log: WebhookLog, event: OrderEvent, result: Applied) -> None:
    order = result.order
    log.status = WebhookStatus(result.outcome.value)
    log.event_type = (event.word if event.kind is Kind.IGNORED else event.kind.value)[:64]
    log.provider_event = event.word[:64]
    log.external_id = order.external_id if order else event.external_id
    log.order_id = result.order_id
    log.order_status = order.status if order else ""
    log.warnings = [warning[:500] for warning in event.warnings][:50]
    log.error_code, log.details, log.fingerprint = "", {}, ""
    log.error = result.note if result.outcome is Outcome.IGNORED else ""


def _apply_parked(creation: WebhookLog, order_id: uuid.UUID) -> int:
    """Apply what came before its order, in the order of its coming, in the creation's transaction; return how much.

    So an order that was cancelled before it came is never seen open.
    """
    logs = _PARKED.all(company=creation.company_id, provider=creation.provider, order_id=order_id)
    for log in logs:
        delivery = Delivery(received_at=log.received_at, event_id=log.id, is_test=log.is_test)
        for event in parse_row(log, stored_request(log)):
            result = apply_event(creation.company, log.provider, event, delivery)  # type: ignore[arg-type]
            _describe(log, event, result)
            forward_delivery(log, event.kind, result.order)
        log.processed_at = timezone.now()
        log.save(update_fields=["status", "event_type", "external_id", "order_status", "error", "processed_at"])
        mark_late(log)
        _drop_body(log)
        _announce(log)
    return len(logs)


_PARKED = Select(
    lambda at: WebhookLog.objects.select_related("company", "body").filter(
        company=at.one("company", WebhookLog, "company"), provider=at.one("provider", WebhookLog, "provider"),
        order_id=at.one("order_id", WebhookLog, "order_id"), status=WebhookStatus.PARKED,
    ).order_by("received_at", "id")
)  # fmt: skip


def _finish(log: WebhookLog) -> None:
    """Write the row's result, if the claim is still ours; raise LostClaimError, which undoes everything, if not."""
    token, log.claim_token, log.next_attempt_at = log.claim_token, None, None
    log.processed_at = timezone.now()
    log.duration_ms = round((log.processed_at - log.received_at).total_seconds() * 1000, 3)
    if not _RESULT.run(log, id=log.pk, token=token):
        raise LostClaimError
    mark_late(log)


_RESULT_FIELDS = (
    "status", "event_type", "provider_event", "external_id", "order_id", "order_status", "warnings", "error_code", "error",
    "details", "fingerprint", "claim_token", "next_attempt_at", "processed_at", "duration_ms",
)  # fmt: skip
_RESULT = Update(
    _RESULT_FIELDS,
    lambda at: WebhookLog.objects.filter(
        pk=at.one("id", WebhookLog, "id"), claim_token=at.one("token", WebhookLog, "claim_token"),
        status=WebhookStatus.PROCESSING,
    ),
)  # fmt: skip


def _quarantine(log: WebhookLog, error: PayloadError, this: _Try) -> bool:
    """Keep what we cannot use: no retry mends it, a person may replay it once the cause is mended. False: a lost claim."""
    log.status = WebhookStatus.QUARANTINED
    log.error_code = "invalid_envelope" if isinstance(error, EnvelopeError) else "invalid_payload"
    log.details = error.details
    log.error = str(error)[:2000]
    log.event_type = error.kind or log.event_type
    log.fingerprint = of_fault(log.provider, log.error_code, error.details, log.event_type)
    log.external_id = error.external_id
    if error.external_id:
        log.order_id = order_id_for(log.company_id, log.provider, error.external_id)  # type: ignore[arg-type]
    elif error.order_ref:
        log.order_id = order_id_of(log.company, log.provider, OrderEvent(kind=Kind.UPDATED, order_ref=error.order_ref))  # type: ignore[arg-type]
    try:
        with transaction.atomic():
            _finish(log)
            this.write(log)
            _alert_quarantined(log)
    except LostClaimError:
        log.refresh_from_db()
        return False
    if settings.LOG_WEBHOOK_FAILURES:
        logger.warning("Quarantined event %s of %s: %s", log.id, log.provider, ", ".join(error.details))
    return True


def _alert_quarantined(log: WebhookLog) -> None:
    raise_alert(
        log.company,
        f"event_{log.error_code}",
        f"An authentic {log.provider} event cannot be used and waits in quarantine.",
        subject=log.provider,
        severity=Alert.Severity.CRITICAL,
        details={"eventId": str(log.id), "externalOrderId": log.external_id},
    )


def _fail(log: WebhookLog, error: Exception, this: _Try) -> bool:
    """Save a failure with its next try; the last one leaves the row dead, with an alert. Outside the failed transaction.

    False: a lost claim. Whoever has it now says how it ends, and nothing of this try is written.
    """
    delay = next_delay(log.attempts)
    log.status = WebhookStatus.DEAD if delay is None else WebhookStatus.FAILED
    log.error_code = "processing_failed"
    # The text of a database error can quote values of the payload: the class says what a person needs.
    log.error = type(error).__name__
    log.details = describe(error)
    log.fingerprint = of_failure(log.provider, log.error, log.details)
    if settings.LOG_WEBHOOK_FAILURES:
        # A database that is away says enough with its name; an error of ours needs its traceback.
        trace = None if isinstance(error, (OperationalError, InterfaceError)) else error
        logger.error(
            "Event %s of %s failed, attempt %d: %s", log.id, log.provider, log.attempts, log.error, exc_info=trace
        )
    token, log.claim_token = log.claim_token, None
    log.next_attempt_at = timezone.now() + delay if delay else None
    log.processed_at = timezone.now() if delay is None else None
    with transaction.atomic():
        written = WebhookLog.objects.filter(pk=log.pk, claim_token=token).update(
            **{name: getattr(log, name) for name in _FAILURE_FIELDS}
        )
        if not written:
            log.refresh_from_db()
            return False
        mark_late(log)
        this.write(log)
        if delay is None:
            raise_alert(
                log.company, "event_dead", f"A {log.provider} event could not be processed and waits for a person.",
                subject=log.provider, severity=Alert.Severity.CRITICAL,
                details={"eventId": str(log.id), "externalOrderId": log.external_id},
            )  # fmt: skip
    return True


_FAILURE_FIELDS = (
    "status", "external_id", "order_id", "error_code", "error", "details", "fingerprint", "claim_token", "next_attempt_at",
    "processed_at",
)  # fmt: skip


def _announce(log: WebhookLog) -> None:
    if log.company_id is None:
        return
    frame = {
        "type": "webhook_event",
        "eventId": str(log.id),
        "provider": log.provider,
        "eventType": log.event_type,
        "status": log.status,
        "externalOrderId": log.external_id or None,
        "error": log.error_code or None,
        "receivedAt": iso_time(log.received_at),
        "durationMs": log.duration_ms,
    }
    live.announce(uuid.UUID(str(log.company_id)), frame)


# -- replaying ---------------------------------------------------------------------------------------------------------


def replayable(logs: QuerySet[WebhookLog], *, force: bool = False) -> QuerySet[WebhookLog]:
    """Return those of the rows that a replay would run: all that is authentic and has its bytes, save what succeeded."""
    logs = logs.exclude(status=WebhookStatus.REJECTED).filter(body__isnull=False)
    return logs if force else logs.exclude(Q(status__in=SETTLED))


def replay(log: WebhookLog, *, user: User | None, force: bool = False) -> WebhookLog:
    """Process a stored event again, now; a person asked. Raises NotReplayableError, and writes nothing then.

    What succeeded is left alone unless ``force``; applying it again changes only what the order lacks.
    """
    if log.status == WebhookStatus.REJECTED:
        raise NotReplayableError(
            "A rejected request was not authentic: nothing of it is kept, and it is never replayed."
        )
    if not WebhookBody.objects.filter(log=log).exists():
        raise NotReplayableError("The body of this event is past its retention and gone.")
    if log.status in SETTLED and not force:
        raise NotReplayableError(f"This event is {log.status}; force replays it all the same.")
    was = log.status
    token = uuid.uuid4()
    now = timezone.now()
    with transaction.atomic():
        taken = WebhookLog.objects.filter(pk=log.pk, status=was, claim_token=log.claim_token).exclude(
            status=WebhookStatus.PROCESSING, next_attempt_at__gt=now
        ).update(
            status=WebhookStatus.PROCESSING, claim_token=token, attempts=0,
            next_attempt_at=now + timedelta(seconds=WORK_LEASE_S),
        )  # fmt: skip
        if not taken:
            raise NotReplayableError("This event is being worked on in this moment.")
        if was in SETTLED and not log.attempt_set.exists():
            # The first try succeeded and has no row of its own; the coming one will overwrite what stands for it.
            WebhookAttempt.objects.create(
                log=log, trigger=Trigger.LIVE, outcome=was, started_at=log.received_at, duration_ms=log.duration_ms or 0
            )
    done = process_claimed(log.pk, token, trigger=Trigger.REPLAY, user=user)
    if done is None:
        raise NotReplayableError("This event is being worked on in this moment.")
    return done
