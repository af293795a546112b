"""What every test starts with: keys of its own, a data directory of its own, and nothing left over from the one before."""

from __future__ import annotations

import os
import tempfile

os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="integration-tests-"))
os.environ.setdefault("SECRET_KEY", "a key for tests, known to everybody and used nowhere else")
os.environ.setdefault("CREDENTIAL_ENCRYPTION_KEY", "a credential key for tests, used nowhere else")

import pytest


@pytest.fixture(autouse=True)
def _fresh_counters():
    from orders.counters import counters

    counters.forget()


def pytest_configure(config):
    from django.conf import settings

    # The real hasher is slow on purpose; here it only costs time.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
