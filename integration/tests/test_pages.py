"""The part of an order's page that tells what the provider sent."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from integration.deliveries import MAX_CHARS, readable
from integration.models import WebhookAttempt, WebhookBody, WebhookLog
from integration.tests.factories import Installation, make_installation
from orders.models import Order

XSS = "<script>alert(1)</script>"


@pytest.fixture
def shop(db) -> Installation:
    cache.clear()
    return make_installation()


def sent(shop: Installation) -> Order:
    assert shop.send("careem").status_code == 200
    return Order.objects.get()


def page(shop: Installation, order: Order, user=None) -> str:
    response = shop.client(user).get(f"/orders/{order.id}/")
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("provider", ["careem", "talabat", "deliveroo", "jahez"])
def test_an_order_of_every_provider_shows_its_delivery(shop, provider):
    shop.send(provider)
    html = page(shop, Order.objects.get())
    assert html.count('class="delivery"') == 1
    assert "&quot;" in html[html.index("<pre") :]


def test_a_delivery_leads_to_its_own_page_in_the_same_company(shop):
    order, log = sent(shop), WebhookLog.objects.get()
    assert f'href="/webhooks/{log.id}/"' in page(shop, order)
    named = f"?company={shop.company.id}"
    html = shop.client().get(f"/orders/{order.id}/{named}").content.decode()
    assert f'href="/webhooks/{log.id}/{named}"' in html


def test_what_proves_a_request_is_never_shown(shop):
    html = page(shop, sent(shop))
    assert "[redacted]" in html
    assert "careem-hub-secret-0001" not in html


def test_attempts_show_when_why_and_how_they_ended(shop):
    order = sent(shop)
    log = WebhookLog.objects.get()
    WebhookAttempt.objects.create(
        log=log, trigger="replay", user=shop.manager, outcome="failed", error=f"OperationalError {XSS}",
        started_at=timezone.now(), duration_ms=12.4,
    )  # fmt: skip
    html = page(shop, order)
    assert "Replay (<bdi>amman-grill-manager</bdi>)" in html
    assert "Failed, will be retried: OperationalError &lt;script&gt;" in html
    assert "12 ms" in html


def test_a_body_past_its_retention_is_said_to_be_gone(shop):
    order = sent(shop)
    WebhookBody.objects.all().delete()
    html = page(shop, order)
    assert "past its retention and gone" in html
    assert "<pre" not in html


def test_a_payload_is_kept_from_staff_once_the_order_is_finished(shop):
    order = sent(shop)
    Order.objects.update(status="delivered")
    assert "<pre" not in page(shop, order, shop.staff)
    assert "a manager can read it" in page(shop, order, shop.staff)
    assert "<pre" in page(shop, order, shop.manager)


def test_bodies_headers_and_faults_are_escaped(shop):
    order = sent(shop)
    WebhookBody.objects.update(body=json.dumps({XSS: XSS}).encode())
    WebhookLog.objects.update(
        headers={XSS: XSS},
        error=XSS,
        error_code=XSS,
        details={XSS: XSS},
        warnings=[XSS],
        event_type=XSS,
        provider_event=XSS,
    )
    html = page(shop, order)
    assert "<script>alert" not in html
    assert html.count("&lt;script&gt;alert(1)") == 12


def test_another_companys_delivery_of_the_same_order_id_is_not_shown(shop):
    order = sent(shop)
    other = make_installation("beirut-bakery")
    other.send("careem", external_id="2000002")
    WebhookLog.objects.filter(company=other.company).update(order_id=order.id)
    assert page(shop, order).count('class="delivery"') == 1


def test_the_page_costs_the_same_for_one_delivery_and_for_many(shop, django_assert_num_queries):
    order = sent(shop)
    client = shop.client()
    with django_assert_num_queries(13):
        client.get(f"/orders/{order.id}/")
    now = timezone.now()
    for number in range(35):
        log = WebhookLog.objects.create(
            company=shop.company, provider="careem", order_id=order.id, received_at=now + timedelta(seconds=number)
        )
        WebhookBody.objects.create(log=log, body=b"{}")
        WebhookAttempt.objects.create(
            log=log, trigger="retry", outcome="failed", started_at=now, duration_ms=1, user=shop.owner
        )
    with django_assert_num_queries(13):
        html = client.get(f"/orders/{order.id}/").content.decode()
    assert html.count('class="delivery"') == 30
    assert "There are older deliveries" in html


# -- the readable form -------------------------------------------------------------------------------------------------


def test_json_is_indented_with_every_number_and_key_as_it_came():
    body = b'{"a":[4.500,{},[],{"n":1e3}],"a":null}'
    assert readable(body) == (
        '{\n  "a": [\n    4.500,\n    {},\n    [],\n    {\n      "n": 1e3\n    }\n  ],\n  "a": null\n}'
    )


def test_escaped_letters_are_readable_and_broken_ones_stay_escaped():
    assert readable(rb'["\u0628\u0631\u062c\u0631","\ud800","\ud83d\ude00","\u0000"]') == (
        '[\n  "برجر",\n  "\\ud800",\n  "😀",\n  "\\u0000"\n]'
    )


@pytest.mark.parametrize(
    ("body", "text"),
    [(b"", ""), (b"a=1&b=2", "a=1&b=2"), (b"\xff\xfe{", "��{"), (b'{"a":', '{"a":'), (b"[" * 5000, "[" * 5000)],
)
def test_what_is_not_json_is_shown_as_it_is(body, text):
    assert readable(body) == text


def test_deep_nesting_fills_no_memory():
    body = b"[" * 800 + b"1," * 200_000 + b"1" + b"]" * 800
    assert len(readable(body)) < MAX_CHARS + 1_000
