"""Queries whose SQL is made once. Django writes a query's SQL anew each time, which costs more than the database needs for it.

For the way of an order alone, where each is asked thousands of times an hour; everywhere else a plain query set is right. The
SQL is Django's own, and so are the instances: a field or an ordering that is added to a model is in it at the next start.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.query import get_related_populators
from django.db.models.sql import UpdateQuery
from psycopg import RawCursor

M = TypeVar("M", bound=Model)


class _Cursor(RawCursor[Any]):
    """A cursor for statements whose places are ``$1``, ``$2``: nothing in them is looked for. One for each connection, kept."""

    def close(self) -> None:
        """Stay open for the connection's next statement."""


def cursor(connection: Any = None) -> Any:
    """Return a cursor; on Postgres one whose statements are read and planned once for each connection, and not each time.

    They want their places as :func:`placed` writes them. What one statement answers is gone with the next.
    """
    connection = connection or connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "postgresql":
        return connection.cursor()
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    own = connection.connection
    kept = getattr(connection, "kept_cursor", None)
    if kept is None or kept.connection is not own:
        factory, own.cursor_factory = own.cursor_factory, _Cursor
        try:
            kept = connection.kept_cursor = connection.create_cursor()
        finally:
            own.cursor_factory = factory
    return connection._prepare_cursor(kept)


@cache
def placed(sql: str) -> str:
    """Return a statement with its places as the database has them: ``%s`` in SQLite, ``$1``, ``$2`` … in Postgres."""
    if connections[DEFAULT_DB_ALIAS].vendor != "postgresql":
        return sql
    number = itertools.count(1)
    return re.sub("%[s%]", lambda found: f"${next(number)}" if found[0] == "%s" else "%", sql)


class Param(Expression):
    """A place for a value that is given when the query runs. ``at`` is its place where the value is a list."""

    def __init__(self, name: str, field: Field[Any, Any], at: int | None = None) -> None:
        super().__init__(output_field=field)
        self.name, self.at = name, at

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, Any]:
        return "%s", [self]

    def value(self, values: dict[str, Any], connection: Any) -> Any:
        value = values[self.name] if self.at is None else values[self.name][self.at]
        return self.output_field.get_db_prep_save(value, connection)


def _fill(params: Sequence[Any], values: dict[str, Any], connection: Any) -> list[Any]:
    return [each.value(values, connection) if isinstance(each, Param) else each for each in params]


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    found = model._meta.get_field(name)
    assert isinstance(found, Field)
    return found


class Params:
    """Makes places for values, by name; a list has as many as it has values."""

    def __init__(self, lengths: dict[str, int]) -> None:
        self._lengths = lengths

    def one(self, name: str, model: type[Model], field: str) -> Param:
        return Param(name, _field(model, field))

    def many(self, name: str, model: type[Model], field: str) -> list[Param]:
        return [Param(name, _field(model, field), at) for at in range(self._lengths[name])]


@dataclass(frozen=True, slots=True)
class _Plan(Generic[M]):
    """A query's SQL, and how a row of its answer becomes an instance."""

    sql: str
    params: Sequence[Any]
    model: type[M]
    names: list[str]
    columns: slice
    converters: list[tuple[int, list[Any], Any]]
    populators: list[Any]

    def build(self, row: Sequence[Any], connection: Any) -> M:
        if self.converters:
            row = list(row)
            for at, converters, expression in self.converters:
                for convert in converters:
                    row[at] = convert(row[at], expression, connection)
        instance = self.model.from_db(DEFAULT_DB_ALIAS, self.names, row[self.columns])
        for populator in self.populators:
            populator.populate(row, instance)
        return instance


class Select(Generic[M]):
    """A query set of whole instances (``select_related``, order and limit included) with places for values.

    No place may be given None: nothing equals it. A list is filled up to a power of two with its last value, so that there
    are few forms of the query; an empty one finds nothing, without a query.
    """

    def __init__(self, write: Callable[[Params], QuerySet[M]]) -> None:
        self._write = write
        self._plans: dict[tuple[int, ...], _Plan[M]] = {}

    def all(self, **values: Any) -> list[M]:
        """Return the instances; values are those that a field takes, a related object by its key."""
        lists = {name: list(value) for name, value in values.items() if isinstance(value, list | tuple | set)}
        if not all(lists.values()):
            return []
        for name, value in lists.items():
            values[name] = value + value[-1:] * ((1 << (len(value) - 1).bit_length()) - len(value))
        key = tuple(len(values[name]) for name in lists)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._compile({name: len(values[name]) for name in lists})
        connection = connections[DEFAULT_DB_ALIAS]
        with cursor(connection) as asked:
            asked.execute(placed(plan.sql), _fill(plan.params, values, connection))
            rows = asked.fetchall()
        return [plan.build(row, connection) for row in rows]

    def first(self, **values: Any) -> M | None:
        """Return the only instance, or the first by the query's own order; None where there is none."""
        found = self.all(**values)
        return found[0] if found else None

    def _compile(self, lengths: dict[str, int]) -> _Plan[M]:
        compiler = self._write(Params(lengths)).query.get_compiler(DEFAULT_DB_ALIAS)
        sql, params = compiler.as_sql()
        info, select = compiler.klass_info, compiler.select
        fields = info["select_fields"]
        columns = slice(fields[0], fields[-1] + 1)
        converters = compiler.get_converters([each[0] for each in select])
        return _Plan(
            sql,
            params,
            info["model"],
            [each[0].target.attname for each in select[columns]],
            columns,
            [(at, *found) for at, found in converters.items()],
            get_related_populators(info, select, DEFAULT_DB_ALIAS),  # type: ignore[call-arg]  # the stubs are of a later Django
        )


class Update(Generic[M]):
    """An update of rows that a query set finds: the same fields, each time."""

    def __init__(self, fields: Sequence[str], write: Callable[[Params], QuerySet[M]]) -> None:
        self._fields, self._write = fields, write
        self._plan: tuple[str, Sequence[Any]] | None = None

    def run(self, row: M, **values: Any) -> int:
        """Write the fields as ``row`` has them; ``values`` are for the query set. Return how many rows were found."""
        sql, params = self._plan = self._plan or self._compile()
        values |= {f"new {name}": getattr(row, name) for name in self._fields}
        connection = connections[DEFAULT_DB_ALIAS]
        with cursor(connection) as asked:
            asked.execute(placed(sql), _fill(params, values, connection))
            return int(asked.rowcount)

    def _compile(self) -> tuple[str, Sequence[Any]]:
        found = self._write(Params({}))
        query: Any = found.query.chain(UpdateQuery)
        query.add_update_values({name: Param(f"new {name}", _field(found.model, name)) for name in self._fields})
        sql, params = query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
        return sql, params
