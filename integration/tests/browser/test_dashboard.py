"""The dashboard in a real browser: its panels, and the chart by pointer, by keyboard and as a table."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest

from integration.tests.browser.test_live_pages import go, row, send
from integration.tests.browser.waiting import expect

pytestmark = pytest.mark.browser

AMOUNT = re.compile(r"[\d,]+\.\d+")


@pytest.fixture(scope="module")
def sold(server):
    """Two orders of today and one of yesterday, in two currencies, of two providers."""
    server.shell(
        "import uuid; from datetime import *; from decimal import Decimal; from orders.models import *;"
        f"company, now = Company.objects.get(slug='demo'), datetime.fromisoformat('{datetime.now(UTC).isoformat()}');"
        "yesterday = now - timedelta(days=1);"
        "[Order.objects.create(id=uuid.uuid4(), company=company, provider=provider, external_id=str(uuid.uuid4()),"
        " branch=company.branches.first(), total=Decimal(total), currency=currency, status='delivered',"
        " placed_at=at, received_at=at, created_at=at, updated_at=at) for provider, total, currency, at in ("
        "('careem', '1200.125', 'JOD', now), ('jahez', '50.5', 'SAR', now), ('talabat', '9.5', 'JOD', yesterday))]"
    )
    # Behind the back of what counts closed days.
    server.manage("roll_up", "--rebuild")


def open_dashboard(server, open_page, **options):
    page = go(open_page(**options), server.url)
    expect(page.locator("#part-counters")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator("#revenue")).not_to_have_attribute("aria-busy", "true")
    return page


def amounts(text):
    return [Decimal(found.replace(",", "")) for found in AMOUNT.findall(text)]


def choose(page, label):
    page.get_by_role("radio", name=label).check()
    expect(page.locator("#revenue")).not_to_have_attribute("aria-busy", "true")


def test_every_panel_comes_and_none_says_that_it_loads(server, open_page, sold):
    page = open_dashboard(server, open_page)
    for name in ("counters", "alerts", "health", "performance", "hub"):
        expect(page.locator(f"#part-{name}")).not_to_contain_text("Loading…")
    expect(page.locator("#counter-revenue")).to_contain_text("JOD")
    expect(page.locator("#part-health")).to_contain_text("Careem")


def test_a_new_order_is_in_the_figures_by_itself(server, open_page):
    page = open_dashboard(server, open_page)
    before = int(page.locator("#performance-orders td").nth(2).inner_text())
    send(server, "deliveroo")
    expect(page.locator("#performance-orders td").nth(2)).to_have_text(str(before + 1))


def test_an_alert_stands_among_the_panels_by_itself(server, open_page):
    page = open_dashboard(server, open_page)
    server.shell(
        "from integration.alerts import raise_alert; from orders.models import Company;"
        "raise_alert(Company.objects.get(slug='demo'), 'push_no_credential', 'Told.', subject='of-the-panel',"
        " severity='critical')"
    )
    # Another process cannot reach this server's sockets: what brings it is the next event that is heard.
    send(server, "careem")
    expect(page.locator("#part-alerts")).to_contain_text("Provider is told nothing")


def test_the_chart_is_read_with_the_keyboard(server, open_page, sold):
    page = open_dashboard(server, open_page)
    choose(page, "Days")
    page.get_by_role("button", name="JOD").click()
    slider = page.get_by_role("slider")
    expect(slider).to_have_attribute("aria-label", "Revenue in JOD: left and right arrow keys go through the points")
    expect(slider).to_have_attribute("aria-valuemax", "29")
    slider.focus()
    page.keyboard.press("End")
    expect(slider).to_have_attribute("aria-valuenow", "29")
    today = slider.get_attribute("aria-valuetext")
    assert amounts(today)[0] >= Decimal("1200.125")
    page.keyboard.press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuenow", "28")
    assert amounts(slider.get_attribute("aria-valuetext")) == [Decimal("9.500")]
    expect(page.locator("#revenue-sum")).to_have_text("9.500 JOD")
    page.keyboard.press("Escape")
    expect(page.locator("#revenue-at")).to_have_text("Whole time")


def test_the_chart_is_read_with_the_pointer(server, open_page, sold):
    page = open_dashboard(server, open_page)
    choose(page, "Days")
    page.get_by_role("button", name="JOD").click()
    chart = page.locator("#revenue-chart .u-over")
    box = chart.bounding_box()
    chart.hover(position={"x": box["width"] * 28.6 / 30, "y": 40})
    expect(page.locator("#revenue-sum")).to_have_text("9.500 JOD")
    page.locator("#revenue-title").hover()
    expect(page.locator("#revenue-at")).to_have_text("Whole time")


def test_the_table_has_the_numbers_of_the_api(server, open_page, sold):
    page = open_dashboard(server, open_page)
    choose(page, "Days")
    choose(page, "By provider")
    page.get_by_role("button", name="JOD").click()
    page.get_by_role("button", name="As a table").click()
    table = page.locator("#revenue-table table")
    expect(table.locator("tbody tr")).to_have_count(30)
    found = {
        name: table.locator("tfoot td").nth(number).inner_text()
        for number, name in enumerate(("careem", "talabat", "deliveroo", "jahez"))
    }
    told = page.evaluate(
        "fetch('/api/analytics?metric=revenue&groupBy=provider&period=month').then(answer => answer.json())"
    )
    series = next(each for each in told["series"] if each["currency"] == "JOD")
    theirs = {point["key"]: Decimal(point["value"]) for point in series["points"]}
    assert {name: amounts(text)[0] for name, text in found.items()} == theirs
    assert theirs["careem"] >= Decimal("1200.125")
    page.get_by_role("button", name="As a chart").click()
    expect(page.get_by_role("slider")).to_be_visible()


def test_what_this_screen_was_set_to_stays(server, open_page, sold):
    page = open_dashboard(server, open_page)
    choose(page, "Weeks")
    choose(page, "By branch")
    page.reload()
    expect(page.get_by_role("radio", name="Weeks")).to_be_checked()
    expect(page.get_by_role("radio", name="By branch")).to_be_checked()
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuemax", re.compile(r"1[234]"))


def test_a_chart_of_nothing_says_so(server, open_page, sold):
    page = open_page()
    empty = {
        "by": "hour", "split": "", "points": [{"key": "a", "label": "a", "title": "a"}],
        "currencies": [{"currency": "JOD", "digits": 3, "total": "0.000", "lines": [
            {"key": "", "name": "All", "total": "0.000", "values": ["0.000"]}]}],
    }  # fmt: skip

    def answer(route):
        response = route.fetch()
        told = response.json()
        told["pieces"]["chart"] = {"text": json.dumps(empty), "tag": ""}
        route.fulfill(response=response, json=told)

    page.route("**/dashboard/together/**", answer)
    page.route("**/dashboard/revenue/**", lambda route: route.fulfill(json=empty))
    go(page, server.url)
    expect(page.locator("#revenue-state")).to_have_text("Nothing was sold in this time.")
    expect(page.get_by_role("slider")).to_be_hidden()


def test_while_the_figures_cannot_be_had_the_page_says_so_and_tries_again(server, open_page):
    page = open_page()
    page.clock.install()
    page.route("**/dashboard/**", lambda route: route.abort())
    go(page, server.url)
    page.clock.fast_forward(1_000)
    expect(page.locator("#panels-failed")).to_have_text("The figures could not be loaded; trying again.")
    expect(page.locator("#part-health .panel-state")).to_have_text("The figures could not be loaded; trying again.")
    expect(page.locator("#revenue-state")).to_have_text("The chart could not be loaded; trying again.")
    page.unroute("**/dashboard/**")
    page.clock.fast_forward(6_000)
    expect(page.locator("#panels-failed")).to_be_hidden()
    expect(page.locator("#part-health")).to_contain_text("Careem")
    open_page.errors[:] = [e for e in open_page.errors if "ERR_FAILED" not in e]


def test_a_page_where_nothing_happens_asks_for_nothing(server, open_page):
    page, _tell, ping = told_page(server, open_page)
    asked = asks_of(page)
    for _ in range(6):
        ping()
    assert page.locator("#connection").get_attribute("data-state") == "live"
    assert asked == []


def test_an_order_after_quiet_has_an_open_page_ask_once_for_all(server, open_page):
    page, tell, _ping = told_page(server, open_page)
    asked = asks_of(page)
    order_id = send(server)
    tell(order_id)
    row(page, order_id).wait_for()
    assert asked == [("/dashboard/together/", {"rows", "bell", "panels", "chart"})]


def test_figures_that_fail_hold_no_order_up(server, open_page):
    page, tell, _ping = told_page(server, open_page)
    page.route("**/dashboard/together/**", lambda route: route.abort())
    order_id = send(server)
    with page.expect_event("requestfailed"):
        tell(order_id)
    page.unroute("**/dashboard/together/**")
    asked = asks_of(page)
    page.clock.fast_forward(6_000)
    row(page, order_id).wait_for()
    expect(page.locator("#panels-failed")).to_be_hidden()
    assert not [names for _path, names in asked if names & {"rows", "bell"} and names & {"panels", "chart"}]
    open_page.errors[:] = [e for e in open_page.errors if "ERR_FAILED" not in e]


def told_page(server, open_page):
    """Open a page that hears only what the test tells it, and wait until it has asked for nothing for 40 s of its clock: well
    before the ten minutes after which it looks whether a hint was lost.

    Return it, what tells it of a new order, and what sends it a ping and lets 10 s pass.
    """
    page = open_page()
    page.clock.install()
    page.route_web_socket("**/ws/orders/**", lambda socket: greet(page, socket))
    go(page, server.url)
    for part in ("#part-counters", "#revenue"):
        expect(page.locator(part)).not_to_have_attribute("aria-busy", "true")
    seq = page.evaluate("Number(document.getElementById('rows').dataset.seq)")
    page.evaluate("() => { window.heard = 0; addEventListener('frame', () => { window.heard += 1; }); }")

    def tell(order_id):
        frame = {"type": "order_created", "seq": seq + 1, "orderId": order_id, "status": "received"}
        page.evaluate("frame => window.tell(frame)", frame)

    def ping():
        heard = page.evaluate("() => window.heard")
        page.evaluate("frame => window.tell(frame)", {"type": "ping", "seq": seq})
        page.wait_for_function("heard => window.heard > heard", arg=heard)
        page.clock.run_for(10_000)

    asked, answered = asks_of(page), []
    for told in ("requestfinished", "requestfailed"):
        page.on(told, lambda request: answered.append(request.url))
    # Until what came with the greeting has been answered, however busy the machine, and everything may be asked for again.
    quiet = 0
    for _ in range(20):
        before = len(asked)
        ping()
        quiet = quiet + 1 if before == len(asked) == len(answered) else 0
        if quiet == 4:
            break
    return page, tell, ping


def asks_of(page):
    """Return the paths that a page asks for from now on, each with the names of what is asked for."""
    asked = []

    def note(request):
        url = urlsplit(request.url)
        asked.append((url.path, {name for name in parse_qs(url.query, keep_blank_values=True) if "-tag" not in name}))

    page.on("request", note)
    return asked


def greet(page, socket):
    page.expose_function("tell", lambda frame: socket.send(json.dumps(frame)))
    socket.send('{"type": "hello", "companyId": "", "seq": 0}')


@pytest.mark.parametrize("width", [320, 390, 820, 1440, 1920])
def test_the_dashboard_is_never_wider_than_the_screen(server, open_page, sold, width):
    page = open_dashboard(server, open_page, viewport={"width": width, "height": 900})
    choose(page, "By provider")
    page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
