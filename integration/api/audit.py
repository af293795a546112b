"""``audit``: who did what, when, from where."""

from __future__ import annotations

from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from rest_framework.request import Request
from rest_framework.response import Response

from integration.api.alert_shapes import AUDIT_FILTERS, AuditPage
from integration.api.paging import page_of
from integration.api.reading import query_of
from orders.access import CompanyAPIView
from orders.api.shapes import COMPANY, PAGE
from orders.models import AuditEntry, Role
from orders.schema import extend_schema, failures
from orders.times import iso_time


def entry_json(entry: AuditEntry) -> dict[str, Any]:
    """Return an entry as the API tells it."""
    return {
        "id": str(entry.id),
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target or None,
        "details": entry.details,
        "address": entry.address,
        "createdAt": iso_time(entry.created_at),
    }


class AuditView(CompanyAPIView):
    """The trail."""

    role_required: ClassVar[dict[str, Role]] = {"GET": Role.OWNER}

    @extend_schema(
        operation_id="audit_list",
        summary="List what was done",
        description="Newest first. Owners only.",
        parameters=[*AUDIT_FILTERS, *PAGE, *COMPANY],
        responses={200: AuditPage, **failures(400, 404)},
        tags=["audit"],
    )
    def get(self, request: Request) -> Response:
        """Answer a page of the trail."""
        query = query_of(request)
        zone = ZoneInfo(self.company.time_zone)
        exact = {
            "action": query.text("action", 64),
            "actor": query.text("actor", 150),
            "target": query.text("target", 255),
            "created_at__gte": query.time("since", zone),
            "created_at__lt": query.time("until", zone, is_end=True),
        }
        query.check()
        entries = AuditEntry.objects.filter(company=self.company, **{name: v for name, v in exact.items() if v})
        return page_of(request, entries, entry_json, by="created_at")
