"""Every page for every role, in both languages, in the light and in the dark, on a desk and on a phone.

Axe looks at each page as its owner sees it, in four of the eight looks, so that each language, theme and size is in two of
them. ``SCREENSHOTS_DIR`` keeps a picture of each.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from integration.tests.browser.every_page import NO_PAGES, PAGES, Page, names_of_pages
from integration.tests.browser.furniture import furnish
from integration.tests.browser.test_accessibility import AXE, RULES, RUN
from integration.tests.browser.test_live_pages import SOON_MS
from orders.models import Role

DESK, PHONE, SMALLEST = {"width": 1440, "height": 900}, {"width": 390, "height": 844}, {"width": 320, "height": 640}
LOOKS = {"en": ((DESK, "light"), (PHONE, "dark")), "ar": ((PHONE, "light"), (DESK, "dark"))}
RANKS = [Role.STAFF, Role.MANAGER, Role.OWNER]
IS_STILL = """() => {
  const line = document.querySelector("#connection");
  return (!line || line.dataset.state === "live") && !document.querySelector("main [aria-busy=true]");
}"""
OVERFLOW = """() => {
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide <= 0) return "";
  const right = document.documentElement.clientWidth;
  const out = [...document.querySelectorAll("main *")].find((each) => {
    const box = each.getBoundingClientRect();
    return box.width && (box.right > right + 1 || box.left < -1);
  });
  return `${wide} px: ${out?.outerHTML.slice(0, 200)}`;
}"""


def test_every_page_is_in_the_list():
    listed = {page.name for page in PAGES}
    assert listed & NO_PAGES.keys() == set()
    assert listed | NO_PAGES.keys() == set(names_of_pages())


@pytest.fixture(scope="module")
def furnished(server):
    """A restaurant in the middle of its work: ids by name, and the cookies of a person of each role."""
    return furnish(server)


@pytest.fixture
def open_as(chromium, furnished):
    """Return pages of a person of a role, in a language. What they write to the console as an error fails the test."""
    contexts, errors = [], []

    def note(page, said) -> None:
        # The checker tries styles of its own, which our policy forbids it like everybody else.
        if said.type == "error" and not said.location["url"].endswith(AXE.name):
            errors.append(f"{page.url}: {said.text}")

    def open_one(server, language: str, role: Role | None, *, has_checker: bool = False):
        context = chromium.new_context(locale="en-US", viewport=DESK)
        contexts.append(context)
        cookies = {"language": language} | ({"sessionid": furnished.sessions[role]} if role else {})
        context.add_cookies([{"name": name, "value": value, "url": server.url} for name, value in cookies.items()])
        if has_checker:
            # Put there by the browser itself: the page's own policy holds, and what breaks it fails the test.
            context.add_init_script(path=AXE)
        page = context.new_page()
        page.on("console", lambda said: note(page, said))
        page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert errors == []


def show(page, url: str) -> None:
    answer = page.goto(url)
    assert answer.status == 200, url
    page.wait_for_function(IS_STILL, timeout=SOON_MS)


def keep(page, name: str) -> None:
    folder = os.environ.get("SCREENSHOTS_DIR")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def faults_of(page, page_name: str, language: str) -> list[str]:
    """Return what is wrong with a page that is shown, in each look of its language."""
    found = []
    if page.evaluate("document.documentElement.dir") != {"en": "ltr", "ar": "rtl"}[language]:
        found.append(f"{page_name}: the direction is wrong")
    for size, scheme in LOOKS[language]:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        look = f"{page_name}-{language}-{scheme}-{size['width']}"
        result = page.evaluate(RUN, RULES)
        found += [f"{look}: {fault}" for fault in result["faults"]]
        assert result["checked"] > 10, look
        wide = page.evaluate(OVERFLOW)
        if wide:
            found.append(f"{look} is too wide by {wide}")
        keep(page, look)
    page.set_viewport_size(SMALLEST)
    wide = page.evaluate(OVERFLOW)
    return [*found, f"{page_name}-{language} is too wide for a small phone by {wide}"] if wide else found


@pytest.mark.browser
@pytest.mark.parametrize("language", ["en", "ar"])
def test_no_page_has_a_fault_in_either_language_and_theme_on_either_screen(server, furnished, open_as, language):
    found: list[str] = []
    signed_in = open_as(server, language, Role.OWNER, has_checker=True)
    nobody = open_as(server, language, None, has_checker=True)
    for each in PAGES:
        page = nobody if each.is_open else signed_in
        show(page, server.url + each.path(furnished.rows))
        found += faults_of(page, each.title, language)
    assert found == [], "\n".join(found)


@pytest.mark.browser
@pytest.mark.parametrize(("role", "language"), [(Role.MANAGER, "ar"), (Role.STAFF, "en")])
def test_each_role_has_its_pages_and_no_other(server, furnished, open_as, role, language):
    page = open_as(server, language, role)
    for each in PAGES:
        if each.is_open:
            continue
        url = server.url + each.path(furnished.rows)
        if not sees(role, each):
            assert page.request.get(url, max_redirects=0).status == 403, url
            continue
        show(page, url)
        for size in (DESK, PHONE):
            page.set_viewport_size(size)
            assert page.evaluate(OVERFLOW) == "", url


def sees(role: Role, page: Page) -> bool:
    return RANKS.index(role) >= RANKS.index(page.least)


@pytest.mark.browser
def test_a_click_changes_the_language_and_the_colours_and_stays_on_the_page(server, open_as):
    page = open_as(server, "en", Role.OWNER)
    show(page, f"{server.url}/alerts/?state=resolved")
    page.locator("#account > summary").click()
    page.get_by_role("button", name="العربية").click()
    page.wait_for_function("() => document.documentElement.dir === 'rtl'", timeout=SOON_MS)
    assert page.url == f"{server.url}/alerts/?state=resolved"
    page.wait_for_function(IS_STILL, timeout=SOON_MS)
    page.locator("#account > summary").click()
    page.get_by_role("button", name="داكن").click()
    page.wait_for_function(
        "() => getComputedStyle(document.body).backgroundColor === 'rgb(16, 20, 18)'", timeout=SOON_MS
    )
    page.wait_for_function(IS_STILL, timeout=SOON_MS)
    page.locator("#account > summary").click()
    assert page.get_by_role("button", name="داكن").get_attribute("aria-pressed") == "true"


@pytest.mark.browser
@pytest.mark.parametrize("features", [{"forced_colors": "active"}, {"contrast": "more"}])
def test_the_stream_can_be_read_with_forced_colours_and_more_contrast(server, furnished, open_as, features):
    page = open_as(server, "en", Role.OWNER, has_checker=True)
    page.emulate_media(**features)
    show(page, server.url)
    assert page.evaluate(RUN, RULES)["faults"] == []
    keep(page, f"orders-stream-{next(iter(features))}")
