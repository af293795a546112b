"""Combine what all parts measured, print the coverage of lines and of branches, fail under 95 % of the lines.

``coverage report --fail-under`` counts branches in; the limit is one of lines.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT_PERCENT = 95.0
ROOT = Path(__file__).resolve().parent.parent


def coverage(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=ROOT, check=True)


def main() -> int:
    """Return 0 where enough lines ran."""
    coverage("combine", "--quiet")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coverage.json"
        coverage("json", "--quiet", "-o", str(path))
        report = json.loads(path.read_text())
    totals = report["totals"]
    lines = 100 * totals["covered_lines"] / totals["num_statements"]
    branches = 100 * totals["covered_branches"] / totals["num_branches"]
    low = sorted((len(file["missing_lines"]), name) for name, file in report["files"].items() if file["missing_lines"])
    print("Most lines that no test runs:")
    for missing, name in low[:-11:-1]:
        print(f"  {missing:4} {name}")
    print(
        f"Lines: {lines:.2f} % of {totals['num_statements']} (at least {LIMIT_PERCENT:.0f} %). Branches: {branches:.2f} %."
    )
    return int(lines < LIMIT_PERCENT)


if __name__ == "__main__":
    sys.exit(main())
