"""What the documents tell people to type works: the command and each of its options exist, and what is cheap is run."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.urls import resolve

from providers.registry import ADAPTERS
from providers.samples import sample_events
from restaurant_integration.tests.test_docs import PAGES, ROOT

SHELL = {"", "sh", "bash", "console"}
"""The fences that hold commands; a drawing is ``text``."""
NOT_RUN = {
    "sqlite3": "not installed everywhere",
    "promtool": "of Prometheus",
    "supervisorctl": "speaks to a running supervisor",
    "redis-cli": "speaks to a running Redis",
    "chronyc": "the machine's clock",
    "docker": "needs its engine",
    "certbot": "asks an authority",
    "apt-get": "changes the machine",
    "systemctl": "changes the machine",
    "sha256sum": "of the system",
    "cd": "of the shell",
}
"""What is not ours and cannot be tried here, and why."""
IN_A_SCRATCH_DATABASE = {
    "bootstrap_company", "diagnose", "prune_logs", "prune_personal_data", "replay", "rotate_keys", "seed_demo",
    "validate_mapping",
}  # fmt: skip
STANDS_FOR = {
    "<host>": "localhost", "<hub>": "localhost", "<key>": "key", "<provider>": "careem", "<command>": "diagnose",
    "<company>": "petra-kitchens", "<company id>": "petra-kitchens", "--provider …": "--provider careem",
}  # fmt: skip
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`((?:(?:\.venv/bin/)?python3? |make |manage\.py |curl |docker )[^`\n]*)`")
_SETTING = re.compile(r"[A-Z][A-Z_]*=.*")
MAKEFILE = (ROOT / "Makefile").read_text()


@dataclass(frozen=True)
class Line:
    """A command as it stands on a page."""

    page: str
    text: str

    @property
    def words(self) -> list[str]:
        """Its words without settings before it and a comment behind it; what stands for something is something."""
        text = self.text
        for placeholder, value in STANDS_FOR.items():
            text = text.replace(placeholder, value)
        words = shlex.split(text, comments=True)
        while words and _SETTING.fullmatch(words[0]):
            words.pop(0)
        return [word for word in words if word != "…"]


def lines_of(page: Path) -> list[Line]:
    text, name, found = page.read_text(), str(page.relative_to(ROOT)), []
    for language, block in _FENCE.findall(text):
        if language in SHELL:
            joined = re.sub(r"\\\n\s*", "", block)
            found += [Line(name, line.strip().removeprefix("$ ")) for line in joined.splitlines() if line.strip()]
    found += [Line(name, line) for line in _INLINE.findall(_FENCE.sub("", text))]
    return [line for line in found if line.words]


OF_ANOTHER_TEST = "sufra"
"""The page about adding a provider is followed as a whole, in ``test_docs.py``."""
LINES = sorted(
    {line for page in PAGES for line in lines_of(page) if OF_ANOTHER_TEST not in line.text},
    key=lambda line: (line.page, line.text),
)


def test_there_are_commands():
    assert len(LINES) > 40
    assert {"README.md", "docs/quick-start.md", "docs/providers/jahez.md"} <= {line.page for line in LINES}


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.page}: {line.text[:60]}")
def test_a_command_that_is_told_of_exists(line):
    program, *arguments = line.words
    program = Path(program).name
    if program.startswith("python") or program == "manage.py":
        check_python(arguments if program != "manage.py" else ["manage.py", *arguments])
    elif program == "make":
        check_make(arguments)
    elif program == "curl":
        check_curl(arguments)
    elif program == "run":
        assert (ROOT / line.words[0]).exists()
    else:
        assert program in NOT_RUN, f"{program} is none of ours: say in NOT_RUN why it is not tried"


def check_python(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        module = arguments[1]
        assert importlib.util.find_spec(module), module
        if not module.startswith("pytest"):
            source = "".join(path.read_text() for path in (ROOT / module.replace(".", "/")).glob("*.py"))
            assert [each for each in arguments[2:] if each.startswith("--") and f'"{each}"' not in source] == []
        return
    assert arguments[0] == "manage.py"
    name, options = arguments[1], arguments[2:]
    assert name in get_commands()
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    if "--help" in options or name_is_all(arguments):
        return
    given = parser.parse_args(options)
    if name == "send_sample":
        for slug in list(ADAPTERS) if given.provider == "all" else [given.provider]:
            assert given.event == "all" or given.event in sample_events(slug, given.dialect)


def name_is_all(arguments: list[str]) -> bool:
    """Tell whether a command is only named, as in a sentence."""
    return len(arguments) == 2


def check_make(arguments: list[str]) -> None:
    targets = [each for each in arguments if "=" not in each]
    assert targets
    assert [each for each in targets if not re.search(rf"^{each}:", MAKEFILE, re.MULTILINE)] == []
    names = [each.partition("=")[0] for each in arguments if "=" in each]
    assert [name for name in names if f"$({name})" not in MAKEFILE and name not in MAKEFILE] == []


def check_curl(arguments: list[str]) -> None:
    address = next(each for each in arguments if "://" in each)
    method = arguments[arguments.index("-X") + 1] if "-X" in arguments else "GET"
    path = urlsplit(address).path.replace("{id}", "1").replace("{provider}", "careem")
    view = resolve(path, urlconf="restaurant_integration.tests.every_url").func
    assert hasattr(view.view_class, method.lower())


# -- run ---------------------------------------------------------------------------------------------------------------

RUN = sorted({
    tuple(line.words[line.words.index("manage.py") + 1 :])
    for line in LINES
    if "manage.py" in line.words and set(line.words) & IN_A_SCRATCH_DATABASE and not line.words[-1].startswith("--help")
})  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("words", RUN, ids=" ".join)
def test_a_command_that_is_told_of_runs(words, tmp_path, monkeypatch, capsys):
    name, *options = words
    required = {action.dest for action in parser_of(name)._actions if action.required}
    if required and not options:
        pytest.skip("named in a sentence, without what it needs")
    (tmp_path / "providers").symlink_to(ROOT / "providers")
    monkeypatch.chdir(tmp_path)
    if "example.json" in options:
        slug = options[options.index("--provider") + 1]
        shutil.copy(example_of(slug), tmp_path / "example.json")
    if name != "bootstrap_company":
        call_command("bootstrap_company", "--name", "Petra Kitchens", "--json")
    try:
        call_command(name, *options)
    except CommandError as error:
        # These two say so of what is wrong: here of the machine, and of a payload that is meant to be broken.
        assert (name == "diagnose" and "checks failed" in str(error)) or "broken" in " ".join(options)  # noqa: PT017
    assert capsys.readouterr().out or name == "validate_mapping"


def parser_of(name: str):
    return load_command_class(get_commands()[name], name).create_parser("manage.py", name)


def example_of(slug: str) -> Path:
    found = sorted(Path(settings.BASE_DIR, "providers", slug, "fixtures").glob("*created__*.json"))
    return next(path for path in found if "broken" not in path.name and "hub" not in path.name)
