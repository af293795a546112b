"""``make docs``: the documentation as a site in var/docs/.

Fails on any warning, such as a link or an anchor that leads nowhere, and on a page that loads something from another host.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "var/docs"
_LOADS = re.compile(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)="(?:https?:)?//([^/"]+)""")


def main() -> int:
    """Build it; return the exit code."""
    # Not --quiet: it takes the warnings away before --strict counts them.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--clean"]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if built.returncode:
        print(built.stdout + built.stderr, file=sys.stderr)
        return 1
    pages = sorted(SITE.rglob("*.html"))
    found = {(str(page.relative_to(SITE)), host) for page in pages for host in _LOADS.findall(page.read_text("utf-8"))}
    for page, host in sorted(found):
        print(f"{page} loads something from {host}", file=sys.stderr)
    print(f"{len(pages)} pages in {SITE.relative_to(ROOT)}/, of which index.html is the first.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
