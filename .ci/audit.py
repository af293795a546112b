"""``make audit``: ask OSV of every installed package whether a weakness of it is known; fail where that could not be found out.

Exit code 0: all were audited and none has one. 1: at least one has. 2: the audit could not be made.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OSV = "https://api.osv.dev/v1/query"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[\w,]+\])?==(\S+)")


class NotAuditedError(Exception):
    """The audit could not be made; the message says why."""


def pinned(files: list[Path]) -> dict[str, str]:
    """Return the versions that requirements files name, by the package's name as an index writes it."""
    lines = [line for path in files for line in path.read_text().splitlines()]
    found = [match for line in lines if (match := PINNED.match(line))]
    return {re.sub(r"[-_.]+", "-", match[1]).lower(): match[2] for match in found}


def audit(url: str, files: list[Path]) -> dict[str, dict[str, Any]]:
    """Return what the source says of each installed package, by name. Raises NotAuditedError where it says nothing of one."""
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", "--strict", "--vulnerability-service", "osv", "--osv-url", url,
         "--format", "json", "--progress-spinner", "off", "--timeout", "15", "--path", sysconfig.get_path("purelib")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        rows = json.loads(done.stdout)["dependencies"]
    except (ValueError, LookupError, TypeError):
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise NotAuditedError(lines[-1] if lines else f"pip-audit ended with {done.returncode}") from None
    said = {re.sub(r"[-_.]+", "-", row["name"]).lower(): row for row in rows}
    for name, row in said.items():
        if "vulns" not in row:
            raise NotAuditedError(f"{name}: {row.get('skip_reason', 'no answer')}")
    for name, version in pinned(files).items():
        if said.get(name, {}).get("version") != version:
            raise NotAuditedError(f"{name} {version} is not installed")
    return said


def main(arguments: list[str]) -> int:
    """Audit, print what was found; return the exit code."""
    parser = argparse.ArgumentParser(prog="make audit")
    parser.add_argument("--url", default=OSV, help="where OSV answers")
    parser.add_argument("files", nargs="*", type=Path, help="requirements that have to be among what is installed")
    options = parser.parse_args(arguments)
    try:
        said = audit(options.url, options.files or sorted(ROOT.glob("requirements*.txt")))
    except NotAuditedError as reason:
        print(f"Could not audit, so nothing is known: {reason}", file=sys.stderr)
        return 2
    weak = [(row, vuln) for row in said.values() for vuln in row["vulns"]]
    for row, vuln in weak:
        mended = ", ".join(vuln["fix_versions"]) or "nothing yet"
        print(f"{row['name']} {row['version']}: {vuln['id']}, mended in {mended}")
    print(f"{len(said)} packages audited, {len({row['name'] for row, _ in weak})} with a known weakness.")
    return int(bool(weak))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
