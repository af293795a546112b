"""What a platform reads in a forward is what it would have read from the provider itself."""

from __future__ import annotations

import json
import uuid

import pytest
from django.test import Client
from django.utils import timezone

from integration.envelope import provider_request, read_envelope
from integration.hub.envelopes import envelope_of
from integration.models import OutboundPush, WebhookBody, WebhookLog
from integration.tests.hub.calls import KEY, forwards, subscribed
from orders.models import Order
from orders.services import change_status
from providers.base import InboundRequest
from providers.events import Kind, Status
from providers.registry import ADAPTERS
from providers.samples import SampleOrder, build_sample, sample_events
from providers.signatures import NEXARA
from providers.strict_json import ENVELOPE_VALUES, MAX_VALUES

SAMPLES = [
    (provider, dialect, event)
    for provider in ADAPTERS
    for dialect in ("hub", "native")
    for event in sample_events(provider, dialect)
]


def stored(company, provider: str, request: InboundRequest) -> OutboundPush:
    """Return a forward of a delivery that is in the log, without working either."""
    log = WebhookLog.objects.create(
        company=company, provider=provider, method=request.method, path=request.path, headers=dict(request.headers),
        received_at=timezone.now(), delivery_key=uuid.uuid4().hex,
    )  # fmt: skip
    WebhookBody.objects.create(log=log, body=request.body)
    order = Order(company=company, provider=provider, external_id="1000001", id=uuid.uuid4())
    return OutboundPush(
        order=order,
        company=company,
        provider=provider,
        action="order.updated",
        delivery=log,
        occurred_at=timezone.now(),
    )


@pytest.mark.any_database
@pytest.mark.parametrize(("provider", "dialect", "event"), SAMPLES)
def test_an_envelope_says_what_the_provider_said(amman, provider, dialect, event):
    sample = build_sample(provider, dialect, event, SampleOrder(
        external_id="1000001", store_id="store-1", now=timezone.now(), order_ref=str(uuid.uuid4())))  # fmt: skip
    headers = {name.lower(): value for name, value in sample.headers.items()}
    request = InboundRequest(sample.body(), headers, sample.path, sample.method)
    direct = ADAPTERS[provider].parse(request)
    if direct[0].kind is Kind.IGNORED:
        return  # about no order: not forwarded
    body = envelope_of(stored(amman.company, provider, request))
    envelope = InboundRequest(body, {})
    assert read_envelope(envelope).faults == {}
    assert ADAPTERS[provider].parse(provider_request(envelope)) == direct


def test_the_providers_bytes_stand_in_it_as_they_came(amman):
    raw = b'\xef\xbb\xbf{"event_type":"order.created", "order":{"id":"A-1","total":1.10,"items":[{"name":"\\u00e9"}]}}'
    body = envelope_of(stored(amman.company, "careem", InboundRequest(raw, {"x-careem-signature": "secret"})))
    assert body.endswith(b',"orderData":' + raw[3:] + b"}")
    head = json.loads(body)
    del head["orderData"], head["timestamp"]
    assert head == {
        "eventType": "order.updated", "provider": "careem", "orderId": "1000001", "companyId": str(amman.company.id),
        "delivery": {"method": "POST", "path": "", "headers": {}, "isTest": False},
    }  # fmt: skip


@pytest.mark.parametrize(("values", "status"), [(MAX_VALUES, 200), (MAX_VALUES + ENVELOPE_VALUES, 401)])
def test_what_a_provider_may_send_is_not_too_large_in_an_envelope(amman, values, status):
    order = {"id": "1000001", "total": "3.000", "items": [{"name": "Mansaf", "quantity": 1, "price": "3.000"}]}
    marks = sum(json.dumps(order | {"extra": [1]}).count(mark) for mark in "{[,")
    raw = json.dumps(order | {"extra": [1] * (1 + values - marks)}, separators=(",", ":")).encode()
    body = envelope_of(stored(amman.company, "careem", InboundRequest(raw, {}))).replace(
        b"order.updated", b"order.created"
    )
    WebhookLog.objects.all().delete()
    headers = NEXARA.sign(body, KEY, timezone.now(), "from-a-hub")
    answer = Client().post("/api/integration/webhook", body, "application/json", headers=headers)
    assert (answer.status_code, Order.objects.count()) == (status, 1 if status == 200 else 0)


def test_an_envelope_without_a_way_is_read_as_ever():
    envelope = InboundRequest(b'{"orderData":{"id":"1"}}', {})
    assert provider_request(envelope) is envelope


def test_bytes_that_are_gone_make_no_envelope(amman):
    forward = stored(amman.company, "careem", InboundRequest(b"{}", {}))
    WebhookBody.objects.all().delete()
    assert envelope_of(forward) is None


STEPS = [
    ("confirmed", "received"), ("preparing", "confirmed"), ("ready", "preparing"), ("out_for_delivery", "ready"),
    ("delivered", "out_for_delivery"), ("cancelled", "received"), ("rejected", "received"),
]  # fmt: skip


@pytest.mark.parametrize("provider", ADAPTERS)
@pytest.mark.parametrize(("step", "before"), STEPS)
def test_a_step_at_the_hub_is_told_in_words_that_a_platform_reads(amman, provider, step, before):
    amman.send(provider)
    order = Order.objects.get()
    Order.objects.update(status=before)
    subscribed(amman, provider)
    change_status(order, Status(step), user=amman.owner, reason="Too busy")
    body = envelope_of(forwards(amman)[0])
    envelope = read_envelope(InboundRequest(body, {}))
    assert (envelope.faults, envelope.company_id) == ({}, str(amman.company.id))
    (event,) = ADAPTERS[provider].parse(provider_request(InboundRequest(body, {})))
    assert (event.external_id, event.status, event.reason) == (order.external_id, Status(step), "Too busy")
