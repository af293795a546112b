"""Deliveroo: accept, reject and confirm, stages of preparation, and the confirmation that a tablet's order has come.

Source: api-docs.deliveroo.com, Order API ("patch order", "create sync status", "create prep stage"). An order's id holds a
colon, so it is encoded in paths. At most five changes a minute are taken for an order.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from providers.events import Status
from providers.outbound import (
    ACKNOWLEDGE,
    PREP_TIME,
    Api,
    Call,
    Hosts,
    Judgement,
    NotSent,
    OrderView,
    OutboundAnswer,
    OutboundRequest,
    ProviderCalls,
    RejectReason,
    Verdict,
    choose_reason,
    delay_minutes,
    json_request,
    judge_status,
    step_of,
    utc_text,
)

OTHER = "other"
STAGES = {
    Status.PREPARING: "in_kitchen",
    Status.READY: "ready_for_collection",
    Status.OUT_FOR_DELIVERY: "collected",
}
"""The published words end at ``collected``; a word for the way to the customer is refused."""
MAX_NOTES = 500
MAX_DELAY_MINUTES = 10
"""With ``in_kitchen``, in steps of two."""


class DeliverooCalls(ProviderCalls):
    """``PATCH`` and ``POST`` below ``/order/v1/orders/{id}``; tokens by OAuth client credentials."""

    production = Hosts("https://api.developers.deliveroo.com", "https://auth.developers.deliveroo.com")
    sandbox = Hosts("https://api-sandbox.developers.deliveroo.com")
    sandbox_auth_is_known = False
    secret_fields = ("clientId", "clientSecret")
    acknowledges_acceptance = True
    changes_prep_time = True
    reject_reasons = (
        RejectReason("ingredient_unavailable", "An ingredient is not available", after_acceptance=False),
        RejectReason("busy", "The kitchen is too busy", after_acceptance=False),
        RejectReason("closing_early", "The branch closes early", after_acceptance=False),
        RejectReason(OTHER, "Another reason", after_acceptance=False),
    )

    def build(self, view: OrderView, api: Api) -> Call | NotSent:
        """Return the requests of a step. A scheduled order is confirmed before its preparation begins."""
        order = f"{api.hosts.api}/order/v1/orders/{quote(view.external_id, safe='')}"
        step = step_of(view)
        if view.action == ACKNOWLEDGE:
            sync = {"status": "succeeded", "occurred_at": utc_text(view.occurred_at)}
            return Call((json_request("POST", f"{order}/sync_status", sync),))
        if view.action == PREP_TIME:
            return self._delay(view, order)
        if step is Status.CONFIRMED:
            return Call((json_request("PATCH", order, {"status": "accepted"}),))
        if step in {Status.REJECTED, Status.CANCELLED}:
            if view.was_accepted:
                return NotSent("Deliveroo takes no cancellation of an accepted order: call Deliveroo.")
            return Call((json_request("PATCH", order, self._rejection(view)),))
        stage = STAGES.get(step) if step else None
        if stage is None:
            return NotSent("Deliveroo has no call for this status.")
        request = json_request(
            "POST", f"{order}/prep_stage", {"stage": stage, "occurred_at": utc_text(view.occurred_at)}
        )
        if step is Status.PREPARING and view.scheduled_for is not None:
            return Call((json_request("PATCH", order, {"status": "confirmed"}), request))
        return Call((request,))

    def _delay(self, view: OrderView, order: str) -> Call | NotSent:
        minutes = delay_minutes(view)
        if view.previous_status != Status.PREPARING:
            return NotSent("Deliveroo takes a delay while the order is being prepared: start preparing it first.")
        if minutes < 1:
            return NotSent("Deliveroo is told of a delay only, and this time is not later than the promised one.")
        if minutes > MAX_DELAY_MINUTES:
            return NotSent(f"Deliveroo takes a delay of {MAX_DELAY_MINUTES} minutes at most; this is one of {minutes}.")
        stage = {"stage": "in_kitchen", "occurred_at": utc_text(view.occurred_at), "delay": minutes + minutes % 2}
        return Call((json_request("POST", f"{order}/prep_stage", stage),))

    def _rejection(self, view: OrderView) -> dict[str, Any]:
        code, words = choose_reason(self.reject_reasons, view.reason, other=OTHER)
        document = {"status": "rejected", "reject_reason": code}
        return document | ({"notes": words[:MAX_NOTES]} if words else {})

    def token_request(self, api: Api) -> OutboundRequest:
        """Return the client-credentials request: the client in a Basic header, as Deliveroo documents it."""
        client = f"{api.secrets['clientId']}:{api.secrets['clientSecret']}".encode()
        return OutboundRequest(
            method="POST",
            url=f"{api.hosts.auth}/oauth2/token",
            headers={"Authorization": f"Basic {base64.b64encode(client).decode()}"},
            body=urlencode({"grant_type": "client_credentials"}).encode(),
            content_type="application/x-www-form-urlencoded",
            hides_body=True,
        )

    def judge(self, view: OrderView, answer: OutboundAnswer, *, attempt: int, age_s: float, now: datetime) -> Judgement:
        """Judge an answer. 409 says that it was done already, by us or on the tablet, or that it is too late.

        After a try of our own, and for what only informs, that is as good as done; a first acceptance that comes too late
        wakes somebody.
        """
        if answer.status == 409:
            if attempt > 1 or step_of(view) not in {Status.CONFIRMED, Status.REJECTED, Status.CANCELLED}:
                return Judgement(Verdict.DONE, "Deliveroo has it already (409).")
            return Judgement(Verdict.PERMANENT, "Deliveroo has already decided this order (409): look at it there.")
        return judge_status(answer, now)

    def probe(self, api: Api) -> OutboundRequest:
        """Return the reading of an order that nobody has: 404 with a good token, 401 without."""
        return OutboundRequest(method="GET", url=f"{api.hosts.api}/order/v1/orders/{quote('xx:connectivity', safe='')}")
