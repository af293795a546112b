"""The grid of the office in a real browser: ten thousand orders, one view in one address, many orders at once."""

from __future__ import annotations

import re

import pytest

from integration.tests.browser.test_live_pages import SOON_MS, go, send
from integration.tests.browser.waiting import expect

pytestmark = pytest.mark.browser

MANY = 10_000
ROWS = "#window > [role=row]"
# The time that is left runs by itself, every second. Rows at the end come and go with the height of the grid: that touches
# nobody, unless one that was there is made anew.
TOUCHED = """() => {
  window.touched = new Set();
  const before = new Set([...document.querySelectorAll('#window > [role=row]')].map(row => row.id));
  const of = target => target.nodeType === 1 ? target : target.parentElement;
  const note = ({ target, addedNodes }) => {
    if (target.id === 'window') addedNodes.forEach(row => before.has(row.id) && window.touched.add(row.id));
    else if (!of(target).closest('.deadline')) window.touched.add(of(target).closest('[role=row]')?.id ?? target.id);
  };
  new MutationObserver(all => all.filter(each => each.attributeName !== 'style').forEach(note))
    .observe(document.getElementById('grid'), { subtree: true, childList: true, attributes: true, characterData: true });
}"""


def grid(server, open_page, query: str = "", **options):
    page = go(open_page(**options), f"{server.url}/orders/grid/{query}")
    page.wait_for_selector("#grid[aria-busy=false]", timeout=SOON_MS)
    return page


def row(page, order_id: str):
    return page.locator(f"#order-{order_id}")


def status_of(page, order_id: str):
    return row(page, order_id).locator(".status")


def ids(page) -> list[str]:
    return page.locator(f"{ROWS}[data-order]").evaluate_all("rows => rows.map(row => row.dataset.order)")


@pytest.fixture(scope="module")
def many(server, signed_in):
    """A company with ten thousand orders, to which the signed-in person belongs."""
    return server.shell(f"from benchmarks.grid.seed import seed; print(seed('many-orders', {MANY}, 'demo'))").strip()


def test_a_new_order_appears_on_top_by_itself_and_a_step_touches_its_row_alone(server, open_page):
    send(server)
    page = grid(server, open_page)
    order_id = send(server)
    row(page, order_id).wait_for(timeout=SOON_MS)
    assert ids(page)[0] == order_id
    expect(status_of(page, order_id)).to_have_text("New")
    page.evaluate(TOUCHED)
    other = grid(server, open_page)
    row(other, order_id).locator("input").click(timeout=SOON_MS)
    other.get_by_role("button", name="Set the status").click()
    expect(status_of(page, order_id)).to_have_text("Accepted", timeout=SOON_MS)
    assert page.evaluate("[...window.touched]") == [f"order-{order_id}"]


def test_ten_thousand_orders_scroll_with_few_rows_in_the_page(server, open_page, many):
    page = grid(server, open_page, f"?company={many}")
    expect(page.locator("#count")).to_have_text("Orders: 10,000")
    assert page.locator("#grid").get_attribute("aria-rowcount") == str(MANY + 1)
    page.evaluate("""() => {
      window.most = 0;
      const look = () => { window.most = Math.max(window.most, document.querySelectorAll('[role=row]').length); };
      new MutationObserver(look).observe(document.getElementById('window'), { childList: true });
      look();
    }""")
    page.evaluate("""async () => {
      const grid = document.getElementById('grid');
      for (let part = 1; part <= 60; part += 1) {
        grid.scrollTop = grid.scrollHeight * part / 60;
        await new Promise(requestAnimationFrame);
      }
    }""")
    last = f"() => document.querySelector('#window > :last-child[data-order]')?.ariaRowIndex === '{MANY + 1}'"
    page.wait_for_function(last, timeout=30_000)
    expect(page.locator("#window > :last-child .number")).to_have_text("#1")
    assert 10 < page.evaluate("window.most") < 300
    page.locator("#grid").evaluate("grid => { grid.scrollTop = grid.scrollHeight / 2; }")
    # A place whose order is being loaded still has the words of another in it: read when all are here.
    drawn = page.wait_for_function(f"""() => {{
      const rows = [...document.querySelectorAll('{ROWS}')];
      const isThere = rows[0]?.ariaRowIndex > 4000 && rows.every((row) => row.dataset.order);
      return isThere && rows.map((row) => Number(row.querySelector('.number').textContent.slice(1)));
    }}""").json_value()
    assert drawn == list(range(drawn[0], drawn[0] - len(drawn), -1))


def test_a_view_comes_back_from_its_address(server, open_page, many):
    page = grid(server, open_page, f"?company={many}")
    page.get_by_text("Status", exact=False).first.wait_for()
    page.locator("#filter-status > summary").click()
    page.get_by_role("checkbox", name="Delivered").check()
    page.keyboard.press("Escape")
    page.locator("#choose-columns > summary").click()
    page.get_by_role("checkbox", name="Payment").check()
    page.locator("#choose-columns").get_by_label("Attention").uncheck()
    page.keyboard.press("Escape")
    page.locator("main").get_by_role("searchbox").fill("Lina")
    page.get_by_role("button", name="Total").click()
    expect(page.locator("[data-sort=total]")).to_have_attribute("aria-sort", "descending")
    page.wait_for_url(re.compile("search=Lina"))
    page.wait_for_selector("#grid[aria-busy=false]")
    page.wait_for_function(
        "() => [...document.querySelectorAll('#window .c-customer')].every(cell => cell.textContent === 'Lina Haddad')"
    )
    seen, url = ids(page), page.url
    again = go(open_page(), url)
    again.wait_for_function("id => document.querySelector('#window > [data-order]')?.dataset.order === id", arg=seen[0])
    assert ids(again)[:10] == seen[:10]
    assert again.locator("#filter-status input[value=delivered]").is_checked()
    assert again.locator("main").get_by_role("searchbox").input_value() == "Lina"
    expect(again.locator("[data-sort=total]")).to_have_attribute("aria-sort", "descending")
    assert again.locator("[role=columnheader].c-payment").is_visible()
    assert again.locator("[role=columnheader].c-attention").is_hidden()
    totals = again.locator(".c-total:not([role=columnheader])").all_inner_texts()
    values = [float(text.split()[0]) for text in totals]
    assert values == sorted(values, reverse=True)
    kept = dict(again.evaluate("[...new URL(document.getElementById('export').href).searchParams]"))
    assert kept == {"company": many, "search": "Lina", "status": "delivered"}


def test_many_orders_move_at_once_and_each_refusal_is_told(server, open_page):
    fresh, begun, other = send(server), send(server), send(server, "talabat")
    page = grid(server, open_page)
    for order_id in (fresh, begun, other):
        row(page, order_id).locator("input").click(timeout=SOON_MS)
    row(page, fresh).locator("input").click()
    page.get_by_role("button", name="Set the status").click()
    expect(page.locator("#bulk-title")).to_have_text("Moved: 2. Refused: 0.", timeout=SOON_MS)
    for order_id in (begun, other):
        expect(status_of(page, order_id)).to_have_text("Accepted", timeout=SOON_MS)
    expect(page.locator("#bulk")).to_be_hidden()
    for order_id in (fresh, begun, other):
        row(page, order_id).locator("input").click()
    page.locator("#bulk-status").select_option("preparing")
    page.get_by_role("button", name="Set the status").click()
    expect(page.locator("#bulk-title")).to_have_text("Moved: 2. Refused: 1.", timeout=SOON_MS)
    refused = page.locator("#bulk-result .is-refused")
    assert refused.count() == 1
    assert "An order that is received cannot become preparing." in refused.inner_text()
    assert "Possible now: Accepted, Rejected, or Cancelled" in refused.inner_text()
    for order_id in (begun, other):
        expect(status_of(page, order_id)).to_have_text("Preparing", timeout=SOON_MS)
    expect(status_of(page, fresh)).to_have_text("New")
    expect(page.locator("#chosen")).to_have_text("Chosen: 1")
    assert row(page, fresh).get_attribute("aria-selected") == "true"
    open_page.errors[:] = [e for e in open_page.errors if "409" not in e]


def test_an_order_leaves_a_view_that_it_no_longer_matches(server, open_page):
    page = grid(server, open_page, "?status=received")
    order_id = send(server)
    row(page, order_id).locator("input").click(timeout=SOON_MS)
    page.get_by_role("button", name="Set the status").click()
    row(page, order_id).wait_for(state="detached", timeout=SOON_MS)


def test_in_another_order_new_ones_are_counted_and_shown_when_asked_for(server, open_page):
    send(server)
    page = grid(server, open_page, "?sort=-total")
    rows = int(page.locator("#grid").get_attribute("aria-rowcount"))
    send(server)
    show = page.get_by_role("button", name="New: 1, show")
    show.wait_for(timeout=SOON_MS)
    assert page.locator("#grid").get_attribute("aria-rowcount") == str(rows)
    show.click()
    # Its place among all the others may be far down.
    expect(page.locator("#grid")).to_have_attribute("aria-rowcount", str(rows + 1), timeout=SOON_MS)
    expect(show).to_be_hidden(timeout=SOON_MS)


def test_the_grid_is_worked_with_the_keyboard_alone(server, open_page, many):
    page = grid(server, open_page, f"?company={many}")
    page.locator("#grid").focus()
    page.keyboard.press("ArrowDown")
    first = ids(page)[0]
    expect(page.locator("#grid")).to_have_attribute("aria-activedescendant", f"order-{first}")
    page.keyboard.press("Space")
    expect(row(page, first)).to_have_attribute("aria-selected", "true")
    for _ in range(3):
        page.keyboard.press("PageDown")
    active = page.locator("#grid").get_attribute("aria-activedescendant")
    assert page.locator(f"#{active}").is_visible()
    assert int(page.locator(f"#{active}").get_attribute("aria-rowindex")) > 10
    page.keyboard.press("Control+a")
    expect(page.locator("#chosen")).to_have_text("Chosen: 200, as many as go at once")
    page.keyboard.press("Escape")
    expect(page.locator("#bulk")).to_be_hidden()
    page.keyboard.press("End")
    expect(page.locator("#window > .is-active .number")).to_have_text("#1", timeout=30_000)
    page.keyboard.press("Home")
    expect(page.locator("#window > .is-active .number")).to_have_text(f"#{MANY}")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server.url}/orders/{first}/?company={many}")


def test_header_and_rows_are_of_one_width_and_only_the_grid_scrolls_sideways(server, open_page, many):
    for width, height in ((1440, 900), (768, 1024), (390, 844), (320, 568)):
        page = grid(server, open_page, f"?company={many}", viewport={"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        edges = """rows => rows.map(row => [...row.children].filter(cell => !cell.hidden)
          .map(cell => Math.round(cell.getBoundingClientRect().left)))"""
        head, *rows = page.locator("#grid [role=row]").evaluate_all(edges)
        assert rows
        assert all(each == head for each in rows)


def test_the_grid_reads_from_the_right_where_the_page_does(server, open_page, many):
    page = grid(server, open_page, f"?company={many}")
    page.evaluate("document.documentElement.dir = 'rtl'")
    # Rows that wait to be used again have no place.
    ends = """cells => cells.filter(cell => cell.getClientRects().length)
      .map(cell => Math.round(cell.getBoundingClientRect().right))"""
    edges = page.locator("#grid [role=row] > .c-number").evaluate_all(ends)
    assert len(set(edges)) == 1
    assert edges[0] > page.viewport_size["width"] / 2
