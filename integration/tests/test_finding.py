"""The search of every page: from a number that somebody has in hand to what happened."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from integration.models import OutboundPush, WebhookLog
from integration.tests.factories import Installation
from integration.tests.outbound import move, received
from integration.tests.test_api_replay import broken
from orders.models import Branch, Membership, Order

REQUEST_ID = "req-0123456789abcdef"


def search(who: Client, text: str, **more: str):
    return who.get("/find/", {"q": text, **more})


def order_of(here: Installation, **values) -> Order:
    here.send("careem", external_id=values.pop("external_id", "CRM-77001"))
    order = Order.objects.get(company=here.company)
    for name, value in values.items():
        setattr(order, name, value)
    order.save()
    return order


def lost(here: Installation) -> WebhookLog:
    """Store a delivery of LOST-9 whose every try failed."""
    event = broken(here, "LOST-9")
    event.external_id, event.received_at = "LOST-9", timezone.now()
    event.save()
    return event


def leads_to(response, path: str) -> None:
    assert (response.status_code, response.headers.get("Location")) == (302, path)


def leads_nowhere(response) -> None:
    assert response.status_code == 200
    assert b'id="nowhere"' in response.content
    assert b"log-row" not in response.content


# -- an order ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["CRM-77001", "  CRM-77001 ", "CRM-77", "77001", "#412", "#4", "Lina Had", "962790123456", "0790123456", "3456"],
)
def test_what_somebody_has_in_hand_leads_to_the_order(amman, text):
    order = order_of(amman, display_id="#412", customer_name="Lina Haddad", customer_phone="+962790123456")
    leads_to(search(amman.client(amman.staff), text), f"/orders/{order.id}/")


def test_its_own_id_and_that_of_a_request_lead_to_the_order(amman):
    order = order_of(amman)
    WebhookLog.objects.update(request_id=REQUEST_ID)
    for text in (str(order.id), order.id.hex, REQUEST_ID):
        leads_to(search(amman.client(), text), f"/orders/{order.id}/")


def test_the_id_of_the_request_that_moved_it_leads_to_the_order(amman):
    order = received(amman)
    move(order, "confirmed")
    OutboundPush.objects.update(request_id=REQUEST_ID)
    leads_to(search(amman.client(), REQUEST_ID), f"/orders/{order.id}/")


def test_the_id_of_an_event_leads_to_the_event(amman):
    order_of(amman)
    event = WebhookLog.objects.get()
    leads_to(search(amman.client(amman.staff), str(event.id)), f"/webhooks/{event.id}/")


def test_the_company_that_the_page_names_stays_named(amman):
    order = order_of(amman)
    named = str(amman.company.id)
    leads_to(search(amman.client(), "CRM-77001", company=named), f"/orders/{order.id}/?company={named}")


def test_several_orders_are_listed_the_newest_first(amman):
    for number in ("A-1", "A-2", "A-3"):
        amman.send("careem", external_id=number)
    page = search(amman.client(), "A-").content.decode()
    assert [page.index(f">{number}<") for number in ("A-3", "A-2", "A-1")] == sorted(
        page.index(f">{number}<") for number in ("A-1", "A-2", "A-3")
    )
    assert page.count("/evidence") == 3


def test_staff_are_not_offered_the_evidence(amman):
    for number in ("A-1", "A-2"):
        amman.send("careem", external_id=number)
    assert "/evidence" not in search(amman.client(amman.staff), "A-").content.decode()


def test_an_old_order_is_found_by_its_whole_number_alone(amman):
    order = order_of(amman)
    Order.objects.update(created_at=timezone.now() - timedelta(days=300))
    leads_to(search(amman.client(), "CRM-77001"), f"/orders/{order.id}/")
    leads_nowhere(search(amman.client(), "CRM-77"))


def test_of_very_many_orders_the_newest_are_looked_at(amman, monkeypatch):
    for number in ("OLD-1", "NEW-1", "NEW-2"):
        amman.send("careem", external_id=number)
    monkeypatch.setattr("integration.finding.MOST_LOOKED_AT", 1)
    leads_nowhere(search(amman.client(), "OLD"))
    assert search(amman.client(), "OLD-1").status_code == 302
    assert search(amman.client(), "NEW").content.decode().count("log-row found-order") == 2


@pytest.mark.parametrize("text", ["3456", "0790123456", "+962 79 012 3456"])
def test_staff_do_not_find_a_finished_order_by_the_phone_that_is_masked_for_them(amman, text):
    order = order_of(amman, customer_phone="+962790123456", status="delivered", display_id="", customer_name="")
    leads_nowhere(search(amman.client(amman.staff), text))
    leads_to(search(amman.client(amman.manager), text), f"/orders/{order.id}/")


def test_three_digits_are_no_phone(amman):
    order_of(amman, customer_phone="+962790123456")
    leads_nowhere(search(amman.client(), "345"))


# -- what never became an order ----------------------------------------------------------------------------------------


def test_a_delivery_that_died_is_found_by_the_orders_number(amman):
    event = lost(amman)
    assert not Order.objects.exists()
    for text in ("LOST-9", "LOST", str(event.id)):
        leads_to(search(amman.client(amman.staff), text), f"/webhooks/{event.id}/")


def test_a_quarantined_delivery_is_found_by_the_orders_number(amman):
    amman.send_payload("careem", {"event_type": "order_created", "id": "BAD-4", "items": []})
    event = WebhookLog.objects.get(status="quarantined")
    leads_to(search(amman.client(amman.staff), "BAD-4"), f"/webhooks/{event.id}/")


def test_a_delivery_that_nobody_could_read_is_found_by_what_stands_in_it(amman):
    amman.send_payload("careem", b'{"event_type": "order_created", "id": "CUT-4411')
    event = WebhookLog.objects.get(status="quarantined")
    leads_to(search(amman.client(amman.manager), "CUT-4411"), f"/webhooks/{event.id}/")


def test_staff_do_not_search_the_bytes_of_a_delivery(amman):
    amman.send_payload("careem", b'{"phone": "+962790123456')
    leads_nowhere(search(amman.client(amman.staff), "790123456"))


def test_a_delivery_whose_order_is_there_is_not_listed_beside_it(amman):
    order_of(amman)
    amman.send("careem", "confirmed", external_id="CRM-77001")
    assert WebhookLog.objects.filter(external_id="CRM-77001").count() == 2
    assert search(amman.client(), "CRM-77001").status_code == 302


def test_what_was_refused_is_told_where_nothing_is_found(amman):
    url = f"/api/integration/webhook/careem/{amman.company.id}"
    for _ in range(3):
        Client().post(url, "{}", content_type="application/json")
    response = search(amman.client(amman.staff), "CRM-1")
    leads_nowhere(response)
    page = response.content.decode()
    assert "<code>no_proof</code>" in page
    assert "</a>: 3 (" in page
    assert "/webhooks/?provider=careem&amp;status=rejected" in page


# -- what is not theirs ------------------------------------------------------------------------------------------------


def test_what_belongs_to_another_company_leads_nowhere(amman, dubai):
    order = order_of(dubai, display_id="#412", customer_phone="+971501234567", customer_name="Omar")
    event = lost(dubai)
    WebhookLog.objects.update(request_id=REQUEST_ID)
    for text in ("CRM-77001", "#412", "Omar", "501234567", str(order.id), str(event.id), REQUEST_ID, "LOST-9"):
        leads_nowhere(search(amman.client(), text))


def test_a_branch_that_a_person_does_not_see_leads_nowhere(amman):
    order = order_of(amman, external_id="CRM-77001")
    event = WebhookLog.objects.get()
    lost(amman)
    membership = Membership.objects.get(user=amman.staff)
    membership.is_limited = True
    membership.save()
    membership.branches.add(Branch.objects.create(company=amman.company, name="Other"))
    for text in ("CRM-77001", str(order.id), str(event.id), "LOST-9"):
        leads_nowhere(search(amman.client(amman.staff), text))


# -- anything at all ---------------------------------------------------------------------------------------------------


def test_an_empty_search_says_what_can_be_searched(amman):
    page = search(amman.client(), "  ").content.decode()
    assert "What can be searched" in page
    assert 'id="nowhere"' not in page


@pytest.mark.parametrize(
    "text", ["\x00", "a\x00b", "x" * 600, "%", "_", "'; --", "\ud800", "«»", str(uuid.uuid4()), "é"]
)
def test_what_is_no_number_leads_nowhere(amman, text):
    order_of(amman)
    leads_nowhere(amman.client().get("/find/", {"q": text.encode("utf-8", "surrogatepass")}))


def test_what_was_typed_is_shown_as_text(amman):
    page = search(amman.client(), "<script>alert(1)</script>").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_stranger_is_sent_to_the_sign_in(amman):
    assert search(Client(), "CRM-1").headers["Location"] == "/sign-in/?next=/find/%3Fq%3DCRM-1"


@pytest.mark.parametrize(
    "path", ["/", "/orders/", "/orders/grid/", "/webhooks/", "/alerts/", "/menu/", "/integrations/"]
)
def test_every_page_has_the_search(amman, path):
    page = amman.client(amman.staff).get(path).content.decode()
    assert '<form class="find" role="search" aria-label="Find an order" method="get" action="/find/">' in page


def test_a_search_asks_few_questions(amman, django_assert_max_num_queries):
    order_of(amman)
    client = amman.client()
    with django_assert_max_num_queries(18):
        leads_nowhere(search(client, "nothing-of-that"))
