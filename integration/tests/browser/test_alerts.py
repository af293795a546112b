"""The alert centre and its number in a real browser."""

from __future__ import annotations

import uuid

import pytest

from integration.tests.browser.test_live_pages import SOON_MS, go
from integration.tests.browser.waiting import expect

pytestmark = pytest.mark.browser


def raise_one(server, subject: str) -> None:
    """Raise an alert in another process, which can send this server no hint; one that nothing resolves by itself."""
    server.shell(
        "from integration.alerts import raise_alert; from orders.models import Company;"
        f"raise_alert(Company.objects.get(slug='demo'), 'push_no_credential', 'It waits.', subject='{subject}')"
    )


def silent_one(page, provider: str):
    """Return the alert of a provider that is told nothing; there may be others of it."""
    return page.locator(".cause", has_text="Provider is told nothing").locator(".alert", has_text=provider)


def wait_for_count(server, page) -> int:
    """Wait until the page shows as many open alerts as there are, and return how many: others come and go meanwhile."""
    from playwright.sync_api import TimeoutError as TooLong

    shown = "wanted => Number(document.getElementById('alert-count').firstChild.textContent) === wanted"
    for _ in range(10):
        number = open_in_database(server)
        try:
            page.wait_for_function(shown, arg=number, timeout=3_000)
        except TooLong:
            continue
        return number
    raise AssertionError("the page never showed how many alerts are open")


def send_unusable(server, page) -> str:
    """Send a genuine request that cannot be used, so that the server itself raises an alert; return the event's id."""
    printed = server.shell(
        "from orders.models import Company; company = Company.objects.get(slug='demo');"
        "print(company.id, company.credentials.get(provider='jahez').value('bearerToken'))"
    )
    company, token = printed.split()[-2:]
    answer = page.request.post(
        f"{server.url}/api/integration/webhook/jahez/{company}",
        headers={
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "X-Request-Id": str(uuid.uuid4()),
        },
        data='{"event": "order_created", "orderId": "' + str(uuid.uuid4()) + '"}',
    )
    assert answer.json()["status"] == "quarantined", answer.text()
    return answer.json()["eventId"]


def open_in_database(server, change: str = "") -> int:
    """Return how many alerts are open; ``change`` is done to all of them before."""
    alerts = "Alert.objects.filter(company__slug='demo', state='open')"
    printed = server.shell(f"from integration.models import Alert; {alerts}{change}; print({alerts}.count())")
    return int(printed.split()[-1])


def test_an_alert_is_live_on_every_screen_and_one_click_ends_it(server, open_page):
    # What other tests have raised would only count up: the number of open alerts would stay.
    open_in_database(server, ".update(state='resolved')")
    orders, centre = go(open_page(), server.url), go(open_page(), f"{server.url}/alerts/")
    send_unusable(server, orders)
    row = centre.locator(".cause", has_text="Payload cannot be used").locator(".alert", has_text="Jahez")
    row.wait_for(timeout=SOON_MS)
    # Orders of other tests that nobody answers raise alerts too: the database knows the number.
    assert wait_for_count(server, orders) > 0
    row.get_by_role("button", name="Resolve").click()
    row.wait_for(state="detached", timeout=SOON_MS)
    assert centre.url == f"{server.url}/alerts/"
    for page in (orders, centre):
        wait_for_count(server, page)


def test_an_acknowledged_alert_moves_to_its_own_list(server, open_page):
    raise_one(server, "careem")
    page = go(open_page(), f"{server.url}/alerts/")
    row = silent_one(page, "Careem")
    row.get_by_role("button", name="Acknowledge").click()
    row.wait_for(state="detached", timeout=SOON_MS)
    page.get_by_role("link", name="Acknowledged").click()
    silent_one(page, "Careem").get_by_text("Demo Owner").wait_for(timeout=SOON_MS)


def test_without_javascript_the_buttons_work_and_the_page_says_what_was_done(server, open_page):
    raise_one(server, "talabat")
    page = open_page(java_script_enabled=False)
    page.goto(f"{server.url}/alerts/")
    silent_one(page, "Talabat").get_by_role("button", name="Resolve").click()
    assert page.locator(".message").inner_text() == "Resolved."
    assert silent_one(page, "Talabat").count() == 0


def test_the_menu_of_the_person_opens_closes_and_gives_the_focus_back(server, open_page):
    page = go(open_page(), f"{server.url}/alerts/")
    menu = page.locator("#account > summary")
    menu.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sign out").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(menu).to_be_focused()


@pytest.mark.parametrize("size", [(1440, 900), (390, 844), (320, 640)])
def test_the_alerts_are_no_wider_than_the_screen(server, open_page, size):
    raise_one(server, "deliveroo")
    page = go(open_page(viewport={"width": size[0], "height": size[1]}), f"{server.url}/alerts/")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
