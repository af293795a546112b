"""From an order that needs a person to one that does not, with nothing but the screen."""

from __future__ import annotations

import re

import pytest

from integration.tests.browser.test_accessibility import check
from integration.tests.browser.test_live_pages import SOON_MS, go, row, send
from integration.tests.browser.waiting import expect

pytestmark = pytest.mark.browser

WIRE = (
    "from integration.models import ProviderCredential;"
    "row = ProviderCredential.objects.get(provider='jahez', company__slug='demo');"
    "row.base_url = row.base_url.rpartition('/')[0] + '/{}'; row.save()"
)


@pytest.fixture
def refusing(server):
    """Jahez does not take our credential: it is asked at somebody else's address."""
    server.shell(WIRE.format("careem"))
    yield
    server.shell(WIRE.format("jahez"))


def test_an_order_that_its_provider_did_not_take_is_told_again(server, open_page, refusing):
    page = go(open_page(bypass_csp=True), server.url)
    order_id = send(server, "jahez", dialect="native")
    row(page, order_id).get_by_role("button", name="Accept").click(timeout=SOON_MS)
    mark = row(page, order_id).locator(".reasons")
    expect(mark).to_have_text("Provider was not told", timeout=SOON_MS)
    row(page, order_id).locator(".number").click()
    page.wait_for_selector("#connection[data-state=live]", timeout=SOON_MS)
    box = page.locator("#attention-provider_not_told")
    expect(box).to_contain_text("The provider refused our credential (400).")
    assert check(page)["faults"] == []
    # Again while nothing is mended: the page says that it was in vain, and asks on.
    box.get_by_role("button", name="Tell Jahez again").click()
    expect(page.locator(".toast")).to_contain_text("The status was not taken")
    open_page.errors[:] = [text for text in open_page.errors if "502" not in text]
    expect(box.get_by_role("link", name="Set the credential anew")).to_have_attribute("href", re.compile("/change/$"))
    server.shell(WIRE.format("jahez"))
    expect(box.get_by_role("button", name="Tell Jahez again")).to_be_enabled()
    box.get_by_role("button", name="Tell Jahez again").click()
    expect(box).to_have_count(0, timeout=SOON_MS)
    expect(page.locator("#part-timeline")).to_contain_text("Settled: Provider was not told")
    page.goto(f"{server.url}/alerts/")
    expect(page.get_by_role("heading", name="Provider did not take a status")).to_have_count(0)


def test_a_store_that_nobody_knew_is_given_to_its_branch(server, open_page):
    server.shell("from orders.models import BranchStore; BranchStore.objects.filter(provider='careem').delete()")
    board, order_id = go(open_page(bypass_csp=True), f"{server.url}/orders/"), send(server)
    card = row(board, order_id)
    expect(card.locator(".band.attention")).to_contain_text("demo-careem", timeout=SOON_MS)
    card.get_by_role("link", name="Say which branch it is").click()
    board.wait_for_selector("#connection[data-state=live]", timeout=SOON_MS)
    box = board.locator("#attention-unknown_branch")
    expect(box.locator("code")).to_have_text("demo-careem")
    assert check(board)["faults"] == []
    branch = box.get_by_label("This store is").locator("option").first.inner_text()
    box.get_by_label("This store is").select_option(branch)
    box.get_by_role("button", name="Keep it, for the next orders too").click()
    expect(box).to_have_count(0, timeout=SOON_MS)
    expect(board.locator("#announcer")).to_contain_text(f"This store is “{branch}” from now on.")
    expect(board.locator("#part-side")).to_contain_text(branch)
    server.shell("from integration.demo import seed_demo; seed_demo('')")
