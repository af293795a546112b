"""The filters of the list, the export and the metrics: one reading for all, and one refusal that names the parameter."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.dateparse import parse_date, parse_datetime

from orders.access import Access
from orders.models import Order, Role
from orders.models.order import FINISHED
from orders.pagination import invalid
from providers.events import Status
from providers.registry import ADAPTERS

MAX_TEXT = 512
MIN_PHONE_DIGITS = 4
_PHONE = re.compile(r"\+?[\d\s().-]+", re.ASCII)


def filter_orders(query: QueryDict, access: Access) -> QuerySet[Order]:
    """Return the orders that a person may see and asks for. Raises ApiError naming each parameter that is wrong."""
    orders = access.orders()
    if statuses := choices(query, "status", [status.value for status in Status]):
        orders = orders.filter(status__in=statuses)
    if providers := choices(query, "provider", ADAPTERS):
        orders = orders.filter(provider__in=providers)
    if branches := uuids(query, "branch"):
        orders = orders.filter(branch_id__in=branches)
    since, until = moment(query, "since", access), moment(query, "until", access, is_end=True)
    if since:
        orders = orders.filter(created_at__gte=since)
    if until:
        orders = orders.filter(created_at__lt=until)
    if external_id := text(query, "externalOrderId"):
        orders = orders.filter(external_id=external_id)
    needs_attention = flag(query, "needsAttention")
    if needs_attention is not None:
        orders = orders.filter(needs_attention=needs_attention)
    if searched := text(query, "search").strip():
        orders = orders.filter(matches(searched, access))
    return orders


def matches(searched: str, access: Access) -> Q:
    """Return the condition of a search: how a number begins, a part of a name, digits of a phone as far as the role sees it."""
    found = (
        Q(display_id__istartswith=searched) | Q(external_id__startswith=searched) | Q(customer_name__icontains=searched)
    )
    digits = re.sub(r"\D", "", searched).lstrip("0")
    if _PHONE.fullmatch(searched) and len(digits) >= MIN_PHONE_DIGITS:
        phone = Q(customer_phone__contains=digits)
        # A number that is masked must not be guessed digit by digit either.
        found |= phone if access.at_least(Role.MANAGER) else phone & ~Q(status__in=FINISHED)
    return found


def choices(query: QueryDict, name: str, known: Collection[str]) -> list[str]:
    """Return the values of a parameter, repeated or comma separated. Raises ApiError for one that is not known."""
    values = _values(query, name)
    if unknown := [value for value in values if value not in known]:
        raise invalid(**{name: f"{unknown[0][:64]!r} is none of {', '.join(known)}"})
    return values


def uuids(query: QueryDict, name: str) -> list[uuid.UUID]:
    """Return the ids of a parameter. Raises ApiError for what is none; one that nobody has finds nothing."""
    try:
        return [uuid.UUID(value) for value in _values(query, name)]
    except ValueError as error:
        raise invalid(**{name: "expected a UUID"}) from error


def _values(query: QueryDict, name: str) -> list[str]:
    return [part.strip() for value in query.getlist(name) for part in value.split(",") if part.strip()]


def text(query: QueryDict, name: str) -> str:
    """Return a text. Raises ApiError where no stored text can equal it."""
    value = query.get(name) or ""
    if "\x00" in value or len(value) > MAX_TEXT:
        raise invalid(**{name: f"expected at most {MAX_TEXT} characters, none of them NUL"})
    return value


def flag(query: QueryDict, name: str) -> bool | None:
    """Return a yes or no, None where it is not asked. Raises ApiError."""
    value = (query.get(name) or "").lower()
    if value in {"true", "1"}:
        return True
    if value in {"false", "0"}:
        return False
    if value:
        raise invalid(**{name: "expected true or false"})
    return None


def moment(query: QueryDict, name: str, access: Access, *, is_end: bool = False) -> datetime | None:
    """Return a time in UTC; None where it is not asked. Raises ApiError.

    A time without an offset is UTC. A date alone is that whole day in the company's time zone: as ``is_end`` its end.
    """
    # An unescaped plus of an offset arrives as a space.
    value = re.sub(r"(:\d\d(?:\.\d+)?) (\d\d:?\d\d)$", r"\1+\2", (query.get(name) or "").strip())
    if not value:
        return None
    try:
        if day := parse_date(value):
            day += timedelta(days=1) if is_end else timedelta(0)
            return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(access.company.time_zone)).astimezone(UTC)
        if found := parse_datetime(value):
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise invalid(**{name: "expected a time such as 2026-03-01T10:30:00Z, or a date"})
