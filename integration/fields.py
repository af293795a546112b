"""The encrypted field, with a hole of its library closed."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import FieldError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case
from django.db.models.functions import Cast
from fernet_fields import EncryptedTextField


class EncryptedJSONField(EncryptedTextField):
    """A JSON document, encrypted as one text. The first of the configured keys encrypts, each of them decrypts.

    ``bulk_update`` of the library's own field stores the encrypted text of its SQL expression in place of the value, and
    an expression (``Value``, ``F``) would be stored unencrypted: the first is let through as Django builds it, the others
    raise FieldError. See docs/decisions/0002-encrypted-fields.md.
    """

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        if isinstance(value, (Case, Cast)):
            return value
        if hasattr(value, "as_sql"):
            raise FieldError("Expressions are not allowed on encrypted fields.")
        return super().get_db_prep_save(json.dumps(value, ensure_ascii=False), connection)

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper, *args: Any) -> Any:
        text = super().from_db_value(value, expression, connection, *args)
        return None if text is None else json.loads(text)

    def to_python(self, value: Any) -> Any:
        return value
