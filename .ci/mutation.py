"""``make mutation``: change the code that decides in every small way, one at a time, and see whether a test notices.

Prints each change that none noticed, and fails where less than 85 % of a part's changes are. Everything happens in
``mutants/``; what was tried before and has not changed since is not tried again.
"""

from __future__ import annotations

import fnmatch
import json
import os
import subprocess
import sys
from pathlib import Path

LEAST_PERCENT = 85.0
ROOT = Path(__file__).resolve().parent.parent
PARTS = {
    "signatures": ["providers.signatures.*"],
    "state machine": ["orders.transitions.*"],
    "claims": [
        "integration.claims.*",
        "integration.sweep.*",
        *(f"integration.inbox.x_{name}__mutmut_*" for name in ("process_claimed", "_finish")),
        *(f"integration.outbox.x_{name}__mutmut_*" for name in ("claim", "work_order", "work_claimed", "_work")),
    ],
}
NOTICED = {1, 3, 24, -24, 36, 152, 255}
"""How pytest ends over a change that a test notices: it fails, or runs out of its processor time."""


def results() -> dict[str, int | None]:
    """Return how the tests ended for each change that there is; None for one that was not tried."""
    found: dict[str, int | None] = {}
    for path in sorted((ROOT / "mutants").rglob("*.py.meta")):
        found |= json.loads(path.read_text())["exit_code_by_key"]
    return found


def main() -> int:
    """Run, print the figures and what went unnoticed; return 0 where each part has enough."""
    chosen = [pattern for patterns in PARTS.values() for pattern in patterns]
    mutmut = [sys.executable, "-m", "mutmut"]
    # Politely: it takes minutes of every core.
    ran = subprocess.run([*mutmut, "run", *chosen], cwd=ROOT, preexec_fn=lambda: os.nice(10), check=False)
    if ran.returncode:
        return ran.returncode
    tried, is_enough = results(), True
    for part, patterns in PARTS.items():
        codes = {key: code for key, code in tried.items() if any(fnmatch.fnmatchcase(key, each) for each in patterns)}
        unnoticed = sorted(key for key, code in codes.items() if code not in NOTICED)
        percent = 100 * (1 - len(unnoticed) / len(codes)) if codes else 0.0
        is_enough &= percent >= LEAST_PERCENT
        print(f"\n{part}: {len(codes) - len(unnoticed)} of {len(codes)} changes noticed, {percent:.1f} %")
        for key in unnoticed:
            shown = subprocess.run([*mutmut, "show", key], cwd=ROOT, capture_output=True, text=True, check=False).stdout
            lines = [line for line in shown.splitlines() if line[:1] in "+-" and line[:3] not in {"+++", "---"}]
            print("\n".join([f"  {key}", *(f"    {line}" for line in lines)]))
    return int(not is_enough)


if __name__ == "__main__":
    sys.exit(main())
