"""The floor: the rows of real orders, written again by bare psycopg. No program on this database can be faster than this.

As many connections as the web has, in as many processes. Like the program it commits twice for an order: the delivery's
bytes first, its effect then. Nothing is verified, read, parsed, matched or told to anybody.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from benchmarks.faults.proxy import ROOT
from benchmarks.faults.servers import MissingError
from orders.ids import new_id

PATTERNS = 200
"""So many of the program's orders are written again and again, under new ids."""
PROCESSES, THREADS = 2, 8
"""As the web has them: WEB_CONCURRENCY and WEB_THREADS."""
START_S = 1.0

RECORDED = {
    "status": "processing", "event_type": "", "provider_event": "", "external_id": "", "order_id": None,
    "order_status": "", "processed_at": None, "duration_ms": None,
}  # fmt: skip
"""What a delivery's row says before its effect."""
_FINISH = (
    f"UPDATE webhook_logs SET {', '.join(f'{name} = %s' for name in RECORDED)}, next_attempt_at = %s WHERE id = %s"  # noqa: S608
)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Every row that the program wrote for one order."""

    log: Row
    body: Row
    order: Row
    event: Row
    customer: Row | None
    items: list[Row]
    modifiers: list[Row]


def read_patterns(connection: psycopg.Connection[Any], companies: list[str]) -> list[Pattern]:
    """Return the rows of the newest orders of the companies."""

    def rows(table: str, where: str, *values: object) -> list[Row]:
        cursor = connection.execute(f"SELECT * FROM {table} WHERE {where}", values)  # noqa: S608
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, map(_plain, row), strict=True)) for row in cursor.fetchall()]

    found = rows(
        "webhook_logs", "company_id = ANY(%s::uuid[]) AND status = 'processed' ORDER BY received_at DESC LIMIT %s",
        companies, PATTERNS,
    )  # fmt: skip
    patterns = []
    for log in found:
        order = rows("orders", "id = %s", log["order_id"])[0]
        items = rows("order_items", "order_id = %s ORDER BY position", order["id"])
        patterns.append(
            Pattern(
                log=log,
                body=rows("webhook_bodies", "log_id = %s", log["id"])[0],
                order=order,
                event=rows("order_events", "order_id = %s ORDER BY created_at LIMIT 1", order["id"])[0],
                customer=rows("customers", "id = %s", order["customer_id"])[0] if order["customer_id"] else None,
                items=items,
                modifiers=rows(
                    "order_item_modifiers",
                    "item_id = ANY(%s) ORDER BY item_id, position",
                    [item["id"] for item in items],
                ),
            )
        )
    return patterns


def _plain(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, (dict, list)) else value


class Writer:
    """Writes patterns over one connection until told to stop; counts what it has committed."""

    def __init__(self, url: str, patterns: list[Pattern], first: int) -> None:
        self.connection = psycopg.connect(url)
        self.patterns, self.at = patterns, first
        self.count = 0
        self._statements: dict[tuple[str, int], sql.Composed] = {}

    def run(self, start: float, seconds: float) -> None:
        time.sleep(max(0.0, start - time.monotonic()))
        while time.monotonic() < start + seconds:
            self.write(self.patterns[self.at % len(self.patterns)])
            self.at, self.count = self.at + 1, self.count + 1
        self.connection.close()

    def write(self, pattern: Pattern) -> None:
        """Write one order under new ids."""
        log_id, order_id = new_id(), uuid.uuid4()  # as the program's: the order's own is a digest
        with self.connection.transaction():
            named = {"id": log_id, "delivery_key": f"floor:{log_id}", "next_attempt_at": pattern.log["received_at"]}
            self._insert("webhook_logs", [pattern.log | RECORDED | named])
            self._insert("webhook_bodies", [pattern.body | {"log_id": log_id}])
        with self.connection.transaction():
            customer_id = None
            if pattern.customer is not None:
                customer_id = new_id()
                self._insert("customers", [pattern.customer | {"id": customer_id, "phone_key": customer_id.hex}])
            items = {row["id"]: new_id() for row in pattern.items}
            modifiers = {row["id"]: new_id() for row in pattern.modifiers}
            self._insert("order_items", [row | {"id": items[row["id"]], "order_id": order_id} for row in pattern.items])
            self._insert(
                "order_item_modifiers",
                [
                    row | {"id": modifiers[row["id"]], "item_id": items[row["item_id"]],
                           "parent_id": modifiers.get(row["parent_id"])}
                    for row in pattern.modifiers
                ],
            )  # fmt: skip
            seq = self._next_seq(pattern.order["company_id"])
            changed = {"id": order_id, "external_id": f"floor-{order_id}", "customer_id": customer_id, "seq": seq}
            self._insert("orders", [pattern.order | changed])
            event = {"id": new_id(), "order_id": order_id, "seq": seq, "webhook_event_id": log_id}
            self._insert("order_events", [pattern.event | event])
            result = pattern.log | {"order_id": order_id, "external_id": f"floor-{order_id}"}
            self.connection.execute(_FINISH, [*(result[name] for name in RECORDED), None, log_id])

    def _next_seq(self, company_id: uuid.UUID) -> int:
        row = self.connection.execute(
            "UPDATE company_sequences SET last_seq = last_seq + 1 WHERE company_id = %s RETURNING last_seq",
            (company_id,),
        ).fetchone()
        assert row is not None
        return int(row[0])

    def _insert(self, table: str, rows: list[Row]) -> None:
        """Insert rows in one statement; psycopg prepares it once it has seen it a few times."""
        if not rows:
            return
        names = list(rows[0])
        key = (table, len(rows))
        if key not in self._statements:
            one = sql.SQL("({})").format(sql.SQL(", ").join([sql.Placeholder()] * len(names)))
            self._statements[key] = sql.SQL("INSERT INTO {} ({}) VALUES {}").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, names)),
                sql.SQL(", ").join([one] * len(rows)),
            )
        self.connection.execute(self._statements[key], [row[name] for row in rows for name in names])


async def measure_floor(url: str, companies: list[str], seconds: float) -> float:
    """Return how many orders a second bare psycopg writes. Raises MissingError where it fails."""
    job = json.dumps({"url": url, "companies": companies, "seconds": seconds}).encode()
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.speed.floor", cwd=ROOT, stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(PROCESSES)
    ]  # fmt: skip
    try:
        async with asyncio.timeout(seconds + 60):
            said = await asyncio.gather(*(process.communicate(job) for process in processes))
    except TimeoutError:
        raise MissingError("the floor was not done in time") from None
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
    if any(process.returncode for process in processes):
        raise MissingError("the floor failed")
    return sum(int(json.loads(out)["count"]) for out, _ in said) / seconds


def main() -> None:
    """Write for so many seconds, as standard input says; print how many orders were committed."""
    job = json.loads(sys.stdin.read())
    with psycopg.connect(job["url"]) as connection:
        patterns = read_patterns(connection, job["companies"])
    writers = [Writer(job["url"], patterns, first) for first in range(0, PATTERNS, PATTERNS // THREADS)]
    start = time.monotonic() + START_S
    threads = [threading.Thread(target=writer.run, args=(start, job["seconds"])) for writer in writers[:THREADS]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"count": sum(writer.count for writer in writers)}))


if __name__ == "__main__":
    main()
