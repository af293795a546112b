"""A person has looked at what was wrong with an order."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from orders.access import CompanyAPIView
from orders.api import shapes
from orders.api.orders import find_order, order_answer
from orders.errors import ApiError
from orders.pagination import invalid
from orders.schema import extend_schema, failures
from orders.settling import BY_HAND, NotSettledError, settle


class OrderSettleView(CompanyAPIView):
    """A person has looked at what was wrong with an order."""

    http_method_names = ["post"]

    @extend_schema(
        operation_id="orders_settle",
        tags=["orders"],
        summary="Take a mark off an order that somebody has looked at",
        description=(
            "`reason` is one of the order's `attentionReasons` that a look settles; an item that is not on the menu is mended"
            " there. Who did it stands in the timeline. Amounts that the provider changes later are added up again."
        ),
        request=shapes.SettleRequest,
        parameters=[shapes.ORDER_ID, *shapes.COMPANY],
        responses={
            200: shapes.Order,
            **failures(400, 404, 415, s409="`not_marked`: the order is not marked with this any more"),
        },
    )
    def post(self, request: Request, order_id: str) -> Response:
        """Settle one reason."""
        order = find_order(self.access, order_id)
        reason = request.data.get("reason") if isinstance(request.data, dict) else None
        if reason not in BY_HAND:
            raise invalid(reason=f"expected one of {', '.join(BY_HAND)}")
        try:
            settle(order, reason, self.access, request._request)
        except NotSettledError as error:
            raise ApiError(409, "not_marked", str(error)) from error
        return order_answer(self.access, order_id)
