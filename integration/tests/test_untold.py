"""An order whose provider was not told is marked until the provider knows, or until somebody has settled it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import responses
from django.utils import timezone, translation

from integration.call_words import call_words
from integration.models import Alert, OutboundPush, ProviderCredential
from integration.tests.outbound import JAHEZ, jahez_token, move, received, work
from orders.models import Order, OrderEvent
from orders.tests.test_pages import page

STATUS_URL = f"{JAHEZ}/webhooks/status_update"
NOT_TOLD = ["provider_not_told"]


def refused(amman, status: int = 422) -> OutboundPush:
    """Accept an order that Jahez then does not take."""
    jahez_token()
    responses.post(STATUS_URL, status=status)
    push = work(move(received(amman), "confirmed"))
    assert push.status == "dead"
    return push


def reasons(push: OutboundPush) -> list[str]:
    order = Order.objects.get(pk=push.order_id)
    assert order.needs_attention is bool(order.attention_reasons)
    return order.attention_reasons


def settle(amman, push: OutboundPush, user=None):
    body = {"reason": "provider_not_told"}
    client = amman.client(user or amman.staff)
    return client.post(f"/api/orders/{push.order_id}/settle", body, content_type="application/json")


def tell_again(amman, push: OutboundPush):
    return amman.client(amman.staff).post(
        f"/api/integration/sync-order/{push.order_id}", content_type="application/json"
    )


# -- the mark ----------------------------------------------------------------------------------------------------------


@responses.activate
def test_a_refused_status_marks_its_order_loudly(amman):
    push = refused(amman)
    assert reasons(push) == NOT_TOLD
    entry = OrderEvent.objects.get(order=push.order_id, changes__has_key="marked")
    assert (entry.changes, entry.source, entry.is_loud) == ({"marked": ["provider_not_told", ""]}, "system", True)
    assert entry.seq == Order.objects.get(pk=push.order_id).seq == push.seq + 1


@responses.activate
def test_an_answer_that_missed_its_deadline_marks_its_order(amman):
    order = received(amman)
    Order.objects.filter(pk=order.pk).update(accept_by=timezone.now() - timedelta(seconds=1))
    push = work(move(order, "confirmed"))
    assert (push.status, push.error_code, reasons(push)) == ("dropped", "deadline_passed", NOT_TOLD)


@responses.activate
def test_a_status_that_is_tried_again_marks_nothing(amman):
    jahez_token()
    responses.post(STATUS_URL, status=503)
    push = work(move(received(amman), "confirmed"))
    assert (push.status, reasons(push)) == ("failed", [])


@responses.activate
def test_a_status_without_a_call_marks_nothing(amman):
    jahez_token()
    responses.post(STATUS_URL, json={})
    order = received(amman)
    work(move(order, "confirmed"))
    push = work(move(order, "preparing"))
    assert (push.status, reasons(push)) == ("not_sent", [])


# -- how it goes -------------------------------------------------------------------------------------------------------


@responses.activate
def test_telling_it_again_takes_mark_and_alert_away(amman):
    push = refused(amman)
    responses.replace("POST", STATUS_URL, json={"success": True})
    assert tell_again(amman, push).json()["data"]["push"]["status"] == "sent"
    push.refresh_from_db()
    assert (push.status, push.error_code, reasons(push)) == ("dropped", "superseded", [])
    assert Alert.objects.get(cause="push_dead").state == "resolved"
    assert OrderEvent.objects.filter(order=push.order_id).latest("seq").changes == {
        "settled": ["provider_not_told", ""]
    }


@responses.activate
def test_telling_it_again_in_vain_keeps_one_mark(amman):
    push = refused(amman)
    assert tell_again(amman, push).status_code == 502
    assert reasons(push) == NOT_TOLD
    assert OrderEvent.objects.filter(order=push.order_id, changes__has_key="marked").count() == 1
    assert Alert.objects.get(cause="push_dead").state == "open"


@responses.activate
def test_whoever_settled_it_with_the_provider_takes_mark_and_alert_away(amman):
    push = refused(amman)
    assert settle(amman, push).json()["attentionReasons"] == []
    push.refresh_from_db()
    assert (push.status, push.error_code) == ("dropped", "settled")
    assert Alert.objects.get(cause="push_dead").state == "resolved"


@responses.activate
def test_settling_something_else_leaves_what_was_not_told(amman):
    push = refused(amman)
    Order.objects.filter(pk=push.order_id).update(attention_reasons=["amount_mismatch", *NOT_TOLD])
    body = {"reason": "amount_mismatch"}
    amman.client().post(f"/api/orders/{push.order_id}/settle", body, content_type="application/json")
    push.refresh_from_db()
    assert (push.status, reasons(push)) == ("dead", NOT_TOLD)


@responses.activate
def test_the_alert_stays_while_another_order_is_not_told(amman):
    push = refused(amman)
    other = work(move(received(amman, external_id="10000002"), "confirmed"))
    settle(amman, push)
    assert Alert.objects.get(cause="push_dead").state == "open"
    settle(amman, other)
    assert Alert.objects.get(cause="push_dead").state == "resolved"


@responses.activate
@pytest.mark.parametrize("event", ["cancelled", "confirmed"])
def test_what_the_provider_says_itself_takes_the_mark_away(amman, event):
    push = refused(amman)
    if event == "confirmed":
        # Known further there than here: the provider has it.
        Order.objects.filter(pk=push.order_id).update(status="received")
    amman.send("jahez", event, "native" if event == "cancelled" else "hub", external_id="10000001")
    push.refresh_from_db()
    assert (push.status, reasons(push)) == ("dropped", [])


# -- the page ----------------------------------------------------------------------------------------------------------


def box(amman, push: OutboundPush, user=None) -> str:
    html = " ".join(page(amman.client(user or amman.staff), f"/orders/{push.order_id}/").split())
    return html.partition('id="attention-provider_not_told"')[2].partition("</section>")[0]


@responses.activate
def test_the_page_says_why_and_offers_to_tell_it_again(amman):
    html = box(amman, refused(amman))
    assert "To Jahez: Accepted" in html
    assert "The provider refused it (422)." in html
    assert ">Tell Jahez again</button>" in html
    assert ">Done on the provider&#x27;s device</button>" in html
    assert "credential" not in html


@responses.activate
def test_past_the_deadline_it_is_too_late_to_tell(amman):
    push = refused(amman)
    Order.objects.filter(pk=push.order_id).update(accept_by=timezone.now() - timedelta(seconds=1))
    html = box(amman, push)
    assert "It is too late to tell it" in html
    assert "Tell Jahez again" not in html


@responses.activate
def test_a_credential_that_is_refused_leads_its_owner_to_it(amman):
    push = refused(amman, 403)
    credential = ProviderCredential.objects.get(company=amman.company, provider="jahez")
    link = f"/admin/integration/providercredential/{credential.pk}/change/"
    assert link in box(amman, push, amman.owner)
    assert "/admin/" not in box(amman, push, amman.manager)
    assert "/integrations/#provider-jahez" in box(amman, push, amman.manager)


@responses.activate
def test_the_board_and_the_list_lead_to_it(amman):
    push = refused(amman)
    client = amman.client(amman.staff)
    assert f'<a href="/orders/{push.order_id}/#part-attention">See why, and tell it again</a>' in page(
        client, "/orders/"
    )
    assert "Provider was not told</li>" in page(client, "/")


def test_why_it_was_not_taken_is_told_in_arabic():
    said = "The provider's deadline for an answer has passed. The provider answered 503."
    assert call_words(said) == said
    assert call_words("No such order.") == "No such order."
    with translation.override("ar"):
        assert "503" in call_words(said)
        assert "The provider" not in call_words(said)
