"""The tables of codes in the documents are those of the program."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from django.conf import settings

from integration.alert_centre import cause_choices
from orders.errors import _CODES

ROOT = Path(settings.BASE_DIR)
PACKAGES = ("orders", "integration", "restaurant_integration", "providers")
IN_ANSWERS_OF_WEBHOOKS = {"delivery_conflict", "invalid_payload", "processing_failed"}
"""What ``answers.py`` takes from the row of a delivery."""


@cache
def sources() -> str:
    """Return our modules; the sandbox speaks with the codes of others, and tests with all of them."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    left_out = {"tests", "tests.py", "test_calls.py", "migrations", "sandbox"}
    return "\n".join(path.read_text() for path in paths if not left_out & set(path.relative_to(ROOT).parts))


def texts_of(functions: str, place: int) -> set[str]:
    """Return the codes that stand written out as this argument, 0 or 1, of calls of these functions."""
    before = r"[\w.]+,\s*" * place
    return set(re.findall(rf'\b(?:{functions})\(\s*{before}"([a-z_]+)"', sources()))


def first_cells(page: str, heading: str) -> set[str]:
    """Return every code in the first column of the table below a heading."""
    part = re.split(rf"^#+ {re.escape(heading)}$", (ROOT / page).read_text(), flags=re.MULTILINE)[1]
    rows = [line for line in re.split(r"^#", part, flags=re.MULTILINE)[0].splitlines() if line.startswith("| `")]
    return {code for row in rows for code in re.findall(r"`([^`]+)`", row.split("|")[1])}


def test_the_table_of_error_codes_is_that_of_the_program():
    made = texts_of("_?failure", 0) | texts_of("ApiError|Refused", 1)
    made |= {code for code, _ in _CODES.values()} | IN_ANSWERS_OF_WEBHOOKS
    made |= set(re.findall(r'"error": "(\w+)"', (ROOT / "deploy/nginx/nginx.conf.template").read_text()))
    assert len(made) > 25
    assert first_cells("docs/api.md", "Error codes") == made


def test_the_table_of_refusals_is_that_of_the_program():
    told = first_cells("docs/providers/index.md", "When it does not work: they send, and we refuse")
    # Those of one condition expression, of which the second stands behind an else.
    raised = texts_of("SignatureError", 0) | {"malformed_timestamp", "no_api_key"}
    assert told == raised


def test_why_a_call_fails_stands_in_the_table():
    told = first_cells("docs/providers/index.md", "When it does not work: we answer, and they do not take it")
    made = texts_of("SendError", 0) | texts_of("Result", 1)
    # A fault of ours; of the hub's forwards; of registering with the hub and of its figures.
    ours = {"internal_error", "body_gone", "no_key", "refused", "unreadable"}
    assert len(made) > 12
    assert made - ours - told == set()


def test_each_cause_of_an_alert_has_its_runbook_and_each_runbook_its_cause():
    runbooks = re.findall(r"^### (\w+)$", (ROOT / "docs/runbooks.md").read_text(), re.MULTILINE)
    assert sorted(runbooks) == sorted(code for code, _ in cause_choices())


def test_each_cause_that_is_raised_has_words():
    raised = texts_of("raise_alert", 1)
    assert len(raised) > 5
    assert raised - {code for code, _ in cause_choices()} == set()
