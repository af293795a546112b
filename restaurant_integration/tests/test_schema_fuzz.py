"""The published schema against the running code, as an owner and as nobody: calls of every endpoint, and chains of calls."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as examples
from hypothesis.errors import FlakyStrategyDefinition
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
pytestmark = [pytest.mark.django_db, pytest.mark.repeats]


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


@pytest.mark.any_database
def test_calls_of_nobody_are_refused(amman):
    for operation in operations():
        fuzz(operation, lambda case: case.call_and_validate(checks=[not_a_server_error, ignored_auth]), ids_of(amman))


# -- chains of calls ---------------------------------------------------------------------------------------------------


def chains(
    headers: Callable[[], dict[str, str]], checks: list[Any], statuses: Counter[int], linked: Counter[str]
) -> Any:
    """Return a machine that makes calls with what earlier ones answered, along the links that the schema implies."""
    schema = schemathesis.openapi.from_wsgi("/api/schema?format=json", application)

    class Chain(schema.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            # Each chain begins with the same rows: what it draws depends on what is answered.
            self.before = transaction.savepoint()
            self.headers = headers()

        def teardown(self) -> None:
            transaction.savepoint_rollback(self.before)

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": self.headers}

        def step(self, step: Any) -> Any:
            if step.is_applied:
                linked[step.case.operation.label] += 1
            return super().step(step)

        def before_call(self, case: Any) -> None:
            for holder in (case.query, case.headers):
                for name in ("company", "X-Company-Id"):
                    holder.pop(name, None)

        def validate_response(self, response: Any, case: Any, additional_checks: Any = None, **kwargs: Any) -> None:
            statuses[response.status_code] += 1
            case.validate_response(response, checks=checks, transport_kwargs=kwargs)
            if case.operation.definition.raw.get("security") and response.status_code < 400:
                assert self.headers, case.operation.label
                stranger = case.call(headers={"Authorization": f"Token {'0' * 64}"})
                assert stranger.status_code == 401, (case.operation.label, stranger.status_code)

    return Chain


def run_chains(machine: Any, is_enough: Callable[[], bool] = lambda: True) -> None:
    """Run chains from one seed after the other, and from more of them where those had not enough in them."""
    chosen = examples(
        max_examples=3, stateful_step_count=12, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    for number in range(8 * EXAMPLES):
        # Which calls there are decides what a seed draws: with a new endpoint other chains come of it.
        if number >= 2 * EXAMPLES and is_enough():
            return
        # What a chain draws depends on ids that are new each time, which Hypothesis notices between its examples and stops
        # at. Every call up to there was checked.
        with contextlib.suppress(FlakyStrategyDefinition):
            seed(number)(machine).run(settings=chosen)


def test_chains_of_calls_of_an_owner_answer_as_the_schema_says(amman):
    statuses: Counter[int] = Counter()
    linked: Counter[str] = Counter()
    machine = chains(lambda: {"Authorization": f"Token {amman.token()}"}, CONFORMS, statuses, linked)
    run_chains(machine, lambda: sum(linked.values()) >= 3)
    assert sum(statuses.values()) > 10 * EXAMPLES
    assert sum(linked.values()) >= 3, linked
    assert statuses[200] > EXAMPLES, statuses


@pytest.mark.any_database
def test_chains_of_calls_of_nobody_lead_nowhere(amman):
    statuses: Counter[int] = Counter()
    orders = list(Order.objects.order_by("pk").values())
    run_chains(chains(dict, [not_a_server_error, ignored_auth], statuses, Counter()))
    assert sum(statuses.values()) > 5 * EXAMPLES
    assert list(Order.objects.order_by("pk").values()) == orders
