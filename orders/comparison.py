"""The day so far beside the same day a week ago, as a person reads it: what each figure was, and whether it got better."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from orders.pages import Text
from providers.money import currency_digits


@dataclass(frozen=True, slots=True)
class Change:
    """From last week to today. ``direction`` is ``up``, ``down`` or ``same``; ``is_better`` is None where it is neither."""

    direction: str
    text: str
    is_better: bool | None


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as text; ``value`` and ``before`` are blank where there is nothing to tell."""

    value: str
    before: str
    change: Change | None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter of the dashboard: one figure, for revenue one of each currency."""

    code: str
    title: Text
    figures: list[Figure]


def counters(snapshot: dict[str, Any]) -> list[Counter]:
    """Return the counters of a snapshot of the day (``orders.dashboard``)."""
    today, before = snapshot["today"], snapshot["lastWeek"]
    return [
        Counter("orders", _("Orders"), [_orders(today["orders"], before["orders"])]),
        Counter("revenue", _("Revenue"), _revenue(today["revenue"], before["revenue"], snapshot["currency"])),
        Counter(
            "acceptance",
            _("Time to accept"),
            [_acceptance(today["averageAcceptanceSeconds"], before["averageAcceptanceSeconds"])],
        ),
        Counter("cancellations", _("Cancelled"), [_share(today["cancellationRate"], before["cancellationRate"])]),
    ]


def minutes(seconds: float | None) -> str:
    """Return seconds as ``m:ss``; ``""`` for None."""
    if seconds is None:
        return ""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02}"


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share of 1 as ``12.5 %``; ``""`` for None."""
    return "" if share is None else f"{share * 100:.{digits}f} %"


def _direction(now: Any, before: Any) -> str:
    return "up" if now > before else "down" if now < before else "same"


def _relative(now: Any, before: Any) -> Change | None:
    """Return how much more or less there is, as a share of what there was; None where there was nothing."""
    if not before:
        return None
    direction = _direction(now, before)
    return Change(direction, f"{abs(now - before) / before * 100:.0f} %", None if direction == "same" else now > before)


def _orders(now: int, before: int) -> Figure:
    return Figure(f"{now:,}", f"{before:,}", _relative(now, before))


def _revenue(now: list[dict[str, str]], before: list[dict[str, str]], home: str) -> list[Figure]:
    amounts = {entry["currency"]: Decimal(entry["amount"]) for entry in now}
    earlier = {entry["currency"]: Decimal(entry["amount"]) for entry in before}
    found = []
    for currency in sorted({*amounts, *earlier} or {home}, key=lambda each: (each != home, each)):
        amount, was, digits = amounts.get(currency, Decimal(0)), earlier.get(currency), currency_digits(currency)
        text = "" if was is None else f"{was:,.{digits}f}"
        found.append(Figure(f"{amount:,.{digits}f}", text, _relative(amount, was), currency))
    return found


def _acceptance(now: float | None, before: float | None) -> Figure:
    change = None
    if now is not None and before is not None:
        direction = _direction(round(now), round(before))
        change = Change(direction, minutes(abs(now - before)), None if direction == "same" else now < before)
    return Figure(minutes(now), minutes(before), change)


def _share(now: float | None, before: float | None) -> Figure:
    change = None
    if now is not None and before is not None:
        direction = _direction(round(now, 3), round(before, 3))
        points = _("%s points") % f"{abs(now - before) * 100:.1f}"
        change = Change(direction, points, None if direction == "same" else now < before)
    return Figure(percent(now), percent(before), change)
