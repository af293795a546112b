"""Why an order may be refused or cancelled now."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from orders.access import CompanyAPIView
from orders.api import shapes
from orders.api.orders import find_order
from orders.reasons import reasons_of, takes_words, was_accepted
from orders.schema import extend_schema, failures


class OrderReasonsView(CompanyAPIView):
    """The reasons for which an order may be refused or cancelled now."""

    http_method_names = ["get", "head"]

    @extend_schema(
        operation_id="orders_reasons",
        tags=["orders"],
        summary="List the reasons for refusing or cancelling an order",
        description=(
            "The provider's own list, which is another one after the acceptance; empty where the provider is not told."
            " `takesWords`: a person's own words are taken as well."
        ),
        parameters=[shapes.ORDER_ID, *shapes.COMPANY],
        responses={200: shapes.ReasonPage, **failures(404)},
    )
    def get(self, request: Request, order_id: str) -> Response:
        order = find_order(self.access, order_id)
        usable = reasons_of(order.provider, accepted=was_accepted(order))
        return Response(
            {
                "results": [{"code": reason.code, "label": reason.label} for reason in usable],
                "next": None,
                "takesWords": order.via_hub or not usable or takes_words(order.provider),
            }
        )
