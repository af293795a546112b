"""What goes out, as a person asks for it: registrations, an order's status once more, and whether the ways work."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import transaction
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from integration import nexara, outbox
from integration.api.credentials import check_provider, read_change
from integration.api.outbound_shapes import (
    ConnectivityAnswer,
    HealthAnswer,
    PushAnswer,
    RegisterAnswer,
    RegisterFailure,
    RegisterRequest,
    SyncRequest,
)
from integration.api.reading import Fields, body_of
from integration.connectivity import FAILED, Step, try_hub, try_provider
from integration.credentials import CredentialChange
from integration.models import OutboundPush, PushStatus
from integration.models.credential import NEXARA
from integration.models.outbound import UNFINISHED
from integration.pushes import push_json
from integration.registration import Registered, register
from integration.tokens import provider_access
from orders.access import Access, CompanyAPIView
from orders.api.orders import find_order
from orders.api.shapes import COMPANY, ORDER_ID, TransitionFailure
from orders.audit import record_act
from orders.errors import ApiError, failure
from orders.models import Order, Role
from orders.schema import extend_schema, failures
from orders.services import change_status
from orders.timeline import lock_order
from orders.transitions import InvalidTransitionError
from providers.events import Status
from providers.registry import ADAPTERS


class RegisterWebhookView(CompanyAPIView):
    """Store credentials and register providers with NEXARA."""

    role_required: ClassVar[dict[str, Role]] = {"POST": Role.OWNER}

    @extend_schema(
        operation_id="webhooks_register",
        summary="Register providers with NEXARA",
        description=(
            "Stores the credentials that are named, then registers each provider; one failure does not undo the others, and"
            " calling it again updates. The company's own key goes along (one is made where there is none); another that"
            " comes back is kept for that provider."
        ),
        request=RegisterRequest,
        parameters=COMPANY,
        responses={
            200: RegisterAnswer,
            502: OpenApiResponse(RegisterFailure, "`registration_failed`: none could be registered"),
            **failures(400, 404),
        },
        tags=["registration"],
    )
    def post(self, request: Request) -> Response:
        """Register what the body names."""
        providers, changes = read_registration(body_of(request))
        results = register_providers(self.access, providers, changes, request._request)
        registered = [result.as_json() for result in results if not result.reason]
        failed = [result.as_json() for result in results if result.reason]
        data = {"registered": registered, "failed": failed}
        if not registered:
            body = failure("registration_failed", "NEXARA registered none of the providers.")
            return Response({**body, "data": data}, 502)
        return Response({"success": True, "data": data})


def register_providers(
    access: Access, providers: list[str], changes: dict[str, CredentialChange], request: HttpRequest
) -> list[Registered]:
    """Store credentials and register providers with the hub, with a trace in the trail; return what became of each."""
    results = register(access.company, providers, changes)
    for provider, change in changes.items():
        names = sorted(change.secrets)
        record_act("credential.rotated" if names else "credential.changed", company=access.company, target=provider,
                   details={"fields": names}, request=request, user=access.user)  # fmt: skip
    record_act(
        "webhook.registered", company=access.company, target=",".join(providers), request=request, user=access.user,
        details={"failed": [result.provider for result in results if result.reason]},
    )  # fmt: skip
    return results


def try_connection(access: Access, provider: str, request: HttpRequest) -> list[Step] | None:
    """Try the way to a provider or the hub, with a trace in the trail; None where the provider takes no calls."""
    way = None if provider == NEXARA else provider_access(access.company, provider)
    if way is None and provider != NEXARA:
        return None
    steps = try_provider(way) if way is not None else try_hub()
    record_act("provider.tested", company=access.company, target=provider, details={"ok": is_ok(steps)}, request=request,
               user=access.user)  # fmt: skip
    return steps


def is_ok(steps: list[Step]) -> bool:
    """Tell whether a way works: no step failed."""
    return all(step.outcome != FAILED for step in steps)


def read_registration(data: dict[str, Any]) -> tuple[list[str], dict[str, CredentialChange]]:
    """Read what is to be registered; raise ApiError with every fault by field, and without any value."""
    fields = Fields(data, ("providers", "credentials"))
    providers = list(dict.fromkeys(fields.words("providers", ADAPTERS)))
    if not providers and not fields.faults:
        fields.fault("providers", f"expected at least one of {', '.join(ADAPTERS)}")
    credentials = data.get("credentials")
    changes: dict[str, CredentialChange] = {}
    if credentials is not None and not isinstance(credentials, dict):
        fields.fault("credentials", "expected an object")
    for slug, entry in (credentials if isinstance(credentials, dict) else {}).items():
        if slug not in ADAPTERS and slug != NEXARA:
            fields.fault("credentials", f"expected only {', '.join([*ADAPTERS, NEXARA])}")
        elif not isinstance(entry, dict):
            fields.fault(f"credentials.{slug}", "expected an object")
        else:
            try:
                changes[slug] = read_change(entry)
            except ApiError as error:
                for name, fault in error.details.items():
                    fields.fault(f"credentials.{slug}.{name}", str(fault))
    fields.check()
    return providers, changes


class SyncOrderView(CompanyAPIView):
    """Tell the provider an order's status now."""

    @extend_schema(
        operation_id="orders_sync",
        summary="Push an order's status now",
        description=(
            "With `status` the order is moved first, as a person does. Goes to NEXARA for an order that came through it, else"
            " to the provider. `push.status`: `sent`; `not_sent` (this provider has no call for it) or `dropped` (no longer of"
            " use), with the reason; 202 with `pending`, `sending` or `failed` while it is tried again; 502 when refused."
        ),
        request=SyncRequest,
        parameters=[ORDER_ID, *COMPANY],
        responses={
            200: PushAnswer,
            202: PushAnswer,
            409: OpenApiResponse(TransitionFailure, "`invalid_transition`: `details.allowed` names the possible steps"),
            **failures(400, 404, s502="`push_refused`: `details.push` tells why"),
        },
        tags=["orders"],
    )
    def post(self, request: Request, order_id: str) -> Response:
        """Push, and answer how it went."""
        order = find_order(self.access, order_id)
        fields = Fields(body_of(request), ("status",))
        wanted = fields.choice("status", [status.value for status in Status]) if fields.data.get("status") else ""
        fields.check()
        moved = bool(wanted) and self._move(request, order, Status(wanted))
        order = find_order(self.access, order_id)
        push = OutboundPush.objects.filter(order=order, action=order.status).order_by("-seq", "-created_at").first()
        if push is None or not moved:
            push = outbox.push_again(order)
            record_act("order.synced", company=self.company, target=order.id, details={"status": order.status},
                       request=request._request, user=request.user)  # fmt: skip
        outbox.work_order(order.id)
        push.refresh_from_db()
        order.refresh_from_db()
        data = {"orderId": str(order.id), "status": order.status, "push": push_json(push)}
        if push.status == PushStatus.DEAD:
            raise ApiError(502, "push_refused", f"The status was not taken: {push.error}", data)
        return Response({"success": True, "data": data}, 202 if push.status in UNFINISHED else 200)

    def _move(self, request: Request, order: Order, wanted: Status) -> bool:
        """Move the order as a person does; return whether it moved. Raises ApiError 409."""
        with transaction.atomic():
            lock_order(order.id)
            before = find_order(self.access, str(order.id)).status
            try:
                change_status(order, wanted, user=self.access.user)
            except InvalidTransitionError as error:
                details = {"status": before, "requested": wanted.value, "allowed": [s.value for s in error.allowed]}
                raise ApiError(409, "invalid_transition", str(error), details) from error
            if before != wanted:
                record_act("order.status_changed", company=self.company, target=order.id,
                           details={"from": before, "to": wanted.value}, request=request._request,
                           user=self.access.user)  # fmt: skip
        return before != wanted


class TestProviderView(CompanyAPIView):
    """Try the way to a provider."""

    role_required: ClassVar[dict[str, Role]] = {"POST": Role.MANAGER}

    @extend_schema(
        operation_id="connectivity_test",
        summary="Test the connection to a provider",
        description=(
            "With the stored credential: name, TLS, a fresh token, and a harmless call where the provider has one. 200 either"
            " way; `data.ok` tells. `nexara` tests the hub."
        ),
        request=None,
        parameters=COMPANY,
        responses={200: ConnectivityAnswer, **failures(404, s404="`unknown_provider`")},
        tags=["status"],
    )
    def post(self, request: Request, provider: str) -> Response:
        """Try each step."""
        check_provider(provider, hub=True)
        steps = try_connection(self.access, provider, request._request)
        if steps is None:
            raise ApiError(404, "unknown_provider", "This provider takes no calls.")
        data = {"provider": provider, "ok": is_ok(steps), "steps": [step.as_json() for step in steps]}
        return Response({"success": True, "data": data})


class HealthView(CompanyAPIView):
    """How NEXARA is."""

    @extend_schema(
        operation_id="nexara_health",
        summary="Ask NEXARA how it is",
        description="200 either way, within five seconds.",
        parameters=COMPANY,
        responses={200: HealthAnswer, **failures(404)},
        tags=["status"],
    )
    def get(self, request: Request) -> Response:
        """Answer the hub's state."""
        self.access  # noqa: B018 — another company's name is refused before anything is asked
        return Response({"success": True, "data": nexara.check_health().as_json()})
