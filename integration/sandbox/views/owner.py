"""The owner's side of the sandbox: placing orders at a played provider, and seeing what became of them and what was called."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from integration.models import SandboxCall, SandboxOrder
from integration.sandbox.accounts import PLAYED
from integration.sandbox.orders import MAX_SPEED, Placing, PlacingError, place_order
from integration.sandbox.payloads import Wish
from integration.sandbox.views.base import is_open
from orders.access import CompanyAPIView
from orders.errors import ApiError, not_found
from orders.models import Role
from orders.models.order import order_id_for
from orders.schema import extend_schema
from orders.times import iso_time

KINDS = ("created", "pickup", "scheduled", "own_delivery", "dine_in")
SHOWN = 100
_FLAGS = ("hasUnmappedItem", "isSentTwice", "isOvertaken", "lateCourier", "isLost")
_FIELDS = {"kind", "number", "customerName", "note", "speed", "customerCancelsAfterS", *_FLAGS}


@extend_schema(exclude=True)
class OwnerView(CompanyAPIView):
    """An endpoint for a company's owner, while the sandbox is on."""

    role_required = {"POST": Role.OWNER, "GET": Role.OWNER}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not is_open() or kwargs.get("provider") not in PLAYED:
            raise not_found("This path")
        super().initial(request, *args, **kwargs)


class OrdersView(OwnerView):
    """``GET`` and ``POST /sandbox/{provider}/orders``."""

    http_method_names = ["get", "post"]

    def get(self, request: Request, provider: str) -> Response:
        found = SandboxOrder.objects.filter(company=self.company, provider=provider)[:SHOWN]
        return Response({"results": [order_json(order) for order in found]})

    def post(self, request: Request, provider: str) -> Response:
        placing = read_placing(request.data)
        try:
            order = place_order(self.company, provider, placing, timezone.now())
        except PlacingError as error:
            raise ApiError(409, error.code, str(error)) from error
        return Response(order_json(order), 201)


class CallsView(OwnerView):
    """``GET /sandbox/{provider}/calls``: what was called, newest first, without secrets."""

    http_method_names = ["get"]

    def get(self, request: Request, provider: str) -> Response:
        calls = SandboxCall.objects.filter(company=self.company, provider=provider)
        named = request.query_params.get("externalOrderId")
        calls = calls.filter(external_id=named) if named else calls
        return Response({"results": [call_json(call) for call in calls[:SHOWN]]})


def order_json(order: SandboxOrder) -> dict[str, Any]:
    """Return an order of the sandbox; ``orderId`` is the one that ours has or will have."""
    return {
        "orderId": str(order_id_for(order.company_id, order.provider, order.external_id)),
        "externalOrderId": order.external_id,
        "provider": order.provider,
        "dialect": order.dialect,
        "status": order.status,
        "answersByCall": order.answers_by_call,
        "carriedByProvider": order.carried_by_provider,
        "isScheduled": order.is_scheduled,
        "speed": order.speed,
        "placedAt": iso_time(order.placed_at),
        "answerBy": iso_time(order.answer_by),
    }


def call_json(call: SandboxCall) -> dict[str, Any]:
    """Return a call as it was written down."""
    return {
        "externalOrderId": call.external_id or None,
        "method": call.method,
        "path": call.path,
        "body": call.body,
        "answerStatus": call.answer_status,
        "answer": call.answer,
        "receivedAt": iso_time(call.received_at),
    }


def read_placing(body: Any) -> Placing:
    """Return what is asked for. Raises ApiError naming each field that is wrong."""
    if not isinstance(body, dict):
        raise _invalid({"body": "expected an object"})
    faults = {str(name): "no such field" for name in set(body) - _FIELDS}
    if (kind := body.get("kind", "created")) not in KINDS:
        faults["kind"] = f"expected one of {', '.join(KINDS)}"
    number = body.get("number", 1)
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= 10**6:
        faults["number"] = "expected a whole number from 1"
    for name, longest in (("customerName", 100), ("note", 500)):
        text = body.get(name, "")
        if not isinstance(text, str) or len(text) > longest:
            faults[name] = f"expected a text of up to {longest} characters"
    speed = body.get("speed", 20)
    if not _is_between(speed, 1, MAX_SPEED):
        faults["speed"] = f"expected a number from 1 to {MAX_SPEED:g}"
    cancels = body.get("customerCancelsAfterS")
    if cancels is not None and not _is_between(cancels, 0, 86_400):
        faults["customerCancelsAfterS"] = "expected a number of seconds up to a day"
    faults |= {name: "expected true or false" for name in _FLAGS if not isinstance(body.get(name, False), bool)}
    if faults:
        raise _invalid(faults)
    return Placing(
        wish=Wish(kind, number, body.get("customerName", ""), body.get("note", ""), body.get("hasUnmappedItem", False)),
        speed=float(speed),
        customer_cancels_after_s=None if cancels is None else float(cancels),
        is_sent_twice=body.get("isSentTwice", False),
        is_overtaken=body.get("isOvertaken", False),
        late_courier=body.get("lateCourier", False),
        is_lost=body.get("isLost", False),
    )


def _is_between(value: Any, least: float, most: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most


def _invalid(faults: dict[str, str]) -> ApiError:
    return ApiError(400, "invalid_request", "Some fields are not valid.", faults)
