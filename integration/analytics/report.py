"""A table of the analytics, whole: as the API tells it, and as CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from integration.analytics import tables
from integration.analytics.figures import figures
from integration.analytics.query import Query
from orders.export import BOM, csv_lines, safe_cell

_ROWS: dict[str, Callable[[Query], list[dict[str, Any]]]] = {
    "reasons": tables.reasons,
    "errors": tables.errors,
    "products": tables.products,
    "unmapped": tables.unmapped,
}

_COLUMNS = {
    "reasons": ("provider", "status", "source", "reason", "count", "share"),
    "errors": ("provider", "status", "error", "count", "before"),
    "products": ("productId", "name", "nameAr", "quantity"),
    "unmapped": ("provider", "externalId", "name", "quantity"),
}
"""What stands at the head of a table without rows."""


def report(query: Query, table: str) -> dict[str, Any]:
    """Return a table with what was asked for; ``whole`` is for the figures, ``groupBy`` too."""
    body: dict[str, Any] = {
        "table": table,
        "from": query.days.first.isoformat(),
        "to": query.days.last.isoformat(),
        "timeZone": query.company.time_zone,
        "currency": query.company.currency,
        "daysBehind": query.days.behind,
    }
    if table != "figures":
        return body | {"results": _ROWS[table](query)}
    whole, lines = figures(query)
    return body | {"groupBy": query.group_by, "whole": whole, "results": lines}


def csv_of(body: dict[str, Any]) -> str:
    """Return a table as CSV that a spreadsheet opens, and cannot be tricked by; a column for each figure and currency."""
    rows = body["results"]
    currencies = sorted({entry["currency"] for row in rows for entry in row.get("revenue") or row.get("amounts") or ()})
    cells = [_flat(row, currencies) for row in rows]
    names = cells[0] if cells else _COLUMNS[body["table"]]
    return BOM + csv_lines([names, *([safe_cell(cell) for cell in row.values()] for row in cells)])


def _flat(row: dict[str, Any], currencies: Iterable[str]) -> dict[str, Any]:
    """Return a row without rows in it: ``acceptance.averageSeconds``, ``revenue.JOD``."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            found |= {f"{name}.{inner}": each for inner, each in value.items()}
        elif isinstance(value, list):
            told = {entry["currency"]: entry for entry in value}
            fields = ("amount", "orders", "averageBasket") if name == "revenue" else ("amount",)
            for currency in currencies:
                for each in fields:
                    found[f"{name}.{currency}.{each}"] = told.get(currency, {}).get(each)
        else:
            found[name] = value
    return found
