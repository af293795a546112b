"""``orders/{id}/evidence``: everything about one order, for a dispute with its provider."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from integration.api.reading import query_of
from integration.evidence import collect
from orders.access import CompanyAPIView
from orders.api.orders import find_order
from orders.api.shapes import COMPANY, ORDER_ID
from orders.audit import record_act
from orders.models import Role
from orders.schema import extend_schema, failures

ZIP, JSON = "zip", "json"
FORM = OpenApiParameter(
    "as", str, enum=[ZIP, JSON], default=ZIP, description="One ZIP file with the raw bytes, or one document."
)


class OrderEvidenceView(CompanyAPIView):
    """The evidence of one order."""

    http_method_names = ["get"]
    role_required: ClassVar[dict[str, Role]] = {"GET": Role.MANAGER}

    @extend_schema(
        operation_id="orders_evidence",
        tags=["orders"],
        summary="Export everything about an order",
        description=(
            "For managers and owners: the order, its timeline, every delivery byte for byte where it is still kept, every call"
            " to the provider with its answer, and what people did. Secrets are redacted; the customer's data is in it."
        ),
        parameters=[ORDER_ID, FORM, *COMPANY],
        responses={
            (200, "application/zip"): OpenApiTypes.BINARY,
            (200, "application/json"): OpenApiResponse(OpenApiTypes.OBJECT, "with `as=json`"),
            **failures(400, 404),
        },
    )
    def get(self, request: Request, order_id: str) -> Any:
        """Answer the evidence, with a trace in the trail."""
        query = query_of(request)
        form = query.choice("as", (ZIP, JSON), ZIP)
        query.check()
        order = find_order(self.access, order_id, self.access.orders().select_related("branch"))
        now = timezone.now()
        evidence = collect(order, self.access, now)
        record_act("order.evidence_exported", company=self.company, target=order.id, details={"as": form},
                   request=request._request, user=self.access.user)  # fmt: skip
        headers = {"Cache-Control": "no-store"}
        if form == JSON:
            return Response(evidence.as_json(), headers=headers)
        # No word of the provider's in the name of a file.
        headers["Content-Disposition"] = f'attachment; filename="order-{order.id}-evidence.zip"'
        return HttpResponse(evidence.as_zip(now), content_type="application/zip", headers=headers)
