"""A business day beside what each list said of it: counts, sums, the orders that differ, and what nobody could compare."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from integration.models import Alert, ListedOrder, ReconciliationReport, ReconciliationRun
from integration.reconciliation.report import day_figures, report_finished_days
from integration.tests.factories import Installation, make_installation
from integration.tests.outbound import arm
from orders.business_day import day_span
from orders.models import AuditEntry, Company, Membership, Order
from orders.models.order import order_id_for

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
"""Noon in Amman."""
AFTER = datetime(2026, 3, 11, 9, 0, tzinfo=UTC)


@pytest.fixture
def here() -> Installation:
    made = make_installation(menu=False)
    Company.objects.update(created_at=NOON - timedelta(days=30))
    made.company.refresh_from_db()
    arm(made, "careem")
    return made


def ordered(here: Installation, external_id: str, total: str = "10.000", **fields: Any) -> Order:
    named = {"provider": "careem", "status": "delivered", "currency": "JOD", "placed_at": NOON, **fields}
    return Order.objects.create(
        id=order_id_for(here.company.id, named["provider"], external_id), company=here.company, external_id=external_id,
        total=Decimal(total), branch=here.branch, received_at=named["placed_at"], created_at=named["placed_at"],
        updated_at=named["placed_at"], **named,
    )  # fmt: skip


def listed(here: Installation, external_id: str, total: str | None = "10.000", **fields: Any) -> ListedOrder:
    named = {"source": "careem", "provider": "careem", "status": "delivered", "placed_at": NOON, **fields}
    return ListedOrder.objects.create(
        company=here.company, external_id=external_id, total=None if total is None else Decimal(total),
        first_listed_at=NOON, listed_at=NOON, **named,
    )  # fmt: skip


def compared(here: Installation, since: datetime, until: datetime, **fields: Any) -> None:
    named = {"source": "careem", "status": "compared", **fields}
    ReconciliationRun.objects.create(
        company=here.company, since=since, until=until, started_at=until, finished_at=until, **named
    )


def whole_day(here: Installation) -> None:
    span = day_span(here.company, DAY)
    compared(here, span.since - timedelta(hours=1), span.until)


def figures(here: Installation) -> dict[str, Any]:
    return day_figures(here.company, DAY, AFTER)


def row_of(here: Installation, provider: str = "careem") -> dict[str, Any]:
    (row,) = [row for row in figures(here)["rows"] if row["provider"] == provider]
    return row


def differing(here: Installation) -> list[tuple[str, str]]:
    return [(entry["kind"], entry["externalOrderId"]) for entry in figures(here)["differences"]]


def test_a_day_that_agrees_says_so_with_counts_and_sums(here):
    whole_day(here)
    for number in ("1", "2"):
        ordered(here, number)
        listed(here, number)
    assert row_of(here) == {
        "source": "careem", "provider": "careem", "state": "compared", "reason": None, "gaps": [], "currency": "JOD",
        "theirCount": 2, "ourCount": 2, "countDifference": 0, "theirSum": "20.000", "ourSum": "20.000",
        "sumDifference": "0.000",
    }  # fmt: skip
    found = figures(here)
    assert (found["differences"], found["isCompared"], found["from"], found["to"]) == (
        [], True, "2026-03-09T21:00:00Z", "2026-03-10T21:00:00Z",
    )  # fmt: skip


def test_each_way_in_which_an_order_differs(here):
    whole_day(here)
    ordered(here, "ours-alone")
    ordered(here, "other-total", total="12.500")
    listed(here, "other-total", total="12.250")
    ordered(here, "still-open", status="preparing")
    listed(here, "still-open", status="cancelled")
    ordered(here, "found")
    listed(here, "found", outcome="imported")
    listed(here, "lost", outcome="failed", error="The provider answered 404.")
    assert sorted(differing(here)) == [
        ("called_off", "still-open"), ("imported", "found"), ("missing", "lost"), ("not_listed", "ours-alone"),
        ("total", "other-total"),
    ]  # fmt: skip
    lost = next(entry for entry in figures(here)["differences"] if entry["kind"] == "missing")
    assert (lost["orderId"], lost["theirTotal"], lost["ourTotal"], lost["error"]) == (
        None, "10.000", None, "The provider answered 404.",
    )  # fmt: skip


def test_a_list_that_was_never_read_is_not_agreement(here):
    ordered(here, "1")
    ReconciliationRun.objects.create(
        company=here.company, source="careem", status="failed", error="The provider answered 500.", since=NOON,
        until=NOON, started_at=NOON,
    )  # fmt: skip
    row = row_of(here)
    assert (row["state"], row["reason"], row["theirCount"], row["countDifference"], row["theirSum"]) == (
        "not_compared", "The provider answered 500.", None, None, None,
    )  # fmt: skip
    assert (figures(here)["isCompared"], differing(here)) == (False, [])


def test_a_gap_in_the_day_is_named_and_blames_no_order_of_it(here):
    span = day_span(here.company, DAY)
    compared(here, span.since, NOON - timedelta(hours=1))
    compared(here, NOON + timedelta(hours=1), span.until)
    ordered(here, "in-the-gap")
    ordered(here, "outside", placed_at=NOON + timedelta(hours=2))
    row = row_of(here)
    assert (row["state"], row["gaps"]) == (
        "partly", [{"from": "2026-03-10T08:00:00Z", "to": "2026-03-10T10:00:00Z"}],
    )  # fmt: skip
    assert differing(here) == [("not_listed", "outside")]


def test_a_provider_without_a_list_is_shown_where_it_has_orders(here):
    ordered(here, "1", provider="jahez", currency="SAR", total="10.00")
    row = row_of(here, "jahez")
    assert (row["state"], row["reason"], row["ourCount"], row["ourSum"]) == (
        "not_compared", "The provider has no list of orders that we know.", 1, "10.00",
    )  # fmt: skip
    assert [row["provider"] for row in figures(here)["rows"]] == ["careem", "jahez"]


def test_currencies_are_never_added_up(here):
    whole_day(here)
    for number, currency, total in (("1", "JOD", "10.000"), ("2", "SAR", "20.00")):
        ordered(here, number, total=total, currency=currency)
        listed(here, number, total=total)
    rows = [row for row in figures(here)["rows"] if row["provider"] == "careem"]
    assert [(row["currency"], row["theirSum"], row["ourSum"]) for row in rows] == [
        ("JOD", "10.000", "10.000"), ("SAR", "20.00", "20.00"),
    ]  # fmt: skip


def test_a_sum_of_which_a_part_is_not_told_is_not_told(here):
    whole_day(here)
    for number, total in (("1", "10.000"), ("2", None)):
        ordered(here, number)
        listed(here, number, total=total)
    row = row_of(here)
    assert (row["theirCount"], row["theirSum"], row["sumDifference"], differing(here)) == (2, None, None, [])


def test_tests_and_other_days_are_left_out(here):
    whole_day(here)
    ordered(here, "trial", is_test=True)
    listed(here, "trial")
    ordered(here, "yesterday", placed_at=NOON - timedelta(days=1))
    listed(here, "yesterday", placed_at=None)
    assert (row_of(here)["theirCount"], row_of(here)["ourCount"], differing(here)) == (0, 0, [])


def test_what_nobody_accepted_is_not_missed_in_talabats_report(here):
    credential = arm(here, "talabat")
    credential.rotate("chainCode", "chain-1")
    credential.save()
    span = day_span(here.company, DAY)
    compared(here, span.since, span.until, source="talabat")
    whole_day(here)
    ordered(here, "refused", provider="talabat", status="rejected")
    ordered(here, "cooked", provider="talabat", status="delivered")
    assert differing(here) == [("not_listed", "cooked")]


def test_another_companys_orders_are_not_counted(here):
    whole_day(here)
    other = make_installation("irbid-grill", menu=False)
    ordered(other, "1")
    listed(other, "1")
    assert (row_of(here)["theirCount"], row_of(here)["ourCount"]) == (0, 0)


def test_a_day_is_reported_once_when_it_is_over(here):
    whole_day(here)
    listed(here, "lost")
    end = day_span(here.company, DAY).until
    assert report_finished_days(end + timedelta(minutes=30)) == 1  # the day before, whose end is longer ago
    assert report_finished_days(end + timedelta(minutes=61)) == 1
    assert report_finished_days(end + timedelta(hours=2)) == 0
    report = ReconciliationReport.objects.get(day=DAY)
    assert (report.is_different, report.figures["differenceCount"]) == (True, 1)
    alert = Alert.objects.get(cause="reconciliation_different")
    assert (alert.subject, alert.count, alert.message) == (
        "2026-03-10", 1, "The orders of 2026-03-10 differ from what the providers list, in one case.",
    )  # fmt: skip


def test_a_report_stays_as_it_was_made(here):
    whole_day(here)
    listed(here, "lost")
    report_finished_days(AFTER)
    ListedOrder.objects.all().delete()
    answer = here.client().get(f"/api/integration/reconciliation/day?day={DAY}").json()
    assert answer["data"]["differenceCount"] == 1
    assert answer["data"]["madeAt"] == "2026-03-11T09:00:00Z"


def test_the_days_are_listed_newest_first(here):
    whole_day(here)
    report_finished_days(AFTER)
    answer = here.client(here.manager).get("/api/integration/reconciliation").json()
    assert [entry["day"] for entry in answer["results"]] == ["2026-03-10", "2026-03-09"]
    assert answer["results"][0] == {
        "day": "2026-03-10", "isDifferent": False, "isCompared": True, "differenceCount": 0,
        "madeAt": "2026-03-11T09:00:00Z",
    }  # fmt: skip


@pytest.mark.parametrize("day", ["2999-01-01", "yesterday", "2026-13-01", "2026-3-10"])
def test_what_is_no_day_is_refused(here, day):
    for path in ("/api/integration/reconciliation/day", "/integrations/reconciliation/"):
        assert here.client().get(path, {"day": day}).status_code == 400


def test_staff_and_people_of_one_branch_do_not_see_the_companys_sums(here):
    Membership.objects.filter(user=here.manager).update(is_limited=True)
    for person in (here.staff, here.manager):
        client = here.client(person)
        assert client.get(f"/api/integration/reconciliation/day?day={DAY}").status_code == 403
        assert client.get(f"/api/integration/reconciliation/export.csv?day={DAY}").status_code == 403
        assert client.get("/integrations/reconciliation/").status_code == 403


def test_the_file_has_rows_and_differences_and_no_formula(here):
    whole_day(here)
    listed(here, "=1+1")
    report_finished_days(AFTER)
    answer = here.client().get(f"/api/integration/reconciliation/export.csv?day={DAY}")
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert lines[1:3] == ["careem,careem,compared,,JOD,1,0,-1,10.000,0.000,-10.000", ""]
    assert lines[4] == "missing,careem,'=1+1,,10.000,,JOD,delivered,,"
    assert AuditEntry.objects.get(action="reconciliation.exported").target == "2026-03-10"


def test_the_page_shows_the_day_and_links_the_order(here):
    whole_day(here)
    order = ordered(here, "1", total="12.000")
    listed(here, "1")
    html = here.client().get("/integrations/reconciliation/", {"day": str(DAY)}).content.decode()
    assert f'href="/orders/{order.id}/"' in html
    for said in ("Compared", "Another total", "10.000 JOD", "12.000 JOD", "2.000"):
        assert said in html


def test_a_page_of_nothing_says_what_is_needed(here):
    here.company.credentials.all().delete()
    html = here.client().get("/integrations/reconciliation/", {"day": str(DAY)}).content.decode()
    assert "No provider in use has a list" in html
    assert "No order differs" not in html
