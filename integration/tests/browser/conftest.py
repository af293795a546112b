"""Chromium and a server, once for all browser tests; a signed-in page that fails on any error in its console."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.tests.browser.server import Server

PROGRAMS = [Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium")]
"""The first of them that is there. The other is the whole browser, with windows that nobody sees: twice the processor time."""


@pytest.fixture(scope="session")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next((str(program) for program in PROGRAMS if program.exists()), None)
    if program is None:
        pytest.skip(f"{' or '.join(map(str, PROGRAMS))} is not there")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(chromium, tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("browser"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def signed_in(chromium, server):
    """The cookies of a session."""
    context = chromium.new_context(locale="en-US")
    page = context.new_page()
    page.goto(server.url)
    page.get_by_label("User name").fill("demo")
    page.get_by_label("Password").fill(server.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{server.url}/")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def open_page(chromium, signed_in):
    """Return pages of a signed-in person. What they write to the console as an error fails the test at its end."""
    contexts, errors = [], []

    def open_one(**options):
        context = chromium.new_context(locale="en-US", storage_state=signed_in, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    open_one.errors = errors
    yield open_one
    for context in contexts:
        context.close()
    assert errors == []
