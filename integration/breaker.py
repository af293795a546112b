"""The circuit breaker of each company and provider: five passing failures in a row close the way for a while.

In the database, so that all processes see the same. Open for 30 s, doubling to 10 minutes; then one probe may go.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from integration.alerts import raise_alert, resolve_alert
from integration.models import Alert, CircuitBreaker
from orders import live
from orders.models import Company
from orders.times import iso_time

logger = logging.getLogger(__name__)

State = CircuitBreaker.State
FAILURES_TO_OPEN = 5
OPEN_FOR_S, MAX_OPEN_FOR_S = 30, 600
PROBE_LOST_AFTER_S = 60
"""A probe whose sender died is given up after this time, and another may go."""
HEALTH = {State.CLOSED: "healthy", State.HALF_OPEN: "degraded", State.OPEN: "unhealthy"}
CAUSE = "provider_unreachable"


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether a call may go now; else when to ask again."""

    is_open: bool
    """Open to calls: the breaker's ``closed``."""
    retry_at: datetime | None = None


def admit(company_id: uuid.UUID, provider: str, now: datetime | None = None) -> Gate:
    """Say whether a call may go. While the breaker is open one probe is let through when its time has come."""
    now = now or timezone.now()
    row = CircuitBreaker.objects.filter(company_id=company_id, provider=provider).first()
    if row is None or row.state == State.CLOSED:
        return Gate(True)
    if row.retry_at is not None and now < row.retry_at:
        logger.debug("Calls of company %s to %s wait until %s", company_id, provider, row.retry_at)
        return Gate(False, row.retry_at)
    lost_at = now + timedelta(seconds=PROBE_LOST_AFTER_S)
    was = row.state
    taken = CircuitBreaker.objects.filter(pk=row.pk, state=was, retry_at=row.retry_at).update(
        state=State.HALF_OPEN, retry_at=lost_at, changed_at=now
    )
    if not taken:
        return Gate(False, now + timedelta(seconds=1))
    if was != State.HALF_OPEN:
        announce(company_id, provider, State.HALF_OPEN, now)
    return Gate(True)


def succeeded(company_id: uuid.UUID, provider: str) -> None:
    """Note that the peer answered, whatever it said: the way is open."""
    row = CircuitBreaker.objects.filter(company_id=company_id, provider=provider).first()
    if row is None or (row.state == State.CLOSED and not row.failures):
        return
    now = timezone.now()
    CircuitBreaker.objects.filter(pk=row.pk).update(
        state=State.CLOSED, failures=0, open_for_s=0, retry_at=None, changed_at=now
    )
    if row.state != State.CLOSED:
        announce(company_id, provider, State.CLOSED, now)
        for alert in Alert.objects.filter(company_id=company_id, cause=CAUSE, subject=provider).exclude(
            state=Alert.State.RESOLVED
        ):
            resolve_alert(alert, None)


def failed(company: Company, provider: str) -> None:
    """Note that the peer could not be reached or had a failure of its own."""
    now = timezone.now()
    row, _ = CircuitBreaker.objects.get_or_create(company=company, provider=provider)
    breaker = CircuitBreaker.objects.filter(pk=row.pk)
    if row.state == State.CLOSED:
        breaker.filter(state=State.CLOSED).update(failures=F("failures") + 1)
        wait_s = OPEN_FOR_S
        opens = breaker.filter(state=State.CLOSED, failures__gte=FAILURES_TO_OPEN)
    elif row.state == State.HALF_OPEN:
        wait_s = min(max(row.open_for_s, OPEN_FOR_S // 2) * 2, MAX_OPEN_FOR_S)
        opens = breaker.filter(state=State.HALF_OPEN, retry_at=row.retry_at)
    else:
        return  # a call that was under way when it opened
    retry_at = now + timedelta(seconds=wait_s)
    if opens.update(state=State.OPEN, open_for_s=wait_s, retry_at=retry_at, changed_at=now):
        announce(company.id, provider, State.OPEN, now)
        raise_alert(
            company, CAUSE, f"{provider} cannot be reached; calls wait and are tried again.", subject=provider,
            details={"retryAt": iso_time(retry_at)},
        )  # fmt: skip


def state_of(company_id: uuid.UUID, provider: str) -> str:
    """Return ``closed``, ``open`` or ``half_open``."""
    rows = CircuitBreaker.objects.filter(company_id=company_id, provider=provider)
    return rows.values_list("state", flat=True).first() or State.CLOSED


def announce(company_id: uuid.UUID, provider: str, state: str, now: datetime) -> None:
    """Tell the company's sockets of a breaker that changed."""
    logger.info("The breaker of company %s for %s is %s", company_id, provider, state)
    frame = {
        "type": "integration_status",
        "provider": provider,
        "status": HEALTH[State(state)],
        "breaker": str(state),
        "checkedAt": iso_time(now),
    }
    live.announce(company_id, frame)
