"""A person names another preparation time. Here, because the orders know no providers' calls."""

from __future__ import annotations

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from integration.api.outbound_shapes import PrepTimeRequest
from integration.prep_time import PrepTimeError, change_prep_time
from orders.access import CompanyAPIView
from orders.api.orders import find_order, order_answer, read_minutes
from orders.api.shapes import COMPANY, ORDER_ID
from orders.api.shapes import Order as OrderShape
from orders.audit import record_act
from orders.errors import ApiError
from orders.schema import extend_schema, failures


class PrepTimeView(CompanyAPIView):
    """A person names another preparation time."""

    http_method_names = ["post"]

    @extend_schema(
        operation_id="orders_change_prep_time",
        tags=["orders"],
        summary="Change the preparation time of an accepted order",
        description=(
            "The order will be ready in `prepMinutes` from now; the provider is told. Talabat takes a time, Careem one delay of"
            " up to 60 minutes, Deliveroo one of up to 10 while the order is prepared. What came of the call stands in the"
            " timeline."
        ),
        request=PrepTimeRequest,
        parameters=[ORDER_ID, *COMPANY],
        responses={
            200: OrderShape,
            **failures(400, 404, 415, s409="`prep_time_refused`: `message` says why; nothing was changed"),
        },
    )
    def post(self, request: Request, order_id: str) -> Response:
        """Note the time, and owe it to the provider."""
        order = find_order(self.access, order_id)
        minutes = read_minutes(request.data)
        try:
            with transaction.atomic():
                change_prep_time(order, minutes, user=self.access.user)
                record_act("order.prep_time_changed", company=self.company, target=order.id,
                           details={"prepMinutes": minutes}, request=request._request, user=self.access.user)  # fmt: skip
        except PrepTimeError as error:
            raise ApiError(409, "prep_time_refused", str(error)) from error
        return order_answer(self.access, order_id)
