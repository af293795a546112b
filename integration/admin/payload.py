"""Stored bytes as a person can read them. Nothing here is trusted: the caller escapes what it gets."""

from __future__ import annotations

import json
import re

MAX_DEPTH = 64
MAX_GROWTH = 3_000_000
"""So many characters more than the body: indenting must not turn a nested megabyte into a page of a hundred."""
# A string that never ends takes the rest at once: looking for its end again from every quote would take hours.
_PIECES = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def readable(body: bytes) -> str:
    """Return a body's text: JSON indented with its numbers and repeated keys as sent, anything else as it is.

    Bytes that are not UTF-8, control characters and overrides of the writing direction are shown as escapes.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return _visible(body.decode("utf-8", "backslashreplace"))
    return _visible(_indented(text) or text)


def _indented(text: str) -> str:
    """Return JSON with one member a line, ``""`` for what does not begin as JSON or nests too deep.

    Works on the text and not on parsed values: 15.000 stays 15.000.
    """
    if not text.lstrip().startswith(("{", "[")):
        return ""
    out: list[str] = []
    depth, grown, before = 0, 0, ""
    for match in _PIECES.finditer(text):
        piece = match[0]
        if piece in "}]":
            depth -= 1
        if before == "," or (before and (before in "{[") != (piece in "}]")):
            out.append("\n" + "  " * depth)
            grown += 1 + 2 * depth
        if piece in "{[":
            depth += 1
        if not 0 <= depth <= MAX_DEPTH or grown > MAX_GROWTH:
            return ""
        out.append(": " if piece == ":" else _unescaped(piece))
        before = piece if len(piece) == 1 else "x"
    return "".join(out)


def _unescaped(piece: str) -> str:
    """Return a string literal with its letters in place of ``\\u0627``."""
    if "\\u" not in piece:
        return piece
    try:
        text = json.dumps(json.loads(piece), ensure_ascii=False)
        text.encode()
    except ValueError:
        return piece
    return text


def _visible(text: str) -> str:
    return _CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text.replace("\r\n", "\n"))
