"""What a sender is told, and what is left behind, for every row of the contract's table."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from unittest import mock

import pytest
from django.db import OperationalError
from django.test import Client

from integration import inbox
from integration.models import Alert, WebhookAttempt, WebhookBody, WebhookLog
from integration.tests.factories import SECRETS, make_installation
from orders.models import Order, OrderEvent
from orders.times import iso_time

PROVIDERS = ("careem", "talabat", "deliveroo", "jahez")
URL = "/api/integration/webhook"


def hub_order(**fields):
    return {
        "event_type": "order.created",
        "order": {
            "id": "A-1",
            "customer": {"name": "Lina Haddad", "phone": "+962790123456"},
            "items": [
                {"id": "MANSAF", "name": "Lamb Mansaf", "quantity": 1, "unit_price": "9.750", "total_price": "9.750"}
            ],
            "total_amount": "9.750",
            "currency": "JOD",
            **fields,
        },
    }


def envelope(company, **fields):
    return {
        "eventType": "order.created",
        "provider": "careem",
        "orderId": "careem_order_123",
        "orderData": {
            "customer": {"name": "John Doe", "phone": "+962790123456"},
            "items": [{"name": "Burger", "quantity": 2, "unitPrice": "15.00", "totalPrice": "30.00"}],
            "total": "30.00",
            "totalAmount": "30.00",
            "currency": "JOD",
        },
        "timestamp": "2026-01-10T12:00:00Z",
        "companyId": str(company.id),
        **fields,
    }


def post_envelope(payload, *, secret=SECRETS["nexara"]["secretKey"], webhook_id="", timestamp=None, url=URL, **headers):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    timestamp = timestamp or str(int(time.time()))
    signature = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "x-nexara-signature": signature,
        "x-timestamp": timestamp,
        "x-webhook-id": webhook_id or str(uuid.uuid4()),
        **headers,
    }
    return Client().post(url, body, content_type="application/json", headers=headers)


# -- accepted ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["hub", "native"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_order_is_processed_and_answered_whole(amman, provider, dialect):
    response = amman.send(provider, dialect=dialect)

    order, log = Order.objects.get(), WebhookLog.objects.get()
    assert response.status_code == 200
    body = response.json()
    processed_at = body.pop("processedAt")
    extra = {"remoteResponse": {"remoteOrderId": str(order.id)}} if provider == "talabat" else {}
    assert body == {
        "success": True,
        "status": "processed",
        "eventId": str(log.id),
        "orderId": str(order.id),
        "externalOrderId": "1000001",
        "provider": provider,
        "eventType": "order.created",
        "orderStatus": "received",
        **extra,
    }
    assert processed_at == iso_time(log.processed_at)
    assert processed_at.endswith("Z")
    assert log.status == "processed"
    assert order.branch == amman.branch
    assert order.attention_reasons == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_bytes_are_kept_as_sent(amman, provider):
    request = amman.sample(provider)
    amman.post(provider, request)
    log = WebhookLog.objects.get()
    assert bytes(log.body.body) == request.body
    assert log.body_sha256 == hashlib.sha256(request.body).hexdigest()
    assert log.body_size == len(request.body)


@pytest.mark.parametrize("dialect", ["hub", "native"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_proofs_are_not_kept(amman, provider, dialect):
    request = amman.sample(provider, dialect=dialect)
    amman.post(provider, request)
    stored = json.dumps(WebhookLog.objects.get().headers)
    for value in (
        *SECRETS[provider].values(),
        *(v for k, v in request.headers.items() if "hmac" in k or "signature" in k),
    ):
        assert value not in stored


def test_trailing_slash_is_answered_without_redirect(amman):
    request = amman.sample("careem")
    headers = {name: value for name, value in request.headers.items() if name != "content-type"}
    response = Client().post(
        f"{URL}/careem/{amman.company.id}/", request.body, content_type="application/json", headers=headers
    )
    assert (response.status_code, response.json()["status"]) == (200, "processed")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_same_delivery_again_is_a_duplicate(amman, provider):
    request = amman.sample(provider)
    first = amman.post(provider, request).json()
    again = amman.post(provider, request)
    assert again.status_code == 200
    assert again.json() == {**first, "status": "duplicate"}
    assert WebhookLog.objects.get().duplicates == 1
    assert Order.objects.count() == 1
    assert OrderEvent.objects.count() == 1


def test_delivery_of_another_company_is_not_a_duplicate(amman, dubai):
    payload = hub_order()
    assert amman.send_payload("careem", payload).json()["status"] == "processed"
    assert dubai.send_payload("careem", payload).json()["status"] == "processed"
    assert Order.objects.count() == 2


def test_same_key_with_another_body_is_quarantined_and_the_first_stands(amman):
    first = amman.send_payload(
        "jahez", {"jahez_id": 7, "products": [{"product_id": "MANSAF", "quantity": 1}]}, delivery_id="d-1"
    )
    other = {"jahez_id": 8, "products": [{"product_id": "MANSAF", "quantity": 1}]}
    response = amman.send_payload("jahez", other, delivery_id="d-1")
    assert first.json()["status"] == "processed"
    assert response.status_code == 202
    assert response.json()["success"] is False
    assert response.json()["status"] == "quarantined"
    assert response.json()["error"] == "delivery_conflict"
    assert list(Order.objects.values_list("external_id", flat=True)) == ["7"]
    assert Alert.objects.get().cause == "event_delivery_conflict"
    kept = WebhookLog.objects.get(status="quarantined")
    assert json.loads(bytes(kept.body.body)) == other


def test_conflicting_delivery_sent_again_leaves_one_row(amman):
    line = {"products": [{"product_id": "MANSAF", "quantity": 1}]}
    amman.send_payload("jahez", {"jahez_id": 7, **line}, delivery_id="d-1")
    for _ in range(3):
        response = amman.send_payload("jahez", {"jahez_id": 8, **line}, delivery_id="d-1")
    assert response.json()["error"] == "delivery_conflict"
    assert WebhookLog.objects.count() == 2


def test_menu_word_is_ignored(amman):
    response = amman.send_payload("careem", {"event_type": "menu.updated", "data": {}})
    assert (response.status_code, response.json()["status"]) == (200, "ignored")
    assert response.json()["orderId"] is None
    assert not Order.objects.exists()


def test_unknown_word_is_ignored_with_its_reason(amman):
    response = amman.send_payload("careem", {"event_type": "order.levitated", "order": {"id": "1"}})
    assert (response.status_code, response.json()["status"]) == (200, "ignored")
    assert WebhookLog.objects.get().error == "unknown event 'order.levitated'"


def test_known_order_sent_again_unchanged_is_ignored(amman):
    amman.send_payload("careem", hub_order())
    response = amman.send_payload("careem", {**hub_order(), "sent": 2})
    assert (response.status_code, response.json()["status"]) == (200, "ignored")
    assert OrderEvent.objects.count() == 1


def test_known_order_sent_again_with_other_fields_is_processed_loudly(amman):
    amman.send_payload("careem", hub_order())
    response = amman.send_payload("careem", hub_order(special_instructions="No onions"))
    assert response.json()["status"] == "processed"
    event = OrderEvent.objects.get(seq=2)
    assert event.is_loud
    assert list(event.changes) == ["notes"]
    assert Order.objects.get().notes == "No onions"


def test_status_of_an_unknown_order_is_parked_under_its_coming_id(amman):
    parked = amman.send_payload(
        "careem", {"event_type": "order.updated", "order": {"id": "A-1", "status": "preparing"}}
    )
    assert (parked.status_code, parked.json()["status"]) == (200, "parked")
    created = amman.send_payload("careem", hub_order())
    assert parked.json()["orderId"] == created.json()["orderId"]
    assert created.json()["orderStatus"] == "preparing"
    assert set(WebhookLog.objects.values_list("status", flat=True)) == {"processed"}


def test_cancellation_before_its_creation_never_opens_a_live_order(amman):
    amman.send_payload("careem", {"event_type": "order.cancelled", "order": {"id": "A-1"}})
    response = amman.send_payload("careem", hub_order())
    assert response.json()["orderStatus"] == "cancelled"
    assert Order.objects.get().status == "cancelled"


def test_talabat_status_by_our_id_is_parked_and_applied(amman):
    created = amman.send("talabat", dialect="native")
    order_id = created.json()["orderId"]
    response = amman.send("talabat", "cancelled", "native", order_ref=order_id)
    assert response.json()["status"] == "processed"
    assert response.json()["orderId"] == order_id
    assert Order.objects.get().status == "cancelled"


def test_talabat_status_for_an_id_not_applied_yet_is_parked(amman):
    unknown = str(uuid.uuid4())
    response = amman.send("talabat", "cancelled", "native", order_ref=unknown)
    assert (response.status_code, response.json()["status"]) == (200, "parked")
    assert response.json()["orderId"] == unknown


def test_talabat_id_of_another_company_is_parked_not_applied(amman, dubai):
    order_id = amman.send("talabat", dialect="native").json()["orderId"]
    response = dubai.send("talabat", "cancelled", "native", order_ref=order_id)
    assert response.json()["status"] == "parked"
    assert response.json()["orderStatus"] is None
    assert Order.objects.get().status == "received"


def test_talabat_dispatch_again_names_the_same_remote_order(amman):
    first = amman.send("talabat", dialect="native").json()
    again = amman.send("talabat", dialect="native", number=2).json()
    assert first["remoteResponse"] == again["remoteResponse"] == {"remoteOrderId": str(Order.objects.get().id)}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("PUT", "remoteId/AMM-1/availability", 200), ("GET", "menuimport/AMM-1", 202), ("POST", "catalog", 200)],
)
def test_talabat_paths_without_an_order_are_ignored(amman, method, path, status):
    sample = amman.sample("talabat", dialect="native")
    headers = {"authorization": sample.headers["authorization"]}
    response = Client().generic(
        method, f"{URL}/talabat/{amman.company.id}/{path}", b"" if method == "GET" else b"{}",
        content_type="application/json", headers=headers,
    )  # fmt: skip
    assert (response.status_code, response.json()["status"]) == (status, "ignored")
    assert WebhookLog.objects.get().status == "ignored"


# -- stored, and waiting -----------------------------------------------------------------------------------------------


def test_passing_failure_is_queued(amman):
    with mock.patch.object(inbox, "apply_event", side_effect=OperationalError("gone")):
        response = amman.send("careem")
    log = WebhookLog.objects.get()
    assert response.status_code == 202
    assert response.json()["status"] == "queued"
    assert response.json()["success"] is True
    assert log.status == "failed"
    assert 7.9 <= (log.next_attempt_at - log.received_at).total_seconds() <= 10.5
    assert not Order.objects.exists()
    assert WebhookAttempt.objects.get().error == "OperationalError"


def test_deliveroo_takes_only_200_for_what_waits(amman):
    with mock.patch.object(inbox, "apply_event", side_effect=OperationalError("gone")):
        response = amman.send("deliveroo")
    assert (response.status_code, response.json()["status"]) == (200, "queued")


def test_resent_delivery_that_waits_answers_its_present_state(amman):
    request = amman.sample("careem")
    with mock.patch.object(inbox, "apply_event", side_effect=OperationalError("gone")):
        amman.post("careem", request)
    response = amman.post("careem", request)
    assert (response.status_code, response.json()["status"]) == (202, "queued")
    assert WebhookLog.objects.count() == 1


def test_failure_to_save_the_failure_is_still_queued(amman):
    with (
        mock.patch.object(inbox, "apply_event", side_effect=OperationalError("gone")),
        mock.patch.object(inbox, "_fail", side_effect=OperationalError("gone")),
    ):
        response = amman.send("careem")
    assert (response.status_code, response.json()["status"]) == (202, "queued")
    assert WebhookLog.objects.get().status == "processing"


UNUSABLE = {
    "not utf-8": (b"\xff{}", {"body": "expected UTF-8, got an invalid byte at position 0"}),
    "not json": (b"{", {"body": "expected JSON, Expecting property name enclosed in double quotes at line 1 column 2"}),
    "not an object": (b"[]", {"body": "expected a JSON object, got a list"}),
    "key twice": (b'{"event_type":"order.created","id":"1","id":"2","items":[{"quantity":1}]}',
                  {"id": "expected each key once, got it twice"}),
    "nan": (b'{"event_type":"order.created","id":"1","items":[{"quantity":1}],"total":NaN}',
            {"total": "expected a number, got NaN"}),
    "too deep": (b'{"a":' * 70 + b"1" + b"}" * 70, None),
}  # fmt: skip


@pytest.mark.parametrize("case", UNUSABLE)
def test_unusable_body_is_quarantined_byte_for_byte(amman, case):
    body, details = UNUSABLE[case]
    response = amman.send_payload("careem", body)
    log = WebhookLog.objects.get()
    assert response.status_code == 202
    assert response.json()["success"] is False
    assert response.json()["status"] == "quarantined"
    assert response.json()["error"] == "invalid_payload"
    assert response.json()["eventId"] == str(log.id)
    if details is not None:
        assert response.json()["details"] == details
    assert bytes(log.body.body) == body
    assert log.status == "quarantined"
    assert Alert.objects.get().cause == "event_invalid_payload"
    assert not Order.objects.exists()


def line(**fields):
    return [{"id": "MANSAF", "name": "Lamb Mansaf", "quantity": 1, "unit_price": "9.750", **fields}]


@pytest.mark.parametrize(
    ("fields", "details"),
    [
        ({"items": line(quantity="x")}, {"order.items[0].quantity": 'expected a positive integer, got "x"'}),
        ({"items": line(quantity=0)}, {"order.items[0].quantity": "expected a positive integer, got 0"}),
        ({"items": line(quantity=1.5)}, {"order.items[0].quantity": "expected a positive integer, got 1.5"}),
        ({"items": line(quantity=True)}, {"order.items[0].quantity": "expected a positive integer, got true"}),
        ({"items": line(quantity=10_000)}, {"order.items[0].quantity": "expected at most 9999, got 10000"}),
        ({"items": []}, {"order.items": "expected at least one line, got an empty list"}),
        ({"items": line() * 501}, {"order.items": "expected at most 500 lines, got 501"}),
        ({"total_amount": "1e3"}, {"order.total_amount": 'expected a plain decimal, got "1e3"'}),
        ({"total_amount": "12,50"}, {"order.total_amount": 'expected a plain decimal, got "12,50"'}),
        ({"total_amount": True}, {"order.total_amount": "expected a plain decimal, got true"}),
        ({"id": ""}, {"order.id": 'expected an id, got ""'}),
        ({"id": "a\x00b"}, {"order.id": "expected an id without NUL or lone surrogates"}),
        ({"id": "a\ud800"}, {"order.id": "expected an id without NUL or lone surrogates"}),
        ({"id": "x" * 513}, {"order.id": "expected an id of at most 512 characters, got 513"}),
    ],
)
def test_unusable_field_is_named_by_its_path(amman, fields, details):
    payload = hub_order(**fields)
    response = amman.send_payload("careem", json.dumps(payload).encode())
    assert (response.status_code, response.json()["error"]) == (202, "invalid_payload")
    assert response.json()["details"] == details


def test_quarantined_talabat_dispatch_still_names_its_order(amman):
    request = amman.sample("talabat", dialect="native")
    payload = json.loads(request.body)
    payload["products"][0]["quantity"] = "string"
    response = amman.send_payload("talabat", payload, dialect="native", path="order/AMM-1")
    assert response.status_code == 202
    assert response.json()["details"] == {"products[0].quantity": 'expected a positive integer, got "string"'}
    assert response.json()["externalOrderId"] == "1000001"
    assert response.json()["remoteResponse"] == {"remoteOrderId": response.json()["orderId"]}
    # The id is the one that the order will have once it is usable.
    mended = amman.post("talabat", request)
    assert mended.json()["orderId"] == response.json()["orderId"]


def test_text_beyond_what_a_database_holds_is_taken_and_cleaned(amman):
    payload = hub_order(special_instructions="a\x00b\ud800c", customer={"name": "N" * 300, "phone": "+962790123456"})
    response = amman.send_payload("careem", json.dumps(payload).encode())
    order = Order.objects.get()
    assert response.json()["status"] == "processed"
    assert order.notes == "a\ufffdb\ufffdc"
    assert order.customer_name == "N" * 255


# -- the hub's envelope ------------------------------------------------------------------------------------------------


def test_the_original_envelope_works_as_written(amman):
    response = post_envelope(envelope(amman.company))
    order = Order.objects.get()
    assert (response.status_code, response.json()["status"]) == (200, "processed")
    assert response.json()["externalOrderId"] == "careem_order_123"
    assert (order.customer_name, order.currency, order.total, order.via_hub) == ("John Doe", "JOD", 30, True)
    item = order.items.get()
    assert (item.name, item.quantity, item.unit_price) == ("Burger", 2, 15)


def test_envelope_may_carry_the_providers_own_proof(amman):
    body = json.dumps(envelope(amman.company)).encode()
    signature = hmac.new(SECRETS["careem"]["webhookSecret"].encode(), body, hashlib.sha256).hexdigest()
    response = Client().post(URL, body, content_type="application/json", headers={"x-careem-signature": signature})
    assert response.json()["status"] == "processed"


def test_hub_may_forward_to_the_providers_url(amman):
    response = post_envelope(envelope(amman.company), url=f"{URL}/careem/{amman.company.id}")
    assert response.json()["status"] == "processed"
    assert Order.objects.get().via_hub


def test_webhook_id_makes_the_hubs_delivery_one(amman):
    first = post_envelope(envelope(amman.company), webhook_id="w-1").json()
    again = post_envelope(envelope(amman.company), webhook_id="w-1").json()
    assert again == {**first, "status": "duplicate"}


@pytest.mark.parametrize("field", ["eventType", "provider", "orderId", "orderData", "companyId"])
def test_incomplete_envelope_names_what_it_lacks_and_is_kept(amman, field):
    payload = envelope(amman.company)
    del payload[field]
    response = post_envelope(payload, **{"x-company-id": str(amman.company.id)})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_envelope")
    assert list(response.json()["details"]) == [field]
    log = WebhookLog.objects.get()
    assert (log.status, log.error_code) == ("quarantined", "invalid_envelope")
    assert json.loads(bytes(log.body.body)) == payload
    assert Alert.objects.get().cause == "event_invalid_envelope"


def test_envelope_that_is_not_json_is_kept_where_the_header_names_the_company(amman):
    response = post_envelope(b"not json", **{"x-company-id": str(amman.company.id)})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_envelope")
    assert bytes(WebhookLog.objects.get().body.body) == b"not json"


def test_envelope_of_no_company_proves_nothing(amman):
    payload = envelope(amman.company)
    del payload["companyId"]
    response = post_envelope(payload)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_signature")
    assert WebhookLog.objects.get().status == "rejected"


def test_envelope_names_a_provider_that_we_know(amman):
    response = post_envelope(envelope(amman.company, provider="unheard-of"))
    assert response.status_code == 400
    assert response.json()["details"] == {"provider": "expected one of careem, talabat, deliveroo, jahez"}


def test_provider_in_a_body_never_overrides_the_url(amman):
    payload = {**hub_order(), "provider": "talabat"}
    assert amman.send_payload("careem", payload).json()["provider"] == "careem"


# -- whose it is -------------------------------------------------------------------------------------------------------


def careem_post(url, payload, **headers):
    body = json.dumps(payload).encode()
    signature = hmac.new(SECRETS["careem"]["webhookSecret"].encode(), body, hashlib.sha256).hexdigest()
    return Client().post(
        url, body, content_type="application/json", headers={"x-careem-signature": signature, **headers}
    )


@pytest.mark.parametrize("field", ["companyId", "clientId"])
def test_company_comes_from_the_body(amman, field):
    assert careem_post(f"{URL}/careem", {**hub_order(), field: str(amman.company.id)}).json()["status"] == "processed"


def test_company_comes_from_the_header_before_the_body(amman, dubai):
    payload = {**hub_order(), "companyId": str(amman.company.id)}
    careem_post(f"{URL}/careem", payload, **{"x-company-id": str(dubai.company.id)})
    assert Order.objects.get().company == dubai.company


def test_company_comes_from_the_store_id(amman, dubai):
    careem_post(f"{URL}/careem", hub_order(restaurant_id="dubai-diner-careem-main"))
    assert Order.objects.get().company == dubai.company


def test_company_named_wrongly_is_not_guessed_from_the_store(amman):
    payload = {**hub_order(restaurant_id="amman-grill-careem-main"), "companyId": str(uuid.uuid4())}
    assert careem_post(f"{URL}/careem", payload).status_code == 401


# -- refused -----------------------------------------------------------------------------------------------------------


def test_every_refusal_is_the_same_answer_and_leaves_a_counted_row(amman):
    from integration.models import ProviderCredential

    good = amman.sample("careem")
    base = f"{URL}/careem/{amman.company.id}"
    signature = {"x-careem-signature": good.headers["x-careem-signature"]}
    answers = [
        Client().post(base, good.body, content_type="application/json"),
        Client().post(base, good.body, content_type="application/json", headers={"x-careem-signature": "00"}),
        Client().post(f"{URL}/careem/{uuid.uuid4()}", good.body, content_type="application/json", headers=signature),
        Client().post(f"{URL}/careem/not-an-id", good.body, content_type="application/json", headers=signature),
    ]
    old = {**good.headers, "x-careem-timestamp": str(int(time.time()) - 400)}
    old.pop("content-type")
    answers.append(Client().post(base, good.body, content_type="application/json", headers=old))
    credential = ProviderCredential.objects.get(provider="careem")
    credential.allowed_ips = ["203.0.113.0/24"]
    credential.save()
    answers.append(amman.post("careem", good))
    credential.is_enabled = False
    credential.save()
    answers.append(amman.post("careem", good))
    assert {response.status_code for response in answers} == {401}
    assert {response.content for response in answers} == {
        b'{"success":false,"error":"invalid_signature","message":"The request does not prove who sent it.","details":{}}'
    }
    rows = WebhookLog.objects.values_list("error", "company__slug", "count")
    assert sorted(rows, key=str) == sorted(
        [
            ("no_proof", "amman-grill", 1),
            ("wrong_signature", "amman-grill", 1),
            ("unknown_company", None, 2),
            ("timestamp_outside_tolerance", "amman-grill", 1),
            ("address_not_allowed", "amman-grill", 1),
            ("provider_disabled", "amman-grill", 1),
        ],
        key=str,
    )
    assert not WebhookBody.objects.exists()
    assert not Order.objects.exists()


def test_provider_switched_off_for_the_installation_is_refused(amman, settings):
    settings.PROVIDER_ENABLED = {**settings.PROVIDER_ENABLED, "careem": False}
    assert amman.send("careem").status_code == 401


def test_allowed_address_is_taken(amman):
    from integration.models import ProviderCredential

    ProviderCredential.objects.filter(provider="careem").update(allowed_ips=["127.0.0.0/8"])
    assert amman.send("careem").status_code == 200


def test_refusals_that_cluster_raise_an_alert(amman):
    for _ in range(12):
        Client().post(f"{URL}/careem/{amman.company.id}", b"{}", content_type="application/json")
    alert = Alert.objects.get()
    assert (alert.cause, alert.subject, alert.company) == ("signatures_failing", "careem", amman.company)


def test_previous_secret_holds_while_rotating_and_not_after(amman):
    from integration.models import ProviderCredential

    credential = ProviderCredential.objects.get(provider="careem")
    credential.rotate("webhookSecret", "a-brand-new-secret-0002")
    credential.save()
    assert amman.send("careem").status_code == 200
    credential.secrets["webhookSecret"]["previousUntil"] = "2020-01-01T00:00:00+00:00"
    credential.save()
    assert amman.send("careem", external_id="2").status_code == 401


def test_installations_secret_stands_in_only_where_the_company_has_none(amman, settings):
    from integration.models import ProviderCredential

    settings.PROVIDER_FALLBACK_SECRETS = {"careem": "installation-wide-secret"}
    body = json.dumps(hub_order()).encode()
    signature = hmac.new(b"installation-wide-secret", body, hashlib.sha256).hexdigest()

    def post():
        return Client().post(
            f"{URL}/careem/{amman.company.id}", body, content_type="application/json",
            headers={"x-careem-signature": signature},
        )  # fmt: skip

    assert post().status_code == 401
    ProviderCredential.objects.filter(provider="careem").delete()
    assert post().status_code == 200


def test_unknown_provider_is_404_and_leaves_nothing(amman):
    response = Client().post(f"{URL}/ubereats/{amman.company.id}", b"{}", content_type="application/json")
    assert (response.status_code, response.json()["error"]) == (404, "unknown_provider")
    assert not WebhookLog.objects.exists()


def test_unknown_path_of_a_provider_is_404(amman):
    response = Client().post(f"{URL}/careem/{amman.company.id}/nowhere", b"{}", content_type="application/json")
    assert (response.status_code, response.json()["error"]) == (404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_other_methods_are_405_with_allow(amman, method):
    response = Client().generic(method, f"{URL}/careem/{amman.company.id}")
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    assert not WebhookLog.objects.exists()


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 3 * 1024 * 1024])
def test_body_over_a_mebibyte_is_413_and_leaves_nothing(amman, size):
    response = amman.send_payload("careem", b" " * size)
    assert (response.status_code, response.json()["error"]) == (413, "payload_too_large")
    assert not WebhookLog.objects.exists()


def test_body_of_a_mebibyte_is_taken(amman):
    body = json.dumps(hub_order()).encode()
    assert amman.send_payload("careem", body + b" " * (1024 * 1024 - len(body))).status_code == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_is_not_json_is_415(amman, content_type):
    response = Client().generic("POST", f"{URL}/careem/{amman.company.id}", b"{}", content_type=content_type)
    assert (response.status_code, response.json()["error"]) == (415, "unsupported_media_type")
    assert not WebhookLog.objects.exists()


@pytest.mark.parametrize("encoding", ["gzip", "identity", "br"])
def test_any_content_encoding_is_415(amman, encoding):
    response = Client().post(
        f"{URL}/careem/{amman.company.id}",
        b"{}",
        content_type="application/json",
        headers={"content-encoding": encoding},
    )
    assert response.status_code == 415


def test_charset_and_json_suffix_are_json(amman):
    request = amman.sample("careem")
    headers = {name: value for name, value in request.headers.items() if name != "content-type"}
    url = f"{URL}/careem/{amman.company.id}"
    assert (
        Client().post(url, request.body, content_type="application/json; charset=utf-8", headers=headers).status_code
        == 200
    )
    assert Client().post(url, request.body, content_type="application/vnd.hub+json", headers=headers).status_code == 200


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense"])
def test_what_a_sender_accepts_is_not_asked(amman, accept):
    request = amman.sample("careem")
    headers = {**request.headers, "accept": accept}
    assert amman.post("careem", type(request)(request.body, headers, request.path, request.method)).status_code == 200


def test_rate_limit_answers_429_with_retry_after(amman, settings):
    settings.WEBHOOK_RATE_LIMIT = "8/600"
    answers = [amman.send("careem", external_id=str(n)).status_code for n in range(4)]
    response = amman.send("careem", external_id="9")
    assert answers[:2] == [200, 200]
    assert (response.status_code, response.json()["error"]) == (429, "rate_limited")
    assert 1 <= int(response.headers["Retry-After"]) <= 601
    assert amman.send("jahez").status_code == 200, "another provider has a bucket of its own"


def test_refused_requests_cannot_starve_the_real_sender(amman, settings):
    settings.WEBHOOK_RATE_LIMIT = "8/600"
    url = f"{URL}/careem/{amman.company.id}"
    forged = [Client().post(url, b"{}", content_type="application/json").status_code for _ in range(6)]
    assert forged[0] == 401
    assert forged[-1] == 429
    assert amman.send("careem").status_code == 200
    assert sum(WebhookLog.objects.filter(status="rejected").values_list("count", flat=True)) == forged.count(401)


def test_rate_limit_can_be_off(amman, settings):
    settings.WEBHOOK_RATE_LIMIT = "off"
    assert all(amman.send("careem", external_id=str(n)).status_code == 200 for n in range(5))


def test_database_that_is_away_is_503_and_leaves_nothing(amman):
    with mock.patch.object(inbox, "insert_pair", side_effect=OperationalError("gone")):
        response = amman.send("careem")
    assert (response.status_code, response.json()["error"]) == (503, "unavailable")
    assert response.headers["Retry-After"] == "5"
    assert not WebhookLog.objects.exists()


# -- development -------------------------------------------------------------------------------------------------------


def test_unsigned_requests_are_taken_and_marked_where_signatures_are_not_checked(amman, settings):
    settings.DEBUG, settings.WEBHOOK_VALIDATE_SIGNATURE = True, False
    response = Client().post(
        f"{URL}/careem/{amman.company.id}", json.dumps(hub_order()).encode(), content_type="application/json"
    )
    assert response.json()["status"] == "processed"
    assert WebhookLog.objects.get().proof == "unverified"


def test_sandbox_credentials_make_test_orders(amman):
    from integration.models import ProviderCredential

    ProviderCredential.objects.filter(provider="careem").update(environment="sandbox")
    amman.send("careem")
    assert Order.objects.get().is_test


def test_an_installation_for_trials_has_test_orders_alone(amman, settings):
    settings.STAGING = True
    amman.send("careem")
    assert Order.objects.get().is_test


def test_bodies_of_processed_events_go_where_they_are_not_to_be_logged(amman, settings):
    settings.LOG_WEBHOOKS = False
    amman.send("careem")
    amman.send_payload("careem", b"{")
    assert WebhookLog.objects.count() == 2
    assert WebhookBody.objects.get().log.status == "quarantined"


def test_deliveroo_base64_signature_of_the_hub(amman):
    body = json.dumps({"event": "order_created", "order": hub_order()["order"]}).encode()
    proof = base64.b64encode(
        hmac.new(SECRETS["deliveroo"]["webhookSecret"].encode(), body, hashlib.sha256).digest()
    ).decode()
    response = Client().post(
        f"{URL}/deliveroo/{amman.company.id}", body, content_type="application/json",
        headers={"x-deliveroo-hmac-sha256": proof},
    )  # fmt: skip
    assert response.json()["status"] == "processed"


def test_two_installations_hold_the_same_order_apart(db):
    first, second = make_installation("one"), make_installation("two")
    ids = {i.send("careem").json()["orderId"] for i in (first, second)}
    assert len(ids) == 2
