"""``alerts``: what waits for a person."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from integration.alert_centre import move_alert
from integration.api.alert_shapes import ALERT_FILTERS, AlertAnswer, AlertPage
from integration.api.paging import page_of
from integration.api.reading import query_of
from integration.models import Alert
from orders.access import CompanyAPIView
from orders.api.shapes import COMPANY, PAGE
from orders.errors import not_found
from orders.models import Role
from orders.schema import extend_schema, failures
from orders.times import iso_time


def alert_json(alert: Alert) -> dict[str, Any]:
    """Return an alert as the API tells it."""
    return {
        "id": str(alert.id),
        "cause": alert.cause,
        "subject": alert.subject or None,
        "severity": alert.severity,
        "message": alert.message,
        "details": alert.details,
        "count": alert.count,
        "state": alert.state,
        "firstSeenAt": iso_time(alert.first_seen_at),
        "lastSeenAt": iso_time(alert.last_seen_at),
        "acknowledgedAt": iso_time(alert.acknowledged_at),
        "acknowledgedBy": alert.acknowledged_by.username if alert.acknowledged_by else None,
        "resolvedAt": iso_time(alert.resolved_at),
        "resolvedBy": alert.resolved_by.username if alert.resolved_by else None,
    }


class AlertListView(CompanyAPIView):
    """The alert centre."""

    @extend_schema(
        operation_id="alerts_list",
        summary="List alerts",
        description="The most recently raised first.",
        parameters=[*ALERT_FILTERS, *PAGE, *COMPANY],
        responses={200: AlertPage, **failures(400, 404)},
        tags=["alerts"],
    )
    def get(self, request: Request) -> Response:
        """Answer a page of alerts."""
        query = query_of(request, "state", "severity")
        states = query.words("state", Alert.State.values)
        severities = query.words("severity", Alert.Severity.values)
        query.check()
        alerts = Alert.objects.filter(company=self.company).select_related("acknowledged_by", "resolved_by")
        if states:
            alerts = alerts.filter(state__in=states)
        if severities:
            alerts = alerts.filter(severity__in=severities)
        return page_of(request, alerts, alert_json, by="last_seen_at")


class _AlertActView(CompanyAPIView):
    role_required: ClassVar[dict[str, Role]] = {"POST": Role.MANAGER}

    def act(self, request: Request, alert_id: uuid.UUID, move: str) -> Response:
        """Change an alert; one that is there already stays as it is."""
        alert = move_alert(self.company, alert_id, move, self.access.user, request._request)
        if alert is None:
            raise not_found("This alert")
        return Response({"success": True, "data": alert_json(alert)})


class AcknowledgeAlertView(_AlertActView):
    """Somebody has seen it."""

    @extend_schema(
        operation_id="alerts_acknowledge",
        summary="Acknowledge an alert",
        description="Safe to call twice; a resolved alert stays resolved.",
        request=None,
        parameters=COMPANY,
        responses={200: AlertAnswer, **failures(404)},
        tags=["alerts"],
    )
    def post(self, request: Request, alert_id: uuid.UUID) -> Response:
        """Note that the caller has seen the alert."""
        return self.act(request, alert_id, "acknowledge")


class ResolveAlertView(_AlertActView):
    """It is mended."""

    @extend_schema(
        operation_id="alerts_resolve",
        summary="Resolve an alert",
        description="Safe to call twice. The same cause raised again opens a new alert.",
        request=None,
        parameters=COMPANY,
        responses={200: AlertAnswer, **failures(404)},
        tags=["alerts"],
    )
    def post(self, request: Request, alert_id: uuid.UUID) -> Response:
        """Close the alert."""
        return self.act(request, alert_id, "resolve")
