"""Two companies with the same names, stores and phones: nothing of one reaches the other, on any path there is."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator

import pytest
from django.urls import URLPattern, get_resolver
from django.utils import timezone

from integration.alerts import raise_alert
from integration.models import Alert, AlertChannel, AlertNotice, WebhookLog
from integration.tests.alerting import make_channel
from integration.tests.factories import Installation, make_installation
from orders.models import (
    ApiToken,
    AuditEntry,
    Branch,
    Customer,
    Membership,
    MenuProduct,
    MenuProductCode,
    Order,
    OrderEvent,
)

pytestmark = [pytest.mark.repeats, pytest.mark.any_database]
SHARED = {"name": "Lina Haddad", "phone": "+962790123456", "email": "lina@example.com"}


def order_payload(note: str) -> dict:
    return {
        "event_type": "order.created",
        "order": {
            "id": "SAME-1", "order_number": "77", "customer": SHARED, "notes": note, "total_amount": "9.750",
            "items": [{"id": "MANSAF", "name": "Lamb Mansaf", "quantity": 1, "unit_price": "9.750"}],
        },
    }  # fmt: skip


def fill(installation: Installation, secret_note: str) -> None:
    """Give a company one of everything, all of it under the same outside names."""
    assert installation.send_payload("careem", order_payload(secret_note)).status_code == 200
    installation.send_payload("careem", b"{")
    installation.send_payload("careem", {"event_type": "order.cancelled", "order": {"id": "PARKED-1"}})
    raise_alert(installation.company, "event_dead", f"{secret_note} alert", subject="careem")
    channel = make_channel(installation.company, f"{secret_note} channel")
    AlertNotice.objects.create(channel=channel, kind="test", status="sent", content={"title": secret_note})
    ApiToken.issue(user=installation.owner, company=installation.company, name=f"{secret_note} token")
    AuditEntry.objects.create(company=installation.company, actor=f"{secret_note} actor", action="test")
    Branch.objects.filter(company=installation.company).update(name="Main", name_ar=f"{secret_note} branch")
    product = MenuProduct.objects.create(company=installation.company, name="Kabsa", name_ar=f"{secret_note} dish")
    MenuProductCode.objects.create(product=product, provider="careem", external_id="KABSA")


@pytest.fixture
def two(db) -> tuple[Installation, Installation]:
    mine, theirs = make_installation("mine", menu=False), make_installation("theirs", menu=False)
    fill(mine, "my note")
    fill(theirs, "their note")
    return mine, theirs


def api_paths() -> Iterator[str]:
    for path, _ in walk(get_resolver()):
        if not path.startswith(("admin/", "static/", "api/integration/webhook", "sign-")):
            yield path


def walk(resolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield path, entry
        else:
            yield from walk(entry, path)


def objects_of(installation: Installation) -> dict[str, list[str]]:
    """Return what a company's ids are, by the name of the path's parameter."""
    company = installation.company
    return {
        "order_id": [str(Order.objects.get(company=company).id)],
        "event_id": [str(log.id) for log in WebhookLog.objects.filter(company=company)],
        "alert_id": [str(alert.id) for alert in Alert.objects.filter(company=company)],
        "member_id": [str(member.id) for member in Membership.objects.filter(company=company)],
        "product_id": [str(product.id) for product in MenuProduct.objects.filter(company=company)],
        "code_id": [str(code.id) for code in MenuProductCode.objects.filter(company=company)],
        "token_id": [str(token.id) for token in ApiToken.objects.filter(company=company)],
        "channel_id": [str(channel.id) for channel in AlertChannel.objects.filter(company=company)],
        "fingerprint": list(own_fingerprints(installation)),
        "provider": ["careem"],
        "table": ["figures", "reasons", "errors", "products", "unmapped"],
    }


def own_fingerprints(installation: Installation) -> set[str]:
    """Return the fingerprints that no other company has: the same fault has the same one everywhere."""
    failed = WebhookLog.objects.exclude(fingerprint="")
    known = failed.exclude(company=installation.company).values_list("fingerprint", flat=True)
    return set(failed.filter(company=installation.company).values_list("fingerprint", flat=True)) - set(known)


PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
BODIES = {"status": {"status": "confirmed"}, "replay": {"force": True}}


def owned_paths() -> list[str]:
    """Return the paths that name something of a company; a provider, or a table of the analytics, is everybody's."""
    paths = [path for path in api_paths() if PARAMETER.search(path)]
    return [path for path in paths if ":provider>" not in path and ":table>" not in path]


def test_there_are_paths_to_guard():
    assert len(owned_paths()) >= 9


@pytest.mark.parametrize("method", METHODS)
def test_what_belongs_to_another_company_answers_like_what_does_not_exist(two, method):
    mine, theirs = two
    client = mine.client()
    for path in owned_paths():
        (name,) = PARAMETER.findall(path)
        body = json.dumps(next((b for key, b in BODIES.items() if path.endswith(key)), {}))
        nobody = "0" if "<int:" in path else str(uuid.uuid4())
        for object_id in objects_of(theirs)[name]:
            answers = [
                client.generic(method, f"/{PARAMETER.sub(each, path)}", body, content_type="application/json")
                for each in (object_id, nobody)
            ]
            assert answers[0].status_code in {404, 405}, (method, path)
            assert answers[0].status_code == answers[1].status_code, (method, path)
            if path.startswith("api/"):
                assert answers[0].content == answers[1].content, (method, path)


@pytest.mark.parametrize("role", ["owner", "manager", "staff"])
def test_no_list_page_or_export_shows_another_companys(two, role):
    mine, theirs = two
    client = mine.client(getattr(mine, role))
    foreign_ids = {each for ids in objects_of(theirs).values() for each in ids if len(each) > 10}
    seen = 0
    for path in api_paths():
        if PARAMETER.search(path):
            continue
        for query in ("", "?search=SAME-1", "?externalOrderId=SAME-1", "?since=0", "?provider=careem"):
            response = client.get(f"/{path}{query}")
            content = b"".join(response) if response.streaming else response.content
            assert b"their note" not in content, path
            assert not any(each.encode() in content for each in foreign_ids), path
            seen += response.status_code == 200
    assert seen > 20


@pytest.mark.parametrize("by", ["header", "query"])
def test_another_company_cannot_be_named(two, by):
    mine, theirs = two
    client, company = mine.client(), str(theirs.company.id)
    for path in (
        "api/orders",
        "api/orders/changes",
        "api/dashboard",
        "api/integration/logs",
        "api/integration/members",
    ):
        if by == "header":
            response = client.get(f"/{path}?since=0", headers={"x-company-id": company})
        else:
            response = client.get(f"/{path}?since=0&company={company}")
        assert response.status_code == 404, path


def test_token_reaches_its_own_company_even_where_its_person_has_two(two):
    mine, theirs = two
    Membership.objects.create(user=mine.owner, company=theirs.company, role="owner")
    key = ApiToken.issue(user=mine.owner, company=mine.company, name="one company")[1]
    headers = {"authorization": f"Token {key}"}
    from django.test import Client

    assert Client().get("/api/orders", headers=headers).json()["results"][0]["notes"] == "my note"
    response = Client().get("/api/orders", headers={**headers, "x-company-id": str(theirs.company.id)})
    assert response.status_code == 404


def test_nobody_reads_nothing_without_signing_in(two):
    from django.test import Client

    open_paths = {"api/schema", "api/docs", "livez", "readyz", "providers.css"}
    for path in api_paths():
        if path in open_paths:
            continue
        response = Client().get("/" + PARAMETER.sub(str(uuid.uuid4()), path))
        assert response.status_code in ({401, 405} if path.startswith("api/") else {302, 404, 405}), path
        assert b"note" not in response.content


def test_bulk_replay_touches_only_ones_own(two):
    mine, theirs = two
    before = list(WebhookLog.objects.filter(company=theirs.company).order_by("id").values())
    response = mine.client().post(
        "/api/integration/replay", {"filter": {}, "dryRun": False, "force": True}, content_type="application/json"
    )
    assert response.status_code == 200
    assert list(WebhookLog.objects.filter(company=theirs.company).order_by("id").values()) == before


def test_same_customer_branch_and_order_are_held_apart(two):
    mine, theirs = two
    assert Customer.objects.filter(phone_key=SHARED["phone"]).count() == 2
    orders = {order.company_id: order for order in Order.objects.select_related("branch", "customer")}
    assert len(orders) == 2
    for installation in (mine, theirs):
        order = orders[installation.company.id]
        assert order.branch.company_id == order.customer.company_id == installation.company.id
        assert list(OrderEvent.objects.filter(company=installation.company).values_list("seq", flat=True)) == [1]


def test_event_of_one_company_never_moves_the_others_order(two):
    mine, theirs = two
    mine.send_payload("careem", {"event_type": "order.cancelled", "order": {"id": "SAME-1"}, "at": str(timezone.now())})
    assert Order.objects.get(company=mine.company).status == "cancelled"
    assert Order.objects.get(company=theirs.company).status == "received"
