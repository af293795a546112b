"""Counting the raw rows: what the roll-ups are made of, and what is read where there is none yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    Field,
    FilteredRelation,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Sum,
)
from django.db.models.functions import Coalesce, Trunc
from django.db.models.sql.compiler import SQLCompiler

from orders.analytics import ACCEPTED, LOST, acceptances_of, ran_out, trunc_unit
from orders.business_day import business_date, hour_start
from orders.models import Company, Order, OrderEvent, OrderItem
from orders.names import name_key
from orders.reasons import reason_key
from orders.rollup.rows import Buckets, Figures, Place, Tally, Thing, Times
from providers.events import Status

REASON, PRODUCT, UNMAPPED, ACCEPTING, PREPARING = "reason", "product", "unmapped", "accepting", "preparing"
BUCKETS_S = (5, 10, 15, 20, 30, 45, 60, 75, 90, 120, 150, 180, 240, 300, 420, 600, 900, 1200, 1800, 2700, 3600, 7200)
"""A time is counted in the first of these that it does not exceed, in seconds; one that exceeds them all, behind the last."""


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
        figures(row).add(Figures(row["n"], row["sum"]))
    for row in grouped(_accepting(company, orders), company, "order__").annotate(
        n=Count("pk"),
        length=Sum("took"),
        due=Count("pk", filter=Q(order__accept_by__isnull=False)),
        in_time=Count("pk", filter=Q(created_at__lte=F("order__accept_by"))),
    ):
        counted = Figures(accepted=row["n"], waited_us=_us(row["length"]), due=row["due"], in_time=row["in_time"])
        figures(row).add(counted)
    accepted = OrderEvent.objects.filter(order=OuterRef("pk"), **_IS_ACCEPTANCE)
    for row in grouped(orders.filter(ran_out(now), ~Exists(accepted)), company).annotate(n=Count("pk")):
        figures(row).add(Figures(due=row["n"]))
    for row in grouped(_preparing(company, orders), company, "order__").annotate(n=Count("pk"), length=Sum("took")):
        figures(row).add(Figures(prepared=row["n"], preparing_us=_us(row["length"])))
    return found


_IS_ACCEPTANCE: dict[str, Any] = {"previous_status": Status.RECEIVED, "status__in": ACCEPTED}


def _accepting(company: Company, orders: QuerySet[Order]) -> QuerySet[OrderEvent]:
    """Return the acceptances, with how long each took. Both times are ours: a provider's clock may be wrong."""
    return acceptances_of(company, orders).annotate(took=_between(F("order__received_at")))


def _preparing(company: Company, orders: QuerySet[Order]) -> QuerySet[OrderEvent]:
    """Return when orders became ready, or were taken along without anybody saying so, with how long that took.

    From the acceptance on; of an order that came accepted, from receiving. An order is accepted once, so the join finds one
    row: a sub-query would be asked once for each bucket of a time.
    """
    accepted = Q(**{f"order__events__{name}": value for name, value in _IS_ACCEPTANCE.items()})
    begun = Coalesce(F("accepted__created_at"), F("order__received_at"))
    return OrderEvent.objects.filter(
        company=company,
        order__in=orders.order_by().values("pk"),
        previous_status__in=(Status.CONFIRMED, Status.PREPARING),
        status__in=(Status.READY, Status.OUT_FOR_DELIVERY),
    ).annotate(accepted=FilteredRelation("order__events", condition=accepted), took=_between(begun))


def _between(begun: Any) -> ExpressionWrapper[Any]:
    return ExpressionWrapper(F("created_at") - begun, output_field=DurationField())


# -- what is counted by the day ------------------------------------------------------------------------------------------


def count_things(company: Company, orders: QuerySet[Order], kind: str) -> dict[Thing, Tally]:
    """Return what is counted of orders by day, of one of ``KINDS``; one query."""
    place, found = placer(company), dict[Thing, Tally]()
    for row, key, tally in KINDS[kind](company, orders):
        day, _hour = place(row["moment"])
        currency = row["key_currency"] if kind == PRODUCT else ""
        thing = Thing(day, row["key_provider"], row["key_branch_id"], row["key_is_test"], kind, key, currency)
        found.setdefault(thing, Tally()).add(tally)
    return found


Found = Iterator[tuple[dict[str, Any], str, Tally]]


def _reasons(company: Company, orders: QuerySet[Order]) -> Found:
    """Yield how orders were lost: the status, who said so, and the code of the reason."""
    ends = OrderEvent.objects.filter(
        company=company, order__in=orders.order_by().values("pk"), seq__isnull=False,
        status__in=LOST, order__status=F("status"),
    ).exclude(previous_status=F("status"))  # fmt: skip
    for row in grouped(ends, company, "order__", "source", "reason").annotate(n=Count("pk")):
        code = reason_key(row["key_provider"], row["reason"], row["source"])
        yield row, f"{row['key_status']}|{row['source']}|{code}", Tally(row["n"])


def _products(company: Company, orders: QuerySet[Order]) -> Found:
    """Yield the products of orders that were sold, by quantity, with what their lines came to."""
    lines = _lines(orders).filter(menu_product__isnull=False).exclude(order__status__in=LOST)
    for row in grouped(lines, company, "order__", "menu_product_id").annotate(
        n=Sum("quantity"), sum=Sum("total_price")
    ):
        yield row, str(row["menu_product_id"]), Tally(row["n"], row["sum"] or Decimal(0))


def _unmapped(company: Company, orders: QuerySet[Order]) -> Found:
    """Yield the items of any order that the menu does not know: by their id as it came, else by their name."""
    lines = _lines(orders).filter(menu_product=None).exclude(external_id="", name="", name_ar="")
    for row in grouped(lines, company, "order__", "external_id", "name", "name_ar").annotate(n=Sum("quantity")):
        name = row["name"] or row["name_ar"]
        yield row, row["external_id"] or f"={name_key(name)}", Tally(row["n"], name=name)


def _lines(orders: QuerySet[Order]) -> QuerySet[OrderItem]:
    return OrderItem.objects.filter(order__in=orders.order_by().values("pk"))


KINDS: dict[str, Callable[[Company, QuerySet[Order]], Found]] = {
    REASON: _reasons,
    PRODUCT: _products,
    UNMAPPED: _unmapped,
}
"""What is counted by the day."""


def count_times(company: Company, orders: QuerySet[Order], kind: str) -> dict[Times, Buckets]:
    """Return how long orders took to accept or to prepare, by day; one query."""
    events = TIMES_OF[kind](company, orders)
    bounds = [timedelta(seconds=most) for most in BUCKETS_S]
    events = events.annotate(bucket=Bucket(F("took"), bounds, DurationField()))
    rows = grouped(events, company, "order__", "bucket").annotate(n=Count("pk"))
    return in_buckets(company, kind, rows, prefix="key_")


TIMES_OF: dict[str, Callable[[Company, QuerySet[Order]], QuerySet[OrderEvent]]] = {
    ACCEPTING: _accepting,
    PREPARING: _preparing,
}


def in_buckets(
    company: Company, kind: str, rows: Iterable[dict[str, Any]], *, prefix: str = ""
) -> dict[Times, Buckets]:
    """Return counts (``n``) of moments and buckets by day; what they are counted of has keys with ``prefix``."""
    place, found = placer(company), dict[Times, Buckets]()
    for row in rows:
        day, _hour = place(row["moment"])
        provider, branch_id, is_test = (row[f"{prefix}{name}"] for name in ("provider", "branch_id", "is_test"))
        times = Times(day, provider, branch_id, is_test, kind)
        found.setdefault(times, Buckets()).counts[row["bucket"]] += row["n"]
    return found


class Bucket(Func):
    """The place of the first bound that a value does not exceed; their number where it exceeds them all.

    Written here and not as a ``Case``, of whose fifty parts Django would make copies for longer than the database counts.
    """

    def __init__(self, value: Any, bounds: Sequence[Any] = (), bound: Field[Any, Any] | None = None) -> None:
        super().__init__(value, output_field=IntegerField())
        self.bounds, self.bound = bounds, bound or IntegerField()

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> Any:
        value, given = compiler.compile(self.source_expressions[0])
        whens: list[str] = []
        params: list[Any] = []
        for number, most in enumerate(self.bounds):
            whens.append(f"WHEN {value} <= %s THEN {number}")
            params += [*given, self.bound.get_db_prep_value(most, connection)]
        return f"CASE {' '.join(whens)} ELSE {len(self.bounds)} END", tuple(params)


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
