"""The language and the looks that a person chose, through Django's client."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.core.cache import cache
from django.template import Context, Template
from django.test import Client
from django.utils import translation

from integration.tests.factories import Installation, make_installation
from orders.models import Order

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Installation:
    cache.clear()
    return make_installation()


def page(client: Client, path: str = "/", **headers) -> str:
    return client.get(path, headers=headers).content.decode()


def in_arabic(client: Client) -> Client:
    client.cookies["language"] = "ar"
    return client


def links(html: str) -> dict[str, str]:
    """Return the design's style sheets and for which screens each is."""
    found = re.findall(r'href="/static/css/(dark|contrast)\.css" media="([^"]*)"', html)
    return dict(found)


def test_a_page_speaks_english_where_nobody_chose():
    html = page(Client(), "/sign-in/")
    assert '<html lang="en" dir="ltr">' in html
    assert "<h1>Sign in</h1>" in html


def test_a_page_speaks_the_language_of_the_browser():
    html = page(Client(), "/sign-in/", accept_language="ar-JO,ar;q=0.9,en;q=0.5")
    assert '<html lang="ar" dir="rtl">' in html
    assert "<h1>تسجيل الدخول</h1>" in html


def test_the_choice_counts_more_than_the_browser(shop):
    html = page(in_arabic(shop.client()), accept_language="en")
    assert '<html lang="ar" dir="rtl">' in html
    assert ">قيد التحضير<" in html


def test_what_a_provider_wrote_stays_as_it_is(shop):
    shop.send("careem")
    order = Order.objects.get()
    html = page(in_arabic(shop.client()), f"/orders/{order.id}/")
    assert f"<bdi>{order.external_id}</bdi>" in html or f">{order.external_id}</bdi>" in html
    assert f'dir="auto">{order.customer_name}<' in html
    assert "ما الذي حدث" in html


def test_the_api_speaks_english_in_any_language(shop):
    client = in_arabic(shop.client())
    missing = client.get("/api/orders/00000000-0000-0000-0000-000000000000", headers={"accept-language": "ar"})
    assert missing.json()["message"] == "This order does not exist."
    wrong = client.post("/api/integration/members", "{}", content_type="application/json")
    assert wrong.status_code == 400
    assert wrong.content.isascii()
    assert wrong.headers["Content-Language"] == "en"


def test_a_choice_is_kept_and_leads_back(client):
    came_from = "http://testserver/alerts/?state=resolved"
    answer = client.post("/preferences/", {"language": "ar"}, headers={"referer": came_from})
    assert answer.status_code == 303
    assert answer.headers["Location"] == came_from
    kept = answer.cookies["language"]
    assert (kept.value, kept["max-age"], kept["httponly"], kept["samesite"]) == ("ar", 365 * 24 * 3600, True, "Lax")
    assert set(answer.cookies) == {"language"}


@pytest.mark.parametrize("away", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)", ""])
def test_a_choice_never_leads_away(client, away):
    assert client.post("/preferences/", {"theme": "dark", "next": away}).headers["Location"] == "/"
    assert client.post("/preferences/", {"theme": "dark"}, headers={"referer": away}).headers["Location"] == "/"


def test_a_page_that_takes_no_get_names_where_to_come_back_to(shop):
    html = shop.client().post("/integrations/careem/test/").content.decode()
    assert '<input type="hidden" name="next" value="/integrations/">' in html
    answer = shop.client().post("/preferences/", {"theme": "dark", "next": "/integrations/"})
    assert answer.headers["Location"] == "/integrations/"


def test_what_is_no_choice_is_not_kept(client):
    answer = client.post("/preferences/", {"language": "xx", "theme": "<b>", "contrast": "less", "sessionid": "x"})
    assert answer.status_code == 303
    assert not answer.cookies


def test_a_choice_is_made_by_post_with_a_token_alone(shop):
    assert shop.client().get("/preferences/").status_code == 405
    assert Client(enforce_csrf_checks=True).post("/preferences/", {"theme": "dark"}).status_code == 403


@pytest.mark.parametrize(
    ("cookies", "wanted", "scheme"),
    [
        ({}, {"dark": "screen and (prefers-color-scheme: dark)", "contrast": "screen and (prefers-contrast: more)"},
         "light dark"),
        ({"theme": "dark"}, {"dark": "screen", "contrast": "screen and (prefers-contrast: more)"}, "dark"),
        ({"theme": "light", "contrast": "more"}, {"contrast": "screen"}, "light"),
        ({"theme": "purple"}, {"dark": "screen and (prefers-color-scheme: dark)",
                               "contrast": "screen and (prefers-contrast: more)"}, "light dark"),
    ],
)  # fmt: skip
def test_the_looks_follow_the_device_or_the_choice(client, cookies, wanted, scheme):
    for name, value in cookies.items():
        client.cookies[name] = value
    html = page(client, "/sign-in/")
    assert links(html) == wanted
    assert f'<meta name="color-scheme" content="{scheme}">' in html


def test_the_menu_says_what_is_chosen(shop):
    client = in_arabic(shop.client())
    client.cookies["theme"] = "dark"
    pressed = re.findall(r'name="(\w+)" value="(\w+)"[^>]* aria-pressed="true"', page(client))
    assert pressed == [("language", "ar"), ("theme", "dark"), ("contrast", "system")]


def test_an_error_page_speaks_the_language_without_a_database(client, monkeypatch, django_assert_num_queries):
    client.raise_request_exception = False
    client.cookies["language"], client.cookies["theme"] = "ar", "dark"

    def fail(*args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr("orders.views.SignInView.get", fail)
    with django_assert_num_queries(0):
        answer = client.get("/sign-in/")
    html = answer.content.decode()
    assert answer.status_code == 500
    assert '<html lang="ar" dir="rtl">' in html
    assert "حدث خلل هنا" in html
    assert links(html)["dark"] == "screen"


def test_scripts_get_each_form_of_the_arabic_plural(shop):
    html = page(in_arabic(shop.client()))
    forms = dict(re.findall(r'data-new-orders-(\w+)="([^"]+)"', html))
    assert list(forms) == ["zero", "one", "two", "few", "many", "other"]
    assert forms["two"] == "طلبان جديدان"
    assert 'data-status-confirmed="مقبول"' in html


def test_scripts_get_english_with_its_two_forms_and_the_words_of_the_api_alone(shop):
    html = page(shop.client())
    forms = dict(re.findall(r'data-new-orders-(\w+)="([^"]+)"', html))
    assert forms == {"other": "{count} new orders", "one": "{count} new order"}
    assert "data-error-" not in html


def test_the_reasons_of_a_provider_are_in_the_language_of_the_page(shop):
    assert '<option value="OUTLET_CLOSED">الفرع مغلق</option>' in page(in_arabic(shop.client()))
    assert '<option value="OUTLET_CLOSED">The branch is closed</option>' in page(shop.client())


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("{{ amount|money:'JOD' }}", "1,234.500"),
        ("{{ share|floatformat:1 }}", "12.5"),
        ("{{ share }}", "12.5"),
        ("{{ 'out_for_delivery'|words }}", "في الطريق"),
        ("{{ 'of_nobody'|words }}", "of nobody"),
        ("{{ ''|words }}", ""),
        ("{{ 'nobody had answered it; the provider gave no reason'|told }}", "لم يرد عليه أحد; لم يذكر التطبيق سببًا"),
    ],
)
def test_numbers_and_words_in_arabic(source, wanted):
    from decimal import Decimal

    with translation.override("ar"):
        shown = Template("{% load pages %}" + source).render(Context({"amount": Decimal("1234.5"), "share": 12.5}))
    assert shown == wanted


def test_arabic_is_offered_in_arabic(client):
    assert re.findall(r'lang="(\w+)" aria-pressed="\w+">([^<]+)<', page(client, "/sign-in/")) == [
        ("en", "English"),
        ("ar", "العربية"),
    ]
    assert [code for code, _ in settings.LANGUAGES] == ["en", "ar"]


def test_the_admin_names_models_and_fields_in_arabic(shop):
    html = page(in_arabic(shop.client()), "/admin/orders/order/")
    assert '<html lang="ar" dir="rtl"' in html
    assert "اختر الطلب للاستعراض" in html
    with translation.override("ar"):
        assert str(Order._meta.get_field("external_id").verbose_name) == "الرقم الخارجي"
    assert "Select order to view" in page(shop.client(), "/admin/orders/order/")
