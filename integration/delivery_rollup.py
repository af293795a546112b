"""What deliveries came to, day by day: counted from the log, kept beside the roll-ups of the orders, and read back."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar, NamedTuple

from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    F,
    FloatField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    UUIDField,
    Value,
    When,
)
from django.db.models.functions import Cast, Round, Trunc
from django.utils import timezone

from integration.models import DeliveryRollup, WebhookAttempt, WebhookLog, WebhookStatus
from integration.models.webhook import SETTLED
from orders.analytics import trunc_unit
from orders.business_day import business_date, day_span
from orders.models import Company, Order, OrderEvent
from orders.rollup.counting import Bucket, in_buckets, placer
from orders.rollup.keeping import mark
from orders.rollup.reading import Days, Scope, sums_by
from orders.rollup.rows import TIMES, Buckets, Layout, Times, compare
from providers.events import Kind

PROCESSING = "processing"
BUCKETS_MS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000,
              10_000, 30_000, 60_000, 300_000)  # fmt: skip
"""As for the times of orders: each is counted in the first of these that it does not exceed, in milliseconds."""
LATE = timedelta(minutes=10)
"""A delivery that changes so long after it came may belong to a day that is counted already: days settle for longer."""


class Way(NamedTuple):
    """Where a delivery belongs, and what became of it. ``hour`` is None for a whole day."""

    day: date
    hour: datetime | None
    provider: str
    branch_id: uuid.UUID | None
    is_test: bool
    status: str
    error: str


@dataclass(slots=True)
class Passed:
    """How many deliveries. Times in microseconds."""

    COLUMNS: ClassVar[tuple[str, ...]] = ("deliveries", "duplicates", "timed", "took_us")

    deliveries: int = 0
    duplicates: int = 0
    timed: int = 0
    took_us: int = 0

    def values(self) -> Iterable[int]:
        return self.deliveries, self.duplicates, self.timed, self.took_us

    def add(self, other: Passed) -> None:
        self.deliveries += other.deliveries
        self.duplicates += other.duplicates
        self.timed += other.timed
        self.took_us += other.took_us


DELIVERIES = Layout(DeliveryRollup, Way, Passed)


# -- counting ----------------------------------------------------------------------------------------------------------


def _logs_of(company: Company, day: date) -> QuerySet[WebhookLog]:
    span = day_span(company, day)
    return WebhookLog.objects.filter(company=company, received_at__gte=span.since, received_at__lt=span.until)


_TIMED = Q(status__in=SETTLED, duration_ms__isnull=False, is_replayed=False)


def _branch() -> Subquery:
    orders = Order.objects.filter(pk=OuterRef("order_id"))
    return Subquery(orders.values("branch_id")[:1], output_field=UUIDField())


_NO_BRANCH = Value(None, output_field=UUIDField())
"""Of deliveries that are told without one: looking for their orders takes most of the time."""


def _with_place(logs: QuerySet[WebhookLog], company: Company, *, has_branch: bool) -> QuerySet[Any, Any]:
    """Return deliveries with the moment, the branch of their order, and whether a person had them processed again."""
    replays = WebhookAttempt.objects.filter(trigger=WebhookAttempt.Trigger.REPLAY).values("log")
    return logs.order_by().annotate(
        moment=Trunc("received_at", trunc_unit(company), tzinfo=UTC),
        branch_id=_branch() if has_branch else _NO_BRANCH,
        is_replayed=Case(When(pk__in=replays, then=Value(True)), default=Value(False)),
    )


def count_deliveries(company: Company, logs: QuerySet[WebhookLog], *, has_branch: bool = True) -> dict[Way, Passed]:
    """Return how many of some deliveries went which way, by hour; one query. Of refused requests each is counted."""
    place, found = placer(company), dict[Way, Passed]()
    took = Cast(Round(F("duration_ms") * 1000), BigIntegerField())
    refused = When(status=WebhookStatus.REJECTED, then=F("count"))
    placed = _with_place(logs, company, has_branch=has_branch)
    rows = placed.values("moment", "provider", "branch_id", "is_test", "status", "error_code")
    for row in rows.annotate(
        n=Sum(Case(refused, default=Value(1))),
        again=Sum("duplicates"),
        timed=Count("pk", filter=_TIMED),
        took=Sum(took, filter=_TIMED),
    ):
        day, hour = place(row["moment"])
        way = Way(day, hour, row["provider"], row["branch_id"], row["is_test"], row["status"], row["error_code"])
        found.setdefault(way, Passed()).add(Passed(row["n"], row["again"], row["timed"], row["took"] or 0))
    return found


def count_processing(company: Company, logs: QuerySet[WebhookLog], *, has_branch: bool = True) -> dict[Times, Buckets]:
    """Return how long deliveries took, by day; one query."""
    timed = (
        _with_place(logs, company, has_branch=has_branch)
        .filter(_TIMED)
        .annotate(bucket=Bucket(F("duration_ms"), BUCKETS_MS, FloatField()))
    )
    rows = timed.values("moment", "provider", "branch_id", "is_test", "bucket").annotate(n=Count("pk"))
    return in_buckets(company, PROCESSING, rows)


# -- keeping -----------------------------------------------------------------------------------------------------------


def count_day(company: Company, day: date) -> Callable[[], None]:
    """Count a day's deliveries; return what puts them in the place of what was kept, in the caller's transaction."""
    logs = _logs_of(company, day)
    counted, times = count_deliveries(company, logs), count_processing(company, logs)

    def write() -> None:
        DELIVERIES.write(company, day, counted)
        TIMES.write(company, day, times, kind=PROCESSING)

    return write


def differences(company: Company, day: date) -> list[str]:
    """Return where what is kept of a day's deliveries is not what the log comes to now; one line each."""
    logs = _logs_of(company, day)
    return [
        *compare(DELIVERIES.with_whole_days(count_deliveries(company, logs)), DELIVERIES.kept(company, day)),
        *compare(count_processing(company, logs), TIMES.kept(company, day, kind=PROCESSING)),
    ]


def mark_late(log: WebhookLog) -> None:
    """Have the day of a delivery counted again that changes long after it came; with the commit of the change."""
    now = timezone.now()
    if log.company_id is None or now - log.received_at < LATE:
        return
    company = Company.objects.get(pk=log.company_id)
    day = business_date(company, log.received_at)
    if day < business_date(company, now):
        mark(company.id, [day])


def moments_of_changed_orders(company: Company, after: int, until: int) -> Iterable[datetime]:
    """Return when deliveries came whose branch another number told: of orders that were made, or went to another branch."""
    events = OrderEvent.objects.filter(company=company, seq__gt=after, seq__lte=until)
    moved = events.filter(Q(type=Kind.CREATED.value) | Q(changes__has_key="branch"))
    logs = WebhookLog.objects.filter(company=company, order_id__in=moved.order_by().values("order_id")).order_by()
    moments = logs.annotate(moment=Trunc("received_at", "minute", tzinfo=UTC)).values_list("moment", flat=True)
    return moments.distinct()


# -- reading -----------------------------------------------------------------------------------------------------------


def deliveries_by(scope: Scope, days: Days, *keys: str) -> dict[tuple[Any, ...], Passed]:
    """Return deliveries by any of ``day month hour clock_hour provider branch_id status error``, in the order of ``keys``."""

    def count() -> dict[Way, Passed]:
        return count_deliveries(scope.company, _raw(scope, days), has_branch=has_branch)

    has_branch = "branch_id" in keys
    return sums_by(DELIVERIES, scope, days, keys, {f"deliveries {has_branch}": count})


def processing_by(scope: Scope, days: Days, *keys: str) -> dict[tuple[Any, ...], Buckets]:
    """Return how many deliveries took how long, by any of ``day month provider branch_id``, in the order of ``keys``."""

    def count() -> dict[Times, Buckets]:
        return count_processing(scope.company, _raw(scope, days), has_branch=has_branch)

    has_branch = "branch_id" in keys
    return sums_by(TIMES, scope, days, keys, {f"{PROCESSING} {has_branch}": count}, kind=PROCESSING)


def _raw(scope: Scope, days: Days) -> QuerySet[WebhookLog]:
    logs = WebhookLog.objects.filter(days.received(scope.company))
    return scope.narrow(logs.annotate(branch_id=_branch()) if scope.is_of_branches else logs)
