"""``reconciliation``: a business day beside what the providers and the hub list of it."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers as s
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from integration.api.paging import page_of
from integration.api.reading import invalid
from integration.api.shapes import Shape, answer_shape, maybe, maybe_time, page_shape
from integration.models import ReconciliationReport
from integration.reconciliation.day_file import day_csv
from integration.reconciliation.report import COMPARED, NOT_COMPARED, PARTLY, figures_of
from orders.access import CompanyAPIView
from orders.api.shapes import COMPANY, PAGE
from orders.audit import record_act
from orders.business_day import business_date
from orders.errors import ApiError
from orders.models import Company, Role
from orders.renderers import JSONRenderer
from orders.schema import extend_schema, failures
from orders.times import iso_time


class ReportedDay(Shape):
    """A day that was reported."""

    day = s.DateField()
    isDifferent = s.BooleanField()
    isCompared = s.BooleanField(help_text="Whether every list was followed for the whole day.")
    differenceCount = s.IntegerField()
    madeAt = s.DateTimeField()


class Gap(Shape):
    """A time of which a list says nothing."""

    vars()["from"] = s.DateTimeField()
    to = s.DateTimeField()


class ReconciliationRow(Shape):
    """One list's orders of one provider and currency beside ours. What the list does not tell is null."""

    source = s.CharField(help_text="Whose list: the provider's own, or `nexara`.")  # type: ignore[assignment]
    provider = s.CharField()
    state = s.ChoiceField([COMPARED, PARTLY, NOT_COMPARED])
    reason = maybe("Why it was not compared, or only partly.")
    gaps = Gap(many=True)
    currency = maybe()
    theirCount = s.IntegerField(allow_null=True)
    ourCount = s.IntegerField()
    countDifference = s.IntegerField(allow_null=True, help_text="Ours less theirs.")
    theirSum = maybe("Null too where the list tells no totals.")
    ourSum = s.CharField()
    sumDifference = maybe()


DAY = OpenApiParameter("day", OpenApiTypes.DATE, description="Default: the last day that was reported.")
DIFFERENCES = ("imported", "missing", "not_listed", "total", "called_off")


class ReconciliationDifference(Shape):
    """An order that differs."""

    kind = s.ChoiceField(
        DIFFERENCES,
        help_text=(
            "`imported`: never came by itself; `missing`: never came, and could not be imported; `not_listed`: only here;"
            " `total`: another total; `called_off`: called off there and not here."
        ),
    )
    provider = s.CharField()
    externalOrderId = s.CharField()
    orderId = s.UUIDField(allow_null=True)
    theirTotal = maybe()
    ourTotal = maybe()
    currency = s.CharField()
    theirStatus = maybe()
    ourStatus = maybe()
    error = maybe()


class ReconciliationDay(Shape):
    """A day's comparison. ``madeAt`` is null while the day has not been reported yet."""

    day = s.DateField()
    vars()["from"] = s.DateTimeField()
    to = s.DateTimeField()
    timeZone = s.CharField()
    rows = ReconciliationRow(many=True)
    differences = ReconciliationDifference(many=True)
    differenceCount = s.IntegerField()
    isCompared = s.BooleanField()
    madeAt = maybe_time()


ReconciliationDayAnswer = answer_shape("ReconciliationDayAnswer", ReconciliationDay())
ReportedDayPage = page_shape("ReportedDayPage", ReportedDay)


def day_json(report: ReconciliationReport) -> dict[str, Any]:
    """Return a reported day as it stands in the list."""
    return {
        "day": report.day.isoformat(),
        "isDifferent": report.is_different,
        "isCompared": report.figures["isCompared"],
        "differenceCount": report.figures["differenceCount"],
        "madeAt": iso_time(report.made_at),
    }


def read_day(company: Company, text: str) -> date:
    """Return a day that is not to come, by default the last one that was reported, else today; raise ApiError 400."""
    today = business_date(company, timezone.now())
    if not text:
        last = ReconciliationReport.objects.filter(company=company).values_list("day", flat=True).first()
        return last or today
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        day = None
    if day is None or not date(2000, 1, 1) <= day <= today:
        raise invalid({"day": "expected a day such as 2026-01-31 that is not to come"})
    return day


class ReconciliationView(CompanyAPIView):
    """What is compared is the whole company: for managers who see all of its branches."""

    role_required: ClassVar[dict[str, Role]] = {"GET": Role.MANAGER}
    http_method_names = ["get", "head"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.access.branch_ids is not None:
            raise ApiError(403, "permission_denied", "This needs access to every branch.")


def _named_day(view: CompanyAPIView) -> date:
    return read_day(view.company, view.request.query_params.get("day", ""))


class ReconciliationListView(ReconciliationView):
    """The days that were reported, newest first."""

    @extend_schema(
        operation_id="reconciliation_days",
        summary="List the days that were compared",
        description="One report for each business day, an hour after its end. Managers who see every branch.",
        parameters=[*PAGE, *COMPANY],
        responses={200: ReportedDayPage, **failures(400, 404)},
        tags=["reconciliation"],
    )
    def get(self, request: Request) -> Response:
        """Answer a page of days."""
        reports = ReconciliationReport.objects.filter(company=self.company)
        return page_of(request, reports, day_json, by="made_at")


class ReconciliationDayView(ReconciliationView):
    """One day."""

    @extend_schema(
        operation_id="reconciliation_day",
        summary="Read a business day beside what the providers list",
        description=(
            "Counts and sums per list, provider and currency, and the orders that differ, 500 at most. A list that could not"
            " be followed is `not_compared` or `partly`, with its gaps: it never counts as agreement. A day without a report"
            " is compared as it stands now."
        ),
        parameters=[DAY, *COMPANY],
        responses={200: ReconciliationDayAnswer, **failures(400, 404)},
        tags=["reconciliation"],
    )
    def get(self, request: Request) -> Response:
        """Answer the day."""
        figures = figures_of(self.company, _named_day(self), timezone.now())
        return Response({"success": True, "data": figures})


class _AnyAccept(BaseContentNegotiation):
    """Take any ``Accept``: the path says what it is, and a failure is JSON as everywhere."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> tuple[BaseRenderer, str]:
        return JSONRenderer(), "application/json"


class ReconciliationExportView(ReconciliationView):
    """One day as a file."""

    content_negotiation_class = _AnyAccept

    @extend_schema(
        operation_id="reconciliation_export",
        summary="Export a business day's comparison as CSV",
        description="The rows, an empty line, then the orders that differ. Every export stands in the audit trail.",
        parameters=[DAY, *COMPANY],
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR), **failures(400, 404)},
        tags=["reconciliation"],
    )
    def get(self, request: Request) -> HttpResponse:
        """Answer the file."""
        wanted = _named_day(self)
        figures = figures_of(self.company, wanted, timezone.now())
        record_act("reconciliation.exported", company=self.company, target=wanted, user=self.access.user,
                   request=request._request)  # fmt: skip
        name = f"reconciliation-{self.company.slug}-{wanted}.csv"
        return HttpResponse(
            day_csv(figures),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )
