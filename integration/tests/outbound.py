"""Orders whose providers can be called, for tests of what goes out."""

from __future__ import annotations

import json
from typing import Any

import responses

from integration import outbox
from integration.models import OutboundPush, ProviderCredential
from integration.prep_time import change_prep_time
from integration.tests.factories import Installation
from orders.models import Order
from orders.services import change_status
from providers.events import Status
from providers.outbound import ACKNOWLEDGE

JAHEZ = "https://integration-api.jahez.net"
CAREEM, CAREEM_IDENTITY = "https://apigateway.careemdash.com", "https://identity.careem.com"
DELIVEROO, DELIVEROO_AUTH = "https://api.developers.deliveroo.com", "https://auth.developers.deliveroo.com"
TALABAT = "https://integration-middleware.me.restaurant-partners.com"
OUT_SECRETS = {
    "careem": {"clientId": "careem-client", "clientSecret": "careem-client-secret"},
    "talabat": {"username": "talabat-user", "password": "talabat-password"},
    "deliveroo": {"clientId": "deliveroo-client", "clientSecret": "deliveroo-client-secret"},
    "jahez": {"apiKey": "jahez-api-key", "secret": "jahez-api-secret"},
}


def arm(installation: Installation, provider: str, **fields: Any) -> ProviderCredential:
    """Give a company what it needs to call a provider."""
    credential = ProviderCredential.objects.get(company=installation.company, provider=provider)
    for name, value in OUT_SECRETS[provider].items():
        credential.rotate(name, value)
    for name, value in fields.items():
        setattr(credential, name, value)
    credential.save()
    return credential


def received(installation: Installation, provider: str = "jahez", external_id: str = "10000001", **order: Any) -> Order:
    """Take an order in as its provider sends it itself, and arm the provider's credential."""
    arm(installation, provider)
    answer = installation.send(provider, dialect="native", external_id=external_id, **order)
    assert answer.status_code in (200, 202), answer.content
    return Order.objects.get(company=installation.company, provider=provider, external_id=external_id)


def move(order: Order, status: str, **kwargs: Any) -> OutboundPush:
    """Move an order as a person does; return the row of the outbox."""
    change_status(order, Status(status), user=None, **kwargs)
    return OutboundPush.objects.filter(order=order).latest("seq")


def work(push: OutboundPush) -> OutboundPush:
    """Send what the push's order has to be sent; return the push as it then is."""
    outbox.work_order(push.order_id)
    push.refresh_from_db()
    return push


def take(order: Order, step: str, reason: str = "") -> OutboundPush:
    """Take a step, or another preparation time, as the kitchen does, and send it; return its push."""
    if step == "prep_time":
        push = change_prep_time(order, 30, user=None)
    elif step == ACKNOWLEDGE:
        push = outbox.record(order, order.events.get(), action=ACKNOWLEDGE)
    else:
        minutes = 20 if step == "confirmed" else None
        why = reason if step in ("rejected", "cancelled") else ""
        change_status(order, Status(step), user=None, reason=why, prep_minutes=minutes)
        push = OutboundPush.objects.filter(order=order).latest("seq")
    outbox.work_order(order.id)
    push.refresh_from_db()
    return push


def jahez_token(mock: responses.RequestsMock | Any = responses) -> None:
    mock.post(f"{JAHEZ}/token", json={"success": True, "token": "jahez-token"})


def sent_json(index: int = -1) -> Any:
    return json.loads(responses.calls[index].request.body)
