"""The pages of the webhooks in a real browser."""

from __future__ import annotations

import json

import pytest

from integration.tests.browser.test_alerts import send_unusable
from integration.tests.browser.test_live_pages import SOON_MS, go, send
from integration.tests.browser.waiting import expect

pytestmark = pytest.mark.browser


def test_the_tail_shows_a_delivery_that_comes_and_stops_when_told(server, open_page):
    page = go(open_page(), f"{server.url}/webhooks/")
    first = send_unusable(server, page)
    page.locator(f"#event-{first}.is-fresh").wait_for(timeout=SOON_MS)
    page.get_by_role("button", name="Live").click()
    drawn = []
    page.on("request", lambda request: drawn.append(request.url) if request.url.endswith("/webhooks/") else None)
    # The number of alerts follows the same frames, as late: when it is asked for again, the log had its chance too.
    for _ in range(2):
        with page.expect_request("**/bell/?*", timeout=SOON_MS):
            second = send_unusable(server, page)
    assert drawn == []
    assert page.locator(f"#event-{second}").count() == 0
    page.get_by_role("button", name="Live").click()
    page.locator(f"#event-{second}").wait_for(timeout=SOON_MS)


def test_a_filter_stays_while_the_tail_runs(server, open_page):
    send(server, "talabat")
    page = go(open_page(), f"{server.url}/webhooks/")
    page.get_by_label("Status").select_option("quarantined")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/webhooks/?status=quarantined**")
    page.wait_for_selector("#connection[data-state=live]", timeout=SOON_MS)
    event = send_unusable(server, page)
    page.locator(f"#event-{event}").wait_for(timeout=SOON_MS)
    assert page.locator(".log-row:not(.is-quarantined)").count() == 0


def test_a_replay_stays_on_the_page_and_shows_its_attempt(server, open_page):
    page = open_page()
    event = send_unusable(server, page)
    go(page, f"{server.url}/webhooks/{event}/")
    before = page.locator("#part-attempts tbody tr").count()
    page.get_by_role("button", name="Replay", exact=True).click()
    page.locator("#part-attempts tbody tr").nth(before).wait_for(timeout=SOON_MS)
    assert "Replay (Demo Owner)" in page.locator("#part-attempts").inner_text()


def test_the_testing_tool_takes_another_sample_tries_it_and_sends_it(server, open_page):
    page = go(open_page(), f"{server.url}/webhooks/test/")
    page.locator("#choose [name=provider]").select_option("jahez")
    page.wait_for_url("**provider=jahez**")
    page.get_by_role("button", name="Try it").click()
    page.get_by_text("It works. Nothing was stored.").wait_for(timeout=SOON_MS)
    expect(page.locator("#result-title")).to_be_focused(timeout=SOON_MS)
    page.get_by_role("button", name="Send it as a test order").click()
    page.get_by_role("link", name="To the test order").click()
    page.locator("#part-head .tag.test").wait_for(timeout=SOON_MS)


def test_the_payload_is_copied_as_a_call_of_the_api(server, open_page):
    page = go(open_page(permissions=["clipboard-read", "clipboard-write"]), f"{server.url}/webhooks/test/")
    page.get_by_label("Payload").fill('{"it\'s": 1}')
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.locator("#curl")).not_to_have_value("", timeout=SOON_MS)
    command = page.locator("#curl").input_value()
    page.wait_for_function("wanted => navigator.clipboard.readText().then(text => text === wanted)", arg=command)
    body = json.dumps({"payload": '{"it\'s": 1}'}, separators=(",", ":")).replace("'", "'\\''")
    assert command.endswith(f"-d '{body}'")
    assert "/api/integration/webhook/careem/test'" in command


@pytest.mark.parametrize("size", [(1440, 900), (390, 844), (320, 640)])
def test_the_webhook_pages_are_no_wider_than_the_screen(server, open_page, size):
    page = open_page(viewport={"width": size[0], "height": size[1]})
    event = send_unusable(server, page)
    for path in ("/webhooks/", "/webhooks/waiting/", "/webhooks/replay/", "/webhooks/test/", f"/webhooks/{event}/"):
        go(page, server.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], path
