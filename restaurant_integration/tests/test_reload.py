"""Web's workers are replaced one set after the other: no former one ends before the new ones are ready."""

from __future__ import annotations

import os
import signal

import pytest

from deploy import StartError, reload


class Gunicorn:
    """A master as its signals and children show it: TTIN starts a worker, TTOU ends the oldest."""

    def __init__(self, workers: list[int]) -> None:
        self.workers = list(workers)
        self.heard: list[str] = []
        self.ready: set[int] = set(workers)
        self.loads = True

    def kill(self, pid, number):
        assert pid == 7
        self.heard.append(signal.Signals(number).name)
        if number == signal.SIGTTIN:
            self.workers.append(100 + len(self.workers))
            if self.loads:
                self.ready.add(self.workers[-1])
        else:
            assert len(self.ready & set(self.workers)) > 2, "nobody would answer"
            self.workers.pop(0)


@pytest.fixture
def gunicorn(monkeypatch):
    master = Gunicorn([11, 12])
    monkeypatch.setattr(os, "kill", master.kill)
    monkeypatch.setattr(reload, "children", lambda pid: list(master.workers))
    monkeypatch.setattr(reload, "READY_WITHIN_S", 0.0)
    return master


def test_new_workers_are_ready_before_the_former_ones_end(gunicorn):
    assert reload.replace_workers(7, lambda: gunicorn.ready) == 2
    assert gunicorn.heard == ["SIGTTIN", "SIGTTIN", "SIGTTOU", "SIGTTOU"]
    assert gunicorn.workers == [102, 103]


def test_workers_that_do_not_get_ready_end_no_former_one(gunicorn):
    gunicorn.loads = False
    with pytest.raises(StartError, match="the former ones go on"):
        reload.replace_workers(7, lambda: gunicorn.ready)
    assert gunicorn.heard == ["SIGTTIN", "SIGTTIN"]
    assert gunicorn.workers[:2] == [11, 12]


def test_a_web_that_has_just_started_is_left_alone(gunicorn):
    gunicorn.workers.clear()
    with pytest.raises(StartError, match="no workers yet"):
        reload.replace_workers(7, lambda: gunicorn.ready)
    assert gunicorn.heard == []


def test_nothing_that_runs_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert reload.main() == 1
    assert "Nothing runs with this DATA_DIR" in capsys.readouterr().err
