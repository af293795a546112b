"""What a backup that was just restored needs before anybody works with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from integration.models import OutboundPush, ProviderToken, PushStatus, WebhookLog, WebhookStatus
from integration.models.outbound import UNFINISHED
from integration.untold import TO_PROVIDER
from orders.audit import record_act
from orders.models import Company, OrderEvent
from orders.timeline import leap_numbers
from orders.times import iso_time

PAUSE = timedelta(minutes=2)
"""Before what may have been told is told again: what providers send again meanwhile makes some of it useless."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What there was to do. ``last_event_at`` is when the backup's newest order event was; None: it has none."""

    companies: int
    pushes: int
    last_event_at: datetime | None


def count_restored() -> Restored:
    """Return what ``mend_restored`` would do; writes nothing."""
    return Restored(Company.objects.count(), _waiting().count(), _last_event_at())


def mend_restored(now: datetime | None = None) -> Restored:
    """Bring a restored database into a state to go on from, in one transaction, with an entry in each company's trail.

    * Numbers leap ahead, so that no screen takes a new event for one that it has.
    * What was waiting to be told may have been told since: it is told again with the same idempotency key, as a repeated
      try, after a pause.
    * Deliveries that somebody was working on when the backup was made are due at once: whoever it was is gone.
    * Tokens of providers are asked for anew.

    Safe to call twice.
    """
    now = now or timezone.now()
    done = count_restored()
    with transaction.atomic():
        leap_numbers()
        _waiting().update(
            status=PushStatus.FAILED, claim_token=None, next_attempt_at=now + PAUSE, error_code="restored",
            # An adapter takes the conflict of a repeated try for what it is: the provider had it.
            attempts=Greatest("attempts", Value(1)),
        )  # fmt: skip
        WebhookLog.objects.filter(status=WebhookStatus.PROCESSING).update(next_attempt_at=now)
        ProviderToken.objects.all().delete()
        for company in Company.objects.order_by("created_at"):
            record_act("database.restored", company=company, details={"lastEventAt": iso_time(done.last_event_at)})
    return done


def _waiting() -> QuerySet[OutboundPush]:
    return OutboundPush.objects.filter(TO_PROVIDER, status__in=UNFINISHED)


def _last_event_at() -> datetime | None:
    return OrderEvent.objects.order_by("-created_at").values_list("created_at", flat=True).first()
