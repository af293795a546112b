"""``status`` and ``stats``: how the integrations are, and how they went."""

from __future__ import annotations

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from integration.api.figure_shapes import STATS_FILTERS, StatsAnswer, StatusAnswer
from integration.api.reading import query_of
from integration.events import PROVIDERS
from integration.stats import PERIODS, provider_status, webhook_stats
from orders.access import CompanyAPIView
from orders.api.shapes import COMPANY
from orders.schema import extend_schema, failures
from orders.times import iso_time


class StatusView(CompanyAPIView):
    """Each provider's state."""

    @extend_schema(
        operation_id="status_read",
        summary="Read the state of each integration",
        description=(
            "The four providers and the hub. The last times look back as far as bodies are kept; a failure counts though a"
            " retry mended it. `credentialExpiring` is true from 14 days before the expiry."
        ),
        parameters=COMPANY,
        responses={200: StatusAnswer, **failures(404)},
        tags=["status"],
    )
    def get(self, request: Request) -> Response:
        """Answer the state."""
        now = timezone.now()
        data = {"checkedAt": iso_time(now), "providers": provider_status(self.company, now)}
        return Response({"success": True, "data": data})


class StatsView(CompanyAPIView):
    """Figures over a period."""

    @extend_schema(
        operation_id="stats_read",
        summary="Read figures over a period",
        description=(
            "`hour`: 60 minutes; `day` (default): 24 hours; `week` and `month`: 7 and 30 days, today included; the running unit"
            " is the last bucket, and buckets are in the company's time zone. `total` counts authentic deliveries;"
            " `rejected` (requests) and `duplicates` (repetitions) stand beside it. `successRate` is the part, 0 to 1, of what"
            " has ended that was processed, ignored or parked; null where nothing has. `durationMs` is of the newest 20,000"
            " deliveries that went well without a replay, by nearest rank."
        ),
        parameters=[*STATS_FILTERS, *COMPANY],
        responses={200: StatsAnswer, **failures(400, 404)},
        tags=["status"],
    )
    def get(self, request: Request) -> Response:
        """Answer the figures."""
        query = query_of(request)
        period, provider = query.choice("period", PERIODS, "day"), query.choice("provider", PROVIDERS)
        query.check()
        return Response({"success": True, "data": webhook_stats(self.company, period, provider, timezone.now())})
