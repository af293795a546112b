"""A day's comparison as a file that a spreadsheet opens."""

from __future__ import annotations

import csv
import io
from typing import Any

from orders.export import BOM, safe_cell

ROW_COLUMNS = (
    "source", "provider", "state", "reason", "currency", "theirCount", "ourCount", "countDifference", "theirSum", "ourSum",
    "sumDifference",
)  # fmt: skip
DIFFERENCE_COLUMNS = (
    "kind", "provider", "externalOrderId", "orderId", "theirTotal", "ourTotal", "currency", "theirStatus", "ourStatus",
    "error",
)  # fmt: skip
NUMBERS = frozenset({"countDifference", "sumDifference", "theirSum", "ourSum", "theirTotal", "ourTotal"})
"""Figures of ours: a minus sign before one is no formula."""


def day_csv(figures: dict[str, Any]) -> str:
    """Return the rows and, behind an empty line, the orders that differ."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(ROW_COLUMNS)
    writer.writerows(_cells(row, ROW_COLUMNS) for row in figures["rows"])
    writer.writerow([])
    writer.writerow(DIFFERENCE_COLUMNS)
    writer.writerows(_cells(entry, DIFFERENCE_COLUMNS) for entry in figures["differences"])
    return BOM + out.getvalue()


def _cells(row: dict[str, Any], columns: tuple[str, ...]) -> list[str]:
    return [
        ("" if row[name] is None else str(row[name])) if name in NUMBERS else safe_cell(row[name]) for name in columns
    ]
