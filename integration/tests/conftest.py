import pytest

from integration.tests.factories import Installation, make_installation


@pytest.fixture
def amman(db) -> Installation:
    return make_installation("amman-grill")


@pytest.fixture
def dubai(db) -> Installation:
    return make_installation("dubai-diner", country="AE", currency="AED")
