from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from integration import deadlines
from integration.models import Alert, AutoAcceptPolicy, OutboundPush
from integration.tests.outbound import move, received
from orders.models import Order, OrderEvent


def at(order: Order, part: float) -> datetime:
    """Return the moment at which this part of the order's time is gone."""
    return order.received_at + (order.accept_by - order.received_at) * part


def alert() -> Alert:
    return Alert.objects.get(cause="order_unanswered")


def policy(installation, **fields):
    return AutoAcceptPolicy.objects.create(company=installation.company, **fields)


def status_after_watch(order: Order, **changes) -> str:
    Order.objects.filter(pk=order.pk).update(**{"needs_attention": False, "attention_reasons": [], **changes})
    deadlines.watch(timezone.now())
    return Order.objects.get(pk=order.pk).status


def test_an_unanswered_order_raises_an_alert_at_half_its_time(amman):
    order = received(amman)
    deadlines.watch(at(order, 0.49))
    assert not Alert.objects.exists()
    deadlines.watch(at(order, 0.51))
    assert (alert().subject, alert().severity, alert().count) == ("jahez", "warning", 1)
    assert alert().details["orders"] == {str(order.id): "half"}


def test_it_gets_worse_at_four_fifths(amman):
    order = received(amman)
    deadlines.watch(at(order, 0.5))
    deadlines.watch(at(order, 0.7))
    assert (alert().severity, alert().count) == ("warning", 1)
    deadlines.watch(at(order, 0.81))
    deadlines.watch(at(order, 0.9))
    assert (alert().severity, alert().count) == ("critical", 2)


def test_orders_of_a_provider_share_an_alert_and_a_new_one_rings_again(amman):
    first, second = received(amman), received(amman, external_id="10000002")
    Order.objects.filter(pk=second.pk).update(accept_by=second.accept_by + timedelta(minutes=5))
    deadlines.watch(at(first, 0.6))
    deadlines.watch(at(first, 1.1))
    assert alert().details["waiting"] == 2
    assert alert().count == 2


def test_it_is_resolved_by_itself_when_all_are_answered(amman):
    order = received(amman)
    deadlines.watch(at(order, 0.6))
    move(order, "confirmed")
    deadlines.watch(at(order, 0.7))
    assert (alert().state, alert().resolved_by) == ("resolved", None)


def test_companies_and_providers_have_their_own(amman, dubai):
    order = received(amman)
    received(dubai)
    received(amman, "careem", "77")
    deadlines.watch(at(order, 0.9))
    found = set(Alert.objects.values_list("company__slug", "subject"))
    assert found == {("amman-grill", "jahez"), ("dubai-diner", "jahez")}


def test_a_test_order_wakes_nobody(amman):
    order = received(amman)
    Order.objects.filter(pk=order.pk).update(is_test=True)
    deadlines.watch(at(order, 0.9))
    assert not Alert.objects.exists()


def test_a_missed_order_is_spoken_of_for_half_an_hour(amman):
    order = received(amman)
    deadlines.watch(order.accept_by + timedelta(minutes=29))
    assert alert().state == "open"
    deadlines.watch(order.accept_by + timedelta(minutes=31))
    assert alert().state == "resolved"


def test_the_watch_asks_the_database_a_fixed_number_of_times(amman, django_assert_max_num_queries):
    orders = [received(amman, external_id=f"4000000{number}") for number in range(6)]
    deadlines.watch(at(orders[0], 0.6))
    with django_assert_max_num_queries(6):
        deadlines.watch(at(orders[0], 0.7))


@pytest.mark.parametrize("which", [0, 1])
def test_the_watch_reads_the_index_of_unanswered_orders(amman, which):
    received(amman)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # A table of one row is read whole otherwise; an index that cannot serve is not used even so.
            cursor.execute("SET LOCAL enable_seqscan = off")
    assert "order_accept_by" in deadlines.waiting(timezone.now())[which].explain()


def test_what_was_missed_long_ago_is_not_read(amman):
    order = received(amman)
    assert deadlines.unanswered(at(order, 1.1)) == [order]
    assert deadlines.unanswered(order.accept_by + timedelta(minutes=31)) == []


def test_an_order_without_a_deadline_is_read_for_a_day(amman):
    order = received(amman)
    Order.objects.filter(pk=order.pk).update(accept_by=None)
    assert deadlines.unanswered(order.created_at + timedelta(hours=23)) == [order]
    assert deadlines.unanswered(order.created_at + timedelta(hours=25)) == []


def test_a_policy_accepts_and_the_provider_is_told(amman):
    policy(amman, prep_minutes=25)
    order = received(amman)
    assert status_after_watch(order) == "confirmed"
    entry = OrderEvent.objects.get(order=order, status="confirmed")
    assert (entry.source, entry.user, entry.prep_minutes) == ("system", None, 25)
    assert OutboundPush.objects.get(order=order).prep_minutes == 25


@pytest.mark.parametrize(
    "changes",
    [
        {"needs_attention": True, "attention_reasons": ["unmapped_item"]},
        {"is_test": True},
        {"branch": None},
        {"scheduled_for": datetime(2100, 1, 1, tzinfo=UTC)},
        {"accept_by": datetime(2020, 1, 1, tzinfo=UTC)},
    ],
)
def test_an_order_that_needs_a_person_waits_for_one(amman, changes):
    policy(amman)
    assert status_after_watch(received(amman), **changes) == "received"


def test_a_policy_that_is_off_accepts_nothing(amman):
    policy(amman, enabled=False)
    assert status_after_watch(received(amman)) == "received"


def test_another_companys_policy_accepts_nothing(amman, dubai):
    policy(dubai)
    assert status_after_watch(received(amman)) == "received"


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        ([("", False, True), ("jahez", False, False)], "received"),
        ([("jahez", False, True), ("", True, False)], "received"),
        ([("", True, False), ("jahez", True, True)], "confirmed"),
        ([("careem", True, True)], "received"),
    ],
)
def test_the_nearest_policy_counts(amman, scopes, expected):
    for provider, of_branch, enabled in scopes:
        policy(amman, provider=provider, branch=amman.branch if of_branch else None, enabled=enabled)
    assert status_after_watch(received(amman)) == expected


def test_an_owner_sets_a_policy_for_own_branches_only(amman, dubai):
    page = "/admin/integration/autoacceptpolicy/add/"
    data = {"company": str(amman.company.id), "provider": "jahez", "enabled": "on", "prep_minutes": "15"}
    answer = amman.client().post(page, {**data, "branch": str(dubai.branch.id)})
    assert (answer.status_code, AutoAcceptPolicy.objects.count()) == (200, 0)
    answer = amman.client().post(page, {**data, "branch": str(amman.branch.id)})
    assert answer.status_code == 302
    made = AutoAcceptPolicy.objects.get()
    assert (made.company, made.branch, made.provider, made.prep_minutes) == (amman.company, amman.branch, "jahez", 15)


def test_a_closed_branch_accepts_nothing(amman):
    policy(amman)
    order = received(amman)
    amman.branch.opening_hours = [{"day": 9, "opens": "10:00", "closes": "11:00"}]
    amman.branch.save()
    assert status_after_watch(order) == "received"


@pytest.mark.parametrize(
    ("utc", "is_open"),
    [
        # Amman is three hours ahead; 10 January 2026 is a Saturday.
        ("2026-01-10T06:59", False), ("2026-01-10T07:00", True), ("2026-01-10T20:59", True), ("2026-01-10T21:00", True),
        ("2026-01-10T22:59", True), ("2026-01-10T23:00", False), ("2026-01-09T08:00", False),
    ],
)  # fmt: skip
def test_hours_past_midnight_are_those_of_the_day_before(amman, utc, is_open):
    amman.branch.opening_hours = [{"day": 5, "opens": "10:00", "closes": "02:00"}]
    moment = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert deadlines.is_open(amman.branch, "Asia/Amman", moment) is is_open


@pytest.mark.parametrize("hours", [[{}], ["x"], [{"day": 5, "opens": "25:00", "closes": "26:00"}], [{"day": None}]])
def test_hours_that_cannot_be_read_count_as_closed(amman, hours):
    amman.branch.opening_hours = hours
    assert deadlines.is_open(amman.branch, "Asia/Amman", timezone.now()) is False


def test_no_hours_and_a_whole_day_are_always(amman):
    moment = datetime(2026, 1, 10, 3, tzinfo=UTC)
    amman.branch.opening_hours = []
    assert deadlines.is_open(amman.branch, "Asia/Amman", moment)
    amman.branch.opening_hours = [{"day": 5, "opens": "00:00", "closes": "24:00"}]
    assert deadlines.is_open(amman.branch, "Asia/Amman", moment)
