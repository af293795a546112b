"""Lists, newest first, in pages that stay right while rows are added: the cursor is the last row's own place."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request

from orders.errors import ApiError

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

_AMOUNT = re.compile(r"-?\d{1,11}(\.\d{1,4})?", re.ASCII)

Row = TypeVar("Row", bound=Model)


def invalid(**details: str) -> ApiError:
    """Return the refusal of a parameter or a field; ``details`` maps its name to the fault."""
    return ApiError(400, "invalid_request", "Some values are not valid.", dict(details))


def read_limit(request: Request, default: int = DEFAULT_LIMIT, most: int = MAX_LIMIT) -> int:
    """Return the page's size, from 1 to ``most``. Raises ApiError."""
    text = request.query_params.get("limit", "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= most):
        raise invalid(limit=f"expected a whole number from 1 to {most}")
    return int(text)


def paginate(
    request: Request, rows: QuerySet[Row], fields: Sequence[str] = ("created_at", "id")
) -> tuple[list[Row], str | None]:
    """Return one page of ``rows`` and the address of the next; None after the last.

    ``fields`` are the order, newest first, and tell every row from every other. Raises ApiError for a bad limit or cursor.
    """
    page, cursor = page_after(rows, request.query_params.get("cursor", ""), read_limit(request), fields)
    return page, with_parameters(request, cursor=cursor) if cursor else None


def page_after(
    rows: QuerySet[Row], cursor: str, limit: int, fields: Sequence[str] = ("created_at", "id")
) -> tuple[list[Row], str]:
    """Return the rows behind a cursor, the first ones where it is blank, and the cursor of the next page; "" after the last.

    Raises ApiError for a cursor that is none of this list's.
    """
    rows = rows.order_by(*(f"-{field}" for field in fields))
    if cursor:
        rows = rows.filter(after(fields, place_of(cursor, rows.model, fields)))
    page = list(rows[: limit + 1])
    if len(page) <= limit:
        return page, ""
    return page[:limit], cursor_at([getattr(page[limit - 1], field) for field in fields])


def with_parameters(request: Request, **parameters: object) -> str:
    """Return the absolute address of this request with some parameters changed."""
    query = request.query_params.copy()
    for name, value in parameters.items():
        query[name] = str(value)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def after(fields: Sequence[str], values: Sequence[Any], *, rising: bool = False) -> Q:
    """Return the condition for rows behind a place: the first field alone bounds the index, the rest break ties.

    The greatest value stands first, in a ``rising`` list the least.
    """
    behind = "gt" if rising else "lt"
    condition = Q(**{f"{fields[-1]}__{behind}": values[-1]})
    for field, value in reversed(list(zip(fields[:-1], values[:-1], strict=True))):
        condition = Q(**{f"{field}__{behind}e": value}) & (Q(**{f"{field}__{behind}": value}) | condition)
    return condition


def cursor_at(values: Sequence[Any]) -> str:
    """Return the cursor of a place: the values of the list's fields there."""
    text = json.dumps([v.isoformat() if isinstance(v, datetime) else str(v) for v in values])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(cursor: str, model: type[Model], fields: Sequence[str]) -> list[Any]:
    """Return the values of a cursor, each as its field holds them. Raises ApiError for anything we have not made."""
    try:
        texts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        values = [_value(model, field, text) for field, text in zip(fields, texts, strict=True)]
    except (ValueError, TypeError, RecursionError) as error:
        raise invalid(cursor="not a cursor of this list") from error
    return values


def _value(model: type[Model], field: str, text: str) -> Any:
    kind = model._meta.get_field(field).get_internal_type()
    if kind == "DateTimeField":
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError(field)
        return moment
    if kind == "UUIDField":
        return uuid.UUID(text)
    if kind == "CharField":
        if not isinstance(text, str) or "\x00" in text:
            raise ValueError(field)
        text.encode()  # a lone surrogate is a ValueError here, and none of the database's
        return text
    if kind == "DecimalField":
        if not _AMOUNT.fullmatch(text):
            raise ValueError(field)
        return Decimal(text)
    number = int(text)
    if abs(number) >= 2**63:
        # No row has it, and SQLite would fail on it.
        raise ValueError(field)
    return number
