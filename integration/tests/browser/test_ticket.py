"""The kitchen's ticket in a real browser."""

from __future__ import annotations

import pytest

from integration.tests.browser.test_live_pages import SOON_MS, go, send
from integration.tests.browser.waiting import expect

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [320, 1440])
def test_the_ticket_is_printed_from_the_orders_page_and_fits_every_screen(server, open_page, width):
    order_id = send(server, "talabat")
    page = open_page(viewport={"width": width, "height": 800})
    page.context.add_init_script("window.print = () => { window.printed = (window.printed ?? 0) + 1; };")
    go(page, f"{server.url}/orders/{order_id}/")
    page.get_by_role("link", name="Print the ticket").click()
    page.wait_for_function("() => window.printed === 1", timeout=SOON_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Print").click()
    page.wait_for_function("() => window.printed === 2", timeout=SOON_MS)
    page.emulate_media(media="print")
    expect(page.locator("#print")).to_be_hidden(timeout=SOON_MS)
