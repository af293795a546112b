"""What a provider lists and never came: asked for, taken once, told; and what could not be compared is never said to agree."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import responses
from django.core.management import CommandError, call_command
from django.utils import timezone

from integration.models import (
    Alert,
    CircuitBreaker,
    ListedOrder,
    ReconciliationRun,
    WebhookLog,
)
from integration.reconciliation.at_provider import company_source
from integration.reconciliation.runs import Comparison, reconcile
from integration.tests.factories import Installation, make_installation
from integration.tests.outbound import CAREEM, CAREEM_IDENTITY, TALABAT, arm
from integration.tokens import provider_access
from orders.models import Order, OrderEvent
from providers.samples import SampleOrder, build_sample

pytestmark = pytest.mark.django_db
ORDERS = f"{CAREEM}/pos/api/v1/orders"
CHAIN = f"{TALABAT}/v2/chains/chain-1/orders"


@pytest.fixture
def here() -> Installation:
    """A company that has had deliveries of both providers for a day, and may call them."""
    made = make_installation(menu=False)
    arm(made, "careem")
    credential = arm(made, "talabat")
    credential.rotate("chainCode", "chain-1")
    credential.save()
    for provider in ("careem", "talabat"):
        made.send(provider, external_id=f"first-{provider}")
    before = timezone.now() - timedelta(days=1)
    WebhookLog.objects.update(received_at=before)
    Order.objects.update(placed_at=before, received_at=before)
    return made


def ask(here: Installation, provider: str, now: datetime | None = None) -> Comparison:
    source = company_source(here.company, provider, provider_access(here.company, provider))
    assert not isinstance(source, str), source
    done = reconcile(source, now)
    assert done is not None
    return done


def careem_order(external_id: str, placed_at: datetime, **changes: Any) -> dict[str, Any]:
    sample = SampleOrder(external_id, "amman-grill-careem-main", placed_at)
    payload = build_sample("careem", "native", "created", sample).payload
    assert payload is not None
    return {**payload["details"], **changes}


def careem(*orders: dict[str, Any]) -> None:
    """Play Careem's list of these orders, and each of them whole."""
    responses.post(f"{CAREEM_IDENTITY}/token", json={"access_token": "careem-token", "expires_in": 3600})
    responses.get(ORDERS, json={"orders": [{**order, "items": []} for order in orders]})
    for order in orders:
        responses.get(f"{ORDERS}/{order['id']}", json=order)


def talabat(accepted: list[str], cancelled: list[str], **orders: dict[str, Any]) -> None:
    responses.post(f"{TALABAT}/v2/login", json={"access_token": "talabat-token", "expires_in": 1800})
    for status, ids in (("accepted", accepted), ("cancelled", cancelled)):
        query = responses.matchers.query_param_matcher({"status": status}, strict_match=False)
        responses.get(f"{CHAIN}/ids", json={"orderIdentifiers": ids, "count": len(ids)}, match=[query])
    for external_id, order in orders.items():
        responses.get(f"{CHAIN}/{external_id}", json={"order": order})


def talabat_order(external_id: str, placed_at: datetime, **changes: Any) -> dict[str, Any]:
    sample = SampleOrder(external_id, "amman-grill-talabat-main", placed_at)
    payload = build_sample("talabat", "native", "created", sample).payload
    assert payload is not None
    return {**payload, "reason": None, **changes}


def ago(minutes: float) -> datetime:
    return timezone.now() - timedelta(minutes=minutes)


@responses.activate
def test_an_order_that_never_came_goes_the_way_of_a_delivery(here):
    whole = careem_order("62500001", ago(20))
    careem(whole)
    done = ask(here, "careem")
    assert [listed.external_id for listed, _ in done.imported] == ["62500001"]
    order = Order.objects.get(external_id="62500001")
    assert (order.status, order.rings, order.branch, order.is_test) == ("received", "new", here.branch, False)
    assert order.total == Decimal(str(whole["price"]["total_taxable_price"]))
    log = WebhookLog.objects.get(order_id=order.id)
    assert (log.source, log.status, log.proof, json.loads(bytes(log.body.body))) == (
        "reconciliation", "processed", "reconciliation", whole,
    )  # fmt: skip
    entry = OrderEvent.objects.get(order=order)
    assert (entry.note, entry.webhook_event_id) == ("never came by itself, found in the provider's list", log.id)


@responses.activate
def test_people_are_told_of_an_order_that_never_came(here):
    careem(careem_order("62500001", ago(20)), careem_order("62500002", ago(15)))
    ask(here, "careem")
    alert = Alert.objects.get(cause="orders_never_came")
    assert (alert.company, alert.subject, alert.severity) == (here.company, "careem", "critical")
    assert alert.message == "2 orders of careem never came by themselves and were imported."
    assert alert.details["externalOrderIds"] == ["62500002", "62500001"]
    orders = Order.objects.filter(external_id__startswith="625")
    assert alert.details["orders"] == {str(order.id): "received" for order in orders}


@responses.activate
def test_an_order_that_can_no_longer_be_cooked_rings_nobody(here):
    careem(
        careem_order("62500001", ago(170)),
        careem_order("62500002", ago(30), status="trip_started"),
        careem_order("62500003", ago(30), status="cancelled"),
    )
    ask(here, "careem")
    found = Order.objects.filter(external_id__startswith="625").order_by("external_id")
    assert [(order.status, order.rings) for order in found] == [
        ("received", ""), ("out_for_delivery", ""), ("cancelled", ""),
    ]  # fmt: skip
    assert Alert.objects.get(cause="orders_never_came").severity == "warning"


@responses.activate
def test_what_came_is_not_asked_for(here):
    here.send("careem", dialect="native", external_id="62500001")
    careem(careem_order("62500001", ago(20)))
    assert ask(here, "careem").missing == []
    assert [call.request.url for call in responses.calls] == [f"{CAREEM_IDENTITY}/token", ORDERS]
    assert responses.calls[1].request.headers["Branch-Id"] == "amman-grill-careem-main"


@responses.activate
def test_what_waits_in_quarantine_came(here):
    here.send_payload("careem", {"event_type": "ORDER_CREATED", "details": {
        "id": 62500001, "branch": {"id": "x"}, "items": [{"id": "A", "quantity": 0}]}}, "native")  # fmt: skip
    careem(careem_order("62500001", ago(20)))
    assert (ask(here, "careem").missing, Order.objects.filter(external_id="62500001").exists()) == ([], False)


@responses.activate
def test_an_order_of_which_only_a_status_came_is_missing(here):
    here.send("careem", "ready", dialect="native", external_id="62500001")
    assert WebhookLog.objects.get(external_id="62500001").status == "parked"
    careem(careem_order("62500001", ago(20)))
    ask(here, "careem")
    assert Order.objects.get(external_id="62500001").status == "ready"


@responses.activate
def test_a_delivery_that_comes_late_changes_nothing_and_is_kept(here):
    careem(careem_order("62500001", ago(20)))
    ask(here, "careem")
    order = Order.objects.get(external_id="62500001")
    answer = here.send("careem", dialect="native", external_id="62500001", now=order.placed_at)
    assert (answer.status_code, answer.json()["status"], answer.json()["orderId"]) == (200, "ignored", str(order.id))
    order.refresh_from_db()
    assert (Order.objects.filter(external_id="62500001").count(), order.status, order.rings) == (1, "received", "new")
    assert sorted(log.source for log in WebhookLog.objects.filter(order_id=order.id)) == ["reconciliation", "webhook"]


@responses.activate
def test_an_order_of_a_moment_ago_may_still_come_by_itself(here):
    careem(careem_order("62500001", ago(1)))
    done = ask(here, "careem")
    assert (done.fresh, done.missing, Order.objects.filter(external_id="62500001").exists()) == (1, [], False)


@responses.activate
def test_a_second_run_takes_nothing_twice(here):
    careem(careem_order("62500001", ago(20)))
    ask(here, "careem")
    done = ask(here, "careem")
    assert (done.missing, done.imported, ListedOrder.objects.count()) == ([], [], 1)
    assert WebhookLog.objects.filter(external_id="62500001").count() == 1
    assert Alert.objects.get(cause="orders_never_came").count == 1


@responses.activate
def test_a_cancellation_that_never_came_calls_the_order_off(here):
    here.send("careem", dialect="native", external_id="62500001")
    careem(careem_order("62500001", ago(20), status="cancelled"))
    ask(here, "careem")
    order = Order.objects.get(external_id="62500001")
    assert order.status == "cancelled"
    alert = Alert.objects.get(cause="cancellations_never_came")
    assert alert.message == "A cancellation of careem never came by itself and was imported."
    assert ListedOrder.objects.get().outcome == ""


@responses.activate
def test_orders_from_before_the_first_delivery_are_nobodys(here):
    WebhookLog.objects.update(received_at=ago(60))
    careem(careem_order("62500001", ago(90)))
    assert ask(here, "careem").missing == []


@responses.activate
def test_a_provider_of_which_nothing_ever_came_is_not_compared():
    made = make_installation(menu=False)
    arm(made, "careem")
    careem(careem_order("62500001", ago(20)))
    assert ask(made, "careem").error == "Nothing of it has come here yet: is its webhook registered?"
    assert not Order.objects.exists()


@responses.activate
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": 500}, "The provider answered 500."),
        ({"status": 429, "headers": {"Retry-After": "60"}}, "The provider answered 429."),
        ({"body": b"<html>"}, "The answer is not the JSON that was asked for."),
        ({"json": {"message": "hello"}}, "The answer holds no list of orders."),
        ({"json": {"orders": [{"status": "pending"}]}}, "The list cannot be read: orders[0].id."),
        ({"body": ConnectionError()}, "The connection broke before the answer was there."),
    ],
)
def test_a_list_that_fails_is_never_taken_for_agreement(here, answer, said):
    responses.post(f"{CAREEM_IDENTITY}/token", json={"access_token": "careem-token"})
    responses.get(ORDERS, **answer)
    done = ask(here, "careem")
    run = ReconciliationRun.objects.get()
    assert (done.error, run.status, run.error, ListedOrder.objects.count()) == (said, "failed", said, 0)


@responses.activate
def test_people_hear_of_an_hour_without_comparison_until_there_is_one(here):
    responses.post(f"{CAREEM_IDENTITY}/token", json={"access_token": "careem-token"})
    refused = responses.get(ORDERS, status=500)
    for _ in range(3):
        ask(here, "careem")
    assert not Alert.objects.filter(cause="reconciliation_failing").exists()
    for _ in range(2):
        ask(here, "careem")
    alert = Alert.objects.get(cause="reconciliation_failing")
    assert (alert.subject, alert.count) == ("careem", 1)
    responses.remove(refused)
    responses.get(ORDERS, json=[])
    ask(here, "careem")
    alert.refresh_from_db()
    assert alert.state == "resolved"


@responses.activate
def test_a_failing_list_opens_no_breaker_and_an_open_one_keeps_it_back(here):
    responses.post(f"{CAREEM_IDENTITY}/token", json={"access_token": "careem-token"})
    responses.get(ORDERS, status=500)
    for _ in range(6):
        ask(here, "careem")
    assert not CircuitBreaker.objects.exists()
    CircuitBreaker.objects.create(company=here.company, provider="careem", state="open")
    asked = len(responses.calls)
    assert ask(here, "careem").error == "careem cannot be reached now; calls wait."
    assert len(responses.calls) == asked


@responses.activate
def test_a_run_after_failures_looks_back_to_the_last_one_that_compared(here):
    now = timezone.now()
    ReconciliationRun.objects.create(
        company=here.company, source="careem", status="compared", since=now - timedelta(hours=12),
        until=now - timedelta(hours=9), started_at=now - timedelta(hours=9),
    )  # fmt: skip
    careem(careem_order("62500001", ago(8 * 60)))
    assert [listed.external_id for listed in ask(here, "careem", now).missing] == ["62500001"]
    run = ReconciliationRun.objects.filter(source="careem").first()
    assert run is not None
    assert (run.since, run.until) == (now - timedelta(hours=9, minutes=15), now - timedelta(minutes=3))


@responses.activate
def test_a_long_list_without_bounds_is_whole_from_its_oldest_order_on(here):
    careem(*(careem_order(str(62500001 + number), ago(10 + number)) for number in range(10)))
    ask(here, "careem")
    run = ReconciliationRun.objects.get()
    assert run.since == Order.objects.get(external_id="62500010").placed_at


@responses.activate
def test_an_order_that_cannot_be_had_is_told_once(here):
    careem(careem_order("62500001", ago(20)))
    responses.replace(responses.GET, f"{ORDERS}/62500001", status=404)
    ask(here, "careem")
    ask(here, "careem")
    row = ListedOrder.objects.get()
    alert = Alert.objects.get(cause="orders_not_imported")
    assert (row.outcome, row.error, alert.count) == ("failed", "The provider answered 404.", 1)
    assert alert.details == {"externalOrderIds": ["62500001"]}
    assert not Order.objects.filter(external_id="62500001").exists()


@responses.activate
def test_an_order_whose_bytes_cannot_be_used_waits_in_quarantine(here):
    order = careem_order("62500001", ago(20))
    careem({**order, "items": [{"id": "A", "quantity": 0}]})
    ask(here, "careem")
    log = WebhookLog.objects.get(external_id="62500001")
    assert (log.status, log.source, list(log.details)) == ("quarantined", "reconciliation", ["items[0].quantity"])
    assert ask(here, "careem").missing == []


@responses.activate
def test_a_refused_token_is_renewed_once(here):
    careem(careem_order("62500001", ago(20)))
    responses.replace(responses.GET, ORDERS, status=401)
    assert ask(here, "careem").error == "The provider refused our credential (401)."
    assert [call.request.url for call in responses.calls].count(ORDERS) == 2


@responses.activate
def test_orders_of_a_sandbox_credential_are_tests(here):
    arm(here, "careem", environment="sandbox", base_url=CAREEM)
    responses.post(f"{CAREEM}/token", json={"access_token": "careem-token"})
    careem(careem_order("62500001", ago(20)))
    ask(here, "careem")
    assert Order.objects.get(external_id="62500001").is_test


@responses.activate
def test_talabats_report_is_asked_for_each_branch_and_status(here):
    talabat(["tb-1"], [], **{"tb-1": talabat_order("tb-1", ago(20), status="accepted")})
    ask(here, "talabat")
    order = Order.objects.get(external_id="tb-1")
    assert (order.status, order.rings, order.branch) == ("confirmed", "new", here.branch)
    lists = [call.request.params for call in responses.calls if "/ids?" in call.request.url]
    vendor = "amman-grill-talabat-main"
    assert lists == [
        {"status": "accepted", "pastNumberOfHours": "3", "vendorId": vendor},
        {"status": "cancelled", "pastNumberOfHours": "3", "vendorId": vendor},
    ]


@responses.activate
def test_what_talabat_cancelled_comes_cancelled(here):
    talabat([], ["tb-1"], **{"tb-1": talabat_order("tb-1", ago(20), status="cancelled", reason="NO_RESPONSE")})
    ask(here, "talabat")
    assert Order.objects.get(external_id="tb-1").status == "cancelled"


@responses.activate
def test_totals_that_a_list_does_not_tell_are_asked_for(here):
    here.send("talabat", dialect="native", external_id="tb-1")
    order = talabat_order("tb-1", ago(20), status="accepted")
    talabat(["tb-1"], [], **{"tb-1": order})
    ask(here, "talabat")
    ask(here, "talabat")
    assert ListedOrder.objects.get().total == Decimal(order["price"]["grandTotal"])
    assert [call.request.url for call in responses.calls].count(f"{CHAIN}/tb-1") == 1


@responses.activate
def test_talabat_without_its_chain_says_what_lacks(here):
    arm(here, "talabat").rotate("chainCode", "")
    credential = here.company.credentials.get(provider="talabat")
    credential.secrets = {name: entry for name, entry in credential.secrets.items() if name != "chainCode"}
    credential.save()
    access = provider_access(here.company, "talabat")
    assert company_source(here.company, "talabat", access) == "The credential lacks chainCode."


def test_another_companys_orders_are_not_looked_at(here):
    other = make_installation("irbid-grill", menu=False)
    assert company_source(other.company, "careem", provider_access(other.company, "careem")) == (
        "The credential lacks clientId, clientSecret."
    )


@responses.activate
def test_the_command_tells_in_a_table_and_a_dry_run_writes_nothing(here, capsys):
    careem(careem_order("62500001", ago(20)))
    call_command("reconcile", source="careem", dry_run=True)
    _head, row = capsys.readouterr().out.splitlines()
    assert (row.split()[0], row.split()[1], row.split()[-6:]) == (
        "amman-grill",
        "careem",
        ["1", "1", "0", "0", "0", "0"],
    )
    assert (ReconciliationRun.objects.count(), ListedOrder.objects.count()) == (0, 0)
    call_command("reconcile", source="careem", since="6h")
    assert capsys.readouterr().out.splitlines()[1].split()[-6:] == ["1", "1", "0", "1", "0", "0"]
    assert Order.objects.filter(external_id="62500001").exists()


@responses.activate
def test_the_command_fails_where_a_list_cannot_be_asked_for(here):
    responses.post(f"{CAREEM_IDENTITY}/token", json={"access_token": "careem-token"})
    responses.get(ORDERS, status=500)
    with pytest.raises(CommandError, match="1 lists could not be compared"):
        call_command("reconcile", source="careem")
