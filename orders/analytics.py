"""Metrics of orders. Durations are in seconds, shares from 0 to 1, amounts in major units, never summed over currencies.

An order counts at the time when it was received. Test orders are left out unless they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, DurationField, ExpressionWrapper, F, Q, QuerySet, Sum
from django.db.models.functions import Trunc

from orders.business_day import Span
from orders.models import Company, Order, OrderEvent
from providers.events import Status

LOST = (Status.CANCELLED, Status.REJECTED, Status.FAILED)
"""An order that ended so was not sold, and counts in the cancellation rate."""
ACCEPTED = (Status.CONFIRMED, Status.PREPARING, Status.READY, Status.OUT_FOR_DELIVERY, Status.DELIVERED)
FIELDS = {"provider": "provider", "branch": "branch_id", "status": "status"}


@dataclass(slots=True)
class Totals:
    """What some orders come to. Adding two is exact: averages are made last."""

    orders: int = 0
    lost: int = 0
    rejected: int = 0
    """Of those that were lost, the ones that were refused to the provider."""
    revenue: dict[str, Decimal] = field(default_factory=dict)
    """Totals of the orders that were not lost, by currency."""
    accepted: int = 0
    waited: timedelta = timedelta(0)
    """From receiving to accepting, of all that were accepted together."""

    def add(self, other: Totals) -> None:
        self.orders += other.orders
        self.lost += other.lost
        self.rejected += other.rejected
        self.accepted += other.accepted
        self.waited += other.waited
        for currency, amount in other.revenue.items():
            self.revenue[currency] = self.revenue.get(currency, Decimal(0)) + amount

    @property
    def cancellation_rate(self) -> float | None:
        """The share of orders that were cancelled, rejected or failed; None where there are none."""
        return round(self.lost / self.orders, 4) if self.orders else None

    @property
    def rejection_rate(self) -> float | None:
        """The share of orders that were rejected; None where there are none."""
        return round(self.rejected / self.orders, 4) if self.orders else None

    @property
    def acceptance_s(self) -> float | None:
        """The average time from receiving to accepting, in seconds; None where nothing was accepted."""
        return round(self.waited.total_seconds() / self.accepted, 1) if self.accepted else None


def received_in(orders: QuerySet[Order], span: Span, *, with_tests: bool = False) -> QuerySet[Order]:
    """Return the orders that were received in a span of time.

    None is created before it is received, so the lower bound also holds for the indexed column.
    """
    orders = orders.filter(created_at__gte=span.since, received_at__gte=span.since, received_at__lt=span.until)
    return orders if with_tests else orders.filter(is_test=False)


def totals_by(company: Company, orders: QuerySet[Order], key: str) -> dict[Hashable, Totals]:
    """Return the totals of orders by provider, branch (its id or None), status, or by ``time``; two queries.

    ``time`` gives moments in UTC, cut to the hour, or to the minute where the company's days or hours do not begin with
    an hour of UTC; the caller sums them up into local hours and days, which no database does alike.
    """
    unit = trunc_unit(company)
    found: dict[Hashable, Totals] = {}
    grouped = orders.annotate(key=_key(key, "", unit)).values("key", "currency").order_by()
    for row in grouped.annotate(
        count=Count("pk"),
        lost=Count("pk", filter=Q(status__in=LOST)),
        rejected=Count("pk", filter=Q(status=Status.REJECTED)),
        sold=Sum("total", filter=~Q(status__in=LOST)),
    ):
        revenue = {} if row["sold"] is None else {row["currency"]: row["sold"]}
        found.setdefault(row["key"], Totals()).add(Totals(row["count"], row["lost"], row["rejected"], revenue))
    # Both times are ours: a provider's clock may be wrong. Who opens at ``confirmed`` was never waited for.
    waited = ExpressionWrapper(F("created_at") - F("order__received_at"), output_field=DurationField())
    acceptances = acceptances_of(company, orders)
    times = acceptances.annotate(key=_key(key, "order__", unit)).values("key").order_by()
    for time in times.annotate(count=Count("pk"), waited=Sum(waited)):
        found.setdefault(time["key"], Totals()).add(Totals(accepted=time["count"], waited=time["waited"]))
    return found


def acceptances_of(company: Company, orders: QuerySet[Order]) -> QuerySet[OrderEvent]:
    return OrderEvent.objects.filter(
        company=company,
        order__in=orders.order_by().values("pk"),
        previous_status=Status.RECEIVED,
        status__in=ACCEPTED,
    )


def ran_out(now: datetime) -> Q:
    """Return the condition of orders whose deadline passed without a word, unless they were accepted."""
    ended = (Status.CANCELLED, Status.FAILED)
    return Q(status=Status.RECEIVED, accept_by__lte=now) | Q(status__in=ended, accept_by__lte=F("updated_at"))


def answered_in_time(company: Company, orders: QuerySet[Order], now: datetime) -> dict[str, float]:
    """Return each provider's share of orders that were accepted before their deadline, from 0 to 1; two queries.

    Of those that were accepted, and those whose deadline passed without a word. What was rejected, or cancelled before its
    deadline, was no question of time; a provider whose orders have no deadline is left out.
    """
    accepted = acceptances_of(company, orders).filter(order__accept_by__isnull=False)
    counts = accepted.order_by().values("order__provider").annotate(
        count=Count("pk"), timely=Count("pk", filter=Q(created_at__lte=F("order__accept_by")))
    )  # fmt: skip
    due = {row["order__provider"]: (row["timely"], row["count"]) for row in counts}
    missed = orders.filter(ran_out(now)).exclude(pk__in=accepted.values("order"))
    for slug, count in missed.order_by().values_list("provider").annotate(count=Count("pk")):
        timely, known = due.get(slug, (0, 0))
        due[slug] = (timely, known + count)
    return {slug: round(timely / count, 4) for slug, (timely, count) in due.items()}


def sold_by(company: Company, orders: QuerySet[Order], part: str) -> dict[tuple[datetime, Hashable, str], Decimal]:
    """Return what was sold by moment (cut as ``totals_by`` cuts ``time``), part and currency; one query.

    ``part`` is ``provider``, ``branch`` (its id or None), or blank for all in one.
    """
    unit = trunc_unit(company)
    rows = orders.exclude(status__in=LOST).annotate(moment=_key("time", "", unit)).order_by()
    fields = ["moment", *([FIELDS[part]] if part else []), "currency"]
    return {
        (row["moment"], row[FIELDS[part]] if part else "", row["currency"]): row["sold"]
        for row in rows.values(*fields).annotate(sold=Sum("total"))
    }


def _key(key: str, prefix: str, unit: str) -> Any:
    return Trunc(f"{prefix}received_at", unit, tzinfo=UTC) if key == "time" else F(f"{prefix}{FIELDS[key]}")


def trunc_unit(company: Company) -> str:
    """Return ``hour`` where the company's hours and days begin with one of UTC, in winter and in summer; else ``minute``."""
    cutoff, zone = company.business_day_cutoff, ZoneInfo(company.time_zone)
    year = datetime.now(UTC).year
    offsets = [datetime(year, month, 1, tzinfo=zone).utcoffset() or timedelta(0) for month in (1, 7)]
    whole = all(offset % timedelta(hours=1) == timedelta(0) for offset in offsets)
    return "hour" if whole and not (cutoff.minute or cutoff.second or cutoff.microsecond) else "minute"


def sum_up(parts: Iterable[Totals]) -> Totals:
    """Return the totals of several together."""
    whole = Totals()
    for part in parts:
        whole.add(part)
    return whole


def regroup(
    totals: dict[Hashable, Totals], keys: Iterable[Hashable], bucket: Callable[[Any], Hashable]
) -> dict[Hashable, Totals]:
    """Return totals summed up by ``bucket`` of their key; every one of ``keys`` is there, in their order."""
    found: dict[Hashable, Totals] = {key: Totals() for key in keys}
    for key, part in totals.items():
        found.setdefault(bucket(key), Totals()).add(part)
    return found
