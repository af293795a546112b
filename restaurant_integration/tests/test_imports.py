"""Each package imports only what stands to its left."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ORDER = ("providers", "orders", "integration", "restaurant_integration")


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the packages of ours that a module imports, at its top or anywhere inside."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        elif isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            arguments = [part.value for part in node.args if isinstance(part, ast.Constant)]
            names = [str(part) for part in arguments] if called in {"import_module", "import_string"} else []
        else:
            continue
        yield from (name.split(".")[0] for name in names)


def upward(package: str, source: str) -> set[str]:
    return set(imported(ast.parse(source))) & set(ORDER[ORDER.index(package) + 1 :])


@pytest.mark.parametrize("package", ORDER)
def test_a_package_imports_nothing_above_it(package):
    modules = [path for path in Path(settings.BASE_DIR, package).rglob("*.py") if path.is_file()]
    assert modules
    found = {str(path.relative_to(settings.BASE_DIR)): upward(package, path.read_text()) for path in modules}
    allowed = {path: names for path, names in found.items() if names and is_test(path)}
    assert {path: names for path, names in found.items() if names and path not in allowed} == {}


def is_test(path: str) -> bool:
    """A test may reach up to set a stage; the program may not."""
    return "tests" in Path(path).parts or Path(path).name == "tests.py"


@pytest.mark.parametrize(
    "line",
    ["import integration.inbox", "from orders import live", "def f():\n    from integration.inbox import record",
     "import_module('orders.models')"],
)  # fmt: skip
def test_an_upward_import_is_found_wherever_it_stands(line):
    assert upward("providers", line)


def test_providers_know_neither_django_nor_the_network():
    for path in Path(settings.BASE_DIR, "providers").rglob("*.py"):
        if not is_test(str(path)):
            assert not set(imported(ast.parse(path.read_text()))) & {
                "django",
                "rest_framework",
                "requests",
                "socket",
            }, path
