"""Talabat: Delivery Hero's POS middleware, called at the addresses that each order brings.

Source: Delivery Hero's ``middlewareExternalApi.yaml``. An address that an order does not bring is not called, nor one whose
origin is not the configured middleware: the order's body is not signed, and would otherwise say where our token goes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from providers.events import FulfilledBy, OrderType, Status
from providers.outbound import (
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
    json_request,
    judge_status,
    ready_time,
    step_of,
    utc_text,
)

MIN_AHEAD = timedelta(minutes=2, seconds=15)
"""The middleware wants at least two minutes; the rest is for the way and for clocks."""
REFUSED_TIMES = {
    "PREPARATION_TIME_EXCEEDS_ALLOWED_MAX_TIME": "Talabat does not take so late a time for this order.",
    "PREPARATION_TIME_BELOW_ALLOWED_MIN_TIME": "Talabat does not take so early a time for this order.",
}
TRANSIENT_STATES = frozenset({"ASSIGNED_TO_TRANSPORT", "WAITING_FOR_ACKNOWLEDGEMENT"})
TRANSIENT_EVERY_S, TRANSIENT_FOR_S = 10.0, 300.0
OTHER_BEFORE, OTHER_AFTER = "TECHNICAL_PROBLEM", "LATE_DELIVERY"
"""There is no word for "other": these blame nobody. The person's own words go along as the message."""


def _reason(code: str, label: str, *, after: bool = False) -> RejectReason:
    return RejectReason(code, label, after_acceptance=after, before_acceptance=True)


class TalabatCalls(ProviderCalls):
    """``callbackUrls`` of the order; tokens from ``POST /v2/login``, for about half an hour."""

    production = Hosts("https://integration-middleware.me.restaurant-partners.com")
    sandbox = Hosts("https://integration-middleware.stg.restaurant-partners.com")
    secret_fields = ("username", "password")
    default_token_life_s = 1500.0
    changes_prep_time = True
    reject_reasons = (
        _reason("ITEM_UNAVAILABLE", "An item is not available"),
        _reason("TOO_BUSY", "The kitchen is too busy"),
        _reason("CLOSED", "The branch is closed"),
        _reason("TECHNICAL_PROBLEM", "Technical problem"),
        _reason("ADDRESS_INCOMPLETE_MISSTATED", "The address is incomplete or wrong"),
        _reason("BAD_WEATHER", "Bad weather", after=True),
        _reason("BLACKLISTED", "The customer is blocked"),
        _reason("CARD_READER_NOT_AVAILABLE", "No card reader", after=True),
        _reason("CONTENT_WRONG_MISLEADING", "The menu is wrong or misleading", after=True),
        _reason("FOOD_QUALITY_SPILLAGE", "Spilled or of poor quality", after=True),
        _reason("FRAUD_PRANK", "Fraud or prank"),
        _reason("LATE_DELIVERY", "Too late to deliver", after=True),
        _reason("MENU_ACCOUNT_SETTINGS", "Settings of the menu or the account"),
        _reason("MOV_NOT_REACHED", "Below the minimum order"),
        _reason("NO_COURIER", "No courier"),
        _reason("NO_PICKER", "Nobody to pick it"),
        _reason("NO_RESPONSE", "No response"),
        _reason("OUTSIDE_DELIVERY_AREA", "Outside the delivery area"),
        _reason("TEST_ORDER", "A test order"),
        _reason("UNABLE_TO_FIND", "The customer could not be found", after=True),
        _reason("UNABLE_TO_PAY", "The customer could not pay", after=True),
        _reason("UNPROFESSIONAL_BEHAVIOUR", "Unprofessional behaviour", after=True),
        _reason("WILL_NOT_WORK_WITH_PLATFORM", "Will not work with the platform"),
        _reason("WRONG_ORDER_ITEMS_DELIVERED", "The wrong items were delivered", after=True),
    )

    def build(self, view: OrderView, api: Api) -> Call | NotSent:
        """Return the call to the address that the order brought for this step."""
        step = step_of(view)
        names: tuple[str, ...]
        document: dict[str, Any] | None
        if view.action == PREP_TIME:
            ready = ready_time(view.occurred_at, view.prep_minutes, None)
            names, document = ("orderPreparationTimeAdjustmentUrl",), {"expectedPickupAt": utc_text(ready)}
        elif step is Status.CONFIRMED:
            names, document = ("orderAcceptedUrl",), self._acceptance(view)
        elif step in {Status.REJECTED, Status.CANCELLED}:
            names, document = ("orderRejectedUrl",), self._rejection(view)
        elif step is Status.READY:
            if view.order_type is not OrderType.DELIVERY or view.fulfilled_by is not FulfilledBy.PROVIDER:
                return NotSent("Talabat is told of readiness only where its own rider delivers.")
            names, document = ("orderPreparedUrl", "orderPreparedUpUrl"), None
        elif step is Status.OUT_FOR_DELIVERY:
            if view.order_type is OrderType.DELIVERY and view.fulfilled_by is FulfilledBy.PROVIDER:
                return NotSent("Talabat's own rider tells that the order was picked up.")
            names, document = ("orderPickedUpUrl",), {"status": "order_picked_up"}
        else:
            return NotSent("Talabat has no call for this status.")
        url = next((view.callback_urls[name] for name in names if view.callback_urls.get(name)), "")
        if not url:
            return NotSent("The order brought no address for this: it is answered on Talabat's own device.")
        if _origin(url) != _origin(api.hosts.api):
            return NotSent("The order's address for this is not on the configured middleware, so it is not called.")
        return Call((json_request("POST", url, document),))

    def _acceptance(self, view: OrderView) -> dict[str, Any]:
        return {
            "status": "order_accepted",
            "acceptanceTime": utc_text(acceptance_time(view)),
            "remoteOrderId": view.order_id,
        }

    def _rejection(self, view: OrderView) -> dict[str, Any]:
        other = OTHER_AFTER if view.was_accepted else OTHER_BEFORE
        code, words = choose_reason(self.reject_reasons, view.reason, other=other, accepted=view.was_accepted)
        return {"status": "order_rejected", "reason": code, "message": words or "Rejected by the restaurant"}

    def token_request(self, api: Api) -> OutboundRequest:
        """Return the sign-in, as a form."""
        form = {
            "username": api.secrets["username"],
            "password": api.secrets["password"],
            "grant_type": "client_credentials",
        }
        return OutboundRequest(
            method="POST",
            url=f"{api.hosts.auth}/v2/login",
            body=urlencode(form).encode(),
            content_type="application/x-www-form-urlencoded",
            hides_body=True,
        )

    def judge(self, view: OrderView, answer: OutboundAnswer, *, attempt: int, age_s: float, now: datetime) -> Judgement:
        """Judge an answer; a 409 while the order is still on its way to the vendor is asked again for five minutes."""
        if answer.status == 409:
            state = answer.text_at("currentState")
            if state in TRANSIENT_STATES and age_s < TRANSIENT_FOR_S:
                return Judgement(Verdict.RETRY, f"The order is {state} at Talabat.", TRANSIENT_EVERY_S)
            if attempt > 1 and state == "ACCEPTED" and step_of(view) is Status.CONFIRMED:
                return Judgement(Verdict.DONE, "Talabat had taken it before.")
        if answer.status == 400 and view.action == PREP_TIME:
            said = next((why for code, why in REFUSED_TIMES.items() if code.encode() in answer.body), "")
            if said:
                return Judgement(Verdict.PERMANENT, said)
        return judge_status(answer, now)


def acceptance_time(view: OrderView) -> datetime:
    """Return when the order will be ready: the scheduled time, else after the kitchen's minutes; two minutes ahead."""
    return max(ready_time(view.occurred_at, view.prep_minutes, view.scheduled_for), view.now + MIN_AHEAD)


def _origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port; the scheme alone where the address cannot be read, which equals no other."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
        odd = parts.username is not None or parts.password is not None or not parts.hostname or "\\" in url
        return (url, "", 0) if odd else (parts.scheme, parts.hostname or "", port)
    except ValueError:
        return (url, "", 0)
