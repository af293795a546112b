"""What is read from the environment, and that ``.env.example`` tells of all of it."""

from __future__ import annotations

import ast
import os
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from providers.registry import ADAPTERS
from restaurant_integration.environment import secret

NOT_FOR_DEPLOYERS = {"DJANGO_SETTINGS_MODULE", "SERVES_REQUESTS", "PATH"}
"""Set by our own processes for themselves."""


def example() -> dict[str, str]:
    lines = Path(settings.BASE_DIR, ".env.example").read_text().splitlines()
    return dict(match.groups() for line in lines if (match := re.fullmatch(r"#?([A-Z][A-Z0-9_]+)=(.*)", line)))


def names_read() -> Iterator[str]:
    """Yield each name that the settings and the servers read, those made of a provider's slug included."""
    readers = (
        "restaurant_integration/settings.py",
        "restaurant_integration/embedded.py",
        "gunicorn.conf.py",
        "deploy/up.py",
        "deploy/proxy.py",
    )
    for reader in readers:
        tree = ast.parse(Path(settings.BASE_DIR, reader).read_text())
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = ast.unparse(node.func)
            if re.fullmatch(r"env\.\w+|secret|(os\.)?environ\.get", called):
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    yield str(first.value)
                elif isinstance(first, ast.JoinedStr) and not called.endswith("environ.get"):
                    suffix = str(first.values[-1].value)
                    yield from (f"{slug.upper()}{suffix}" for slug in ADAPTERS)


def test_the_example_lists_every_name_and_no_other():
    # The first lines of the example tell of NAME_FILE for every secret.
    read = {name.removesuffix("_FILE") for name in names_read()}
    assert set(example()) == read - NOT_FOR_DEPLOYERS


def test_each_name_of_the_example_has_its_line():
    text = Path(settings.BASE_DIR, ".env.example").read_text()
    for block in re.split(r"\n\s*\n", text):
        named = [line for line in block.splitlines() if re.match(r"#?[A-Z][A-Z0-9_]+=", line)]
        told = [line for line in block.splitlines() if line.startswith("# ")]
        assert not named or told, block


def settings_of(**environment: str) -> SimpleNamespace:
    """Return settings that are read anew, where nothing but this stands in the environment."""
    with mock.patch.dict(os.environ, environment, clear=True):
        return SimpleNamespace(**runpy.run_path(str(Path(settings.BASE_DIR, "restaurant_integration/settings.py"))))


def as_told(value: object) -> str:
    """Return a value as it stands in the environment."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(
    "name",
    [
        "DEBUG", "ROLE", "STAGING", "PORT", "APP_BASE_URL", "NEXARA_BASE_URL", "NEXARA_TIMEOUT", "NEXARA_MAX_RETRIES",
        "WEBHOOK_VALIDATE_SIGNATURE", "WEBHOOK_RATE_LIMIT", "LOG_WEBHOOKS", "LOG_WEBHOOK_FAILURES",
        "WEBHOOK_LOG_RETENTION_DAYS", "PERSONAL_DATA_RETENTION_DAYS", "SANDBOX_ENABLED", "LOG_LEVEL", "LOG_FORMAT",
    ],
)  # fmt: skip
def test_the_example_tells_the_default(name, tmp_path):
    attribute = {"NEXARA_TIMEOUT": "NEXARA_TIMEOUT_MS"}.get(name, name)
    assert as_told(getattr(settings_of(DATA_DIR=str(tmp_path)), attribute)) == example()[name]


def test_the_hub_has_a_port_and_a_directory_of_its_own():
    keys = {"SECRET_KEY": "s" * 50, "CREDENTIAL_ENCRYPTION_KEY": "c" * 50}
    var = Path(settings.BASE_DIR, "var")
    made = [settings_of(**role, **keys) for role in ({"ROLE": "hub"}, {})]
    told = [(each.PORT, each.DATA_DIR, each.SESSION_COOKIE_NAME) for each in made]
    assert told == [(3002, var / "hub", "hub_sessionid"), (3001, var, "sessionid")]


@pytest.mark.parametrize("lacking", ["SECRET_KEY", "CREDENTIAL_ENCRYPTION_KEY"])
def test_a_deployment_makes_no_keys_of_its_own(lacking, tmp_path):
    keys = {"SECRET_KEY": "s" * 50, "CREDENTIAL_ENCRYPTION_KEY": "c" * 50}
    del keys[lacking]
    with pytest.raises(ImproperlyConfigured, match=f"Set {lacking}"):
        settings_of(DATABASE_URL="postgres://u@127.0.0.1/x", DATA_DIR=str(tmp_path), **keys)


def test_a_password_of_its_own_stands_in_the_database_url(tmp_path):
    keys = {"SECRET_KEY": "s" * 50, "CREDENTIAL_ENCRYPTION_KEY": "c" * 50, "DATA_DIR": str(tmp_path)}
    (tmp_path / "password").write_text("a/b@c:d\n")
    url = "postgres://app@db:5432/orders"
    told = {"DATABASE_PASSWORD_FILE": str(tmp_path / "password")}
    made = (
        settings_of(DATABASE_URL=url, **keys, **told),
        settings_of(DATABASE_URL=url.replace("app@", "app:own@"), **keys),
    )
    assert [each.DATABASES["default"]["PASSWORD"] for each in made] == ["a/b@c:d", "own"]


def test_unchecked_signatures_need_debug(tmp_path):
    with pytest.raises(ImproperlyConfigured, match="WEBHOOK_VALIDATE_SIGNATURE"):
        settings_of(WEBHOOK_VALIDATE_SIGNATURE="false", DATA_DIR=str(tmp_path))
    made = settings_of(WEBHOOK_VALIDATE_SIGNATURE="false", DEBUG="true", DATA_DIR=str(tmp_path))
    assert made.WEBHOOK_VALIDATE_SIGNATURE is False


def test_a_secret_is_read_from_a_file(tmp_path, monkeypatch):
    (tmp_path / "key").write_text("from a file\n")
    monkeypatch.setenv("A_SECRET_FILE", str(tmp_path / "key"))
    assert secret("A_SECRET") == "from a file"


def test_a_secret_in_both_places_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("A_SECRET_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("A_SECRET", "here")
    with pytest.raises(ImproperlyConfigured, match="not both"):
        secret("A_SECRET")


def test_a_secret_file_that_is_not_there_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("A_SECRET_FILE", str(tmp_path / "key"))
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        secret("A_SECRET")
