"""Waiting for what a script does after the thing that was waited for: nothing of a page may be asserted at once."""

from __future__ import annotations


def expect(what):
    """Return playwright's expectations of a page or a locator, which wait. Imported late: it may not be installed."""
    from playwright.sync_api import expect as expect_of

    return expect_of(what)
