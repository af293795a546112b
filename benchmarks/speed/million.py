"""Filling the database: a year of a platform's orders, written by Postgres itself from the rows of a few real ones.

Every column is there, whatever the models have meanwhile: what is not named here is as in the pattern. Orders have three
lines with their options, three deliveries and, once they are over, three entries in their timeline. Bodies are there for
the last thirty days, as long as they are kept. A million orders take less than 10 GB, and half as much again while they are
being written.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.faults.servers import MissingError

CHUNK = 100_000
LINES = 3
DELIVERIES = 3
BYTES_EACH = 16_000
"""Room on the disk for each order, what is needed for a while included."""
SHARES = (30, 20, 15, 10, 10, 5, 5, 5)
"""Per cent of the orders of each company, the largest first."""
PROVIDERS = {"talabat": 40, "careem": 30, "deliveroo": 15, "jahez": 15}
CUSTOMERS_SHARE = 0.05
"""So many customers for each order: regulars order twenty times a year."""
TABLES = (
    "customers", "orders", "order_items", "order_item_modifiers", "order_events", "webhook_logs", "webhook_bodies",
)  # fmt: skip


def _risen(digits: str, at: str) -> str:
    """Return a UUID of 32 digits that rises with a time, as those of the program do (``orders/ids.py``)."""
    return f"overlay({digits} PLACING lpad(to_hex((extract(epoch FROM {at}) * 1000)::bigint), 12, '0') FROM 1 FOR 12)::uuid"


_ANY = "replace(gen_random_uuid()::text, '-', '')"
_CHUNK = """
CREATE TEMP TABLE chunk AS SELECT i, gen_random_uuid() AS order_id, at, company_id, provider, (%(patterns)s::uuid[])[
    array_position(%(providers)s::text[], provider)] AS pattern,
  md5('customer' || company_id || (hashint8(i + 7) & 2147483647) %% %(customers)s)::uuid AS customer_id,
  '2' || lpad(i::text, 9, '0') AS external_id,
  CASE WHEN at > %(now)s::timestamptz - interval '6 minutes' THEN 'received'
       WHEN at > %(now)s::timestamptz - interval '90 minutes' THEN
         (ARRAY['confirmed', 'preparing', 'ready', 'out_for_delivery'])[1 + i %% 4]
       WHEN dice < 88 THEN 'delivered' WHEN dice < 95 THEN 'cancelled' WHEN dice < 98 THEN 'rejected' ELSE 'failed'
       END AS status
FROM (SELECT i, (hashint8(i) & 2147483647) %% 100 AS dice,
        (%(company_slots)s::uuid[])[1 + (hashint8(i + 1) & 2147483647) %% 100] AS company_id,
        (%(provider_slots)s::text[])[1 + (hashint8(i + 2) & 2147483647) %% 100] AS provider,
        -- Half of the day is busier than the other; the last order comes now.
        t - interval '3 hours' * (sin(extract(epoch FROM t)::float8 * pi() / 43200)
          - sin(extract(epoch FROM %(now)s::timestamptz)::float8 * pi() / 43200)) AS at
      FROM (SELECT i, %(now)s::timestamptz - interval '365 days' * (%(all)s - i) / %(all)s AS t
            FROM generate_series(%(first)s::bigint, %(last)s::bigint) i) times) drawn
"""
_STEPS = f"""
CREATE TEMP TABLE steps AS SELECT c.i, c.order_id, c.company_id, c.provider, c.pattern, c.external_id, step,
  {_risen(_ANY, "c.at + interval '12 minutes' * step")} AS log_id,
  c.at + interval '12 minutes' * step AS at,
  (ARRAY['received', 'confirmed', c.status])[1 + step] AS status,
  (ARRAY['order.created', 'order.updated',
         CASE c.status WHEN 'delivered' THEN 'order.delivered' WHEN 'cancelled' THEN 'order.cancelled'
         ELSE 'order.updated' END])[1 + step] AS type,
  (ARRAY['', 'received', 'confirmed'])[1 + step] AS before,
  CASE WHEN step = 0 OR c.status IN ('delivered', 'cancelled', 'rejected', 'failed') THEN
    row_number() OVER (PARTITION BY c.company_id,
      step = 0 OR c.status IN ('delivered', 'cancelled', 'rejected', 'failed') ORDER BY c.i, step) + s.last_seq
  END AS seq
FROM chunk c JOIN company_sequences s USING (company_id)
CROSS JOIN generate_series(0, 2) step
"""  # noqa: S608


class Loader:
    """Writes orders like those that the program has stored for the first company."""

    def __init__(self, url: str, companies: Sequence[str], orders: int) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        self.companies, self.orders = list(companies), orders
        self.now = datetime.datetime.now(datetime.UTC)

    def load(self) -> dict[str, str]:
        """Write everything; return what was written and how large the database is. Raises MissingError."""
        room = shutil.disk_usage(Path("/tmp")).free  # noqa: S108 - where the private servers keep their data
        if room < self.orders * BYTES_EACH + 2**31:
            raise MissingError(f"{self.orders:,} orders need {self.orders * BYTES_EACH / 1e9:.0f} GB on the disk")
        # Foreign keys are right by construction; looking each up would take most of the time.
        self.run("SET session_replication_role = replica")
        self.run("SET synchronous_commit = off")
        self.run("SET maintenance_work_mem = '256MB'")
        self.run("SET work_mem = '256MB'")
        indexes = self._drop_indexes()
        try:
            patterns = self._patterns()
            self.run(
                "INSERT INTO company_sequences (company_id, last_seq)"
                " SELECT unnest(%(companies)s::uuid[]), 0 ON CONFLICT DO NOTHING",
                {"companies": self.companies},
            )
            self._write_customers()
            for first in range(1, self.orders + 1, CHUNK):
                self._write_chunk(first, min(self.orders, first + CHUNK - 1), patterns)
        finally:
            for definition in indexes:
                self.run(definition)
        self.run(f"VACUUM ANALYZE {', '.join(TABLES)}")
        self.run("CHECKPOINT")
        size = self.connection.execute("SELECT pg_database_size(current_database())").fetchone()
        counts = {table: self.connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in TABLES}  # noqa: S608
        self.connection.close()
        if not counts["orders"] or counts["orders"][0] < self.orders:
            raise MissingError("not all of the orders were written")
        return {
            "rows": ", ".join(f"{table} {row[0]:,}" for table, row in counts.items() if row),
            "database": f"{size[0] / 1e9:.1f} GB" if size else "",
        }

    def run(self, text: str, values: dict[str, Any] | None = None) -> None:
        self.connection.execute(text.encode(), values)

    def _drop_indexes(self) -> list[str]:
        """Drop what is not needed to keep rows apart; return the statements that make it again."""
        rows = self.connection.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indrelid = ANY(%s::regclass[]) AND NOT indisunique",
            (list(TABLES),),
        ).fetchall()
        for name, _ in rows:
            self.run(f"DROP INDEX {name}")
        return [str(definition) for _, definition in rows]

    def _patterns(self) -> dict[str, str]:
        """Return the id of a real order of each provider."""
        rows = self.connection.execute(
            "SELECT DISTINCT ON (provider) provider, id FROM orders ORDER BY provider, created_at"
        ).fetchall()
        found = {str(provider): str(order) for provider, order in rows}
        if found.keys() != PROVIDERS.keys():
            raise MissingError("there is no order of every provider to make others of")
        return found

    def _insert(self, table: str, source: str, changes: dict[str, str], values: dict[str, Any] | None = None) -> None:
        """Insert the rows of a query in which ``t`` is a row of the same table, with some columns changed."""
        columns = [
            str(row[0])
            for row in self.connection.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
                " AND attgenerated = '' AND attidentity <> 'a'",
                (table,),
            )
        ]
        if unknown := changes.keys() - set(columns):
            raise MissingError(f"{table} has no column {sorted(unknown)[0]}")
        names = sql.SQL(", ").join(map(sql.Identifier, columns)).as_string(self.connection)
        chosen = ", ".join(changes.get(name, f't."{name}"') for name in columns)
        self.run(f"INSERT INTO {table} ({names}) SELECT {chosen} FROM {source}", values)  # noqa: S608

    def _customers_of_each(self) -> int:
        return max(1, int(self.orders * CUSTOMERS_SHARE / len(self.companies)))

    def _write_customers(self) -> None:
        made = "md5('customer' || c.id || k)::uuid"
        source = (
            "companies c CROSS JOIN generate_series(0, %(count)s::int - 1) k"
            " CROSS JOIN (SELECT * FROM customers ORDER BY id LIMIT 1) t WHERE c.id = ANY(%(companies)s::uuid[])"
        )
        changes = {
            "id": made,
            "company_id": "c.id",
            "phone": "'+96278' || lpad(k::text, 7, '0')",
            "phone_key": "'+96278' || lpad(k::text, 7, '0')",
            "email": "''",
            "email_key": "NULL",
        }
        self._insert("customers", source, changes, {"count": self._customers_of_each(), "companies": self.companies})

    def _write_chunk(self, first: int, last: int, patterns: dict[str, str]) -> None:
        slots = [company for company, share in zip(self.companies, SHARES, strict=True) for _ in range(share)]
        self.run(
            _CHUNK,
            {
                "first": first, "last": last, "all": self.orders, "now": self.now, "company_slots": slots,
                "provider_slots": [provider for provider, share in PROVIDERS.items() for _ in range(share)],
                "providers": list(patterns), "patterns": list(patterns.values()),
                "customers": self._customers_of_each(),
            },
        )  # fmt: skip
        self.run(_STEPS)
        self._write_orders()
        self._write_lines()
        self._write_deliveries()
        self.run(
            "UPDATE company_sequences s SET last_seq = n.seq FROM"
            " (SELECT company_id, max(seq) AS seq FROM steps GROUP BY company_id) n WHERE n.company_id = s.company_id"
        )
        self.run("DROP TABLE chunk, steps")

    def _write_orders(self) -> None:
        self._insert(
            "orders",
            "chunk c JOIN orders t ON t.id = c.pattern JOIN branches b ON b.company_id = c.company_id AND b.is_default"
            " JOIN (SELECT order_id, max(seq) AS seq FROM steps GROUP BY order_id) n ON n.order_id = c.order_id",
            {
                "id": "c.order_id", "company_id": "c.company_id", "branch_id": "b.id", "customer_id": "c.customer_id",
                "external_id": "c.external_id", "display_id": "right(c.external_id, 6)", "status": "c.status",
                "needs_attention": "c.i % 100 = 0", "attention_reasons": "CASE WHEN c.i % 100 = 0"
                " THEN '[\"unmapped_item\"]'::jsonb ELSE '[]'::jsonb END", "seq": "n.seq", "placed_at": "c.at",
                "received_at": "c.at", "created_at": "c.at", "updated_at": "c.at + interval '24 minutes'",
                "accept_by": "c.at + interval '10 minutes'", "scheduled_for": "NULL", "fields_told_at": "NULL",
                "estimated_delivery_at": "c.at + interval '45 minutes'",
            },
        )  # fmt: skip
        self._insert(
            "order_events",
            "steps s JOIN LATERAL (SELECT * FROM order_events e WHERE e.order_id = s.pattern LIMIT 1) t ON true"
            " WHERE s.seq IS NOT NULL",
            {
                "id": _risen(_ANY, "s.at"), "company_id": "s.company_id", "order_id": "s.order_id", "seq": "s.seq",
                "type": "s.type", "status": "s.status", "previous_status": "s.before", "webhook_event_id": "s.log_id",
                "occurred_at": "s.at", "created_at": "s.at",
            },
        )  # fmt: skip

    def _write_lines(self) -> None:
        item = _risen("md5(c.order_id::text || {0}.position)", "c.at")
        option = _risen("md5(c.order_id::text || i.position || '/' || {0}.position)", "c.at")
        self._insert(
            "order_items",
            f"chunk c JOIN order_items t ON t.order_id = c.pattern AND t.position < {LINES}"
            " LEFT JOIN menu_product_codes m ON m.company_id = c.company_id AND m.provider = c.provider"
            " AND m.external_id = t.external_id",
            {"id": item.format("t"), "order_id": "c.order_id", "menu_product_id": "m.product_id"},
        )
        self._insert(
            "order_item_modifiers",
            f"chunk c JOIN order_items i ON i.order_id = c.pattern AND i.position < {LINES}"
            " JOIN order_item_modifiers t ON t.item_id = i.id"
            " LEFT JOIN order_item_modifiers p ON p.id = t.parent_id",
            {
                "id": option.format("t"), "item_id": item.format("i"),
                "parent_id": f"CASE WHEN p.id IS NULL THEN NULL ELSE {option.format('p')} END",
            },
        )  # fmt: skip

    def _write_deliveries(self) -> None:
        pattern = "JOIN LATERAL (SELECT * FROM webhook_logs l WHERE l.order_id = s.pattern LIMIT 1) t ON true"
        self._insert(
            "webhook_logs",
            f"steps s {pattern}",
            {
                "id": "s.log_id", "company_id": "s.company_id", "delivery_key": "'bulk:' || s.i || '-' || s.step",
                "status": "CASE WHEN s.i % 50 = s.step THEN 'ignored' ELSE 'processed' END", "event_type": "s.type",
                "external_id": "s.external_id", "order_id": "s.order_id", "order_status": "s.status",
                "body_sha256": "md5(s.log_id::text) || md5(s.order_id::text)", "received_at": "s.at",
                "processed_at": "s.at + interval '8 milliseconds'", "claim_token": "NULL", "next_attempt_at": "NULL",
            },
        )  # fmt: skip
        self._insert(
            "webhook_bodies",
            f"steps s {pattern.replace(' t ON', ' l ON')} JOIN webhook_bodies t ON t.log_id = l.id"
            " WHERE s.at > %(now)s::timestamptz - interval '30 days'",
            {"log_id": "s.log_id", "body": "CASE WHEN s.step = 0 THEN t.body ELSE substr(t.body, 1, 400) END"},
            {"now": self.now},
        )
