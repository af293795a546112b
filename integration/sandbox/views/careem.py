"""Careem's POS API 2.1 as far as orders go. Source: docs.careemnow.com."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from integration.models import SandboxOrder
from integration.sandbox import orders
from integration.sandbox.elsewhere import as_ours, listed_orders
from integration.sandbox.views.base import ProviderView, TokenView, bad_request, text_of
from orders.counters import Window

REASONS = frozenset(
    {
        "ITEM_PERMANENTLY_NOT_AVAILABLE", "ITEM_TEMPORARILY_UNAVAILABLE", "KITCHEN_TOO_BUSY_TO_PREPARE_ORDER",
        "OUT_OF_KITCHEN_OPERATIONAL_HOURS", "OUTLET_CLOSED", "PARTNER_POS_OUTAGE", "PARTNER_ORDER_TIMEOUT", "OTHER",
    }
)  # fmt: skip
MAX_DELAY_MINUTES = 60
LISTED = 50
"""How long Careem's own list is, is not published."""


class CareemTokenView(TokenView):
    """``POST /token``."""

    provider = "careem"

    def account_values(self, body: dict[str, Any]) -> tuple[str, ...]:
        self.want_grant(body)
        return text_of(body.get("client_id")), text_of(body.get("client_secret"))

    def answer(self, token: str) -> dict[str, Any]:
        return {**super().answer(token), "scope": "pos"}


class CareemView(ProviderView):
    """A call to the POS API: 100 a minute, and none without a User-Agent."""

    provider = "careem"
    calls = Window(100, 60)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not request.headers.get("User-Agent", "").strip():
            raise bad_request("The User-Agent header is required.")


class CareemOrdersView(CareemView):
    """``GET /pos/api/v1/orders``: the newest of a branch, or of all where no header names one; groups are left out."""

    def get(self, request: Request) -> Response:
        assert self.account is not None
        self.count_call()
        found = listed_orders(self.account.company_id, self.provider, timezone.now())
        if branch := request.headers.get("Branch-Id", ""):
            found = found.filter(store_id=branch)
        return Response({"orders": [_without_groups(whole_json(order)) for order in as_ours(found[:LISTED])]})


class CareemOrderView(CareemView):
    """``GET`` and ``PUT /pos/api/v1/orders/{id}``."""

    def get(self, request: Request, external_id: str) -> Response:
        (order,) = as_ours([self.order(external_id)])
        return Response(whole_json(order))

    def put(self, request: Request, external_id: str) -> Response:
        order, body, now = self.order(external_id), self.body(), timezone.now()
        state, reason = body.get("state"), body.get("cancellation_reason")
        if state not in {"accepted", "ready", "cancelled"}:
            raise bad_request("state is accepted, ready or cancelled.", state=str(state)[:100])
        if (reason or state == "cancelled") and reason not in REASONS:
            raise bad_request("cancellation_reason is one of Careem's words.", cancellation_reason=str(reason)[:100])
        if state == "accepted":
            order = self.change(order, lambda row: orders.accept(row, now))
        elif state == "ready":
            order = self.change(order, lambda row: orders.mark_ready(row, now))
        else:
            order = self.change(order, lambda row: orders.reject(row, now, after_acceptance=True))
        return Response(order_json(order))


class CareemDelayView(CareemView):
    """``PUT /pos/api/v1/orders/{id}/delay-request``: once per order."""

    def put(self, request: Request, external_id: str) -> Response:
        order, minutes = self.order(external_id), self.body().get("delay_in_minutes")
        if not isinstance(minutes, int) or isinstance(minutes, bool) or not 1 <= minutes <= MAX_DELAY_MINUTES:
            raise bad_request(f"delay_in_minutes is a whole number up to {MAX_DELAY_MINUTES}.")
        now = timezone.now()
        return Response(order_json(self.change(order, lambda row: orders.take_once(row, "delay", now))))


def order_json(order: SandboxOrder) -> dict[str, Any]:
    """Return an order as the API answers a change of it: which it is, and where it is now."""
    key = int(order.external_id) if order.external_id.isdigit() else order.external_id
    words = {"placed": "pending", "accepted": "ready" if order.ready_at else "accepted", "courier_here": "driver_here",
             "picked_up": "trip_started", "delivered": "trip_ended"}  # fmt: skip
    return {"id": key, "status": words.get(order.status, "cancelled"), "branch": {"id": order.store_id}}


def whole_json(order: SandboxOrder) -> dict[str, Any]:
    """Return an order as a list and a look at it show it: Careem knows of it what it sent, and where it is now.

    One in the hub's form is told as after a change.
    """
    details, now = order.payload.get("details"), order_json(order)
    return {**details, **now, "branch": details["branch"]} if isinstance(details, dict) else now


def _without_groups(order: dict[str, Any]) -> dict[str, Any]:
    return {**order, "items": [{**item, "groups": []} for item in order["items"]]} if "items" in order else order
