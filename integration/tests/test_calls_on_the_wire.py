"""Every call that goes out, as the provider gets it over HTTP: method, path, headers and body, to the byte."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.utils import timezone

from integration.tests.outbound import OUT_SECRETS, arm, received, take
from integration.tests.peers import answer, peer
from orders.models import Order
from providers.outbound import ACKNOWLEDGE, utc_text

OURS = {"user-agent": "restaurant-integration/1.0", "accept": "application/json", "accept-encoding": "identity"}
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
IDS = {"careem": "1000001", "talabat": "tok-1", "deliveroo": "gb:1", "jahez": "10000001"}
CAREEM_PATH, DELIVEROO_PATH = "/pos/api/v1/orders/1000001", "/order/v1/orders/gb%3A1"
STATUS_PATH, JAHEZ_PATH = "/v2/order/status/tok-1", "/webhooks/status_update"
BRAND = {"branch-id": "amman-grill-careem-main", "brand-id": "demo-brand"}
JAHEZ_HEADERS = {"x-api-key": "jahez-api-key"}
BASIC = base64.b64encode(b"deliveroo-client:deliveroo-client-secret").decode()


@dataclass
class Got:
    """A request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Expected:
    """A step of the kitchen, and what the provider gets of it. ``body`` may name times as ``{ready}`` and ``{at}``."""

    provider: str
    steps: tuple[str, ...]
    line: str
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    order: dict[str, object] = field(default_factory=dict)
    which: int = -1
    """Which of the step's requests: the last, or the one before."""

    def __str__(self) -> str:
        return f"{self.provider} {self.steps[-1]} {self.which}"


TO_READY = ("confirmed", "preparing", "ready")
CALLS = [
    Expected("careem", ("confirmed",), f"PUT {CAREEM_PATH}", '{"state":"accepted","cancellation_reason":"OTHER"}', BRAND),
    Expected("careem", TO_READY, f"PUT {CAREEM_PATH}", '{"state":"ready","cancellation_reason":"OTHER"}', BRAND),
    Expected("careem", ("rejected",), f"PUT {CAREEM_PATH}", '{"state":"cancelled","cancellation_reason":"OUTLET_CLOSED"}',
             BRAND, "OUTLET_CLOSED"),
    Expected("careem", ("confirmed", "cancelled"), f"PUT {CAREEM_PATH}",
             '{"state":"cancelled","cancellation_reason":"OTHER"}', BRAND),
    Expected("careem", ("confirmed", "prep_time"), f"PUT {CAREEM_PATH}/delay-request", '{"delay_in_minutes":10}', BRAND),
    Expected("talabat", ("confirmed",), f"POST {STATUS_PATH}",
             '{"status":"order_accepted","acceptanceTime":"{ready}","remoteOrderId":"{id}"}'),
    Expected("talabat", ("rejected",), f"POST {STATUS_PATH}",
             '{"status":"order_rejected","reason":"TOO_BUSY","message":"The kitchen is too busy"}', reason="TOO_BUSY"),
    Expected("talabat", ("confirmed", "cancelled"), f"POST {STATUS_PATH}",
             '{"status":"order_rejected","reason":"BAD_WEATHER","message":"Bad weather"}', reason="BAD_WEATHER"),
    Expected("talabat", TO_READY, "POST /v2/orders/tok-1/preparation-completed"),
    Expected("talabat", (*TO_READY, "out_for_delivery"), f"POST {STATUS_PATH}", '{"status":"order_picked_up"}',
             order={"fulfilled_by": "restaurant"}),
    Expected("talabat", ("confirmed", "prep_time"), "POST /v2/orders/tok-1/adjust-preparation-time",
             '{"expectedPickupAt":"{ready}"}'),
    Expected("deliveroo", ("confirmed",), f"PATCH {DELIVEROO_PATH}", '{"status":"accepted"}'),
    Expected("deliveroo", ("rejected",), f"PATCH {DELIVEROO_PATH}",
             '{"status":"rejected","reject_reason":"busy","notes":"The kitchen is too busy"}', reason="busy"),
    Expected("deliveroo", ("confirmed", "preparing"), f"POST {DELIVEROO_PATH}/prep_stage",
             '{"stage":"in_kitchen","occurred_at":"{at}"}'),
    Expected("deliveroo", ("confirmed", "preparing"), f"PATCH {DELIVEROO_PATH}", '{"status":"confirmed"}',
             order={"scheduled_for": timezone.now() + timedelta(hours=1)}, which=-2),
    Expected("deliveroo", ("confirmed", "preparing", "prep_time"), f"POST {DELIVEROO_PATH}/prep_stage",
             '{"stage":"in_kitchen","occurred_at":"{at}","delay":10}'),
    Expected("deliveroo", TO_READY, f"POST {DELIVEROO_PATH}/prep_stage",
             '{"stage":"ready_for_collection","occurred_at":"{at}"}'),
    Expected("deliveroo", (*TO_READY, "out_for_delivery"), f"POST {DELIVEROO_PATH}/prep_stage",
             '{"stage":"collected","occurred_at":"{at}"}'),
    Expected("deliveroo", (ACKNOWLEDGE,), f"POST {DELIVEROO_PATH}/sync_status", '{"status":"succeeded","occurred_at":"{at}"}'),
    Expected("jahez", ("confirmed",), f"POST {JAHEZ_PATH}", '{"jahezOrderId":"10000001","status":"A"}', JAHEZ_HEADERS),
    Expected("jahez", ("rejected",), f"POST {JAHEZ_PATH}",
             '{"jahezOrderId":10000001,"status":"R","reason":"The branch is closed"}', JAHEZ_HEADERS, "CLOSED"),
]  # fmt: skip
TOKENS = {
    "careem": Got("POST /token", {"content-type": FORM},
                  b"grant_type=client_credentials&client_id=careem-client&client_secret=careem-client-secret&scope=pos"),
    "talabat": Got("POST /v2/login", {"content-type": FORM},
                   b"username=talabat-user&password=talabat-password&grant_type=client_credentials"),
    "deliveroo": Got("POST /oauth2/token", {"content-type": FORM, "authorization": f"Basic {BASIC}"},
                     b"grant_type=client_credentials"),
    "jahez": Got("POST /token", {"content-type": JSON, **JAHEZ_HEADERS}, b'{"secret":"jahez-api-secret"}'),
}  # fmt: skip


def parsed(request: bytes) -> Got:
    head, _, body = request.partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (entry.split(": ", 1) for entry in rest)}
    assert int(headers.pop("content-length", "0")) == len(body)
    assert headers.pop("host").startswith("127.0.0.1:")
    return Got(line.removesuffix(" HTTP/1.1"), headers, body)


@pytest.fixture
def wire_tap(settings):
    token = b'{"success": true, "token": "a-token", "access_token": "a-token", "expires_in": 3600}'
    with peer(answer(body=token)) as made:
        settings.OUTBOUND_ALLOWED_ORIGINS = [made.url]
        yield made


@pytest.mark.parametrize("expected", CALLS, ids=str)
def test_a_call_is_what_the_provider_documents(amman, wire_tap, expected):
    order = received(amman, expected.provider, IDS[expected.provider])
    arm(amman, expected.provider, base_url=wire_tap.url)
    urls = {"Accepted": STATUS_PATH, "Rejected": STATUS_PATH, "PickedUp": STATUS_PATH,
            "Prepared": "/v2/orders/tok-1/preparation-completed",
            "PreparationTimeAdjustment": "/v2/orders/tok-1/adjust-preparation-time"}  # fmt: skip
    fields = {"callback_urls": {f"order{name}Url": wire_tap.url + path for name, path in urls.items()},
              "fulfilled_by": "provider", "order_type": "delivery", "scheduled_for": None} | expected.order  # fmt: skip
    Order.objects.filter(pk=order.pk).update(**fields)
    for step in expected.steps:
        push = take(order, step, expected.reason)
    assert (push.status, push.error) == ("sent", "")
    got = parsed(wire_tap.requests[expected.which])
    key = str(push.id) if expected.which == -2 or push.steps_done == 1 else f"{push.id}-1"
    headers = OURS | {"authorization": "Bearer a-token", "idempotency-key": key} | expected.headers
    headers |= {"content-type": JSON} if expected.body else {}
    ready = push.occurred_at + timedelta(minutes=push.prep_minutes or 0)
    body = expected.body.replace("{ready}", utc_text(ready)).replace("{at}", utc_text(push.occurred_at))
    assert got == Got(expected.line, headers, body.replace("{id}", str(order.id)).encode())


@pytest.mark.parametrize("provider", TOKENS)
def test_a_token_is_asked_for_as_the_provider_documents(amman, wire_tap, provider):
    order = received(amman, provider, IDS[provider])
    arm(amman, provider, base_url=wire_tap.url)
    Order.objects.filter(pk=order.pk).update(
        callback_urls={"orderAcceptedUrl": wire_tap.url + STATUS_PATH}, scheduled_for=None
    )
    take(order, "confirmed", "")
    got, expected = parsed(wire_tap.requests[0]), TOKENS[provider]
    assert got == Got(expected.line, OURS | expected.headers, expected.body)
    assert len(wire_tap.requests) == 2


def test_every_call_of_the_code_is_expected_here():
    told = {(entry.provider, entry.steps[-1]) for entry in CALLS}
    assert {provider for provider, _ in told} == set(OUT_SECRETS)
    assert len(told) == 20
