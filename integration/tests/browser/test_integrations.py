"""The page of the integrations in a real browser."""

from __future__ import annotations

import re

import pytest

from integration.tests.browser.test_live_pages import SOON_MS, go
from integration.tests.browser.waiting import expect

pytestmark = pytest.mark.browser


def test_a_provider_is_switched_off_and_on_without_leaving_the_page(server, open_page):
    page = go(open_page(), f"{server.url}/integrations/")
    jahez = page.locator("#provider-jahez")
    jahez.locator("summary", has_text="Switch off").click()
    jahez.get_by_role("button", name="Switch off").click()
    jahez.locator(".health", has_text="Switched off").wait_for(timeout=SOON_MS)
    expect(page.locator("#announcer")).to_have_text("Jahez is switched off.", timeout=SOON_MS)
    jahez.get_by_role("button", name="Switch on").click()
    jahez.locator("summary", has_text="Switch off").wait_for(timeout=SOON_MS)


def test_a_test_of_the_connection_shows_its_steps(server, open_page):
    page = go(open_page(), f"{server.url}/integrations/")
    page.locator("#provider-jahez").get_by_role("button", name="Test the connection").click()
    page.locator("#tested [class*=step-]").first.wait_for(timeout=SOON_MS)
    expect(page.locator("#tested h2")).to_have_text(re.compile("^Jahez: the connection"), timeout=SOON_MS)


def test_the_checklist_stays_open_when_the_page_is_drawn_anew(server, open_page):
    page = go(open_page(), f"{server.url}/integrations/")
    page.locator("#checks-careem summary").click()
    page.locator("#provider-careem summary", has_text="Switch off").click()
    page.locator("#provider-careem").get_by_role("button", name="Switch off").click()
    page.locator("#provider-careem .health", has_text="Switched off").wait_for(timeout=SOON_MS)
    expect(page.locator("#checks-careem .checks")).to_be_visible()
    page.locator("#provider-careem").get_by_role("button", name="Switch on").click()
    page.locator("#provider-careem summary", has_text="Switch off").wait_for(timeout=SOON_MS)


@pytest.mark.parametrize("size", [(1440, 900), (390, 844), (320, 640)])
def test_the_integrations_are_no_wider_than_the_screen(server, open_page, size):
    page = go(open_page(viewport={"width": size[0], "height": size[1]}), f"{server.url}/integrations/")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


NOTED = """
from datetime import timedelta
from django.utils import timezone
from integration.models import HealthSample
from orders.models import Company
for hours in range(20):
    HealthSample.objects.create(company=Company.objects.get(slug="demo"), provider="talabat", status="degraded",
        started_at=timezone.now() - timedelta(hours=hours, minutes=10), deliveries=1234, deliveries_failed=12, calls=2345,
        calls_failed=234, call_ms=12345.6)
"""


@pytest.mark.parametrize("size", [(1440, 900), (320, 640)])
def test_the_hours_of_a_day_open_within_the_screen(server, open_page, size):
    server.shell("from integration.models import HealthSample; HealthSample.objects.all().delete()")
    server.shell(NOTED)
    page = go(open_page(viewport={"width": size[0], "height": size[1]}), f"{server.url}/integrations/")
    page.locator("#hours-talabat summary").click()
    page.locator("#hours-talabat tbody tr").first.wait_for(timeout=SOON_MS)
    assert page.locator("#hours-talabat tbody tr").count() == 20
    assert page.locator("#provider-talabat .spark").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
