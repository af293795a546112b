"""All benchmarks, in the order of the table, whoever was imported first."""

from __future__ import annotations

from importlib import import_module

from benchmarks.speed.registry import BENCHMARKS as BENCHMARKS

_MODULES = tuple(
    f"benchmarks.speed.{name}"
    for name in (
        "of_answers", "of_sockets", "of_embedded", "of_million", "of_work", "of_processes", "of_servers", "of_groups",
        "of_footprint",
    )
)  # fmt: skip
for _name in _MODULES:
    import_module(_name)
_ordered = sorted(BENCHMARKS.items(), key=lambda item: _MODULES.index(item[1].run.__module__))
BENCHMARKS.clear()
BENCHMARKS.update(_ordered)
