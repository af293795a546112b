"""The roll-ups: that they are what the raw rows come to, whatever changes later, and that they outlive those rows."""

from __future__ import annotations

import importlib
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from io import StringIO
from types import SimpleNamespace

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection

from integration.delivery_rollup import deliveries_by, processing_by
from integration.inbox import replay
from integration.models import DeliveryRollup, WebhookLog
from integration.rollup import BUDGET_S, advance, check, roll_up, sum_month, write
from integration.tests.factories import make_installation
from orders.access import Access
from orders.models import (
    Branch,
    Company,
    CountRollup,
    MenuProduct,
    Order,
    OrderEvent,
    OrderItem,
    OrderItemModifier,
    OrderRollup,
    PendingDay,
    RollupState,
    TimeRollup,
)
from orders.models.analytics import TIME_BUCKETS
from orders.personal_data import blank_orders
from orders.rollup import keeping
from orders.rollup.counting import KINDS, TIMES_OF
from orders.rollup.reading import Days, Scope, figures_by, look_at, things_by, times_by
from orders.rollup.rows import Figures
from orders.services import change_status
from providers.events import Status

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 18, 12, 30, 20, tzinfo=UTC)
"""A Wednesday, 15:30 in Amman."""
TODAY, YESTERDAY = date(2026, 3, 18), date(2026, 3, 17)
NOON = datetime(2026, 3, 17, 9, tzinfo=UTC)
"""Noon of yesterday, in Amman."""
FIRST = date(2026, 3, 1)


@pytest.fixture
def here():
    with time_machine.travel(datetime(2026, 2, 1, tzinfo=UTC), tick=False):
        return make_installation()


def at(moment):
    return time_machine.travel(moment, tick=False)


def scope_of(here, user=None, **fields):
    return Scope(Access(user or here.owner, here.company, "owner", fields.pop("branch_ids", None)), **fields)


def days_of(here, now=NOW):
    return look_at(here.company, FIRST, TODAY, now)


def send(here, moment, provider="careem", event="created", **order):
    with at(moment):
        response = here.send(provider, event, **order)
        assert response.status_code == 200, response.content
        return response.json()["orderId"]


def step(order_id, status, moment, here=None, **fields):
    with at(moment):
        return change_status(Order.objects.get(pk=order_id), status, user=here.staff if here else None, **fields)


def roll(moment=NOW):
    with at(moment):
        return roll_up()


def whole(figures):
    """Return figures of everything together, as they are told."""
    return figures.get((), Figures())


def exact(here, now=NOW):
    """Return each closed day with what differs; a day that waits counts as differing."""
    return {day: found for day, found in check(here.company, now) if found != []}


@pytest.fixture
def busy(here):
    """Three days of orders and deliveries of every sort."""
    for number, provider in enumerate(("careem", "talabat", "deliveroo", "jahez")):
        for day in range(3):
            moment = NOON - timedelta(days=day, hours=number)
            order = send(here, moment, provider, external_id=f"10{number}{day}")
            if number % 2 == 0:
                step(order, Status.CONFIRMED, moment + timedelta(seconds=40), here, prep_minutes=15)
                step(order, Status.PREPARING, moment + timedelta(seconds=50), here)
                step(order, Status.READY, moment + timedelta(minutes=9), here)
            if number == 1:
                step(order, Status.REJECTED, moment + timedelta(seconds=20), here, reason="CLOSED")
            if number == 3:
                send(here, moment + timedelta(minutes=4), provider, "cancelled", external_id=f"10{number}{day}")
    with at(NOON + timedelta(minutes=1)):
        again = here.sample("careem", external_id="5000")
        here.post("careem", again)
        here.post("careem", again)
        here.send_payload("careem", {"event_type": "ORDER_CREATED"})
        assert here.send_payload("jahez", {}, delivery_id="x").status_code in {200, 202}
    return here


# -- exact -------------------------------------------------------------------------------------------------------------


def test_what_is_kept_is_what_the_raw_rows_come_to(busy):
    assert roll() > 0

    assert exact(busy) == {}
    kept, raw = days_of(busy), Days(FIRST, TODAY, NOW, frozenset(keeping.days_between(FIRST, TODAY)))
    assert kept.raw == {TODAY}
    scope = scope_of(busy)
    keys = ("day", "provider", "branch_id", "status", "currency")
    assert figures_by(scope, kept, *keys) == figures_by(scope, raw, *keys) != {}
    assert figures_by(scope, kept, "hour", "status") == figures_by(scope, raw, "hour", "status")
    assert figures_by(scope, kept, "clock_hour", "status") == figures_by(scope, raw, "clock_hour", "status")
    things = ("day", "provider", "kind", "key", "currency")
    assert things_by(scope, kept, KINDS, *things) == things_by(scope, raw, KINDS, *things)
    ways = ("day", "provider", "branch_id", "status", "error")
    assert deliveries_by(scope, kept, *ways) == deliveries_by(scope, raw, *ways) != {}
    assert deliveries_by(scope, kept, "clock_hour") == deliveries_by(scope, raw, "clock_hour")
    assert processing_by(scope, kept, "day", "provider") == processing_by(scope, raw, "day", "provider") != {}
    times = ("day", "provider", "branch_id", "kind")
    assert times_by(scope, kept, TIMES_OF, *times) == times_by(scope, raw, TIMES_OF, *times) != {}


def test_the_figures_of_a_day(here):
    order = send(here, NOON, external_id="1")
    step(order, Status.CONFIRMED, NOON + timedelta(seconds=40), here)
    step(order, Status.PREPARING, NOON + timedelta(seconds=60), here)
    step(order, Status.READY, NOON + timedelta(seconds=640), here)
    roll()

    found = figures_by(scope_of(here), days_of(here), "provider", "status", "currency")

    total = Order.objects.get().total
    assert found == {
        ("careem", "ready", "JOD"): Figures(
            orders=1, total=total, accepted=1, waited_us=40_000_000, prepared=1, preparing_us=600_000_000,
            due=1 if Order.objects.get().accept_by else 0, in_time=1 if Order.objects.get().accept_by else 0,
        )
    }  # fmt: skip
    row = OrderRollup.objects.get(hour__isnull=False)
    assert (row.day, row.hour, row.clock_hour) == (YESTERDAY, NOON, 12)


def test_an_hour_with_the_cut_off_belongs_to_both_days(here):
    Company.objects.update(business_day_cutoff=time(4, 30))
    here.company.refresh_from_db()
    for minute, number in ((29, "1"), (31, "2")):
        send(here, datetime(2026, 3, 17, 1, minute, tzinfo=UTC), external_id=number)
    roll()

    assert exact(here) == {}
    rows = OrderRollup.objects.filter(hour__isnull=False).order_by("day").values_list("day", "clock_hour", "orders")
    assert list(rows) == [(date(2026, 3, 16), 4, 1), (YESTERDAY, 4, 1)]


def test_a_day_is_counted_once_it_has_settled(here):
    midnight = datetime(2026, 3, 17, 21, tzinfo=UTC)
    send(here, NOON)

    assert roll(midnight + timedelta(minutes=14)) == 1
    assert not OrderRollup.objects.exists()
    assert roll(midnight + timedelta(minutes=15)) == 1
    assert OrderRollup.objects.filter(day=YESTERDAY).exists()
    assert roll(midnight + timedelta(minutes=16)) == 0


# -- what changes later ------------------------------------------------------------------------------------------------


def test_a_late_change_of_an_old_order_is_told_at_once_and_then_kept(here):
    order = send(here, NOON)
    roll()
    before = figures_by(scope_of(here), days_of(here), "status")

    step(order, Status.CANCELLED, NOW, here)

    days = days_of(here, NOW)
    assert (set(before), days.raw) == ({("received",)}, {YESTERDAY, TODAY})
    assert set(figures_by(scope_of(here), days, "status")) == {("cancelled",)}
    assert roll() == 1
    assert days_of(here).raw == {TODAY}
    assert set(figures_by(scope_of(here), days_of(here), "status")) == {("cancelled",)}
    assert exact(here) == {}


def test_a_deadline_that_passes_is_missed_though_nothing_happens(here):
    order = send(here, NOON)
    Order.objects.filter(pk=order).update(accept_by=NOW + timedelta(minutes=5))
    roll()
    assert whole(figures_by(scope_of(here), days_of(here))).due == 0

    later = NOW + timedelta(minutes=6)

    assert whole(figures_by(scope_of(here), days_of(here, later))).due == 1
    assert roll(later) == 1
    figures = whole(figures_by(scope_of(here), days_of(here, later)))
    assert (figures.due, figures.in_time) == (1, 0)
    assert exact(here, later) == {}


def test_a_delivery_that_comes_again_much_later(here):
    with at(NOON):
        sample = here.sample("jahez")
        here.post("jahez", sample)
    roll()

    with at(NOW):
        again = here.post("jahez", sample)

    assert again.json()["status"] == "duplicate"
    assert days_of(here).raw == {YESTERDAY, TODAY}
    assert roll() == 1
    assert DeliveryRollup.objects.get(hour=None).duplicates == 1
    assert exact(here) == {}


def test_a_replay_corrects_the_day_of_its_delivery(here):
    with at(NOON):
        assert here.send_payload("careem", {"event_type": "ORDER_CREATED"}).status_code == 202
    roll()
    assert set(deliveries_by(scope_of(here), days_of(here), "status")) == {("quarantined",)}

    with at(NOW):
        replay(WebhookLog.objects.get(), user=None)

    assert days_of(here).raw == {YESTERDAY, TODAY}
    roll()
    assert exact(here) == {}


def test_a_delivery_goes_to_the_branch_of_the_order_that_comes_later(here):
    with at(NOON):
        assert here.send("careem", "confirmed", external_id="77").json()["status"] == "parked"
    roll()
    assert set(deliveries_by(scope_of(here), days_of(here), "branch_id")) == {(None,)}

    send(here, NOW, external_id="77")
    roll()

    assert set(deliveries_by(scope_of(here), days_of(here, NOW + timedelta(seconds=1)), "branch_id", "day")) == {
        (here.branch.id, YESTERDAY),
        (here.branch.id, TODAY),
    }
    assert exact(here) == {}


def test_a_branch_that_is_deleted_leaves_its_figures_without_one(here):
    second = Branch.objects.create(company=here.company, name="Second")
    Order.objects.filter(pk=send(here, NOON, external_id="1")).update(branch=second)
    send(here, NOON, external_id="2")
    roll()

    second.delete()

    assert {key: figures.orders for key, figures in figures_by(scope_of(here), days_of(here), "branch_id").items()} == {
        (None,): 1,
        (here.branch.id,): 1,
    }
    assert exact(here) == {}


def test_lines_of_a_product_that_is_deleted_are_unmapped(here):
    send(here, NOON)
    roll()
    assert things_by(scope_of(here), days_of(here), ["unmapped"]) == {}

    MenuProduct.objects.all().delete()

    assert roll() == 1
    assert things_by(scope_of(here), days_of(here), ["product"]) == {}
    assert things_by(scope_of(here), days_of(here), ["unmapped"], "kind")[("unmapped",)].count > 0
    assert exact(here) == {}


def test_another_clock_counts_every_day_anew(busy):
    roll()
    Company.objects.update(time_zone="Asia/Dubai", business_day_cutoff=time(10))
    busy.company.refresh_from_db()

    assert days_of(busy).raw == set(keeping.days_between(FIRST, TODAY))
    assert roll() > 2
    assert days_of(busy).raw == {TODAY}
    assert exact(busy) == {}
    kept, raw = days_of(busy), Days(FIRST, TODAY, NOW, frozenset(keeping.days_between(FIRST, TODAY)))
    assert figures_by(scope_of(busy), kept, "day", "clock_hour") == figures_by(scope_of(busy), raw, "day", "clock_hour")


def test_a_reason_that_is_erased_with_age_is_counted_as_before(busy):
    roll()
    before = things_by(scope_of(busy), days_of(busy), ["reason"], "key")

    blank_orders(list(Order.objects.values_list("pk", flat=True)))

    assert {key for (key,) in before} == {"rejected|person|CLOSED", "cancelled|provider|words"}
    assert things_by(scope_of(busy), days_of(busy), ["reason"], "key") == before
    assert exact(busy) == {}


def test_rows_that_are_gone_take_no_figures_with_them(busy):
    roll()
    before = figures_by(scope_of(busy), days_of(busy), "provider", "status")
    _forget_raw_rows()

    with at(NOW):
        keeping.start_over(busy.company)
    roll()

    assert figures_by(scope_of(busy), days_of(busy), "provider", "status") == before != {}


def test_a_rebuild_leaves_days_whose_rows_are_partly_gone(here):
    days = [YESTERDAY - timedelta(days=back) for back in range(4)]
    for back in range(4):
        for number in range(2):
            send(here, NOON - timedelta(days=back, hours=number), external_id=f"{back}{number}")
    roll()
    gone = Order.objects.filter(received_at__lt=NOON - timedelta(days=1, minutes=30))
    logs = WebhookLog.objects.filter(received_at__lt=NOON - timedelta(days=1, minutes=30))
    for model in (OrderItemModifier, OrderItem, OrderEvent):
        way = "item__order__in" if model is OrderItemModifier else "order__in"
        model.objects.filter(**{way: gone}).delete()
    assert (gone.delete()[0], logs.delete()[0]) >= (5, 5)

    with at(NOW):
        keeping.start_over(here.company)
    assert roll() == 1

    found = figures_by(scope_of(here), days_of(here), "day")
    assert {day: figures.orders for (day,), figures in found.items()} == dict.fromkeys(days, 2)


def _forget_raw_rows():
    for model in (OrderItemModifier, OrderItem, OrderEvent, Order, WebhookLog):
        model.objects.all().delete()


# -- months ------------------------------------------------------------------------------------------------------------

FEBRUARY = date(2026, 2, 1)
SECOND = datetime(2026, 3, 2, 12, 30, 20, tzinfo=UTC)
"""The second of March: few days have to be counted until a month is whole."""


@pytest.fixture
def two_months(here):
    """Two orders in February, and one on the first of March."""
    for moment, number in ((datetime(2026, 2, 26, 9, tzinfo=UTC), "226"), (datetime(2026, 3, 1, 9, tzinfo=UTC), "301")):
        order = send(here, moment, external_id=number)
        for after_s, status in ((40, Status.CONFIRMED), (50, Status.PREPARING), (540, Status.READY)):
            step(order, status, moment + timedelta(seconds=after_s), here)
    order = send(here, datetime(2026, 2, 27, 9, tzinfo=UTC), "jahez", external_id="227")
    step(order, Status.REJECTED, datetime(2026, 2, 27, 10, tzinfo=UTC), here, reason="CLOSED")
    return here


def all_days(here, first=FEBRUARY):
    return look_at(here.company, first, SECOND.date(), SECOND)


def test_a_month_that_is_over_is_read_instead_of_its_days(two_months):
    roll(SECOND)

    assert exact(two_months, SECOND) == {}
    scope, kept = scope_of(two_months), all_days(two_months)
    raw = Days(FEBRUARY, SECOND.date(), SECOND, frozenset(keeping.days_between(FEBRUARY, SECOND.date())))
    assert kept.months == (FEBRUARY,)
    OrderRollup.objects.filter(day__lt=FIRST, is_month=False).delete()
    CountRollup.objects.filter(day__lt=FIRST, is_month=False).delete()
    TimeRollup.objects.filter(day__lt=FIRST, is_month=False).delete()
    DeliveryRollup.objects.filter(day__lt=FIRST, is_month=False).delete()
    for keys in (("provider", "branch_id", "status", "currency"), ("clock_hour", "status"), ("month",), ()):
        assert figures_by(scope, kept, *keys) == figures_by(scope, raw, *keys) != {}
    for keys in (("provider", "status", "error"), ("clock_hour",), ("month",)):
        assert deliveries_by(scope, kept, *keys) == deliveries_by(scope, raw, *keys) != {}
    things = ("month", "provider", "kind", "key", "currency")
    assert things_by(scope, kept, KINDS, *things) == things_by(scope, raw, KINDS, *things) != {}
    assert times_by(scope, kept, TIMES_OF, "kind") == times_by(scope, raw, TIMES_OF, "kind") != {}
    assert processing_by(scope, kept, "month") == processing_by(scope, raw, "month") != {}
    assert set(figures_by(scope, kept, "month")) == {(FEBRUARY,), (FIRST,)}


def test_a_part_of_a_month_is_read_by_its_days(two_months):
    roll(SECOND)

    days = all_days(two_months, first=date(2026, 2, 27))

    assert days.months == ()
    assert figures_by(scope_of(two_months), days, "month")[(FEBRUARY,)].orders == 1


def test_a_late_change_takes_its_month_back_until_that_is_added_up_again(two_months):
    roll(SECOND)
    order = Order.objects.get(external_id="226").pk

    step(order, Status.CANCELLED, SECOND, two_months)

    days = all_days(two_months)
    assert (days.months, days.raw) == ((), {date(2026, 2, 26), SECOND.date()})
    with at(SECOND):
        advance(two_months.company, SECOND)
        assert write(two_months.company, date(2026, 2, 26), SECOND)
    assert all_days(two_months).months == ()
    assert figures_by(scope_of(two_months), all_days(two_months), "status")[("cancelled",)].orders == 1
    roll(SECOND)
    assert all_days(two_months).months == (FEBRUARY,)
    assert figures_by(scope_of(two_months), all_days(two_months), "status")[("cancelled",)].orders == 1
    assert exact(two_months, SECOND) == {}


def test_a_month_with_a_day_that_waits_is_not_added_up(two_months):
    with at(SECOND):
        advance(two_months.company, SECOND)

        assert not sum_month(two_months.company, FEBRUARY, SECOND)

    assert not OrderRollup.objects.filter(is_month=True).exists()
    assert RollupState.objects.get().summed_months == []


def test_another_clock_adds_months_up_anew(two_months):
    roll(SECOND)
    Company.objects.update(time_zone="Asia/Dubai", business_day_cutoff=time(10))
    two_months.company.refresh_from_db()
    with at(SECOND):
        advance(two_months.company, SECOND)

    assert RollupState.objects.get().summed_months == []
    roll(SECOND)
    assert all_days(two_months).months == (FEBRUARY,)
    assert exact(two_months, SECOND) == {}


def test_a_check_tells_of_a_month_that_is_not_what_its_days_come_to(two_months):
    roll(SECOND)
    OrderRollup.objects.filter(is_month=True, clock_hour=None, provider="jahez").update(total=Decimal(1))

    found = exact(two_months, SECOND)

    assert list(found) == [date(2026, 2, 28)]
    assert len(found[date(2026, 2, 28)]) == 1


def test_times_that_were_kept_by_the_bucket_are_moved_into_columns(two_months):
    roll(SECOND)
    before = list(TimeRollup.objects.filter(is_month=False).order_by("day", "provider", "kind").values_list(*TIMED))
    TimeRollup.objects.filter(is_month=True).delete()
    moving = importlib.import_module("orders.migrations.0011_rollups_of_months")
    editor = SimpleNamespace(connection=connection)

    moving.move_times_back(None, editor)

    assert CountRollup.objects.filter(kind__in=moving.KINDS).count() == len(before)
    TimeRollup.objects.all().delete()
    moving.move_times(None, editor)
    assert list(TimeRollup.objects.order_by("day", "provider", "kind").values_list(*TIMED)) == before != []
    assert not CountRollup.objects.filter(kind__in=moving.KINDS).exists()


TIMED = ("day", "provider", "branch_id", "is_test", "kind", *TIME_BUCKETS)


# -- the task ----------------------------------------------------------------------------------------------------------


def test_a_run_that_has_no_time_leaves_the_days_for_the_next(busy):
    with at(NOW):
        assert roll_up(budget_s=-1) == 0
    waiting = PendingDay.objects.count()

    assert waiting >= 3
    assert roll() == waiting
    assert not PendingDay.objects.exists()
    assert BUDGET_S < 45


def test_nothing_is_written_where_nothing_has_changed(busy, django_assert_max_num_queries):
    roll()
    before = list(RollupState.objects.values()), list(OrderRollup.objects.values_list("pk", flat=True))

    with at(NOW + timedelta(minutes=1)), django_assert_max_num_queries(14):
        assert roll_up() == 0

    assert (list(RollupState.objects.values()), list(OrderRollup.objects.values_list("pk", flat=True))) == before


def test_a_day_that_is_marked_while_it_is_counted_stays_marked(here):
    send(here, NOON)
    with at(NOW):
        advance(here.company, NOW)

        def mark_again(company, day):
            keeping.mark(company.id, [day])
            return lambda: None

        assert keeping.write_day(here.company, YESTERDAY, NOW, mark_again)

    assert YESTERDAY in keeping.pending_days(here.company)


def test_who_has_counted_an_older_state_leaves_what_somebody_has_written_since(here):
    send(here, NOON, external_id="1")
    with at(NOW):
        advance(here.company, NOW)

        def meanwhile(company, day):
            send(here, NOON + timedelta(hours=1), external_id="2")
            assert write(company, day, NOW)
            return lambda: None

        assert not keeping.write_day(here.company, YESTERDAY, NOW, meanwhile)

    assert sum(row.orders for row in OrderRollup.objects.filter(hour=None)) == 2


def test_one_company_that_cannot_be_counted_keeps_no_other(here, monkeypatch):
    other = make_installation("other-grill", menu=False)
    send(here, NOON)
    send(other, NOON)
    broken = min(here.company.pk, other.company.pk)
    real = keeping.write_day

    def fail(company, *args):
        if company.pk == broken:
            raise ValueError
        real(company, *args)

    monkeypatch.setattr(keeping, "write_day", fail)
    roll()

    assert {row.company_id for row in OrderRollup.objects.all()} == {here.company.pk, other.company.pk} - {broken}


# -- whose figures -----------------------------------------------------------------------------------------------------


def test_only_what_a_person_may_see_is_counted(here):
    other = make_installation("other-grill", menu=False)
    second = Branch.objects.create(company=here.company, name="Second")
    send(other, NOON)
    Order.objects.filter(pk=send(here, NOON, external_id="2")).update(branch=second)
    send(here, NOON, external_id="1")
    Order.objects.filter(pk=send(here, NOON, external_id="3")).update(is_test=True)
    roll()

    def count(**fields):
        return whole(figures_by(scope_of(here, **fields), days_of(here))).orders

    assert (count(), count(with_tests=True), count(branch_ids=frozenset({second.id}))) == (2, 3, 1)
    assert count(branches=(here.branch.id,)) == 1
    assert count(branches=(other.branch.id,)) == 0
    assert count(providers=("jahez",)) == 0
    assert count(branches=(uuid.uuid4(),)) == 0
    assert sum(each.deliveries for each in deliveries_by(scope_of(here), days_of(here), "status").values()) == 3
    limited = scope_of(here, branch_ids=frozenset({second.id}))
    assert sum(each.deliveries for each in deliveries_by(limited, days_of(here), "status").values()) == 1


def test_a_report_reads_so_many_raw_days_and_says_how_many_are_behind(busy):
    days = look_at(busy.company, FIRST, TODAY, NOW, most_raw=2)

    assert (days.raw, days.behind) == ({YESTERDAY, TODAY}, 16)


# -- the command -------------------------------------------------------------------------------------------------------


def run(*arguments):
    out = StringIO()
    with at(NOW):
        call_command("roll_up", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_the_command_counts_and_checks(busy):
    assert run() == "amman-grill: 4 days counted.\n"
    assert run("--check") == "amman-grill: 3 days are exact, 0 differ, 0 wait to be counted.\n"


def test_a_check_tells_what_differs_and_a_rebuild_mends_it(busy):
    run()
    OrderRollup.objects.filter(day=YESTERDAY, hour=None, provider="careem").update(total=Decimal(1))
    CountRollup.objects.filter(day=YESTERDAY, kind="product").delete()

    with pytest.raises(CommandError, match="1 days differ"):
        run("--check", "--company", "amman-grill")

    assert run("--rebuild") == "amman-grill: 4 days counted.\n"
    assert "0 differ" in run("--check")


def test_a_check_writes_nothing(busy):
    assert run("--check") == "amman-grill: 0 days are exact, 0 differ, 0 wait to be counted.\n"
    assert not OrderRollup.objects.exists()
    assert not PendingDay.objects.exists()


def test_writing_one_day_twice_keeps_one(here):
    send(here, NOON)
    roll()
    before = OrderRollup.objects.count()

    with at(NOW):
        assert not write(here.company, YESTERDAY, NOW)
        keeping.mark(here.company.id, [YESTERDAY])
        assert write(here.company, YESTERDAY, NOW)

    assert OrderRollup.objects.count() == before
    assert exact(here) == {}
