"""What the OpenAPI schema says of the webhook doors, without a word in their code.

It comes with the first schema (``DEFAULT_SCHEMA_CLASS``), and completes what drf-spectacular knows.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiViewExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from orders import schema_sign_in  # noqa: F401  drf-spectacular finds its classes
from orders.schema import Failure, tell_all

_PROOFS = {
    "X-Nexara-Signature": "The hub: hex HMAC-SHA256 over `<timestamp>.<raw body>`, with `X-Timestamp` and `X-Webhook-Id`.",
    "X-Timestamp": "The hub: Unix seconds, within the tolerance.",
    "X-Webhook-Id": "The hub: the delivery's id.",
    "X-Careem-Signature": "Careem by the hub: hex HMAC-SHA256 over the raw body, `sha256=` before it or not.",
    "X-Careem-Api-Key": "Careem: the native key.",
    "X-Talabat-Api-Key": "Talabat by the hub: the key.",
    "X-Deliveroo-Hmac-Sha256": "Deliveroo: HMAC-SHA256, with `X-Deliveroo-Sequence-Guid` in its own dialect.",
    "X-Deliveroo-Sequence-Guid": "Deliveroo: the delivery's id.",
    "Authorization": "Talabat: `Bearer` and a JWT. Jahez: `Bearer` and the token.",
    "X-Request-ID": "Jahez by the hub: the delivery's id.",
}
ANSWERS = ["processed", "duplicate", "ignored", "parked", "queued", "quarantined", "dead"]
_COMPANY = "The company, where the path does not name it; else the body's `companyId` or `clientId`, else the store."


class WebhookAccepted(serializers.Serializer[Any]):
    """An event that is committed. Talabat also gets ``remoteResponse.remoteOrderId``, always our order id."""

    success = serializers.BooleanField(help_text="False only for a quarantined event.")
    status = serializers.ChoiceField(
        ANSWERS,
        help_text="`processed`, `duplicate`, `ignored` and `parked` with 200; `queued` and `quarantined` with 202.",
    )
    eventId = serializers.UUIDField()
    orderId = serializers.UUIDField(allow_null=True)
    externalOrderId = serializers.CharField(allow_null=True)
    provider = serializers.CharField()
    eventType = serializers.CharField(allow_null=True, help_text="Ours, dotted.")
    orderStatus = serializers.CharField(allow_null=True)
    processedAt = serializers.DateTimeField(allow_null=True)
    remoteResponse = serializers.DictField(child=serializers.CharField(), required=False)
    error = serializers.CharField(required=False)
    message = serializers.CharField(required=False)
    details = serializers.DictField(child=serializers.CharField(), required=False, help_text="Path to fault.")


def _responses(bad_request: str) -> dict[int, Any]:
    said = {
        400: bad_request,
        401: "`invalid_signature`: one answer for every way of not proving who one is",
        404: "`unknown_provider`, or no such path (`not_found`)",
        405: "`method_not_allowed`, with `Allow`",
        413: "`payload_too_large`: over 1 MiB",
        415: "`unsupported_media_type`: not JSON, or any `Content-Encoding`",
        429: "`rate_limited`, with `Retry-After`",
        503: "`unavailable`, with `Retry-After`: nothing is stored, send it again",
    }
    stored = "Stored: `queued` (a retry is under way) or `quarantined` (`invalid_payload`; a person will look). Deliveroo: 200"
    return {
        200: OpenApiResponse(WebhookAccepted, "Committed, or seen before"),
        202: OpenApiResponse(WebhookAccepted, stored),
        **{status: OpenApiResponse(Failure, text) for status, text in said.items()},
    }


def _headers(*, company: bool) -> list[OpenApiParameter]:
    proofs = [OpenApiParameter(name, str, OpenApiParameter.HEADER, description=text) for name, text in _PROOFS.items()]
    own = [OpenApiParameter("X-Company-Id", str, OpenApiParameter.HEADER, description=_COMPANY)] if company else []
    return [*own, *proofs]


class Schema(AutoSchema):
    """How the schema describes a view where nothing else is said."""


class _DoorSchema(AutoSchema):
    """The doors answer every method, most of them with 405: only those that a path takes are told."""

    def is_excluded(self) -> bool:
        methods = {"POST"} if "{path}" not in self.path else {"GET", "POST", "PUT"}
        return self.method not in methods

    def get_operation_id(self) -> str:
        place = {"{path}": "path", "{company_id}": "company", "{provider}": "provider"}
        name = next((word for part, word in place.items() if part in self.path), "envelope")
        name = f"hub_{name}" if self.path.startswith("/webhooks/") else name
        return f"webhook_{name}" + ("" if self.method == "POST" else f"_{self.method.lower()}")


class EnvelopeDoor(OpenApiViewExtension):  # type: ignore[no-untyped-call]
    """``POST /api/integration/webhook``."""

    target_class = "integration.views.webhook.EnvelopeView"

    def view_replacement(self) -> Any:
        @extend_schema(
            summary="The hub's envelope",
            description=(
                "Takes `{eventType, provider, orderId, orderData, timestamp, companyId}`, signed by the hub. Where it says with"
                " `delivery` (`method`, `path`, `headers`, `isTest`) how the provider's request came, `orderData` is read as"
                " the body of that very request."
            ),
            request={"application/json": dict[str, Any]},
            parameters=_headers(company=True),
            responses=_responses("`invalid_envelope`: `details` names what is missing; a quarantined row is kept"),
            tags=["webhooks"],
            auth=[],
        )
        class Door(self.target_class):  # type: ignore[misc, name-defined]
            schema = _DoorSchema()

        return Door


class ProviderDoor(OpenApiViewExtension):  # type: ignore[no-untyped-call]
    """``POST /api/integration/webhook/{provider}[/{companyId}[/…]]``."""

    target_class = "integration.views.webhook.ProviderWebhookView"

    def view_replacement(self) -> Any:
        @extend_schema(
            summary="A provider's event",
            description=(
                "Takes what the provider sends, natively or in the hub's form; its payload is never answered with 4xx for its"
                " content. Paths below the company's are Talabat's: POST `order/{remoteId}`, PUT"
                " `remoteId/{remoteId}/remoteOrder/{orderId}/posOrderStatus`, and those of its menu and availability, which are"
                " logged as ignored."
            ),
            request={"application/json": dict[str, Any]},
            parameters=_headers(company=True),
            responses=_responses("`incomplete_body`: it ended before its announced length"),
            tags=["webhooks"],
            auth=[],
        )
        class Door(self.target_class):  # type: ignore[misc, name-defined]
            schema = _DoorSchema()

        return Door


tell_all()
