"""The tables of the analytics: as JSON, and as CSV."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers as s
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from integration.analytics.query import GROUPS, PERIODS, TABLES, read_query
from integration.analytics.report import csv_of, report
from integration.api.shapes import Shape
from orders.access import CompanyAPIView
from orders.api import shapes
from orders.api.figures import WITH_TESTS
from orders.errors import not_found
from orders.renderers import JSONRenderer
from orders.schema import extend_schema, failures

_PARAMETERS = [
    *shapes.COMPANY,
    OpenApiParameter("table", str, OpenApiParameter.PATH, enum=TABLES),
    OpenApiParameter(
        "period", str, enum=list(PERIODS), description="The last 1, 7, 30 (default), 91 or 365 business days."
    ),
    OpenApiParameter("from", OpenApiTypes.DATE, description="The first business day, instead of `period`."),
    OpenApiParameter("to", OpenApiTypes.DATE, description="The last business day; by default today's."),
    OpenApiParameter(
        "groupBy", str, enum=GROUPS, description="Of `figures`; `hour` is the hour of the day. Default `day`."
    ),
    shapes.PROVIDER,
    shapes.BRANCH,
    WITH_TESTS,
]
_SAYS = (
    "`figures`: by day, week (from Monday), month, hour of the day, provider or branch, orders, revenue and average basket of"
    " each currency, time to accept and to prepare, deadlines, and how deliveries went. `reasons`: how orders were lost and"
    " why, `words` for somebody's own. `errors`: why deliveries failed or were refused, beside as many days `before`."
    " `products`: what sold most. `unmapped`: lines that the menu does not know. An order counts on the business day on which"
    " it was received. Percentiles are read from counts in fixed buckets, and told as the bucket's upper bound."
)
BUCKETED = "The bound that so many do not exceed; null by the hour, and where there is nothing."


class Revenue(Shape):
    currency = s.CharField()
    amount = s.CharField(help_text="Of the orders that were not lost.")
    orders = s.IntegerField()
    averageBasket = s.CharField()


class Time(Shape):
    count = s.IntegerField()
    averageSeconds = s.FloatField(allow_null=True)
    p50Seconds = s.FloatField(allow_null=True, help_text=BUCKETED)
    p95Seconds = s.FloatField(allow_null=True, help_text=BUCKETED)


class Deadlines(Shape):
    due = s.IntegerField(help_text="With a deadline that was kept or missed.")
    inTime = s.IntegerField()
    missed = s.IntegerField()
    inTimeRate = s.FloatField(allow_null=True)


class DeliveryFigures(Shape):
    total = s.IntegerField()
    failed = s.IntegerField()
    duplicates = s.IntegerField()
    refused = s.IntegerField(allow_null=True, help_text="Not authentic; null for some branches alone.")
    successRate = s.FloatField(allow_null=True)
    answeredRate = s.FloatField(allow_null=True)


class Processing(Shape):
    count = s.IntegerField()
    averageMs = s.FloatField(allow_null=True)
    p50Ms = s.FloatField(allow_null=True, help_text=BUCKETED)
    p95Ms = s.FloatField(allow_null=True, help_text=BUCKETED)


class AnalyticsLine(Shape):
    """A group, or the whole, whose key is blank."""

    key = s.CharField(allow_blank=True)
    label = s.CharField(allow_blank=True)  # type: ignore[assignment]
    orders = s.IntegerField()
    sold = s.IntegerField(help_text="Those that were not lost.")
    cancelled = s.IntegerField()
    rejected = s.IntegerField()
    failed = s.IntegerField()
    cancellationRate = s.FloatField(allow_null=True, help_text="The share that was lost.")
    rejectionRate = s.FloatField(allow_null=True)
    revenue = Revenue(many=True)
    acceptance = Time()
    preparation = Time(help_text="From accepting to ready.")
    deadlines = Deadlines()
    deliveries = DeliveryFigures()
    processing = Processing()


AnalyticsTable = type(
    "AnalyticsTable",
    (Shape,),
    {
        "table": s.ChoiceField(TABLES),
        "from": s.DateField(),
        "to": s.DateField(),
        "timeZone": s.CharField(),
        "currency": s.CharField(help_text="The company's own."),
        "daysBehind": s.IntegerField(help_text="Older days that wait to be counted again, and are told as they were."),
        "groupBy": s.ChoiceField(GROUPS, required=False, help_text="Of `figures`."),
        "whole": AnalyticsLine(required=False, help_text="Of `figures`: all groups together."),
        "results": s.ListField(child=s.DictField(), help_text="Of `figures` each as `whole`."),
        "__doc__": "A table.",
    },
)


class AnalyticsTableView(CompanyAPIView):
    """A table over some business days."""

    http_method_names = ["get", "head"]

    @extend_schema(
        operation_id="analytics_table",
        tags=["figures"],
        summary="Read a table of the analytics",
        description=_SAYS,
        parameters=_PARAMETERS,
        responses={200: AnalyticsTable, **failures(400, 404)},
    )
    def get(self, request: Request, table: str) -> Response:
        if table not in TABLES:
            raise not_found("This table")
        return Response(report(read_query(self.access, request._request.GET, timezone.now()), table))


class AnalyticsFileView(CompanyAPIView):
    """The same as CSV."""

    http_method_names = ["get", "head"]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """Take any ``Accept``: the path says what it is, and a failure is JSON as everywhere."""
        return JSONRenderer(), "application/json"

    @extend_schema(
        operation_id="analytics_file",
        tags=["figures"],
        summary="Read a table of the analytics as CSV",
        description="UTF-8 with a byte order mark; what a spreadsheet would take for a formula has an apostrophe before it.",
        parameters=_PARAMETERS,
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR), **failures(400, 404)},
    )
    def get(self, request: Request, table: str) -> HttpResponse:
        if table not in TABLES:
            raise not_found("This table")
        query = read_query(self.access, request._request.GET, timezone.now())
        name = f"{table}-{self.company.slug}-{query.days.first}-{query.days.last}.csv"
        return HttpResponse(
            csv_of(report(query, table)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )
