from __future__ import annotations

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

DOORS = {
    "/api/integration/webhook": {"post"},
    "/api/integration/webhook/{provider}": {"post"},
    "/api/integration/webhook/{provider}/{company_id}": {"post"},
    "/api/integration/webhook/{provider}/{company_id}/{path}": {"get", "post", "put"},
}
MANAGEMENT = {
    "/api/integration/credentials/{provider}": {"get", "post", "delete"},
    "/api/integration/status": {"get"},
    "/api/integration/stats": {"get"},
    "/api/integration/logs": {"get"},
    "/api/integration/logs/{event_id}": {"get"},
    "/api/integration/logs/{event_id}/replay": {"post"},
    "/api/integration/replay": {"post"},
    "/api/integration/webhook/test": {"post"},
    "/api/integration/webhook/{provider}/test": {"post"},
    "/api/integration/alerts": {"get"},
    "/api/integration/alerts/{alert_id}/acknowledge": {"post"},
    "/api/integration/alerts/{alert_id}/resolve": {"post"},
    "/api/integration/alert-channels": {"get", "post"},
    "/api/integration/alert-channels/{channel_id}": {"get", "patch", "delete"},
    "/api/integration/alert-channels/{channel_id}/test": {"post"},
    "/api/integration/alert-channels/{channel_id}/notices": {"get"},
    "/api/integration/alert-thresholds": {"get", "patch"},
    "/api/integration/failures": {"get"},
    "/api/integration/failures/{fingerprint}/replay": {"post"},
    "/api/integration/audit": {"get"},
    "/api/integration/members": {"get", "post"},
    "/api/integration/members/{member_id}": {"get", "patch", "delete"},
    "/api/integration/register-webhook": {"post"},
    "/api/integration/sync-order/{order_id}": {"post"},
    "/api/integration/test/{provider}": {"post"},
    "/api/integration/health": {"get"},
    "/api/integration/tokens": {"get", "post"},
    "/api/integration/tokens/{token_id}": {"get", "delete"},
}


@pytest.fixture(scope="module")
def schema():
    made = SchemaGenerator().get_schema(request=None, public=True)
    validate_schema(made)
    return made


def test_the_schema_is_made_without_a_warning(schema):
    assert not GENERATOR_STATS, GENERATOR_STATS


@pytest.mark.parametrize(("path", "methods"), {**DOORS, **MANAGEMENT}.items())
def test_every_call_is_told_and_no_other(schema, path, methods):
    assert set(schema["paths"][path]) == methods


@pytest.mark.parametrize("path", DOORS)
def test_the_doors_tell_every_answer_of_the_contract(schema, path):
    door = schema["paths"][path]["post"]
    assert set(door["responses"]) == {
        "200", "202", "400", "401", "404", "405", "413", "415", "429", "503",
    }  # fmt: skip
    assert not any(door.get("security", []))


@pytest.mark.parametrize("path", MANAGEMENT)
def test_management_wants_a_session_or_a_token(schema, path):
    for operation in schema["paths"][path].values():
        assert {"token": []} in operation["security"]
        assert {"session": []} in operation["security"]
        assert {"401", "403", "404", "429", "503"} <= set(operation["responses"])


def test_a_failure_has_one_shape(schema):
    answer = schema["paths"]["/api/integration/logs"]["get"]["responses"]["403"]["content"]["application/json"]
    assert answer["schema"] == {"$ref": "#/components/schemas/Failure"}
    assert set(schema["components"]["schemas"]["Failure"]["properties"]) == {"success", "error", "message", "details"}
