"""What a command of manage.py does without before it begins: each module here was a part of every start that could be felt."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

from integration.garbage import WHILE_LOADING

NOT_NEEDED = [
    "autobahn", "celery", "daphne.server", "django.test", "drf_spectacular.plumbing", "integration.tasks", "jwt", "kombu",
    "phonenumbers", "rapidfuzz", "redis", "twisted",
]  # fmt: skip
CHECK = """
import atexit, gc, json, runpy, sys
atexit.register(lambda: print(json.dumps([sorted(sys.modules), gc.get_threshold()[0], gc.get_freeze_count()])))
sys.argv = ["manage.py", "check"]
runpy.run_path("manage.py", run_name="__main__")
"""


@pytest.fixture(scope="module")
def command() -> tuple[list[str], int, int]:
    """What ``manage.py check`` had at its very end: modules, the collector's threshold, and what it does not look at."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE", "COV_"))}
    ended = subprocess.run(
        [sys.executable, "-c", CHECK], cwd=settings.BASE_DIR, env=kept, capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    modules, threshold, frozen = json.loads(ended.stdout.splitlines()[-1])
    return modules, threshold, frozen


@pytest.mark.any_database
def test_a_command_loads_nothing_that_it_does_not_need(command):
    modules = command[0]
    assert {"integration.checks", "integration.api_urls", "orders.admin.company"} <= set(modules)
    assert [name for name in NOT_NEEDED if name in modules] == []


@pytest.mark.any_database
def test_a_command_does_not_look_through_the_program_for_garbage(command):
    _, threshold, frozen = command
    assert threshold == WHILE_LOADING
    assert frozen > 50_000
