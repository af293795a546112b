"""``health/history``: how each integration was."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from integration.api.reading import query_of
from integration.api.shapes import Shape, answer_shape
from integration.events import PROVIDERS
from integration.health_history import PERIODS, health_history
from integration.models import HealthSample
from orders.access import CompanyAPIView
from orders.api.shapes import COMPANY
from orders.schema import extend_schema, failures

FILTERS = [
    OpenApiParameter("period", location=OpenApiParameter.QUERY, description="Default `day`.", enum=list(PERIODS)),
    OpenApiParameter("provider", location=OpenApiParameter.QUERY, description="Only this one.", enum=PROVIDERS),
]


class HealthFigures(Shape):
    """How an integration was; counts add up, times are the worst p95 of five minutes."""

    status = s.ChoiceField(HealthSample.Status.values, allow_null=True, help_text="Null where nothing is known.")
    deliveries = s.IntegerField(help_text="What came and was authentic.")
    deliveriesFailed = s.IntegerField(help_text="What of it was not processed a minute after its five were over.")
    processingMs = s.FloatField(allow_null=True)
    calls = s.IntegerField(help_text="Calls to it; of `nexara` also our questions how it is.")
    callsFailed = s.IntegerField(help_text="Without an answer, or answered 429 or 5xx.")
    latencyMs = s.FloatField(allow_null=True, help_text="Of the calls.")
    errorRate = s.FloatField(allow_null=True, help_text="0 to 1, of deliveries and calls together.")


HealthPoint = type(
    "HealthPoint", (HealthFigures,), {"from": s.DateTimeField(), "__doc__": "From here to the next point."}
)


class IntegrationHistory(Shape):
    """One provider, or the hub."""

    provider = s.CharField()
    name = s.CharField()
    whole = HealthFigures(help_text="All points as one.")
    points = HealthPoint(many=True)


HealthHistory = type(
    "HealthHistory",
    (Shape,),
    {
        "period": s.ChoiceField(list(PERIODS)),
        "from": s.DateTimeField(),
        "to": s.DateTimeField(),
        "stepSeconds": s.IntegerField(),
        "providers": IntegrationHistory(many=True),
        "__doc__": "Points have no gap, oldest first; the last one is running.",
    },
)
HealthHistoryAnswer = answer_shape("HealthHistoryAnswer", HealthHistory())


class HealthHistoryView(CompanyAPIView):
    """How the integrations were."""

    @extend_schema(
        operation_id="health_history",
        summary="Read how each integration was",
        description=(
            "`hour`: points of 5 minutes; `day` (default): of 15 minutes; `week`: of 2 hours; `month`: of 8 hours. Written"
            " every five minutes and kept for `HEALTH_HISTORY_DAYS`. `unhealthy`: the breaker was open, or half of the"
            " deliveries or of the calls failed, for most of the point; `degraded`: a twentieth, or for some of it."
        ),
        parameters=[*FILTERS, *COMPANY],
        responses={200: HealthHistoryAnswer, **failures(400, 404)},
        tags=["status"],
    )
    def get(self, request: Request) -> Response:
        """Answer the points."""
        query = query_of(request)
        period, provider = query.choice("period", PERIODS, "day"), query.choice("provider", PROVIDERS)
        query.check()
        return Response({"success": True, "data": health_history(self.company, period, provider, timezone.now())})
