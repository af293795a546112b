"""Every page by the rules of WCAG 2.2 AA that a machine can check, light and dark, with axe-core 4.14.1 (MPL 2.0)."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.tests.browser.test_alerts import raise_one, send_unusable
from integration.tests.browser.test_live_pages import go, send

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent / "axe" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async rules => {
  const result = await axe.run(document, { runOnly: rules });
  const told = found => found.nodes.map(node => `${found.id}: ${node.html.slice(0, 120)}`);
  return { checked: result.passes.length, faults: result.violations.flatMap(told) };
}"""


def check(page) -> dict:
    page.add_script_tag(path=AXE)
    return page.evaluate(RUN, RULES)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_rule(server, open_page, scheme):
    # Our own policy forbids the checker as it forbids every other script that is not ours.
    page = open_page(color_scheme=scheme, bypass_csp=True)
    order, event = send(server, "deliveroo"), send_unusable(server, page)
    raise_one(server, "careem")
    paths = ("/", f"/orders/{order}/", "/alerts/", "/alerts/channels/?add=webhook", "/webhooks/",
             f"/webhooks/{event}/", "/webhooks/waiting/", "/webhooks/replay/", "/webhooks/test/", "/integrations/")  # fmt: skip
    for path in paths:
        found = check(go(page, server.url + path))
        assert found["faults"] == [], path
        assert found["checked"] > 20, path
    page.goto(f"{server.url}/orders/{order}/ticket/")
    assert check(page)["faults"] == []


def test_the_checker_finds_a_fault(server, open_page):
    page = go(open_page(bypass_csp=True), f"{server.url}/alerts/")
    page.evaluate("document.getElementById('main').append(document.createElement('button'))")
    assert [fault.split(":")[0] for fault in check(page)["faults"]] == ["button-name"]
