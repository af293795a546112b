"""The panels around the live orders: what they show, to whom, and what they cost."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client

from integration import breaker
from integration.alerts import raise_alert
from integration.models import CircuitBreaker, HubReading, IntegrationWebhook, WebhookLog
from integration.tests.factories import make_installation
from integration.views import dashboard
from orders.models import Branch, Membership
from orders.tests import wednesday
from orders.tests.test_analytics import make_order
from providers.events import Status

pytestmark = pytest.mark.django_db
NOW = wednesday.NOW
fresh_cache, here, now = wednesday.fresh_cache, wednesday.here, wednesday.now


def panels(here, user=None, client=None):
    response = (client or here.client(user)).get("/dashboard/panels/")
    assert response.status_code == 200
    return response.content.decode()


def part(html, name):
    """Return a panel's text, tags left out."""
    found = re.search(rf'<section [^>]*id="part-{name}".*?</section>', html, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found.group()).split()) if found else None


def cells(html, row):
    found = re.search(rf'<tr id="performance-{row}">.*?</tr>', html, re.DOTALL).group()
    return [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<td.*?</td>", found, re.DOTALL)]


def log(here, provider="careem", status="processed", duration_ms=100.0, **fields):
    number = WebhookLog.objects.count()
    at = fields.pop("received_at", NOW - timedelta(minutes=10))
    key = {"rejection_key": str(number)} if status == "rejected" else {"delivery_key": str(number)}
    return WebhookLog.objects.create(company=here.company, provider=provider, status=status, duration_ms=duration_ms,
                                     received_at=at, **key, **fields)  # fmt: skip


def limit_to_second_branch(here):
    second = Branch.objects.create(company=here.company, name="Second")
    Membership.objects.filter(user=here.staff).update(is_limited=True)
    Membership.objects.get(user=here.staff).branches.set([second])
    return second


# -- the counters ------------------------------------------------------------------------------------------------------


def test_the_counters_stand_beside_the_same_hours_a_week_ago(here, now):
    for minutes in (5, 10, 15):
        make_order(here, now - timedelta(minutes=minutes), total="10.5", accepted_after_s=30, status=Status.READY)
    make_order(here, now - timedelta(minutes=20), total="7", currency="SAR", status=Status.RECEIVED)
    make_order(here, now - timedelta(days=7, minutes=5), total="21", accepted_after_s=60, status=Status.DELIVERED)
    make_order(here, now - timedelta(days=7, minutes=6), total="21", status=Status.CANCELLED)
    make_order(here, now - timedelta(days=7) + timedelta(minutes=5), total="99")
    assert part(panels(here), "counters") == (
        "Today so far Orders 4 ▲ 100 % more (was 2 ) Revenue 31.500 JOD ▲ 50 % more (was 21.000 )"
        " 7.00 SAR nothing a week ago Time to accept 0:30 ▼ 0:30 less (was 1:00 )"
        " Cancelled 0.0 % ▼ 50.0 points less (was 50.0 % )"
        " Today until 15:31, beside Wednesday 11 Mar up to the same hour."
    )


def test_a_day_without_orders_is_told_as_such(here, now):
    text = part(panels(here), "counters")
    assert text.startswith("Today so far Orders 0 (was 0 ) Revenue 0.000 JOD nothing a week ago Time to accept –")


def test_test_orders_are_named_and_not_counted(here, now):
    make_order(here, now, is_test=True)
    text = part(panels(here), "counters")
    assert "Orders 0" in text
    assert "1 test order is not counted." in text


def test_the_page_knows_when_the_clock_alone_changes_the_figures(here, now):
    assert 'data-next="2026-03-18T16:00:00+03:00"' in panels(here)


# -- performance -------------------------------------------------------------------------------------------------------


def test_what_is_beyond_a_limit_is_marked_and_said(here, now):
    for number in range(49):
        log(here, duration_ms=float(number))
    log(here, status="dead", duration_ms=None)
    log(here, status="quarantined", duration_ms=None)
    log(here, status="rejected", duration_ms=None, count=2)
    log(here, "jahez", duration_ms=12.0)
    html = panels(here)
    assert cells(html, "processed") == ["▼ Beyond the limit: 96.1 %", "–", "–", "100.0 %"]
    assert cells(html, "answered") == ["▼ Beyond the limit: 96.2 %", "–", "–", "100.0 %"]
    assert cells(html, "p95") == ["46 ms", "–", "–", "12 ms"]


def test_orders_acceptance_and_rejections_by_provider(here, now):
    soon = {"accept_by": now - timedelta(minutes=30)}
    at = now - timedelta(hours=1)
    make_order(here, at, accepted_after_s=200, status=Status.READY, **soon)
    make_order(here, at, accepted_after_s=2_400, status=Status.READY, **soon)
    make_order(here, at, status=Status.RECEIVED, **soon)
    make_order(here, at, status=Status.REJECTED, **soon)
    make_order(here, at, status=Status.RECEIVED, accept_by=now + timedelta(minutes=5))
    make_order(here, at, provider="jahez", accepted_after_s=60, status=Status.DELIVERED, accept_by=now)
    html = panels(here)
    assert cells(html, "orders") == ["5", "0", "0", "1"]
    assert cells(html, "in-time") == ["33.3 %", "–", "–", "100.0 %"]
    assert cells(html, "acceptance") == ["▼ Beyond the limit: 21:40", "–", "–", "1:00"]
    assert cells(html, "rejected") == ["▼ Beyond the limit: 20.0 %", "–", "–", "0.0 %"]


@pytest.mark.parametrize(
    ("well", "ill", "broken"), [(98, 2, False), (97, 3, True)]
)  # fmt: skip
def test_the_floor_itself_is_well(here, now, well, ill, broken):
    for _ in range(well):
        log(here)
    for _ in range(ill):
        log(here, status="dead")
    assert ("▼" in cells(panels(here), "processed")[0]) is broken


# -- health, alerts ----------------------------------------------------------------------------------------------------


def test_each_integration_with_its_last_event(here, now):
    log(here, received_at=NOW - timedelta(minutes=10))
    text = part(panels(here), "health")
    assert text == (
        "Integrations Careem Works 15:20 Talabat Nothing has come yet no event Deliveroo Nothing has come yet no event"
        " Jahez Nothing has come yet no event NEXARA Nothing has come yet no event"
    )


def test_a_breaker_that_opens_shows_at_once(here, now):
    client = here.client()
    panels(here, client=client)
    for _ in range(breaker.FAILURES_TO_OPEN):
        breaker.failed(here.company, "jahez")
    assert CircuitBreaker.objects.get(provider="jahez").state == "open"
    assert "Jahez Cannot be reached" in part(panels(here, client=client), "health")


def test_the_open_alerts_stand_critical_first_and_an_acknowledged_one_is_gone(here, now):
    raise_alert(here.company, "event_dead", "One is dead.", subject="careem", severity="critical")
    raise_alert(here.company, "signatures_failing", "Refused.", subject="jahez", severity="warning")
    client = here.client()
    assert re.search(
        r"Open alerts 2 .* Critical Careem .* Requests are refused Jahez", part(panels(here, client=client), "alerts")
    )
    for alert in here.company.alerts.all():
        client.post(f"/alerts/{alert.id}/acknowledge/")
    assert part(panels(here, client=client), "alerts") == "Open alerts Nothing waits for you."


def test_of_many_alerts_the_first_are_named(here, now):
    for number in range(8):
        raise_alert(here.company, "event_dead", "Dead.", subject=f"subject-{number}")
    text = part(panels(here), "alerts")
    assert text.startswith("Open alerts 8 ")
    assert text.endswith("and 3 more")


# -- the hub -----------------------------------------------------------------------------------------------------------


def registered(here):
    IntegrationWebhook.objects.create(company=here.company, provider="careem", url="https://example.com/hook")


def reading(here, **fields):
    registered(here)
    return HubReading.objects.create(company=here.company, wanted_at=NOW, asked_at=NOW, **fields)


def test_without_a_registration_the_hub_is_not_asked(here, now):
    assert part(panels(here), "hub") == "NEXARA and here No provider is registered with the hub."
    assert not HubReading.objects.exists()


def test_the_first_look_has_the_hub_asked_and_does_not_wait(here, now, monkeypatch):
    asked = []
    monkeypatch.setattr("integration.hub_watch.nudger.send", asked.append)
    registered(here)
    assert part(panels(here), "hub") == "NEXARA and here The hub is being asked."
    assert asked == [here.company.id]


def test_differences_with_the_hub_are_marked(here, now):
    figures = {
        "since": "2026-03-17T13:00:00Z", "waiting": 1, "dead": 2, "missingCount": 1,
        "providers": [{"provider": "careem", "hub": 7, "here": 5}, {"provider": "jahez", "hub": 3, "here": 3},
                      {"provider": "talabat", "hub": 0, "here": 1}],
        "missing": [{"provider": "careem", "externalOrderId": "C-77<b>", "receivedAt": "2026-03-18T12:00:00Z"}],
    }  # fmt: skip
    reading(here, told_at=NOW - timedelta(seconds=50), figures=figures)
    assert part(panels(here), "hub") == (
        "NEXARA and here Deliveries, 24 h At the hub Came here Difference Careem 7 5 ▼ 2 not here Jahez 3 3 ✓ none"
        " Talabat 0 1 ▲ more here 1 delivery is on its way here. 2 deliveries did not get through."
        " At the hub, and not here: Careem C-77&lt;b&gt; As of 15:29"
    )


def test_a_silent_hub_is_said_and_its_last_figures_stay_with_their_age(here, now):
    figures = {"providers": [{"provider": "careem", "hub": 7, "here": 7}], "missing": []}
    reading(here, told_at=NOW - timedelta(hours=2), figures=figures, error="The call took too long.")
    html = panels(here)
    assert part(html, "hub").startswith(
        "NEXARA and here The call took too long. The figures are older. Deliveries, 24 h"
    )
    assert 'data-ago="2026-03-18T13:30:20+03:00"' in html


# -- who sees what -----------------------------------------------------------------------------------------------------


def test_a_member_of_one_branch_sees_its_figures_and_no_hub(here, now):
    second = limit_to_second_branch(here)
    order = make_order(here, now - timedelta(minutes=5), branch=second, total="4")
    make_order(here, now - timedelta(minutes=5), total="8")
    log(here, order_id=order.id)
    log(here, status="dead")
    html = panels(here, here.staff)
    assert part(html, "counters").startswith("Today so far Orders 1 ")
    assert "4.000 JOD" in part(html, "counters")
    assert (cells(html, "orders")[0], cells(html, "processed")[0], cells(html, "answered")[0]) == ("1", "100.0 %", "–")
    assert part(html, "hub") is None
    assert part(panels(here), "counters").startswith("Today so far Orders 2 ")


def test_another_company_does_not_exist(here, now):
    other = make_installation("other-grill", menu=False)
    make_order(here, now - timedelta(minutes=5))
    raise_alert(here.company, "event_dead", "Dead.", subject="careem")
    html = panels(other)
    assert part(html, "counters").startswith("Today so far Orders 0 ")
    assert part(html, "alerts") == "Open alerts Nothing waits for you."
    assert other.client().get(f"/dashboard/panels/?company={here.company.id}").status_code == 404


def test_the_panels_want_a_sign_in():
    assert Client().get("/dashboard/panels/", headers={"X-Fragment": "1"}).status_code == 401


# -- what they cost, and what fails ------------------------------------------------------------------------------------


def test_what_has_not_changed_is_304(here, now):
    client = here.client()
    etag = client.get("/dashboard/panels/").headers["ETag"]
    response = client.get("/dashboard/panels/", headers={"If-None-Match": etag})
    assert (response.status_code, response.content, response.headers["ETag"]) == (304, b"", etag)


def test_open_pages_share_one_count(here, now, django_assert_num_queries):
    make_order(here, now)
    log(here)
    log(here, "jahez")
    client, other = here.client(), here.client(here.manager)
    with django_assert_num_queries(55):
        panels(here, client=client)
    # Session, user, membership; the number, the breakers, the alerts, the hub's reading and registration.
    with django_assert_num_queries(8):
        panels(here, client=other)


def test_a_new_order_is_counted_after_a_few_seconds(here):
    client = here.client()
    with time_machine.travel(NOW, tick=False):
        client.force_login(here.owner)
        panels(here, client=client)
        assert here.send("careem").status_code == 200
        soon = panels(here, client=client)
    with time_machine.travel(NOW + timedelta(seconds=dashboard.FIGURES_HOLD_S), tick=False):
        later = panels(here, client=client)
    assert [re.search(r'data-seq="(\d+)"', html).group(1) for html in (soon, later)] == ["0", "1"]
    assert "Orders 1" in part(later, "counters")


@pytest.mark.parametrize(
    ("name", "panel", "others"),
    [
        ("snapshot", "counters", ["performance", "health", "alerts"]),
        ("performance", "performance", ["counters", "health", "alerts"]),
        ("standings", "health", ["counters", "performance", "alerts"]),
        ("_alerts", "alerts", ["counters", "performance", "health"]),
        ("_hub", "hub", ["counters", "performance", "health", "alerts"]),
    ],
)
def test_a_panel_that_cannot_be_counted_says_so_and_the_others_stand(here, now, monkeypatch, name, panel, others):
    def fail(*args, **kwargs):
        raise OperationalError("canceling statement due to statement timeout")

    monkeypatch.setattr(dashboard, name, fail)
    html = panels(here)
    failed = "This could not be counted just now; it is tried again."
    assert part(html, panel).endswith(failed)
    assert [failed in part(html, other) for other in others] == [False] * len(others)


def test_the_page_itself_waits_for_no_figure(here, now, monkeypatch):
    for name in ("snapshot", "performance", "standings"):
        monkeypatch.setattr(dashboard, name, None)
    html = here.client().get("/").content.decode()
    for name in ("counters", "alerts", "health", "performance", "hub"):
        assert part(html, name).endswith("Loading…")
    assert 'data-panels-url="/dashboard/panels/"' in html


def test_the_page_stays_in_the_company_that_it_names(here):
    other = make_installation("other-grill", menu=False)
    Membership.objects.create(user=here.owner, company=other.company, role="owner")
    html = here.client().get(f"/?company={other.company.id}").content.decode()
    assert f'data-panels-url="/dashboard/panels/?company={other.company.id}"' in html


def test_an_order_of_this_minute_is_in_the_figures(here):
    assert here.send("careem").status_code == 200
    assert part(panels(here), "counters").startswith("Today so far Orders 1 ")
