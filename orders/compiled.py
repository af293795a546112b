"""Queries whose SQL is made once. Django writes a query's SQL anew each time, which costs more than the database needs for it.

For the way of an order alone, where each is asked thousands of times an hour; everywhere else a plain query set is right. The
SQL is Django's own, and so are the instances: a field or an ordering that is added to a model is in it at the next start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.constants import OnConflict
from django.db.models.query import get_related_populators
from django.db.models.signals import post_save, pre_save
from django.db.models.sql import InsertQuery, UpdateQuery

M = TypeVar("M", bound=Model)


def cursor(connection: Any = None) -> Any:
    """Return a cursor; on Postgres one whose statements are read and planned once for each connection, and not each time."""
    connection = connection or connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "postgresql":
        return connection.cursor()
    connection.ensure_connection()
    factory = connection.connection.cursor_factory
    connection.connection.cursor_factory = ServerBindingCursor
    try:
        return connection.cursor()
    finally:
        connection.connection.cursor_factory = factory


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
            asked.execute(plan.sql, _fill(plan.params, values, connection))
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
            asked.execute(sql, _fill(params, values, connection))
            return int(asked.rowcount)

    def _compile(self) -> tuple[str, Sequence[Any]]:
        found = self._write(Params({}))
        query: Any = found.query.chain(UpdateQuery)
        query.add_update_values({name: Param(f"new {name}", _field(found.model, name)) for name in self._fields})
        sql, params = query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
        return sql, params


_inserts: dict[tuple[type[Model], bool], str] = {}


def insert(row: Model, *, unless_taken: bool = False) -> bool:
    """Insert a new row whose key it brings itself, as ``save(force_insert=True)`` does. Raises IntegrityError.

    ``unless_taken`` returns False where a constraint is against it, and does nothing then.
    """
    model = type(row)
    sql = _inserts.get((model, unless_taken))
    if sql is None:
        sql = _inserts[model, unless_taken] = _insert_sql([row], OnConflict.IGNORE if unless_taken else None)
    pre_save.send(model, instance=row, raw=False, using=DEFAULT_DB_ALIAS, update_fields=None)
    connection = connections[DEFAULT_DB_ALIAS]
    with cursor(connection) as asked:
        asked.execute(sql, _values(row, connection))
        if not asked.rowcount:
            return False
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    post_save.send(model, instance=row, created=True, raw=False, using=DEFAULT_DB_ALIAS, update_fields=None)
    return True


def insert_all(rows: list[Any]) -> None:
    """Insert new rows of one model in one statement, as ``bulk_create`` does: without signals. Raises IntegrityError."""
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "postgresql" or len(rows) < SEVERAL:
        if rows:
            type(rows[0])._default_manager.bulk_create(rows)
        return
    model = type(rows[0])
    sql = _inserts_of_several.get(model)
    if sql is None:
        # A list for each column, however many rows there are.
        sql = _inserts_of_several[model] = _insert_sql(rows[:SEVERAL])
    columns = [list(column) for column in zip(*(_values(row, connection) for row in rows), strict=True)]
    with cursor(connection) as asked:
        asked.execute(sql, columns)
    for row in rows:
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def insert_hurried(row: Model, beside: Model) -> bool:
    """Insert a new row and one that refers to it, both or none; return False where a constraint is against the first.

    Their commit does not wait for the disk: a machine that fails within the next second may forget both. For what nobody is
    told of before a later commit, which takes them to the disk as well. On Postgres one statement. Without signals there.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "postgresql":
        with _no_wait(connection), transaction.atomic():
            return insert(row, unless_taken=True) and insert(beside)
    key = type(row), type(beside)
    sql = _inserts_hurried.get(key)
    if sql is None:
        first, second = _insert_sql([row], OnConflict.IGNORE), _insert_sql([beside])
        # Both are Django's own, without a value in them.
        sql = _inserts_hurried[key] = (
            f"WITH hurried AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),"  # noqa: S608
            f" first AS ({first} RETURNING 1) {second.replace(' VALUES (', ' SELECT ').removesuffix(')')} FROM first, hurried"
        )
    values = [_values(each, connection) for each in (row, beside)]
    with cursor(connection) as asked:
        asked.execute(sql, values[0] + values[1])
        if not asked.rowcount:
            return False
    for each in (row, beside):
        each._state.adding, each._state.db = False, DEFAULT_DB_ALIAS
    return True


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


def _insert_sql(rows: list[Any], on_conflict: OnConflict | None = None) -> str:
    query = InsertQuery(type(rows[0]), on_conflict=on_conflict)
    query.insert_values(rows[0]._meta.local_concrete_fields, rows)
    return str(query.get_compiler(DEFAULT_DB_ALIAS).as_sql()[0][0])


def _values(row: Model, connection: Any) -> list[Any]:
    fields = row._meta.local_concrete_fields
    return [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields]


SEVERAL = 2
_inserts_hurried: dict[tuple[type[Model], type[Model]], str] = {}
_inserts_of_several: dict[type[Model], str] = {}
