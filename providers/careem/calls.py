"""Careem: accepted, ready, cancelled, and one delay.

Source: docs.careemnow.com, POS API 2.1.0; the form of the token request from its identity guide and from integrations that
run against it (the specification's multipart form is not what they send).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from providers.events import Status
from providers.outbound import (
    PREP_TIME,
    Api,
    Call,
    Hosts,
    NotSent,
    OrderView,
    OutboundRequest,
    ProviderCalls,
    RejectReason,
    choose_reason,
    delay_minutes,
    json_request,
    step_of,
)

OTHER = "OTHER"
MAX_DELAY_MINUTES = 60
API_PATH = "/pos/api/v1"
STATES: Mapping[Status, str] = {
    Status.CONFIRMED: "accepted",
    Status.READY: "ready",
    Status.REJECTED: "cancelled",
    Status.CANCELLED: "cancelled",
}


class CareemCalls(ProviderCalls):
    """``PUT /pos/api/v1/orders/{id}``; tokens from ``POST /token`` of the identity host, for about a day."""

    production = Hosts("https://apigateway.careemdash.com", "https://identity.careem.com")
    sandbox = Hosts("https://apigateway-stg.careemdash.com", "https://identity.qa.careem-engineering.com")
    secret_fields = ("clientId", "clientSecret")
    headers: ClassVar[Mapping[str, str]] = {"User-Agent": "restaurant-integration/1.0"}  # a call without one is refused
    changes_prep_time = True
    wants_payload = True
    takes_words = False  # a word of the list and nothing beside it
    reject_reasons = (
        RejectReason("ITEM_TEMPORARILY_UNAVAILABLE", "An item is not available now"),
        RejectReason("ITEM_PERMANENTLY_NOT_AVAILABLE", "An item is no longer sold"),
        RejectReason("KITCHEN_TOO_BUSY_TO_PREPARE_ORDER", "The kitchen is too busy"),
        RejectReason("OUT_OF_KITCHEN_OPERATIONAL_HOURS", "The kitchen is closed at this hour"),
        RejectReason("OUTLET_CLOSED", "The branch is closed"),
        RejectReason("PARTNER_POS_OUTAGE", "Our system is down"),
        RejectReason("PARTNER_ORDER_TIMEOUT", "It was seen too late"),
        RejectReason(OTHER, "Another reason"),
    )

    def build(self, view: OrderView, api: Api) -> Call | NotSent:
        """Return the change of state. A cancellation reason is required on every call, and ignored on the others."""
        url = f"{api.hosts.api}{API_PATH}/orders/{quote(view.external_id, safe='')}"
        if view.action == PREP_TIME:
            return self._delay(view, f"{url}/delay-request")
        step = step_of(view)
        state = STATES.get(step) if step else None
        if state is None:
            return NotSent("Careem is told of acceptance, readiness and cancellation only.")
        code, _ = choose_reason(self.reject_reasons, view.reason, other=OTHER)
        document = {"state": state, "cancellation_reason": code if state == "cancelled" else OTHER}
        return Call((json_request("PUT", url, document, headers=self._headers(view)),))

    def _delay(self, view: OrderView, url: str) -> Call | NotSent:
        minutes = delay_minutes(view)
        if view.prep_changes:
            return NotSent("Careem takes one delay of an order, and has been told of one.")
        if minutes < 1:
            return NotSent("Careem is told of a delay only, and this time is not later than the promised one.")
        if minutes > MAX_DELAY_MINUTES:
            return NotSent(f"Careem takes a delay of {MAX_DELAY_MINUTES} minutes at most; this is one of {minutes}.")
        return Call((json_request("PUT", url, {"delay_in_minutes": minutes}, headers=self._headers(view)),))

    def _headers(self, view: OrderView) -> dict[str, str]:
        headers = {**self.headers}
        if view.store_ids and view.store_ids[0].isascii() and view.store_ids[0].isprintable():
            headers["Branch-Id"] = view.store_ids[0]
        brand = _brand_of(view.payload)
        if brand:
            headers["Brand-Id"] = brand
        return headers

    def token_request(self, api: Api) -> OutboundRequest:
        """Return the client-credentials request, as a form."""
        form = {
            "grant_type": "client_credentials",
            "client_id": api.secrets["clientId"],
            "client_secret": api.secrets["clientSecret"],
            "scope": "pos",
        }
        return OutboundRequest(
            method="POST",
            url=f"{api.hosts.auth}/token",
            headers=self.headers,
            body=urlencode(form).encode(),
            content_type="application/x-www-form-urlencoded",
            hides_body=True,
        )

    default_token_life_s = 3600.0

    def probe(self, api: Api) -> OutboundRequest:
        """Return the list of orders: harmless, and refused without a good token."""
        return OutboundRequest(method="GET", url=f"{api.hosts.api}{API_PATH}/orders", headers=self.headers)


def _brand_of(payload: Mapping[str, Any]) -> str:
    """Return the brand that the order's own payload names, ``""`` where it names none that can stand in a header."""
    details = payload.get("details")
    branch = details.get("branch") if isinstance(details, dict) else None
    brand = branch.get("brand_id") if isinstance(branch, dict) else None
    text = str(brand) if isinstance(brand, (str, int)) and not isinstance(brand, bool) else ""
    return text if len(text) <= 200 and text.isascii() and text.isprintable() else ""
