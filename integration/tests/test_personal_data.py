"""A customer's data: exported whole, erased without a trace, and blanked when it is old."""

from __future__ import annotations

import json
import stat
import uuid
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from integration import tasks
from integration.models import WebhookBody, WebhookLog
from integration.personal_data import OpenOrdersError, erase_person, prune_personal_data
from integration.tests.factories import make_installation
from orders.models import AuditEntry, Customer, Order, OrderEvent, OrderItem, SignInTries
from orders.personal_data import find_person, quotes
from orders.services import change_status
from providers.events import Status

pytestmark = pytest.mark.django_db
NAME, PHONE, EMAIL = "Quasimodo Zzyzx", "+962795550142", "quasimodo@example.org"
STREET, NOTE, COURIER = "Undiscoverable Lane 42", "the dog bites xylophones", "+962785550199"
TRACES = [NAME, "795550142", EMAIL, STREET, NOTE, "785550199"]


@pytest.fixture
def here():
    return make_installation()


@pytest.fixture
def order(here) -> Order:
    return an_order(here, "1000001")


def an_order(here, external_id: str, *, phone: str = PHONE, finished: bool = True) -> Order:
    request = here.sample("careem", external_id=external_id)
    body = json.loads(request.body)
    body["zz"] = [NAME, phone, EMAIL, STREET, NOTE, COURIER]
    answer = here.send_payload("careem", body)
    assert answer.status_code == 200, answer.content
    made = Order.objects.get(external_id=external_id, company=here.company)
    customer, _ = Customer.objects.get_or_create(
        company=here.company, phone_key=phone, defaults={"name": NAME, "phone": phone, "email": EMAIL}
    )
    stray, made.customer = made.customer_id, customer
    made.customer_name, made.customer_phone, made.customer_email = NAME, phone, EMAIL
    made.delivery_address, made.notes = {"text": STREET}, NOTE
    made.courier = {"name": "Sami", "phone": COURIER, "status": "assigned"}
    made.save()
    Customer.objects.filter(pk=stray).exclude(pk=customer.pk).delete()
    OrderItem.objects.filter(order=made).update(notes=NOTE)
    if finished:
        change_status(made, Status.CANCELLED, user=here.owner, reason=f"{NAME} called from 079 555 0142")
    return Order.objects.get(pk=made.pk)


def everything_stored() -> str:
    parts = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                parts += [
                    bytes(v).decode("utf-8", "replace") if isinstance(v, (bytes, memoryview)) else str(v) for v in row
                ]
    return "\n".join(parts)


def traces() -> list[str]:
    kept = everything_stored()
    return [trace for trace in TRACES if trace in kept]


def person_of(here, phone: str = PHONE):
    person = find_person(here.company, phone=phone)
    assert person is not None
    return person


# -- finding -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phone", [PHONE, "0795550142", "962795550142", "+962 79 555 0142", " 079-555-0142 "])
def test_a_person_is_found_by_a_phone_in_any_writing(here, order, phone):
    person = person_of(here, phone)
    assert ([customer.name for customer in person.customers], list(person.orders)) == ([NAME], [order])


def test_a_person_is_found_by_the_customers_id(here, order):
    person = find_person(here.company, customer_id=order.customer_id)
    assert list(person.orders) == [order]


def test_another_companys_customer_is_nobody(here, order):
    other = make_installation("dubai-diner")
    assert find_person(other.company, phone=PHONE) is None
    assert find_person(other.company, customer_id=order.customer_id) is None


@pytest.mark.parametrize("phone", ["", " ", "0000000", "+962795550143"])
def test_a_phone_that_nobody_has_finds_nobody(here, order, phone):
    Order.objects.filter(pk=order.pk).update(customer_email="")
    assert find_person(here.company, phone=phone) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [("Ali called", True), ("quality", False), ("ali.", True), ("call 079 555-0142", True), ("5550143", False)],
)
def test_a_name_is_a_word_and_a_number_is_its_digits(text, found):
    assert quotes(text, ["ali", "95550142"]) is found


# -- erasing -----------------------------------------------------------------------------------------------------------


def test_nothing_of_an_erased_person_is_left(here, order):
    assert traces() == TRACES
    done = erase_person(person_of(here))
    assert (done.customers, done.orders, done.deliveries) == (1, 1, 1)
    assert traces() == []


def test_an_erased_order_keeps_its_amounts_and_lines(here, order):
    lines = list(order.items.values_list("name", "quantity", "total_price"))
    erase_person(person_of(here))
    after = Order.objects.get(pk=order.pk)
    assert (after.total, after.currency, after.status, after.seq) == (order.total, "JOD", "cancelled", order.seq)
    assert list(after.items.values_list("name", "quantity", "total_price")) == lines
    assert (after.customer, after.delivery_address, after.courier) == (None, None, None)
    assert OrderEvent.objects.get(order=order, status="cancelled").reason == "[erased]"


def test_a_delivery_keeps_what_makes_it_known(here, order):
    log = WebhookLog.objects.get()
    erase_person(person_of(here))
    after = WebhookLog.objects.get()
    assert (after.delivery_key, after.body_sha256, after.status) == (log.delivery_key, log.body_sha256, "processed")
    assert (after.headers, WebhookBody.objects.count()) == ({}, 0)


def test_a_delivery_that_became_no_order_goes_too_where_it_has_the_phone(here, order):
    here.send_payload("careem", {"nothing": "useful", "call": "+962 79 555 0142"})
    here.send_payload("careem", {"nothing": "useful", "call": "+962 79 555 0143"})
    erase_person(person_of(here))
    assert [b"0143" in bytes(body) for body in WebhookBody.objects.values_list("body", flat=True)] == [True]


def test_others_keep_their_data(here, order):
    other = an_order(here, "1000002", phone="+962795550999")
    dubai = make_installation("dubai-diner")
    theirs = an_order(dubai, "1000003")
    erase_person(person_of(here))
    for kept in (other, theirs):
        after = Order.objects.get(pk=kept.pk)
        assert (after.customer_name, after.customer_phone, after.notes) == (NAME, kept.customer_phone, NOTE)
        assert WebhookBody.objects.filter(log__order_id=kept.pk).count() == 1
    assert Customer.objects.count() == 2


def test_a_reason_that_quotes_nobody_stays(here, order):
    OrderEvent.objects.filter(order=order, status="cancelled").update(reason="closed early")
    erase_person(person_of(here))
    assert OrderEvent.objects.get(order=order, status="cancelled").reason == "closed early"


def test_who_has_an_open_order_is_not_erased_yet(here, order):
    an_order(here, "1000002", finished=False)
    with pytest.raises(OpenOrdersError):
        erase_person(person_of(here))
    assert traces() == TRACES
    assert not AuditEntry.objects.filter(action="customer.erased").exists()


def test_the_trail_says_that_somebody_was_erased_and_not_who(here, order):
    customer = order.customer_id
    erase_person(person_of(here), user=here.owner)
    entry = AuditEntry.objects.get(action="customer.erased")
    assert (entry.actor, entry.target, entry.company) == (here.owner.username, str(customer), here.company)
    assert entry.details == {"customers": 1, "orders": 1, "deliveries": 1}


# -- the commands ------------------------------------------------------------------------------------------------------


def test_a_dry_run_says_how_much_there_is_and_erases_nothing(here, order, capsys):
    call_command("erase_customer", "--phone", PHONE, "--company", "amman-grill", "--dry-run")
    assert capsys.readouterr().out == "1 customers, 1 orders and 1 deliveries would be erased.\n"
    assert traces() == TRACES


def test_the_command_erases(here, order, capsys):
    call_command("erase_customer", "--id", str(order.customer_id))
    assert capsys.readouterr().out == "1 customers, 1 orders and 1 deliveries were erased.\n"
    assert traces() == []


def test_the_command_waits_for_open_orders(here):
    an_order(here, "1000001", finished=False)
    with pytest.raises(CommandError, match="still open"):
        call_command("erase_customer", "--phone", PHONE)


@pytest.mark.parametrize("command", ["erase_customer", "export_customer"])
def test_a_command_says_that_nobody_is_known(here, command, tmp_path):
    extra = ["--output", str(tmp_path / "out.json")] if command == "export_customer" else []
    with pytest.raises(CommandError, match=r"Amman Grill knows no such customer\."):
        call_command(command, "--id", str(uuid.uuid4()), *extra)
    assert list(tmp_path.iterdir()) == []


def test_an_export_has_everything_in_one_file_for_its_owner_alone(here, order, tmp_path):
    path = tmp_path / "person.json"
    call_command("export_customer", "--phone", PHONE, "--output", str(path))
    text = path.read_text(encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [trace for trace in TRACES if trace not in text] == []
    told = json.loads(text)
    assert [one["phone"] for one in told["customers"]] == [PHONE]
    assert told["orders"][0]["timeline"][-1]["reason"] == f"{NAME} called from 079 555 0142"
    assert json.loads(told["deliveries"][0]["body"])["zz"][0] == NAME
    assert AuditEntry.objects.get(action="customer.exported").details == {"orders": 1, "deliveries": 1}


def test_an_export_overwrites_no_file(here, order, tmp_path):
    path = tmp_path / "person.json"
    path.write_text("mine")
    with pytest.raises(CommandError, match="cannot be written: File exists"):
        call_command("export_customer", "--phone", PHONE, "--output", str(path))
    assert path.read_text() == "mine"
    assert not AuditEntry.objects.filter(action="customer.exported").exists()


# -- what is old -------------------------------------------------------------------------------------------------------


def age(order: Order, days: int) -> None:
    then = timezone.now() - timedelta(days=days, minutes=1)
    Order.objects.filter(pk=order.pk).update(created_at=then)
    Customer.objects.filter(pk=order.customer_id).update(updated_at=then)


def test_an_old_order_forgets_whose_it_was(here, order):
    age(order, 365)
    assert prune_personal_data() == 1
    assert traces() == []
    assert Order.objects.get(pk=order.pk).total == order.total
    assert AuditEntry.objects.get(action="customer.data_pruned").details == {"orders": 1}
    assert prune_personal_data() == 0


@pytest.mark.parametrize(("days", "kept_days"), [(364, 365), (3650, 0), (30, 31)])
def test_a_younger_order_and_one_that_is_kept_for_ever_stay(here, order, settings, days, kept_days):
    settings.PERSONAL_DATA_RETENTION_DAYS = kept_days
    age(order, days)
    assert prune_personal_data() == 0
    assert traces() == TRACES


def test_an_open_order_stays_however_old(here):
    age(an_order(here, "1000001", finished=False), 400)
    assert prune_personal_data() == 0
    assert Order.objects.get().customer_name == NAME


def test_a_customer_with_a_younger_order_stays(here, order):
    age(order, 400)
    an_order(here, "1000002")
    assert prune_personal_data() == 1
    assert Customer.objects.get().name == NAME


def test_bytes_that_wait_in_vain_go_at_the_same_age(here):
    here.send_payload("careem", {"nothing": "useful"})
    WebhookLog.objects.update(received_at=timezone.now() - timedelta(days=366))
    prune_personal_data()
    assert (WebhookBody.objects.count(), WebhookLog.objects.get().status) == (0, "quarantined")


def test_old_orders_are_taken_in_batches(here, monkeypatch):
    monkeypatch.setattr("integration.personal_data.BATCH", 2)
    for number in range(5):
        age(an_order(here, f"100000{number}"), 400)
    assert prune_personal_data() == 5
    assert traces() == []


def test_the_command_prunes_and_counts(here, order, capsys, settings):
    age(order, 400)
    call_command("prune_personal_data", "--dry-run")
    call_command("prune_personal_data")
    settings.PERSONAL_DATA_RETENTION_DAYS = 0
    call_command("prune_personal_data")
    assert capsys.readouterr().out.splitlines() == [
        "Older than 365 days:",
        "orders                       1 finished orders would be blanked",
        "webhook_logs                 0 deliveries that wait in vain would lose their bytes",
        "customers                    0 customers whom no order names would be deleted; those of the orders above come on top",
        "1 finished orders older than 365 days were blanked.",
        "PERSONAL_DATA_RETENTION_DAYS is 0: nothing is taken out, whatever its age.",
    ]


def test_the_daily_task_takes_sessions_and_counts_that_are_over_as_well(here, order):
    age(order, 400)
    client = here.client()
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    client.post("/sign-in/", {"username": "x", "password": "y"})
    SignInTries.objects.update(window_ends_at=timezone.now() - timedelta(seconds=1))
    tasks.prune_personal_data()
    assert (traces(), Session.objects.count(), SignInTries.objects.count()) == ([], 0, 0)
