"""Counting the raw rows: what the roll-ups are made of, and what is read where there is none yet."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from django.db.models import (
    Case,
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Trunc

from orders.analytics import ACCEPTED, LOST, Totals, acceptances_of, ran_out, trunc_unit
from orders.business_day import business_date, hour_start
from orders.models import Company, Order, OrderEvent, OrderItem
from orders.names import name_key
from orders.reasons import reason_key
from providers.events import Status

REASON, PRODUCT, UNMAPPED, ACCEPTING, PREPARING = "reason", "product", "unmapped", "accepting", "preparing"
BUCKETS_S = (5, 10, 15, 20, 30, 45, 60, 75, 90, 120, 150, 180, 240, 300, 420, 600, 900, 1200, 1800, 2700, 3600, 7200)
"""A time is counted in the first of these that it does not exceed, in seconds; one that exceeds them all, behind the last."""


class Place(NamedTuple):
    """Where a figure belongs. ``hour`` is when the company's hour began, None for a whole day."""

    day: date
    hour: datetime | None
    provider: str
    branch_id: uuid.UUID | None
    status: str
    currency: str
    is_test: bool


class Thing(NamedTuple):
    """What is counted by the day."""

    day: date
    provider: str
    branch_id: uuid.UUID | None
    is_test: bool
    kind: str
    key: str
    currency: str


@dataclass(slots=True)
class Figures:
    """Numbers of some orders that can be added up: averages are made last. Times in microseconds."""

    orders: int = 0
    total: Decimal = Decimal(0)
    accepted: int = 0
    waited_us: int = 0
    prepared: int = 0
    preparing_us: int = 0
    due: int = 0
    in_time: int = 0

    def add(self, **numbers: Any) -> None:
        for name, number in numbers.items():
            setattr(self, name, getattr(self, name) + (number or 0))

    def totals(self, status: str, currency: str) -> Totals:
        """Return the same as totals, told of orders of one status and currency."""
        is_lost = status in LOST
        revenue = {} if is_lost or not self.orders else {currency: self.total}
        waited = timedelta(microseconds=self.waited_us)
        rejected = self.orders if status == Status.REJECTED else 0
        return Totals(self.orders, self.orders if is_lost else 0, rejected, revenue, self.accepted, waited)

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in NUMBERS}


NUMBERS = tuple(field.name for field in fields(Figures))


@dataclass(slots=True)
class Tally:
    """How often, and for how much."""

    count: int = 0
    amount: Decimal = Decimal(0)
    name: str = ""

    def add(self, count: int, amount: Decimal | None = None, name: str = "") -> None:
        self.count += count
        self.amount += amount or 0
        self.name = max(self.name, name)


def placer(company: Company) -> Callable[[datetime], tuple[date, datetime]]:
    """Return the function that tells the business day and the beginning of the company's hour of a moment."""

    @cache
    def place(moment: datetime) -> tuple[date, datetime]:
        return business_date(company, moment), hour_start(company, moment)

    return place


_KEYS = ("provider", "branch_id", "status", "currency", "is_test")


def grouped(rows: QuerySet[Any], company: Company, prefix: str = "", *keys: str) -> QuerySet[Any, dict[str, Any]]:
    """Return rows grouped by the moment at which their order was received (cut to the hour, or the minute) and what it is.

    Each key stands in the answer as ``key_provider`` and so on; ``prefix`` leads from a row to its order.
    """
    moment = Trunc(f"{prefix}received_at", trunc_unit(company), tzinfo=UTC)
    named = {f"key_{key}": F(f"{prefix}{key}") for key in _KEYS}
    found: QuerySet[Any, dict[str, Any]] = (
        rows.order_by().annotate(moment=moment, **named).values("moment", *named, *keys)
    )
    return found


def _place(row: dict[str, Any], place: Callable[[datetime], tuple[date, datetime]]) -> Place:
    return Place(*place(row["moment"]), *(row[f"key_{key}"] for key in _KEYS))


def _us(length: timedelta | None) -> int:
    return length // timedelta(microseconds=1) if length else 0


def count_figures(company: Company, orders: QuerySet[Order], now: datetime) -> dict[Place, Figures]:
    """Return the figures of a company's orders by hour; four queries.

    What had no answer at its deadline counts as missed from ``now`` on.
    """
    place, found = placer(company), dict[Place, Figures]()

    def figures(row: dict[str, Any]) -> Figures:
        return found.setdefault(_place(row, place), Figures())

    for row in grouped(orders, company).annotate(n=Count("pk"), sum=Sum("total")):
        figures(row).add(orders=row["n"], total=row["sum"])
    for row in grouped(_accepting(company, orders), company, "order__").annotate(
        n=Count("pk"),
        length=Sum("took"),
        due=Count("pk", filter=Q(order__accept_by__isnull=False)),
        in_time=Count("pk", filter=Q(created_at__lte=F("order__accept_by"))),
    ):
        figures(row).add(accepted=row["n"], waited_us=_us(row["length"]), due=row["due"], in_time=row["in_time"])
    accepted = OrderEvent.objects.filter(order=OuterRef("pk"), **_IS_ACCEPTANCE)
    for row in grouped(orders.filter(ran_out(now), ~Exists(accepted)), company).annotate(n=Count("pk")):
        figures(row).add(due=row["n"])
    for row in grouped(_preparing(company, orders), company, "order__").annotate(n=Count("pk"), length=Sum("took")):
        figures(row).add(prepared=row["n"], preparing_us=_us(row["length"]))
    return found


_IS_ACCEPTANCE: dict[str, Any] = {"previous_status": Status.RECEIVED, "status__in": ACCEPTED}


def _accepting(company: Company, orders: QuerySet[Order]) -> QuerySet[OrderEvent]:
    """Return the acceptances, with how long each took. Both times are ours: a provider's clock may be wrong."""
    return acceptances_of(company, orders).annotate(took=_between(F("order__received_at")))


def _preparing(company: Company, orders: QuerySet[Order]) -> QuerySet[OrderEvent]:
    """Return when orders became ready, or were taken along without anybody saying so, with how long that took.

    From the acceptance on; of an order that came accepted, from receiving.
    """
    accepted = OrderEvent.objects.filter(order=OuterRef("order"), **_IS_ACCEPTANCE).order_by()
    begun = Coalesce(Subquery(accepted.values("created_at")[:1]), F("order__received_at"))
    return OrderEvent.objects.filter(
        company=company,
        order__in=orders.order_by().values("pk"),
        previous_status__in=(Status.CONFIRMED, Status.PREPARING),
        status__in=(Status.READY, Status.OUT_FOR_DELIVERY),
    ).annotate(took=_between(begun))


def _between(begun: Any) -> ExpressionWrapper[Any]:
    return ExpressionWrapper(F("created_at") - begun, output_field=DurationField())


# -- what is counted by the day ------------------------------------------------------------------------------------------


def count_things(company: Company, orders: QuerySet[Order], kinds: Collection[str] = ()) -> dict[Thing, Tally]:
    """Return what is counted of orders by day, of some ``kinds`` or of all; a query for each."""
    place, found = placer(company), dict[Thing, Tally]()
    for kind, row, key, count in (entry for name in kinds or KINDS for entry in KINDS[name](company, orders)):
        day, _hour = place(row["moment"])
        currency = row["key_currency"] if kind == PRODUCT else ""
        thing = Thing(day, row["key_provider"], row["key_branch_id"], row["key_is_test"], kind, key, currency)
        found.setdefault(thing, Tally()).add(count, row.get("sum") if kind == PRODUCT else None, row.get("name", ""))
    return found


Found = Iterator[tuple[str, dict[str, Any], str, int]]


def _reasons(company: Company, orders: QuerySet[Order]) -> Found:
    """Yield how orders were lost: the status, who said so, and the code of the reason."""
    ends = OrderEvent.objects.filter(
        company=company, order__in=orders.order_by().values("pk"), seq__isnull=False,
        status__in=LOST, order__status=F("status"),
    ).exclude(previous_status=F("status"))  # fmt: skip
    for row in grouped(ends, company, "order__", "source", "reason").annotate(n=Count("pk")):
        code = reason_key(row["key_provider"], row["reason"], row["source"])
        yield REASON, row, f"{row['key_status']}|{row['source']}|{code}", row["n"]


def _products(company: Company, orders: QuerySet[Order]) -> Found:
    """Yield the products of orders that were sold, by quantity, with what their lines came to."""
    lines = _lines(orders).filter(menu_product__isnull=False).exclude(order__status__in=LOST)
    for row in grouped(lines, company, "order__", "menu_product_id").annotate(
        n=Sum("quantity"), sum=Sum("total_price")
    ):
        yield PRODUCT, row, str(row["menu_product_id"]), row["n"]


def _unmapped(company: Company, orders: QuerySet[Order]) -> Found:
    """Yield the items of any order that the menu does not know: by their id as it came, else by their name."""
    lines = _lines(orders).filter(menu_product=None).exclude(external_id="", name="", name_ar="")
    for row in grouped(lines, company, "order__", "external_id", "name", "name_ar").annotate(n=Sum("quantity")):
        row["name"] = row["name"] or row["name_ar"]
        yield UNMAPPED, row, row["external_id"] or f"={name_key(row['name'])}", row["n"]


def _lines(orders: QuerySet[Order]) -> QuerySet[OrderItem]:
    return OrderItem.objects.filter(order__in=orders.order_by().values("pk"))


def _accepting_times(company: Company, orders: QuerySet[Order]) -> Found:
    return _times(ACCEPTING, company, _accepting(company, orders))


def _preparing_times(company: Company, orders: QuerySet[Order]) -> Found:
    return _times(PREPARING, company, _preparing(company, orders))


def _times(kind: str, company: Company, events: QuerySet[OrderEvent]) -> Found:
    events = events.annotate(bucket=bucket_of("took", [timedelta(seconds=most) for most in BUCKETS_S]))
    for row in grouped(events, company, "order__", "bucket").annotate(n=Count("pk")):
        yield kind, row, str(row["bucket"]), row["n"]


KINDS: dict[str, Callable[[Company, QuerySet[Order]], Found]] = {
    REASON: _reasons,
    PRODUCT: _products,
    UNMAPPED: _unmapped,
    ACCEPTING: _accepting_times,
    PREPARING: _preparing_times,
}


def bucket_of(field: str, bounds: list[Any]) -> Case:
    """Return the place of the first bound that a value does not exceed; their number where it exceeds them all."""
    whens = [When(**{f"{field}__lte": bound, "then": Value(number)}) for number, bound in enumerate(bounds)]
    return Case(*whens, default=Value(len(bounds)), output_field=IntegerField())


def first_received(company: Company) -> datetime | None:
    """Return when the oldest order was received that is still there; None where there is none."""
    return Order.objects.filter(company=company).order_by("received_at").values_list("received_at", flat=True).first()


def changed_moments(company: Company, after: int, until: int | None = None) -> list[datetime]:
    """Return when the orders were received that have changed after a number, each minute once."""
    events = OrderEvent.objects.filter(company=company, seq__gt=after)
    if until is not None:
        events = events.filter(seq__lte=until)
    moments = events.order_by().annotate(moment=Trunc("order__received_at", "minute", tzinfo=UTC))
    return list(moments.values_list("moment", flat=True).distinct())
