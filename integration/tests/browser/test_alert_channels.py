"""The page of the alert channels in a real browser: one is added, switched and removed, and thresholds are set."""

from __future__ import annotations

import pytest

from integration.tests.browser.test_live_pages import SOON_MS, go
from integration.tests.browser.waiting import expect

pytestmark = pytest.mark.browser


@pytest.fixture
def channels(server, open_page):
    page = go(open_page(), f"{server.url}/alerts/channels/")
    yield page
    server.shell(
        "from integration.models import *; AlertChannel.objects.all().delete(); AlertThreshold.objects.all().delete()"
    )


def test_a_channel_is_added_switched_off_in_place_and_removed(channels, open_page):
    page = channels
    page.get_by_role("link", name="Slack or compatible").click()
    page.get_by_label("Name").fill("Kitchen chat")
    page.get_by_label("Address").fill("http://hooks.example.com/services/T0/B0/secret")
    page.get_by_role("button", name="Save the channel").click()
    # What cannot be used is told beside what was typed, which stays.
    page.locator(".error").wait_for(timeout=SOON_MS)
    expect(page.get_by_label("Name")).to_have_value("Kitchen chat", timeout=SOON_MS)
    open_page.errors[:] = [error for error in open_page.errors if "400 (Bad Request)" not in error]
    page.get_by_label("Address").fill("https://hooks.example.com/services/T0/B0/secret")
    page.get_by_role("button", name="Save the channel").click()
    channel = page.locator(".channel", has_text="Kitchen chat")
    channel.wait_for(timeout=SOON_MS)
    expect(channel).not_to_contain_text("B0/secret", timeout=SOON_MS)
    page.wait_for_selector("#connection[data-state=live]", timeout=SOON_MS)
    page.evaluate("window.isTheSame = true")
    channel.get_by_role("button", name="Switch off").click()
    expect(channel).to_contain_text("Switched off", timeout=SOON_MS)
    assert page.evaluate("window.isTheSame") is True
    channel.locator("summary", has_text="Remove…").click()
    channel.get_by_role("button", name="Remove it").click()
    expect(page.locator(".empty-title")).to_have_text("Alerts reach nobody but this screen.", timeout=SOON_MS)


def test_a_threshold_is_kept_and_one_that_is_left_empty_is_as_usual(channels):
    page, field = channels, channels.get_by_label("Deliveries of a provider that fail")
    for typed, kept in (("35", "35"), ("", "20")):
        field.fill(typed)
        page.get_by_role("button", name="Save the thresholds").click()
        page.locator(".message", has_text="The thresholds are saved.").wait_for(timeout=SOON_MS)
        expect(field).to_have_value(kept, timeout=SOON_MS)
