"""The figures: the day at a glance, and one metric as a chart."""

from __future__ import annotations

from django.http import HttpResponseBase, QueryDict
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import quote_etag
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from orders.access import Access, CompanyAPIView
from orders.api import figure_shapes, shapes
from orders.charts import GROUPS, METRICS, PERIODS, chart_json
from orders.dashboard import snapshot
from orders.filters import choices, flag, uuids
from orders.pagination import invalid
from orders.rollup.reading import Scope
from orders.schema import extend_schema, failures
from providers.registry import ADAPTERS

WITH_TESTS = OpenApiParameter("includeTest", bool, description="Count test orders too; they are left out by default.")


class DashboardView(CompanyAPIView):
    """The company's day at a glance."""

    http_method_names = ["get", "head"]

    @extend_schema(
        operation_id="dashboard",
        tags=["figures"],
        summary="Read the business day so far, beside the same day a week ago",
        description=(
            "To the minute. Last week's figures go just as far into its day. Open orders and `needsAttention` are those of"
            " now, test orders among them, because the kitchen has them too."
        ),
        parameters=[
            *shapes.COMPANY,
            WITH_TESTS,
            OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description="The `ETag` that one has."),
        ],
        responses={
            200: figure_shapes.Dashboard,
            304: OpenApiResponse(description="Nothing has changed since that `ETag`."),
            **failures(400, 404),
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        with_tests = flag(request.query_params, "includeTest") or False
        tag, body = snapshot(self.access, timezone.now(), with_tests=with_tests)
        etag = quote_etag(tag)
        response = get_conditional_response(request._request, etag=etag, response=None) or Response(body)
        response.headers["ETag"] = etag
        response.headers["Cache-Control"] = "private, no-cache"
        patch_vary_headers(response, ["Authorization", "Cookie", "X-Company-Id"])
        return response


class AnalyticsView(CompanyAPIView):
    """One metric, grouped one way, over one period."""

    http_method_names = ["get", "head"]

    @extend_schema(
        operation_id="analytics",
        tags=["figures"],
        summary="Read one metric as a chart",
        description=(
            "`orders` counts, `revenue` sums the totals of orders that were not lost (cancelled, rejected, failed), one series"
            " per currency; `cancellation_rate` is the share that was lost; `acceptance_time` is the average from receiving to"
            " accepting, in seconds. An order counts when it was received. `period` is the last 60 minutes, or the last 1, 7,"
            " 30 or 91 business days with today's; hours, days, weeks (from Monday) and months are the company's own. Empty"
            " points are told too."
        ),
        parameters=[
            *shapes.COMPANY,
            OpenApiParameter("metric", str, enum=METRICS, default="orders"),
            OpenApiParameter("groupBy", str, enum=GROUPS, default="day"),
            OpenApiParameter("period", str, enum=PERIODS, default="week"),
            shapes.PROVIDER,
            shapes.BRANCH,
            WITH_TESTS,
        ],
        responses={200: figure_shapes.Chart, **failures(400, 404)},
    )
    def get(self, request: Request) -> Response:
        query = request.query_params
        metric, group_by = one_of(query, "metric", METRICS, "orders"), one_of(query, "groupBy", GROUPS, "day")
        period = one_of(query, "period", PERIODS, "week")
        scope = read_scope(self.access, query)
        return Response(chart_json(scope, metric=metric, group_by=group_by, period=period, now=timezone.now()))


def read_scope(access: Access, query: QueryDict) -> Scope:
    """Return whose orders a request wants counted. Raises ApiError."""
    providers, branches = choices(query, "provider", ADAPTERS), uuids(query, "branch")
    return Scope(access, tuple(providers), tuple(branches), flag(query, "includeTest") or False)


def one_of(query: QueryDict, name: str, known: list[str], default: str) -> str:
    """Return a parameter's one value. Raises ApiError for one that is not known."""
    value = query.get(name) or default
    if value not in known:
        raise invalid(**{name: f"expected one of {', '.join(known)}"})
    return value
