"""Each server, started as it is started in production, with settings that it has to refuse."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

GOOD = "k3y-of-a-test-0123456789-abcdefghijk"


def run(code: str, tmp_path, **environ: str) -> subprocess.CompletedProcess:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "VIRTUAL_ENV"}}
    given = {"DATA_DIR": str(tmp_path), "SECRET_KEY": GOOD[::-1], "CREDENTIAL_ENCRYPTION_KEY": GOOD} | environ
    return subprocess.run([sys.executable, "-c", code], env=kept | given, capture_output=True, text=True, timeout=60)


TRY_EACH = """
import importlib
for entry in ("asgi", "wsgi"):
    try:
        importlib.import_module(f"restaurant_integration.{entry}")
    except Exception as refused:
        print(f"{entry} refuses: {refused}")
    else:
        print(f"{entry} starts")
"""


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"SECRET_KEY": "short"}, "SECRET_KEY has fewer than 32 characters."),
        ({"CREDENTIAL_ENCRYPTION_KEY": "short"}, "CREDENTIAL_ENCRYPTION_KEY has fewer than 32 characters."),
        ({"WEBHOOK_VALIDATE_SIGNATURE": "false"}, "WEBHOOK_VALIDATE_SIGNATURE=false is for development"),
    ],
)
def test_a_server_process_refuses_to_start(tmp_path, environ, said):
    lines = run(TRY_EACH, tmp_path, **environ).stdout.splitlines()
    assert [line[: len(said) + 14] for line in lines] == [f"{entry} refuses: {said}" for entry in ("asgi", "wsgi")]


@pytest.mark.parametrize("entry", ["asgi", "wsgi"])
def test_a_server_process_starts_with_good_keys_and_without_the_sandbox(tmp_path, entry):
    code = f"import restaurant_integration.{entry}; from django.conf import settings; print(settings.SANDBOX_ENABLED)"
    done = run(code, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


def test_the_embedded_server_says_in_one_sentence_why_it_does_not_start(tmp_path):
    code = "import sys; from restaurant_integration.embedded import main; sys.exit(main())"
    done = run(code, tmp_path, SECRET_KEY="short", PORT="0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("SECRET_KEY has fewer than 32 characters. Make one of its own:")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "db.sqlite3").exists()
