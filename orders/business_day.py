"""The company's own day: it begins at its cut-off, in its time zone, and may be 23 or 25 hours long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from orders.models import Company


@dataclass(frozen=True, slots=True)
class Span:
    """A time from ``since`` on and before ``until``, both UTC."""

    since: datetime
    until: datetime


def business_date(company: Company, moment: datetime) -> date:
    """Return the business day that a moment belongs to: before the cut-off it is still yesterday."""
    day = moment.astimezone(ZoneInfo(company.time_zone)).date()
    # By the moment and not by the clock: where the clock changes at the cut-off, its time comes twice or never.
    return day if moment >= day_start(company, day) else day - timedelta(days=1)


def day_start(company: Company, day: date) -> datetime:
    """Return the moment, in UTC, at which a business day begins."""
    zone = ZoneInfo(company.time_zone)
    return datetime.combine(day, company.business_day_cutoff, tzinfo=zone).astimezone(UTC)


def day_span(company: Company, day: date) -> Span:
    """Return a whole business day."""
    return Span(day_start(company, day), day_start(company, day + timedelta(days=1)))


def week_start(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def month_start(day: date) -> date:
    """Return the first of a day's month."""
    return day.replace(day=1)


def month_end(day: date) -> date:
    """Return the last of a day's month."""
    return month_start(day.replace(day=28) + timedelta(days=4)) - timedelta(days=1)


def hour_start(company: Company, moment: datetime) -> datetime:
    """Return the moment, in UTC, at which the local hour began; not all zones are whole hours from UTC."""
    local = moment.astimezone(ZoneInfo(company.time_zone))
    return (moment - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)).astimezone(
        UTC
    )
