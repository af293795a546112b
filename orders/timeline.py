"""The timeline: every event of an order, and the company's numbers by which nobody misses one."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import F
from django.db.models.signals import post_save
from django.utils import timezone

from orders import live
from orders.compiled import cursor, placed
from orders.inserts import insert, insert_all, insert_numbered
from orders.models import CompanySequence, Order, OrderEvent, OrderItem, OrderItemModifier, User
from providers.events import Kind


def lock_order(order_id: uuid.UUID) -> None:
    """Take the order's lock until the end of the transaction, also when there is no row to lock yet.

    SQLite has one writer at a time, so its transaction is the lock already.
    """
    if connection.vendor == "postgresql":
        key = int.from_bytes(order_id.bytes[:8], "big", signed=True)
        with cursor() as asked:
            asked.execute("SELECT pg_advisory_xact_lock($1)", [key])


def next_seq(company_id: uuid.UUID) -> int:
    """Take the company's next event number. Its row stays locked until the commit, so take it as late as possible."""
    pk = CompanySequence._meta.pk.get_db_prep_value(company_id, connection)
    with cursor() as asked:
        asked.execute(
            placed(f"INSERT INTO company_sequences (company_id, last_seq) VALUES (%s, 1) {_ONE_UP}"),  # noqa: S608
            [pk],
        )
        return int(asked.fetchone()[0])


_ONE_UP = "ON CONFLICT (company_id) DO UPDATE SET last_seq = company_sequences.last_seq + 1 RETURNING last_seq"


LEAP = 1_000_000
"""Further than any company comes between two backups: eleven events a second for a whole day."""


def leap_numbers() -> int:
    """Put every company's number far ahead, as a restored backup needs; return how many companies that are.

    Whatever number a screen has seen of the time that is lost, none that is given from now on is the same, and
    ``/api/orders/changes`` answers 410 to it. Safe to call twice.
    """
    return CompanySequence.objects.update(last_seq=F("last_seq") + LEAP)


def last_seq(company_id: uuid.UUID) -> int:
    """Return the company's last event number; 0 before the first event."""
    return CompanySequence.objects.filter(company_id=company_id).values_list("last_seq", flat=True).first() or 0


def write_change(
    order: Order, fields: Iterable[str], changes: dict[str, list[Any]], *, user: User | None, **entry: Any
) -> OrderEvent:
    """Save what somebody changed in an order beside its status, and append that to the timeline; return the entry.

    In the caller's transaction, which holds the order's lock. Without a user the system did it.
    """
    order.updated_at = timezone.now()
    order.seq = next_seq(order.company_id)
    order.save(update_fields=[*fields, "updated_at", "seq"])
    return write_event(
        order,
        seq=order.seq,
        type=Kind.UPDATED.value,
        previous_status=order.status,
        source=OrderEvent.Source.PERSON if user else OrderEvent.Source.SYSTEM,
        user=user,
        changes=changes,
        occurred_at=order.updated_at,
        **entry,
    )


def write_event(order: Order, **fields: Any) -> OrderEvent:
    """Append an entry; one that has a number goes to the sockets after the commit."""
    entry = _entry(order, **fields)
    insert(entry)
    if entry.seq is not None:
        live.announce_order(order, entry)
    return entry


def open_order(order: Order, items: list[OrderItem], options: list[OrderItemModifier], **fields: Any) -> OrderEvent:
    """Write a new order with its lines, their options and its first entry, under the company's next number.

    On Postgres that is one statement. Foreign keys are checked at the commit, so that lines may stand before their order.
    """
    entry = _entry(order, **fields)
    if connection.vendor == "postgresql":
        insert_numbered("seq", _NUMBER, [order.company_id], (order, entry), (items, options))
        post_save.send(OrderEvent, instance=entry, created=True, raw=False, using=DEFAULT_DB_ALIAS, update_fields=None)
    else:
        insert_all(items)
        insert_all(options)
        order.seq = entry.seq = next_seq(order.company_id)
        insert(order)
        insert(entry)
    live.announce_order(order, entry)
    return entry


_NUMBER = f"INSERT INTO company_sequences (company_id, last_seq) SELECT %s, 1 FROM listed {_ONE_UP}"  # noqa: S608


def _entry(order: Order, **fields: Any) -> OrderEvent:
    return OrderEvent(
        company_id=order.company_id,
        order=order,
        status=order.status,
        total=order.total,
        item_count=order.item_count,
        created_at=timezone.now(),
        **fields,
    )
