"""The published schema against the running code: generated calls of every endpoint, as an owner and as nobody."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_schema_conformance,
    status_code_conformance,
)

from integration.alerts import raise_alert
from integration.models import WebhookLog
from integration.tests.factories import Installation, make_installation
from orders.models import ApiToken, Membership, Order
from restaurant_integration.wsgi import application

EXAMPLES = int(os.environ.get("SCHEMA_FUZZ_EXAMPLES", "5"))
"""Per endpoint; the whole run sets more."""
CONFORMS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
pytestmark = pytest.mark.django_db


@pytest.fixture
def amman(settings) -> Iterator[Installation]:
    settings.API_RATE_LIMIT_PER_MINUTE = 10**9
    settings.WEBHOOK_RATE_LIMIT = "off"
    installation = make_installation()
    for provider in ("careem", "talabat"):
        installation.send(provider)
    # The calls go through the server's own door, which closes connections after each: the test's has to stay.
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield installation
    for signal in signals:
        signal.connect(close_old_connections)


def operations() -> Iterator[Any]:
    schema = schemathesis.openapi.from_wsgi("/api/schema?format=json", application)
    for result in schema.get_all_operations():
        yield result.ok()


def ids_of(installation: Installation) -> dict[str, str]:
    """Return ids that exist, by the name of the path's parameter: generated ones would all be unknown."""
    company = installation.company
    return {
        "order_id": str(Order.objects.filter(company=company).latest("created_at").id),
        "event_id": str(WebhookLog.objects.filter(company=company).latest("received_at").id),
        "alert_id": str(raise_alert(company, "event_dead", "An event is dead.").id),
        "member_id": str(Membership.objects.get_or_create(user=installation.staff, company=company)[0].id),
        "token_id": str(ApiToken.issue(user=installation.manager, company=company, name="fuzz")[0].id),
        "provider": "careem",
        "company_id": str(company.id),
    }


def fuzz(operation: Any, check: Callable[[Any], None], known: dict[str, str]) -> None:
    """Call one endpoint with generated input, always the same, on the things that there are."""

    def call(case: Any) -> None:
        case.path_parameters.update({name: known[name] for name in case.path_parameters.keys() & known.keys()})
        for holder in (case.query, case.headers):
            for name in ("company", "X-Company-Id"):
                holder.pop(name, None)
        check(case)

    run = examples(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )(given(case=operation.as_strategy())(call))
    run()


def test_calls_of_an_owner_answer_as_the_schema_says(amman):
    headers = {"Authorization": f"Token {amman.token()}"}
    statuses: Counter[int] = Counter()

    def check(case: Any) -> None:
        response = case.call_and_validate(headers=headers, checks=CONFORMS)
        statuses[response.status_code] += 1

    for operation in operations():
        fuzz(operation, check, ids_of(amman))
    assert sum(statuses.values()) > 150
    assert statuses[200] > 40, statuses


def test_calls_of_nobody_are_refused(amman):
    for operation in operations():
        fuzz(operation, lambda case: case.call_and_validate(checks=[not_a_server_error, ignored_auth]), ids_of(amman))
