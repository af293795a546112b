"""What happened to an order, and what its provider was told of it. Here, because the orders know no pushes."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from integration.api.outbound_shapes import TimelinePage
from integration.pushes import push_with_calls_json, pushes_of
from orders.access import CompanyAPIView
from orders.api.orders import find_order
from orders.api.shapes import COMPANY, ORDER_ID, PAGE
from orders.models import OrderEvent
from orders.pagination import paginate
from orders.schema import extend_schema, failures
from orders.serializers import entry_json


class OrderTimelineView(CompanyAPIView):
    """What happened to an order, newest first."""

    http_method_names = ["get", "head"]

    @extend_schema(
        operation_id="orders_timeline",
        tags=["orders"],
        summary="List what happened to an order, newest first",
        description=(
            "`pushes` of an entry are what the provider, or NEXARA, was told because of it. `not_sent`: there is no call for"
            " it; `dropped`: no longer of use. `error` says why."
        ),
        parameters=[ORDER_ID, *COMPANY, *PAGE],
        responses={200: TimelinePage, **failures(400, 404)},
    )
    def get(self, request: Request, order_id: str) -> Response:
        """Answer a page of the timeline."""
        order = find_order(self.access, order_id)
        entries = OrderEvent.objects.filter(order=order).select_related("user")
        page, following = paginate(request, entries, ("occurred_at", "created_at", "id"))
        told = pushes_of(page)
        results = [
            {**entry_json(entry), "pushes": [push_with_calls_json(push) for push in told.get(entry.pk, [])]}
            for entry in page
        ]
        return Response({"results": results, "next": following})
