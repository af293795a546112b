"""One page of a list, in the contract's shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from orders.pagination import paginate

Row = TypeVar("Row", bound=Model)


def page_of(
    request: Request, rows: QuerySet[Row], to_json: Callable[[Row], dict[str, Any]], *, by: str, key: str = "id"
) -> Response:
    """Answer one page of rows, newest first by the time ``by`` and then ``key``; ``next`` is the next page's URL or null."""
    page, after = paginate(request, rows, (by, key))
    return Response({"results": [to_json(row) for row in page], "next": after})
