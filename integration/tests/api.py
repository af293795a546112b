"""Calling the management API as somebody."""

from __future__ import annotations

from typing import Any

from django.test import Client

from integration.tests.factories import Installation
from orders.models import AuditEntry, User

API = "/api/integration"


def call(installation: Installation, method: str, path: str, data: Any = None, *, user: User | None = None):
    """Call as a signed-in person, by default the owner; return the status and the JSON."""
    client = installation.client(user)
    return _answer(client.generic(method, f"{API}/{path}", _body(data), content_type="application/json"))


def call_with(key: str, method: str, path: str, data: Any = None):
    """Call with a token."""
    headers = {"Authorization": f"Token {key}"}
    return _answer(Client().generic(method, f"{API}/{path}", _body(data), "application/json", headers=headers))


def _body(data: Any) -> bytes:
    import json

    return data if isinstance(data, bytes) else b"" if data is None else json.dumps(data).encode()


def _answer(response: Any):
    return response.status_code, response.json()


def invalid(**details: str):
    """Return the answer for input that cannot be used."""
    return 400, {
        "success": False,
        "error": "invalid_request",
        "message": "Some fields are not valid.",
        "details": details,
    }


def missing(what: str):
    """Return the answer for what is not there, or not the caller's."""
    return 404, {"success": False, "error": "not_found", "message": f"{what} does not exist.", "details": {}}


def acts(installation: Installation) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Return the company's trail, oldest first: actor, action, target, details."""
    entries = AuditEntry.objects.filter(company=installation.company).order_by("created_at")
    return [(entry.actor, entry.action, entry.target, entry.details) for entry in entries]
