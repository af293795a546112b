"""The environment of a test run, set before the settings are read: pytest loads this first (``-p`` in pyproject.toml)."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

if "DATA_DIR" not in os.environ:
    os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="integration-tests-")
    atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)
os.environ.setdefault("SECRET_KEY", "a key for tests, known to everybody and used nowhere else")
os.environ.setdefault("CREDENTIAL_ENCRYPTION_KEY", "a-credential-key-for-tests-used-nowhere-else")
