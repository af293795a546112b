"""One order: what its page says of amounts and places, and its ticket."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import cache

from integration.tests.factories import Installation, make_installation
from orders.models import Order, OrderItem, OrderItemModifier
from orders.order_page import AmountCheck, amount_check
from orders.services import change_status
from orders.tests.test_pages import XSS, make_order, page
from providers.events import Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Installation:
    cache.clear()
    return make_installation()


def view(shop: Installation, order: Order, user=None, path: str = "") -> str:
    return " ".join(page(shop.client(user), f"/orders/{order.id}/{path}").split())


# -- amounts -----------------------------------------------------------------------------------------------------------


def test_the_check_says_what_the_amounts_make_and_how_much_is_off(shop):
    order = make_order(
        shop, subtotal="7.0000", delivery_fee="1.0000", total="8.5000", attention_reasons=["amount_mismatch"]
    )
    order.refresh_from_db()
    assert amount_check(order) == AmountCheck(Decimal("7.0000"), Decimal("8.0000"), Decimal("0.5000"))
    html = view(shop, order)
    assert "The amounts above make</th><td>8.000</td>" in html
    assert "The total is off by</th><td><strong>+0.500</strong></td>" in html


def test_the_check_adds_up_the_lines_with_their_options_where_no_subtotal_is_told(shop):
    order = make_order(shop, subtotal=None, total="9.0000", attention_reasons=["amount_mismatch"])
    OrderItem.objects.filter(order=order).update(unit_price="4.0000")
    item = order.items.get()
    outer = OrderItemModifier.objects.create(item=item, position=0, name="Meal", price="0.7500")
    OrderItemModifier.objects.create(item=item, position=1, parent=outer, name="Cola", price="0.2500", quantity=2)
    order.refresh_from_db()
    assert amount_check(order) == AmountCheck(Decimal("10.5000"), Decimal("10.5000"), Decimal("-1.5000"))
    assert "Sum of the lines</th><td>10.500</td>" in view(shop, order)


def test_amounts_that_fit_are_not_checked_aloud(shop):
    order = make_order(shop, subtotal="8.5000")
    assert amount_check(order) is None
    assert "off by" not in view(shop, order)


# -- places and contacts -----------------------------------------------------------------------------------------------


def test_a_place_is_a_link_for_the_phones_own_map(shop):
    order = make_order(shop, delivery_address={"text": "Rainbow St", "latitude": 31.9519, "longitude": 35.9239})
    assert '<a href="geo:31.951900,35.923900" dir="ltr">31.95190, 35.92390</a>' in view(shop, order)


def test_the_code_of_a_phone_goes_with_the_phone(shop):
    order = make_order(shop, customer_phone="+962791234567", customer_phone_access_code="4711", status="delivered")
    assert "4711" not in view(shop, order, shop.staff)
    assert "4711" in view(shop, order, shop.manager)


# -- the ticket --------------------------------------------------------------------------------------------------------


def test_the_ticket_shows_what_the_kitchen_needs_in_both_languages(shop):
    order = make_order(shop, display_id="A17", notes="No onions", subtotal="8.5000")
    OrderItemModifier.objects.create(item=order.items.get(), position=0, name="Extra cheese", price="0.5000")
    html = view(shop, order, shop.staff, "ticket/")
    assert '<bdi class="number">A17</bdi>' in html
    assert "<bdi>Classic Burger</bdi>" in html
    assert '<bdi class="arabic" lang="ar" dir="rtl">برجر كلاسيك</bdi>' in html
    assert "<bdi>Extra cheese</bdi>" in html
    assert "No onions" in html
    assert '<span lang="ar" dir="rtl">عدد الأصناف</span>' in html


def test_the_ticket_names_no_amount_but_the_cash_to_collect(shop):
    order = make_order(shop, subtotal="8.5000")
    OrderItem.objects.filter(order=order).update(total_price="8.5000")
    assert "8.500" not in view(shop, order, path="ticket/")
    Order.objects.filter(pk=order.pk).update(cash_due="0")
    assert "Cash to collect" not in view(shop, order, path="ticket/")
    Order.objects.filter(pk=order.pk).update(cash_due="8.5000")
    html = view(shop, order, path="ticket/")
    assert html.count("8.500") == 1
    assert "<strong>8.500 JOD</strong>" in html


def test_the_ticket_has_the_address_only_where_the_restaurant_delivers(shop):
    fields = {"delivery_address": {"text": "12 Rainbow St"}, "customer_phone": "+962791234567"}
    theirs = make_order(shop, "1", **fields)
    ours = make_order(shop, "2", fulfilled_by="restaurant", **fields)
    assert "Rainbow" not in view(shop, theirs, path="ticket/")
    html = view(shop, ours, path="ticket/")
    assert "12 Rainbow St" in html
    assert "+962791234567" in html


def test_the_ticket_says_when_it_must_be_ready_and_when_it_is_off(shop):
    order = change_status(make_order(shop), Status.CONFIRMED, user=shop.staff, prep_minutes=20)
    entry = order.events.get()
    ready = (entry.created_at + timedelta(minutes=20)).astimezone(ZoneInfo(shop.company.time_zone))
    assert f'<dd class="big">{ready:%H:%M}</dd>' in view(shop, order, path="ticket/")
    assert "do not cook" not in view(shop, order, path="ticket/")
    change_status(order, Status.CANCELLED, user=shop.staff)
    assert "Cancelled – do not cook" in view(shop, order, path="ticket/")


def test_the_ticket_of_another_company_does_not_exist(shop):
    order = make_order(make_installation("beirut-bakery"))
    assert shop.client().get(f"/orders/{order.id}/ticket/").status_code == 404


def test_what_a_provider_wrote_is_escaped_on_the_ticket(shop):
    texts = dict.fromkeys(("display_id", "external_id", "customer_name", "notes", "customer_phone"), XSS)
    order = make_order(shop, fulfilled_by="restaurant", delivery_address=dict.fromkeys(("text", "notes"), XSS), **texts)
    OrderItem.objects.filter(order=order).update(name=XSS, name_ar=XSS + "ع", notes=XSS)
    html = view(shop, order, path="ticket/")
    assert "<script>alert" not in html
    assert html.count("&lt;script&gt;alert(1)") >= 9
