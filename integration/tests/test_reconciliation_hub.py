"""Reconciliation with the hub's log: what it forwards and never came is asked for by its own id."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.utils import timezone

from integration.models import Alert, IntegrationWebhook, WebhookLog
from integration.reconciliation.companies import compare_with
from integration.tests.factories import SECRETS, Installation, make_installation
from orders.models import Order
from orders.times import iso_time
from providers.samples import SampleOrder, build_sample
from providers.signatures import NEXARA as SCHEME

pytestmark = pytest.mark.django_db
HUB = "http://localhost:3002/api/webhooks"
FORWARD = "0b1f2c5e-0000-4000-8000-000000000001"


@pytest.fixture
def here() -> Installation:
    made = make_installation(menu=False)
    IntegrationWebhook.objects.create(company=made.company, provider="careem", url="https://example.com/hook")
    WebhookLog.objects.create(
        company=made.company, provider="careem", is_envelope=True, status="processed", delivery_key="first",
        received_at=timezone.now() - timedelta(days=1),
    )  # fmt: skip
    return made


def row(external_id: str, minutes: float = 20, **fields: Any) -> dict[str, Any]:
    at = iso_time(timezone.now() - timedelta(minutes=minutes))
    return {
        "provider": "careem",
        "externalOrderId": external_id,
        "receivedAt": at,
        "forwards": [{"id": FORWARD}],
        **fields,
    }


def envelope(here: Installation, external_id: str) -> bytes:
    sample = SampleOrder(external_id, "amman-grill-careem-main", timezone.now() - timedelta(minutes=20))
    native = build_sample("careem", "native", "created", sample)
    return json.dumps({
        "eventType": "order.created", "provider": "careem", "orderId": external_id, "companyId": str(here.company.id),
        "timestamp": iso_time(sample.now), "delivery": {"method": "POST", "path": "", "headers": {}, "isTest": False},
        "orderData": native.payload,
    }).encode()  # fmt: skip


def compare(here: Installation):
    done = compare_with(here.company.id, "nexara")
    assert done is not None
    return done


@responses.activate
def test_what_the_hub_forwarded_and_never_came_is_taken_under_its_id(here):
    responses.get(f"{HUB}/logs", json={"results": [row("62500001")], "next": None})
    body = envelope(here, "62500001")
    responses.get(f"{HUB}/forwards/{FORWARD}", body=body, content_type="application/json")
    assert [listed.external_id for listed, _ in compare(here).imported] == ["62500001"]
    order = Order.objects.get(external_id="62500001")
    log = WebhookLog.objects.get(order_id=order.id)
    assert (order.via_hub, order.rings, log.source, log.is_envelope, log.delivery_key) == (
        True, "new", "reconciliation", True, f"hub:{FORWARD}",
    )  # fmt: skip
    assert bytes(log.body.body) == body


@responses.activate
def test_a_forward_that_comes_after_all_is_a_duplicate(here):
    responses.get(f"{HUB}/logs", json={"results": [row("62500001")], "next": None})
    body = envelope(here, "62500001")
    responses.get(f"{HUB}/forwards/{FORWARD}", body=body, content_type="application/json")
    compare(here)
    proof = SCHEME.sign(body, SECRETS["nexara"]["secretKey"], timezone.now(), FORWARD)
    answer = here.client().post("/api/integration/webhook", body, "application/json", headers=proof)
    assert (answer.status_code, answer.json()["status"]) == (200, "duplicate")
    assert WebhookLog.objects.get(external_id="62500001").duplicates == 1


@responses.activate
def test_each_page_of_the_hubs_log_is_read_wherever_it_says_to_be(here):
    responses.get(f"{HUB}/logs", json={"results": [], "next": "https://elsewhere.example.com/x?cursor=abc"})
    second = responses.get(
        f"{HUB}/logs", json={"results": [], "next": None},
        match=[responses.matchers.query_param_matcher({"cursor": "abc"})],
    )  # fmt: skip
    assert (compare(here).error, second.call_count) == ("", 1)


@responses.activate
def test_a_hub_that_hands_nothing_out_leaves_an_alert(here):
    responses.get(f"{HUB}/logs", json={"results": [row("62500001")], "next": None})
    responses.get(f"{HUB}/forwards/{FORWARD}", status=404)
    compare(here)
    alert = Alert.objects.get(cause="orders_not_imported")
    assert alert.message == (
        "An order of careem never came and could not be imported: The hub does not hand out what it forwarded."
    )
    assert not Order.objects.exists()


@responses.activate
def test_what_the_hub_does_not_forward_and_odd_rows_are_passed_over(here):
    odd = [
        row("1", forwards=[]), row("", minutes=5), row("2", provider="nobody"), "text", row("x" * 600),
        row("bad\u0000id"), row("3", minutes=1),
    ]  # fmt: skip
    responses.get(f"{HUB}/logs", json={"results": odd, "next": None})
    done = compare(here)
    assert (done.error, done.listed, done.missing, done.fresh) == ("", 1, [], 1)


@responses.activate
@pytest.mark.parametrize(
    ("answer", "said"),
    [({"status": 503}, "NEXARA answered 503."), ({"json": {"data": 1}}, "NEXARA's log cannot be read.")],
)
def test_a_hub_that_cannot_be_read_is_no_agreement(here, answer, said):
    responses.get(f"{HUB}/logs", **answer)
    assert compare(here).error == said


def test_a_company_without_the_hub_is_not_compared_with_it(here):
    IntegrationWebhook.objects.all().delete()
    assert compare_with(here.company.id, "nexara") is None
    assert compare_with(uuid.uuid4(), "careem") is None
