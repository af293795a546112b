"""The doors that providers and the hub knock at. DRF views without parsers: the adapters read the bytes."""

from __future__ import annotations

import logging
import re
import time
import uuid
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest
from django.http.request import UnreadablePostError
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from integration import inbox, metrics
from integration.admission import admission
from integration.answers import answer_for
from integration.envelope import Envelope, read_envelope
from integration.limits import refused_limit, webhook_limit
from integration.models import WebhookLog
from integration.senders import Sender, company_key, find_sender, verify_sender
from orders.errors import failure
from orders.matching import company_of_store
from orders.renderers import JSONRenderer
from providers.base import InboundRequest, ProviderAdapter
from providers.payload import Reader
from providers.registry import ADAPTERS
from providers.signatures import SignatureError

logger = logging.getLogger(__name__)

_JSON = re.compile(r"application/(json|[\w.-]+\+json)\s*(;.*)?", re.ASCII | re.IGNORECASE)
UNAVAILABLE_RETRY_S = 5


class Refused(Exception):
    """The request goes no further; this is what it gets."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(code)
        self.response = Response(failure(code, message), status, headers=headers)


def _unauthentic() -> Refused:
    """One answer for every way of not proving who one is."""
    return Refused(
        401, "invalid_signature", "The request does not prove who sent it.", {"WWW-Authenticate": "Signature"}
    )


class WebhookView(APIView):
    """What the doors share: every method comes to :meth:`receive`, every refusal has the contract's shape."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    parser_classes = ()
    renderer_classes = (JSONRenderer,)
    http_method_names = ["get", "head", "post", "put", "patch", "delete", "options"]

    provider = "nexara"
    """Whose request it is, as far as it is known: of an envelope that names no provider the hub's."""
    started = 0.0
    has_place = True
    """Whether the delivery is worked now; without a place it is stored, and waits for the sweep."""

    def handle(self, request: Request, **kwargs: str) -> Response:
        """Answer in any case, and count it."""
        self.started, self.provider = time.perf_counter(), kwargs.get("provider", self.provider)
        status, body = 500, None
        try:
            response = self.answer(request, **kwargs)
            status, body = response.status_code, response.data
            return response
        finally:
            took = time.perf_counter() - self.started
            metrics.count_request(self.provider, status, body, took)
            logger.debug("Answered a request of %s with %d in %.1f ms", self.provider, status, took * 1000)

    def answer(self, request: Request, **kwargs: str) -> Response:
        """Take the request in: a refusal has its code, a database that is away is 503."""
        received_at = timezone.now()
        try:
            with admission.ask() as self.has_place:
                return self.receive(request._request, received_at, **kwargs)
        except Refused as refused:
            return refused.response
        except (OperationalError, InterfaceError) as error:
            logger.error("The database did not answer a webhook: %s", type(error).__name__)
            headers = {"Retry-After": str(UNAVAILABLE_RETRY_S)}
            return Refused(503, "unavailable", "Nothing was stored; send it again in a moment.", headers).response

    get = head = post = put = patch = delete = options = handle

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        """Answer JSON whatever a sender says that it accepts: a delivery is not lost over a header."""
        renderer = JSONRenderer()
        return renderer, renderer.media_type

    @property
    def default_response_headers(self) -> dict[str, str]:
        """None of the framework's: which methods a path takes is the adapter's to say."""
        return {}

    def receive(
        self, request: HttpRequest, received_at: datetime, provider: str = "", company_id: str = "", path: str = ""
    ) -> Response:
        """Take the request through the steps; raise Refused where it ends."""
        raise NotImplementedError

    # -- the steps ---------------------------------------------------------------------------------------------------

    def read(self, request: HttpRequest, path: str, methods: tuple[str, ...]) -> InboundRequest:
        """Return the request as the adapters see it; refuse a wrong method, type or size before a byte is looked at."""
        if not methods:
            raise Refused(404, "not_found", "There is nothing at this path.")
        if request.method not in methods:
            allow = ", ".join(methods)
            raise Refused(405, "method_not_allowed", f"This path takes {allow}.", {"Allow": allow})
        too_large = Refused(413, "payload_too_large", f"A body has at most {settings.WEBHOOK_MAX_BYTES} bytes.")
        announced = request.META.get("CONTENT_LENGTH") or "0"
        if announced.isdecimal() and int(announced) > settings.WEBHOOK_MAX_BYTES:
            raise too_large
        if request.method != "GET" and (
            not _JSON.fullmatch(request.headers.get("Content-Type", "").strip())
            or "Content-Encoding" in request.headers
        ):
            raise Refused(415, "unsupported_media_type", "Send JSON, as application/json, without an encoding.")
        try:
            body = request.body
        except RequestDataTooBig:
            raise too_large from None
        except UnreadablePostError:
            raise Refused(400, "incomplete_body", "The body ended before its announced length.") from None
        headers = {name.lower(): value for name, value in request.headers.items()}
        return InboundRequest(body=body, headers=headers, path=path, method=request.method or "POST")

    def authenticate(
        self,
        request: HttpRequest,
        inbound: InboundRequest,
        sender: Sender,
        adapter: ProviderAdapter | None,
        now: datetime,
    ) -> str:
        """Return the proof that holds; refuse, and count it, where none does."""
        slug, address = adapter.slug if adapter else "nexara", request.META["REMOTE_ADDR"]
        company_id = sender.company.id if sender.company else None
        try:
            proof = verify_sender(sender, adapter, inbound, address, now)
        except SignatureError as error:
            logger.debug("Refused a request of %s for company %s: %s", slug, company_id, error.reason)
            self.limit(refused_limit(sender.company, slug, address))
            inbox.record_rejection(sender.company, slug, error.reason, now)
            raise _unauthentic() from None
        finally:
            metrics.STEP_SECONDS.took(time.perf_counter() - self.started, slug, "verify")
        logger.debug("A request of %s for company %s is proven by its %s", slug, company_id, proof)
        return proof

    def limit(self, wait_s: int) -> None:
        if wait_s:
            raise Refused(
                429, "rate_limited", f"Too many requests; try again in {wait_s} s.", {"Retry-After": str(wait_s)}
            )

    def take(
        self,
        request: HttpRequest,
        inbound: InboundRequest,
        sender: Sender,
        adapter: ProviderAdapter,
        proof: str,
        received_at: datetime,
        *,
        is_envelope: bool = False,
        is_test: bool = False,
    ) -> Response:
        """Record a verified request, process it where there is a place, answer."""
        assert sender.company is not None
        self.limit(webhook_limit(sender.company, adapter.slug))
        with metrics.STEP_SECONDS.time(adapter.slug, "record"):
            recorded = inbox.record(
                sender.company, adapter.slug, adapter, inbound, proof=proof, received_at=received_at,
                is_envelope=is_envelope, is_test=is_test or sender.is_sandbox, address=request.META["REMOTE_ADDR"],
                request_id=getattr(request, "request_id", ""), hurried=self.has_place, postponed=not self.has_place,
            )  # fmt: skip
        log = recorded.log
        if recorded.is_new and log.claim_token is not None:
            log = self._process(log, inbound)
        status, body = answer_for(log, adapter, inbound, is_new=recorded.is_new)
        return Response(body, status)

    def _process(self, log: WebhookLog, inbound: InboundRequest) -> WebhookLog:
        """Process what is already committed: the answer is an accepted one, whatever happens, if the row is on the disk."""
        try:
            return inbox.process(log, inbound)
        except Exception:
            # Even saving the failure failed: the sweep takes the row when its lease ends.
            # No commit has waited for the disk yet.
            inbox.confirm(log)
            logger.exception("Event %s is stored and waits for the sweep", log.id)
            log.status = "received"
            return log


class ProviderWebhookView(WebhookView):
    """``POST /api/integration/webhook/{provider}[/{companyId}[/…]]``."""

    def receive(
        self, request: HttpRequest, received_at: datetime, provider: str = "", company_id: str = "", path: str = ""
    ) -> Response:
        adapter = ADAPTERS.get(provider)
        if adapter is None:
            raise Refused(404, "unknown_provider", "No provider has this name.")
        inbound = self.read(request, path, adapter.methods(path))
        whose = company_key(company_id) if company_id else self._company_of(request, inbound, adapter)
        sender = find_sender(whose, adapter, received_at)
        proof = self.authenticate(request, inbound, sender, adapter, received_at)
        return self.take(request, inbound, sender, adapter, proof, received_at)

    def _company_of(self, request: HttpRequest, inbound: InboundRequest, adapter: ProviderAdapter) -> uuid.UUID:
        """Return whose a request is that does not say so in its URL: the header's, else the body's, else the store's."""
        named = request.headers.get("X-Company-Id", "")
        if not named:
            body = Reader.from_document(*inbound.document)
            named = body.first("companyId", "clientId").text(64) if body.is_object() else ""
        if named:
            return company_key(named)
        company = company_of_store(adapter.slug, adapter.store_ids(inbound))
        return company.id if company else company_key("")


class EnvelopeView(WebhookView):
    """``POST /api/integration/webhook``: the hub's envelope, which names its company and provider itself."""

    def receive(
        self, request: HttpRequest, received_at: datetime, provider: str = "", company_id: str = "", path: str = ""
    ) -> Response:
        inbound = replace(self.read(request, "", ("POST",)), is_envelope=True)
        envelope = read_envelope(inbound)
        self.provider = envelope.adapter.slug if envelope.adapter else self.provider
        whose = company_key(envelope.company_id or request.headers.get("X-Company-Id", ""))
        sender = find_sender(whose, envelope.adapter, received_at)
        proof = self.authenticate(request, inbound, sender, envelope.adapter, received_at)
        if envelope.faults or envelope.adapter is None:
            return self._keep_unusable(request, inbound, sender, envelope, proof, received_at)
        return self.take(
            request, inbound, sender, envelope.adapter, proof, received_at, is_envelope=True, is_test=envelope.is_test
        )

    def _keep_unusable(
        self,
        request: HttpRequest,
        inbound: InboundRequest,
        sender: Sender,
        envelope: Envelope,
        proof: str,
        now: datetime,
    ) -> Response:
        """Keep an authentic envelope that is none, and say what it lacks."""
        assert sender.company is not None
        slug = envelope.adapter.slug if envelope.adapter else "nexara"
        self.limit(webhook_limit(sender.company, slug))
        recorded = inbox.record(
            sender.company, slug, None, inbound, proof=proof, received_at=now, is_envelope=True,
            address=request.META["REMOTE_ADDR"], request_id=getattr(request, "request_id", ""), hurried=self.has_place,
            postponed=not self.has_place,
        )  # fmt: skip
        if recorded.is_new and recorded.log.claim_token is not None:
            self._process(recorded.log, inbound)
        body = failure("invalid_envelope", "The envelope is not complete.", envelope.faults)
        return Response(body | {"eventId": str(recorded.log.id)}, 400)
