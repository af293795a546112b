"""Who may call what; everything about another company is in the tests of each endpoint."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from integration.tests.api import API, call, call_with
from orders.models import AuditEntry

ANY_ID = uuid.UUID("00000000-0000-4000-8000-000000000001")
STAFF = [
    ("GET", "status"),
    ("GET", "stats"),
    ("GET", "logs"),
    ("GET", f"logs/{ANY_ID}"),
    ("GET", "alerts"),
    ("GET", "failures"),
    ("GET", "health"),
    ("POST", f"sync-order/{ANY_ID}"),
]
MANAGERS = [
    ("POST", f"logs/{ANY_ID}/replay"),
    ("POST", "replay"),
    ("POST", "webhook/test"),
    ("POST", "webhook/careem/test"),
    ("POST", f"alerts/{ANY_ID}/acknowledge"),
    ("POST", f"alerts/{ANY_ID}/resolve"),
    ("POST", "test/nexara"),
    ("POST", f"failures/{'0' * 16}/replay"),
]
OWNERS = [
    ("POST", "register-webhook"),
    ("GET", "credentials/careem"),
    ("POST", "credentials/careem"),
    ("DELETE", "credentials/careem"),
    ("GET", "audit"),
    ("GET", "alert-channels"),
    ("POST", "alert-channels"),
    ("GET", f"alert-channels/{ANY_ID}"),
    ("PATCH", f"alert-channels/{ANY_ID}"),
    ("DELETE", f"alert-channels/{ANY_ID}"),
    ("POST", f"alert-channels/{ANY_ID}/test"),
    ("GET", f"alert-channels/{ANY_ID}/notices"),
    ("GET", "alert-thresholds"),
    ("PATCH", "alert-thresholds"),
    ("GET", "members"),
    ("POST", "members"),
    ("GET", f"members/{ANY_ID}"),
    ("PATCH", f"members/{ANY_ID}"),
    ("DELETE", f"members/{ANY_ID}"),
    ("GET", "tokens"),
    ("POST", "tokens"),
    ("GET", f"tokens/{ANY_ID}"),
    ("DELETE", f"tokens/{ANY_ID}"),
]
EVERY = [*STAFF, *MANAGERS, *OWNERS]


@pytest.mark.any_database
@pytest.mark.parametrize(("method", "path"), EVERY)
def test_nobody_calls_without_signing_in(db, method, path):
    response = Client().generic(method, f"{API}/{path}", b"", content_type="application/json")
    assert (response.status_code, response.json()["error"]) == (401, "not_authenticated")
    assert response["WWW-Authenticate"] == "Token"


@pytest.mark.any_database
@pytest.mark.parametrize(("method", "path"), [*MANAGERS, *OWNERS])
def test_staff_are_refused_what_needs_more(amman, method, path):
    status, answer = call(amman, method, path, user=amman.staff)
    needed = "manager" if (method, path) in MANAGERS else "owner"
    assert (status, answer) == (
        403,
        {
            "success": False,
            "error": "permission_denied",
            "message": f"This needs the role {needed}.",
            "details": {},
        },
    )
    assert not AuditEntry.objects.exists()


@pytest.mark.any_database
@pytest.mark.parametrize(("method", "path"), OWNERS)
def test_managers_are_refused_what_needs_an_owner(amman, method, path):
    status, answer = call(amman, method, path, user=amman.manager)
    assert (status, answer["error"]) == (403, "permission_denied")
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(("method", "path"), STAFF)
def test_staff_pass(amman, method, path):
    assert call(amman, method, path, user=amman.staff)[0] in {200, 404}


@pytest.mark.parametrize(("method", "path"), MANAGERS)
def test_managers_pass(amman, method, path):
    assert call(amman, method, path, user=amman.manager)[0] in {200, 400, 404}


@pytest.mark.parametrize(("method", "path"), EVERY)
def test_owners_pass(amman, method, path):
    assert call(amman, method, path)[0] in {200, 400, 404}


@pytest.mark.parametrize(("method", "path"), EVERY)
def test_a_token_acts_as_its_user(amman, method, path):
    assert call_with(amman.token(), method, path)[0] in {200, 400, 404}
    if (method, path) in OWNERS:
        assert call_with(amman.token(amman.manager), method, path)[0] == 403


@pytest.mark.parametrize(("method", "path"), EVERY)
def test_another_company_cannot_be_named(amman, dubai, method, path):
    status, answer = call(amman, method, f"{path}?company={dubai.company.id}")
    assert (status, answer["message"]) == (404, "This company does not exist.")


def test_a_path_answers_with_a_slash_too(amman):
    assert call(amman, "GET", "status/")[0] == 200
    assert call(amman, "POST", "webhook/careem/test/", {})[0] == 200


def test_a_wrong_method_names_the_right_ones(amman):
    response = amman.client().get(f"{API}/replay")
    assert (response.status_code, response.json()["error"]) == (405, "method_not_allowed")
    assert response["Allow"] == "POST, OPTIONS"


@pytest.mark.parametrize("body", [b"{", b'{"force": NaN}', b"[" * 5_000, b"\xff"])
def test_a_body_that_is_no_json_is_refused(amman, body):
    status, answer = call(amman, "POST", "replay", body)
    assert (status, answer["error"]) == (400, "invalid_json")


def test_a_body_that_is_no_object_is_refused(amman):
    status, answer = call(amman, "POST", "replay", [1])
    assert (status, answer["details"]) == (400, {"body": "expected a JSON object"})


def test_a_body_that_is_too_large_is_refused(amman):
    status, answer = call(amman, "POST", "tokens", {"name": "x" * 1024 * 1024})
    assert (status, answer["error"]) == (413, "payload_too_large")
