"""Untrusted JSON through a reader that knows its path.

A :class:`Reader` never raises for what a payload says: a fault is noted under its path, a harmless value is returned,
and :meth:`Reader.faults` tells at the end whether the payload is usable. So one pass finds every fault.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from providers.money import Amount, Minor
from providers.strict_json import FORBIDDEN, MAX_FAULTS, ROOT, clean, join_path, load_json, shown

MAX_LINES = 500
MAX_QUANTITY = 9_999
MAX_ID_LENGTH = 512

_PLAIN_DECIMAL = re.compile(r"-?[0-9]{1,11}(\.[0-9]{1,20})?", re.ASCII)
_WHOLE_MINOR = re.compile(r"-?[0-9]{1,14}", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,9}(\.0{1,9})?", re.ASCII)
_EPOCH = re.compile(r"[0-9]{9,13}(\.[0-9]{1,9})?", re.ASCII)


class PayloadError(ValueError):
    """An authentic payload that we cannot use; ``details`` maps each path to its fault.

    ``external_id``, ``order_ref`` and ``kind`` are what could be read all the same: the answer names the order.
    """

    def __init__(
        self, details: Mapping[str, str], *, external_id: str = "", order_ref: str = "", kind: str = ""
    ) -> None:
        self.details = dict(details)
        self.external_id = external_id
        self.order_ref = order_ref
        self.kind = kind
        super().__init__("; ".join(f"{path}: {fault}" for path, fault in self.details.items()))


def _plain(value: Any) -> str:
    """Return a number as its digits: ``str`` gives 0.0000001 an exponent that the payload did not have."""
    if isinstance(value, Decimal) and -20 <= int(value.as_tuple().exponent) < 0:
        return f"{value:f}"
    return str(value)


class Reader:
    """A value of a payload together with its path. ``value`` is None where the payload does not have it."""

    __slots__ = ("_faults", "_warnings", "path", "value")

    def __init__(
        self,
        value: Any,
        path: str = "",
        faults: dict[str, str] | None = None,
        warnings: list[str] | None = None,
    ) -> None:
        self.value = value
        self.path = path
        self._faults = {} if faults is None else faults
        self._warnings = [] if warnings is None else warnings

    @classmethod
    def from_body(cls, body: bytes) -> Reader:
        """Read a request's body. What is not a JSON object is a fault of ``body``, and there is nothing to read then."""
        return cls.from_document(*load_json(body))

    @classmethod
    def from_document(cls, document: Any, faults: Mapping[str, str]) -> Reader:
        """Read a body that :func:`load_json` has read already; several readers may share a document."""
        found = dict(faults)
        if not isinstance(document, dict) and not found:
            found[ROOT] = f"expected a JSON object, got {shown(document)}"
        return cls(document if isinstance(document, dict) else None, "", found)

    # -- walking -----------------------------------------------------------------------------------------------------

    def _child(self, value: Any, path: str) -> Reader:
        return Reader(value, path, self._faults, self._warnings)

    def at(self, dotted: str) -> Reader:
        """Return what stands at a dotted path below; its value is None where any step is missing."""
        value, path = self.value, self.path
        for key in dotted.split("."):
            value = value.get(key) if isinstance(value, dict) else None
            path = join_path(path, key)
        return self._child(value, path)

    def first(self, *paths: str) -> Reader:
        """Return the first of several alternatives that says something (not null, not an empty string)."""
        for path in paths:
            reader = self.at(path)
            if reader:
                return reader
        return self.at(paths[0])

    def named(self, *paths: str) -> bool:
        """Tell whether the payload names any of these paths, be it with null or an empty value."""
        for dotted in paths:
            head, _, key = dotted.rpartition(".")
            parent = self.at(head).value if head else self.value
            if isinstance(parent, dict) and key in parent:
                return True
        return False

    def under(self, outer: Reader, *names: str) -> Reader:
        """Return this object with the named fields of ``outer`` filled in where it lacks them."""
        own = self.value if isinstance(self.value, dict) else {}
        extra = outer.value if isinstance(outer.value, dict) else {}
        lacking = {name: extra[name] for name in names if own.get(name) in (None, "") and name in extra}
        return self._child({**own, **lacking}, self.path) if lacking else self

    def __bool__(self) -> bool:
        """Tell whether there is something: not null, not a blank string."""
        return self.value is not None and not (isinstance(self.value, str) and not self.value.strip())

    def is_object(self) -> bool:
        return isinstance(self.value, dict)

    def items(self) -> Iterator[Reader]:
        """Yield the elements of a list; nothing where there is none. A value that is no list is a fault."""
        if not self:
            return
        if not isinstance(self.value, list):
            self.fault(f"expected a list, got {shown(self.value)}")
            return
        for index, element in enumerate(self.value):
            yield self._child(element, f"{self.path}[{index}]")

    def objects(self) -> Iterator[Reader]:
        """Yield the elements of a list of objects; an element of another type is a fault."""
        for element in self.items():
            if element.is_object():
                yield element
            else:
                element.fault(f"expected an object, got {shown(element.value)}")

    # -- faults ------------------------------------------------------------------------------------------------------

    def fault(self, message: str) -> None:
        """Note that the payload is unusable because of this value; the first fault of a path stands."""
        if len(self._faults) < MAX_FAULTS:
            self._faults.setdefault(self.path or ROOT, message)

    def warn(self, message: str) -> None:
        """Note something that a person should know and that does not make the payload unusable."""
        self._warnings.append(f"{self.path or ROOT}: {message}")

    @property
    def faults(self) -> dict[str, str]:
        return self._faults

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(self._warnings)

    # -- values ------------------------------------------------------------------------------------------------------

    def text(self, max_length: int = 255) -> str:
        """Return a string, or a number as text; ``""`` for anything else. Cleaned and cut to ``max_length``."""
        if isinstance(self.value, str):
            return clean(self.value, max_length)
        if isinstance(self.value, (int, Decimal)) and not isinstance(self.value, bool):
            return str(self.value)[:max_length]
        return ""

    def word(self) -> str:
        """Return a word of the provider's vocabulary in lower case, ``""`` where there is none."""
        return self.text(64).lower()

    def identifier(self) -> str:
        """Return an id, ``""`` where there is none. NUL, a lone surrogate or more than 512 characters is a fault."""
        if isinstance(self.value, str):
            if FORBIDDEN.search(self.value):
                self.fault("expected an id without NUL or lone surrogates")
                return ""
            if len(self.value) > MAX_ID_LENGTH:
                self.fault(f"expected an id of at most {MAX_ID_LENGTH} characters, got {len(self.value)}")
                return ""
            return self.value.strip()
        text = self.text(MAX_ID_LENGTH + 1)
        if len(text) > MAX_ID_LENGTH:
            self.fault(f"expected an id of at most {MAX_ID_LENGTH} characters, got a longer number")
            return ""
        return text

    def required_identifier(self) -> str:
        """Return an id; a missing one is a fault."""
        identifier = self.identifier()
        if not identifier:
            self.fault(f"expected an id, got {shown(self.value)}")
        return identifier

    def amount(self) -> Decimal | None:
        """Return an amount in major units, None where absent or blank. What is not a plain decimal is a fault."""
        if not self:
            return None
        number = isinstance(self.value, (int, Decimal, str)) and not isinstance(self.value, bool)
        if number and _PLAIN_DECIMAL.fullmatch(text := _plain(self.value)):
            return Decimal(text)
        self.fault(f"expected a plain decimal, got {shown(self.value)}")
        return None

    def minor(self, digits: int | None = None) -> Amount | None:
        """Return an amount given as an integer of minor units: major units where ``digits`` is known, else Minor."""
        if not self:
            return None
        number = isinstance(self.value, (int, Decimal, str)) and not isinstance(self.value, bool)
        if number and _WHOLE_MINOR.fullmatch(str(self.value)):
            units = int(str(self.value))
            return Minor(units) if digits is None else Decimal(units).scaleb(-digits)
        self.fault(f"expected a whole number of minor units, got {shown(self.value)}")
        return None

    def quantity(self, default: int | None = None) -> int:
        """Return a whole number from 1 to 9,999; absent is ``default``, or a fault where that is None."""
        if self.value is None and default is not None:
            return default
        number = isinstance(self.value, (int, Decimal, str)) and not isinstance(self.value, bool)
        if number and _WHOLE.fullmatch(str(self.value)):
            quantity = int(Decimal(str(self.value)))
            if 1 <= quantity <= MAX_QUANTITY:
                return quantity
            if quantity > MAX_QUANTITY:
                self.fault(f"expected at most {MAX_QUANTITY}, got {shown(self.value)}")
                return 1
        self.fault(f"expected a positive integer, got {shown(self.value)}")
        return 1

    def time(self) -> datetime | None:
        """Return an aware UTC time from ISO 8601 or Unix seconds (or milliseconds); None where it is not one.

        A time without an offset is read as UTC: every provider that names a zone names ``Z``.
        """
        return parse_time(self.text(64))

    def flag(self) -> bool | None:
        """Return a boolean, also from the words true and false; None for anything else."""
        if isinstance(self.value, bool):
            return self.value
        return {"true": True, "false": False}.get(self.word())

    def coordinate(self, bound: int) -> Decimal | None:
        """Return a latitude (``bound`` 90) or longitude (180) in degrees, None where it is not one."""
        number = self.text(32)
        if not re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{1,20})?", number, re.ASCII):
            return None
        value = Decimal(number)
        return value if abs(value) <= bound else None

    def amount_of(self, names: Iterable[str], digits: int | None, minor: Iterable[str] = ()) -> Amount | None:
        """Return the first named amount. Names that end in ``_cents``, and those in ``minor``, are minor units."""
        for name in names:
            reader = self.at(name)
            if reader:
                return reader.minor(digits) if name.endswith("_cents") or name in minor else reader.amount()
        return None


def parse_time(text: str) -> datetime | None:
    """Return an aware UTC time from ISO 8601 or Unix seconds (or milliseconds); None where ``text`` is neither."""
    try:
        if _EPOCH.fullmatch(text):
            seconds = float(text)
            return datetime.fromtimestamp(seconds / 1000 if seconds >= 1e11 else seconds, UTC)
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if math.isfinite(moment.timestamp()) and moment.year >= 1970 else None
