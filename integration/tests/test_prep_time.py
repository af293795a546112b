"""Another preparation time: taken for an accepted order, told where there is a call for it, refused in a sentence elsewhere."""

from __future__ import annotations

from datetime import timedelta

import pytest
import responses
from django.utils import timezone

from integration.models import Alert, OutboundPush, ProviderCredential
from integration.tests.outbound import (
    CAREEM,
    CAREEM_IDENTITY,
    DELIVEROO,
    DELIVEROO_AUTH,
    TALABAT,
    move,
    received,
    work,
)
from orders.models import AuditEntry, Order, OrderEvent
from orders.services import change_status
from providers.events import Status
from providers.outbound import utc_text

TOKEN = {"access_token": "a-token", "expires_in": 3600}
DELAY_URL = f"{CAREEM}/pos/api/v1/orders/1000001/delay-request"
ADJUST_URL = f"{TALABAT}/v2/orders/tok-1/adjust-preparation-time"


@pytest.fixture
def web():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.post(f"{CAREEM_IDENTITY}/token", json=TOKEN)
        mock.put(f"{CAREEM}/pos/api/v1/orders/1000001", json={})
        mock.put(DELAY_URL, json={})
        mock.post(f"{TALABAT}/v2/login", json=TOKEN)
        mock.post(ADJUST_URL, status=204)
        mock.post(f"{DELIVEROO_AUTH}/oauth2/token", json=TOKEN)
        yield mock


def ask(here, order, minutes, user=None):
    body = {"prepMinutes": minutes}
    return here.client(user).post(f"/api/orders/{order.id}/prep-time", body, content_type="application/json")


def accepted(here, provider="careem", external_id="1000001", *, steps=("confirmed",), minutes=20, **fields) -> Order:
    order = received(here, provider, external_id)
    for step in steps:
        change_status(order, Status(step), user=None, prep_minutes=minutes if step == "confirmed" else None)
    OutboundPush.objects.all().delete()
    Order.objects.filter(pk=order.pk).update(**fields)
    return Order.objects.get(pk=order.pk)


def refused(answer, code="prep_time_refused", status=409):
    assert answer.status_code == status
    body = answer.json()
    assert (body["success"], body["error"]) == (False, code)
    assert not OutboundPush.objects.exists()
    assert not AuditEntry.objects.filter(action="order.prep_time_changed").exists()
    return body["message"]


def test_careem_is_told_the_delay(amman, web):
    order = accepted(amman, minutes=20)
    answer = ask(amman, order, 30, amman.staff)
    assert (answer.status_code, answer.json()["status"], answer.json()["seq"]) == (200, "confirmed", order.seq + 1)
    push = work(OutboundPush.objects.get())
    assert (push.action, push.status, push.prep_minutes) == ("prep_time", "sent", 30)
    call = web.calls[-1].request
    assert (call.method, call.url, call.headers["Idempotency-Key"]) == ("PUT", DELAY_URL, str(push.id))
    # Promised in 20 minutes from the acceptance, now in 30 from a moment later.
    assert call.body == b'{"delay_in_minutes":10}'
    entry = OrderEvent.objects.get(pk=push.event_id)
    assert (entry.source, entry.user, entry.prep_minutes, entry.status) == ("person", amman.staff, 30, "confirmed")
    assert entry.changes == {"prep_minutes": [20, 30]}
    assert AuditEntry.objects.get(action="order.prep_time_changed").details == {"prepMinutes": 30}


def test_careem_takes_one_delay(amman, web):
    order = accepted(amman)
    ask(amman, order, 30)
    work(push := OutboundPush.objects.get())
    answer = ask(amman, order, 40)
    assert (answer.status_code, answer.json()["message"]) == (
        409, "Careem takes one delay of an order, and has been told of one.",
    )  # fmt: skip
    assert OutboundPush.objects.get() == push


@pytest.mark.parametrize(
    ("minutes", "says"),
    [
        (15, "Careem is told of a delay only, and this time is not later than the promised one."),
        (240, "Careem takes a delay of 60 minutes at most; this is one of 220."),
    ],
)
def test_careem_is_not_told_what_it_does_not_take(amman, minutes, says):
    assert refused(ask(amman, accepted(amman), minutes)) == says


def test_talabat_is_told_the_time(amman, web):
    order = accepted(amman, "talabat", "tok-1", callback_urls={"orderPreparationTimeAdjustmentUrl": ADJUST_URL})
    assert ask(amman, order, 35).status_code == 200
    push = work(OutboundPush.objects.get())
    assert push.status == "sent"
    assert web.calls[-1].request.url == ADJUST_URL
    assert (
        web.calls[-1].request.body
        == b'{"expectedPickupAt":"%s"}' % utc_text(push.occurred_at + timedelta(minutes=35)).encode()
    )


def test_talabats_refusal_of_a_time_is_told_in_words(amman, web):
    web.replace("POST", ADJUST_URL, status=400, json={"code": "PREPARATION_TIME_EXCEEDS_ALLOWED_MAX_TIME"})
    order = accepted(amman, "talabat", "tok-1", callback_urls={"orderPreparationTimeAdjustmentUrl": ADJUST_URL})
    ask(amman, order, 35)
    push = work(OutboundPush.objects.get())
    assert (push.status, push.error) == ("dead", "Talabat does not take so late a time for this order.")
    alert = Alert.objects.get()
    assert (alert.cause, alert.severity, alert.message) == (
        "push_dead", "warning", f"talabat did not take a time: {push.error}",
    )  # fmt: skip


def test_an_order_of_talabat_that_brought_no_address_is_refused(amman):
    order = accepted(amman, "talabat", "tok-1", callback_urls={})
    says = "The order brought no address for this: it is answered on Talabat's own device."
    assert refused(ask(amman, order, 35)) == says


def test_deliveroo_is_told_a_delay_while_it_is_prepared(amman, web):
    stage = f"{DELIVEROO}/order/v1/orders/gb%3A1/prep_stage"
    web.post(stage, json={})
    order = accepted(amman, "deliveroo", "gb:1", steps=("confirmed", "preparing"), minutes=20)
    assert ask(amman, order, 24).status_code == 200
    push = work(OutboundPush.objects.get())
    assert (push.status, web.calls[-1].request.url) == ("sent", stage)
    body = b'{"stage":"in_kitchen","occurred_at":"%s","delay":4}' % utc_text(push.occurred_at).encode()
    assert web.calls[-1].request.body == body


@pytest.mark.parametrize(
    ("steps", "minutes", "says"),
    [
        (("confirmed",), 25, "Deliveroo takes a delay while the order is being prepared: start preparing it first."),
        (("confirmed", "preparing"), 40, "Deliveroo takes a delay of 10 minutes at most; this is one of 20."),
        (("confirmed", "preparing"), 10,
         "Deliveroo is told of a delay only, and this time is not later than the promised one."),
    ],
)  # fmt: skip
def test_deliveroo_is_not_told_what_it_does_not_take(amman, steps, minutes, says):
    assert refused(ask(amman, accepted(amman, "deliveroo", "gb:1", steps=steps), minutes)) == says


def test_jahez_has_no_call_for_it(amman):
    order = accepted(amman, "jahez", "10000001")
    assert refused(ask(amman, order, 30)) == "Jahez has no call to change the preparation time."


@pytest.mark.parametrize("status", ["received", "ready", "delivered", "cancelled"])
def test_only_an_order_in_preparation_has_a_time_to_change(amman, status):
    order = accepted(amman, steps=(), status=status)
    assert refused(ask(amman, order, 30)) == f"An order that is {status} has no preparation time to change."


def test_without_a_credential_nothing_is_promised(amman):
    order = accepted(amman)
    credential = ProviderCredential.objects.get(company=amman.company, provider="careem")
    credential.is_enabled = False
    credential.save()
    assert refused(ask(amman, order, 30)) == "careem cannot be told: the provider is switched off."


def test_an_order_of_the_hub_is_told_to_the_provider_itself(amman, web):
    order = accepted(amman, via_hub=True)
    ask(amman, order, 30)
    push = OutboundPush.objects.get()
    assert (push.route, work(push).status) == ("provider", "sent")
    assert web.calls[-1].request.url == DELAY_URL


@pytest.mark.parametrize("body", [{}, {"prepMinutes": 0}, {"prepMinutes": 241}, {"prepMinutes": "20"},
                                  {"prepMinutes": True}, {"prepMinutes": None}, []])  # fmt: skip
def test_minutes_that_make_no_sense_are_refused(amman, body):
    order = accepted(amman)
    answer = amman.client().post(f"/api/orders/{order.id}/prep-time", body, content_type="application/json")
    refused(answer, "invalid_request", 400)
    assert answer.json()["details"] == {"prepMinutes": "expected a whole number from 1 to 240"}


def test_another_companys_order_does_not_exist(amman, dubai):
    refused(ask(dubai, accepted(amman), 30), "not_found", 404)


def test_a_time_waits_for_the_acceptance(amman, web):
    order = received(amman, "careem", "1000001")
    web.replace("PUT", f"{CAREEM}/pos/api/v1/orders/1000001", status=503)
    work(move(order, "confirmed"))
    ask(amman, order, 30)
    push = work(OutboundPush.objects.get(action="prep_time"))
    assert (push.status, push.attempts) == ("pending", 0)
    web.replace("PUT", f"{CAREEM}/pos/api/v1/orders/1000001", json={})
    OutboundPush.objects.filter(action="confirmed").update(next_attempt_at=timezone.now())
    work(push)
    assert [call.request.url for call in web.calls][-2:] == [f"{CAREEM}/pos/api/v1/orders/1000001", DELAY_URL]
    assert work(push).status == "sent"


def test_a_time_for_an_order_that_is_ready_is_dropped(amman, web):
    order = accepted(amman, steps=("confirmed", "preparing"))
    ask(amman, order, 30)
    Order.objects.filter(pk=order.pk).update(status="ready")
    push = work(OutboundPush.objects.get())
    assert (push.status, push.error) == ("dropped", "The order is ready already.")


def test_an_earlier_time_gives_way_to_a_later_one(amman, web):
    order = accepted(amman, "talabat", "tok-1", callback_urls={"orderPreparationTimeAdjustmentUrl": ADJUST_URL})
    ask(amman, order, 30)
    ask(amman, order, 45)
    first, second = OutboundPush.objects.order_by("seq")
    work(first)
    second.refresh_from_db()
    first.refresh_from_db()
    assert (first.status, first.error, second.status) == ("dropped", "Another time was named since.", "sent")
    assert len([call for call in web.calls if call.request.url == ADJUST_URL]) == 1


def test_a_time_does_not_hold_back_what_follows(amman, web):
    web.replace("PUT", DELAY_URL, status=503)
    order = accepted(amman, steps=("confirmed", "preparing"))
    ask(amman, order, 30)
    late = work(OutboundPush.objects.get())
    ready = work(move(order, "ready"))
    late.refresh_from_db()
    assert (late.status, ready.status) == ("failed", "sent")
    OutboundPush.objects.filter(pk=late.pk).update(next_attempt_at=timezone.now())
    assert (work(late).status, late.error) == ("dropped", "The order is ready already.")


@pytest.mark.parametrize(("provider", "shown"), [("careem", 1), ("talabat", 1), ("deliveroo", 1), ("jahez", 0)])
def test_the_page_offers_it_where_there_is_a_call(amman, provider, shown):
    amman.send(provider)
    order = Order.objects.get()
    url = f"/orders/{order.id}/"
    assert amman.client().get(url).content.decode().count('data-step="prep-time"') == 0
    change_status(order, Status.CONFIRMED, user=None)
    assert amman.client().get(url).content.decode().count('data-step="prep-time"') == shown


def test_the_timeline_shows_the_change(amman, web):
    order = accepted(amman)
    ask(amman, order, 30)
    work(OutboundPush.objects.get())
    latest = amman.client().get(f"/api/orders/{order.id}/timeline").json()["results"][0]
    assert (latest["type"], latest["prepMinutes"], latest["changes"]) == (
        "order.updated", 30, {"prep_minutes": [20, 30]},
    )  # fmt: skip
    assert [(push["action"], push["status"]) for push in latest["pushes"]] == [("prep_time", "sent")]
    page = amman.client().get(f"/orders/{order.id}/").content.decode()
    assert "the preparation time" in page
    assert "ready in 30 min" in page
