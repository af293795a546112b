"""The units of systemd: those that the pages name, and what the backup's does."""

from __future__ import annotations

import configparser
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
FOLDER = ROOT / "deploy/systemd"
BACKUP = FOLDER / "restaurant-backup.service"
DEPLOY = (ROOT / "docs/deploy.md").read_text()


def test_every_unit_is_copied_by_a_page():
    pages = DEPLOY + (ROOT / "docs/backup.md").read_text()
    units = sorted(path.name for path in FOLDER.iterdir())
    assert units == ["restaurant-backup.service", "restaurant-backup.timer", "restaurant.service"]
    assert [name for name in units if f"/srv/restaurant/app/deploy/systemd/{name}" not in pages] == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_takes_the_units_of_the_backup():
    paths = [str(path) for path in FOLDER.glob("restaurant-backup.*")]
    done = subprocess.run(["systemd-analyze", "verify", *paths], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if "restaurant" in line] == []


def service() -> configparser.SectionProxy:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(BACKUP)
    return unit["Service"]


def values() -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in shlex.split(service()["Environment"]))


def test_what_is_backed_up_is_the_database_that_the_page_makes():
    assert f"CREATE DATABASE {values()['DATABASE']} OWNER" in DEPLOY
    assert service()["ReadWritePaths"] == values()["FOLDER"]


@pytest.fixture
def machine(tmp_path):
    """Programs in place of Postgres's: a dump is a text, and is read where it says that it is whole."""
    for name, text in (("pg_dump", 'echo "$DUMP of $4" > "$3"'), ("pg_restore", 'grep -q whole "$2"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "kept").mkdir()
    return tmp_path


def back_up(machine: Path, dump: str) -> int:
    """Run the unit's own commands, as systemd would; return the exit code of the first that fails."""
    environ = {**values(), "FOLDER": str(machine / "kept"), "PATH": f"{machine}:{os.defpath}", "DUMP": dump}
    for name in ("ExecStart", "ExecStartPost"):
        command = shlex.split(service()[name].replace("$$", "$").replace("%%", "%").replace("\\\\", "\\"))
        if code := subprocess.run(command, env=environ, check=False).returncode:
            return code
    return 0


def test_a_dump_that_can_be_read_gets_its_name(machine):
    assert back_up(machine, "whole") == 0
    (kept,) = (machine / "kept").iterdir()
    assert (kept.suffix, kept.read_text()) == (".dump", "whole of restaurant\n")


def test_a_dump_that_cannot_be_read_is_none(machine):
    assert back_up(machine, "cut") != 0
    assert [path.suffix for path in (machine / "kept").iterdir()] == [".part"]


def test_old_dumps_go_and_others_stay(machine):
    for name, days in (("old.dump", 16), ("old.part", 16), ("young.dump", 13), ("other.txt", 90)):
        path = machine / "kept" / name
        path.touch()
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - days * 86_400))
    assert back_up(machine, "whole") == 0
    left = {path.name for path in (machine / "kept").iterdir()}
    assert {name for name in left if not name.startswith("20")} == {"young.dump", "other.txt"}
