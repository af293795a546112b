"""Jahez: accept or reject, and nothing else.

Jahez publishes no specification; what is here rests on integrations that run against it. ``jahezOrderId`` goes out as
text on an acceptance and as a number on a rejection, as the one that is known to work in production sends it.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from providers.events import Status
from providers.outbound import (
    PREP_TIME,
    Api,
    Call,
    Hosts,
    NotSent,
    OrderView,
    OutboundAnswer,
    OutboundRequest,
    ProviderCalls,
    RejectReason,
    Token,
    TokenError,
    choose_reason,
    json_request,
    step_of,
)

OTHER = "OTHER"
STATUS_PATH = "/webhooks/status_update"


class JahezCalls(ProviderCalls):
    """``POST /webhooks/status_update``, with ``x-api-key`` and a token from ``POST /token``."""

    production = Hosts("https://integration-api.jahez.net")
    sandbox = Hosts("https://integration-api-staging.jahez.net")
    secret_fields = ("apiKey", "secret")
    # Jahez takes any text: the codes are ours, and the words are what it is told.
    reject_reasons = (
        RejectReason("BUSY", "The kitchen is too busy", after_acceptance=False),
        RejectReason("CLOSED", "The branch is closed", after_acceptance=False),
        RejectReason("ITEM_UNAVAILABLE", "An item is not available", after_acceptance=False),
        RejectReason("TECHNICAL_PROBLEM", "Technical problem", after_acceptance=False),
        RejectReason(OTHER, "Rejected by the restaurant", after_acceptance=False),
    )
    default_token_life_s = 900.0

    def build(self, view: OrderView, api: Api) -> Call | NotSent:
        """Return the acceptance or the rejection; there is no other call."""
        step = step_of(view)
        if view.action == PREP_TIME:
            return NotSent("Jahez has no call to change the preparation time.")
        if step is Status.CONFIRMED:
            document: dict[str, Any] = {"jahezOrderId": view.external_id, "status": "A"}
        elif step in {Status.REJECTED, Status.CANCELLED} and not view.was_accepted:
            _, words = choose_reason(self.reject_reasons, view.reason, other=OTHER)
            number = _as_number(view.external_id)
            document = {"jahezOrderId": number, "status": "R", "reason": words or self.reject_reasons[-1].label}
        elif step is Status.CANCELLED:
            return NotSent("Jahez has no call to cancel an accepted order: call Jahez.")
        else:
            return NotSent("Jahez is told of acceptance and rejection only.")
        return Call((json_request("POST", api.hosts.api + STATUS_PATH, document),))

    def token_request(self, api: Api) -> OutboundRequest:
        """Return the exchange of the secret for a token."""
        request = json_request("POST", f"{api.hosts.auth}/token", {"secret": api.secrets["secret"]}, hides_body=True)
        return request.with_headers({"x-api-key": api.secrets["apiKey"]}, secret=["x-api-key"])

    def read_token(self, answer: OutboundAnswer) -> Token:
        """Return the token; how long it holds stands in itself, as ``exp`` and ``iat``. Raises TokenError."""
        value = answer.text_at("token")
        if not value or not value.isascii() or not value.isprintable():
            raise TokenError("The answer holds no token.")
        claims = _claims(value)
        try:
            life = float(claims["exp"]) - float(claims["iat"])
        except (KeyError, TypeError, ValueError):
            life = 0.0
        return Token(value, min(life, 86_400.0) if life > 0 else self.default_token_life_s)

    def authorize(self, request: OutboundRequest, api: Api, token: str) -> OutboundRequest:
        """Return the request with the key and the token: every call wants both."""
        headers = {"x-api-key": api.secrets["apiKey"], "Authorization": f"Bearer {token}"}
        return request.with_headers(headers, secret=["x-api-key", "authorization"])


def _as_number(external_id: str) -> int | str:
    digits = external_id.isascii() and external_id.isdigit() and len(external_id) < 19
    return int(external_id) if digits and str(int(external_id)) == external_id else external_id


def _claims(token: str) -> dict[str, Any]:
    """Return a JWT's claims without checking anything: it is read for its times alone, and is not ours to verify."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}
