"""Working through many rows without holding any for long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)
SIZE = 1_000


def in_batches(rows: QuerySet[Row], act: Callable[[QuerySet[Row]], Any], size: int = SIZE) -> Iterator[int]:
    """Act on rows, so many at a time, until none is left; yield after each batch how many that were.

    Each batch is a commit of its own, and ``act`` takes a row out of ``rows``: whoever stops in between, or is stopped, goes
    on where it ended.
    """
    while keys := list(rows.order_by().values_list("pk", flat=True)[:size]):
        act(rows.model._default_manager.filter(pk__in=keys))
        yield len(keys)


def delete(rows: QuerySet[Row]) -> None:
    """Delete rows, and what hangs on them."""
    rows.delete()
