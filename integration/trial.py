"""Trying a payload: the real path, up to the commit or with it, told step by step."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.http import HttpRequest
from django.utils import timezone

from integration import inbox
from integration.models import WebhookLog
from integration.models.webhook import TEST_PROOF
from orders.access import Access
from orders.audit import record_act
from orders.models import BranchStore, Company, Order, OrderItem
from orders.models.order import order_id_for
from orders.serializers import order_json
from orders.services import Delivery, apply_event, order_id_of
from orders.timeline import lock_order
from providers.base import InboundRequest, ProviderAdapter
from providers.events import Kind, OrderEvent
from providers.payload import PayloadError
from providers.samples import Dialect, SampleOrder, UnsignedSample, build_sample

logger = logging.getLogger(__name__)

TEST_PREFIX = "TEST-"


class OrderExistsError(Exception):
    """The payload names an order that a provider really sent."""

    def __init__(self, order: Order) -> None:
        super().__init__(order.external_id)
        self.order = order


class TrialFailedError(Exception):
    """The payload was read, and processing it failed; the message is the kind of the failure."""


class _TestDeliveries(ProviderAdapter):
    """Gives each test run a delivery key of its own, so that it never passes for a provider's delivery of the same bytes."""

    def delivery_id(self, request: InboundRequest) -> str:
        return f"{TEST_PROOF}-{uuid.uuid4()}"


@dataclass
class Steps:
    """The time of each step, in milliseconds."""

    times: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.times.append({"name": name, "durationMs": round((time.perf_counter() - started) * 1000, 3)})


@dataclass
class Trial:
    """What a test run did. ``log`` is the last delivery where it was for good."""

    steps: Steps = field(default_factory=Steps)
    events: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    order_id: uuid.UUID | None = None
    order: dict[str, Any] | None = None
    matched: dict[str, Any] | None = None
    log: WebhookLog | None = None

    def tell(self, event: OrderEvent, outcome: str, note: str, order_id: uuid.UUID | None) -> None:
        """Note what became of an event."""
        ignored = event.kind is Kind.IGNORED
        self.order_id = order_id or self.order_id
        self.warnings += event.warnings
        self.events.append(
            {
                "eventType": None if ignored else event.kind.value,
                "providerEvent": event.word or None,
                "externalOrderId": event.external_id or None,
                "orderId": str(order_id) if order_id else None,
                "orderStatus": event.status.value if event.status else None,
                "outcome": outcome,
                "note": note or None,
            }
        )

    def describe(self, access: Access, started_at: datetime) -> None:
        """Read the order as the API answers it, and with what of ours it was matched.

        An order that stood before is shown only to those who may see it, whatever a payload says of it.
        """
        if self.order_id is None:
            return
        orders = Order.objects.filter(pk=self.order_id, company=access.company)
        order = orders.select_related("branch", "customer").prefetch_related("items__menu_product").first()
        if order is None or (order.created_at < started_at and not access.orders().filter(pk=order.pk).exists()):
            return
        self.order = order_json(order, access)
        branch, customer = order.branch, order.customer
        self.matched = {
            "branch": branch
            and {
                "id": str(branch.id),
                "name": branch.name,
                "isKnown": "unknown_branch" not in order.attention_reasons,
            },
            "customer": customer
            and {"id": str(customer.id), "name": customer.name, "isNew": customer.created_at >= started_at},
            "products": [_product_json(item) for item in order.items.all()],
        }

    def as_json(self) -> dict[str, Any]:
        """Return the data of the API's answer."""
        return {
            "eventId": str(self.log.id) if self.log else None,
            "order": self.order,
            "matched": self.matched,
            "events": self.events,
            "warnings": self.warnings,
            "steps": self.steps.times,
        }


def _product_json(item: OrderItem) -> dict[str, Any]:
    product = item.menu_product
    return {
        "externalId": item.external_id or None,
        "name": item.name,
        "menuProductId": str(product.id) if product else None,
        "menuProductName": product.name if product else None,
    }


def sample_requests(
    company: Company, adapter: ProviderAdapter, dialect: Dialect, event: str, now: datetime
) -> list[InboundRequest]:
    """Return the requests of a sample with a fresh test id; what is about a known order comes after that order's creation.

    Raises UnknownSampleError.
    """
    external_id = f"{TEST_PREFIX}{uuid.uuid4().hex[:12].upper()}"
    store = BranchStore.objects.filter(branch__company=company, provider=adapter.slug).order_by("id").first()
    order = SampleOrder(
        external_id=external_id,
        store_id=store.store_id if store else f"{TEST_PREFIX}STORE",
        now=now,
        order_ref=str(order_id_for(company.id, adapter.slug, external_id)),
    )
    request = _request(build_sample(adapter.slug, dialect, event, order))
    kinds = {told.kind for told in adapter.parse(request)}
    if kinds <= {Kind.CREATED, Kind.IGNORED}:
        return [request]
    return [_request(build_sample(adapter.slug, dialect, "created", order)), request]


def _request(sample: UnsignedSample) -> InboundRequest:
    headers = {"content-type": "application/json", **sample.headers}
    return InboundRequest(body=sample.body(), headers=headers, path=sample.path, method=sample.method)


def payload_request(payload: Any) -> InboundRequest:
    """Return a payload as the adapters see it: a JSON value, or a text with the body exactly as it is to be."""
    body = payload if isinstance(payload, str) else json.dumps(payload)
    headers = {"content-type": "application/json"}
    return InboundRequest(body=body.encode("utf-8", "surrogatepass"), headers=headers, path="", method="POST")


def carry_out(
    access: Access,
    adapter: ProviderAdapter,
    requests: list[InboundRequest],
    *,
    dry_run: bool,
    http_request: HttpRequest,
) -> Trial:
    """Try requests, or run them for good, which leaves a trace in the trail.

    Raises PayloadError, OrderExistsError and TrialFailedError; nothing is written then. A database that is away raises its
    own errors.
    """
    try:
        if dry_run:
            return try_requests(access, adapter, requests)
        trial = run_requests(access, adapter, requests, http_request.META.get("REMOTE_ADDR", ""))
    except (PayloadError, OrderExistsError, TrialFailedError, OperationalError, InterfaceError):
        raise
    except Exception as error:
        logger.exception("A test run of %s failed", adapter.slug)
        # By its kind alone: its text can quote the payload.
        raise TrialFailedError(type(error).__name__) from error
    if trial.log is not None:
        record_act(
            "webhook.tested", company=access.company, target=trial.log.id, request=http_request, user=access.user,
            details={"provider": adapter.slug, "status": trial.log.status},
        )  # fmt: skip
    return trial


def try_requests(access: Access, adapter: ProviderAdapter, requests: list[InboundRequest]) -> Trial:
    """Parse and apply requests in a transaction that is undone; raise PayloadError for one that cannot be used.

    Nothing stays: no row, no number, no frame on a socket.
    """
    trial = Trial()
    with trial.steps.step("parse"):
        events = [event for request in requests for event in adapter.parse(request)]
    now = timezone.now()
    with transaction.atomic():
        for event in events:
            with trial.steps.step("apply"):
                done = apply_event(access.company, adapter.slug, event, Delivery(received_at=now, is_test=True))
            trial.tell(event, done.outcome.value, done.note, done.order_id)
        with trial.steps.step("read"):
            trial.describe(access, now)
        transaction.set_rollback(True)
    return trial


def run_requests(access: Access, adapter: ProviderAdapter, requests: list[InboundRequest], address: str = "") -> Trial:
    """Record and process requests as test deliveries, for good: they stand in the log, and their order is a test order.

    Raises PayloadError, OrderExistsError and TrialFailedError; nothing is written then. A failed test is not retried: a
    retry would not know that it is one.
    """
    trial = Trial()
    company, now = access.company, timezone.now()
    with trial.steps.step("parse"):
        parsed = [adapter.parse(request) for request in requests]
    with transaction.atomic():
        named = {order_id_of(company, adapter.slug, event) for events in parsed for event in events}
        for order_id in sorted(found for found in named if found is not None):
            # Under the order's lock: a real creation of the same id comes before us or after us.
            lock_order(order_id)
            real = Order.objects.filter(pk=order_id, company=company, is_test=False).first()
            if real is not None:
                raise OrderExistsError(real)
        for request, events in zip(requests, parsed, strict=True):
            with trial.steps.step("record"):
                log = inbox.record(
                    company, adapter.slug, _TestDeliveries(), request, proof=TEST_PROOF, received_at=timezone.now(),
                    is_test=True, address=address,
                ).log  # fmt: skip
            with trial.steps.step("process"):
                log = inbox.process(log, request)
            if log.status not in inbox.SETTLED:
                raise TrialFailedError(log.error)
            trial.log = log
            for event in events:
                trial.tell(event, log.status, log.error, order_id_of(company, adapter.slug, event))
        with trial.steps.step("read"):
            trial.describe(access, now)
    return trial
