"""What a platform calls at the hub: registering, its orders' statuses, and how the hub is."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse
from rest_framework import status as http
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from integration import inbox
from integration.addresses import AddressError, check_url
from integration.api.reading import Fields, body_of
from integration.health import database_state, redis_state
from integration.hub import shapes
from integration.hub.callers import check_caller, check_registration, may_come_unknown
from integration.hub.clients import admit_client
from integration.hub.forwards import EVENTS
from integration.hub.subscriptions import KEY_SIZE, subscribe
from integration.hub.sync import KeyConflictError, Sync, UnknownOrderError, sync_order
from integration.limits import refused_limit, webhook_limit
from integration.models.credential import NEXARA
from integration.senders import find_company
from orders.api.orders import MAX_PREP_MINUTES
from orders.audit import record_act
from orders.errors import ApiError, not_found
from orders.models import Company
from orders.schema import Failure, extend_schema
from orders.secret_files import new_secret
from orders.times import iso_time
from providers.events import Status
from providers.registry import ADAPTERS
from providers.signatures import InboundRequest, SignatureError

MAX_URL, MAX_KEY, MAX_REASON = 500, 4_096, 500


def _failures(**said: str) -> dict[int, Any]:
    common = {"s401": "`invalid_signature`: one answer for every way of not proving who one is",
              "s429": "`rate_limited`, with `Retry-After`",
              "s503": "`unavailable`: nothing is stored, send it again"}  # fmt: skip
    return {int(name[1:]): OpenApiResponse(Failure, text) for name, text in (common | said).items()}


class PlatformView(APIView):
    """A call of a platform: it proves itself over the raw body, so no session and no token of a person stands behind it."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    def call_of(self, request: Request) -> InboundRequest:
        """Return the call as it came; refuse one that is too large."""
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.WEBHOOK_MAX_BYTES:
            raise ApiError(413, "payload_too_large", f"A body has at most {settings.WEBHOOK_MAX_BYTES} bytes.")
        headers = {name.lower(): value for name, value in request.headers.items()}
        # Read before anything else does, since it is what was signed.
        return InboundRequest(body=request._request.body, headers=headers, path=request.path)

    def refuse(self, request: Request, company: Company | None, reason: str) -> ApiError:
        """Count a call that is not authentic; return its answer."""
        self.limit(refused_limit(company, NEXARA, request.META["REMOTE_ADDR"]))
        inbox.record_rejection(company, NEXARA, reason, timezone.now())
        return ApiError(http.HTTP_401_UNAUTHORIZED, "invalid_signature", "The call does not prove who sent it.")

    def limit(self, wait_s: int) -> None:
        if wait_s:
            raise Throttled(wait_s)


class RegisterView(PlatformView):
    """``POST /api/webhooks/register``."""

    @extend_schema(
        operation_id="hub_register",
        summary="Register a webhook with the hub",
        description=(
            "One per client and provider: registering again changes the address, the events and, where one is named, the key;"
            " the former key proves its holder for 24 h more; to register, it has to name the current one as `secretKey`."
            " Proof: the deployer's key as `Authorization: Bearer` where the"
            " hub has one, `X-Nexara-Signature` and `X-Timestamp` with a key that the hub holds for the client, or an"
            " owner's `Authorization: Token`. Without a deployer's key, `secretKey` is proof as well where the hub holds it."
        ),
        request=shapes.Registration,
        responses={
            201: shapes.Registered,
            **_failures(s400="`invalid_request`: `details` maps each field to its fault, `invalid_json`"),
        },
        tags=["hub"],
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Register, and answer the key that signs."""
        call, data = self.call_of(request), body_of(request)
        fields = Fields(data, ("clientId", "provider", "url", "events", "secretKey"))
        client_id, key = fields.uuid("clientId"), fields.text("secretKey", MAX_KEY)
        company = self._proven(request, call, find_company(str(client_id or "")), client_id, key)
        self.limit(webhook_limit(company, NEXARA))
        provider, url, events = self._read(fields, data)
        row = subscribe(company, provider, url, events, key)
        record_act("webhook.registered", company=company, target=provider, actor="platform",
                   request=request._request)  # fmt: skip
        answer = {
            "webhookId": row.webhook_id,
            "url": row.url,
            "secretKey": row.secrets["secretKey"],
            "status": row.status,
        }
        return Response(answer, http.HTTP_201_CREATED)

    def _proven(
        self, request: Request, call: InboundRequest, company: Company | None, client_id: uuid.UUID | None, key: str
    ) -> Company:
        """Return the client that a call speaks for; one that is new here is made once the call has proved its key."""
        now, is_new = timezone.now(), False
        try:
            if company is None and client_id is not None and may_come_unknown(request._request):
                check_registration(call, None, key, now)
                # Of two who come first at once one is the newcomer; the other is checked as any known one.
                company, is_new = admit_client(client_id, key or new_secret(KEY_SIZE))
            if not is_new:
                check_registration(call, company, key, now)
        except SignatureError as error:
            raise self.refuse(request, company, error.reason) from None
        if company is None:
            raise self.refuse(request, None, "unknown_company")
        return company

    def _read(self, fields: Fields, data: dict[str, Any]) -> tuple[str, str, list[str]]:
        provider = fields.choice("provider", ADAPTERS) or ""
        url = fields.text("url", MAX_URL, required=True)
        events = list(dict.fromkeys(fields.words("events", EVENTS)))
        if "provider" not in data:
            fields.fault("provider", f"expected one of {', '.join(ADAPTERS)}")
        if url:
            try:
                url = check_url(url)
            except AddressError as error:
                fields.fault("url", str(error))
        fields.check()
        return provider, url, events


class SyncView(PlatformView):
    """``POST /api/orders/sync``."""

    @extend_schema(
        operation_id="hub_sync",
        summary="Tell the hub an order's status",
        description=(
            "Moves the hub's order forward to where the platform's is and hands the status on to the provider; what it has"
            " reached already, or is past, changes nothing (`ignored`). The same `Idempotency-Key` again is `duplicate`."
            " Proof as for registering."
        ),
        request=shapes.OrderSync,
        parameters=[shapes.IDEMPOTENCY_KEY],
        responses={
            200: shapes.Synced,
            **_failures(
                s400="`invalid_request`, `invalid_json`",
                s404="`not_found`: the hub has no such order",
                s409="`idempotency_conflict`: the key came before with another body",
            ),
        },
        tags=["hub"],
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Take the status, and answer where the order is now."""
        call, now = self.call_of(request), timezone.now()
        data = body_of(request)
        fields = Fields(data)
        company = find_company(str(data.get("companyId", "")))
        try:
            check_caller(call, company, now)
        except SignatureError as error:
            raise self.refuse(request, company, error.reason) from None
        if company is None:
            raise self.refuse(request, None, "unknown_company")
        self.limit(webhook_limit(company, NEXARA))
        provider, wanted = fields.choice("provider", ADAPTERS), fields.choice("status", list(Status))
        external_id, reason = fields.text("externalOrderId", 512, required=True), fields.text("reason", MAX_REASON)
        minutes = fields.whole("prepMinutes", 1, MAX_PREP_MINUTES, 0) if data.get("prepMinutes") is not None else None
        for name in ("provider", "status"):
            if name not in data:
                fields.fault(name, "expected a text, got nothing")
        fields.check()
        key = call.header("idempotency-key").strip()[:500]
        sync = Sync(provider, external_id, Status(wanted), key, reason, minutes)
        try:
            done = sync_order(company, sync, call, now, request.META["REMOTE_ADDR"])
        except UnknownOrderError:
            raise not_found("This order") from None
        except KeyConflictError:
            raise ApiError(409, "idempotency_conflict", "This key came before with another body.") from None
        return Response(
            {"success": True, "status": done.outcome, "orderId": str(done.order.id), "orderStatus": done.order.status}
        )


class HubHealthView(APIView):
    """``GET /api/health``."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="hub_health",
        summary="Ask how the hub is",
        responses={200: shapes.Health, **_failures()},
        tags=["hub"],
        auth=[],
    )
    def get(self, request: Request) -> Response:
        """Answer 200 either way; ``status`` is ``ok`` while an event could be committed."""
        services = {"database": database_state(), "redis": redis_state()}
        is_well = services["database"] == "ok"
        return Response(
            {"status": "ok" if is_well else "unavailable", "timestamp": iso_time(timezone.now()), "services": services}
        )
