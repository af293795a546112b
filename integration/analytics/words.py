"""The tables of the analytics as a person reads them: columns with their units, reasons and trends in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integration.performance import Performance
from orders.comparison import minutes, percent
from orders.models import OrderEvent
from orders.pages import STATUS_WORDS, Text
from orders.reasons import WORDS, reason_words
from orders.vocabulary import told
from providers.money import currency_digits

Row = dict[str, Any]
PERIOD_WORDS: dict[str, Text] = {
    "day": gettext_lazy("Today"),
    "week": gettext_lazy("7 days"),
    "month": gettext_lazy("30 days"),
    "quarter": gettext_lazy("91 days"),
    "year": gettext_lazy("365 days"),
}
GROUP_WORDS: dict[str, Text] = {
    "day": gettext_lazy("Day"),
    "week": gettext_lazy("Week"),
    "month": gettext_lazy("Month"),
    "hour": gettext_lazy("Hour of the day"),
    "provider": gettext_lazy("Provider"),
    "branch": gettext_lazy("Branch"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A figure of each row. ``value`` is a number for the chart, None where there is nothing; ``write`` makes text of it."""

    code: str
    title: Text
    value: Callable[[Row], Any]
    write: Callable[[Any], str]
    kind: str = "count"
    """How the chart writes its scale: ``count``, ``amount``, ``minutes``, ``ms`` or ``percent``."""


class Cell(NamedTuple):
    """A figure as text and, for the chart, as a number."""

    text: str
    value: str


def _ms(value: float) -> str:
    return f"{value:,.0f} ms"


def _count(value: int) -> str:
    return f"{value:,}"


_BEFORE_MONEY = (Column("orders", gettext_lazy("Orders"), lambda row: row["orders"], _count),)
_AFTER_MONEY = (
    Column("accept", gettext_lazy("Time to accept"), lambda r: r["acceptance"]["averageSeconds"], minutes, "minutes"),
    Column("accept95", gettext_lazy("… p95, at most"), lambda r: r["acceptance"]["p95Seconds"], minutes, "minutes"),
    Column(
        "prepare", gettext_lazy("Time to prepare"), lambda r: r["preparation"]["averageSeconds"], minutes, "minutes"
    ),
    Column("prepare95", gettext_lazy("… p95, at most"), lambda r: r["preparation"]["p95Seconds"], minutes, "minutes"),
    Column("lost", gettext_lazy("Cancelled or rejected"), lambda row: row["cancellationRate"], percent, "percent"),
    Column("missed", gettext_lazy("Missed deadlines"), lambda row: row["deadlines"]["missed"], _count),
    Column("deliveries", gettext_lazy("Deliveries"), lambda row: row["deliveries"]["total"], _count),
    Column("success", gettext_lazy("Success rate"), lambda r: r["deliveries"]["successRate"], percent, "percent"),
    Column("failed", gettext_lazy("Failed deliveries"), lambda row: row["deliveries"]["failed"], _count),
    Column("process95", gettext_lazy("Processing, p95 at most"), lambda row: row["processing"]["p95Ms"], _ms, "ms"),
)


def columns(whole: Row) -> list[Column]:
    """Return the columns of the figures: revenue and basket once for each currency, which are never added up."""
    found = list(_BEFORE_MONEY)
    for currency in [entry["currency"] for entry in whole["revenue"]]:
        for code, title, name in (
            ("revenue", _("Revenue"), "amount"),
            ("basket", _("Average basket"), "averageBasket"),
        ):
            value, write = _money(currency, name)
            found.append(Column(f"{code}-{currency}", f"{title}, {currency}", value, write, "amount"))
    return [*found, *_AFTER_MONEY]


def _money(currency: str, name: str) -> tuple[Callable[[Row], Any], Callable[[Any], str]]:
    def value(row: Row) -> Decimal | None:
        told_amount = next((each[name] for each in row["revenue"] if each["currency"] == currency), None)
        return None if told_amount is None else Decimal(told_amount)

    return value, lambda amount: f"{amount:,.{currency_digits(currency)}f}"


def cells(row: Row, of: Iterable[Column]) -> list[Cell]:
    """Return a row's figures in the order of the columns."""
    found = []
    for column in of:
        value = column.value(row)
        found.append(Cell("", "") if value is None else Cell(column.write(value), str(value)))
    return found


def label_of(row: Row, group_by: str) -> str:
    """Return the name of a group in the language of the page."""
    key = row["key"]
    if group_by == "month":
        return date_format(date.fromisoformat(f"{key}-01"), "F Y")
    if group_by in {"day", "week"}:
        text = date_format(date.fromisoformat(key), "D j M Y")
        return _("Week of %s") % text if group_by == "week" else text
    return _("No branch") if key == "none" else str(row["label"])


def short_label_of(row: Row, group_by: str) -> str:
    """Return the name of a group as it stands below a chart."""
    if group_by in {"day", "week"}:
        return date_format(date.fromisoformat(row["key"]), "j M")
    if group_by == "month":
        return date_format(date.fromisoformat(f"{row['key']}-01"), "M Y")
    return label_of(row, group_by)


def performances(rows: Sequence[Row]) -> list[Performance]:
    """Return the figures of providers as the dashboard tells them, beside the limits of the providers' agreements."""
    return [
        Performance(
            provider=row["key"],
            orders=row["orders"],
            processed=row["deliveries"]["successRate"],
            answered=row["deliveries"]["answeredRate"],
            p95_ms=row["processing"]["p95Ms"],
            in_time=row["deadlines"]["inTimeRate"],
            acceptance_s=row["acceptance"]["averageSeconds"],
            rejected=row["rejectionRate"],
        )
        for row in rows
    ]


def reason_row(row: Row) -> Row:
    """Return a reason with its words."""
    code = row["reason"]
    text = told(reason_words(row["provider"], code)) if code else _("no reason given")
    return row | {
        "status_word": STATUS_WORDS.get(row["status"], row["status"]),
        "source_word": OrderEvent.Source(row["source"]).label,
        "text": _("in somebody's own words") if code == WORDS else text,
        "share_text": percent(row["share"]),
    }


def error_row(row: Row) -> Row:
    """Return a failure with how it has changed: ``change`` is ``more``, ``fewer`` or ``same``."""
    by = row["count"] - row["before"]
    return row | {"by": abs(by), "change": "more" if by > 0 else "fewer" if by < 0 else "same"}
