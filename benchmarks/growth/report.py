"""The tables of docs/growth.md, between two marks: made anew from the results that docs/performance/ keeps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from benchmarks.faults.proxy import ROOT
from benchmarks.growth import model
from benchmarks.growth.model import FACTORS, Assumed, Load
from benchmarks.speed.catalogue import BENCHMARKS
from benchmarks.speed.registry import with_unit
from benchmarks.speed.report import KEPT, NOT_MEASURED, read_results
from benchmarks.tables import put

PAGE = ROOT / "docs" / "growth.md"
BEGIN, END = "<!-- growth: written by python -m benchmarks.growth --write -->", "<!-- growth: end -->"
SAID = {
    "usable": ("of a core, a disk or a line is planned with", ""),
    "push_s": ("the hub or a provider answers a call after", "s"),
    "lists_each": ("lists that a company is compared with every 15 minutes", ""),
    "list_s": ("one of them takes", "s"),
    "peak_to_mean": ("the busy minute, in mean minutes of the day", ""),
    "web_machine_cores": ("cores of a machine for web, sockets and workers", ""),
    "web_machine_gb": ("memory of it", "GB"),
    "database_cores": ("cores of the largest machine for a Postgres", ""),
    "log_mb_per_second": ("its disk takes of the log", "MB/s"),
    "connections": ("`max_connections`", ""),
    "sockets_per_process": ("sockets of one daphne", ""),
    "core_hour": ("money for a core hour", ""),
    "gigabyte_month": ("money for a GB and month on the database's disk", ""),
    "gigabyte_out": ("money for a GB that leaves", ""),
    "kept_months": ("months that rows are counted for", ""),
}
"""What is assumed, in words."""


def number(value: float) -> str:
    """Return a number as a person reads it: two digits that count, and no more than are needed."""
    if math.isinf(value):
        return "never"
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.2f}".rstrip("0").rstrip(".") if value >= 0.1 or not value else f"{value:.2g}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def section(results: Mapping[str, Mapping[str, Any]], load: Load | None = None, assumed: Assumed | None = None) -> str:
    """Return everything between the marks; where there is no footprint yet, one sentence that says so."""
    load, assumed = load or Load(), assumed or Assumed()
    parts = [_shown(results.get("groups"))]
    footprint = results.get("footprint")
    figures: Mapping[str, float] = footprint["values"] if footprint else {}
    if footprint and set(model.NEEDED) <= set(figures):
        parts += [
            _from(footprint), _each(figures), _first(figures, load, assumed), _factors(figures, load, assumed),
            _million(figures, load, assumed), _assumed(assumed),
        ]  # fmt: skip
    else:
        parts.append(f"What an order costs: {NOT_MEASURED} (`python -m benchmarks.speed footprint --write`).")
    return "\n\n".join([BEGIN, *parts, END])


def _shown(result: Mapping[str, Any] | None) -> str:
    lines = ["### Two groups beside one", ""]
    if result is None:
        return "\n".join([*lines, f"{NOT_MEASURED.capitalize()}: `python -m benchmarks.speed groups --write`."])
    values, figures = result["values"], BENCHMARKS["groups"].figures
    rows = [
        [figure.says, with_unit(values[figure.key], figure.unit), figure.wanted,
         "" if figure.limit is None else "holds" if figure.holds(values[figure.key]) else "does not hold"]
        for figure in figures if figure.key in values
    ]  # fmt: skip
    faults = "".join(f" **{fault}**." for fault in result["faults"])
    notes = "; ".join(
        f"{name}: {value}" for name, value in result["notes"].items() if "cores" in value or "cores" in name
    )
    return "\n".join(
        [*lines, table(["figure", "measured", "wanted", ""], rows), "", f"{notes}.{faults} {_machine(result)}"]
    )


def _machine(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    return f"`{result['command']}`, {machine['processor']}, commit {machine['commit']}, {machine['measured']}."


def _from(result: Mapping[str, Any]) -> str:
    return f"### What an order costs\n\n{result['says'].capitalize()}. {_machine(result)}"


def _each(figures: Mapping[str, float]) -> str:
    sorts = {
        "new": "new order", "status": "status of the provider", "step": "step of the kitchen, with its push",
        "order": "**whole life**", "look": "question of a page",
    }  # fmt: skip
    columns = {
        "web_ms": "web ms", "postgres_ms": "Postgres ms", "worker_ms": "worker ms", "sockets_ms": "sockets ms",
        "redis_ms": "Redis ms", "redis_commands": "Redis commands", "table_kb": "tables kB", "index_kb": "indexes kB",
        "wal_kb": "log kB",
    }  # fmt: skip
    rows = [
        [said, *(number(figures.get(f"{sort}_{column}", 0.0)) for column in columns)] for sort, said in sorts.items()
    ]
    below = (
        f"Processor time of one, without what the processes use at rest. Written anew (`VACUUM FULL`), an order keeps"
        f" {number(figures['kept_kb'])} kB in its rows and indexes, and {number(figures['pruned_kb'])} kB for the"
        f" retention of bodies. Orders of one company alone: bare psycopg writes"
        f" {number(figures['one_company_per_second'])} a second, because each takes the company's next number."
        f" Memory: {number(figures['web_mb'])} MB for a process of web, {number(figures['worker_mb'])} for a child of the"
        f" worker, {number(figures['sockets_mb'])} for a daphne with few sockets."
    )
    return f"{table(['', *columns.values()], rows)}\n\n{below}"


def _first(figures: Mapping[str, float], load: Load, assumed: Assumed) -> str:
    rows = [
        [
            limit.part,
            f"{number(limit.used)} of {number(limit.available)} {limit.unit}",
            f"× {number(limit.full_at)}",
            limit.then,
        ]
        for limit in model.limits(figures, load, assumed)
    ]
    return "\n\n".join([
        "### What is full first",
        f"One installation as `make up` starts it, with a Postgres of its own. The base: {_base(load)}. Load"
        " grows by companies like those that are there.",
        table(["part", "used at the base", "full at", "then"], rows),
    ])  # fmt: skip


def _base(load: Load) -> str:
    return (
        f"{load.orders_per_minute:.0f} orders in the busy minute, {load.companies:.0f} companies, {load.screens_each:.0f} open"
        f" pages each; these ask {number(load.looks_per_second)} times a second"
    )


def _factors(figures: Mapping[str, float], load: Load, assumed: Assumed) -> str:
    used = [model.needs(figures, load.times(factor), assumed) for factor in FACTORS]
    fleets = [model.fleet(figures, each, assumed) for each in used]
    free_mb = assumed.usable * 125
    rows = [
        [
            "companies · open pages",
            *(f"{each.screens / load.screens_each:,.0f} · {each.screens:,.0f}" for each in used),
        ],
        ["orders a second, busy minute", *(number(load.times(factor).orders_per_second) for factor in FACTORS)],
        ["orders a day", *(f"{each.orders_per_day:,.0f}" for each in used)],
        ["web cores (of them for pages)", *(f"{number(each.web_cores)} ({number(each.look_cores)})" for each in used)],
        ["sockets cores", *(number(each.sockets_cores) for each in used)],
        ["worker cores", *(number(each.worker_cores) for each in used)],
        ["Postgres cores", *(number(each.postgres_cores) for each in used)],
        [
            "Redis cores · commands a second",
            *(f"{number(each.redis_cores)} · {each.redis_commands:,.0f}" for each in used),
        ],
        ["log of Postgres, MB/s", *(number(each.log_mb) for each in used)],
        [f"deliveries and hints, MB/s (a gigabit carries {free_mb:.0f})", *(number(each.line_mb) for each in used)],
        ["rows that stay, GB a month", *(number(each.orders_per_day * 30 * figures["kept_kb"] / 1e6) for each in used)],
        ["bodies, GB at any time", *(number(each.orders_per_day * 30 * figures["pruned_kb"] / 1e6) for each in used)],
        ["**needed:** web processes", *(f"{each.web_processes:,}" for each in fleets)],
        ["daphnes", *(f"{each.socket_processes:,}" for each in fleets)],
        ["worker children", *(f"{each.worker_children:,}" for each in fleets)],
        ["memory of these, GB", *(number(each.memory_gb) for each in fleets)],
        [
            f"machines of {assumed.web_machine_cores:.0f} cores and {assumed.web_machine_gb:.0f} GB for these",
            *(f"{each.machines:,}" for each in fleets),
        ],
        ["hosts of Redis", *(f"{each.redis:,}" for each in fleets)],
        ["Postgres, each with its own companies", *(f"{each.shards:,}" for each in fleets)],
        [
            f"connections to each, all pools full ({assumed.connections:.0f} there are)",
            *(f"{each.connections_each:,}" for each in fleets),
        ],
        ["alerts' quick rules, of their half minute", *(f"{each.rules_share:.1%}" for each in used)],
    ]
    return "\n\n".join([
        "### Ten, a hundred and a thousand times",
        table(["", *(f"× {factor:,}" for factor in FACTORS)], rows),
    ])  # fmt: skip


def _million(figures: Mapping[str, float], load: Load, assumed: Assumed) -> str:
    found = model.per_million(figures, load, assumed)
    hours = [name for name in found if name in {"web, orders", "web, pages", "Postgres", "worker", "sockets", "Redis"}]
    rows = [
        *([f"core hours, {name}", number(found[name])] for name in hours),
        ["**core hours, all**", number(found["core_hours"])],
        ["rows that stay, GB", number(found["kept_gb"])],
        ["bodies for their month, GB", number(found["pruned_gb"])],
        ["log of Postgres, GB (to a replica, to an archive)", number(found["log_gb"])],
        ["deliveries in, GB", number(found["in_gb"])],
        [f"frames out to {load.screens_each:.0f} pages, GB", number(found["out_gb"])],
        ["**money, at the assumed prices**", number(found["money"])],
    ]
    formula = (
        "money = core hours ÷ usable share × price of a core hour + (rows that stay × months + bodies × 1) × price of a GB"
        " and month + frames × price of a GB that leaves"
    )
    return "\n\n".join(["### A million orders", table(["what", "takes"], rows), f"`{formula}`"])


def _assumed(assumed: Assumed) -> str:
    rows = [
        [SAID[each.name][0], f"{number(getattr(assumed, each.name))} {SAID[each.name][1]}".rstrip()]
        for each in fields(assumed)
    ]
    return "\n\n".join(["### What is assumed", table(["nobody measured this", "value"], rows)])


def write_page(page: Path = PAGE, folder: Path = KEPT) -> None:
    """Put the tables into the page, from the results that are kept."""
    page.write_text(put(page.read_text(encoding="utf-8"), section(read_results(folder)), BEGIN, END), encoding="utf-8")
