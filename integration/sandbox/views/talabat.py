"""Delivery Hero's POS middleware as far as orders go. Source: its ``middlewareExternalApi.yaml``."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from integration.models import SandboxOrder
from integration.sandbox import orders
from integration.sandbox.elsewhere import as_ours, listed_orders
from integration.sandbox.story import ADOPTED
from integration.sandbox.views.base import ProviderView, TokenView, bad_request, text_of
from orders.errors import ApiError, not_found
from providers.payload import parse_time

AFTER_ACCEPTANCE = frozenset(
    {
        "BAD_WEATHER", "CARD_READER_NOT_AVAILABLE", "CONTENT_WRONG_MISLEADING", "FOOD_QUALITY_SPILLAGE", "LATE_DELIVERY",
        "UNABLE_TO_FIND", "UNABLE_TO_PAY", "UNPROFESSIONAL_BEHAVIOUR", "WRONG_ORDER_ITEMS_DELIVERED",
    }
)  # fmt: skip
REASONS = AFTER_ACCEPTANCE | {
    "ADDRESS_INCOMPLETE_MISSTATED", "BLACKLISTED", "CLOSED", "FRAUD_PRANK", "ITEM_UNAVAILABLE", "MENU_ACCOUNT_SETTINGS",
    "MOV_NOT_REACHED", "NO_COURIER", "NO_PICKER", "NO_RESPONSE", "OUTSIDE_DELIVERY_AREA", "TECHNICAL_PROBLEM",
    "TEST_ORDER", "TOO_BUSY", "WILL_NOT_WORK_WITH_PLATFORM",
}  # fmt: skip
_Status = SandboxOrder.Status
REPORTED = {
    "accepted": {_Status.ACCEPTED, _Status.COURIER_HERE, _Status.PICKED_UP, _Status.DELIVERED},
    "cancelled": {_Status.CANCELLED, _Status.REJECTED, _Status.TIMED_OUT},
}
"""An order that nobody has answered yet stands in neither list."""
LEAST_AHEAD = timedelta(minutes=2)
CLOCKS_MAY_DIFFER = timedelta(seconds=10)
MOST_ADJUSTMENT = timedelta(minutes=60)


class TalabatTokenView(TokenView):
    """``POST /v2/login``."""

    provider = "talabat"

    def account_values(self, body: dict[str, Any]) -> tuple[str, ...]:
        self.want_grant(body)
        return text_of(body.get("username")), text_of(body.get("password"))


class TalabatView(ProviderView):
    """A call to the middleware. A conflict names the order's state at the top, as ``currentState``."""

    provider = "talabat"

    def handle_exception(self, exc: Exception) -> Response:
        response = super().handle_exception(exc)
        if isinstance(exc, ApiError) and "currentState" in exc.details:
            response.data["currentState"] = exc.details["currentState"].upper()
        return response


class TalabatStatusView(TalabatView):
    """``POST /v2/order/status/{token}``: accepted, rejected, picked up."""

    def post(self, request: Request, token: str) -> Response:
        order, body = self.order(token), self.body()
        taken = {"order_accepted": self._accept, "order_rejected": self._reject, "order_picked_up": self._picked_up}
        take = taken.get(text_of(body.get("status")))
        if take is None:
            raise bad_request(f"status is one of {', '.join(taken)}.", status=str(body.get("status"))[:100])
        take(order, body, timezone.now())
        return Response({})

    def _accept(self, order: SandboxOrder, body: dict[str, Any], now: datetime) -> None:
        accepted = parse_time(text_of(body.get("acceptanceTime")))
        if accepted is None or accepted < now + LEAST_AHEAD - CLOCKS_MAY_DIFFER:
            raise bad_request("acceptanceTime is a time (RFC 3339), two minutes ahead or more.")
        if not text_of(body.get("remoteOrderId")):
            raise bad_request("remoteOrderId is required.")
        if order.order_ref and body["remoteOrderId"] != order.order_ref:
            raise bad_request("remoteOrderId is the one from the answer to the order.")
        self.change(order, lambda row: orders.accept(row, now))

    def _reject(self, order: SandboxOrder, body: dict[str, Any], now: datetime) -> None:
        reason = body.get("reason")
        if reason not in REASONS:
            raise bad_request("reason is one of Talabat's words.", reason=str(reason)[:100])
        is_late = reason in AFTER_ACCEPTANCE
        if not is_late or order.accepted_at is None:
            self.change(order, lambda row: orders.reject(row, now))
        else:
            self.change(order, lambda row: orders.reject(row, now, after_acceptance=True))

    def _picked_up(self, order: SandboxOrder, body: dict[str, Any], now: datetime) -> None:
        if order.carried_by_provider:
            raise bad_request("Talabat's own rider says when this order is picked up.")
        self.change(order, lambda row: orders.mark_picked_up(row, now))


class TalabatPreparedView(TalabatView):
    """``POST /v2/orders/{token}/preparation-completed``: for orders that Talabat's own rider fetches."""

    def post(self, request: Request, token: str) -> Response:
        order, now = self.order(token), timezone.now()
        if not order.carried_by_provider:
            raise bad_request("No rider of Talabat's comes for this order.")
        self.change(order, lambda row: orders.mark_ready(row, now))
        return Response({})


class TalabatChainView(TalabatView):
    """A call about the orders of a chain, whose code comes with the account."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        assert self.account is not None
        if kwargs["chain"] != self.account.credential.value("chainCode"):
            raise not_found("This chain")

    def orders(self) -> QuerySet[SandboxOrder]:
        """Return the chain's orders that Talabat sent itself, newest first; one of the hub's form has no token."""
        assert self.account is not None
        found = listed_orders(self.account.company_id, self.provider, timezone.now())
        return found.filter(Q(payload__has_key="token") | Q(marks__has_key=ADOPTED))


class TalabatReportView(TalabatChainView):
    """``GET /v2/chains/{chain}/orders/ids``: the accepted or the cancelled ones of the last hours."""

    def get(self, request: Request, chain: str) -> Response:
        self.count_call()
        status, hours = request.query_params.get("status"), request.query_params.get("pastNumberOfHours", "24")
        if status not in REPORTED:
            raise bad_request("status is accepted or cancelled.", status=str(status)[:100])
        if not hours.isascii() or not hours.isdigit() or not 1 <= int(hours) <= 24:
            raise bad_request("pastNumberOfHours is a whole number from 1 to 24.", pastNumberOfHours=hours[:100])
        found = self.orders().filter(placed_at__gte=timezone.now() - timedelta(hours=int(hours)))
        if vendor := request.query_params.get("vendorId"):
            found = found.filter(store_id=vendor)
        ids = [order.external_id for order in as_ours(found) if order.status in REPORTED[status]]
        return Response({"orderIdentifiers": ids, "count": len(ids)})


class TalabatOrderView(TalabatChainView):
    """``GET /v2/chains/{chain}/orders/{orderId}``: the dispatch, with what became of it."""

    def get(self, request: Request, chain: str, external_id: str) -> Response:
        order = next(iter(as_ours(self.orders().filter(external_id=external_id))), None)
        self.external_id = external_id[:512]
        self.count_call()
        if order is None:
            raise not_found("This order")
        status = next((word for word, statuses in REPORTED.items() if order.status in statuses), None)
        return Response({"order": {**order.payload, "status": status, "reason": None}})


class TalabatAdjustView(TalabatView):
    """``POST /v2/orders/{token}/adjust-preparation-time``."""

    def post(self, request: Request, token: str) -> Response:
        order, now = self.order(token), timezone.now()
        expected = parse_time(text_of(self.body().get("expectedPickupAt")))
        if expected is None:
            raise bad_request("expectedPickupAt is a time (RFC 3339).")
        if expected < now:
            raise ApiError(400, "PREPARATION_TIME_BELOW_ALLOWED_MIN_TIME", "The time is too early.")
        if expected > order.placed_at + MOST_ADJUSTMENT:
            raise ApiError(400, "PREPARATION_TIME_EXCEEDS_ALLOWED_MAX_TIME", "The time is too late.")
        self.change(order, lambda row: orders.want_open(row, now))
        return Response(status=204)
