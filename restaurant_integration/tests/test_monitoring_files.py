"""What stands under deploy/monitoring names metrics that exist, and each alert has its runbook."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from integration.gauges import Database
from integration.tests.metrics import names
from orders.metrics import REGISTRY

pytestmark = pytest.mark.django_db
FOLDER = Path(settings.BASE_DIR, "deploy/monitoring")
RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text())
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
RUNBOOKS = Path(settings.BASE_DIR, "docs/runbooks.md").read_text()
MONITORING = Path(settings.BASE_DIR, "docs/monitoring.md").read_text()
NOT_OURS = {"probe_success", "up"}
"""Of the blackbox exporter and of Prometheus itself."""
WORDS = {
    "sum", "rate", "increase", "max", "min", "avg", "by", "le", "or", "and", "vector", "clamp_min", "avg_over_time",
    "histogram_quantile",
}  # fmt: skip


def rules() -> Iterator[dict[str, Any]]:
    for group in RULES["groups"]:
        yield from group["rules"]


ALERTS = [rule for rule in rules() if "alert" in rule]
RECORDED = {rule["record"] for rule in rules() if "record" in rule}


def expressions() -> list[str]:
    asked = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
    return asked + [rule["expr"] for rule in rules()]


def plain(expression: str) -> str:
    """Return an expression without texts, windows and the labels that it sums by."""
    without = re.sub(r'"[^"]*"', "", expression)
    return re.sub(r"\[[^\]]*\]|\bby \([^)]*\)|\{[^}]*\}", " ", without)


def test_every_metric_that_is_asked_for_exists():
    known = names() | {f"{name}{end}" for name in names() for end in ("_total", "_bucket", "_count", "_sum")}
    asked = {word for each in expressions() for word in re.findall(r"(?<![\w.])[A-Za-z_][\w:]*", plain(each))}
    assert asked - WORDS - known - RECORDED - NOT_OURS == set()
    assert len(asked & known) > 15


def labels_of(name: str) -> set[str]:
    families = {family.name: family for family in Database().collect()}
    base = re.sub(r"_(total|bucket|count|sum)$", "", name)
    if base in families:
        return set(families[base]._labelnames)
    collector = REGISTRY._names_to_collectors[name]
    return {*collector._labelnames, "le"}


def test_every_label_that_is_asked_for_exists():
    asked = {
        (name, label)
        for each in expressions()
        for name, selected in re.findall(r"(integration_\w+)\{([^}]*)\}", each)
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selected)
    }
    assert asked
    assert {(name, label) for name, label in asked if label not in labels_of(name)} == set()


def test_every_metric_is_watched_by_somebody():
    text = "\n".join(expressions())
    assert [name for name in sorted(names()) if name not in text] == []


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_grave_it_is_and_where_its_runbook_is(rule):
    name = rule["alert"]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["runbook"] == f"docs/runbooks.md#{name.lower()}"
    assert re.search(rf"^## {name}$", RUNBOOKS, re.MULTILINE), "the runbook"


def test_every_runbook_has_its_alert():
    runbooks = re.findall(r"^## (\w+)$", RUNBOOKS, re.MULTILINE)
    assert runbooks == [rule["alert"] for rule in ALERTS]


def test_a_burning_budget_needs_a_long_and_a_short_window():
    burns = [rule for rule in ALERTS if "Burn" in rule["alert"]]
    assert len(burns) == 4
    for rule in burns:
        windows = re.findall(r"ratio_(\w+) >", rule["expr"])
        assert windows in (["1h", "5m", "6h", "30m"], ["1d", "2h", "3d", "6h"])


def test_the_objective_is_the_same_everywhere():
    text = (FOLDER / "alerts.yml").read_text() + (FOLDER / "dashboard.json").read_text() + MONITORING
    assert set(re.findall(r"0\.000\d+", text)) == {"0.0005"}
    assert round(30 * 24 * 60 * 0.0005, 1) == 21.6


def test_the_example_of_prometheus_reads_our_rules_and_our_page():
    example = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    assert example["rule_files"] == ["alerts.yml"]
    jobs = {job["job_name"]: job for job in example["scrape_configs"]}
    asked = {name for each in expressions() for name in re.findall(r'job="([^"]+)"', each)}
    assert asked <= set(jobs)
    (module,) = jobs["integration-probe"]["params"]["module"]
    assert module in yaml.safe_load((FOLDER / "blackbox.yml").read_text())["modules"]


def test_no_two_panels_stand_in_one_place():
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize("arguments", [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]])
def test_prometheus_itself_takes_the_rules_and_fires_them_when_it_should(arguments):
    done = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
