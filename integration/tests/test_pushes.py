"""What people see of what the provider was told: in the timeline of the API, and on the order's page."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
import responses
from django.utils import timezone

from integration.models import OutboundPush
from integration.pushes import look_again_in_s
from integration.tests.outbound import CAREEM, CAREEM_IDENTITY, JAHEZ, jahez_token, move, received, work
from orders.models import Order
from orders.times import iso_time

STATUS_URL = f"{JAHEZ}/webhooks/status_update"


def timeline(installation, order, user=None):
    answer = installation.client(user).get(f"/api/orders/{order.id}/timeline")
    assert answer.status_code == 200
    return answer.json()["results"]


def page(installation, order, user=None):
    answer = installation.client(user).get(f"/orders/{order.id}/")
    assert answer.status_code == 200
    text = re.sub(r"<[^>]+>", " ", answer.content.decode().split('id="part-timeline"')[1])
    return re.sub(r"\s+", " ", html.unescape(text))


@responses.activate
def test_an_entry_shows_its_push_and_every_call(amman):
    jahez_token()
    responses.post(STATUS_URL, status=503)
    push = work(move(received(amman), "confirmed"))
    responses.replace("POST", STATUS_URL, json={"success": True})
    OutboundPush.objects.filter(pk=push.pk).update(next_attempt_at=timezone.now())
    push = work(push)
    latest, first = timeline(amman, push.order)
    assert first["pushes"] == []
    failed, done = push.attempt_set.all()
    told = latest["pushes"][0]
    assert told == {
        "id": str(push.id), "status": "sent", "route": "provider", "action": "confirmed", "attempts": 2, "error": None,
        "nextAttemptAt": None, "finishedAt": iso_time(push.finished_at),
        "calls": [
            {"attempt": 1, "method": "POST", "url": STATUS_URL, "responseStatus": 503, "outcome": "retry",
             "error": "The provider answered 503.", "startedAt": iso_time(failed.started_at),
             "durationMs": failed.duration_ms},
            {"attempt": 2, "method": "POST", "url": STATUS_URL, "responseStatus": 200, "outcome": "done", "error": None,
             "startedAt": iso_time(done.started_at), "durationMs": done.duration_ms},
        ],
    }  # fmt: skip


@responses.activate
def test_the_page_shows_a_push_and_its_calls_to_staff_without_secrets(amman):
    jahez_token()
    responses.post(STATUS_URL, json={"customer": "somebody"})
    push = work(move(received(amman), "confirmed"))
    shown = page(amman, push.order, amman.staff)
    assert "To Jahez: Accepted taken" in shown
    assert f"POST {STATUS_URL} 200" in shown
    for hidden in ("jahez-token", "jahez-api-key", "somebody"):
        assert hidden not in shown
        assert hidden not in str(timeline(amman, push.order, amman.staff))


@responses.activate
def test_the_page_says_that_a_provider_has_no_call(amman):
    responses.post(f"{CAREEM_IDENTITY}/token", json={"access_token": "t", "expires_in": 3600})
    responses.put(f"{CAREEM}/pos/api/v1/orders/1000001", json={})
    order = received(amman, "careem", "1000001")
    work(move(order, "confirmed"))
    work(move(order, "preparing"))
    shown = page(amman, order)
    assert "To Careem: Preparing not sent" in shown
    assert "Careem is told of acceptance, readiness and cancellation only." in shown


@responses.activate
def test_a_superseded_push_says_why(amman):
    jahez_token()
    responses.post(STATUS_URL, status=503)
    order = received(amman)
    late = work(move(order, "confirmed"))
    responses.replace("POST", STATUS_URL, json={})
    work(move(order, "cancelled"))
    late.refresh_from_db()
    assert (late.status, late.error) == ("dropped", "The later status cancelled went out.")
    shown = page(amman, order)
    assert "To Jahez: Accepted dropped" in shown
    assert "The later status Cancelled went out." in shown


@responses.activate
def test_a_push_that_was_too_late_says_so_and_how_the_last_try_went(amman):
    jahez_token()
    responses.post(STATUS_URL, status=503)
    order = received(amman)
    Order.objects.filter(pk=order.pk).update(accept_by=timezone.now() + timedelta(seconds=4))
    push = work(move(order, "confirmed"))
    assert (push.status, push.error_code) == ("dropped", "deadline_passed")
    assert push.error == "The provider's deadline for an answer has passed. The provider answered 503."
    assert push.error in page(amman, order)


@responses.activate
def test_a_refusal_that_the_orders_end_explains_says_so(amman):
    jahez_token()
    responses.post(STATUS_URL, status=409)
    order = received(amman)
    dead = work(move(order, "confirmed"))
    assert dead.status == "dead"
    amman.send("jahez", "cancelled", "native", external_id="10000001")
    dead.refresh_from_db()
    assert (dead.status, dead.error) == ("dropped", "The order is cancelled.")


def test_what_waits_for_the_provider_makes_the_page_look_again(amman):
    push = move(received(amman), "confirmed")
    now = timezone.now()
    assert look_again_in_s([push], now) == 2
    push.status, push.next_attempt_at = "failed", now + timedelta(seconds=10)
    assert look_again_in_s([push], now) == 12
    push.next_attempt_at = now + timedelta(hours=1)
    assert look_again_in_s([push], now) == 60
    push.status = "sent"
    assert look_again_in_s([push], now) is None
    shown = amman.client().get(f"/orders/{push.order_id}/").content.decode()
    assert 'data-look-again="2"' in shown


def test_a_timeline_is_read_with_a_fixed_number_of_queries(amman, django_assert_max_num_queries):
    order = received(amman)
    for status in ("confirmed", "preparing", "ready"):
        move(order, status)
    client = amman.client()
    with django_assert_max_num_queries(12):
        results = client.get(f"/api/orders/{order.id}/timeline").json()["results"]
    assert [len(entry["pushes"]) for entry in results] == [1, 1, 1, 0]


def test_another_companys_pushes_do_not_exist(amman, dubai):
    push = move(received(amman), "confirmed")
    answer = dubai.client().get(f"/api/orders/{push.order_id}/timeline")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert OutboundPush.objects.get() == push


@pytest.mark.parametrize("limit", [1, 2])
def test_pages_of_the_timeline_have_their_own_pushes(amman, limit):
    order = received(amman)
    move(order, "confirmed")
    body = amman.client().get(f"/api/orders/{order.id}/timeline?limit={limit}").json()
    assert [[push["action"] for push in entry["pushes"]] for entry in body["results"]] == [["confirmed"], []][:limit]
