"""Counting: in several processes, on a disk that is full, and never at the cost of whoever counts."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys

import pytest

from orders import metrics

COUNTING = """
import os, sys
from orders import metrics
count = metrics.Count("integration_things", "Things.", ("kind",))
level = metrics.Level("integration_open", "Open.")
timing = metrics.Timing("integration_seconds", "Time.")
count.add("a", by=2); level.put(3); timing.took(0.02)
if os.fork() == 0:
    count.add("a"); level.put(4); timing.took(7)
    os._exit(0)
os.wait()
from prometheus_client import generate_latest
sys.stdout.write(generate_latest(metrics.everything()).decode())
"""


def told_by(script: str, folder) -> dict[str, float]:
    """Run a script in processes of its own that share a folder; return what its metrics say."""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60,
        env={**os.environ, metrics.DIRECTORY: str(folder)},
    )  # fmt: skip
    lines = [line.rpartition(" ") for line in done.stdout.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_several_processes_are_told_as_one(tmp_path):
    told = told_by(COUNTING, tmp_path)
    assert told['integration_things_total{kind="a"}'] == 3
    assert told["integration_seconds_count"] == 2
    assert told["integration_seconds_sum"] == pytest.approx(7.02)


def test_what_a_process_that_is_gone_had_open_is_open_no_more(tmp_path):
    assert told_by(COUNTING, tmp_path)["integration_open"] == 3
    left = [path.name for path in tmp_path.glob("gauge_livesum_*.db")]
    assert len(left) == 1, "that of the process that asked, which lived then"


def test_what_a_dead_process_has_counted_still_counts(tmp_path):
    told_by(COUNTING, tmp_path)
    assert told_by(COUNTING, tmp_path)['integration_things_total{kind="a"}'] == 6


def test_a_folder_that_cannot_be_made_leaves_each_process_its_own(tmp_path):
    (tmp_path / "taken").write_text("")
    assert told_by(COUNTING, tmp_path / "taken")['integration_things_total{kind="a"}'] == 2


def test_every_byte_of_a_file_is_there_before_it_is_written(tmp_path):
    files = metrics._Files(tmp_path)
    name = files.name()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{kind}_{name}.db" for kind in metrics.KINDS)
    assert {path.stat().st_blocks * 512 >= metrics.RESERVED for path in tmp_path.iterdir()} == {True}


def test_a_full_disk_is_asked_again_only_after_a_while(tmp_path, monkeypatch):
    asked = []

    def full(*args):
        asked.append(args)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(metrics.os, "posix_fallocate", full)
    files = metrics._Files(tmp_path)
    for _ in range(3):
        with pytest.raises(OSError, match=r"space|room"):
            files.name()
    assert len(asked) == 1


@pytest.mark.parametrize("break_it", ["count", "time", "level"])
def test_a_metric_that_fails_harms_nobody_and_says_so_once(break_it, monkeypatch, caplog):
    monkeypatch.setattr(metrics._Quiet, "_silent_until", 0.0)
    caplog.set_level(logging.WARNING, "orders.metrics")

    class Broken:
        def __getattr__(self, name):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(metrics.HINTS_DROPPED, "metric", Broken())
    monkeypatch.setattr(metrics.FRAME_DELAY, "metric", Broken())
    monkeypatch.setattr(metrics.SOCKETS, "metric", Broken())
    act = {
        "count": lambda: metrics.HINTS_DROPPED.add(),
        "time": lambda: metrics.FRAME_DELAY.took(1.0),
        "level": lambda: metrics.SOCKETS.put(1),
    }[break_it]
    act()
    act()
    assert [record.getMessage() for record in caplog.records] == ["Something was not counted: OSError"]


def test_a_clock_that_went_back_counts_as_no_time():
    before = metrics.REGISTRY.get_sample_value("integration_socket_frame_seconds_sum")
    metrics.FRAME_DELAY.took(-5.0)
    assert metrics.REGISTRY.get_sample_value("integration_socket_frame_seconds_sum") == before
