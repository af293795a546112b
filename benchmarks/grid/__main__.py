"""Measures the grid with ten thousand orders in Chromium: the first rows, scrolling, and what a live change touches.

``python -m benchmarks.grid [--orders N] [--write]``: its own server, port and data, removed at the end. ``--write`` puts the
table into docs/performance.md. Ends with 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.grid.report import BEGIN, END, frames, section
from benchmarks.refusals import ROOT, manage, start
from benchmarks.tables import Row, write

ORDERS = 10_000
CHROMIUM = "/usr/bin/chromium"
NAVIGATIONS = 5
FIRST_ROWS_MS = 1_000
LONGEST_FRAME_MS = 50
MOST_ROWS = 300
WAIT_MS = 30_000
_FIRST_ROWS = """
window.firstRows = new Promise(resolve => {
  const isThere = () => document.querySelector('#window > [data-order]');
  const look = () => isThere() ? resolve(performance.now()) : requestAnimationFrame(look);
  requestAnimationFrame(look);
});
"""
_SCROLL = """async ({ places, pixels }) => {
  const grid = document.getElementById('grid');
  const times = [];
  let most = 0;
  await new Promise(requestAnimationFrame);
  let last = performance.now();
  for (const place of places) {
    grid.scrollTop = pixels ? grid.scrollTop + pixels : place * grid.scrollHeight;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    times.push(now - last);
    last = now;
    most = Math.max(most, document.querySelectorAll('#window > [role=row]').length);
  }
  return { times, most };
}"""
# Rows at the end come and go with the height of the grid: that touches nobody, unless one that was there is made anew.
_WATCH = """() => {
  window.touched = new Set();
  const before = new Set([...document.querySelectorAll('#window > [role=row]')].map(row => row.id));
  const row = target => (target.nodeType === 1 ? target : target.parentElement).closest('[role=row]');
  const note = ({ target, addedNodes }) => {
    if (target.id === 'window') addedNodes.forEach(each => before.has(each.id) && window.touched.add(each.id));
    else window.touched.add(row(target)?.id || target.id || 'elsewhere');
  };
  new MutationObserver(all => all.filter(each => each.attributeName !== 'style').forEach(note))
    .observe(document.getElementById('grid'), { subtree: true, childList: true, attributes: true, characterData: true });
}"""
_MOVE = """async id => (await fetch(`/api/orders/${id}/status${location.search}`, {
  method: 'POST', body: JSON.stringify({ status: 'preparing' }),
  headers: { 'Content-Type': 'application/json', 'X-CSRFToken': document.cookie.match(/csrftoken=([^;]+)/)[1] },
})).status"""


@contextmanager
def installation(orders: int) -> Iterator[tuple[str, str, str]]:
    """Run a private server with its company of many orders; yield address, password and the company's id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="grid-") as folder:
        settings = "restaurant_integration.settings"
        environ = {**os.environ, "DATA_DIR": folder, "PORT": str(port), "DJANGO_SETTINGS_MODULE": settings}
        for name in ("DATABASE_URL", "REDIS_URL"):
            environ.pop(name, None)
        for command in ("prepare", "seed_demo"):
            manage(environ, command)
        seeding = [sys.executable, "-m", "benchmarks.grid.seed", "many-orders", str(orders), "demo"]
        company = subprocess.run(seeding, cwd=ROOT, env=environ, capture_output=True, text=True, check=True).stdout
        server = start(environ, port)
        try:
            yield f"http://127.0.0.1:{port}", (Path(folder) / "demo_password").read_text().strip(), company.strip()
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(15)


def measure(context: Any, url: str, company: str) -> list[Row]:
    """Return every row of the table."""
    page = context.new_page()
    page.add_init_script(_FIRST_ROWS)
    address, firsts = f"{url}/orders/grid/?company={company}", []
    for _ in range(NAVIGATIONS):
        page.goto(address)
        firsts.append(float(page.evaluate("window.firstRows")))
    page.wait_for_selector("#connection[data-state=live]", timeout=WAIT_MS)
    fresh = page.evaluate(_SCROLL, {"places": [0] * 400, "pixels": 160})
    page.evaluate("document.getElementById('grid').scrollTop = document.getElementById('grid').scrollHeight")
    page.wait_for_function(
        "() => document.querySelector('#window > :last-child .number')?.textContent === '#1'", timeout=WAIT_MS
    )
    page.evaluate("document.getElementById('grid').scrollTop = 0")
    known = page.evaluate(_SCROLL, {"places": [0] * 400, "pixels": 160})
    jumps = page.evaluate(_SCROLL, {"places": [(number * 0.381966) % 1 for number in range(120)], "pixels": 0})
    touched, moved = live_change(context, page, address)
    most = max(found["most"] for found in (fresh, known, jumps))
    scrolled = [
        Row(
            what,
            f"no frame over {LONGEST_FRAME_MS} ms",
            frames(found["times"]),
            max(found["times"]) <= LONGEST_FRAME_MS,
        )
        for what, found in (
            ("400 steps of 160 px, pages being fetched", fresh),
            ("400 steps of 160 px, all orders here", known),
            ("120 jumps through the whole list", jumps),
        )
    ]
    return [
        Row("first rows after the navigation began", f"within {FIRST_ROWS_MS:,} ms",
            f"{min(firsts):.0f} to {max(firsts):.0f} ms in {NAVIGATIONS} navigations", max(firsts) <= FIRST_ROWS_MS),
        *scrolled,
        Row("row elements in the page at most", f"under {MOST_ROWS}", str(most), most < MOST_ROWS),
        Row("rows that a live change of one order touches", "that one",
            "that one" if touched == [moved] else f"{len(touched)}: {', '.join(touched)[:200]}", touched == [moved]),
    ]  # fmt: skip


def live_change(context: Any, page: Any, address: str) -> tuple[list[str], str]:
    """Move an order from another page; return what changed in the grid, and the order's own row."""
    page.goto(f"{address}&status=confirmed")
    page.wait_for_selector("#window > [data-order]", timeout=WAIT_MS)
    order = page.locator("#window > [data-order]").first.get_attribute("data-order")
    page.goto(address)
    page.wait_for_selector(f"#order-{order}", timeout=WAIT_MS)
    page.wait_for_selector("#connection[data-state=live]", timeout=WAIT_MS)
    page.evaluate(_WATCH)
    other = context.new_page()
    other.goto(address)
    if other.evaluate(_MOVE, order) != 200:
        raise SystemExit("The order could not be moved.")
    page.wait_for_selector(f"#order-{order}.is-preparing", timeout=WAIT_MS)
    return sorted(page.evaluate("[...window.touched]")), f"order-{order}"


def main() -> int:
    """Measure, print, and where it is asked for write; return the exit code."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(prog="python -m benchmarks.grid", description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS, help="how many orders to make")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    with installation(options.orders) as (url, password, company), sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
        page = context.new_page()
        page.goto(url)
        page.get_by_label("User name").fill("demo")
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{url}/")
        page.close()
        rows = measure(context, url, company)
        versions = f"Django {version('Django')}, Chromium {browser.version}"
        browser.close()
    made = section(rows, options.orders, versions)
    print(made)
    if options.write:
        write(made, BEGIN, END)
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
