"""The alert centre as a page, and the number of open alerts on every page."""

from __future__ import annotations

import ast
import re
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client

from integration import alert_centre, breaker, deadlines
from integration.alert_centre import cause_of
from integration.alerts import acknowledge_alert, raise_alert, resolve_alert
from integration.models import Alert
from integration.tests.api import acts
from orders.models import Order

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FRAGMENT = {"X-Fragment": "1"}


def alert(here, cause: str = "event_dead", subject: str = "careem", minute: int = 0, **kwargs) -> Alert:
    moment = T0 + timedelta(minutes=minute)
    return raise_alert(here.company, cause, "It waits.", subject=subject, now=moment, **kwargs)


def page(client: Client, path: str = "/alerts/") -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def shown(html: str) -> list[str]:
    return re.findall(r'id="alert-([0-9a-f-]{36})"', html)


def badge(html: str) -> tuple[str, bool]:
    """Return the number of the badge, and whether it can be seen."""
    found = re.search(r'id="alert-count"( hidden)?>(\d+)<', html)
    return found[2], not found[1]


# -- the page ----------------------------------------------------------------------------------------------------------


def test_alerts_stand_by_cause_with_how_often_it_was_raised(amman):
    alert(amman, "event_dead", "careem", minute=1)
    alert(amman, "event_dead", "careem", minute=2)
    alert(amman, "event_dead", "jahez", minute=3)
    alert(amman, "push_dead", "careem", minute=4)
    html = page(amman.client(amman.staff))
    headings = re.findall(r'<h2 id="cause-\d+">([^<]*)</h2>', html)
    assert headings == [str(cause_of("push_dead").title), str(cause_of("event_dead").title)]
    assert re.findall(r'<span class="minor">(\d+ times?)</span>', html) == ["1 time", "3 times"]
    assert len(shown(html)) == 3


def test_a_cause_without_words_is_shown_by_its_code(amman):
    alert(amman, "oven_too_hot")
    assert "Oven too hot" in page(amman.client())


def raised_causes() -> set[str]:
    """Return the causes that the source names where it raises an alert."""
    found = {
        "event_invalid_payload",
        "event_invalid_envelope",
        "event_delivery_conflict",
        breaker.CAUSE,
        deadlines.CAUSE,
    }
    package = Path(alert_centre.__file__).parent
    for path in package.rglob("*.py"):
        if "tests" in path.relative_to(package).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "raise_alert":
                found |= {each.value for each in node.args[1:2] if isinstance(each, ast.Constant)}
    return found


def test_every_cause_that_is_raised_has_words_and_a_remedy():
    assert {"push_dead", "event_dead", "forward_dead"} < raised_causes()
    assert [cause for cause in sorted(raised_causes()) if not cause_of(cause).remedy] == []


def test_each_state_has_its_own_list(amman):
    first, second, third = (alert(amman, cause) for cause in ("a", "b", "c"))
    acknowledge_alert(second, amman.manager)
    resolve_alert(third, amman.owner)
    client = amman.client()
    assert shown(page(client)) == [str(first.id)]
    assert shown(page(client, "/alerts/?state=nonsense")) == [str(first.id)]
    assert shown(page(client, "/alerts/?state=acknowledged")) == [str(second.id)]
    assert shown(page(client, "/alerts/?state=resolved")) == [str(third.id)]
    assert "amman-grill-manager" in page(client, "/alerts/?state=acknowledged")
    assert "amman-grill-owner" in page(client, "/alerts/?state=resolved")


def test_an_alert_leads_to_its_order(amman):
    amman.send("careem")
    order = Order.objects.get()
    alert(amman, "push_dead", details={"orderId": str(order.id), "externalOrderId": order.external_id})
    alert(amman, "order_unanswered", details={"orders": {str(order.id): "half"}})
    alert(amman, "push_failing", details={"orderId": "no-uuid"})
    assert page(amman.client()).count(f'href="/orders/{order.id}/"') == 2


def test_resolved_alerts_follow_on_the_next_page(amman):
    rows = [
        Alert(company=amman.company, cause=f"c{number}", severity="info", message="m", state="resolved",
              first_seen_at=T0, last_seen_at=T0 + timedelta(minutes=number))
        for number in range(60)
    ]  # fmt: skip
    Alert.objects.bulk_create(rows)
    client = amman.client()
    html = page(client, "/alerts/?state=resolved")
    older = re.search(r'href="(/alerts/\?state=resolved&amp;cursor=[^"]+)"', html)[1].replace("&amp;", "&")
    newest_first = [str(row.id) for row in reversed(rows)]
    rest = page(client, older)
    assert shown(html) + shown(rest) == newest_first
    assert "cursor=" not in rest
    assert client.get("/alerts/?cursor=broken").status_code == 400


def test_an_empty_centre_says_so(amman):
    html = page(amman.client())
    assert "Nothing waits for you." in html
    assert badge(html) == ("0", False)


def test_the_page_costs_the_same_for_one_alert_and_for_many(amman, django_assert_num_queries):
    alert(amman)
    client = amman.client()
    with django_assert_num_queries(8):
        client.get("/alerts/?state=acknowledged")
    for number in range(20):
        acknowledge_alert(alert(amman, f"cause-{number}"), amman.manager)
    with django_assert_num_queries(8):
        client.get("/alerts/?state=acknowledged")


def test_what_an_alert_says_is_escaped(amman):
    alert(amman, "<script>alert(1)</script>", subject="<b>x", details={"externalOrderId": "<i>"})
    html = page(amman.client())
    assert "<script>alert" not in html.lower()
    assert "<b>x" not in html


# -- roles and companies -----------------------------------------------------------------------------------------------


def test_staff_read_and_only_managers_act(amman):
    row = alert(amman)
    assert "data-inplace" not in page(amman.client(amman.staff))
    assert page(amman.client(amman.manager)).count("data-inplace") == 2
    for move in ("acknowledge", "resolve"):
        assert amman.client(amman.staff).post(f"/alerts/{row.id}/{move}/").status_code == 403
        refused = amman.client(amman.staff).post(f"/alerts/{row.id}/{move}/", headers=FRAGMENT)
        assert (refused.status_code, refused.json()["error"]) == (403, "permission_denied")
    row.refresh_from_db()
    assert row.state == "open"
    assert acts(amman) == []


def test_another_companys_alerts_do_not_exist(amman, dubai):
    row = alert(dubai)
    client = amman.client()
    assert shown(page(client)) == []
    assert client.get(f"/alerts/?company={dubai.company.id}").status_code == 404
    for move in ("acknowledge", "resolve"):
        assert client.post(f"/alerts/{row.id}/{move}/").status_code == 404
        assert client.post(f"/alerts/{row.id}/{move}/?company={dubai.company.id}").status_code == 404
        assert client.post(f"/alerts/{row.id}/{move}/", headers=FRAGMENT).json()["error"] == "not_found"
    row.refresh_from_db()
    assert row.state == "open"
    assert acts(dubai) == []


def test_a_stranger_is_sent_to_the_sign_in(amman):
    response = Client().get("/alerts/")
    assert (response.status_code, response.headers["Location"]) == (302, "/sign-in/?next=/alerts/")


def test_acting_needs_the_csrf_token(amman):
    row = alert(amman)
    client = Client(enforce_csrf_checks=True)
    client.force_login(amman.manager)
    assert client.post(f"/alerts/{row.id}/resolve/").status_code == 403
    row.refresh_from_db()
    assert row.state == "open"


# -- acting ------------------------------------------------------------------------------------------------------------


def test_one_click_acknowledges_goes_back_and_says_so(amman):
    row = alert(amman)
    client = amman.client(amman.manager)
    response = client.post(f"/alerts/{row.id}/acknowledge/", {"next": "/alerts/?state=open"})
    assert (response.status_code, response.headers["Location"]) == (303, "/alerts/?state=open")
    row.refresh_from_db()
    assert (row.state, row.acknowledged_by) == ("acknowledged", amman.manager)
    assert "Acknowledged." in page(client)
    assert acts(amman) == [
        ("amman-grill-manager", "alert.acknowledged", str(row.id), {"cause": "event_dead", "subject": "careem"})
    ]


def test_resolving_twice_is_one_act(amman):
    row = alert(amman)
    client = amman.client(amman.manager)
    for _ in range(2):
        answer = client.post(f"/alerts/{row.id}/resolve/", headers=FRAGMENT)
        assert (answer.status_code, answer.json()) == (200, {"success": True, "message": "Resolved."})
    assert [entry[1] for entry in acts(amman)] == ["alert.resolved"]


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_a_form_leads_nowhere_else(amman, back):
    response = amman.client().post(f"/alerts/{alert(amman).id}/resolve/", {"next": back})
    assert response.headers["Location"] == "/alerts/"


def test_who_has_two_companies_stays_in_the_one_they_acted_in(amman):
    row = alert(amman)
    path = f"/alerts/{row.id}/resolve/?company={amman.company.id}"
    response = amman.client().post(path)
    assert response.headers["Location"] == f"/alerts/?company={amman.company.id}"


def test_an_alert_that_is_not_there_is_404(amman):
    assert amman.client().post(f"/alerts/{uuid.uuid4()}/resolve/").status_code == 404


# -- the number on every page ------------------------------------------------------------------------------------------


def test_every_page_shows_how_many_alerts_are_open(amman, dubai):
    amman.send("careem")
    alert(dubai)
    alert(amman, "a")
    alert(amman, "b", severity="critical")
    resolve_alert(alert(amman, "c"), None)
    for path in ("/", f"/orders/{Order.objects.get().id}/", "/alerts/", "/bell/"):
        html = page(amman.client(amman.staff), path)
        assert badge(html) == ("2", True)
        assert "is-critical" in html
    assert badge(amman.client().get("/nothing-here/").content.decode()) == ("2", True)


def test_who_belongs_to_no_company_sees_no_number(amman, django_user_model):
    client = Client()
    client.force_login(django_user_model.objects.create_user("nobody"))
    assert "alert-count" not in client.get("/").content.decode()


def test_the_link_of_the_page_at_hand_is_marked(amman):
    assert '<a href="/alerts/" aria-current="page">' in page(amman.client())
    assert '<a href="/" aria-current="page">' in page(amman.client(), "/")
    assert page(amman.client(), "/alerts/").count('aria-current="page"') == 2
