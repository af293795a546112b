"""What a killed supervisor left behind is found by what it is, not by its name, and stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from deploy import orphans, up

SLEEP = "import signal, sys, time; {} print('ready', flush=True); time.sleep(60)"
pytestmark = pytest.mark.skipif(not orphans.PROC.exists(), reason="this system has no /proc")


@pytest.fixture
def folder(tmp_path):
    """A data directory whose supervisor was killed: its pid file names nobody who runs."""
    (tmp_path / "data").mkdir()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / "data" / "supervisord.pid").write_text(f"{ended.pid}\n")
    return tmp_path / "data"


@pytest.fixture
def start(folder, tmp_path):
    """Start a process as the supervisor of a data directory would; all end with the test."""
    started = []

    def start_one(before="", *arguments, of=folder, cwd=tmp_path):
        environ = os.environ | {"SUPERVISOR_SERVER_URL": orphans.socket_of(of)}
        command = [sys.executable, "-c", SLEEP.format(before), *arguments]
        process = subprocess.Popen(command, env=environ, cwd=cwd, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start_one
    for process in started:
        process.kill()
        process.communicate()


def test_only_what_names_the_supervisor_and_works_here_is_left_behind(folder, start, tmp_path):
    ours = start()
    start(of=tmp_path / "another")
    start(cwd="/")
    assert orphans.left_behind(folder, tmp_path) == [ours.pid]


def test_without_a_killed_supervisor_nothing_is_left_behind(folder, start, tmp_path):
    start()
    (folder / "supervisord.pid").unlink()
    assert orphans.left_behind(folder, tmp_path) == []


def test_what_was_left_behind_ends_at_a_word_or_by_force(folder, start, tmp_path):
    polite, deaf = start(), start("signal.signal(signal.SIGTERM, signal.SIG_IGN);")
    assert orphans.stop(folder, tmp_path, within_s=0.5) == 2
    assert [polite.wait(10), deaf.wait(10)] == [-signal.SIGTERM, -signal.SIGKILL]


def test_a_supervisor_that_runs_keeps_its_processes_and_a_second_start_is_refused(folder, start, tmp_path):
    supervisor = start("", str(folder / "supervisord.conf"), of=tmp_path / "none", cwd="/")
    (folder / "supervisord.pid").write_text(f"{supervisor.pid}\n")
    child = start()
    with pytest.raises(up.StartError, match=f"stop process {supervisor.pid} first"):
        up.clear_the_way(folder)
    assert orphans.stop(folder, tmp_path, within_s=0.1) == 0
    assert child.poll() is None


def test_a_number_that_is_somebody_elses_by_now_is_no_supervisor(folder):
    (folder / "supervisord.pid").write_text(f"{os.getpid()}\n")
    assert orphans.running_supervisor(folder) is None
