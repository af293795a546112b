"""What a container asks itself."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys

import pytest
from django.conf import settings

from deploy import healthy

READY = {"code": 200, "checks": {"database": "ok", "worker": "ok", "sweeper": "late"}}


@pytest.fixture
def answers(monkeypatch):
    """Answer by address and path; remember the host that was named."""
    told: dict = {}
    monkeypatch.setenv("APP_BASE_URL", "https://orders.example.com")
    monkeypatch.setenv("WEB_ADDRESS", "172.31.251.11:3001")

    def ask(address, path, host):
        assert host == "orders.example.com"
        found = told[address, path]
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(healthy, "ask", ask)
    return told


def test_web_is_well_while_it_could_commit_an_order(answers):
    answers["127.0.0.1:3001", "/readyz"] = READY
    assert healthy.main(["web"]) == 0
    answers["127.0.0.1:3001", "/readyz"] = {"code": 503}
    assert healthy.fault("web") == "answered 503"


def test_sockets_are_well_while_they_answer(answers):
    answers["127.0.0.1:3003", "/livez"] = {"code": 200}
    assert healthy.main(["sockets"]) == 0


def test_worker_and_sweeper_are_judged_by_their_signs_of_life(answers):
    answers["172.31.251.11:3001", "/readyz"] = READY
    assert (healthy.fault("worker"), healthy.fault("sweeper")) == ("", "its last sign of life: late")
    answers["172.31.251.11:3001", "/readyz"] = {"code": 503}
    assert healthy.fault("worker") == "its last sign of life: unknown"


@pytest.mark.parametrize("error", [ConnectionRefusedError(), ValueError(), http.client.BadStatusLine("")])
def test_who_does_not_answer_is_not_well(answers, error, capsys):
    answers["127.0.0.1:3003", "/livez"] = error
    assert healthy.main(["sockets"]) == 1
    assert capsys.readouterr().err == f"sockets: does not answer ({type(error).__name__})\n"


def test_another_process_is_no_question():
    assert healthy.main(["beat"]) == healthy.main([]) == 2


def test_it_loads_nothing_of_the_program():
    code = "import sys, deploy.healthy; print({'django', 'requests'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, env={"PATH": os.environ["PATH"]},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "set()\n"
