"""What rings, until when, and who may silence it."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from integration.tests.factories import Installation, make_installation
from orders.access import find_access
from orders.bell import ringing
from orders.models import AuditEntry, Branch, Membership, Order, OrderEvent
from orders.services import change_status
from providers.events import Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Installation:
    return make_installation()


def sent(shop: Installation, *events: str, provider: str = "careem", number: str = "1000001") -> Order:
    """Return an order after a provider has told of a creation and of these events."""
    for event in ("created", *events):
        assert shop.send(provider, event, external_id=number).status_code == 200
    return Order.objects.get(company=shop.company, external_id=number)


def acknowledge(shop: Installation, order: Order, user=None):
    return shop.client(user or shop.staff).post(f"/api/orders/{order.id}/acknowledge")


# -- what rings ------------------------------------------------------------------------------------------------------


def test_a_new_order_rings(shop):
    assert sent(shop).rings == "new"


def test_an_order_that_somebody_moves_rings_no_more(shop):
    order = sent(shop)
    assert change_status(order, Status.CONFIRMED, user=shop.staff).rings == ""


def test_an_order_that_a_policy_accepts_rings_until_somebody_has_heard_of_it(shop):
    order = change_status(sent(shop), Status.CONFIRMED, user=None)
    assert (order.status, order.rings) == ("confirmed", "new")
    assert change_status(order, Status.PREPARING, user=shop.staff).rings == ""


def test_an_order_that_is_accepted_at_the_provider_rings_no_more(shop):
    order = sent(shop, "confirmed")
    assert (order.status, order.rings) == ("confirmed", "")


def test_what_a_provider_changes_without_moving_the_order_silences_nothing(shop):
    order = sent(shop, "created")
    assert (order.status, order.rings) == ("received", "new")


def test_an_order_that_is_off_after_it_was_accepted_rings_anew(shop):
    order = sent(shop)
    change_status(order, Status.CONFIRMED, user=shop.staff)
    shop.send("careem", "cancelled")
    order.refresh_from_db()
    assert (order.status, order.rings) == ("cancelled", "cancelled")


def test_an_order_that_is_off_before_anybody_accepted_it_rings_no_more(shop):
    order = sent(shop, "cancelled")
    assert (order.status, order.rings) == ("cancelled", "")


def test_an_order_that_the_kitchen_itself_calls_off_does_not_ring(shop):
    order = change_status(sent(shop), Status.CONFIRMED, user=shop.staff)
    assert change_status(order, Status.CANCELLED, user=shop.staff).rings == ""


def test_an_order_that_came_too_long_ago_rings_no_more(shop):
    order, access = sent(shop), find_access(shop.staff)
    assert ringing(access) == [order]
    Order.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert ringing(access) == []


def test_a_hub_has_no_kitchen_to_hear_it(shop, settings):
    settings.ROLE = "hub"
    order = sent(shop)
    change_status(order, Status.CONFIRMED, user=None)
    shop.send("careem", "cancelled")
    order.refresh_from_db()
    assert (order.status, order.rings) == ("cancelled", "")


# -- silencing ---------------------------------------------------------------------------------------------------------


def test_whoever_sees_the_order_silences_it_for_all(shop):
    order = sent(shop)
    before = order.seq
    response = acknowledge(shop, order)
    assert (response.status_code, response.json()["seq"]) == (200, before + 1)
    order.refresh_from_db()
    assert (order.rings, order.status) == ("", "received")
    entry = OrderEvent.objects.get(order=order, seq=before + 1)
    assert (entry.type, entry.user, entry.changes) == ("order.updated", shop.staff, {"rings": ["new", ""]})
    trail = AuditEntry.objects.get(action="order.acknowledged")
    assert (trail.user, trail.target, trail.details) == (shop.staff, str(order.id), {"rings": "new"})


def test_every_page_hears_of_it_by_its_number(shop):
    order = sent(shop)
    acknowledge(shop, order)
    frames = shop.client().get(f"/api/orders/changes?since={order.seq}").json()["results"]
    assert [(frame["type"], frame["orderId"], frame["status"]) for frame in frames] == [
        ("order_updated", str(order.id), "received")
    ]


def test_silencing_twice_writes_once(shop):
    order = sent(shop)
    assert [acknowledge(shop, order).status_code for _ in range(2)] == [200, 200]
    assert OrderEvent.objects.filter(order=order).count() == 2
    assert AuditEntry.objects.filter(action="order.acknowledged").count() == 1


def test_an_order_of_another_company_cannot_be_silenced(shop):
    order = sent(make_installation("beirut-bakery"))
    for named in (order.id, uuid.uuid4(), "nonsense"):
        response = shop.client().post(f"/api/orders/{named}/acknowledge")
        assert (response.status_code, response.json()["error"]) == (404, "not_found")
    order.refresh_from_db()
    assert (order.rings, order.seq) == ("new", 1)


def test_who_is_limited_to_branches_hears_and_silences_theirs_alone(shop):
    order = sent(shop)
    membership = Membership.objects.get(user=shop.staff)
    membership.is_limited = True
    membership.save()
    membership.branches.add(Branch.objects.create(company=shop.company, name="Abdoun"))
    assert ringing(find_access(shop.staff)) == []
    assert acknowledge(shop, order).status_code == 404
    order.refresh_from_db()
    assert order.rings == "new"


def test_a_stranger_silences_nothing(shop):
    order = sent(shop)
    assert Client().post(f"/api/orders/{order.id}/acknowledge").status_code == 401
    order.refresh_from_db()
    assert order.rings == "new"
