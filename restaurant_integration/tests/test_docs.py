"""The documentation says what is so."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class

ROOT = Path(settings.BASE_DIR)
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
_FENCED = re.compile(r"```.*?```", re.DOTALL)


def blocks(page: str) -> dict[str, str]:
    """Return the files that a page writes out: a path in backquotes and a colon, then a fenced block."""
    found = re.findall(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    return dict(found)


def test_a_provider_is_added_by_following_the_page(tmp_path):
    page = (ROOT / "docs/adding-a-provider.md").read_text()
    shutil.copytree(ROOT / "providers", tmp_path / "providers", ignore=shutil.ignore_patterns("__pycache__"))
    files = blocks(page)
    assert sorted(Path(name).name for name in files) == [
        "adapter.py", "order_created__basket.json", "samples.py", "tests.py",
    ]  # fmt: skip
    for name, text in {**files, "providers/sufra/__init__.py": ""}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    registry = tmp_path / "providers/registry.py"
    changed = _apply_diff(registry.read_text(), re.search(r"```diff\n(.*?)```", page, re.DOTALL)[1])
    registry.write_text(changed)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:django", "-p", "no:cacheprovider", "-c", os.devnull,
         "--rootdir", str(tmp_path), "providers/sufra/tests.py"],
        cwd=tmp_path, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    listed = subprocess.run(
        [sys.executable, "-c", "from providers.registry import provider_choices; print(provider_choices()[-1])"],
        cwd=tmp_path, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert listed.stdout == "('sufra', 'Sufra')\n"


def _apply_diff(text: str, diff: str) -> str:
    lines = diff.splitlines()
    removed = "\n".join(line[1:] for line in lines if line.startswith("-"))
    first, *rest = [line[1:] for line in lines if line.startswith("+")]
    assert removed in text
    anchor = "from providers.talabat.adapter import TalabatAdapter\n"
    return text.replace(anchor, f"{first}\n{anchor}").replace(removed, "\n".join(rest))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page):
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", _FENCED.sub("", page.read_text()))
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []


OURS = sorted(name for name, app in get_commands().items() if app in {"integration", "orders"})


@pytest.mark.parametrize("name", OURS)
def test_a_command_tells_what_it_does(name):
    command = load_command_class(get_commands()[name], name)
    assert len(command.help) > 40
    options = [action for action in command.create_parser("manage.py", name)._actions if not action.help]
    assert options == []


@pytest.mark.parametrize("name", OURS)
def test_operations_names_each_command(name):
    assert f"`{name}`" in (ROOT / "docs/operations.md").read_text()
