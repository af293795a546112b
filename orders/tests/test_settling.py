"""What a look settles is taken off the order by whoever looked, and not by anybody else."""

from __future__ import annotations

import uuid

import pytest

from integration.tests.factories import Installation, make_installation
from orders.models import AuditEntry, Order, OrderEvent
from orders.services import set_reasons
from orders.settling import BY_HAND

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Installation:
    return make_installation()


def marked(shop: Installation, *reasons: str) -> Order:
    assert shop.send("careem", "created", external_id="1000001").status_code == 200
    order = Order.objects.get(company=shop.company, external_id="1000001")
    set_reasons(order, reasons)
    order.save()
    return order


def settle(shop: Installation, order_id: object, reason: object):
    body = {"reason": reason}
    return shop.client(shop.staff).post(f"/api/orders/{order_id}/settle", body, content_type="application/json")


@pytest.mark.parametrize("reason", BY_HAND)
def test_the_mark_goes_and_the_timeline_and_the_trail_name_who_looked(shop, reason):
    order = marked(shop, reason, "unmapped_item")
    response = settle(shop, order.id, reason)
    assert (response.status_code, response.json()["attentionReasons"]) == (200, ["unmapped_item"])
    assert response.json()["seq"] == order.seq + 1
    entry = OrderEvent.objects.get(order=order, seq=order.seq + 1)
    assert (entry.source, entry.user, entry.changes) == ("person", shop.staff, {"settled": [reason, ""]})
    trail = AuditEntry.objects.get(action="order.settled")
    assert (trail.user, trail.target, trail.details) == (shop.staff, str(order.id), {"reason": reason})


def test_an_order_without_any_other_mark_needs_nobody(shop):
    order = marked(shop, "amount_mismatch")
    assert settle(shop, order.id, "amount_mismatch").json()["needsAttention"] is False
    order.refresh_from_db()
    assert (order.needs_attention, order.attention_reasons, order.status) == (False, [], "received")


def test_settling_twice_writes_once_and_says_so(shop):
    order = marked(shop, "amount_mismatch")
    answers = [settle(shop, order.id, "amount_mismatch") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 409]
    assert answers[1].json()["error"] == "not_marked"
    assert OrderEvent.objects.filter(order=order, seq__gt=order.seq).count() == 1
    assert AuditEntry.objects.filter(action="order.settled").count() == 1


@pytest.mark.parametrize("reason", ["unmapped_item", "", "nonsense", None, 1, ["amount_mismatch"]])
def test_what_no_look_settles_is_refused(shop, reason):
    order = marked(shop, "amount_mismatch", "unmapped_item")
    response = settle(shop, order.id, reason)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert list(response.json()["details"]) == ["reason"]
    order.refresh_from_db()
    assert order.attention_reasons == ["amount_mismatch", "unmapped_item"]
    assert not AuditEntry.objects.filter(action="order.settled").exists()


def test_an_order_of_another_company_cannot_be_settled(shop):
    order = marked(make_installation("beirut-bakery"), "amount_mismatch")
    for named in (order.id, uuid.uuid4(), "nonsense"):
        assert settle(shop, named, "amount_mismatch").status_code == 404
    order.refresh_from_db()
    assert order.attention_reasons == ["amount_mismatch"]


def test_the_page_offers_it_where_a_look_settles_it_and_tells_who_did(shop):
    order = marked(shop, "amount_mismatch", "unmapped_item")
    client = shop.client(shop.staff)
    before = client.get(f"/orders/{order.id}/").content.decode()
    assert before.count('data-step="settle"') == 1
    assert 'data-reason="amount_mismatch">Compared: it is right</button>' in before
    settle(shop, order.id, "amount_mismatch")
    after = client.get(f"/orders/{order.id}/").content.decode()
    assert 'data-step="settle"' not in after
    assert "Settled: Amounts do not add up" in after
