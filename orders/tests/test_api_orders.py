"""The list, one order, its timeline and a person's step: what they tell, to whom, and what they refuse."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from integration.tests.factories import make_installation
from orders.models import AuditEntry, Branch, Membership, Order, OrderEvent, OrderItem, OrderItemModifier, User
from orders.services import change_status
from providers.events import Status

pytestmark = pytest.mark.django_db
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def here():
    return make_installation()


@pytest.fixture
def other():
    return make_installation("other-grill", country="SA", currency="SAR")


def make_order(here, external_id="1000001", provider="careem", **fields):
    """Send a sample of a provider, then set fields of what came of it."""
    response = here.send(provider, external_id=external_id)
    assert response.status_code == 200, response.content
    order = Order.objects.get(company=here.company, external_id=external_id)
    if fields:
        Order.objects.filter(pk=order.pk).update(**fields)
        order.refresh_from_db()
    return order


def api(here, user=None):
    return Client(headers={"Authorization": f"Token {here.token(user)}"})


def ids(response):
    assert response.status_code == 200, response.content
    return [order["externalOrderId"] for order in response.json()["results"]]


def refused(response, status, code):
    body = response.json()
    assert (response.status_code, body["success"], body["error"]) == (status, False, code)
    return body["details"]


def limit_to(here, user, *branches):
    membership = Membership.objects.get(user=user)
    membership.is_limited = True
    membership.save()
    membership.branches.set(branches)


# -- one order ---------------------------------------------------------------------------------------------------------


def test_an_order_is_told_with_every_field(here):
    at = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
    order = make_order(
        here,
        display_id="A-17",
        status=Status.CONFIRMED,
        subtotal=Decimal("12.5"),
        tax=None,
        delivery_fee=Decimal("1.5"),
        service_fee=None,
        discount=Decimal(0),
        tip=None,
        total=Decimal("14.0"),
        cash_due=Decimal("14"),
        currency="JOD",
        payment_method="cash",
        order_type="delivery",
        fulfilled_by="provider",
        customer_name="John Doe",
        customer_phone="+962791234567",
        customer_phone_access_code="12",
        customer_email="john@example.com",
        delivery_address={"text": "Rainbow St", "latitude": 31.95},
        courier={"name": "Sami", "phone": "", "status": "assigned"},
        notes="ring twice",
        placed_at=at,
        received_at=at,
        created_at=at.replace(microsecond=123456),
        updated_at=at,
        accept_by=at + timedelta(minutes=10),
        estimated_delivery_at=None,
        needs_attention=True,
        attention_reasons=["unmapped_item"],
    )
    OrderItem.objects.filter(order=order).delete()
    item = OrderItem.objects.create(
        order=order, position=0, external_id="B-1", name="Burger", name_ar="برجر", quantity=2,
        unit_price=Decimal("4.5"), total_price=Decimal("9"),
    )  # fmt: skip
    option = OrderItemModifier.objects.create(item=item, position=0, name="Cheese", price=Decimal("0.5"))
    inner = OrderItemModifier.objects.create(item=item, position=1, name="Double", parent=option, quantity=2)

    answer = api(here).get(f"/api/orders/{order.id}")

    assert answer.status_code == 200
    assert answer.json() == {
        "id": str(order.id),
        "externalOrderId": "1000001",
        "displayId": "A-17",
        "provider": "careem",
        "companyId": str(here.company.id),
        "branch": {"id": str(here.branch.id), "name": "Main"},
        "status": "confirmed",
        "customer": {
            "id": str(order.customer_id),
            "name": "John Doe",
            "phone": "+962791234567",
            "phoneAccessCode": "12",
            "email": "john@example.com",
        },
        "items": [
            {
                "id": str(item.id),
                "externalId": "B-1",
                "name": "Burger",
                "nameAr": "برجر",
                "quantity": 2,
                "unitPrice": "4.500",
                "totalPrice": "9.000",
                "notes": "",
                "menuProductId": None,
                "modifiers": [
                    {
                        "id": str(option.id),
                        "externalId": "",
                        "name": "Cheese",
                        "nameAr": "",
                        "quantity": 1,
                        "price": "0.500",
                        "parentId": None,
                    },
                    {
                        "id": str(inner.id),
                        "externalId": "",
                        "name": "Double",
                        "nameAr": "",
                        "quantity": 2,
                        "price": None,
                        "parentId": str(option.id),
                    },
                ],
            }
        ],
        "subtotal": "12.500",
        "tax": None,
        "deliveryFee": "1.500",
        "serviceFee": None,
        "discount": "0.000",
        "tip": None,
        "total": "14.000",
        "currency": "JOD",
        "paymentMethod": "cash",
        "cashDue": "14.000",
        "orderType": "delivery",
        "fulfilledBy": "provider",
        "deliveryAddress": {"text": "Rainbow St", "latitude": 31.95},
        "notes": "ring twice",
        "courier": {"name": "Sami", "phone": "", "status": "assigned"},
        "isTest": False,
        "timeZone": "Asia/Amman",
        "needsAttention": True,
        "attentionReasons": ["unmapped_item"],
        "placedAt": "2026-03-01T10:30:00Z",
        "receivedAt": "2026-03-01T10:30:00Z",
        "acceptBy": "2026-03-01T10:40:00Z",
        "scheduledFor": None,
        "estimatedDeliveryAt": None,
        "createdAt": "2026-03-01T10:30:00.123Z",
        "updatedAt": "2026-03-01T10:30:00Z",
        "seq": 1,
    }


def test_an_amount_has_the_digits_of_its_currency(here):
    order = make_order(here, currency="SAR", total=Decimal("15"))

    assert api(here).get(f"/api/orders/{order.id}").json()["total"] == "15.00"


def test_an_order_without_a_customer_has_null(here):
    order = make_order(here, customer_name="", customer_phone="", customer_email="")

    assert api(here).get(f"/api/orders/{order.id}").json()["customer"] is None


def test_an_order_without_a_branch_has_null(here):
    order = make_order(here, branch=None)

    assert api(here).get(f"/api/orders/{order.id}").json()["branch"] is None


@pytest.mark.parametrize(
    ("role", "status", "phone", "code"),
    [
        ("staff", Status.OUT_FOR_DELIVERY, "+962791234567", "12"),
        ("staff", Status.DELIVERED, "••••67", ""),
        ("staff", Status.CANCELLED, "••••67", ""),
        ("manager", Status.DELIVERED, "+962791234567", "12"),
        ("owner", Status.DELIVERED, "+962791234567", "12"),
    ],
)
def test_staff_do_not_see_the_phone_of_a_finished_order(here, role, status, phone, code):
    order = make_order(here, status=status, customer_phone="+962791234567", customer_phone_access_code="12")

    customer = api(here, getattr(here, role)).get(f"/api/orders/{order.id}").json()["customer"]

    assert (customer["phone"], customer["phoneAccessCode"]) == (phone, code)


@pytest.mark.parametrize("path", ["", "/timeline"])
def test_what_is_not_there_is_404(here, path):
    refused(api(here).get(f"/api/orders/{UNKNOWN}{path}"), 404, "not_found")
    refused(api(here).get(f"/api/orders/no-id{path}"), 404, "not_found")


def test_a_trailing_slash_makes_no_difference(here):
    order = make_order(here)

    assert api(here).get(f"/api/orders/{order.id}/").json()["id"] == str(order.id)
    assert ids(api(here).get("/api/orders/")) == ["1000001"]


# -- who may -----------------------------------------------------------------------------------------------------------


def test_nobody_reads_without_signing_in(here):
    refused(Client().get("/api/orders"), 401, "not_authenticated")


def test_a_session_reads(here):
    make_order(here)

    assert ids(here.client(here.staff).get("/api/orders")) == ["1000001"]


def test_another_companys_order_does_not_exist(here, other):
    order = make_order(here)
    foreign = api(other)

    refused(foreign.get(f"/api/orders/{order.id}"), 404, "not_found")
    refused(foreign.get(f"/api/orders/{order.id}/timeline"), 404, "not_found")
    refused(foreign.post(f"/api/orders/{order.id}/status", {"status": "x"}, "application/json"), 404, "not_found")
    step = foreign.post(f"/api/orders/{order.id}/status", {"status": "confirmed"}, "application/json")
    refused(step, 404, "not_found")
    order.refresh_from_db()
    assert order.status == Status.RECEIVED
    assert AuditEntry.objects.filter(action="order.status_changed").count() == 0


def test_another_companys_orders_are_in_no_list(here, other):
    make_order(here)
    make_order(other, "2000002")

    assert ids(api(other).get("/api/orders")) == ["2000002"]
    assert ids(api(other).get("/api/orders", {"branch": str(here.branch.id)})) == []


def test_naming_another_company_is_404(here, other):
    make_order(here)

    refused(api(other).get(f"/api/orders?company={here.company.id}"), 404, "not_found")
    refused(api(other).get("/api/orders", headers={"X-Company-Id": str(here.company.id)}), 404, "not_found")
    refused(other.client().get(f"/api/orders?company={here.company.id}"), 404, "not_found")


def test_who_has_two_companies_names_one(here, other):
    Membership.objects.create(user=here.owner, company=other.company, role="staff")
    make_order(here)
    make_order(other, "2000002")
    browser = here.client()

    assert ids(browser.get("/api/orders")) == ["1000001"]
    assert ids(browser.get(f"/api/orders?company={other.company.id}")) == ["2000002"]


def test_a_superuser_names_any_company(here):
    make_order(here)
    browser = here.client(User.objects.create_superuser("root", password="correct horse battery"))

    assert ids(browser.get(f"/api/orders?company={here.company.id}")) == ["1000001"]


def test_a_member_of_one_branch_sees_its_orders_alone(here):
    second = Branch.objects.create(company=here.company, name="Second")
    limit_to(here, here.staff, second)
    hidden = make_order(here)
    make_order(here, "1000002", branch=second)
    client = api(here, here.staff)

    assert ids(client.get("/api/orders")) == ["1000002"]
    refused(client.get(f"/api/orders/{hidden.id}"), 404, "not_found")


@pytest.mark.parametrize("method", ["put", "patch", "delete", "post", "options"])
def test_other_methods_are_405_with_allow(here, method):
    response = getattr(api(here), method)("/api/orders")

    refused(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == "GET, HEAD"


def test_more_than_600_calls_a_minute_are_429(here, settings):
    settings.API_RATE_LIMIT_PER_MINUTE = 2
    client = api(here)
    assert [client.get("/api/orders").status_code for _ in range(2)] == [200, 200]

    response = client.get("/api/orders")

    refused(response, 429, "rate_limited")
    assert 1 <= int(response.headers["Retry-After"]) <= 61
    assert ids(api(here).get("/api/orders")) == []


# -- the list ----------------------------------------------------------------------------------------------------------


def test_the_newest_order_comes_first(here):
    for number in range(3):
        make_order(here, f"100000{number}")

    assert ids(api(here).get("/api/orders")) == ["1000002", "1000001", "1000000"]


def test_pages_follow_each_other_without_gap_or_double(here):
    at = timezone.now()
    for number in range(5):
        make_order(here, f"100000{number}", created_at=at)
    client, seen, url = api(here), [], "/api/orders?limit=2&provider=careem"

    while url:
        response = client.get(url)
        make_order(here, f"3{len(seen)}", created_at=at + timedelta(hours=1))
        seen += ids(response)
        url = response.json()["next"]
        assert url is None or url.startswith("http://testserver/api/orders?limit=2&provider=careem&cursor=")

    assert sorted(seen) == [f"100000{number}" for number in range(5)]


def test_a_list_costs_the_same_queries_however_long(here, django_assert_num_queries):
    client = api(here)
    client.get("/api/orders")
    make_order(here)

    # Token, membership; orders, lines, options.
    with django_assert_num_queries(5):
        client.get("/api/orders")
    for number in range(5):
        make_order(here, f"2{number}")
    with django_assert_num_queries(5):
        assert len(ids(client.get("/api/orders"))) == 6


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=received", ["1"]),
        ("status=confirmed,ready", ["3", "2"]),
        ("status=confirmed&status=ready", ["3", "2"]),
        ("provider=jahez", ["3"]),
        ("provider=jahez,careem", ["3", "2", "1"]),
        ("needsAttention=true", ["2"]),
        ("needsAttention=0", ["3", "1"]),
        ("externalOrderId=2", ["2"]),
        ("externalOrderId=22", []),
        ("search=a-1", ["1"]),
        ("search=3", ["3"]),
        ("search=HADDAD", ["2"]),
        ("search=0791 112 233", ["2"]),
        ("search=%2B962791112233", ["2"]),
        ("search=nobody", []),
        ("since=2026-03-02T00:00:00Z", ["3", "2"]),
        ("since=2026-03-02T03:00:00+03:00", ["3", "2"]),
        ("since=2026-03-02T03:00:00%2B03:00", ["3", "2"]),
        ("until=2026-03-02T00:00:00Z", ["1"]),
        ("since=2026-03-02&until=2026-03-02", ["2"]),
        ("until=2026-03-02", ["2", "1"]),
        ("status=&provider=&search=&since=&limit=&needsAttention=", ["3", "2", "1"]),
    ],
)
def test_filters(here, query, expected):
    day = datetime(2026, 3, 1, 20, tzinfo=UTC)
    make_order(here, "1", created_at=day, display_id="A-17", customer_name="John Doe", customer_phone="+962799999999")
    make_order(here, "2", created_at=day + timedelta(hours=4), status=Status.CONFIRMED, needs_attention=True,
               display_id="B", customer_name="Rana Haddad", customer_phone="+962791112233")  # fmt: skip
    make_order(here, "3", "jahez", created_at=day + timedelta(days=1, hours=1), status=Status.READY,
               display_id="C", customer_name="", customer_phone="")  # fmt: skip
    Order.objects.exclude(external_id="2").update(needs_attention=False)

    assert ids(api(here).get(f"/api/orders?{query}")) == expected


def test_the_filter_by_branch(here):
    second = Branch.objects.create(company=here.company, name="Second")
    make_order(here)
    make_order(here, "1000002", branch=second)

    assert ids(api(here).get(f"/api/orders?branch={second.id}")) == ["1000002"]
    assert ids(api(here).get(f"/api/orders?branch={second.id},{here.branch.id}")) == ["1000002", "1000001"]


def test_staff_cannot_find_a_masked_phone_by_its_digits(here):
    make_order(here, status=Status.DELIVERED, customer_phone="+962791112233")

    assert ids(api(here, here.staff).get("/api/orders?search=791112233")) == []
    assert ids(api(here, here.manager).get("/api/orders?search=791112233")) == ["1000001"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("status=eaten", "status"),
        ("status=received,eaten", "status"),
        ("provider=nobody", "provider"),
        ("branch=main", "branch"),
        ("since=yesterday", "since"),
        ("until=2026-13-01", "until"),
        ("until=9999-12-31", "until"),
        ("needsAttention=maybe", "needsAttention"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("limit=%D9%A5", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=WyJ4IiwgInkiXQ", "cursor"),
        ("cursor=WzEsIDJd", "cursor"),
        ("cursor=MQ", "cursor"),
        ("search=%00", "search"),
        ("externalOrderId=" + "x" * 513, "externalOrderId"),
    ],
)
def test_a_bad_filter_is_400_and_named(here, query, name):
    details = refused(api(here).get(f"/api/orders?{query}"), 400, "invalid_request")

    assert list(details) == [name]


# -- a step ------------------------------------------------------------------------------------------------------------


def step(client, order, **body):
    return client.post(f"/api/orders/{order.id}/status", body, "application/json")


def test_a_person_moves_an_order(here):
    order = make_order(here)

    response = step(api(here, here.staff), order, status="confirmed", prepMinutes=25, reason=" soon ")

    assert response.status_code == 200
    assert (response.json()["status"], response.json()["seq"]) == ("confirmed", 2)
    entry = OrderEvent.objects.get(seq=2)
    assert (entry.user, entry.prep_minutes, entry.reason) == (here.staff, 25, "soon")


def test_a_step_stands_in_the_audit_trail(here):
    order = make_order(here)

    step(api(here, here.staff), order, status="confirmed")

    entry = AuditEntry.objects.get(action="order.status_changed")
    assert (entry.company, entry.user, entry.target) == (here.company, here.staff, str(order.id))
    assert (entry.details, entry.address) == ({"from": "received", "to": "confirmed"}, "127.0.0.1")


def test_naming_the_present_status_changes_nothing(here):
    order = make_order(here)

    response = step(api(here), order, status="received")

    assert (response.status_code, response.json()["seq"]) == (200, 1)
    assert OrderEvent.objects.count() == 1
    assert not AuditEntry.objects.filter(action="order.status_changed").exists()


def test_a_step_that_cannot_be_is_409_and_names_the_others(here):
    order = make_order(here)

    details = refused(step(api(here), order, status="ready"), 409, "invalid_transition")

    assert details == {"status": "received", "requested": "ready", "allowed": ["confirmed", "rejected", "cancelled"]}
    order.refresh_from_db()
    assert (order.status, OrderEvent.objects.count()) == (Status.RECEIVED, 1)
    assert not AuditEntry.objects.filter(action="order.status_changed").exists()


def test_a_finished_order_allows_nothing(here):
    order = make_order(here, status=Status.DELIVERED)

    assert refused(step(api(here), order, status="cancelled"), 409, "invalid_transition")["allowed"] == []


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, ["status"]),
        ({"status": "eaten"}, ["status"]),
        ({"status": ["confirmed"]}, ["status"]),
        ({"status": "confirmed", "reason": 7}, ["reason"]),
        ({"status": "confirmed", "reason": "x" * 501}, ["reason"]),
        ({"status": "confirmed", "reason": "\x00"}, ["reason"]),
        ({"status": "confirmed", "prepMinutes": 0}, ["prepMinutes"]),
        ({"status": "confirmed", "prepMinutes": 241}, ["prepMinutes"]),
        ({"status": "confirmed", "prepMinutes": 1.5}, ["prepMinutes"]),
        ({"status": "confirmed", "prepMinutes": True}, ["prepMinutes"]),
        ({"status": "confirmed", "prepMinutes": "5"}, ["prepMinutes"]),
        ({"status": 1, "reason": 1, "prepMinutes": "x"}, ["status", "reason", "prepMinutes"]),
        (["confirmed"], ["body"]),
    ],
)
def test_a_bad_step_is_400_and_named(here, body, names):
    order = make_order(here)

    response = api(here).post(f"/api/orders/{order.id}/status", body, "application/json")

    assert list(refused(response, 400, "invalid_request")) == names
    assert OrderEvent.objects.count() == 1


def test_a_body_that_is_no_json_is_400(here):
    order = make_order(here)

    response = api(here).post(f"/api/orders/{order.id}/status", b"{", "application/json")

    refused(response, 400, "invalid_json")


def test_a_lone_surrogate_is_refused(here):
    order = make_order(here)

    response = api(here).post(
        f"/api/orders/{order.id}/status", b'{"status": "confirmed", "reason": "\\ud800"}', "application/json"
    )

    assert list(refused(response, 400, "invalid_request")) == ["reason"]


def test_a_session_needs_the_csrf_token_to_write(here):
    order = make_order(here)
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(here.staff)

    refused(step(browser, order, status="confirmed"), 403, "permission_denied")
    order.refresh_from_db()
    assert order.status == Status.RECEIVED


def test_a_status_is_only_posted(here):
    order = make_order(here)

    response = api(here).put(f"/api/orders/{order.id}/status", {"status": "confirmed"}, "application/json")

    refused(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == "POST"


# -- the timeline ------------------------------------------------------------------------------------------------------


def test_the_timeline_tells_who_did_what(here):
    order = make_order(here)
    change_status(order, Status.CONFIRMED, user=here.staff, reason="soon", prep_minutes=20)

    body = api(here).get(f"/api/orders/{order.id}/timeline").json()

    latest, first = body["results"]
    entry = OrderEvent.objects.get(seq=2)
    at = entry.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert latest == {
        "id": str(entry.id),
        "seq": 2,
        "type": "order.updated",
        "status": "confirmed",
        "previousStatus": "received",
        "providerStatus": "",
        "source": "person",
        "user": "amman-grill-staff",
        "reason": "soon",
        "prepMinutes": 20,
        "changes": {},
        "loud": False,
        "note": "",
        "occurredAt": latest["occurredAt"],
        "createdAt": at,
        "eventId": None,
        "pushes": latest["pushes"],
    }
    assert [push["action"] for push in latest["pushes"]] == ["confirmed"]
    assert (first["type"], first["previousStatus"], first["source"]) == ("order.created", None, "provider")
    assert uuid.UUID(first["eventId"])
    assert body["next"] is None


def test_the_timeline_comes_in_pages(here):
    order = make_order(here)
    change_status(order, Status.CONFIRMED, user=None)
    change_status(order, Status.PREPARING, user=None)
    at = timezone.now()
    OrderEvent.objects.update(occurred_at=at)
    client, statuses, url = api(here), [], f"/api/orders/{order.id}/timeline?limit=1"

    while url:
        body = client.get(url).json()
        statuses += [entry["status"] for entry in body["results"]]
        url = body["next"]

    assert statuses == ["preparing", "confirmed", "received"]
