"""Calling a hub as a platform does, and subscribing to it."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client
from django.utils import timezone

from integration.hub.callers import SIGNATURE
from integration.hub.subscriptions import subscribe
from integration.models import IntegrationWebhook, OutboundPush
from integration.tests.factories import SECRETS, Installation

PLATFORM = "https://platform.example.com/api/integration/webhook"
KEY = SECRETS["nexara"]["secretKey"]
OTHER_KEY = "another-secret-key-0002"


def signed(path: str, document: Any, key: str = "", *, client: Client | None = None, **headers: str):
    """Post a document, signed with a key where one is given; return the response."""
    body = json.dumps(document).encode()
    if key:
        headers |= SIGNATURE.sign(body, key, timezone.now(), "")
    return (client or Client()).post(path, body, "application/json", headers=headers)


def registration(installation: Installation, **changes: Any) -> dict[str, Any]:
    return {
        "clientId": str(installation.company.id), "provider": "careem", "url": PLATFORM, "events": ["order.created"], **changes
    }  # fmt: skip


def register(document: dict[str, Any], key: str = "", **kwargs: Any):
    return signed("/api/webhooks/register", document, key, **kwargs)


def subscribed(installation: Installation, provider: str = "careem", *events: str) -> IntegrationWebhook:
    return subscribe(installation.company, provider, PLATFORM, list(events), KEY)


def forwards(installation: Installation) -> list[OutboundPush]:
    """Return what was to be forwarded, oldest first."""
    rows = OutboundPush.objects.filter(company=installation.company, subscription__isnull=False)
    return list(rows.order_by("created_at"))
