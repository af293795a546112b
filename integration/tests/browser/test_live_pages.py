"""The live pages in a real browser, against a real server."""

from __future__ import annotations

import re

import pytest

from integration.tests.browser.waiting import SOON_MS, expect

pytestmark = pytest.mark.browser

LINE = re.compile(r"order ([0-9a-f-]{36})")


def send(server, provider: str = "careem", event: str = "created", dialect: str = "hub") -> str:
    """Send a signed sample as the provider would; return the order's id."""
    return LINE.findall(server.manage("send_sample", provider, "--event", event, "--dialect", dialect))[-1]


def go(page, url: str):
    page.goto(url)
    page.wait_for_selector("#connection[data-state=live]", timeout=SOON_MS)
    return page


def change_elsewhere(server, order_id: str, status: str) -> None:
    """Move an order in another process, which can send this server no hint."""
    server.shell(
        "from orders.models import Order; from orders.services import change_status; from providers.events import Status;"
        f"change_status(Order.objects.get(pk='{order_id}'), Status.{status}, user=None)"
    )


def row(page, order_id: str):
    return page.locator(f"#order-{order_id}")


def status_of(page, order_id: str) -> str:
    return row(page, order_id).locator(".status").inner_text()


def expect_status(page, order_id: str, word: str) -> None:
    expect(row(page, order_id).locator(".status")).to_have_text(word, timeout=SOON_MS)


def test_an_order_appears_by_itself_and_is_announced(server, open_page):
    page = go(open_page(), server.url)
    order_id = send(server)
    row(page, order_id).wait_for(timeout=SOON_MS)
    assert page.locator("#rows > li").first.get_attribute("data-order") == order_id
    expect(row(page, order_id)).to_have_class(re.compile("is-fresh"), timeout=SOON_MS)
    expect(page.locator("#announcer")).to_have_text(re.compile("^New order: Careem "), timeout=SOON_MS)
    expect(row(page, order_id).locator("[data-deadline] b")).to_have_text(
        re.compile(r"^[^:]*\d:\d+[^:]*$"), timeout=SOON_MS
    )


def test_one_click_moves_an_order_on_every_screen(server, open_page):
    one, other = go(open_page(), server.url), go(open_page(), server.url)
    order_id = send(server)
    row(one, order_id).get_by_role("button", name="Accept").click(timeout=SOON_MS)
    for page in (one, other):
        expect_status(page, order_id, "Accepted")
    row(other, order_id).get_by_role("button", name="Start preparing").click()
    for page in (one, other):
        expect_status(page, order_id, "Preparing")


def test_a_change_is_not_lost_while_the_page_waits_for_a_calm_moment(server, open_page):
    page = go(open_page(), server.url)
    order_id = send(server)
    row(page, order_id).hover(timeout=SOON_MS)
    page.evaluate("setInterval(() => dispatchEvent(new PointerEvent('pointermove')), 100)")
    for status in ("CONFIRMED", "PREPARING", "READY"):
        change_elsewhere(server, order_id, status)
    expect_status(page, order_id, "Ready")


def test_two_fast_clicks_are_one_step(server, open_page):
    page = go(open_page(), server.url)
    order_id = send(server)
    posts = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    row(page, order_id).get_by_role("button", name="Accept").dblclick(timeout=SOON_MS)
    expect_status(page, order_id, "Accepted")
    page.wait_for_timeout(500)
    assert posts == [f"{server.url}/api/orders/{order_id}/status"]
    assert status_of(page, order_id) == "Accepted"


def test_a_rejection_asks_for_its_reason_and_tells_it(server, open_page):
    page = go(open_page(), server.url)
    order_id = send(server)
    row(page, order_id).get_by_label("More steps").click(timeout=SOON_MS)
    row(page, order_id).get_by_role("button", name="Reject…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason", exact=True).select_option("The kitchen is too busy")
    assert not dialog.get_by_label("In your own words").is_visible()
    dialog.get_by_role("button", name="Reject", exact=True).click()
    expect_status(page, order_id, "Rejected")
    page.goto(f"{server.url}/orders/{order_id}/")
    assert "The kitchen is too busy" in page.locator("#part-timeline").inner_text()


def test_own_words_are_asked_for_where_the_provider_takes_them(server, open_page):
    page = go(open_page(), server.url)
    order_id = send(server, "jahez")
    row(page, order_id).get_by_label("More steps").click(timeout=SOON_MS)
    row(page, order_id).get_by_role("button", name="Reject…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason", exact=True).select_option("In your own words…")
    dialog.get_by_role("button", name="An item is sold out").click()
    dialog.get_by_role("button", name="Reject", exact=True).click()
    expect_status(page, order_id, "Rejected")
    page.goto(f"{server.url}/orders/{order_id}/")
    assert "An item is sold out" in page.locator("#part-timeline").inner_text()


def test_another_time_is_named_and_the_page_shows_what_the_provider_says(server, open_page):
    page = go(open_page(), server.url)
    order_id = send(server)
    page = go(page, f"{server.url}/orders/{order_id}/")
    page.get_by_role("button", name="Accept", exact=True).click()
    page.locator("#part-timeline", has_text="To Careem: Accepted").wait_for(timeout=SOON_MS)
    page.get_by_label("More steps").click()
    page.get_by_role("button", name="Change the time…").click()
    page.get_by_label("Ready in how many minutes").fill("30")
    page.get_by_role("dialog").get_by_role("button", name="Change the time").click()
    told = page.locator(".pushes li", has_text="To Careem: the preparation time")
    # Nothing announces the provider's answer: the page looks again by itself.
    told.filter(has_text="taken").wait_for(timeout=SOON_MS)
    assert "ready in 30 min" in page.locator("#part-timeline").inner_text()


def test_going_back_from_the_dialog_changes_nothing(server, open_page):
    page = go(open_page(), server.url)
    order_id = send(server)
    row(page, order_id).get_by_label("More steps").click(timeout=SOON_MS)
    row(page, order_id).get_by_role("button", name="Cancel…").click()
    page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    assert status_of(page, order_id) == "New"


def test_a_step_that_is_no_longer_possible_is_explained_and_the_row_shown_anew(server, open_page):
    page = go(open_page(), server.url)
    order_id = send(server)
    button = row(page, order_id).get_by_role("button", name="Accept")
    button.wait_for(timeout=SOON_MS)
    # What the other screen did has not come here: the hint and the question after it are both cut.
    rows = re.compile("/orders/rows/|/dashboard/together/")
    page.route(rows, lambda route: route.abort())
    change_elsewhere(server, order_id, "REJECTED")
    page.wait_for_timeout(1_500)
    page.unroute(rows)
    button.click()
    page.locator(".toast", has_text="It is finished.").wait_for(timeout=SOON_MS)
    expect_status(page, order_id, "Rejected")
    # The browser itself writes a refused call into the console; anything else would be an error of ours.
    open_page.errors[:] = [e for e in open_page.errors if "409" not in e and "ERR_FAILED" not in e]


def test_an_order_leaves_a_filter_that_it_no_longer_matches(server, open_page):
    page = go(open_page(), f"{server.url}/?status=received")
    order_id = send(server)
    row(page, order_id).get_by_role("button", name="Accept").click(timeout=SOON_MS)
    row(page, order_id).wait_for(state="detached", timeout=SOON_MS)


def test_filtering_needs_no_reload_and_stands_in_the_address(server, open_page):
    careem, talabat = send(server, "careem"), send(server, "talabat")
    page = go(open_page(), server.url)
    page.locator("#filter").get_by_label("Provider").select_option("talabat")
    row(page, careem).wait_for(state="detached", timeout=SOON_MS)
    row(page, talabat).wait_for(timeout=SOON_MS)
    page.wait_for_url("**/?provider=talabat", timeout=SOON_MS)


def test_the_order_page_follows_its_order_and_keeps_what_is_open(server, open_page):
    order_id = send(server, "talabat")
    page = go(open_page(), f"{server.url}/orders/{order_id}/")
    page.locator("summary", has_text="Payload").first.click()
    payload = page.locator("#part-timeline pre").first
    payload.wait_for()
    page.get_by_role("button", name="Accept", exact=True).click()
    page.locator("#part-head .status", has_text="Accepted").wait_for(timeout=SOON_MS)
    page.locator("#part-timeline", has_text="New → Accepted").wait_for(timeout=SOON_MS)
    assert payload.is_visible()


def test_after_an_outage_the_page_says_so_comes_back_and_has_what_it_missed(server, open_page):
    page = go(open_page(), server.url)
    order_id = send(server)
    row(page, order_id).wait_for(timeout=SOON_MS)
    server.stop()
    page.wait_for_selector("#connection[data-state=down]", timeout=SOON_MS)
    assert re.fullmatch(r"Not live since \d\d:\d\d:\d\d", page.locator("#connection .text").inner_text())
    change_elsewhere(server, order_id, "CONFIRMED")
    server.start()
    page.wait_for_selector("#connection[data-state=live]", timeout=40_000)
    expect_status(page, order_id, "Accepted")
    # While the server is away the browser itself writes each refused connection into the console.
    open_page.errors[:] = [e for e in open_page.errors if "ERR_CONNECTION" not in e and "WebSocket" not in e]


def test_a_rush_of_orders_is_complete_and_in_order(server, open_page):
    page = go(open_page(), server.url)
    ids = LINE.findall(server.manage("send_sample", "jahez", "--count", "40"))
    assert len(set(ids)) == 40
    for order_id in ids:
        row(page, order_id).wait_for(timeout=SOON_MS)
    cursors = page.locator("#rows > li").evaluate_all("rows => rows.map(row => row.dataset.cursor)")
    assert cursors == sorted(cursors, reverse=True)


def test_a_line_that_falls_silent_is_not_live(server, open_page):
    page = open_page()
    opened = []

    def greet_once(socket):
        opened.append(socket)
        if len(opened) == 1:
            socket.send('{"type": "hello", "companyId": "", "seq": 0}')

    page.route_web_socket("**/ws/orders/**", greet_once)
    page.clock.install()
    go(page, server.url)
    # The page's clock goes on by itself meanwhile: what a slow machine takes must fit between here and the 45 s.
    page.clock.fast_forward(30_000)
    assert page.locator("#connection").get_attribute("data-state") == "live"
    page.clock.fast_forward(17_000)
    # The way without the socket is tried at once, so that it may be asking already.
    page.wait_for_selector("#connection:is([data-state=down], [data-state=polling])", timeout=SOON_MS)


def test_while_the_socket_is_away_the_page_asks_every_few_seconds(server, open_page):
    page = open_page()
    page.route_web_socket("**/ws/orders/**", lambda socket: socket.close(code=1013))
    page.goto(server.url)
    page.wait_for_selector("#connection[data-state=polling]", timeout=SOON_MS)
    order_id = send(server)
    row(page, order_id).wait_for(timeout=SOON_MS)
    expect(page.locator("#connection .text")).to_have_text("Updated every 5 s", timeout=SOON_MS)


def test_an_ended_session_is_said_with_a_way_back(server, open_page):
    page = open_page()
    page.goto(server.url)
    page.context.clear_cookies()
    page.reload()
    assert page.url.startswith(f"{server.url}/sign-in/")
    page = go(open_page(), server.url)
    send_id = send(server)
    row(page, send_id).wait_for(timeout=SOON_MS)
    page.context.clear_cookies()
    row(page, send_id).get_by_role("button", name="Accept").click()
    page.get_by_text("Your session has ended.").wait_for(timeout=SOON_MS)
    assert page.get_by_role("link", name="Sign in again").get_attribute("href") == "/sign-in/?next=/"
    # Closed first: what it still asks for is refused as well.
    page.context.close()
    open_page.errors[:] = [e for e in open_page.errors if "401" not in e]


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_nothing_is_wider_than_the_screen(server, open_page, size):
    order_id = send(server)
    page = open_page(viewport={"width": size[0], "height": size[1]})
    for path in ("/", f"/orders/{order_id}/"):
        go(page, server.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_an_order_is_accepted_with_the_keyboard_alone(server, open_page):
    page = go(open_page(), f"{server.url}/?status=received")
    order_id = send(server)
    row(page, order_id).wait_for(timeout=SOON_MS)
    row(page, order_id).locator(".number").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    row(page, order_id).wait_for(state="detached", timeout=SOON_MS)


def test_the_keyboard_stays_on_the_order_that_it_moved(server, open_page):
    page = go(open_page(), server.url)
    order_id = send(server)
    row(page, order_id).get_by_role("button", name="Accept").focus(timeout=SOON_MS)
    for word in ("Accepted", "Preparing"):
        page.keyboard.press("Enter")
        expect_status(page, order_id, word)
        page.wait_for_function("id => document.activeElement.id === `step-${id}`", arg=order_id)


def test_what_happened_while_the_socket_was_gone_is_filled_in(server, open_page):
    page, sockets, is_open = open_page(), [], [True]

    def through(socket):
        if not is_open[0]:
            socket.close(code=1013)
            return
        socket.connect_to_server()
        sockets.append(socket)

    page.route_web_socket("**/ws/orders/**", through)
    go(page, server.url)
    page.route("**/api/orders/changes**", lambda route: route.abort())
    is_open[0] = False
    sockets[0].close(code=1012)
    page.wait_for_selector("#connection[data-state=down]", timeout=SOON_MS)
    missed = [send(server), send(server, "talabat")]
    assert [row(page, each).count() for each in missed] == [0, 0]
    page.unroute("**/api/orders/changes**")
    is_open[0] = True
    page.wait_for_selector("#connection[data-state=live]", timeout=40_000)
    for each in missed:
        row(page, each).wait_for(timeout=SOON_MS)
    # The browser itself writes a question that was cut into the console.
    open_page.errors[:] = [e for e in open_page.errors if "ERR_FAILED" not in e]


def test_what_is_typed_survives_that_the_page_is_drawn_anew(server, open_page):
    page = go(open_page(), f"{server.url}/alerts/")
    kept = page.evaluate("""async () => {
      const { replaceKeeping } = await import("/static/js/dom.js");
      const draw = (text, chosen) => {
        const part = document.createElement("section");
        part.innerHTML = `<input id="one" value="${text}"><textarea id="two">${text}</textarea>
          <input id="three" type="checkbox"><select id="four"><option>a</option><option ${chosen}>b</option></select>
          <input id="five" value="${text}">`;
        return part;
      };
      const old = draw("old", "");
      document.getElementById("main").append(old);
      document.getElementById("one").value = "typed";
      document.getElementById("two").value = "typed too";
      document.getElementById("three").checked = true;
      document.getElementById("two").focus();
      document.getElementById("two").setSelectionRange(2, 5);
      replaceKeeping(old, draw("new", "selected"));
      const field = (id) => document.getElementById(id);
      return [field("one").value, field("two").value, field("three").checked, field("four").value, field("five").value,
        document.activeElement.id, field("two").selectionStart, field("two").selectionEnd];
    }""")
    assert kept == ["typed", "typed too", True, "b", "new", "two", 2, 5]
