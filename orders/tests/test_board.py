"""The board, through Django's client: which orders stand where, and what a card says."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from integration.tests.factories import Installation, make_installation
from orders import board
from orders.models import Branch, Membership, OrderItem, OrderItemModifier
from orders.tests.test_pages import ESCAPED, XSS, make_order, page
from providers.events import Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Installation:
    cache.clear()
    return make_installation()


def columns(html: str) -> dict[str, list[str]]:
    """Return the ids of the cards by column."""
    parts = re.split(r'<ol class="cards" id="column-(\w+)"', html)[1:]
    return {
        name: re.findall(r'data-order="([0-9a-f-]{36})" data-seq', part)
        for name, part in zip(parts[::2], parts[1::2], strict=True)
    }


def limit_to(shop: Installation, branch: Branch) -> None:
    membership = Membership.objects.get(user=shop.staff)
    membership.is_limited = True
    membership.save()
    membership.branches.add(branch)


# -- which orders ------------------------------------------------------------------------------------------------------


def test_each_open_order_stands_in_the_column_of_its_status(shop):
    made = {status.value: make_order(shop, status.value, status=status) for status in Status}
    assert columns(page(shop.client(), "/orders/")) == {
        status: [str(made[status].id)] for status in ("received", "confirmed", "preparing", "ready", "out_for_delivery")
    }


def test_what_runs_out_first_stands_first_and_what_was_ordered_ahead_last(shop):
    now = timezone.now()
    ahead = make_order(shop, "ahead", scheduled_for=now + timedelta(hours=3), accept_by=now + timedelta(minutes=1))
    calm = make_order(shop, "calm", accept_by=now + timedelta(minutes=9))
    urgent = make_order(shop, "urgent", accept_by=now + timedelta(minutes=2), received_at=now + timedelta(seconds=1))
    due = make_order(shop, "due", scheduled_for=now + timedelta(minutes=50), accept_by=now + timedelta(minutes=5))
    assert columns(page(shop.client(), "/orders/"))["received"] == [str(o.id) for o in (urgent, due, calm, ahead)]


def test_what_is_accepted_stands_in_the_order_of_its_coming(shop):
    now = timezone.now()
    late = make_order(shop, "late", status="preparing", accept_by=now, received_at=now)
    early = make_order(shop, "early", status="preparing", accept_by=now + timedelta(minutes=5),
                       received_at=now - timedelta(minutes=3))  # fmt: skip
    assert columns(page(shop.client(), "/orders/"))["preparing"] == [str(early.id), str(late.id)]


def test_an_order_for_later_says_when_it_becomes_due(shop):
    when = timezone.now() + timedelta(hours=3)
    make_order(shop, scheduled_for=when)
    html = page(shop.client(), "/orders/")
    wakes = re.search(r'data-wakes="([^"]+)"', html)[1]
    assert datetime.fromisoformat(wakes) == when - board.LATER
    assert "ordered ahead" in html


def test_a_column_shows_as_many_as_have_room_and_tells_of_the_others(shop, monkeypatch):
    monkeypatch.setattr(board, "CARDS", 2)
    for number in range(5):
        make_order(shop, str(number))
    html = page(shop.client(), "/orders/")
    assert len(columns(html)["received"]) == 2
    assert 'href="/orders/grid/?status=received">3 more in the list</a>' in html
    assert 'data-count="received">5</span>' in html


def test_cards_by_id_are_those_that_are_open_and_the_counts_are_of_all(shop):
    make_order(shop, "1")
    asked, done = make_order(shop, "2"), make_order(shop, "3", status="delivered")
    html = page(shop.client(), f"/orders/cards/?id={asked.id}&id={done.id}&id=x")
    assert [card for cards in columns(html).values() for card in cards] == [str(asked.id)]
    assert 'data-count="received">2</span>' in html


def test_no_id_that_is_one_shows_no_card(shop):
    make_order(shop)
    assert not any(columns(page(shop.client(), "/orders/cards/?id=x")).values())


def test_the_filter_is_by_branch_and_provider(shop):
    other = Branch.objects.create(company=shop.company, name="Abdoun")
    make_order(shop, "1")
    theirs = make_order(shop, "2", branch=other)
    talabat = make_order(shop, "3", branch=other, provider="talabat")
    shown = columns(page(shop.client(), f"/orders/?branch={other.id}"))["received"]
    assert set(shown) == {str(theirs.id), str(talabat.id)}
    shown = columns(page(shop.client(), f"/orders/?branch={other.id}&provider=talabat"))["received"]
    assert shown == [str(talabat.id)]


@pytest.mark.parametrize("value", ["x", "00000000-0000-4000-8000-000000000000", "\x00", "é" * 600])
def test_a_filter_that_is_not_valid_does_not_filter(shop, value):
    order = make_order(shop)
    assert columns(page(shop.client(), "/orders/", data={"branch": value, "provider": value}))["received"] == [
        str(order.id)
    ]


# -- who may see -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/orders/", "/orders/cards/", "/orders/grid/"])
def test_another_company_does_not_exist(shop, path):
    other = make_installation("beirut-bakery")
    order = make_order(other, customer_name="Secret Guest", notes="Secret words")
    client = shop.client()
    assert client.get(f"{path}?company={other.company.id}").status_code == 404
    html = page(client, f"{path}?id={order.id}&branch={other.branch.id}")
    assert f'data-order="{order.id}"' not in html
    assert "Secret" not in html


def test_who_is_limited_to_branches_sees_and_filters_by_theirs_alone(shop):
    other = Branch.objects.create(company=shop.company, name="Abdoun")
    mine, theirs = make_order(shop, "1"), make_order(shop, "2", branch=other)
    limit_to(shop, shop.branch)
    client = shop.client(shop.staff)
    assert columns(page(client, "/orders/"))["received"] == [str(mine.id)]
    assert columns(page(client, f"/orders/?branch={other.id}"))["received"] == [str(mine.id)]
    assert columns(page(client, f"/orders/cards/?id={theirs.id}"))["received"] == []
    assert "Abdoun" not in page(client, "/orders/") + page(client, "/orders/grid/")


def test_a_stranger_is_sent_to_the_sign_in():
    for path in ("/orders/", "/orders/cards/", "/orders/grid/"):
        assert Client().get(path).headers["Location"] == f"/sign-in/?next={path}"


# -- a card ------------------------------------------------------------------------------------------------------------


def test_a_card_says_what_is_to_be_cooked(shop):
    order = make_order(shop, display_id="A17", notes="Ring twice", courier={"name": "Sami", "phone": "", "status": "near"},
                       accept_by=timezone.now() + timedelta(minutes=5))  # fmt: skip
    item = order.items.get()
    item.notes = "No onions"
    item.save()
    size = OrderItemModifier.objects.create(item=item, position=0, name="Large", name_ar="كبير", quantity=1)
    OrderItemModifier.objects.create(item=item, position=1, parent=size, name="Extra cheese", quantity=2)
    html = " ".join(page(shop.client(), "/orders/").split())
    assert "<bdi>A17</bdi>" in html
    assert '<span class="qty">2×</span> <div class="line-name"><span dir="auto">Classic Burger</span>' in html
    assert '<span lang="ar" dir="rtl" class="arabic">برجر كلاسيك</span>' in html
    assert '<b>Note</b> <span dir="auto">Ring twice</span>' in html
    assert '<b>Note</b> <span dir="auto">No onions</span>' in html
    large, cheese = html.index(">Large</span>"), html.index(">Extra cheese</span>")
    assert '<ul class="options">' in html[large:cheese]
    assert "data-deadline=" in html
    assert "<bdi>Sami</bdi> · <bdi>near</bdi>" in html
    assert f'data-step="confirmed" data-order="{order.id}">Accept</button>' in html


@pytest.mark.parametrize(
    ("reason", "link"),
    [
        ("unmapped_item", "/menu/"),
        ("amount_mismatch", "/orders/{id}/#part-amounts"),
        ("missing_customer", "/orders/{id}/#part-side"),
        ("unknown_currency", "/orders/{id}/#part-amounts"),
        ("something_new", "/orders/{id}/"),
    ],
)
def test_what_needs_attention_has_a_way_to_mend_it(shop, reason, link):
    order = make_order(shop, attention_reasons=[reason], needs_attention=True)
    assert f'<a href="{link.format(id=order.id)}">' in page(shop.client(), "/orders/")


def test_an_owner_is_led_to_say_which_branch_a_store_is(shop):
    order = make_order(shop, attention_reasons=["unknown_branch"], needs_attention=True, store_id="store-9")
    link = f'<bdi class="store">store-9</bdi> <a href="/orders/{order.id}/#part-attention">'
    assert f"{link}Say which branch it is</a>" in page(shop.client(shop.owner), "/orders/")
    assert f"{link}Check the branch</a>" in page(shop.client(shop.staff), "/orders/")


def test_texts_of_others_are_shown_as_text(shop):
    order = make_order(shop, display_id=XSS[:64], external_id=XSS, customer_name=XSS, notes=XSS, attention_reasons=[XSS],
                       courier={"name": XSS, "phone": XSS, "status": XSS})  # fmt: skip
    OrderItem.objects.filter(order=order).update(name=XSS, name_ar=f"{XSS}2", notes=XSS)
    OrderItemModifier.objects.create(item=order.items.get(), position=0, name=XSS, name_ar=f"{XSS}2")
    html = page(shop.client(), "/orders/")
    assert "<script>alert" not in html
    assert "<img" not in html
    assert html.count(ESCAPED) >= 8


def test_the_queries_do_not_grow_with_the_orders(shop, django_assert_num_queries):
    client = shop.client()
    make_order(shop, "first")
    page(client, "/orders/")
    with django_assert_num_queries(12):
        page(client, "/orders/")
    for number in range(20):
        make_order(shop, str(number), attention_reasons=["unmapped_item"])
    with django_assert_num_queries(12):
        page(client, "/orders/")


def test_the_wall_screen_keeps_its_filter(shop):
    html = page(shop.client(), "/orders/?provider=talabat&wall=1")
    assert 'class="fills is-wall"' in html
    assert 'href="/orders/?provider=talabat">Leave the wall screen' in html
