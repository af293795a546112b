"""What a client missed: every event by its number, or the word that it is gone."""

from __future__ import annotations

import pytest
from django.test import Client

from integration.tests.factories import make_installation
from orders.live import order_frame
from orders.models import Branch, Membership, Order, OrderEvent
from orders.services import change_status
from providers.events import Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def here():
    return make_installation()


def api(here, user=None):
    return Client(headers={"Authorization": f"Token {here.token(user)}"})


def make_order(here, external_id="1000001"):
    assert here.send("careem", external_id=external_id).status_code == 200
    return Order.objects.get(company=here.company, external_id=external_id)


def changes(client, since, **query):
    response = client.get("/api/orders/changes", {"since": since, **query})
    assert response.status_code == 200, response.content
    return response.json()


def gone(client, since):
    response = client.get("/api/orders/changes", {"since": since})
    assert (response.status_code, response.json()["error"]) == (410, "gone")
    return response.json()["details"]


def test_nothing_has_happened_yet(here):
    assert changes(api(here), 0) == {"results": [], "next": None, "lastSeq": 0}


def test_each_event_comes_as_its_frame_in_its_order(here):
    order = make_order(here)
    change_status(order, Status.CONFIRMED, user=None)

    body = changes(api(here), 0)

    order.refresh_from_db()
    events = OrderEvent.objects.order_by("seq")
    assert body == {"results": [order_frame(order, event) for event in events], "next": None, "lastSeq": 2}
    assert [frame["seq"] for frame in body["results"]] == [1, 2]
    assert [frame["type"] for frame in body["results"]] == ["order_created", "order_updated"]


def test_only_what_comes_after_the_number(here):
    order = make_order(here)
    change_status(order, Status.CONFIRMED, user=None)

    assert [frame["seq"] for frame in changes(api(here), 1)["results"]] == [2]
    assert changes(api(here), 2) == {"results": [], "next": None, "lastSeq": 2}


def test_a_page_names_the_next(here):
    for number in range(3):
        make_order(here, str(number))
    client, seen, url = api(here), [], "/api/orders/changes?since=0&limit=2"

    while url:
        body = client.get(url).json()
        seen.append([frame["seq"] for frame in body["results"]])
        url = body["next"]
        assert body["lastSeq"] == 3

    assert seen == [[1, 2], [3]]


def test_the_number_of_another_company_is_its_own(here):
    other = make_installation("other-grill")
    make_order(here)

    assert changes(api(other), 0) == {"results": [], "next": None, "lastSeq": 0}


def test_a_member_of_one_branch_gets_its_frames_and_the_last_number(here):
    second = Branch.objects.create(company=here.company, name="Second")
    Membership.objects.filter(user=here.staff).update(is_limited=True)
    Membership.objects.get(user=here.staff).branches.set([second])
    make_order(here)
    shown = make_order(here, "1000002")
    Order.objects.filter(pk=shown.pk).update(branch=second)
    make_order(here, "1000003")

    body = changes(api(here, here.staff), 0)

    assert ([frame["seq"] for frame in body["results"]], body["lastSeq"]) == ([2], 3)


@pytest.mark.parametrize("query", ["", "since=", "since=x", "since=-1", "since=1.5", "since=%D9%A1", f"since={10**19}"])
def test_a_bad_number_is_400(here, query):
    response = api(here).get(f"/api/orders/changes?{query}")

    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert list(response.json()["details"]) == ["since"]


def test_a_number_that_was_never_given_is_gone(here):
    make_order(here)

    assert gone(api(here), 2) == {"lastSeq": 1, "since": "this number has not been given yet"}


def test_a_number_older_than_what_is_kept_is_gone(here):
    order = make_order(here)
    change_status(order, Status.CONFIRMED, user=None)
    change_status(order, Status.PREPARING, user=None)
    OrderEvent.objects.filter(seq__lte=2).delete()

    assert gone(api(here), 1) == {"lastSeq": 3, "since": "older than the events that are kept"}
    assert [frame["seq"] for frame in changes(api(here), 2)["results"]] == [3]


def test_nothing_kept_is_gone_but_for_who_has_it_all(here):
    make_order(here)
    OrderEvent.objects.all().delete()

    assert gone(api(here), 0) == {"lastSeq": 1, "since": "older than the events that are kept"}
    assert changes(api(here), 1) == {"results": [], "next": None, "lastSeq": 1}


def test_changes_cost_the_same_queries_however_many(here, django_assert_num_queries):
    client = api(here)
    for number in range(4):
        make_order(here, str(number))
    changes(client, 0)

    # Token, membership; the number, the oldest event, the events.
    with django_assert_num_queries(5):
        changes(client, 0)


def test_changes_want_a_sign_in(here):
    assert Client().get("/api/orders/changes?since=0").status_code == 401
