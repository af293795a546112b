"""Strict JSON: what a lenient reader would let pass is a fault here, and nothing a body holds can hurt the reading."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

MAX_DEPTH = 64
BOTTOMLESS = 400
"""Levels that are not even read: nobody's order has them, and the parser would use up the stack."""
MAX_VALUES = 50_000
"""Values in one payload, whatever they are; the largest real order has a few thousand."""
ENVELOPE_VALUES = 100
"""What the hub's envelope adds to a payload, at most: one that a provider may send is not too large in it."""
MAX_FAULTS = 50
"""Faults told of one payload; a person mends the first and looks again."""
ROOT = "body"

FORBIDDEN = re.compile("[\x00\ud800-\udfff]")
"""NUL and lone surrogates: no database takes them as text."""


class Constant(NamedTuple):
    """NaN or an infinity, which JSON does not have, or a number beyond what Decimal holds."""

    name: str


_MARKS = (b"{", b"[", b",", b"NaN", b"Infinity")
"""What there is at least one of for each value but the first. The slow ones to read count twice."""
_NESTING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
"""A text, or a bracket outside of texts. A text that does not end goes to the end, so that each character is seen once."""
_CONSTANTS = {name: Constant(name) for name in ("NaN", "Infinity", "-Infinity")}


class _Repeating(dict[str, Any]):
    """An object that names a key twice."""

    repeated: str


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) == len(pairs):
        return result
    seen: set[str] = set()
    repeating = _Repeating(result)
    repeating.repeated = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return repeating


def clean(text: str, max_length: int) -> str:
    """Return ``text`` as a database can hold it: NUL and lone surrogates become U+FFFD, what is too long is cut."""
    return FORBIDDEN.sub("\ufffd", text)[:max_length].strip()


def shown(value: object) -> str:
    """Return a short form of a JSON value for a message."""
    if isinstance(value, str):
        text = json.dumps(value if len(value) <= 40 else value[:40] + "…", ensure_ascii=False)
        return clean(text, 60)
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, Constant):
        return value.name
    return str(value)[:40]


def load_json(body: bytes, max_values: int = MAX_VALUES) -> tuple[Any, dict[str, str]]:
    """Read JSON strictly; return the document and its faults by path.

    Faults that leave a document standing (a key twice, NaN, too deep) are noted and the document is returned, so that
    its order can still be named. Where none can be read the document is None.
    """
    if sum(body.count(mark) for mark in _MARKS) > max_values:
        # Before anything is built of them: a small body of nothing but brackets costs a hundred times its size, and whoever
        # sends a mebibyte of numbers has not proved anything yet.
        return None, {ROOT: f"expected at most {max_values} values"}
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return None, {ROOT: f"expected UTF-8, got an invalid byte at position {error.start}"}
    if _nests_deeper(text, BOTTOMLESS):
        return None, {ROOT: f"expected at most {MAX_DEPTH} levels of nesting"}
    try:
        document = json.loads(
            text,
            parse_float=_decimal,
            parse_constant=_CONSTANTS.__getitem__,
            object_pairs_hook=_object,
            parse_int=_integer,
        )
    except json.JSONDecodeError as error:
        return None, {ROOT: f"expected JSON, {error.msg} at line {error.lineno} column {error.colno}"}
    faults: dict[str, str] = {}
    _survey(document, "", 1, faults)
    return document, faults


def _nests_deeper(text: str, levels: int) -> bool:
    """Tell whether brackets stand in each other more than so many levels deep.

    Found out before anything is parsed: whatever happens to run at the bottom of a full stack, a destructor for one, fails.
    """
    if text.count("[") + text.count("{") <= levels:
        return False
    depth = 0
    for found in _NESTING.finditer(text):
        mark = text[found.start()]
        if mark in "[{":
            depth += 1
            if depth > levels:
                return True
        elif mark in "]}":
            depth -= 1
    return False


def _integer(text: str) -> int | Decimal:
    """Read an integer; one too long for ``int`` to read quickly stays a Decimal."""
    return int(text) if len(text) <= 40 else Decimal(text)


def _decimal(text: str) -> Decimal | Constant:
    """Read a number with a fraction or an exponent; an exponent that no Decimal has is no number to us."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Constant(text[:40])


def _survey(value: Any, path: str, depth: int, faults: dict[str, str]) -> None:
    """Note what we do not take. What lies too deep is cut off, so that no reader can run out of stack on it."""
    if isinstance(value, Constant):
        if len(faults) < MAX_FAULTS:
            faults[path or ROOT] = f"expected a number, got {value.name}"
        return
    if isinstance(value, _Repeating):
        faults[join_path(path, value.repeated)] = "expected each key once, got it twice"
    if isinstance(value, dict):
        children = [(key, child) for key, child in value.items() if _nests(child)]
    elif isinstance(value, list):
        children = [(index, child) for index, child in enumerate(value) if _nests(child)]
    else:
        return
    for key, child in children:
        child_path = f"{path}[{key}]" if isinstance(value, list) else join_path(path, key)
        if depth == MAX_DEPTH and not isinstance(child, Constant):
            faults[ROOT] = f"expected at most {MAX_DEPTH} levels of nesting"
            value[key] = [] if isinstance(child, list) else {}
        else:
            _survey(child, child_path, depth + 1, faults)


def _nests(value: Any) -> bool:
    return isinstance(value, (dict, list, Constant))


def join_path(path: str, key: str) -> str:
    """Return the path of a key below a path; a long or unprintable key is cut and cleaned."""
    key = clean(key, 64)
    return f"{path}.{key}" if path else key
