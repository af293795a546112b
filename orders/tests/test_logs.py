"""Log lines: nobody writes one of their own, and none holds a secret."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from orders.logs import JsonFormatter, RedactingFilter, TextFormatter, one_line

FORMATS = {
    "text": TextFormatter(fmt="%(asctime)s %(levelname)-7s %(name)s %(message)s"),
    "json": JsonFormatter(),
}
BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]
FORGED = "2026-01-01 00:00:00,000 INFO    orders everything is fine"


def line_of(formatter: logging.Formatter, message: str, *args: object, error: BaseException | None = None) -> str:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("orders", logging.WARNING, __file__, 1, message, args, info)
    RedactingFilter().filter(record)
    return formatter.format(record)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("line_break", BREAKS, ids=ascii)
def test_a_break_in_what_somebody_sent_makes_no_line(name, line_break):
    line = line_of(FORMATS[name], "No such path: %s", f"/x{line_break}{FORGED}")
    assert len(line.splitlines()) == 1
    assert "everything is fine" in line


def test_a_terminal_is_told_nothing():
    assert one_line("a\x1b[2Jb\x00\x9bc") == "a\\x1b[2Jb\\x00\\x9bc"


def test_other_letters_stay_as_they_are():
    assert one_line("طلب جديد ✓ é") == "طلب جديد ✓ é"


def test_a_lone_surrogate_can_be_written():
    assert one_line("a\ud800b").encode() == b"a\\ud800b"


def failed(text: str) -> Exception:
    try:
        raise ValueError(text)
    except ValueError:
        return sys.exc_info()[1]


@pytest.mark.parametrize("line_break", BREAKS, ids=ascii)
def test_a_break_in_an_error_makes_no_line_of_ours(line_break):
    line = line_of(FORMATS["text"], "It failed", error=failed(f"x{line_break}{FORGED}"))
    first, *rest = line.splitlines()
    assert first.endswith("WARNING orders It failed")
    assert rest
    assert all(part.startswith("    ") for part in rest)


def test_an_error_in_json_is_one_line():
    line = line_of(FORMATS["json"], "It failed", error=failed(f"x\n{FORGED}"))
    assert len(line.splitlines()) == 1
    assert json.loads(line)["message"] == "It failed"


@pytest.mark.parametrize("name", FORMATS)
def test_an_error_quotes_no_secret(name):
    line = line_of(FORMATS[name], "It failed", error=failed("Authorization: Bearer abcdef123456 of lina@example.com"))
    assert "abcdef123456" not in line
    assert "lina@example.com" not in line
