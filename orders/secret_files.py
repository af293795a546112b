"""Secrets that an installation makes for itself and keeps in files of its data directory. Read before the settings are."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def new_secret(size: int = 48) -> str:
    """Return a secret nobody can guess, of ``size`` random bytes in URL-safe characters."""
    return secrets.token_urlsafe(size)


def kept_secret(path: Path, size: int = 48) -> str:
    """Return the secret kept in a file; make it, of ``size`` random bytes and mode 0600, where there is none.

    Safe when two processes start at once: the first to create the file wins, the other reads it.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(new_secret(size))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="utf-8").strip()
