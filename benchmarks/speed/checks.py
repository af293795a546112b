"""Nothing lost: what was acknowledged is in the database, once, whole."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from benchmarks.speed.installation import Installation
from benchmarks.speed.plan import Expected

SETTLE_S = 600.0
"""How long what was only stored may take to be worked."""
_ORDERS = (
    "SELECT company_id, provider, external_id, total,"
    " (SELECT count(*) FROM order_items i WHERE i.order_id = o.id),"
    " (SELECT count(*) FROM order_item_modifiers m JOIN order_items i ON i.id = m.item_id WHERE i.order_id = o.id)"
    " FROM orders o WHERE company_id = %s AND created_at >= %s"
)
_WAITING = "SELECT count(*) FROM webhook_logs WHERE status IN ('received', 'processing', 'failed') AND company_id = %s"


def waiting(installation: Installation, acknowledged: Sequence[Expected]) -> int:
    """Return how many deliveries of their companies are stored and not worked yet."""
    return sum(_waiting(installation, _companies(acknowledged)))


def _companies(acknowledged: Sequence[Expected]) -> set[uuid.UUID]:
    return {uuid.UUID(each.company) for each in acknowledged}


def _waiting(installation: Installation, companies: Iterable[uuid.UUID]) -> Iterator[int]:
    return (int(installation.query(_WAITING, company)[0][0]) for company in companies)


async def lost(installation: Installation, since: str, acknowledged: Sequence[Expected]) -> list[str]:
    """Return what does not hold of acknowledged orders that came after ``since`` (UTC, as the database writes it)."""
    companies = _companies(acknowledged)
    until = time.monotonic() + SETTLE_S
    while time.monotonic() < until and any(_waiting(installation, companies)):
        await asyncio.sleep(0.25)
    rows = [row for company in companies for row in installation.query(_ORDERS, company, since)]
    return compare(acknowledged, rows)


def compare(acknowledged: Sequence[Expected], rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """Return a sentence for each way in which the rows are not what was acknowledged."""
    found = {(str(uuid.UUID(str(row[0]))), row[1], row[2]): row for row in rows}
    faults: Counter[str] = Counter()
    if len(found) < len(rows):
        faults["orders are there twice"] += len(rows) - len(found)
    for each in acknowledged:
        row = found.get(each.key)
        if row is None:
            faults["acknowledged orders are lost"] += 1
        elif (row[4], row[5]) != (each.lines, each.modifiers):
            faults["orders lack lines or options"] += 1
        elif each.total is not None and Decimal(str(row[3])) != each.total:
            faults["orders have another total"] += 1
    return [f"{count} {what}" for what, count in faults.items()]
