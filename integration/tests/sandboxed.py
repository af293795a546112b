"""An installation that calls the played providers over real HTTP, for the tests of both directions."""

from __future__ import annotations

import pytest

from integration.sandbox.accounts import wire
from integration.tests.factories import make_installation


@pytest.fixture
def here(live_server, settings):
    settings.SANDBOX_ENABLED = True
    settings.ROOT_URLCONF = "integration.tests.sandbox_urls"
    settings.APP_BASE_URL = live_server.url
    settings.OUTBOUND_ALLOWED_ORIGINS = [live_server.url]
    made = make_installation()
    wire(made.company)
    return made
