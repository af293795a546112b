"""The board of the kitchen in a real browser."""

from __future__ import annotations

import re

import pytest

from integration.tests.browser.test_live_pages import LINE, SOON_MS, change_elsewhere, go, send
from integration.tests.browser.waiting import expect

pytestmark = pytest.mark.browser


def board(server, open_page, query: str = "", **options):
    return go(open_page(**options), f"{server.url}/orders/{query}")


def card(page, order_id: str, status: str = ""):
    return page.locator(f"#column-{status} > #order-{order_id}" if status else f"#order-{order_id}")


def expect_card(page, order_id: str, status: str) -> None:
    card(page, order_id, status).wait_for(timeout=SOON_MS)


def test_a_new_order_appears_in_its_column_and_is_announced(server, open_page):
    page = board(server, open_page)
    order_id = send(server)
    expect_card(page, order_id, "received")
    expect(page.locator("#announcer")).to_have_text(re.compile("^New order: Careem "), timeout=SOON_MS)
    expect(card(page, order_id).locator("[data-deadline] b")).to_have_text(re.compile(r"^\d+:\d\d$"), timeout=SOON_MS)
    assert page.locator(f"#column-received > li#order-{order_id} .to-cook > li").count() > 0


def test_a_step_moves_the_card_to_the_next_column_on_every_screen(server, open_page):
    one, other = board(server, open_page), board(server, open_page)
    order_id = send(server)
    card(one, order_id).get_by_role("button", name="Accept", exact=True).click(timeout=SOON_MS)
    for page in (one, other):
        expect_card(page, order_id, "confirmed")
    card(other, order_id).get_by_role("button", name="Start preparing").click()
    for page in (one, other):
        expect_card(page, order_id, "preparing")


def test_the_counts_of_the_columns_follow(server, open_page):
    page = board(server, open_page)
    count = page.locator("#column-title-received .count")
    before = int(count.inner_text())
    order_id = send(server)
    expect(count).to_have_text(str(before + 1), timeout=SOON_MS)
    card(page, order_id).get_by_role("button", name="Accept", exact=True).click()
    expect(count).to_have_text(str(before), timeout=SOON_MS)


def test_a_rejected_order_leaves_the_board(server, open_page):
    page = board(server, open_page)
    order_id = send(server)
    expect_card(page, order_id, "received")
    change_elsewhere(server, order_id, "REJECTED")
    card(page, order_id).wait_for(state="detached", timeout=30_000)


def test_what_is_cancelled_while_it_is_cooked_stays_until_somebody_puts_it_away(server, open_page):
    page, other = board(server, open_page), board(server, open_page)
    order_id = send(server)
    for step in ("Accept", "Start preparing"):
        card(page, order_id).get_by_role("button", name=step, exact=True).click(timeout=SOON_MS)
    expect_card(other, order_id, "preparing")
    card(page, order_id).get_by_label("More steps").click()
    card(page, order_id).get_by_role("button", name="Cancel…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason", exact=True).select_option(index=1)
    dialog.get_by_role("button", name="Cancel", exact=True).click()
    # Who cancelled it knows; the other screen must not simply lose it.
    card(page, order_id).wait_for(state="detached", timeout=SOON_MS)
    expect(card(other, order_id)).to_contain_text("Cancelled: stop work on it", timeout=SOON_MS)
    assert card(other, order_id).locator("[data-step]").count() == 0
    card(other, order_id).get_by_role("button", name="Put away").click()
    card(other, order_id).wait_for(state="detached", timeout=SOON_MS)


def test_what_a_dropped_socket_missed_is_filled_in(server, open_page):
    page = open_page()
    sockets, away = [], []

    def through(socket):
        if away:
            socket.close(code=1013)
        else:
            socket.connect_to_server()
            sockets.append(socket)

    page.route_web_socket("**/ws/orders/**", through)
    go(page, f"{server.url}/orders/")
    moved = send(server)
    expect_card(page, moved, "received")
    # Away: neither the socket nor the question after what was missed gets through.
    away.append(True)
    page.route("**/api/orders/changes**", lambda route: route.abort())
    sockets[-1].close(code=1012)
    page.wait_for_selector("#connection[data-state=down]", timeout=SOON_MS)
    change_elsewhere(server, moved, "CONFIRMED")
    came = send(server, "talabat")
    assert card(page, came).count() == 0
    away.clear()
    page.unroute("**/api/orders/changes**")
    page.wait_for_selector("#connection[data-state=live]", timeout=40_000)
    expect_card(page, came, "received")
    expect_card(page, moved, "confirmed")
    open_page.errors[:] = [e for e in open_page.errors if "ERR_FAILED" not in e and "WebSocket" not in e]


def test_a_rush_is_complete_and_the_most_urgent_stands_first(server, open_page):
    page = board(server, open_page, "?provider=jahez")
    ids = LINE.findall(server.manage("send_sample", "jahez", "--count", "12"))
    for order_id in ids:
        expect_card(page, order_id, "received")
    ranks = page.locator("#column-received > li").evaluate_all("cards => cards.map(card => card.dataset.rank)")
    assert ranks == sorted(ranks)


def test_filtering_needs_no_reload_and_stands_in_the_address(server, open_page):
    careem, talabat = send(server, "careem"), send(server, "talabat")
    page = board(server, open_page)
    page.get_by_label("Provider").select_option("talabat")
    card(page, careem).wait_for(state="detached", timeout=SOON_MS)
    expect_card(page, talabat, "received")
    assert page.url.endswith("/orders/?provider=talabat")
    page.reload()
    expect_card(page, talabat, "received")
    assert card(page, careem).count() == 0
    assert page.get_by_role("link", name="Wall screen").get_attribute("href") == "/orders/?provider=talabat&wall=1"


def test_the_board_is_worked_with_the_keyboard_alone(server, open_page):
    page = board(server, open_page, "?provider=deliveroo")
    first, second = send(server, "deliveroo"), send(server, "deliveroo")
    for order_id in (first, second):
        expect_card(page, order_id, "received")
    order = page.locator("#column-received > li").evaluate_all("cards => cards.map(card => card.dataset.order)")
    page.locator(f"#step-{order[0]}").focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_function("id => document.activeElement.id === `step-${id}`", arg=order[1])
    page.keyboard.press("Enter")
    expect_card(page, order[1], "confirmed")
    page.wait_for_function("id => document.activeElement.id === `step-${id}`", arg=order[1])
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => document.activeElement.closest('#column-received')")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.activeElement.closest('#column-confirmed')")


def test_what_is_wrong_with_an_order_leads_to_where_it_is_mended(server, open_page):
    order_id = send(server)
    server.shell(
        "from orders.models import Order;"
        f"Order.objects.filter(pk='{order_id}').update(attention_reasons=['amount_mismatch'], needs_attention=True)"
    )
    page = board(server, open_page)
    card(page, order_id).get_by_role("link", name="Check the amounts").click()
    page.wait_for_url(f"{server.url}/orders/{order_id}/#part-amounts")


@pytest.mark.parametrize("size", [(1920, 1080), (1440, 900), (768, 1024), (390, 844), (320, 568)])
@pytest.mark.parametrize("query", ["", "?wall=1"])
def test_no_screen_scrolls_sideways(server, open_page, size, query):
    send(server)
    page = board(server, open_page, query, viewport={"width": size[0], "height": size[1]})
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_orders_of_another_company_never_come(server, open_page):
    page = board(server, open_page)
    theirs = server.shell(
        "from integration.tests.factories import make_installation; from orders.tests.test_pages import make_order;"
        "print(make_order(make_installation('another-kitchen')).id)"
    ).strip()
    expect_card(page, send(server), "received")
    assert len(theirs) == 36
    assert card(page, theirs).count() == 0
