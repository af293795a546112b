"""How what is counted is laid out: under which keys, which numbers, and as the rows of which table."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, Self, TypeVar
from zoneinfo import ZoneInfo

from django.db.models import Aggregate, Max, Model, QuerySet, Sum

from orders.analytics import LOST, Totals
from orders.business_day import month_end
from orders.models import Company, CountRollup, OrderRollup, TimeRollup
from orders.models.analytics import TIME_BUCKETS
from providers.events import Status

BATCH = 1_000


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


class Times(NamedTuple):
    """What took its time, by the day."""

    day: date
    provider: str
    branch_id: uuid.UUID | None
    is_test: bool
    kind: str


class Numbers(Protocol):
    """What is counted under one key, and can be added up."""

    COLUMNS: ClassVar[tuple[str, ...]]

    def __init__(self, *values: Any) -> None: ...

    def values(self) -> Iterable[Any]:
        """Return the numbers in the order of ``COLUMNS``."""

    def add(self, other: Self) -> None: ...


@dataclass(slots=True)
class Figures:
    """Numbers of some orders that can be added up: averages are made last. Times in microseconds."""

    COLUMNS: ClassVar[tuple[str, ...]] = (
        "orders", "total", "accepted", "waited_us", "prepared", "preparing_us", "due", "in_time",
    )  # fmt: skip

    orders: int = 0
    total: Decimal = Decimal(0)
    accepted: int = 0
    waited_us: int = 0
    prepared: int = 0
    preparing_us: int = 0
    due: int = 0
    in_time: int = 0

    def values(self) -> Iterable[Any]:
        return _values(self)

    def add(self, other: Figures) -> None:
        self.orders += other.orders
        self.total += other.total
        self.accepted += other.accepted
        self.waited_us += other.waited_us
        self.prepared += other.prepared
        self.preparing_us += other.preparing_us
        self.due += other.due
        self.in_time += other.in_time

    def totals(self, status: str, currency: str) -> Totals:
        """Return the same as totals, told of orders of one status and currency."""
        is_lost = status in LOST
        revenue = {} if is_lost or not self.orders else {currency: self.total}
        waited = timedelta(microseconds=self.waited_us)
        rejected = self.orders if status == Status.REJECTED else 0
        return Totals(self.orders, self.orders if is_lost else 0, rejected, revenue, self.accepted, waited)


@dataclass(slots=True)
class Tally:
    """How often, and for how much."""

    COLUMNS: ClassVar[tuple[str, ...]] = ("count", "amount", "name")

    count: int = 0
    amount: Decimal = Decimal(0)
    name: str = ""

    def values(self) -> Iterable[Any]:
        return _values(self)

    def add(self, other: Tally) -> None:
        self.count += other.count
        self.amount += other.amount
        self.name = max(self.name, other.name)


class Buckets:
    """How many were in which bucket."""

    COLUMNS: ClassVar[tuple[str, ...]] = TIME_BUCKETS
    __slots__ = ("counts",)

    def __init__(self, *counts: int) -> None:
        self.counts = list(counts) or [0] * len(TIME_BUCKETS)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Buckets) and self.counts == other.counts

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Buckets{tuple(self.counts)}"

    def values(self) -> Iterable[int]:
        return self.counts

    def add(self, other: Buckets) -> None:
        self.counts = [one + more for one, more in zip(self.counts, other.counts, strict=True)]


def _values(numbers: Any) -> Iterable[Any]:
    return [getattr(numbers, name) for name in numbers.COLUMNS]


Key = TypeVar("Key", bound=tuple[Any, ...])
Kept = TypeVar("Kept", bound=Numbers)
Row = TypeVar("Row", bound=Model)


class Layout(Generic[Key, Kept]):
    """A table of roll-ups: its model, whose columns are those of a key and of numbers.

    Where the key has an hour, whole days have rows of their own beside those of their hours.
    """

    def __init__(self, model: type[Model], key: type[Key], numbers: type[Kept]) -> None:
        self.model, self.key, self.numbers = model, key, numbers
        self.fields: Sequence[str] = key._fields  # type: ignore[attr-defined]
        self.has_hours = "hour" in self.fields
        self.sums: dict[str, Aggregate] = {
            f"sum_{name}": Max(name) if name == "name" else Sum(name) for name in numbers.COLUMNS
        }

    @property
    def _rows(self) -> QuerySet[Any]:
        return self.model._default_manager.all()

    def write(self, company: Company, day: date, counted: Mapping[Key, Kept], **only: Any) -> None:
        """Put what was counted in the place of what was kept of a day, in the caller's transaction."""
        zone = ZoneInfo(company.time_zone)
        self._rows.filter(company=company, day=day, is_month=False, **only).delete()
        made = []
        for key, numbers in self.with_whole_days(counted).items():
            values = dict(zip(self.fields, key, strict=True))
            if self.has_hours:
                values["clock_hour"] = values["hour"].astimezone(zone).hour if values["hour"] else None
            made.append(self._made(company, values, numbers.values()))
        self._rows.bulk_create(made, batch_size=BATCH)

    def _made(self, company: Company, values: Mapping[str, Any], numbers: Iterable[Any]) -> Model:
        return self.model(company=company, **values, **dict(zip(self.numbers.COLUMNS, numbers, strict=True)))

    def with_whole_days(self, counted: Mapping[Key, Kept]) -> dict[Key, Kept]:
        """Return what was counted by hour with what whole days come to."""
        found = dict(counted)
        if self.has_hours:
            for key, numbers in counted.items():
                whole = key._replace(hour=None)  # type: ignore[attr-defined]
                found.setdefault(whole, self.numbers()).add(numbers)
        return found

    def kept(self, company: Company, day: date, **only: Any) -> dict[Key, Kept]:
        """Return what is kept of a day."""
        found: dict[Key, Kept] = {}
        rows = self._rows.filter(company=company, day=day, is_month=False, **only)
        for row in rows.values_list(*self.fields, *self.numbers.COLUMNS):
            found.setdefault(self.key(*row[: len(self.fields)]), self.numbers()).add(self._numbers(row))
        return found

    def _numbers(self, row: Sequence[Any]) -> Kept:
        return self.numbers(*row[-len(self.numbers.COLUMNS) :])

    # -- months --------------------------------------------------------------------------------------------------------

    @property
    def _month_fields(self) -> list[str]:
        return [
            *(["clock_hour"] if self.has_hours else []),
            *(name for name in self.fields if name not in {"day", "hour"}),
        ]

    def _month(self, company: Company, month: date, *, is_month: bool) -> dict[tuple[Any, ...], Kept]:
        until = month if is_month else month_end(month)
        rows = self._rows.filter(company=company, day__gte=month, day__lte=until, is_month=is_month).order_by()
        names = self._month_fields
        return read(self, rows, *names)

    def write_month(self, company: Company, month: date) -> None:
        """Put what the days of a month come to in the place of what was kept of it, in the caller's transaction."""
        summed = self._month(company, month, is_month=False)
        self._rows.filter(company=company, day=month, is_month=True).delete()
        self._rows.bulk_create(
            [
                self._made(
                    company,
                    dict(zip(self._month_fields, key, strict=True)) | {"day": month, "is_month": True},
                    numbers.values(),
                )
                for key, numbers in summed.items()
            ],
            batch_size=BATCH,
        )

    def month_differences(self, company: Company, month: date) -> list[str]:
        """Return where what is kept of a month is not what its days come to."""
        return compare(self._month(company, month, is_month=False), self._month(company, month, is_month=True))


def read(layout: Layout[Any, Kept], rows: QuerySet[Row], *columns: str) -> dict[tuple[Any, ...], Kept]:
    """Return the sums of some rows of a table by columns, added up by the database; nothing where there are no rows."""
    if not columns:
        numbers = list(rows.order_by().aggregate(**layout.sums).values())
        return {} if numbers[0] is None else {(): layout.numbers(*numbers)}
    size = len(columns)
    groups = rows.order_by().values(*columns).annotate(**layout.sums).values_list(*columns, *layout.sums)
    return {row[:size]: layout.numbers(*row[size:]) for row in groups}


def compare(counted: Mapping[Any, Any], kept: Mapping[Any, Any]) -> list[str]:
    """Return a line for each key under which the two are not equal."""
    return [
        f"{key}: counted {counted.get(key)}, kept {kept.get(key)}"
        for key in {**counted, **kept}
        if counted.get(key) != kept.get(key)
    ]


ORDERS = Layout(OrderRollup, Place, Figures)
THINGS = Layout(CountRollup, Thing, Tally)
TIMES = Layout(TimeRollup, Times, Buckets)
