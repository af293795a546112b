"""What must not be missed, in a real browser: heard, seen on every page, and silenced on all devices by one."""

from __future__ import annotations

import re

import pytest

from integration.tests.browser.test_live_pages import SOON_MS, expect_status, go, row, send
from integration.tests.browser.waiting import expect

pytestmark = pytest.mark.browser

# An audio output that tells what it plays: the loops differ by their length in seconds.
AUDIO = """
  let playing = null;
  class Source {
    connect() {}
    start() { window.starts = (window.starts ?? 0) + 1; if (this.loop) playing = this; }
    stop() { if (playing === this) playing = null; }
  }
  window.AudioContext = class extends EventTarget {
    sampleRate = 8000;
    state = window.silenced ? "suspended" : "running";
    createGain() { return { gain: { value: 1 }, connect() {} }; }
    createBuffer(channels, length) { return { length, getChannelData: () => new Float32Array(length) }; }
    createBufferSource() { return new Source(); }
    async resume() {
      if (this.state === "running" || !navigator.userActivation.hasBeenActive) return;
      this.state = "running";
      this.dispatchEvent(new Event("statechange"));
    }
  };
  const KINDS = { 0: "", 4: "new", 5: "cancelled", 9: "cancelled,new", 20: "alarm",
    18.5: "new,alarm", 17.5: "cancelled,alarm", 20.5: "cancelled,new,alarm" };
  window.heard = () => KINDS[playing ? playing.buffer.length / 8000 : 0];
"""
QUIET = (
    "from django.utils import timezone; from orders.models import Order; from integration.models import Alert;"
    "Order.objects.exclude(status='delivered').update(status='delivered', rings='');"
    "Alert.objects.exclude(state='resolved').update(state='resolved', resolved_at=timezone.now())"
)


@pytest.fixture
def quiet(server):
    """End what other tests have left: it would ring, and raise alerts."""
    server.shell(QUIET)


@pytest.fixture
def listen(server, open_page, quiet):
    """Open pages whose sound can be asked for, each on a device of its own."""

    def open_one(path: str = "/", *, silenced: bool = False, has_clock: bool = False, **options):
        page = open_page(**options)
        if has_clock:
            page.clock.install()
        page.context.add_init_script(("window.silenced = true;" if silenced else "") + AUDIO)
        return go(page, server.url + path)

    return open_one


def wait_heard(page, kinds: str) -> None:
    # A question that a busy machine does not answer in time is asked again after ten seconds.
    page.wait_for_function("kinds => heard() === kinds", arg=kinds, timeout=2 * SOON_MS)


def accept(server, order_id: str) -> None:
    server.shell(
        "from orders.models import Order, User; from orders.services import change_status;"
        "from providers.events import Status;"
        f"change_status(Order.objects.get(pk='{order_id}'), Status.CONFIRMED, user=User.objects.get(username='demo'))"
    )


def call_off(server, order_id: str) -> None:
    """Cancel an order as its provider, in another process, which can send this server no hint."""
    server.shell(
        "from django.utils import timezone; from orders.models import Order;"
        "from orders.services import Delivery, apply_event; from providers.events import Kind, OrderEvent, Status;"
        f"order = Order.objects.get(pk='{order_id}');"
        "apply_event(order.company, order.provider, OrderEvent(kind=Kind.CANCELLED, external_id=order.external_id,"
        " status=Status.CANCELLED, reason='Customer changed their mind'), Delivery(received_at=timezone.now()))"
    )


def raise_critical(server, subject: str) -> None:
    server.shell(
        "from integration.alerts import raise_alert; from orders.models import Company;"
        f"raise_alert(Company.objects.get(slug='demo'), 'push_no_credential', 'It waits.', subject='{subject}',"
        " severity='critical')"
    )


# -- new orders --------------------------------------------------------------------------------------------------------


def test_a_new_order_is_heard_on_every_device_until_somebody_on_one_has_seen_it(server, listen):
    orders, alerts = listen(), listen("/alerts/")
    title = alerts.title()
    order_id = send(server)
    for page in (orders, alerts):
        wait_heard(page, "new")
    expect(alerts).to_have_title(f"(1) {title}", timeout=SOON_MS)
    expect(alerts.locator("link[rel=icon]")).to_have_attribute("href", re.compile("^data:image/svg"), timeout=SOON_MS)
    alerts.get_by_role("button", name="Seen, stop the sound").click()
    for page in (orders, alerts):
        wait_heard(page, "")
        page.locator(".bell-bar.is-new").wait_for(state="detached", timeout=SOON_MS)
    expect(alerts).to_have_title(title, timeout=SOON_MS)
    expect_status(orders, order_id, "New")


def test_a_new_order_rings_before_the_server_has_been_asked(server, listen):
    page = listen("/alerts/")
    page.wait_for_load_state("networkidle")
    page.route("**/bell/?*", lambda route: None)
    frame = "{ type: 'order_created', orderId: crypto.randomUUID(), status: 'received' }"
    page.evaluate(f"dispatchEvent(new CustomEvent('frame', {{ detail: {frame} }}))")
    wait_heard(page, "new")
    expect(page.locator(".is-new strong")).to_have_text("1 new order")


def test_an_order_that_is_told_late_rings_only_where_the_server_says_so(server, listen):
    page = listen("/alerts/")
    page.wait_for_load_state("networkidle")
    page.evaluate(
        "new MutationObserver(() => { window.rang = true; })"
        ".observe(document.querySelector('.bell-live'), { childList: true, subtree: true })"
    )
    frame = "{ type: 'order_created', orderId: crypto.randomUUID(), status: 'received', isLate: true }"
    with page.expect_response("**/bell/?*", timeout=SOON_MS):
        page.evaluate(f"dispatchEvent(new CustomEvent('frame', {{ detail: {frame} }}))")
    assert page.evaluate("[heard(), window.rang]") == ["", None]


def test_what_rings_rings_on_after_a_reload_until_the_order_is_moved(server, listen):
    page = listen()
    order_id = send(server)
    wait_heard(page, "new")
    page.reload()
    wait_heard(page, "new")
    row(page, order_id).get_by_role("button", name="Accept").click()
    wait_heard(page, "")


def test_of_the_tabs_of_one_device_one_rings_and_another_goes_on(server, listen):
    first = listen()
    second = go(first.context.new_page(), f"{server.url}/alerts/")
    send(server)
    wait_heard(first, "new")
    second.locator(".bell-bar.is-new").wait_for(timeout=SOON_MS)
    assert second.evaluate("heard()") == ""
    first.close()
    wait_heard(second, "new")


def test_a_device_that_is_switched_off_stays_silent_and_says_so(server, listen):
    page = listen()
    page.locator("#sound > summary").click()
    page.locator("#sound-on").uncheck()
    send(server)
    page.locator(".bell-bar.is-new").wait_for(timeout=SOON_MS)
    assert page.evaluate("heard()") == ""
    page.reload()
    page.get_by_label("Sound is off on this device").click(timeout=SOON_MS)
    page.locator("#sound-on").check()
    wait_heard(page, "new")


def test_each_sound_can_be_tried(server, listen):
    page = listen()
    page.locator("#sound > summary").click()
    for number, name in enumerate(("New order", "Cancellation", "Alarm"), 1):
        page.locator("#sound").get_by_role("button", name=name).click()
        page.wait_for_function("number => window.starts === number", arg=number, timeout=SOON_MS)


def test_a_browser_that_keeps_silent_says_so_and_one_click_lets_the_sound_through(server, listen):
    page = listen(silenced=True)
    banner = page.locator("#bell-blocked")
    banner.wait_for(timeout=SOON_MS)
    send(server)
    page.locator(".bell-bar.is-new").wait_for(timeout=SOON_MS)
    assert page.evaluate("heard()") == ""
    banner.get_by_role("button", name="Turn the sound on").click()
    wait_heard(page, "new")
    banner.wait_for(state="hidden", timeout=SOON_MS)


# -- cancellations and alarms ------------------------------------------------------------------------------------------


def test_an_order_that_is_off_after_it_was_accepted_stands_on_every_page_until_somebody_has_seen_it(server, listen):
    page, other = listen("/integrations/"), listen()
    order_id = send(server)
    for each in (page, other):
        wait_heard(each, "new")
    accept(server, order_id)
    for each in (page, other):
        wait_heard(each, "")
    call_off(server, order_id)
    for each in (page, other):
        wait_heard(each, "cancelled")
        expect(each.locator(".bell-bar.is-cancelled strong")).to_have_text("Cancelled – stop cooking", timeout=SOON_MS)
    expect(page.locator(".is-cancelled", has_text="Customer changed their mind")).to_have_count(1, timeout=SOON_MS)
    page.locator(".bell-bar.is-cancelled").get_by_role("button", name="Seen").click()
    for each in (page, other):
        wait_heard(each, "")
        each.locator(".bell-bar.is-cancelled").wait_for(state="detached", timeout=SOON_MS)


def test_a_critical_alarm_is_heard_until_it_is_hushed_here_and_another_is_heard_again(server, listen):
    raise_critical(server, "careem")
    page, other = listen(), listen()
    for each in (page, other):
        wait_heard(each, "alarm")
    page.get_by_role("button", name="Quiet on this device").click()
    wait_heard(page, "")
    page.reload()
    page.locator(".is-alarm.is-hushed").wait_for(state="attached", timeout=SOON_MS)
    assert page.evaluate("heard()") == ""
    assert other.evaluate("heard()") == "alarm"
    raise_critical(server, "jahez")
    page.reload()
    wait_heard(page, "alarm")
    # An alarm does not keep a new order waiting: it is heard in the rest after it.
    send(server)
    wait_heard(page, "new,alarm")


# -- how much of the screen it takes -------------------------------------------------------------------------------------

EVERYTHING = (
    "from datetime import timedelta; from django.utils import timezone; from orders.models import Company, Order;"
    "from integration.alerts import raise_alert; company = Company.objects.get(slug='demo'); now = timezone.now();"
    "import uuid; [Order.objects.create(id=uuid.uuid4(), company=company, branch=company.branches.first(), provider=provider,"
    " external_id=f'of-the-bell-{uuid.uuid4().hex[:8]}', total=5, currency='JOD', status=status, rings=rings, placed_at=now,"
    " received_at=now, created_at=now, updated_at=now) for provider, status, rings in ("
    "('careem', 'cancelled', 'cancelled'), ('jahez', 'failed', 'cancelled'), ('talabat', 'cancelled', 'cancelled'),"
    "('careem', 'received', 'new'), ('deliveroo', 'received', 'new'))];"
    "[raise_alert(company, 'push_dead', 'It waits.', subject=each, severity='critical') for each in ('careem', 'jahez')]"
)
SHARE = "document.getElementById('bell').offsetHeight / innerHeight"


@pytest.mark.parametrize(
    ("size", "share"), [({"width": 1440, "height": 900}, 0.2), ({"width": 390, "height": 844}, 0.25)]
)
def test_when_everything_rings_at_once_it_takes_a_small_part_of_the_screen(server, listen, size, share):
    server.shell(EVERYTHING)
    page = listen("/orders/", silenced=True, viewport=size)
    for bar in (".is-cancelled", ".is-new", ".is-alarm", "#bell-blocked"):
        page.locator(f"#bell {bar}").wait_for(timeout=SOON_MS)
    page.wait_for_function(f"share => {SHARE} <= share", arg=share, timeout=SOON_MS)
    expect(page.locator(".is-cancelled strong")).to_have_text("3 cancelled or failed – stop cooking", timeout=SOON_MS)
    # The last card of a column can be brought above it.
    bottom, top = (f"document.getElementById('{name}').getBoundingClientRect()" for name in ("board", "bell"))
    page.wait_for_function(f"() => {bottom}.bottom <= {top}.top + 1", timeout=SOON_MS)
    page.locator("#bell-each > summary").press("Enter")
    page.locator("#bell-each li").nth(1).get_by_role("button", name="Seen").click()
    expect(page.locator(".is-cancelled strong")).to_have_text("2 cancelled – stop cooking", timeout=SOON_MS)
    expect(page.locator("#bell-each")).to_have_attribute("open", "", timeout=SOON_MS)
    page.get_by_role("button", name="All seen").click()
    page.locator(".is-cancelled").wait_for(state="detached", timeout=SOON_MS)


def test_in_a_rush_the_bell_counts_what_the_frames_tell_and_asks_once(server, listen):
    page = listen("/alerts/", has_clock=True)
    # The first rings by its frame, and the server is asked about it a second later.
    with page.expect_response("**/bell/?*", timeout=SOON_MS):
        send(server)
    page.locator(".bell-bar.is-new", has_text="1 new order").wait_for(timeout=SOON_MS)
    page.wait_for_load_state("networkidle")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/bell/" in request.url else None)
    frame = "{ type: 'order_created', orderId: crypto.randomUUID(), status: 'received' }"
    page.evaluate(f"for (let n = 0; n < 6; n += 1) dispatchEvent(new CustomEvent('frame', {{ detail: {frame} }}))")
    expect(page.locator(".is-new strong")).to_have_text("7 new orders", timeout=SOON_MS)
    expect(page).to_have_title(re.compile(r"^\(7\) "), timeout=SOON_MS)
    assert asked == []
    # The server knows better: a little later it is asked, once.
    page.clock.fast_forward(11_000)
    expect(page.locator(".is-new strong")).to_have_text("1 new order", timeout=SOON_MS)
    assert len(asked) == 1


def test_what_an_order_does_that_does_not_ring_is_nothing_to_ask_for(server, listen):
    page = listen("/alerts/")
    page.wait_for_load_state("networkidle")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/bell/" in request.url else None)
    frame = "(status) => dispatchEvent(new CustomEvent('frame', { detail: { type: 'order_updated', orderId: 'x', status } }))"
    page.evaluate(frame, "preparing")
    with page.expect_request("**/bell/?*", timeout=SOON_MS):
        page.evaluate(frame, "cancelled")
    assert len(asked) == 1


# -- the line ----------------------------------------------------------------------------------------------------------


def test_without_a_socket_what_rings_is_heard_all_the_same(server, open_page, quiet):
    page = open_page()
    page.context.add_init_script(AUDIO)
    page.route_web_socket("**/ws/orders/**", lambda socket: socket.close(code=1013))
    page.goto(f"{server.url}/integrations/")
    page.wait_for_selector("#connection[data-state=polling]", timeout=SOON_MS)
    send(server)
    wait_heard(page, "new")


def test_a_newer_version_of_the_page_is_offered(server, open_page):
    page, loads = open_page(), []

    def deploy(route):
        answer = route.fetch()
        body = answer.text()
        # The page that was loaded first is the old one, whenever it asks.
        if len(loads) == 1:
            body = body.replace('data-build="', 'data-build="newer-')
        route.fulfill(response=answer, body=body)

    page.route("**/bell/?*", deploy)
    page.on("request", lambda request: loads.append(request.url) if request.is_navigation_request() else None)
    go(page, f"{server.url}/alerts/")
    banner = page.locator("#bell-newer")
    banner.wait_for(timeout=SOON_MS)
    with page.expect_response("**/bell/?*", timeout=SOON_MS), page.expect_navigation():
        banner.get_by_role("button", name="Load it").click()
    page.wait_for_selector("#connection[data-state=live]", timeout=SOON_MS)
    expect(banner).to_be_hidden(timeout=SOON_MS)
