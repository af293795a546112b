"""The list as a file."""

from __future__ import annotations

from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from orders.access import CompanyAPIView
from orders.api import shapes
from orders.audit import record_act
from orders.business_day import business_date
from orders.export import csv_pages, in_threads
from orders.filters import filter_orders
from orders.renderers import JSONRenderer
from orders.schema import extend_schema, failures

_PRIVATE = {"search"}
"""Filters whose values may be somebody's name or phone: the audit trail notes only that they were used."""
_FILTERS = {"status", "provider", "branch", "since", "until", "externalOrderId", "needsAttention", *_PRIVATE}


class OrderExportView(CompanyAPIView):
    """The orders of the list, all of them, as CSV."""

    http_method_names = ["get"]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """Take any ``Accept``: the path says what it is, and a failure is JSON as everywhere."""
        return JSONRenderer(), "application/json"

    @extend_schema(
        operation_id="orders_export",
        tags=["orders"],
        summary="Export orders as CSV, newest first",
        description=(
            "UTF-8 with a byte order mark, streamed. A cell that a spreadsheet would take for a formula has an apostrophe"
            " before it. Phones are masked as in the list. Every export stands in the audit trail."
        ),
        parameters=[*shapes.COMPANY, *shapes.ORDER_FILTERS],
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR), **failures(400, 404)},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        now = timezone.now()
        # An order that comes while the file is written is not in it.
        orders = filter_orders(request.query_params, self.access).filter(created_at__lte=now)
        record_act("order.exported", company=self.company, user=self.access.user, details=_used(request),
                   request=request._request)  # fmt: skip
        pages = csv_pages(orders, self.access)
        content: Any = in_threads(pages) if isinstance(request._request, ASGIRequest) else pages
        name = f"orders-{self.company.slug}-{business_date(self.company, now):%Y-%m-%d}.csv"
        return StreamingHttpResponse(
            content,
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )


def _used(request: Request) -> dict[str, Any]:
    """Return the filters that were asked for, without what may be a customer's."""
    used = {name: request.query_params.getlist(name) for name in sorted(_FILTERS & request.query_params.keys())}
    return {"filters": {name: "used" if name in _PRIVATE else ",".join(values) for name, values in used.items()}}
