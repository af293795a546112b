"""The rows of the grid: the list's orders without their lines, in pages that a script puts on the screen."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from orders.access import CompanyAPIView
from orders.api import shapes
from orders.filters import filter_orders, uuids
from orders.grid import COUNTED, FIELDS, SORTS, USUAL_SORT, grid_rows, read_sort
from orders.pagination import DEFAULT_LIMIT, invalid, read_limit, with_parameters
from orders.schema import extend_schema, failures
from orders.timeline import last_seq

MAX_ROWS = 500


class OrderGridView(CompanyAPIView):
    """The orders of the list as short rows."""

    http_method_names = ["get", "head"]

    @extend_schema(
        operation_id="orders_grid",
        tags=["orders"],
        summary="List orders as short rows, in any of some orders",
        description=(
            "A row is an array; `columns` names its places. `total` is counted on the first page alone, up to"
            f" {COUNTED:,}; null on the others and where `ids` are named. `seq` is the number of the company's last event"
            " before the rows were read."
        ),
        parameters=[
            *shapes.COMPANY,
            *shapes.ORDER_FILTERS,
            shapes.listed("ids", f"These orders alone, as far as they match; at most {MAX_ROWS}."),
            OpenApiParameter(
                "sort", str, default=USUAL_SORT, enum=[f"{sign}{name}" for name in SORTS for sign in ("", "-")]
            ),
            shapes.limit_parameter(DEFAULT_LIMIT, MAX_ROWS),
            shapes.CURSOR,
        ],
        responses={200: shapes.GridPage, **failures(400, 404)},
    )
    def get(self, request: Request) -> Response:
        # Before the rows: what is committed in between comes again, never not at all.
        seq = last_seq(self.company.id)
        query = request.query_params
        orders, sort = filter_orders(query, self.access), read_sort(query)
        limit, cursor = read_limit(request, most=MAX_ROWS), query.get("cursor", "")
        if ids := uuids(query, "ids"):
            if len(ids) > MAX_ROWS:
                raise invalid(ids=f"expected at most {MAX_ROWS}")
            orders, limit = orders.filter(id__in=ids), MAX_ROWS
        rows, following = grid_rows(orders, sort, cursor, limit)
        total = None if cursor or ids else len(rows) if not following else orders[:COUNTED].count()
        return Response(
            {
                "columns": list(FIELDS),
                "results": rows,
                "next": with_parameters(request, cursor=following) if following else None,
                "total": total,
                "seq": seq,
            }
        )
