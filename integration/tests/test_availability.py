"""The objective: what is counted, what is left of the budget, how fast it burns, and who is told and shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from integration import answered as counting
from integration import retention
from integration.alerting import objective, watch
from integration.answered import Answered, add_counts, answered
from integration.availability import PROBES, STEP, WEBHOOKS, measure
from integration.models import Alert, AvailabilitySample
from integration.tests.metrics import moves
from orders.models import User

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, 2, tzinfo=UTC)
"""Two minutes into its five."""


def sample(minutes_ago: float, asked: int, failed: int = 0, source: str = WEBHOOKS) -> None:
    start = NOW - timedelta(minutes=2) - timedelta(minutes=minutes_ago)
    AvailabilitySample.objects.create(source=source, started_at=start, asked=asked, failed=failed)


def outage(minutes: int, *, ago: int = 0, source: str = "probe:riyadh", hours: int = 24) -> None:
    """Let a probe see an outage that ended so many minutes ago, in hours that went well before."""
    for step in range(hours * 12):
        is_away = ago <= step * 5 < ago + minutes
        sample(step * 5, 20, 20 if is_away else 0, source)


def rows() -> list[tuple[str, datetime, int, int]]:
    found = AvailabilitySample.objects.order_by("source", "started_at")
    return list(found.values_list("source", "started_at", "asked", "failed"))


# -- counting ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def tally(settings, monkeypatch):
    """A process that serves, whose timer somebody else would be."""
    settings.SERVES_REQUESTS = True
    monkeypatch.setattr(Answered, "_start_timer", lambda self: None)
    return Answered()


def test_what_is_answered_is_kept_by_its_five_minutes(tally):
    for failed in (False, False, True):
        tally.note(failed=failed, now=NOW)
    tally.note(failed=False, now=NOW + STEP)
    assert rows() == []
    assert tally.write() == 2
    first = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    assert rows() == [(WEBHOOKS, first, 3, 1), (WEBHOOKS, first + STEP, 1, 0)]
    assert tally.write() == 0


def test_processes_count_into_one_row(tally):
    other = Answered()
    for each in (tally, other, tally):
        each.note(failed=each is other, now=NOW)
        each.write()
    assert [row[2:] for row in rows()] == [(3, 1)]


def test_what_cannot_be_written_waits_with_its_time_and_is_written_once(tally, monkeypatch):
    def away(*args):
        raise OperationalError("no server")

    monkeypatch.setattr(counting, "add_counts", away)
    tally.note(failed=True, now=NOW)
    assert tally.write() == 0
    tally.note(failed=True, now=NOW)
    tally.note(failed=False, now=NOW + STEP)
    monkeypatch.setattr(counting, "add_counts", add_counts)
    assert tally.write() == 2
    assert [row[2:] for row in rows()] == [(2, 2), (1, 0)]


def test_a_process_that_serves_nobody_counts_nothing():
    each = Answered()
    each.note(failed=True, now=NOW)
    assert each.write() == 0


@pytest.mark.parametrize(("status", "failed"), [(200, 0), (202, 0), (401, 0), (404, 0), (500, 1), (503, 1)])
def test_a_webhook_request_counts_by_its_answer(amman, tally, monkeypatch, status, failed):
    from integration import metrics

    monkeypatch.setattr(metrics, "answered", tally)
    with moves("integration_webhook_requests_total", provider="careem", answer="none", code=str(status)):
        metrics.count_request("careem", status, {}, 0.01)
    tally.write()
    assert [row[2:] for row in rows()] == [(1, failed)]


def test_a_real_request_is_counted_at_its_answer(amman, settings, monkeypatch):
    settings.SERVES_REQUESTS = True
    monkeypatch.setattr(answered, "_start_timer", lambda: None)
    amman.send("careem")
    Client().post(f"/api/integration/webhook/careem/{amman.company.id}", "{}", content_type="application/json")
    answered.write()
    assert [row[2:] for row in rows()] == [(2, 0)]


def test_a_process_writes_by_itself(settings, monkeypatch):
    settings.SERVES_REQUESTS = True
    started = []
    monkeypatch.setattr(counting.threading.Timer, "start", lambda self: started.append((self.interval, self.function)))
    monkeypatch.setattr(counting.atexit, "register", started.append)
    each = Answered()
    each.note(failed=False, now=NOW)
    each.note(failed=False, now=NOW)
    assert started == [each.write, (counting.WRITE_EVERY_S, each._write_in_thread)], "one timer for all that comes"
    each.write()
    each.note(failed=False, now=NOW)
    assert len(started) == 3


def test_rows_that_no_window_reaches_go(amman):
    sample(60 * 24 * 32, 10)
    sample(60 * 24 * 29, 10)
    assert retention.clean(NOW).counts == {"availability_samples": 1}
    assert AvailabilitySample.objects.count() == 1


# -- the budget --------------------------------------------------------------------------------------------------------


def test_nothing_known_is_nothing_spent():
    found = measure(NOW)
    assert [(each.left_minutes, each.percent, each.burn("1h")) for each in found.measures] == [
        (pytest.approx(21.6), 100.0, None),
        (pytest.approx(21.6), 100.0, None),
    ]


def test_minutes_that_a_probe_saw_it_away_are_minutes_of_the_budget():
    outage(10)
    probes = measure(NOW).probes
    assert probes.spent_minutes == pytest.approx(10)
    assert probes.left_minutes == pytest.approx(11.6)


def test_of_several_probes_each_counts_for_what_it_saw():
    sample(0, 20, 20, "probe:riyadh")
    sample(0, 20, 0, "probe:dubai")
    assert measure(NOW).probes.spent_minutes == pytest.approx(2.5)


def test_a_part_of_the_requests_is_that_part_of_the_budget():
    sample(0, 9_998, 2)
    sample(5, 10_002, 3)
    webhooks = measure(NOW).webhooks
    assert webhooks.ratio == pytest.approx(5 / 20_000)
    assert webhooks.left_minutes == pytest.approx(21.6 / 2)
    assert webhooks.percent == 99.975


def test_what_is_older_than_thirty_days_is_forgiven():
    sample(60 * 24 * 31, 20, 20, "probe:riyadh")
    assert measure(NOW).probes.steps == []


def test_the_worse_measure_counts():
    outage(10)
    sample(0, 1_000_000)
    assert measure(NOW).worse.name == PROBES


def test_the_burn_is_how_many_times_as_fast_as_allowed():
    outage(5, hours=6)
    probes = measure(NOW).probes
    assert probes.burn("1h") == pytest.approx(1 / 12 / 0.0005)
    assert probes.burn("6h") == pytest.approx(1 / 72 / 0.0005)


# -- who is told -------------------------------------------------------------------------------------------------------


def causes() -> list[tuple[str, str, str]]:
    found = Alert.objects.exclude(state="resolved").order_by("cause", "subject")
    return list(found.values_list("cause", "subject", "severity"))


def test_an_outage_is_told_once_and_resolves_when_it_burns_no_more():
    outage(5)
    watch.watch_slowly(NOW)
    watch.watch_slowly(NOW)
    assert causes() == [(objective.BURNING, PROBES, "critical")]
    alert = Alert.objects.get()
    assert (alert.company, alert.count) == (None, 1)
    assert alert.message == "Probes from outside fail so often that the budget of 30 days is gone within days."
    AvailabilitySample.objects.all().delete()
    outage(5, ago=60 * 24 * 4, hours=24 * 5)
    watch.watch_slowly(NOW)
    assert causes() == []


def test_small_faults_that_add_up_are_a_warning():
    for step in range(3 * 24 * 12):
        sample(step * 5, 1_000, 1)
    found = list(objective.burning_budgets(measure(NOW)))
    assert [(each.subject, each.severity, each.details["burn"]["1h"]) for each in found] == [(WEBHOOKS, "warning", 2.0)]


@pytest.mark.parametrize("failed", [1, 2])
def test_one_or_two_failures_of_a_small_restaurant_wake_nobody(failed):
    sample(0, 20, failed)
    assert list(objective.burning_budgets(measure(NOW))) == []


def test_an_alert_ends_soon_after_its_cause():
    outage(5, ago=15)
    assert measure(NOW).probes.burn("1h") > 14.4
    assert measure(NOW).probes.is_burning([objective.FAST[0]]) is False


def test_a_budget_that_is_spent_is_told_until_it_has_recovered():
    outage(25, ago=60 * 24 * 5, hours=24 * 6)
    watch.watch_slowly(NOW)
    assert causes() == [(objective.SPENT, PROBES, "warning")]
    AvailabilitySample.objects.filter(failed__gt=0).delete()
    watch.watch_slowly(NOW)
    assert causes() == []


def test_a_probe_that_falls_silent_is_told_until_it_is_back():
    sample(60, 20, 0, "probe:riyadh")
    sample(0, 20, 0, "probe:dubai")
    watch.watch_slowly(NOW)
    assert causes() == [(objective.SILENT, "riyadh", "warning")]
    sample(0, 20, 0, "probe:riyadh")
    watch.watch_slowly(NOW)
    assert causes() == []


# -- who sees it -------------------------------------------------------------------------------------------------------


def page(user) -> tuple[int, str]:
    client = Client()
    client.force_login(user)
    response = client.get("/availability/")
    return response.status_code, response.content.decode()


@pytest.fixture
def operator(amman) -> User:
    return User.objects.create_superuser("operator", password="correct horse battery")


def test_it_does_not_exist_for_members(amman):
    for user in (amman.owner, amman.manager, amman.staff):
        status, html = page(user)
        assert (status, "minutes left" in html) == (404, False)
    response = Client().get("/availability/")
    assert (response.status_code, response["Location"]) == (302, "/sign-in/?next=/availability/")
    assert "/availability/" not in amman.client().get("/").content.decode()


def test_an_operator_sees_what_is_left_and_how_fast_it_burns(operator):
    now = timezone.now()
    start = now.replace(minute=now.minute - now.minute % 5, second=0, microsecond=0)
    AvailabilitySample.objects.create(source="probe:riyadh", started_at=start, asked=20, failed=20)
    AvailabilitySample.objects.create(source=WEBHOOKS, started_at=start, asked=20_000, failed=5)
    status, html = page(operator)
    assert status == 200
    assert "<strong>16.6</strong> of 21.6 minutes left" in html
    assert "<strong>10.8</strong> of 21.6 minutes left" in html
    assert "20 of 20" in html
    assert "5 of 20,000" in html
    assert "riyadh" in html
    assert 'href="/availability/"' in html


def test_without_a_probe_the_page_says_how_one_is_started(operator):
    status, html = page(operator)
    assert status == 200
    assert "python manage.py probe http://" in html
    assert "PROBE_TOKEN is not set here" in html
    assert "No webhook request has been answered" in html


# -- what programs read ------------------------------------------------------------------------------------------------


def answer_to(key: str) -> tuple[int, dict]:
    response = Client().get("/api/availability", headers={"Authorization": f"Token {key}"})
    return response.status_code, response.json()


@time_machine.travel(NOW, tick=False)
def test_a_token_of_an_operator_reads_the_numbers_of_the_page(amman, operator):
    sample(60 * 24 * 2, 20, 0, "probe:dubai")
    sample(0, 20, 20, "probe:riyadh")
    sample(0, 20_000, 5)
    assert answer_to(amman.token(operator)) == (200, {"success": True, "data": {
        "objectivePercent": 99.95, "days": 30, "budgetMinutes": 21.6, "checkedAt": "2026-03-01T12:02:00Z", "worse": "webhooks",
        "measures": [
            {
                "name": "probes", "state": "unhealthy", "since": "2026-02-27T12:00:00Z", "asked": 40, "failed": 20,
                "availablePercent": 50.0, "spentMinutes": 5.0, "leftMinutes": 16.6,
                "burn": {"1h": 2000.0, "6h": 2000.0, "1d": 2000.0, "3d": 1000.0},
                "failures": [{"startedAt": "2026-03-01T12:00:00Z", "asked": 20, "failed": 20, "minutes": 5.0}],
            },
            {
                "name": "webhooks", "state": "healthy", "since": "2026-03-01T12:00:00Z", "asked": 20_000, "failed": 5,
                "availablePercent": 99.975, "spentMinutes": 10.8, "leftMinutes": 10.8,
                "burn": {"1h": 0.5, "6h": 0.5, "1d": 0.5, "3d": 0.5},
                "failures": [{"startedAt": "2026-03-01T12:00:00Z", "asked": 20_000, "failed": 5, "minutes": 0.0013}],
            },
        ],
        "probes": [
            {"name": "dubai", "heardAt": "2026-02-27T12:00:00Z", "isSilent": True},
            {"name": "riyadh", "heardAt": "2026-03-01T12:00:00Z", "isSilent": False},
        ],
    }})  # fmt: skip


@time_machine.travel(NOW, tick=False)
def test_numbers_of_which_nothing_is_known_are_null(amman, operator):
    status, answer = answer_to(amman.token(operator))
    assert (status, answer["data"]["probes"]) == (200, [])
    for each in answer["data"]["measures"]:
        assert (each["state"], each["since"], each["availablePercent"], each["failures"]) == ("unknown", None, None, [])
        assert set(each["burn"].values()) == {None}


def test_the_numbers_do_not_exist_for_members_and_ask_who_calls(amman):
    for user in (amman.owner, amman.manager, amman.staff):
        status, answer = answer_to(amman.token(user))
        assert (status, answer["error"], answer["message"]) == (404, "not_found", "This path does not exist.")
    response = Client().get("/api/availability")
    assert (response.status_code, response.json()["error"]) == (401, "not_authenticated")
