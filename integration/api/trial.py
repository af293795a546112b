"""``webhook/test``: a signed-in person tries a payload."""

from __future__ import annotations

from typing import Any, ClassVar, get_args

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from integration.api.credentials import check_provider
from integration.api.reading import Fields, body_of
from integration.api.trial_shapes import TrialAnswer, TrialRequest
from integration.trial import (
    OrderExistsError,
    TrialFailedError,
    carry_out,
    payload_request,
    sample_requests,
)
from orders.access import CompanyAPIView
from orders.api.shapes import COMPANY
from orders.errors import ApiError, failure
from orders.models import Role
from orders.schema import extend_schema, failures
from providers.base import InboundRequest, ProviderAdapter
from providers.payload import PayloadError
from providers.registry import get_adapter
from providers.samples import Dialect, UnknownSampleError

_FIELDS = ("provider", "payload", "event", "dialect", "dryRun")
_DESCRIPTION = """\
Runs a payload through the real path, and answers the order as it would be, with what of yours it was matched, the warnings,
and the time of each step.

* `payload`: a JSON object, or a text that is taken as the body exactly as it is. Without it, a sample is made with a fresh
  external id that begins with `TEST-`; `event` (default `created`) and `dialect` (`hub` or `native`, default `hub`) choose it.
  A sample about a known order comes after that order's creation.
* `dryRun` (default true): everything is undone. With `false` it is recorded and processed for good: it stands in the log, and
  the order has `isTest: true`. An external id of an order that a provider really sent is refused then: 409 `order_exists`.

A payload that cannot be used answers 200 with `success: false`, `invalid_payload` and the faults by path in `details`; one
whose processing fails, `processing_failed`. Nothing is stored then.
"""


class WebhookTestView(CompanyAPIView):
    """A test run, the provider named in the body."""

    role_required: ClassVar[dict[str, Role]] = {"POST": Role.MANAGER}

    @extend_schema(
        operation_id="webhook_test",
        summary="Try a payload",
        description=_DESCRIPTION,
        request=TrialRequest,
        parameters=COMPANY,
        responses={
            200: TrialAnswer,
            **failures(400, 404, 413, s404="`unknown_provider`", s409="`order_exists`", s413="`payload_too_large`"),
        },
        tags=["webhook test"],
    )
    def post(self, request: Request) -> Response:
        """Try what the body holds."""
        fields = Fields(body_of(request), _FIELDS)
        provider = fields.text("provider", 32, required=True)
        fields.check()
        return self.try_out(request, provider, fields)

    def try_out(self, request: Request, provider: str, fields: Fields) -> Response:
        """Run the payload or the sample, and answer what it did."""
        adapter = get_adapter(check_provider(provider))
        dry_run = fields.flag("dryRun", default=True)
        requests = _requests(self.company, adapter, fields)
        try:
            trial = carry_out(self.access, adapter, requests, dry_run=dry_run, http_request=request._request)
        except PayloadError as error:
            return Response(failure("invalid_payload", "The payload cannot be used as it is.", error.details))
        except OrderExistsError as error:
            raise ApiError(
                409,
                "order_exists",
                "A provider really sent an order with this external id; a test must not touch it.",
                {"orderId": str(error.order.id), "externalOrderId": error.order.external_id},
            ) from None
        except TrialFailedError as error:
            body = failure("processing_failed", "The payload was read, and applying it failed.", {"error": str(error)})
            return Response(body)
        return Response({"success": True, "data": {"provider": provider, "dryRun": dry_run, **trial.as_json()}})


class ProviderTestView(WebhookTestView):
    """A test run, the provider named in the path."""

    @extend_schema(
        operation_id="webhook_test_provider",
        summary="Try a payload of one provider",
        description=_DESCRIPTION,
        request=TrialRequest,
        parameters=COMPANY,
        responses={
            200: TrialAnswer,
            **failures(400, 404, 413, s404="`unknown_provider`", s409="`order_exists`", s413="`payload_too_large`"),
        },
        tags=["webhook test"],
    )
    def post(self, request: Request, provider: str = "") -> Response:
        """Try what the body holds as a request of the provider in the path."""
        check_provider(provider)
        fields = Fields(body_of(request), _FIELDS)
        if fields.text("provider", 32) not in ("", provider):
            fields.fault("provider", "expected the provider of the path, or none")
        fields.check()
        return self.try_out(request, provider, fields)


def _requests(company: Any, adapter: ProviderAdapter, fields: Fields) -> list[InboundRequest]:
    """Return what is to be tried; raise ApiError for an event that the provider does not send."""
    dialects: tuple[Dialect, ...] = get_args(Dialect)
    event = fields.text("event", 64) or "created"
    dialect = fields.choice("dialect", dialects, "hub")
    payload = fields.data.get("payload")
    if payload is not None and fields.has("event"):
        fields.fault("event", "chooses a sample; leave it out where there is a payload")
    fields.check()
    if payload is not None:
        return [payload_request(payload)]
    try:
        return sample_requests(company, adapter, "native" if dialect == "native" else "hub", event, timezone.now())
    except UnknownSampleError as error:
        fields.fault("event", str(error))
    fields.check()
    raise AssertionError("unreachable")
