"""A database that is migrated already: most of a server's first start is the migrations, which one test has to see."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "db.sqlite3"


def give(data_dir: Path) -> None:
    """Give a data directory an empty database as a first start leaves it. One that has any keeps it."""
    if not (data_dir / DATABASE).exists():
        with closing(sqlite3.connect(made())) as ours, closing(sqlite3.connect(data_dir / DATABASE)) as theirs:
            ours.backup(theirs)


@functools.cache
def made() -> Path:
    """Return the one that all others are copies of, made once in a run."""
    folder = tempfile.mkdtemp(prefix="migrated-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": folder}
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, env=environment, check=True)
    return Path(folder, DATABASE)
