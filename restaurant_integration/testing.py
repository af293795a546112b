"""The environment of a test run, set before the settings are read: pytest loads this first (``-p`` in pyproject.toml)."""

from __future__ import annotations

import os
import tempfile

os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="integration-tests-"))
os.environ.setdefault("SECRET_KEY", "a key for tests, known to everybody and used nowhere else")
os.environ.setdefault("CREDENTIAL_ENCRYPTION_KEY", "a-credential-key-for-tests-used-nowhere-else")
