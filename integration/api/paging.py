"""Keyset paging: a page starts after the last row of the one before, so that rows that come meanwhile move nothing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from integration.api.reading import invalid

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
Row = TypeVar("Row", bound=Model)


def page_of(
    request: Request, rows: QuerySet[Row], to_json: Callable[[Row], dict[str, Any]], *, by: str, key: str = "id"
) -> Response:
    """Answer one page of rows, newest first by the time ``by`` and then ``key``; ``next`` is the next page's URL or null.

    A ``limit`` above 200 is taken as 200. Raises ApiError for a limit or a cursor that is none.
    """
    limit = _limit(request)
    cursor = request.query_params.get("cursor", "")
    if cursor:
        moment, last = _decode(cursor, rows.model, key)
        rows = rows.filter(Q(**{f"{by}__lt": moment}) | Q(**{by: moment, f"{key}__lt": last}))
    found = list(rows.order_by(f"-{by}", f"-{key}")[: limit + 1])
    after = None
    if len(found) > limit:
        found = found[:limit]
        query = request.query_params.copy()
        query["cursor"] = _encode(getattr(found[-1], by), getattr(found[-1], key))
        after = f"{request.build_absolute_uri(request.path)}?{query.urlencode()}"
    return Response({"results": [to_json(row) for row in found], "next": after})


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", "") or str(DEFAULT_LIMIT)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise invalid({"limit": f"expected a whole number from 1 to {MAX_LIMIT}"})
    return min(int(text), MAX_LIMIT)


def _encode(moment: datetime, key: object) -> str:
    raw = json.dumps([moment.isoformat(), str(key)]).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(cursor: str, model: type[Model], key: str) -> tuple[datetime, Any]:
    """Return the place a cursor stands for. It is checked as any input: a cursor is only text that somebody sends."""
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        moment_text, last_text = json.loads(raw)
        moment = datetime.fromisoformat(moment_text)
        field = model._meta.get_field(key)
        last = field.to_python(last_text) if isinstance(field, Field) else None
        if moment.tzinfo is None or last is None or "\x00" in last_text or abs(_size(last)) >= 2**63:
            raise ValueError(cursor)
    except (ValueError, TypeError, binascii.Error, RecursionError, ValidationError):
        raise invalid({"cursor": "expected the cursor of a page before"}) from None
    return moment, last


def _size(value: object) -> int:
    return value if isinstance(value, int) else 0
