"""Django's own look at a deployment, with the settings of production as docs/deploy.md sets them."""

from __future__ import annotations

import os
import subprocess
import sys

from django.conf import settings

PRODUCTION = {
    "APP_BASE_URL": "https://orders.example.com",
    "DATABASE_URL": "postgres://restaurant@127.0.0.1:1/restaurant",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": "s3Cr-" + "abcdefghij" * 5,
    "CREDENTIAL_ENCRYPTION_KEY": "cr3D-" + "abcdefghij" * 5,
    "METRICS_TOKEN": "m3Tr-" + "abcdefghij" * 5,
    "TRUSTED_PROXIES": "127.0.0.1",
}


def check(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"], cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], **PRODUCTION, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_settings_of_production_leave_nothing_to_warn_of(tmp_path):
    done = check(DATA_DIR=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert done.stdout == "System check identified no issues (0 silenced).\n"


def test_plain_http_where_others_reach_it_is_warned_of(tmp_path):
    done = check(DATA_DIR=str(tmp_path), APP_BASE_URL="http://orders.example.com")
    assert done.returncode != 0
    assert "integration.W001" in done.stderr
