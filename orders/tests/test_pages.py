"""The stream and the pages around it, through Django's client."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from integration.tests.factories import Installation, make_installation
from orders.models import Branch, Company, Membership, Order, OrderItem, OrderItemModifier, Role, User
from orders.services import change_status
from orders.views import PAGE_SIZE
from providers.events import Status
from providers.registry import ADAPTERS

pytestmark = pytest.mark.django_db

XSS = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><b>"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


@pytest.fixture
def shop() -> Installation:
    cache.clear()
    return make_installation()


def make_order(shop: Installation, number: str = "1", **fields) -> Order:
    now = timezone.now()
    order = Order(
        **{
            "id": uuid.uuid4(),
            "company": shop.company,
            "provider": "careem",
            "external_id": f"order-{number}",
            "branch": shop.branch,
            "customer_name": "Lina Haddad",
            "total": "8.5000",
            "currency": "JOD",
            "item_count": 2,
            "placed_at": now,
            "received_at": now,
            "created_at": now,
            "updated_at": now,
            **fields,
        }
    )
    order.save(force_insert=True)
    OrderItem.objects.create(order=order, position=0, name="Classic Burger", name_ar="برجر كلاسيك", quantity=2)
    return order


def page(client: Client, path: str = "/", **kwargs) -> str:
    response = client.get(path, **kwargs)
    assert response.status_code == 200
    return response.content.decode()


def shown(html: str) -> list[str]:
    return re.findall(r'data-order="([0-9a-f-]{36})" data-seq', html)


# -- who may see -------------------------------------------------------------------------------------------------------


def test_a_stranger_is_sent_to_the_sign_in_and_back():
    response = Client().get("/?status=open")
    assert (response.status_code, response.headers["Location"]) == (302, "/sign-in/?next=/%3Fstatus%3Dopen")


def test_a_script_of_an_ended_session_gets_a_code_instead_of_the_sign_in():
    response = Client().get("/orders/rows/", headers={"X-Fragment": "1"})
    assert response.status_code == 401
    assert response.json()["error"] == "not_authenticated"


def test_who_belongs_to_no_company_is_told_so(shop):
    make_order(shop)
    client = Client()
    client.force_login(User.objects.create_user("nobody"))
    response = client.get("/")
    assert response.status_code == 404
    assert "belongs to no company" in response.content.decode()
    assert "Lina Haddad" not in response.content.decode()


def test_another_company_does_not_exist(shop):
    other = make_installation("beirut-bakery")
    order = make_order(other, customer_name="Secret Guest")
    client = shop.client()
    assert client.get(f"/?company={other.company.id}").status_code == 404
    assert client.get(f"/orders/{order.id}/").status_code == 404
    assert client.get(f"/orders/{order.id}/?company={other.company.id}").status_code == 404
    assert shown(page(client, f"/orders/rows/?id={order.id}")) == []
    assert "Secret Guest" not in page(client)


def test_who_is_limited_to_branches_sees_only_theirs(shop):
    other = Branch.objects.create(company=shop.company, name="Abdoun")
    mine, theirs = make_order(shop, "1"), make_order(shop, "2", branch=other)
    membership = Membership.objects.get(user=shop.staff)
    membership.is_limited = True
    membership.save()
    membership.branches.add(shop.branch)
    client = shop.client(shop.staff)
    assert shown(page(client)) == [str(mine.id)]
    assert client.get(f"/orders/{mine.id}/").status_code == 200
    assert client.get(f"/orders/{theirs.id}/").status_code == 404


def test_who_has_two_companies_can_switch_and_stays_there(shop):
    other = make_installation("beirut-bakery")
    Membership.objects.create(user=shop.owner, company=other.company, role=Role.STAFF)
    order = make_order(other)
    html = page(shop.client(), f"/?company={other.company.id}")
    assert shown(html) == [str(order.id)]
    assert f'href="/orders/{order.id}/?company={other.company.id}"' in html
    assert f'href="/?company={shop.company.id}"' in html


def test_the_switcher_stays_away_where_there_is_one_company(shop):
    assert "Switch company" not in page(shop.client())


def test_only_operators_see_the_way_to_the_admin(shop):
    assert 'href="/admin/"' in page(shop.client(shop.owner))
    assert 'href="/admin/"' not in page(shop.client(shop.staff))


def test_pages_answer_reading_methods_alone(shop):
    response = shop.client().post("/")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")


# -- the stream --------------------------------------------------------------------------------------------------------


def test_a_row_shows_what_the_kitchen_needs(shop):
    order = make_order(shop, display_id="A17", is_test=True, attention_reasons=["unmapped_item"], needs_attention=True)
    html = " ".join(page(shop.client()).split())
    assert '<bdi>A17</bdi>' in html  # fmt: skip
    assert '<span class="badge">Careem</span>' in html
    assert '<p class="customer"><span dir="auto">Lina Haddad</span></p>' in html
    assert '2×</span> <bdi>Classic Burger</bdi> <bdi lang="ar" class="minor">برجر كلاسيك</bdi>' in html
    assert "8.500 <small>JOD</small>" in html
    assert "Item not on the menu" in html
    assert '<span class="tag test">Test</span>' in html
    assert f'data-step="confirmed" data-order="{order.id}">Accept</button>' in html


def test_an_amount_has_its_currencys_decimals(shop):
    make_order(shop, total="1234.5000", currency="SAR")
    assert "1,234.50 <small>SAR</small>" in page(shop.client())


def test_a_new_order_shows_until_when_it_must_be_answered(shop):
    make_order(shop, accept_by=timezone.now() + timedelta(minutes=10))
    assert "data-deadline=" in page(shop.client())


def test_an_accepted_order_has_no_deadline_any_more(shop):
    make_order(shop, accept_by=timezone.now() + timedelta(minutes=10), status="confirmed")
    assert "data-deadline=" not in page(shop.client())


def test_a_finished_order_has_no_steps(shop):
    make_order(shop, status="delivered")
    assert "data-step=" not in page(shop.client())


def test_the_newest_order_stands_first(shop):
    old = make_order(shop, "1", created_at=timezone.now() - timedelta(hours=1))
    new = make_order(shop, "2")
    assert shown(page(shop.client())) == [str(new.id), str(old.id)]


def test_older_orders_follow_on_the_next_page_without_gap_or_repeat(shop):
    now = timezone.now()
    orders = [make_order(shop, str(n), created_at=now - timedelta(seconds=n // 2)) for n in range(PAGE_SIZE + 7)]
    client = shop.client()
    first = page(client, "/orders/rows/")
    older = re.search(r'data-older="([^"]+)"', first).group(1)
    second = page(client, f"/orders/rows/?before={older}")
    seen = shown(first) + shown(second)
    assert len(seen) == len(set(seen)) == len(orders)
    assert 'data-older=""' in second


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=open", ["1", "3"]),
        ("status=received", ["1"]),
        ("status=finished", ["2"]),
        ("status=attention", ["3"]),
        ("provider=talabat", ["2"]),
        ("search=haddad", ["1", "3"]),
        ("search=ORDER-2", ["2"]),
        ("status=nonsense&provider=nobody", ["1", "2", "3"]),
        ("search=%00", ["1", "2", "3"]),
        ("before=9e99.x", ["1", "2", "3"]),
        ("status=open&search=nobody", []),
    ],
)
def test_the_filter(shop, query, expected):
    make_order(shop, "1")
    make_order(shop, "2", provider="talabat", status="delivered", customer_name="Omar")
    make_order(shop, "3", status="ready", needs_attention=True, attention_reasons=["unmapped_item"])
    html = page(shop.client(), f"/?{query}")
    found = Order.objects.filter(id__in=shown(html)).order_by("external_id").values_list("external_id", flat=True)
    assert [text.removeprefix("order-") for text in found] == expected


def test_an_order_that_no_longer_matches_is_left_out_of_its_own_row(shop):
    order = make_order(shop, status="confirmed")
    assert shown(page(shop.client(), f"/orders/rows/?status=received&id={order.id}")) == []
    assert shown(page(shop.client(), f"/orders/rows/?id={order.id}&id=nonsense")) == [str(order.id)]


def test_the_counts_are_of_the_open_orders(shop):
    make_order(shop, "1")
    make_order(shop, "2", status="ready", needs_attention=True)
    make_order(shop, "3", status="delivered", needs_attention=True)
    html = page(shop.client(), "/?status=received")
    for name, count in (("open", 2), ("received", 1), ("ready", 1), ("preparing", 0), ("attention", 1)):
        assert f'data-count-{name}="{count}"' in html


def test_staff_do_not_find_a_masked_phone_by_guessing(shop):
    make_order(shop, customer_phone="+962791234567", status="delivered")
    assert shown(page(shop.client(shop.staff), "/?search=79123")) == []
    assert len(shown(page(shop.client(shop.manager), "/?search=79123"))) == 1


def test_the_stream_costs_the_same_for_one_order_and_for_many(shop, django_assert_num_queries):
    client = shop.client()
    make_order(shop, "first")
    with django_assert_num_queries(10):
        client.get("/")
    for number in range(20):
        make_order(shop, str(number))
    with django_assert_num_queries(10):
        client.get("/")


def test_an_empty_stream_says_that_it_fills_itself(shop):
    assert "No orders yet." in page(shop.client())
    assert "No order matches." in page(shop.client(), "/?status=ready")


# -- one order ---------------------------------------------------------------------------------------------------------


def test_an_order_shows_options_inside_options(shop):
    order = make_order(shop)
    item = order.items.get()
    outer = OrderItemModifier.objects.create(item=item, position=0, name="Meal", price="1.0000")
    OrderItemModifier.objects.create(item=item, position=1, parent=outer, name="Large cola", quantity=2)
    html = " ".join(page(shop.client(), f"/orders/{order.id}/").split())
    assert re.search(r"Meal.*?1\.000.*?<ul class=\"options\">.*?2×.*?Large cola", html)


def test_an_order_explains_why_it_waits_and_what_to_do(shop):
    order = make_order(shop, attention_reasons=["amount_mismatch", "of_tomorrow"], needs_attention=True)
    html = page(shop.client(), f"/orders/{order.id}/")
    assert "Amounts do not add up" in html
    assert "Compare the amounts with the provider" in html
    assert "<h2>of_tomorrow</h2>" in html


@pytest.mark.parametrize(
    ("role", "status", "expected"),
    [
        ("staff", "preparing", "+962791234567"),
        ("staff", "delivered", "••••67"),
        ("manager", "delivered", "+962791234567"),
    ],
)
def test_the_phone_is_masked_for_staff_once_the_order_is_finished(shop, role, status, expected):
    order = make_order(shop, customer_phone="+962791234567", status=status)
    html = page(shop.client(getattr(shop, role)), f"/orders/{order.id}/")
    assert expected in html
    assert ("+962791234567" in html) is (expected == "+962791234567")


def test_the_timeline_names_the_person_and_the_reason(shop):
    order = make_order(shop)
    change_status(order, Status.REJECTED, user=shop.staff, reason="An item is sold out")
    html = " ".join(page(shop.client(), f"/orders/{order.id}/").split())
    assert "New → Rejected" in html
    assert "<bdi>amman-grill-staff</bdi>" in html
    assert '<p class="note" dir="auto">An item is sold out</p>' in html


def test_an_order_that_is_not_there_is_a_friendly_404(shop):
    response = shop.client().get(f"/orders/{uuid.uuid4()}/")
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


# -- safety ------------------------------------------------------------------------------------------------------------


def test_every_text_of_a_provider_is_escaped(shop):
    Company.objects.filter(pk=shop.company.pk).update(name=XSS)
    Branch.objects.filter(pk=shop.branch.pk).update(name=XSS)
    Branch.objects.create(company=shop.company, name="second")
    User.objects.filter(pk=shop.owner.pk).update(first_name=XSS)
    address = dict.fromkeys(("text", "street", "building", "floor", "apartment", "area", "city", "notes"), XSS)
    texts = ("external_id", "customer_name", "customer_phone", "customer_phone_access_code", "customer_email", "notes")
    order = make_order(
        shop, **dict.fromkeys(texts, XSS), display_id=XSS, payment_method=XSS, delivery_address=address,
        courier={"name": XSS, "phone": XSS, "status": XSS}, attention_reasons=[XSS], needs_attention=True,
    )  # fmt: skip
    OrderItem.objects.filter(order=order).update(name=XSS, name_ar=XSS + "ع", notes=XSS, external_id=XSS)
    OrderItemModifier.objects.create(item=order.items.get(), position=0, name=XSS, name_ar=XSS + "ع")
    change_status(order, Status.CONFIRMED, user=shop.owner, reason=XSS)
    client = shop.client()
    for path in ("/", f"/orders/{order.id}/", f"/?search={XSS}&company={XSS}&provider={XSS}"):
        html = client.get(path).content.decode()
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "\"'><b>" not in html
    assert page(client, f"/orders/{order.id}/").count(ESCAPED) >= 25


def test_the_policy_allows_nothing_inline_and_the_pages_need_none(shop):
    order = make_order(shop)
    for path in ("/", f"/orders/{order.id}/", "/sign-in/"):
        response = (shop.client() if path != "/sign-in/" else Client()).get(path)
        html = response.content.decode()
        assert "unsafe" not in response.headers["Content-Security-Policy"]
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", html)
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', html)


def test_a_page_with_orders_is_kept_by_no_cache(shop):
    assert "no-store" in shop.client().get("/").headers["Cache-Control"]


def test_more_than_the_limit_of_calls_waits(shop, settings):
    settings.API_RATE_LIMIT_PER_MINUTE = 2
    client = shop.client()
    assert [client.get("/").status_code for _ in range(2)] == [200, 200]
    page_response = client.get("/")
    fragment = client.get("/orders/rows/", headers={"X-Fragment": "1"})
    assert page_response.status_code == fragment.status_code == 429
    assert int(page_response.headers["Retry-After"]) > 0
    assert fragment.json()["error"] == "rate_limited"


@pytest.mark.parametrize("path", ["/", "/sign-in/", "/nothing-here/"])
@pytest.mark.parametrize("checked", [True, False])
def test_a_banner_says_on_every_page_that_signatures_are_not_checked(shop, settings, path, checked):
    settings.WEBHOOK_VALIDATE_SIGNATURE = checked
    client = Client() if path == "/sign-in/" else shop.client()
    banner = "Signatures are not checked (development)" in client.get(path).content.decode()
    assert banner is not checked


def test_the_banner_stands_in_the_admin_too(shop, settings):
    settings.WEBHOOK_VALIDATE_SIGNATURE = False
    assert "Signatures are not checked (development)" in page(shop.client(), "/admin/")


# -- signing in and out ------------------------------------------------------------------------------------------------


def test_signing_in_leads_to_the_page_that_was_asked_for(shop):
    data = {"username": "amman-grill-staff", "password": "correct horse battery", "next": "/?status=open"}
    response = Client().post("/sign-in/", data)
    assert (response.status_code, response.headers["Location"]) == (302, "/?status=open")


def test_signing_in_leads_nowhere_else(shop):
    data = {"username": "amman-grill-staff", "password": "correct horse battery", "next": "https://evil.example/"}
    assert Client().post("/sign-in/", data).headers["Location"] == "/"


def test_a_wrong_password_is_said_clearly_and_signs_nobody_in(shop):
    client = Client()
    response = client.post("/sign-in/", {"username": "amman-grill-staff", "password": "wrong"})
    assert response.status_code == 200
    assert "The name and the password do not match." in response.content.decode()
    assert 'value="amman-grill-staff"' in response.content.decode()
    assert "_auth_user_id" not in client.session


def test_guessing_a_password_has_to_wait(shop):
    client = Client()
    answers = [client.post("/sign-in/", {"username": "x", "password": "y"}).status_code for _ in range(11)]
    assert answers == [200] * 10 + [429]
    data = {"username": "amman-grill-staff", "password": "correct horse battery"}
    assert client.post("/sign-in/", data).status_code == 302


def test_signing_out_needs_a_post_and_ends_the_session(shop):
    client = shop.client()
    assert client.get("/sign-out/").status_code == 405
    response = client.post("/sign-out/")
    assert (response.status_code, response.headers["Location"]) == (302, "/sign-in/")
    assert client.get("/").status_code == 302


# -- the rest ----------------------------------------------------------------------------------------------------------


def test_the_badge_colours_come_from_the_adapters():
    response = Client().get("/providers.css")
    assert response.headers["Content-Type"] == "text/css; charset=utf-8"
    for slug, adapter in ADAPTERS.items():
        assert f".provider-{slug}{{--provider:{adapter.colour}}}" in response.content.decode()
    again = Client().get("/providers.css", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_page_of_a_failure_needs_neither_the_database_nor_a_context(rf, django_assert_num_queries, shop):
    from orders.errors import server_error

    request = rf.get("/")
    request.user = shop.owner
    with django_assert_num_queries(0):
        response = server_error(request)
    assert response.status_code == 500
    assert b"Something failed here" in response.content


def test_the_sign_in_has_the_name_that_the_settings_use():
    assert settings.LOGIN_URL == "sign-in"
    assert Client().get("/sign-in/").status_code == 200
