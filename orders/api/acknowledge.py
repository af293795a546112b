"""Somebody has heard of an order that rings."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from orders.access import CompanyAPIView
from orders.api import shapes
from orders.api.orders import find_order, order_answer
from orders.bell import acknowledge_order
from orders.schema import extend_schema, failures


class OrderAcknowledgeView(CompanyAPIView):
    """Somebody has heard of an order that rings."""

    http_method_names = ["post"]

    @extend_schema(
        operation_id="orders_acknowledge",
        tags=["orders"],
        summary="Silence an order on every device",
        description=(
            "A new order rings on the staff's pages until somebody moves or acknowledges it, and one that is called off after"
            " it was accepted until somebody acknowledges it. One that does not ring stays as it is: safe to call twice."
        ),
        request=None,
        parameters=[shapes.ORDER_ID, *shapes.COMPANY],
        responses={200: shapes.Order, **failures(404)},
    )
    def post(self, request: Request, order_id: str) -> Response:
        acknowledge_order(find_order(self.access, order_id), self.access, request._request)
        return order_answer(self.access, order_id)
