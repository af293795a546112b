"""The table of security requirements names tests that are there."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

TABLE = settings.BASE_DIR / "docs" / "security.md"
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)::(test_\w+)`", TABLE.read_text(encoding="utf-8"))))


def test_the_table_names_tests():
    assert len(NAMED) > 40


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_named_test_is_there(path, name):
    assert re.search(rf"^(async )?def {name}\(", (settings.BASE_DIR / path).read_text(encoding="utf-8"), re.MULTILINE)


def test_what_is_met_names_a_test():
    rows = [line.split("|") for line in TABLE.read_text(encoding="utf-8").splitlines() if re.match(r"\| \d", line)]
    assert [row[1].strip() for row in rows if row[2].strip() == "met" and "::test_" not in row[4]] == []
