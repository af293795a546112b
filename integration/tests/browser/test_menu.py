"""The menu and the team in a real browser."""

from __future__ import annotations

import re
import uuid

import pytest

from integration.tests.browser.test_accessibility import check
from integration.tests.browser.test_live_pages import SOON_MS, go, row, send
from integration.tests.browser.waiting import expect

pytestmark = pytest.mark.browser


def forget(server, external_id: str = "SHAWARMA-CHICKEN") -> None:
    """Let the menu not know an id of Careem's, nor the name that comes with it."""
    server.shell(
        "from orders.models import MenuProduct, MenuProductCode;"
        f"code = MenuProductCode.objects.filter(company__slug='demo', provider='careem', external_id='{external_id}').first();"
        "product = code.product; code.delete(); product.name += ' (old name)'; product.name_ar += ' س'; product.save()"
    )


def remember(server) -> None:
    """Let the menu know what the demo's does, and nothing be unmapped."""
    server.shell(
        "from integration.demo import SLUG, _seed_menu; from orders.models import Company, MenuProduct, Order;"
        "company = Company.objects.get(slug=SLUG);"
        "MenuProduct.objects.filter(company=company, name__endswith='(old name)').delete(); _seed_menu(company);"
        "Order.objects.filter(company=company).update(needs_attention=False, attention_reasons=[])"
    )


@pytest.fixture
def unknown(server):
    """An order of Careem's whose first line the menu does not know; return its id."""
    remember(server)
    forget(server)
    yield send(server)
    remember(server)


def test_mapping_an_item_mends_the_order_on_open_screens_without_reload(server, open_page, unknown):
    stream, order, menu = go(open_page(), server.url), open_page(), open_page()
    go(order, f"{server.url}/orders/{unknown}/")
    go(menu, f"{server.url}/menu/")
    expect(row(stream, unknown).locator(".reasons")).to_have_text("Item not on the menu", timeout=SOON_MS)
    expect(order.locator("#part-lines .tag.attention")).to_have_text("not on the menu", timeout=SOON_MS)
    for page in (stream, order, menu):
        page.evaluate("window.stayed = true")
    item = menu.locator("[data-item=SHAWARMA-CHICKEN]")
    item.get_by_role("button", name=re.compile("Chicken Shawarma Plate")).first.click()
    expect(item).to_have_count(0, timeout=SOON_MS)
    expect(menu.locator("#announcer")).to_have_text(re.compile("1 order was matched anew"), timeout=SOON_MS)
    expect(row(stream, unknown).locator(".reasons")).to_have_count(0, timeout=SOON_MS)
    expect(order.locator("#part-lines .tag.attention")).to_have_count(0, timeout=SOON_MS)
    expect(order.locator("#part-attention section")).to_have_count(0, timeout=SOON_MS)
    expect(order.locator("#part-timeline")).to_contain_text("menu product", timeout=SOON_MS)
    menu.locator(".recent li", has_text="SHAWARMA-CHICKEN").get_by_role("button", name="Undo").click()
    expect(item).to_have_count(1, timeout=SOON_MS)
    expect(row(stream, unknown).locator(".reasons")).to_have_text("Item not on the menu", timeout=SOON_MS)
    assert [page.evaluate("window.stayed") for page in (stream, order, menu)] == [True, True, True]


def test_a_new_unknown_item_appears_by_itself(server, open_page):
    remember(server)
    page = go(open_page(), f"{server.url}/menu/")
    expect(page.locator(".empty-title")).to_have_text("The menu knows everything that came.", timeout=SOON_MS)
    forget(server)
    send(server)
    page.locator("[data-item=SHAWARMA-CHICKEN]").wait_for(timeout=2 * SOON_MS)
    remember(server)


def test_without_javascript_another_product_is_chosen_and_undone(server, open_page, unknown):
    page = open_page(java_script_enabled=False)
    page.goto(f"{server.url}/menu/")
    page.locator("[data-item=SHAWARMA-CHICKEN]").get_by_role("link", name="Another product…").click()
    page.get_by_label("Search").fill("fries")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("button", name="It is this one").click()
    expect(page.locator(".message")).to_have_text(re.compile("It is “French Fries” now. 1 order"))
    page.get_by_role("button", name="Undo").click()
    page.locator("[data-item=SHAWARMA-CHICKEN]").wait_for()


def test_a_file_is_looked_at_and_brought_in(server, open_page):
    page = open_page()
    page.goto(f"{server.url}/menu/file/")
    name = f"Kabsa {uuid.uuid4().hex[:6]}"
    file = {"name": "menu.csv", "mimeType": "text/csv", "buffer": f"name,nameAr,price\n{name},كبسة,4.5\n".encode()}
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Look what it would do").click()
    expect(page.locator("#plan-title")).to_have_text("The file can be brought in.")
    page.get_by_role("button", name="Write 1 products").click()
    expect(page.locator(".message")).to_have_text(re.compile("1 products are new, 0 changed."))
    page.get_by_label("Search").fill(name)
    page.get_by_label("Search").press("Enter")
    expect(page.locator("table.products tbody th")).to_have_text(re.compile(name))


def test_somebody_new_signs_in_with_the_password_that_is_shown_and_changes_it(server, open_page, chromium):
    page, username = open_page(), f"cook-{uuid.uuid4().hex[:6]}"
    page.goto(f"{server.url}/team/")
    page.get_by_label("User name").fill(username)
    page.get_by_role("button", name="Add", exact=True).click()
    password = page.locator("#secret").input_value()
    context = chromium.new_context(locale="en-US")
    theirs = context.new_page()
    theirs.goto(server.url)
    theirs.get_by_label("User name").fill(username)
    theirs.get_by_label("Password").fill(password)
    theirs.get_by_role("button", name="Sign in").click()
    theirs.wait_for_url(f"{server.url}/")
    theirs.goto(f"{server.url}/team/password/")
    theirs.get_by_label("Your password now").fill(password)
    theirs.get_by_label("New password", exact=True).fill("a much better secret")
    theirs.get_by_label("New password again").fill("a much better secret")
    theirs.get_by_role("button", name="Change", exact=True).click()
    expect(theirs.locator(".message")).to_have_text("Your password is changed. You are signed out everywhere else.")
    context.close()
    page.goto(f"{server.url}/team/")
    page.get_by_role("row", name=username).get_by_role("link").click()
    page.locator("#remove summary").click()
    page.get_by_role("button", name=f"Remove {username}").click()
    expect(page.locator(".message")).to_have_text(f"{username} is no longer here.")


PATHS = ["/menu/", "/menu/products/", "/menu/products/new/", "/menu/file/", "/team/", "/team/password/"]


@pytest.mark.parametrize("size", [(1440, 900), (390, 844), (320, 640)])
def test_menu_and_team_are_no_wider_than_the_screen(server, open_page, unknown, size):
    page = open_page(viewport={"width": size[0], "height": size[1]})
    for path in PATHS:
        page.goto(server.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_menu_and_team_break_no_rule(server, open_page, unknown, scheme):
    page = open_page(color_scheme=scheme, bypass_csp=True)
    member = server.shell(
        "from orders.models import Membership; print(Membership.objects.get(user__username='demo', company__slug='demo').id)"
    )
    product = server.shell(
        "from orders.models import MenuProduct; print(MenuProduct.objects.filter(company__slug='demo').first().id)"
    )
    for path in (*PATHS, f"/team/{member.split()[-1]}/", f"/menu/products/{product.split()[-1]}/"):
        page.goto(server.url + path)
        found = check(page)
        assert found["faults"] == [], path
        assert found["checked"] > 20, path
