"""What failures of one cause have in common: where they happened and how, without the values that differ each time."""

from __future__ import annotations

import hashlib
import re
import traceback
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings
from django.db import Error as DatabaseError

_LENGTH = 16
MAX_MESSAGE = 160
_OURS = ("providers", "orders", "integration", "restaurant_integration")
_INDEX = re.compile(r"\[\d+\]")
_VALUES = (
    (re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}"), "<id>"),
    (re.compile(r"'[^']*'|\"[^\"]*\"|«[^»]*»|“[^”]*”"), "…"),
    (re.compile(r"\b(?=\w*\d)\w{8,}\b"), "<id>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "N"),
)


def describe(error: BaseException) -> dict[str, str]:
    """Return where in the program something failed and its message without values; what is not known is left out.

    The message of a database error quotes values of the payload: its class says what a person needs.
    """
    found = {"place": _place(error)}
    if not isinstance(error, DatabaseError):
        found["message"] = normalised(str(error))
    return {name: text for name, text in found.items() if text}


def of_failure(provider: str, error_type: str, details: Mapping[str, str]) -> str:
    """Return the fingerprint of an exception: provider, type, place and normalised message."""
    return _digest("failure", provider, error_type, details.get("place", ""), details.get("message", ""))


def of_fault(provider: str, code: str, details: Mapping[str, str], kind: str = "") -> str:
    """Return the fingerprint of a payload that cannot be used: the paths of its faults, whichever line they are in."""
    return _digest("fault", provider, code, kind, *fault_paths(details))


def fault_paths(details: Mapping[str, str]) -> list[str]:
    """Return the paths of faults without their indexes, each once: ``items[].quantity``."""
    return sorted({_INDEX.sub("[]", path) for path in details})


def normalised(text: str) -> str:
    """Return the first line of a message without quoted texts, ids and numbers."""
    line = (text.strip().splitlines() or [""])[0]
    for pattern, instead in _VALUES:
        line = pattern.sub(instead, line)
    return " ".join(line.split())[:MAX_MESSAGE]


def _place(error: BaseException) -> str:
    """Return file and function of the innermost frame of ours; no line, which changes with every edit above it."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(settings.BASE_DIR):
            inside = path.relative_to(settings.BASE_DIR)
            if inside.parts[0] in _OURS:
                return f"{inside.as_posix()}:{frame.f_code.co_name}"
    return ""


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:_LENGTH]
