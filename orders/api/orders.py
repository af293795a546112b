"""The list, one order, and a person's step."""

from __future__ import annotations

import uuid
from typing import Any, TypeGuard

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from orders.access import Access, CompanyAPIView
from orders.api import shapes
from orders.audit import record_act
from orders.errors import ApiError, not_found
from orders.filters import filter_orders
from orders.models import Order
from orders.pagination import invalid, paginate
from orders.reasons import UnknownReasonError, read_reason
from orders.schema import extend_schema, failures
from orders.serializers import LEFT_OUT, order_json, orders_json
from orders.services import change_status
from orders.timeline import lock_order
from orders.transitions import InvalidTransitionError, move_by_person
from providers.events import Status

MAX_REASON = 500
MAX_PREP_MINUTES = 240
MINUTES_EXPECTED = f"expected a whole number from 1 to {MAX_PREP_MINUTES}"


def find_order(access: Access, order_id: str, orders: QuerySet[Order] | None = None) -> Order:
    """Return an order that ``access`` may see; raise ApiError 404 for any other and for what is no id."""
    try:
        key = uuid.UUID(order_id)
    except ValueError:
        raise not_found("This order") from None
    orders = access.orders() if orders is None else orders
    order = orders.filter(pk=key).first()
    if order is None:
        raise not_found("This order")
    return order


def order_answer(access: Access, order_id: str) -> Response:
    return Response(order_json(find_order(access, order_id, access.orders().select_related("branch")), access))


class OrderListView(CompanyAPIView):
    """The orders, newest first."""

    http_method_names = ["get", "head"]

    @extend_schema(
        operation_id="orders_list",
        tags=["orders"],
        summary="List orders, newest first",
        parameters=[*shapes.COMPANY, *shapes.ORDER_FILTERS, *shapes.PAGE],
        responses={200: shapes.OrderPage, **failures(400, 404)},
    )
    def get(self, request: Request) -> Response:
        orders = filter_orders(request.query_params, self.access).select_related("branch").defer(*LEFT_OUT)
        page, following = paginate(request, orders)
        return Response({"results": orders_json(page, self.access), "next": following})


class OrderView(CompanyAPIView):
    """One order."""

    http_method_names = ["get", "head"]

    @extend_schema(
        operation_id="orders_read",
        tags=["orders"],
        summary="Read one order",
        parameters=[shapes.ORDER_ID, *shapes.COMPANY],
        responses={200: shapes.Order, **failures(404)},
    )
    def get(self, request: Request, order_id: str) -> Response:
        return order_answer(self.access, order_id)


class OrderStatusView(CompanyAPIView):
    """A person moves an order one step."""

    http_method_names = ["post"]

    @extend_schema(
        operation_id="orders_change_status",
        tags=["orders"],
        summary="Move an order one step",
        description=(
            "Naming the status that the order already has answers 200 and changes nothing. `reason` of a rejection or a"
            " cancellation is a code of the provider's own list, or words where the provider takes them; 400 names the codes"
            " in `details.allowed`. `prepMinutes` of an acceptance is how long the kitchen will take."
        ),
        parameters=[shapes.ORDER_ID, *shapes.COMPANY],
        request=shapes.StatusChange,
        responses={
            200: shapes.Order,
            **failures(400, 404, 415),
            409: OpenApiResponse(
                shapes.TransitionFailure, "`invalid_transition`: `details.allowed` names the steps that are possible"
            ),
        },
    )
    def post(self, request: Request, order_id: str) -> Response:
        # Who may not see the order learns nothing from what is said of the body.
        key = find_order(self.access, order_id).id
        status, reason, prep_minutes = read_step(request.data)
        with transaction.atomic():
            lock_order(key)
            order = find_order(self.access, order_id)
            before = order.status
            try:
                move_by_person(Status(before), status)
                if status != before:
                    reason = read_reason(order, status, reason)
                change_status(order, status, user=self.access.user, reason=reason, prep_minutes=prep_minutes)
            except InvalidTransitionError as error:
                details = {"status": before, "requested": status.value, "allowed": [s.value for s in error.allowed]}
                raise ApiError(409, "invalid_transition", str(error), details) from error
            except UnknownReasonError as error:
                details = {"reason": f"expected one of {', '.join(error.allowed)}", "allowed": error.allowed}
                raise ApiError(400, "invalid_request", str(error), details) from error
            if status != before:
                record_act(
                    "order.status_changed",
                    company=self.company,
                    target=order.id,
                    details={"from": before, "to": status.value},
                    request=request._request,
                    user=self.access.user,
                )
        return order_answer(self.access, order_id)


def read_step(body: Any) -> tuple[Status, str, int | None]:
    """Return what a person asks for. Raises ApiError naming each field that is wrong."""
    if not isinstance(body, dict):
        raise invalid(body="expected an object")
    faults: dict[str, str] = {}
    wanted, reason, minutes = body.get("status"), body.get("reason"), body.get("prepMinutes")
    reason = "" if reason is None else reason
    status = Status(wanted) if isinstance(wanted, str) and wanted in set(Status) else None
    if status is None:
        faults["status"] = f"expected one of {', '.join(Status)}"
    if not isinstance(reason, str) or len(reason) > MAX_REASON or "\x00" in reason or not _is_text(reason):
        faults["reason"] = f"expected a text of at most {MAX_REASON} characters"
    if minutes is not None and not _is_minutes(minutes):
        faults["prepMinutes"] = MINUTES_EXPECTED
    if faults or status is None:
        raise invalid(**faults)
    return status, str(reason).strip(), minutes


def read_minutes(body: Any) -> int:
    """Return the preparation time that a person names alone. Raises ApiError."""
    minutes = body.get("prepMinutes") if isinstance(body, dict) else None
    if not _is_minutes(minutes):
        raise invalid(prepMinutes=MINUTES_EXPECTED)
    return minutes


def _is_minutes(value: Any) -> TypeGuard[int]:
    return type(value) is int and 1 <= value <= MAX_PREP_MINUTES


def _is_text(value: str) -> bool:
    """Tell whether a text can be stored: JSON may hold a lone surrogate, a database may not."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
