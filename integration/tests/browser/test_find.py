"""The search of every page, as somebody with a number in hand uses it."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("size", [(1440, 900), (390, 844), (320, 640)], ids=["desk", "phone", "small"])
def test_a_number_leads_to_its_order_from_any_page(server, open_page, sent, size):
    page = open_page(viewport={"width": size[0], "height": size[1]})
    page.goto(f"{server.url}/integrations/")
    page.get_by_role("searchbox", name="Find an order").click()
    page.keyboard.type(sent)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/orders/[0-9a-f-]{36}/$"))
    page.get_by_role("heading", level=1, name=re.compile(sent)).wait_for()


@pytest.fixture(scope="module")
def sent(server) -> str:
    """Send an order; return the provider's id of it."""
    return server.manage("send_sample", "jahez", "--dialect", "native").split()[4]
