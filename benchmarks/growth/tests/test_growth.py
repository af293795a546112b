"""What a load needs follows from what an order costs, and the page has what follows from the figures that are kept."""

from __future__ import annotations

import dataclasses
import math

import pytest

from benchmarks.growth import model, report
from benchmarks.growth.model import Assumed, Load
from benchmarks.speed.report import read_results

FIGURES = dict.fromkeys(model.NEEDED, 0.0) | {
    "order_web_ms": 60.0, "order_postgres_ms": 30.0, "order_sockets_ms": 12.0, "order_worker_ms": 24.0,
    "order_redis_ms": 3.0, "order_redis_commands": 40.0, "order_redis_kb": 10.0, "order_wal_kb": 60.0,
    "look_web_ms": 12.0, "look_postgres_ms": 3.0, "step_worker_ms": 12.0, "new_wire_kb": 5.0, "status_wire_kb": 1.0,
    "kept_kb": 40.0, "pruned_kb": 8.0, "walk_ms": 6.0, "one_company_per_second": 150.0,
    "web_mb": 100.0, "sockets_mb": 150.0, "worker_mb": 50.0,
}  # fmt: skip
LOAD = Load(orders_per_minute=60, companies=20, screens_each=4)
"""An order a second, of each company every twenty."""
MACHINE = {"processor": "2 cores", "commit": "abc", "measured": "2026-01-01 00:00 UTC"}


def result(**values: float) -> dict:
    return {"values": values, "says": "a life", "notes": {"cores used": "web 1.0"}, "faults": [], "command": "make it",
            "machine": MACHINE}  # fmt: skip


def test_a_page_asks_at_each_change_and_no_oftener_than_it_may():
    assert LOAD.looks_per_second == 80 * (5 / 20 + 1 / 5)
    rush = Load(orders_per_minute=60 * 60, companies=1, screens_each=2)
    assert rush.looks_per_second == pytest.approx(2 * (1 / 1.2 + 1 / 5))


def test_a_load_uses_what_its_orders_and_its_pages_cost():
    used = model.needs(FIGURES, LOAD, Assumed(push_s=0.3, lists_each=3, list_s=1.5, peak_to_mean=3))
    assert used.look_cores == pytest.approx(36 * 0.012)
    assert used.web_cores == pytest.approx(0.06 + 36 * 0.012)
    assert used.postgres_cores == pytest.approx(0.03 + 36 * 0.003)
    assert used.worker_children == pytest.approx(2 * 0.312 + 0.1)
    assert used.rules_share == pytest.approx(0.004)
    assert used.log_mb == pytest.approx(0.06)
    assert used.line_mb == pytest.approx(0.017)
    assert used.orders_per_day == 28_800


def test_ten_times_the_companies_use_ten_times_as_much():
    once, ten = (dataclasses.asdict(model.needs(FIGURES, LOAD.times(factor), Assumed())) for factor in (1, 10))
    assert ten == {name: pytest.approx(10 * value) for name, value in once.items()}


def test_what_is_full_first_stands_first():
    found = model.limits(FIGURES, LOAD, Assumed())
    assert [limit.part for limit in found][:2] == ["worker children", "web processes"]
    assert found[0].full_at == pytest.approx(1.2 / (2 * 0.312 + 20 * 3 / 900))
    assert [limit.full_at for limit in found] == sorted(limit.full_at for limit in found)


def test_what_nobody_uses_is_never_full():
    assert model.Limit("redis", "cores", 0.0, 0.6, "").full_at == math.inf
    assert report.number(math.inf) == "never"


def test_a_fleet_is_never_less_than_one_installation():
    small = model.fleet(FIGURES, model.needs(FIGURES, LOAD, Assumed()), Assumed())
    assert small == model.Fleet(2, 1, 2, 0.45, 1, 1, 1, 68)


def test_a_fleet_grows_with_what_is_used():
    used = model.needs(FIGURES, LOAD.times(1_000), Assumed())
    found = model.fleet(FIGURES, used, Assumed())
    assert used.postgres_cores == pytest.approx(138)
    assert found.shards == math.ceil(138 / 19.2) == 8
    assert found.web_processes == math.ceil(used.web_cores / 0.6) == 820
    assert found.socket_processes == 40
    assert found.memory_gb == pytest.approx((820 * 100 + 40 * 150 + found.worker_children * 50) / 1000)
    assert found.machines == math.ceil((492 + 12 + 24) / 4.8) == 110
    assert found.connections_each == math.ceil((820 * 24 + 400 + found.worker_children) / 8) + 8


def test_memory_may_ask_for_more_machines_than_processors_do():
    used = model.needs(FIGURES, LOAD, Assumed())
    assert model.fleet(FIGURES | {"worker_mb": 20_000}, used, Assumed()).machines == 3


def test_a_million_orders_take_core_hours_and_gigabytes():
    found = model.per_million(FIGURES, LOAD, Assumed())
    assert found["web, orders"] == pytest.approx(60e3 / 3600)
    assert found["web, pages"] == pytest.approx(36 * 12e3 / 3600)
    assert found["core_hours"] == pytest.approx((60 + 432 + 30 + 108 + 24 + 12 + 3) * 1e3 / 3600)
    assert (found["kept_gb"], found["pruned_gb"], found["log_gb"], found["in_gb"], found["out_gb"]) == (
        40,
        8,
        60,
        7,
        20,
    )
    assert found["money"] == pytest.approx(669e3 / 3600 / 0.6 * 0.04 + (40 * 12 + 8) * 0.1 + 20 * 0.08)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.5, "1,234"), (45.67, "45.7"), (45.0, "45"), (4.567, "4.57"), (4.0, "4"), (0.0, "0"), (0.01234, "0.012")],
)
def test_a_number_has_the_digits_that_count(value, text):
    assert report.number(value) == text


def test_every_assumption_is_told():
    assert set(report.SAID) == {each.name for each in dataclasses.fields(Assumed)}


def test_without_figures_the_page_says_so():
    text = report.section({})
    assert "Not measured yet: `python -m benchmarks.speed groups --write`." in text
    assert "What an order costs: not measured yet" in text


def test_with_figures_the_page_has_every_table():
    text = report.section({"footprint": result(**FIGURES), "groups": result(web_one=10.0, web_two=19.0, web_times=1.9)})
    assert "| two groups against one | 1.90 × | ≥ 1.80 × | holds |" in text
    assert "| orders a second, busy minute | 1.67 | 16.7 | 167 | 1,667 |" in text
    assert "| **whole life** | 60 | 30 | 24 | 12 | 3 | 40 | 0 | 0 | 60 |" in text
    assert [line for line in text.splitlines() if line.startswith("### ")] == [
        "### Two groups beside one", "### What an order costs", "### What is full first",
        "### Ten, a hundred and a thousand times", "### A million orders", "### What is assumed",
    ]  # fmt: skip


def test_only_the_part_between_the_marks_is_written(tmp_path):
    page = tmp_path / "growth.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write_page(page, tmp_path)
    report.write_page(page, tmp_path)
    assert page.read_text() == f"before\n{report.section({})}\nafter\n"


def test_the_page_has_the_tables_that_the_kept_results_make():
    assert report.section(read_results()) in report.PAGE.read_text()
