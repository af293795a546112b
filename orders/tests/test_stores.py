"""An owner says once which branch a store is: it has the id from then on, and what waited for that goes there."""

from __future__ import annotations

import uuid

import pytest
from django.core.cache import cache

from integration.tests.factories import Installation, make_installation
from orders import stores
from orders.matching import store_to_keep
from orders.models import AuditEntry, Branch, BranchStore, Membership, Order, OrderEvent

pytestmark = pytest.mark.django_db
FRAGMENT = {"X-Fragment": "1"}


@pytest.fixture
def shop() -> Installation:
    cache.clear()
    return make_installation()


@pytest.fixture
def west(shop) -> Branch:
    return Branch.objects.create(company=shop.company, name="West", name_ar="الغرب")


def send(shop: Installation, external_id: str = "1000001", store_id: str = "store-9", **more) -> Order:
    assert shop.send("careem", external_id=external_id, store_id=store_id, **more).status_code == 200
    return Order.objects.get(company=shop.company, external_id=external_id)


def say(shop: Installation, order: Order, branch: object, user=None, **more):
    branch_id = getattr(branch, "pk", branch)
    return shop.client(user).post(f"/orders/{order.pk}/branch/", {"branch": str(branch_id)}, **more)


def kept(shop: Installation) -> list[tuple[str, str]]:
    stores_of = BranchStore.objects.filter(branch__company=shop.company, store_id="store-9")
    return [(store.branch.name, store.provider) for store in stores_of]


def nothing_changed(shop: Installation, order: Order) -> bool:
    before = order.seq
    order.refresh_from_db()
    trail = AuditEntry.objects.filter(action="branch.store_given")
    return (order.seq, order.branch, kept(shop), trail.count()) == (before, shop.branch, [], 0)


# -- what an order keeps -----------------------------------------------------------------------------------------------


def test_an_order_keeps_the_store_id_that_no_branch_has(shop):
    order = send(shop)
    assert (order.branch, order.attention_reasons, order.store_id) == (shop.branch, ["unknown_branch"], "store-9")
    assert send(shop, "2", f"{shop.company.slug}-careem-main").store_id == ""


def test_an_order_keeps_the_first_store_id_that_a_branch_can_have():
    assert store_to_keep(("9" * 256, "store-9", "store-8")) == "store-9"
    assert store_to_keep(()) == ""


# -- saying whose it is ------------------------------------------------------------------------------------------------


def test_the_branch_has_the_id_and_every_waiting_order_moves(shop, west):
    first, second = send(shop), send(shop, "1000002")
    other = send(shop, "1000003", "store-8")
    answer = say(shop, first, west, headers=FRAGMENT)
    assert answer.json() == {
        "success": True, "message": "This store is “West” from now on. 2 orders were matched anew.",
    }  # fmt: skip
    assert kept(shop) == [("West", "careem")]
    for order in (first, second):
        order.refresh_from_db()
        assert (order.branch, order.store_id, order.attention_reasons, order.needs_attention) == (west, "", [], False)
        entry = OrderEvent.objects.get(order=order, seq=order.seq)
        assert (entry.changes, entry.user, entry.is_loud) == ({"branch": ["Main", "West"]}, shop.owner, True)
    other.refresh_from_db()
    assert (other.branch, other.store_id, other.attention_reasons) == (shop.branch, "store-8", ["unknown_branch"])
    trail = AuditEntry.objects.get(action="branch.store_given")
    assert (trail.user, trail.target) == (shop.owner, "careem store-9")
    assert trail.details == {"branch": str(west.pk), "name": "West"}


def test_the_next_order_of_the_store_comes_to_its_branch(shop, west):
    say(shop, send(shop), west)
    order = send(shop, "1000002")
    assert (order.branch, order.store_id, order.attention_reasons) == (west, "", [])


def test_the_branch_where_it_stands_already_is_only_settled(shop):
    order = send(shop)
    say(shop, order, shop.branch)
    order.refresh_from_db()
    assert (order.branch, order.attention_reasons) == (shop.branch, [])
    entry = OrderEvent.objects.get(order=order, seq=order.seq)
    assert (entry.changes, entry.is_loud) == ({"settled": ["unknown_branch", ""]}, False)


def test_another_mark_stays(shop, west):
    order = send(shop)
    Order.objects.filter(pk=order.pk).update(attention_reasons=["amount_mismatch", "unknown_branch"])
    say(shop, order, west)
    order.refresh_from_db()
    assert (order.attention_reasons, order.needs_attention) == (["amount_mismatch"], True)


def test_an_order_that_somebody_settled_stays_where_it_is(shop, west):
    settled, order = send(shop), send(shop, "1000002")
    Order.objects.filter(pk=settled.pk).update(attention_reasons=["amount_mismatch"])
    say(shop, order, west)
    settled.refresh_from_db()
    assert (settled.branch, settled.attention_reasons) == (shop.branch, ["amount_mismatch"])


def test_many_waiting_orders_are_moved_in_batches_up_to_a_limit(shop, west, monkeypatch):
    monkeypatch.setattr(stores, "BATCH", 2)
    monkeypatch.setattr(stores, "MOST_ORDERS", 4)
    orders = [send(shop, str(number)) for number in range(5)]
    assert "press once more" in say(shop, orders[-1], west, headers=FRAGMENT).json()["message"]
    assert Order.objects.filter(branch=west).count() == 4
    say(shop, orders[0], west)
    assert Order.objects.filter(branch=west).count() == 5
    assert AuditEntry.objects.filter(action="branch.store_given").count() == 1


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["staff", "manager"])
def test_only_an_owner_says_it(shop, west, who):
    order = send(shop)
    assert say(shop, order, west, getattr(shop, who)).status_code == 403
    assert nothing_changed(shop, order)


def test_another_companys_order_or_branch_does_not_exist(shop):
    other = make_installation("beirut-bakery")
    order = send(shop)
    assert say(other, order, other.branch).status_code == 404
    assert say(shop, order, other.branch).status_code == 404
    assert say(shop, order, uuid.uuid4()).status_code == 404
    assert say(shop, order, "nonsense").status_code == 404
    assert nothing_changed(shop, order)


def test_an_owner_of_some_branches_gives_no_other_one_an_id(shop, west):
    order = send(shop)
    membership = Membership.objects.get(user=shop.owner)
    membership.is_limited = True
    membership.save()
    membership.branches.add(shop.branch)
    assert say(shop, order, west).status_code == 404
    assert nothing_changed(shop, order)


@pytest.mark.parametrize("whose", ["ours", "theirs"])
def test_an_id_that_another_branch_has_got_meanwhile_is_refused(shop, west, whose):
    order = send(shop)
    owner = (
        Branch.objects.create(company=shop.company, name="East") if whose == "ours" else make_installation("b").branch
    )
    BranchStore.objects.create(branch=owner, provider="careem", store_id="store-9")
    answer = say(shop, order, west, headers=FRAGMENT)
    assert (answer.status_code, answer.json()["error"]) == (409, "store_taken")
    assert ("East" in answer.json()["message"]) is (whose == "ours")
    order.refresh_from_db()
    assert (order.branch, order.attention_reasons) == (shop.branch, ["unknown_branch"])
    assert not AuditEntry.objects.filter(action="branch.store_given").exists()


def test_an_order_whose_branch_is_known_is_told_so(shop, west):
    order = send(shop, store_id=f"{shop.company.slug}-careem-main")
    answer = say(shop, order, west, headers=FRAGMENT)
    assert (answer.status_code, answer.json()["error"]) == (409, "not_marked")
    assert nothing_changed(shop, order)


# -- where it is shown -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/orders/{id}/", "/orders/", "/", "/api/orders/grid"])
def test_the_store_id_stands_where_the_reason_stands(shop, path):
    order = send(shop)
    assert "store-9" in shop.client(shop.staff).get(path.format(id=order.pk)).content.decode()


def test_the_page_offers_the_branches_to_an_owner_alone(shop, west):
    order = send(shop)
    html = shop.client().get(f"/orders/{order.pk}/").content.decode()
    assert f'action="/orders/{order.pk}/branch/"' in html
    assert f'<option value="{west.pk}">West</option>' in html
    for user in (shop.manager, shop.staff):
        html = shop.client(user).get(f"/orders/{order.pk}/").content.decode()
        assert "/branch/" not in html
        assert "An owner says once which branch the store is" in html


def test_what_a_provider_calls_its_store_is_shown_as_text(shop):
    order = send(shop, store_id="<script>alert(1)</script>")
    for path in (f"/orders/{order.pk}/", "/orders/", "/"):
        assert "<script>alert" not in shop.client().get(path).content.decode()
