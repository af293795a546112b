import pytest


@pytest.fixture(autouse=True)
def _hub(settings):
    settings.ROLE, settings.ROOT_URLCONF = "hub", "integration.tests.hub.urls"
