"""Twenty dashboards in a real browser while orders arrive: what they cost with DASHBOARD_CACHE on, and with it off.

    python -m benchmarks.dashboards [--pages 20] [--seconds 200] [--rate 0.1] [--write]

Each side has a server of its own (the one process of ``make run``, on SQLite) and a hub that answers at once. Exits 1 unless
queries, calls from the browsers and calls to the hub are each at least 60 % fewer. ``--write`` puts the table into
docs/performance.md.

Where a server has more to do than it can, each page waits for its answer before it asks again, and so asks less than it
wants: at the default size the side without sharing keeps up. The table tells how far it did.
"""

from __future__ import annotations

import argparse
import http.server
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.dashboards.counting import PATH
from benchmarks.faults.servers import MissingError, free_port, is_open
from benchmarks.tables import machine, write

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = "/usr/bin/chromium"
START_WITHIN_S, SETTLE_S, LAST_S = 90, 20, 10
KEEPS_UP = 0.9
"""A side that asks for less than this part of what its pages want is saturated."""
ORDER = re.compile(r"order ([0-9a-f-]{36})")
WATCH = """() => {
  // Milliseconds from when an order was stored to when its row stood in the page; both by the clock of this machine.
  window.waits = {};
  new MutationObserver(() => {
    for (const row of document.querySelectorAll("#rows > li")) {
      window.waits[row.dataset.order] ??= Date.now() - Number(row.dataset.cursor.split(".")[0]) / 1000;
    }
  }).observe(document.getElementById("list"), { childList: true, subtree: true });
}"""
LEAST_SAVED = 0.6
BEGIN, END = "<!-- dashboards: written by python -m benchmarks.dashboards -->", "<!-- dashboards: end -->"
_PEOPLE = """
import json
from django.conf import settings
from django.test import Client
from integration.models import IntegrationWebhook
from orders.models import Company, Membership, User
company = Company.objects.get(slug="demo")
IntegrationWebhook.objects.get_or_create(company=company, provider="careem", defaults={"url": "https://example.com/"})
keys = []
for number in range(PAGES):
    user = User.objects.create_user(f"screen-{number}", password="not used here 17")
    Membership.objects.create(user=user, company=company, role="staff")
    client = Client()
    client.force_login(user)
    keys.append(client.cookies[settings.SESSION_COOKIE_NAME].value)
print(json.dumps(keys))
"""


class Hub(http.server.ThreadingHTTPServer):
    """A hub that tells nothing, at once, and counts who asks."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.calls = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answering(http.server.BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        if self.path.startswith("/api/webhooks/"):
            self.server.calls += 1
        body = b'{"data": {"byProvider": []}, "results": [], "status": "ok"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Write no line for a call."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one side did: its calls and queries by group, its calls to the hub, how long each page waited for each order."""

    calls: dict[str, int]
    queries: dict[str, int]
    hub: int
    pages: int
    waits_ms: list[float]

    @property
    def orders(self) -> int:
        return self.calls.get("webhooks", 0)

    @property
    def asked(self) -> float:
        """The part of what the pages want that they came to ask for: without sharing, the rows once for each order."""
        return self.calls.get("rows", 0) / (self.orders * self.pages or 1)


class Side:
    """One installation with its browser pages."""

    def __init__(self, folder: Path, *, shares: bool) -> None:
        self.port, self.hub = free_port(), Hub()
        self.url = f"http://127.0.0.1:{self.port}"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environ = kept | {
            "DATA_DIR": str(folder),
            "PORT": str(self.port),
            "APP_BASE_URL": self.url,
            "NEXARA_BASE_URL": f"http://127.0.0.1:{self.hub.server_port}",
            "DASHBOARD_CACHE": str(shares).lower(),
            "DJANGO_SETTINGS_MODULE": "benchmarks.dashboards.settings",
        }

    def start(self) -> None:
        """Start the server. Raises MissingError."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "restaurant_integration.embedded"],
            cwd=ROOT,
            env=self.environ,
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_WITHIN_S
        while not is_open(self.port) or not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise MissingError("the server did not start")
            time.sleep(0.2)

    def _answers(self) -> bool:
        try:
            self.counts()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(15)
        self.hub.shutdown()

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.environ, capture_output=True, text=True, check=True).stdout

    def counts(self) -> dict[str, dict[str, int]]:
        with urllib.request.urlopen(self.url + PATH, timeout=20) as answer:  # noqa: S310 — our own server
            found: dict[str, dict[str, int]] = json.load(answer)
        return found

    def open_pages(self, browser: Browser, number: int) -> list[Page]:
        """Open the dashboard as so many people, and wait until each shows its figures."""
        keys = json.loads(
            self.manage("shell", "--no-imports", "-c", _PEOPLE.replace("PAGES", str(number))).splitlines()[-1]
        )
        pages = []
        for key in keys:
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            context.add_cookies([{"name": "sessionid", "value": key, "url": self.url}])
            page = context.new_page()
            page.goto(self.url)
            page.wait_for_selector("#part-counters:not([aria-busy])", timeout=60_000)
            pages.append(page)
        return pages

    def measure(self, browser: Browser, options: argparse.Namespace) -> Found:
        """Return what happened while orders arrived, and until the pages had drawn the last of them."""
        pages = self.open_pages(browser, options.pages)
        pages[0].wait_for_timeout(SETTLE_S * 1_000)
        for page in pages:
            page.evaluate(WATCH)
        before, hub_before = self.counts(), self.hub.calls
        ids = self.send(pages[0], options)
        pages[0].wait_for_timeout(LAST_S * 1_000)
        after, hub_after = self.counts(), self.hub.calls
        waits = [page.evaluate("() => window.waits") for page in pages]
        for page in pages:
            page.context.close()
        calls, queries = (
            {name: after[kind][name] - before[kind].get(name, 0) for name in after[kind]}
            for kind in ("calls", "queries")
        )
        waited = [waits_of[order] for waits_of in waits for order in ids if order in waits_of]
        return Found(calls, queries, hub_after - hub_before, options.pages, waited)

    def send(self, page: Page, options: argparse.Namespace) -> list[str]:
        """Send the orders at the rate, for no longer than the time given; return the ids of those that were answered."""
        command = [sys.executable, "manage.py", "send_sample", "careem"]
        command += ["--count", str(max(1, int(options.seconds * options.rate))), "--rate", str(options.rate)]
        with tempfile.TemporaryFile("w+") as told:
            sender = subprocess.Popen(
                command, cwd=ROOT, env=self.environ | {"PYTHONUNBUFFERED": "1"}, stdout=told, stderr=subprocess.DEVNULL
            )
            deadline = time.monotonic() + options.seconds + SETTLE_S
            while sender.poll() is None and time.monotonic() < deadline:
                page.wait_for_timeout(200)
            sender.terminate()
            sender.wait()
            told.seek(0)
            return ORDER.findall(told.read())


def run(*, shares: bool, options: argparse.Namespace) -> Found:
    with tempfile.TemporaryDirectory(prefix="dashboards-") as folder, sync_playwright() as playwright:
        side = Side(Path(folder), shares=shares)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        side.start()
        try:
            return side.measure(browser, options)
        finally:
            browser.close()
            side.stop()


def versions() -> str:
    """Return memory and versions in one line."""
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    told = subprocess.run([CHROMIUM, "--version"], capture_output=True, text=True, check=False).stdout
    chromium = re.search(r"[\d.]+", told)
    return (
        f"{int(memory[1]) // 1024**2 if memory else 0} GB, Django {django.__version__},"
        f" Chromium {chromium[0] if chromium else '?'}"
    )


def table(off: Found, on: Found, count: int) -> tuple[list[str], bool]:
    """Return what each side cost for an order that arrived, as Markdown, and whether every saving is large enough.

    By order and not by minute: a server that has too much to do takes fewer orders, and would look cheaper for it.
    """
    lines, saved = ["| for an order that arrived | off | on | fewer |", "|---|---|---|---|"], []

    def line(name: str, without: int, shared: int, *, counts: bool = False) -> None:
        each = without / (off.orders or 1), shared / (on.orders or 1)
        share = 1 - each[1] / each[0] if each[0] else 0.0
        if counts:
            saved.append(share)
        told = f"{share * 100:.0f} %" if each[0] else "–"
        lines.append(f"| {name} | {each[0]:,.1f} | {each[1]:,.1f} | {told} |")

    for title, plain, held in (
        ("database queries", off.queries, on.queries),
        ("calls from the browsers", off.calls, on.calls),
    ):
        names = sorted({*plain, *held} - {"webhooks", "other"})
        line(f"**{title}**", *[sum(side.get(name, 0) for name in names) for side in (plain, held)], counts=True)
        for name in names:
            line(f"… {name}", plain.get(name, 0), held.get(name, 0))
    line("**calls to the hub**", off.hub, on.hub, counts=True)
    return [*lines, "", *how_it_went(off, on, count)], min(saved) >= LEAST_SAVED


def how_it_went(off: Found, on: Found, count: int) -> list[str]:
    """Return how many of the orders came, were drawn and how late, and whether the side without sharing kept up."""
    lines = ["| of the orders | off | on |", "|---|---|---|"]
    rows: tuple[tuple[str, Callable[[Found], str]], ...] = (
        ("sent", lambda side: f"{count}"),
        ("arrived", lambda side: f"{side.orders}"),
        ("drawn, of all on all pages", lambda side: f"{100 * len(side.waits_ms) / (count * side.pages):.0f} %"),
        ("a page waited, median", lambda side: _wait(side, 50)),
        ("a page waited, p95", lambda side: _wait(side, 95)),
    )
    lines += [f"| {name} | {told(off)} | {told(on)} |" for name, told in rows]
    kept_up = off.asked >= KEEPS_UP
    words = (
        "kept up"
        if kept_up
        else "was saturated, and cost less than its pages want: the savings are larger than they look"
    )
    return [
        *lines,
        "",
        f"Without sharing the pages asked for {off.asked * 100:.0f} % of what they want: that side {words}.",
    ]


def _wait(side: Found, percent: int) -> str:
    if len(side.waits_ms) < 2:
        return "–"
    return f"{statistics.quantiles(side.waits_ms, n=100, method='inclusive')[percent - 1] / 1_000:.2f} s"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboards", description=__doc__)
    parser.add_argument("--pages", type=int, default=20, help="dashboards that stand open")
    parser.add_argument("--seconds", type=int, default=200, help="how long orders arrive")
    parser.add_argument("--rate", type=float, default=0.1, help="orders a second")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    how = f"{options.pages} dashboards, {options.rate:g} orders a second for {options.seconds} s"
    off, on = run(shares=False, options=options), run(shares=True, options=options)
    lines, holds = table(off, on, max(1, int(options.seconds * options.rate)))
    made = "\n".join([f"{machine()}; {versions()}; SQLite; {how}.", "", *lines])
    print(made)
    if options.write:
        write(f"{BEGIN}\n{made}\n{END}", BEGIN, END)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
