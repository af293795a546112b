"""Write a picture of every page, in both languages, to docs/screenshots/: a private installation in the middle of a rush.

``make screenshots``. The rush is planned by its seed: the same orders each time. Ends with an error where the pictures are
larger together than a repository should carry.
"""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "restaurant_integration.settings")

FOLDER = ROOT / "docs/screenshots"
MOST_BYTES = 8_000_000
CHROMIUM = "/usr/bin/chromium"
RUSH = ("--seed", "7", "--rate", "1", "--minutes", "0.2", "--speed", "10")
RUSH_S = 16
"""When the rush is stopped: its orders stand in every status then, and the pages are still."""
STILL_WITHIN_MS = 1_500
IS_STILL = """() => {
  const line = document.querySelector("#connection");
  return (!line || line.dataset.state === "live") && !document.querySelector("main [aria-busy=true]");
}"""
DESK, PHONE = (1440, 900), (390, 844)
PHONES_TOO = {"orders-stream", "orders-order", "orders-board", "alerts"}
DARK_TOO = {"orders-stream", "orders-board"}


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="screenshots-") as directory:
        os.environ["DATA_DIR"] = directory
        import django

        django.setup()
        from integration.tests.browser.furniture import furnish
        from integration.tests.browser.server import Server

        server = Server(Path(directory))
        server.start()
        try:
            furnished = furnish(server)
            rush = subprocess.Popen(
                [sys.executable, "manage.py", "simulate", *RUSH],
                cwd=ROOT,
                env=server.env | {"APP_BASE_URL": server.url},
                stdout=subprocess.DEVNULL,
            )
            time.sleep(RUSH_S)
            rush.kill()
            rush.wait()
            take_all(server, furnished)
        finally:
            server.stop()
    size = sum(path.stat().st_size for path in FOLDER.glob("*.webp"))
    print(f"{len(list(FOLDER.glob('*.webp')))} pictures, {size / 1e6:.1f} MB in {FOLDER.relative_to(ROOT)}/")
    return 1 if size > MOST_BYTES else 0


def take_all(server, furnished) -> None:
    from playwright.sync_api import sync_playwright

    from integration.tests.browser.every_page import PAGES
    from orders.models import Role

    for old in FOLDER.iterdir():
        old.unlink()
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for language in ("en", "ar"):
            for each in PAGES:
                session = {} if each.is_open else {"sessionid": furnished.sessions[Role.OWNER]}
                looks = [(DESK, "light", "")]
                looks += [(DESK, "dark", "-dark")] if each.title in DARK_TOO else []
                looks += [(PHONE, "light", "-phone")] if each.title in PHONES_TOO else []
                for size, theme, suffix in looks:
                    cookies = {"language": language, "theme": theme} | session
                    path = each.path(furnished.rows)
                    take(browser, server.url, path, cookies, size, FOLDER / f"{each.title}{suffix}-{language}.webp")
        browser.close()


def take(browser, site: str, path: str, cookies: dict[str, str], size: tuple[int, int], file: Path) -> None:
    from playwright.sync_api import TimeoutError

    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="en-US")
    # Of the whole site: a cookie of the page's own address would not reach what its scripts ask for.
    context.add_cookies([{"name": name, "value": value, "url": site} for name, value in cookies.items()])
    page = context.new_page()
    page.goto(site + path)
    # What is there after a while is good enough for a picture.
    with contextlib.suppress(TimeoutError):
        page.wait_for_function(IS_STILL, timeout=STILL_WITHIN_MS)
    page.evaluate("document.fonts.ready")
    answer = context.new_cdp_session(page).send("Page.captureScreenshot", {"format": "webp", "quality": 82})
    file.write_bytes(base64.b64decode(answer["data"]))
    context.close()


if __name__ == "__main__":
    sys.exit(main())
