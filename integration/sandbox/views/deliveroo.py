"""Deliveroo's Order API as far as orders go. Source: api-docs.deliveroo.com."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from integration.models import SandboxOrder
from integration.sandbox import orders
from integration.sandbox.views.base import ProviderView, TokenView, bad_request, text_of
from orders.counters import Window
from providers.payload import parse_time

REJECT_REASONS = frozenset({"closing_early", "busy", "ingredient_unavailable", "other"})
SYNC_REASONS = frozenset(
    {
        "price_mismatched", "pos_item_id_mismatched", "pos_item_id_not_found", "items_out_of_stock", "location_offline",
        "location_not_supported", "unsupported_order_type", "no_webhook_url", "webhook_failed", "timed_out", "other",
        "no_sync_confirmation",
    }
)  # fmt: skip
STAGES = ("in_kitchen", "ready_for_collection_soon", "ready_for_collection", "collected")
DELAYS = frozenset({0, 2, 4, 6, 8, 10})
PATCHES = Window(5, 60)
SYNCS = Window(1, 10)


class DeliverooTokenView(TokenView):
    """``POST /oauth2/token``: the account in the Basic scheme, or in the form."""

    provider = "deliveroo"

    def account_values(self, body: dict[str, Any]) -> tuple[str, ...]:
        self.want_grant(body)
        name, word = self.basic_values()
        return name or text_of(body.get("client_id")), word or text_of(body.get("client_secret"))


class DeliverooView(ProviderView):
    """A call to the Order API."""

    provider = "deliveroo"


class DeliverooOrderView(DeliverooView):
    """``GET`` and ``PATCH /order/v1/orders/{id}``: five changes a minute for each order."""

    def get(self, request: Request, external_id: str) -> Response:
        order = self.order(external_id)
        words = {"placed": "placed", "rejected": "rejected", "timed_out": "rejected", "cancelled": "canceled"}
        first = order.payload.get("body", {}).get("order", {"id": order.external_id})
        return Response({**first, "status": words.get(order.status, "accepted")})

    def patch(self, request: Request, external_id: str) -> Response:
        order, body, now = self.order(external_id), self.body(), timezone.now()
        self.limit(f"patch:{order.pk}", PATCHES, order.speed)
        status, reason = body.get("status"), body.get("reject_reason")
        if status not in {"accepted", "rejected", "confirmed"}:
            raise bad_request("status is accepted, rejected or confirmed.", status=str(status)[:100])
        if status == "rejected" and reason not in REJECT_REASONS:
            raise bad_request("reject_reason is one of Deliveroo's words.", reject_reason=str(reason)[:100])
        if status == "accepted":
            self.change(order, lambda row: orders.accept(row, now))
        elif status == "rejected":
            self.change(order, lambda row: orders.reject(row, now))
        else:
            self.change(order, lambda row: _confirm(row, now))
        return Response(status=204)


def _confirm(order: SandboxOrder, now: Any) -> None:
    """Take the confirmation of a scheduled order, once, after its acceptance."""
    if not order.is_scheduled:
        raise orders.ConflictError(order)
    orders.want_open(order, now, accepted=True)
    orders.take_once(order, "confirmed", now)


class DeliverooSyncView(DeliverooView):
    """``POST /order/v1/orders/{id}/sync_status``: once, and one try in ten seconds."""

    def post(self, request: Request, external_id: str) -> Response:
        order, body, now = self.order(external_id), self.body(), timezone.now()
        status, reason = body.get("status"), body.get("reason")
        if status not in {"succeeded", "failed"}:
            raise bad_request("status is succeeded or failed.", status=str(status)[:100])
        if (reason or status == "failed") and reason not in SYNC_REASONS:
            raise bad_request("reason is one of Deliveroo's words.", reason=str(reason)[:100])
        _want_time(body)
        if "sync_status" not in order.marks:
            self.limit(f"sync:{order.pk}", SYNCS, order.speed)
        self.change(order, lambda row: orders.take_once(row, "sync_status", now))
        return Response({})


class DeliverooStageView(DeliverooView):
    """``POST /order/v1/orders/{id}/prep_stage``."""

    def post(self, request: Request, external_id: str) -> Response:
        order, body, now = self.order(external_id), self.body(), timezone.now()
        stage, delay = body.get("stage"), body.get("delay")
        if stage not in STAGES:
            raise bad_request(f"stage is one of {', '.join(STAGES)}.", stage=str(stage)[:100])
        if delay is not None and (stage != "in_kitchen" or isinstance(delay, bool) or delay not in DELAYS):
            raise bad_request("delay is 0, 2, 4, 6, 8 or 10, with in_kitchen.", delay=str(delay)[:100])
        _want_time(body)
        if stage == "collected":
            self.change(order, lambda row: orders.mark_picked_up(row, now))
        elif stage == "ready_for_collection":
            self.change(order, lambda row: orders.mark_ready(row, now))
        else:
            self.change(order, lambda row: orders.want_open(row, now, accepted=True))
        return Response({})


def _want_time(body: dict[str, Any]) -> None:
    if parse_time(text_of(body.get("occurred_at"))) is None:
        raise bad_request("occurred_at is a time (RFC 3339).")
