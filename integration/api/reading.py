"""Reading what a caller sends: one object, field by field, every fault told at once and none of the values repeated."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from rest_framework.request import Request

from orders.errors import ApiError
from providers.payload import parse_time
from providers.strict_json import clean

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_SPACE_FOR_PLUS = re.compile(r"(T[0-9:.]+) ([0-9]{2}:?[0-9]{2})$")
"""In a query a plus sign that nobody encoded arrives as a space."""


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def invalid(details: Mapping[str, str]) -> ApiError:
    """Return the answer for input that cannot be used; ``details`` maps each field to its fault."""
    return ApiError(400, "invalid_request", "Some fields are not valid.", dict(details))


def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request, ``{}`` for an empty body; raise ApiError for anything else."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.WEBHOOK_MAX_BYTES:
        raise ApiError(413, "payload_too_large", f"A body has at most {settings.WEBHOOK_MAX_BYTES} bytes.")
    try:
        data = request.data
    except RecursionError:
        raise ApiError(400, "invalid_json", "The body is nested too deeply.") from None
    if not isinstance(data, dict):
        raise invalid({"body": "expected a JSON object"})
    return data


class Fields:
    """The fields of an object or a query. Faults are collected; :meth:`check` raises them all."""

    def __init__(self, data: Mapping[str, Any], known: Iterable[str] | None = None, prefix: str = "") -> None:
        self.data, self.prefix = data, prefix
        self.faults: dict[str, str] = {}
        if known is not None:
            for name in set(data) - set(known):
                self.fault(clean(str(name), 64), "unknown field")

    def fault(self, name: str, message: str) -> None:
        self.faults.setdefault(f"{self.prefix}{name}", message)

    def check(self) -> None:
        """Raise ApiError where a field was not usable."""
        if self.faults:
            raise invalid(dict(sorted(self.faults.items())))

    def has(self, name: str) -> bool:
        return name in self.data

    def text(self, name: str, max_length: int = 255, *, required: bool = False) -> str:
        """Return a text without surrounding space; ``""`` where it is absent or null."""
        value = self.data.get(name)
        if value is None:
            value = ""
        if not isinstance(value, str):
            self.fault(name, "expected a text")
            return ""
        value = value.strip()
        if required and not value:
            self.fault(name, "expected a text that is not blank")
        elif len(value) > max_length:
            self.fault(name, f"expected at most {max_length} characters")
        elif _UNSTORABLE.search(value):
            self.fault(name, "expected a text without NUL or lone surrogates")
        else:
            return value
        return ""

    def words(self, name: str, allowed: Iterable[str]) -> list[str]:
        """Return the words of a list or of a comma-separated text, each one of ``allowed``; [] where there are none."""
        value = self.data.get(name)
        if value is None or value == "":
            return []
        words = value.split(",") if isinstance(value, str) else value
        known = list(allowed)
        if not isinstance(words, list) or not all(isinstance(word, str) and word.strip() in known for word in words):
            self.fault(name, f"expected one of {', '.join(known)}")
            return []
        return [word.strip() for word in words]

    def choice(self, name: str, allowed: Iterable[str], default: str = "") -> str:
        """Return one of the allowed words; ``default`` where it is absent."""
        value, known = self.data.get(name), list(allowed)
        if value is None and not (name in self.data and not default):
            return default
        if not isinstance(value, str) or value not in known:
            self.fault(name, f"expected one of {', '.join(known)}")
            return default
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false; ``default`` where it is absent."""
        value = self.data.get(name, default)
        if not isinstance(value, bool):
            self.fault(name, "expected true or false")
            return default
        return value

    def whole(self, name: str, low: int, high: int, default: int) -> int:
        """Return a whole number from ``low`` to ``high``; ``default`` where it is absent."""
        value = self.data.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.fault(name, f"expected a whole number from {low} to {high}")
            return default
        return value

    def time(self, name: str, zone: ZoneInfo | None = None, *, is_end: bool = False) -> datetime | None:
        """Return an aware time, UTC unless it has an offset; None where it is absent or null.

        A date alone is the beginning of that day in ``zone``, or its end.
        """
        value = self.data.get(name)
        if value is None or value == "":
            return None
        if zone is not None and isinstance(value, str) and (day := _date(value)):
            return datetime.combine(day + timedelta(days=is_end), time.min, zone)
        moment = parse_time(_SPACE_FOR_PLUS.sub(r"\1+\2", value)) if isinstance(value, str) else None
        if moment is None:
            self.fault(name, "expected a time in ISO 8601, such as 2026-01-31T12:00:00Z")
        return moment

    def uuid(self, name: str) -> uuid.UUID | None:
        """Return an id; None where it is absent or null."""
        value = self.data.get(name)
        if value is None or value == "":
            return None
        try:
            return uuid.UUID(value if isinstance(value, str) else "")
        except ValueError:
            self.fault(name, "expected a UUID")
            return None


def query_of(request: Request, *lists: str) -> Fields:
    """Return the query of a request as fields: the last value of each name, of ``lists`` all of them."""
    query = request.query_params
    return Fields({**query.dict(), **{name: ",".join(query.getlist(name)) for name in lists if name in query}})
