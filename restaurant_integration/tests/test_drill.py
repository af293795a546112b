"""The drill of ``make drill``, once: a backup under load that is restored, and has everything that it has to have."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.conf import settings

on_postgres = pytest.mark.skipif("postgres" not in os.environ.get("DATABASE_URL", ""), reason="needs Postgres")


@pytest.mark.postgres
@on_postgres
def test_a_backup_of_a_busy_database_is_restored_and_goes_on():
    done = subprocess.run(
        [sys.executable, "-m", "deploy.drill", "--seconds", "4"], cwd=settings.BASE_DIR, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lost 0" in done.stdout
    assert "DOES NOT HOLD" not in done.stdout
