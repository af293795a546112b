"""Encrypting what is stored anew with the first of the configured keys, while everything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.conf import settings
from django.db import connection, models
from fernet_fields import EncryptedField
from fernet_fields.hkdf import derive_fernet_key

from orders.audit import record_act

BATCH = 200
TRIES = 5
"""How often a row is read again that somebody changes in this moment."""


@dataclass
class Rotation:
    """How far it went. ``unreadable`` names rows that none of the keys opens; they are left as they are."""

    total: int = 0
    current: int = 0
    rotated: int = 0
    busy: int = 0
    """Rows that somebody changed each time we looked: another run takes them."""
    unreadable: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        return not self.unreadable and not self.busy


def encrypted_columns() -> Iterator[tuple[type[models.Model], str]]:
    """Return every column of the installation that is encrypted: a new one is rotated without being named here."""
    for model in apps.get_models():
        for column in model._meta.local_concrete_fields:
            if isinstance(column, EncryptedField):
                yield model, column.column


def rotate_keys(*, dry_run: bool = False, progress: Callable[[Rotation], None] | None = None) -> Rotation:
    """Encrypt every secret with the first key that is not yet; a dry run only counts. Safe to call twice, and to break off.

    A row is written only where it still holds what was read, so that a credential that is changed meanwhile keeps its
    change. Leaves an entry in the audit trail where it wrote something.
    """
    keys = [Fernet(derive_fernet_key(key)) for key in settings.FERNET_KEYS]
    done = Rotation()
    columns = [_Column(model, column) for model, column in encrypted_columns()]
    done.total = sum(column.count() for column in columns)
    try:
        for column in columns:
            for number, (pk, token) in enumerate(column.rows(), start=1):
                _rotate(column, pk, token, keys, done, dry_run)
                if progress is not None and number % BATCH == 0:
                    progress(done)
    finally:
        if done.rotated and not dry_run:
            details = {"rotated": done.rotated, "unreadable": len(done.unreadable), "keys": len(keys)}
            record_act("encryption_key.rotated", company=None, target="manage.py rotate_keys", details=details)
    return done


def _rotate(column: _Column, pk: Any, token: bytes, keys: list[Fernet], done: Rotation, dry_run: bool) -> None:
    for _ in range(TRIES):
        if _opens(keys[0], token):
            done.current += 1
            return
        try:
            plain = MultiFernet(keys).decrypt(token)
        except InvalidToken:
            done.unreadable.append(f"{column.table} {pk}")
            return
        if dry_run or column.replace(pk, token, keys[0].encrypt(plain)):
            done.rotated += 1
            return
        found = column.read(pk)
        if found is None:  # deleted meanwhile
            return
        token = found
    done.busy += 1


def _opens(key: Fernet, token: bytes) -> bool:
    try:
        key.decrypt(token)
    except InvalidToken:
        return False
    return True


class _Column:
    """An encrypted column as its table holds it: the ORM would decrypt it."""

    def __init__(self, model: type[models.Model], column: str) -> None:
        quote = connection.ops.quote_name
        self.table = model._meta.db_table
        self._from, self._column = quote(self.table), quote(column)
        self._pk = quote(str(model._meta.pk.column))

    def count(self) -> int:
        return int(self._ask(f"SELECT COUNT(*) FROM {self._from} WHERE {self._column} IS NOT NULL")[0][0])  # noqa: S608

    def rows(self) -> Iterator[tuple[Any, bytes]]:
        """Return primary key and encrypted bytes, in batches, so that no transaction and no cursor stays open."""
        last: Any = None
        while True:
            after, values = (f"AND {self._pk} > %s", [last]) if last is not None else ("", [])
            batch = self._ask(
                f"SELECT {self._pk}, {self._column} FROM {self._from} WHERE {self._column} IS NOT NULL {after} "  # noqa: S608
                f"ORDER BY {self._pk} LIMIT {BATCH}", values,
            )  # fmt: skip
            for pk, token in batch:
                yield pk, bytes(token)
            if len(batch) < BATCH:
                return
            last = batch[-1][0]

    def read(self, pk: Any) -> bytes | None:
        found = self._ask(f"SELECT {self._column} FROM {self._from} WHERE {self._pk} = %s", [pk])  # noqa: S608
        return bytes(found[0][0]) if found and found[0][0] is not None else None

    def replace(self, pk: Any, old: bytes, new: bytes) -> bool:
        """Write, where the row still holds what was read; return whether it did."""
        binary = connection.Database.Binary  # type: ignore[attr-defined]
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {self._from} SET {self._column} = %s WHERE {self._pk} = %s AND {self._column} = %s",  # noqa: S608
                [binary(new), pk, binary(old)],
            )
            return bool(cursor.rowcount)

    def _ask(self, sql: str, values: list[Any] | None = None) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(sql, values or [])
            return list(cursor.fetchall())
