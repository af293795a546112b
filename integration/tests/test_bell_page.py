"""``/bell/``: what every page makes heard."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from integration.alerts import acknowledge_alert, raise_alert
from integration.models import Alert
from integration.tests.factories import Installation
from orders.build import build_id
from orders.models import Branch, Membership, Order
from orders.services import change_status
from providers.events import Status

FRAGMENT = {"X-Fragment": "1"}
XSS = "<script>alert(1)</script>"


def bell(here: Installation, user=None) -> str:
    response = here.client(user or here.staff).get("/bell/")
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def sent(here: Installation, number: str = "1000001") -> Order:
    assert here.send("careem", external_id=number).status_code == 200
    return Order.objects.get(company=here.company, external_id=number)


def called_off(here: Installation, number: str = "1000001") -> Order:
    order = change_status(sent(here, number), Status.CONFIRMED, user=here.staff)
    here.send("careem", "cancelled", external_id=number)
    return order


def counts(html: str) -> tuple[str, str]:
    found = re.search(r'data-new="(\d+)" data-cancelled="(\d+)"', html)
    return found[1], found[2]


def named(html: str) -> list[str]:
    return re.findall(r'name="order" value="([^"]+)"', html)


def test_new_orders_stand_together_under_one_button(amman):
    one, two = sent(amman, "1000001"), sent(amman, "1000002")
    html = bell(amman)
    assert counts(html) == ("2", "0")
    assert named(html) == [str(two.id), str(one.id)]
    assert html.count("Seen, stop the sound") == 1
    assert "<strong>2 new orders</strong>" in html


def test_what_is_off_after_it_was_accepted_says_what_it_was_and_why(amman):
    order = called_off(amman)
    html = bell(amman)
    assert counts(html) == ("0", "1")
    assert named(html) == [str(order.id)]
    assert "<strong>Cancelled – stop cooking</strong>" in html
    assert "it was: Accepted · <bdi>Customer changed their mind</bdi>" in html


def test_orders_that_are_off_share_a_bar_and_each_has_its_reason_and_its_own_button(amman):
    one, two = called_off(amman, "1000001"), called_off(amman, "1000002")
    html = bell(amman)
    assert counts(html) == ("0", "2")
    assert html.count("is-cancelled") == 1
    assert "<strong>2 cancelled – stop cooking</strong>" in html
    assert "All seen" in html
    assert named(html) == [str(each.id) for each in (two, one, two, one)]
    assert html.count("it was: Accepted · <bdi>Customer changed their mind</bdi>") == 2


def test_orders_that_failed_are_called_so(amman):
    called_off(amman, "1000001")
    order = called_off(amman, "1000002")
    Order.objects.filter(pk=order.pk).update(status="failed")
    assert "<strong>2 cancelled or failed – stop cooking</strong>" in bell(amman)
    Order.objects.update(status="failed")
    assert "<strong>2 failed – stop cooking</strong>" in bell(amman)


def test_nothing_rings_where_all_is_heard(amman):
    change_status(sent(amman), Status.CONFIRMED, user=amman.staff)
    html = bell(amman)
    assert counts(html) == ("0", "0")
    assert "data-ring" not in html


def test_only_critical_alerts_that_nobody_has_in_hand_sound_the_alarm(amman, dubai):
    raise_alert(amman.company, "push_failing", "Late.", subject="jahez")
    seen = raise_alert(amman.company, "event_dead", "Dead.", subject="jahez", severity=Alert.Severity.CRITICAL)
    acknowledge_alert(seen, amman.manager)
    raise_alert(dubai.company, "event_dead", "Theirs.", subject="careem", severity=Alert.Severity.CRITICAL)
    open_one = raise_alert(amman.company, "push_dead", "No.", subject="careem", severity=Alert.Severity.CRITICAL)
    assert re.findall(r'data-alarms="([^"]*)"', bell(amman)) == [str(open_one.id)]


@pytest.mark.parametrize(("role", "words"), [("staff", ">See</a>"), ("manager", ">See and acknowledge</a>")])
def test_an_alarm_offers_what_the_role_may_do(amman, role, words):
    raise_alert(amman.company, "event_dead", "Dead.", severity=Alert.Severity.CRITICAL)
    assert words in bell(amman, getattr(amman, role))


def test_one_press_silences_all_that_was_shown_and_nothing_that_came_since(amman):
    one, two, later = sent(amman, "1000001"), sent(amman, "1000002"), sent(amman, "1000003")
    response = amman.client(amman.staff).post("/bell/acknowledge/", {"order": [one.id, two.id]}, headers=FRAGMENT)
    assert (response.status_code, response.json()) == (200, {"success": True, "message": "Acknowledged."})
    assert list(Order.objects.exclude(rings="")) == [later]


def test_without_a_script_the_press_leads_back(amman):
    order = sent(amman)
    response = amman.client().post("/bell/acknowledge/", {"order": order.id})
    assert (response.status_code, response.headers["Location"]) == (303, "/")


def test_another_companys_orders_neither_show_nor_fall_silent(amman, dubai):
    order = sent(dubai)
    client = amman.client()
    assert named(bell(amman)) == []
    for path in ("/bell/acknowledge/", f"/bell/acknowledge/?company={dubai.company.id}"):
        assert client.post(path, {"order": order.id}, headers=FRAGMENT).status_code == 404
    assert client.get(f"/bell/?company={dubai.company.id}").status_code == 404
    order.refresh_from_db()
    assert order.rings == "new"


def test_other_branches_neither_show_nor_fall_silent(amman):
    order = sent(amman)
    membership = Membership.objects.get(user=amman.staff)
    membership.is_limited = True
    membership.save()
    membership.branches.add(Branch.objects.create(company=amman.company, name="Abdoun"))
    assert named(bell(amman)) == []
    response = amman.client(amman.staff).post("/bell/acknowledge/", {"order": order.id}, headers=FRAGMENT)
    assert response.status_code == 404
    order.refresh_from_db()
    assert order.rings == "new"


def test_an_ended_session_is_told_by_its_code(db):
    assert Client().get("/bell/", headers=FRAGMENT).status_code == 401


def test_it_costs_the_same_for_few_and_for_many(amman, django_assert_num_queries):
    client = amman.client()
    called_off(amman, "1000000")
    with django_assert_num_queries(6):
        client.get("/bell/")
    for number in range(6):
        called_off(amman, f"20{number}")
        sent(amman, f"30{number}")
    with django_assert_num_queries(6):
        client.get("/bell/")


def test_what_a_provider_wrote_is_escaped(amman):
    called_off(amman, "1000000")
    sent(amman, "1000001")
    Order.objects.update(display_id=XSS)
    assert XSS not in bell(amman)


def test_every_page_has_the_bell_and_names_the_build_that_it_is_of(amman):
    html = amman.client(amman.staff).get("/alerts/").content.decode()
    assert f'data-url="/bell/?company={amman.company.id}"' in html
    assert f'data-build="{build_id()}"' in html
    assert f'data-build="{build_id()}"' in bell(amman)
    assert 'id="bell"' not in Client().get("/sign-in/").content.decode()


def test_the_build_changes_with_a_file_of_the_pages(tmp_path, settings):
    settings.BASE_DIR = tmp_path
    (tmp_path / "static").mkdir()
    ids = []
    for text in ("one", "two", "one"):
        (tmp_path / "static" / "page.js").write_text(text)
        ids.append(build_id.__wrapped__())
    assert ids[0] == ids[2] != ids[1]
