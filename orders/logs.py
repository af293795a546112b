"""Log lines: JSON or text, with the request's id, and with nothing in them that is secret or somebody's own."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

request_id_var: ContextVar[str] = ContextVar("request_id", default="")
"""The request that this is about; also where a worker does later what it asked for. ``""``: none."""


@contextmanager
def following(request_id: str) -> Iterator[None]:
    """Write a request's id into each line of the block; ``""`` changes nothing."""
    token = request_id_var.set(request_id or request_id_var.get())
    try:
        yield
    finally:
        request_id_var.reset(token)


_SECRETS = re.compile(
    r"(?i)(authorization|bearer|token|secret|password|api[_-]?key|signature|hmac)([\"']?\s*[:=]\s*[\"']?|\s+)"
    r"((?:bearer|basic|token|digest)\s+)?([^\s\"',;&]{6,})"
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PHONE = re.compile(r"(?<![\w.-])\+\d[\d ]{7,16}\d(?![\w-])")


def redact(text: str) -> str:
    """Return a log line without values that look like secrets, e-mail addresses or international phone numbers."""
    text = _SECRETS.sub(r"\1\2\3[redacted]", text)
    return _PHONE.sub("[phone]", _EMAIL.sub("[e-mail]", text))


def one_line(text: str) -> str:
    """Return text with every control character and line separator escaped, so that nobody writes log lines of their own."""
    return _CONTROLS.sub(lambda match: match[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text)


class RedactingFilter(logging.Filter):
    """The last net under every handler: our own lines hold nothing of the kind to begin with."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = str(record.msg)
        record.msg, record.args = one_line(redact(message)), None
        record.request_id = request_id_var.get()
        return True


class TextFormatter(logging.Formatter):
    """A line each; the lines of a traceback are indented, so that none of them can pass for a line of ours."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        line, request_id = super().formatMessage(record), getattr(record, "request_id", "")
        return f"{line} [{request_id}]" if request_id else line

    def formatException(self, ei: Any) -> str:
        lines = redact(super().formatException(ei)).splitlines()
        return "\n".join(f"    {one_line(line)}" for line in lines)


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if getattr(record, "request_id", ""):
            line["requestId"] = record.request_id  # type: ignore[attr-defined]
        if record.exc_info:
            line["traceback"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)
