"""Waiting for what a script does after the thing that was waited for: nothing of a page may be asserted at once."""

from __future__ import annotations

SOON_MS = 30_000
"""What comes within a moment on a machine that does nothing else, and within this where the other tests keep it busy."""


def expect(what):
    """Return playwright's expectations of a page or a locator, which wait. Imported late: it may not be installed."""
    from playwright.sync_api import expect as expect_of

    expect_of.set_options(timeout=SOON_MS)
    return expect_of(what)
