"""Inserts whose SQL is made once, for the way of an order: a row, rows of one model, and rows that belong together.

The SQL and the values are Django's own, as in :mod:`orders.compiled`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import (
    BooleanField,
    CharField,
    DateTimeField,
    DecimalField,
    ForeignKey,
    Model,
    TextField,
    UUIDField,
)
from django.db.models.constants import OnConflict
from django.db.models.signals import post_save, pre_save
from django.db.models.sql import InsertQuery

from orders.compiled import cursor, placed


def insert(row: Model, *, unless_taken: bool = False) -> bool:
    """Insert a new row whose key it brings itself, as ``save(force_insert=True)`` does. Raises IntegrityError.

    ``unless_taken`` returns False where a constraint is against it, and does nothing then.
    """
    model, connection = type(row), connections[DEFAULT_DB_ALIAS]
    pre_save.send(model, instance=row, raw=False, using=DEFAULT_DB_ALIAS, update_fields=None)
    with cursor(connection) as asked:
        asked.execute(placed(_insert_sql(model, unless_taken)), _values(row, connection))
        if not asked.rowcount:
            return False
    _are_stored([row])
    post_save.send(model, instance=row, created=True, raw=False, using=DEFAULT_DB_ALIAS, update_fields=None)
    return True


def insert_all(rows: list[Any]) -> None:
    """Insert new rows of one model in one statement, as ``bulk_create`` does: without signals. Raises IntegrityError."""
    connection = connections[DEFAULT_DB_ALIAS]
    if not rows:
        return
    if connection.vendor != "postgresql":
        type(rows[0])._default_manager.bulk_create(rows)
        return
    model: type[Model] = type(rows[0])
    with cursor(connection) as asked:
        asked.execute(placed(_several_sql(model)), _columns(rows, connection))
    _are_stored(rows)


def insert_numbered(
    field: str, number: str, given: Sequence[Any], rows: Sequence[Any], lists: Sequence[list[Any]]
) -> int:
    """Insert ``rows`` of different models under one new number, and lists of rows, in one statement; return the number.

    On Postgres alone; without signals. ``number`` is the statement that makes it, out of a table ``listed`` of one row: it
    is made when the lists are inserted, since it is what others wait for. Each of ``rows`` has it in ``field``.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    filled = [each for each in lists if each]
    sql = _numbered_sql(field, number, tuple(map(type, rows)), tuple(type(each[0]) for each in filled))
    values = [value for each in filled for value in _columns(each, connection)] + list(given)
    for row in rows:
        model: type[Model] = type(row)
        at = _place(model, field)
        own = _values(row, connection)
        values += own[:at] + own[at + 1 :]
    with cursor(connection) as asked:
        asked.execute(placed(sql), values)
        found = int(asked.fetchone()[0])
    for row in rows:
        setattr(row, field, found)
    _are_stored([*rows, *(row for each in filled for row in each)])
    return found


@cache
def _numbered_sql(field: str, number: str, models: tuple[type[Model], ...], lists: tuple[type[Model], ...]) -> str:
    """Write the parts, all of them Django's own, as one statement; Postgres works those that nobody reads at its end."""
    parts = [f"list{at} AS ({_several_sql(model)} RETURNING 1)" for at, model in enumerate(lists)]
    counts = " + ".join(["0", *(f"(SELECT count(*) FROM list{at})" for at in range(len(lists)))])  # noqa: S608
    parts += [f"listed AS MATERIALIZED (SELECT {counts})", f"number AS ({number})"]
    for at, model in enumerate(models):
        pieces = _insert_sql(model).split("%s")
        place = _place(model, field) + 1
        before, after = "%s".join(pieces[:place]), "%s".join(pieces[place:])
        parts.append(f"row{at} AS ({before}(SELECT * FROM number){after})")  # noqa: S608
    return f"WITH {', '.join(parts)} SELECT * FROM number"  # noqa: S608


def insert_pair(row: Model, beside: Model, *, hurried: bool = False) -> bool:
    """Insert a new row and one that refers to it, both or none; return False where a constraint is against the first.

    On Postgres one statement, without signals. ``hurried`` lets their commit not wait for the disk: a machine that fails
    within the next second may forget both. For what nobody is told of before a later commit, which takes them there as well.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "postgresql":
        with _no_wait(connection) if hurried else nullcontext(), transaction.atomic():
            return insert(row, unless_taken=True) and insert(beside)
    sql = _pair_sql(type(row), type(beside), hurried)
    with cursor(connection) as asked:
        asked.execute(placed(sql), _values(row, connection) + _values(beside, connection))
        if not asked.rowcount:
            return False
    _are_stored([row, beside])
    return True


@cache
def _pair_sql(model: type[Model], beside: type[Model], hurried: bool) -> str:
    """Write both inserts, which are Django's own without a value in them, as one statement."""
    first = _insert_sql(model, unless_taken=True)
    second = _insert_sql(beside).replace(" VALUES (", " SELECT ").removesuffix(")")
    setting = "set_config('synchronous_commit', 'off', true)" if hurried else "1"
    return (
        f"WITH setting AS MATERIALIZED (SELECT {setting}),"  # noqa: S608
        f" first AS ({first} RETURNING 1) {second} FROM first, setting"
    )


@contextmanager
def _no_wait(connection: Any) -> Iterator[None]:
    """Let SQLite commit without waiting for the disk; inside of a transaction nothing commits, and it takes no setting."""
    if connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()
    connection.connection.execute("PRAGMA synchronous=NORMAL")
    try:
        yield
    finally:
        connection.connection.execute("PRAGMA synchronous=FULL")


@cache
def _insert_sql(model: type[Model], unless_taken: bool = False) -> str:
    """Return the insert of a row of a model."""
    return _sql([model()], OnConflict.IGNORE if unless_taken else None)


@cache
def _several_sql(model: type[Model]) -> str:
    """Return the insert of rows of a model with a list for each column, however many rows there are."""
    return _sql([model(), model()])


def _sql(rows: list[Any], on_conflict: OnConflict | None = None) -> str:
    query = InsertQuery(type(rows[0]), on_conflict=on_conflict)
    query.insert_values(rows[0]._meta.local_concrete_fields, rows)
    return str(query.get_compiler(DEFAULT_DB_ALIAS).as_sql()[0][0])


def _columns(rows: list[Any], connection: Any) -> list[list[Any]]:
    return [list(column) for column in zip(*(_values(row, connection) for row in rows), strict=True)]


def _values(row: Model, connection: Any) -> list[Any]:
    read, prepared = _reader(type(row), connection.vendor)
    values = list(read(row))
    for at, field in prepared:
        values[at] = field.get_db_prep_save(field.pre_save(row, True), connection)
    return values


@cache
def _reader(model: type[Model], vendor: str) -> tuple[Callable[[Model], tuple[Any, ...]], list[tuple[int, Any]]]:
    """Return what reads a row's values, and the fields that have to prepare theirs: on Postgres most have nothing to do."""
    fields = model._meta.local_concrete_fields
    prepared = [(at, field) for at, field in enumerate(fields) if vendor != "postgresql" or not _is_plain(field)]
    return operator.attrgetter(*(field.attname for field in fields)), prepared


def _is_plain(field: Any) -> bool:
    if isinstance(field, ForeignKey):
        field = field.target_field
    is_stamped = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    return (
        type(field) in (BooleanField, CharField, DateTimeField, DecimalField, TextField, UUIDField) and not is_stamped
    )


@cache
def _place(model: type[Model], field: str) -> int:
    return [each.name for each in model._meta.local_concrete_fields].index(field)


def _are_stored(rows: Sequence[Model]) -> None:
    for row in rows:
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
