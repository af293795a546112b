"""The rules of WCAG 2.2 AA that a machine can check, with axe-core 4.14.1 (MPL 2.0); test_matrix.py holds the pages to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.tests.browser.test_live_pages import go

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


def test_the_checker_finds_a_fault(server, open_page):
    # Our own policy forbids the checker as it forbids every other script that is not ours.
    page = go(open_page(bypass_csp=True), f"{server.url}/alerts/")
    page.evaluate("document.getElementById('main').append(document.createElement('button'))")
    assert [fault.split(":")[0] for fault in check(page)["faults"]] == ["button-name"]
