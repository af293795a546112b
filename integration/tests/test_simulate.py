"""The dinner rush: its plan, the people who play it, and one whole rush against a real server."""

from __future__ import annotations

import dataclasses
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from io import StringIO

import pytest
import responses
from django.core.management import call_command
from django.core.management.base import CommandError

from integration.management.commands import simulate
from integration.sandbox import floor as floors
from integration.sandbox.floor import Floor, FloorError, Placed, Step
from integration.sandbox.outcome import is_settled, read_outcome
from integration.sandbox.rush import MOST_ORDERS, plan_rush
from integration.tests.browser.server import ROOT, Server
from orders.models import ApiToken, AuditEntry
from providers.registry import ADAPTERS

PROVIDERS = list(ADAPTERS)
URL = "http://server.test"


def plan(**changes):
    return plan_rush(**{"seed": 7, "rate": 2, "minutes": 5, "providers": PROVIDERS, "speed": 20} | changes)


# -- the plan ----------------------------------------------------------------------------------------------------------


def test_the_same_seed_plans_the_same_rush():
    assert plan() == plan()
    assert plan() != plan(seed=8)


def test_the_rate_is_kept():
    orders = plan()
    assert len(orders) == 600
    assert [order.at_s for order in orders] == sorted(order.at_s for order in orders)
    assert 0 <= orders[0].at_s < orders[-1].at_s <= 300


@pytest.mark.parametrize(("rate", "minutes", "count"), [(0.01, 0.05, 1), (10, 60, MOST_ORDERS)])
def test_a_rush_is_never_empty_and_never_endless(rate, minutes, count):
    assert len(plan(rate=rate, minutes=minutes)) == count


def test_a_rush_has_something_of_everything():
    orders = plan()
    assert {order.provider for order in orders} == set(PROVIDERS)
    assert {order.body["kind"] for order in orders} == {"created", "pickup", "own_delivery", "scheduled", "dine_in"}
    names = ("hasUnmappedItem", "isSentTwice", "isOvertaken", "lateCourier", "note", "customerCancelsAfterS")
    counts = Counter(name for order in orders for name in names if order.body[name])
    assert set(counts) == set(names)
    assert max(counts.values()) < 300
    assert {order.kitchen.is_ignored for order in orders} == {True, False}
    assert not any(order.kitchen.is_ignored for order in orders if order.provider == "jahez")
    assert {bool(order.kitchen.reject_reason) for order in orders} == {True, False}


def test_only_the_named_providers_are_planned():
    assert {order.provider for order in plan(providers=["jahez"])} == {"jahez"}


# -- the people --------------------------------------------------------------------------------------------------------


@pytest.fixture
def server():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def make_floor(**changes):
    options = {"speed": 20.0, "has_staff": True, "on_placed": lambda placed: None} | changes
    return Floor(URL, ["key-1", "key-2"], **options)


def an_order(**kitchen):
    order = next(one for one in plan() if not one.kitchen.is_ignored and not one.kitchen.reject_reason)
    return dataclasses.replace(order, kitchen=dataclasses.replace(order.kitchen, **kitchen))


def a_placed(planned, **changes):
    options = {"order_id": "1f", "external_id": "77", "carried_by_provider": True, "is_scheduled": False} | changes
    return Placed(planned, **options)


ANSWER = {"orderId": "1f", "externalOrderId": "77", "carriedByProvider": True, "isScheduled": False}


def test_an_order_is_placed_and_then_accepted(server):
    planned, seen = an_order(accept_after_s=40.0), []
    server.post(f"{URL}/sandbox/{planned.provider}/orders", status=201, json=ANSWER)
    later = make_floor(on_placed=seen.append)._act(Step(planned))
    assert later == (2.0, Step(planned, "confirmed", a_placed(planned)))
    assert seen == [a_placed(planned)]
    request = server.calls[0].request
    assert json.loads(request.body) == planned.body
    assert request.headers["Authorization"] in {"Token key-1", "Token key-2"}


@pytest.mark.parametrize(
    ("kitchen", "has_staff", "word"),
    [({"is_ignored": True}, True, None), ({}, False, None), ({"reject_reason": "busy"}, True, "rejected")],
)
def test_the_staff_ignores_rejects_or_is_not_there(server, kitchen, has_staff, word):
    planned = an_order(**kitchen)
    server.post(f"{URL}/sandbox/{planned.provider}/orders", status=201, json=ANSWER)
    later = make_floor(has_staff=has_staff)._act(Step(planned))
    assert (later[1].word if later else None) == word


@pytest.mark.parametrize(
    ("placed", "provider", "reached", "then"),
    [
        ({}, "careem", "confirmed", "preparing"),
        ({}, "careem", "preparing", "ready"),
        ({}, "careem", "ready", None),
        ({}, "talabat", "ready", "delivered"),
        ({"carried_by_provider": False}, "careem", "ready", "out_for_delivery"),
        ({"carried_by_provider": False}, "careem", "out_for_delivery", "delivered"),
        ({"is_scheduled": True}, "careem", "confirmed", "preparing"),
        ({}, "careem", "delivered", None),
    ],
)
def test_the_staff_goes_step_by_step_as_far_as_it_carries(placed, provider, reached, then):
    planned = next(one for one in plan() if one.provider == provider and not one.kitchen.is_late)
    later = make_floor()._after(Step(planned), a_placed(planned, **placed), reached)
    assert (later[1].word if later else None) == then


def test_a_late_kitchen_names_another_time_before_it_is_ready(server):
    planned = an_order(is_late=True)
    floor = make_floor()
    assert floor._after(Step(planned, "preparing", a_placed(planned)), a_placed(planned), "preparing")[1].word == "late"
    server.post(f"{URL}/api/orders/1f/prep-time", json={})
    assert floor._act(Step(planned, "late", a_placed(planned)))[1].word == "ready"
    assert json.loads(server.calls[-1].request.body) == {"prepMinutes": 20}


@pytest.mark.parametrize(("status", "then"), [(409, ("ready", 0)), (503, ("late", 1))])
def test_a_provider_that_takes_no_other_time_holds_nobody_up(server, status, then):
    planned = an_order(is_late=True)
    server.post(f"{URL}/api/orders/1f/prep-time", status=status, json={})
    step = make_floor()._act(Step(planned, "late", a_placed(planned)))[1]
    assert (step.word, step.tries) == then


@pytest.mark.parametrize(
    ("word", "status", "body", "then"),
    [
        ("confirmed", 404, {}, ("confirmed", 1)),
        ("confirmed", 503, {}, ("confirmed", 1)),
        ("confirmed", 409, {"details": {"status": "cancelled"}}, None),
        ("preparing", 409, {"details": {"status": "out_for_delivery"}}, None),
        ("delivered", 409, {"details": {"status": "ready"}}, ("delivered", 1)),
        ("rejected", 409, {"details": {"status": "confirmed"}}, None),
    ],
)
def test_the_staff_takes_an_answer_as_it_comes(server, word, status, body, then):
    planned = next(one for one in plan() if one.provider == "careem")
    server.post(f"{URL}/api/orders/1f/status", status=status, json=body)
    later = make_floor()._act(Step(planned, word, a_placed(planned)))
    assert ((later[1].word, later[1].tries) if later else None) == then


def test_the_staff_gives_up_in_the_end(server):
    planned = an_order()
    server.post(f"{URL}/api/orders/1f/status", status=404, json={})
    assert make_floor()._act(Step(planned, "confirmed", a_placed(planned), tries=floors.STEP_TRIES - 1)) is None


def test_too_many_calls_wait_as_long_as_they_are_told(server, monkeypatch):
    slept = []
    monkeypatch.setattr(floors.time, "sleep", slept.append)
    planned = an_order()
    server.post(f"{URL}/sandbox/{planned.provider}/orders", status=429, json={}, headers={"Retry-After": "3"})
    later = make_floor()._act(Step(planned))
    assert (slept, later) == ([3.0], (1.0, Step(planned, tries=1)))


def test_an_order_that_is_never_taken_is_counted(server):
    planned, floor = an_order(), make_floor()
    server.post(f"{URL}/sandbox/{planned.provider}/orders", status=503, json={})
    assert floor._act(Step(planned, tries=floors.PLACE_TRIES - 1)) is None
    assert floor.refused == 1


def test_a_server_without_a_sandbox_is_one_sentence(server):
    planned = an_order()
    server.post(f"{URL}/sandbox/{planned.provider}/orders", status=404, json={})
    with pytest.raises(FloorError, match=r"^The sandbox of http://server\.test is off"):
        make_floor()._act(Step(planned))


def test_the_sandboxes_own_refusal_is_passed_on(server):
    planned = an_order()
    server.post(f"{URL}/sandbox/{planned.provider}/orders", status=409, json={"message": "There is a real account."})
    with pytest.raises(FloorError, match=r"^There is a real account\.$"):
        make_floor()._act(Step(planned))


def test_a_rush_ends_when_nothing_settles(server):
    orders = plan(rate=2, minutes=0.01)
    server.post(re.compile(f"{URL}/sandbox/.*"), status=201, json=ANSWER)
    started = time.monotonic()
    make_floor(has_staff=False).play(orders, stop=threading.Event(), settle_s=1.0, is_settled=lambda: False)
    assert time.monotonic() - started < 30


# -- the command -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--providers", "ubereats"], "--providers are some of: careem"),
        (["--providers", ","], "--providers"),
        (["--rate", "0"], "--rate"),
        (["--rate", "11"], "--rate"),
        (["--minutes", "61"], "--rate is above 0"),
        (["--rate", "10", "--minutes", "10"], "more than 5000 orders"),
        (["--speed", "0.5"], "--speed"),
    ],
)
def test_a_rush_that_makes_no_sense_is_refused(db, arguments, says):
    with pytest.raises(CommandError, match=says):
        call_command("simulate", *arguments)


@pytest.fixture
def _no_loop(monkeypatch):
    """Without the thread, which would not see the test's transaction."""
    monkeypatch.setattr(simulate.SandboxLoop, "run", lambda self, stop: stop.wait())


@pytest.mark.usefixtures("_no_loop")
def test_the_tokens_of_a_failed_rush_are_revoked(amman):
    with pytest.raises(CommandError, match=r"Nobody answers at http://127\.0\.0\.1:1"):
        call_command("simulate", "--url", "http://127.0.0.1:1", "--minutes", "0.01")
    assert not ApiToken.objects.exists()
    acts = Counter(AuditEntry.objects.values_list("action", flat=True))
    assert acts == {"token.issued": 2, "token.revoked": 2}


@pytest.mark.usefixtures("_no_loop")
def test_orders_that_do_not_arrive_end_with_an_error(amman, server, monkeypatch):
    monkeypatch.setattr(simulate, "SETTLE_S", 0.5)
    answer = ANSWER | {"orderId": "00000000-0000-4000-8000-000000000001"}
    server.post(re.compile(f"{URL}/sandbox/.*"), status=201, json=answer)
    out = StringIO()
    with pytest.raises(CommandError, match="1 orders did not arrive"):
        call_command("simulate", "--url", URL, "--rate", "1", "--minutes", "0.01", "--no-staff", stdout=out)
    assert "not arrived" in out.getvalue()


def test_the_outcome_of_nothing_is_settled(amman):
    assert is_settled(amman.company, [])
    assert read_outcome(amman.company, []).missing == 0


# -- one whole rush ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("simulate"))
    made.start()
    yield made
    made.stop()


def start_simulate(running, *arguments):
    return subprocess.Popen(
        [sys.executable, "manage.py", "simulate", *arguments], cwd=ROOT, env=running.env,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def tokens_left(running):
    code = "from orders.models import ApiToken; print(ApiToken.objects.count())"
    return running.shell(code).strip()


def test_a_rush_through_a_running_server_loses_nothing(running):
    process = start_simulate(running, "--rate", "2", "--minutes", "0.1", "--speed", "60", "--seed", "3")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert "12 of 12 orders placed" in out
    assert "not arrived" not in out
    assert " 0 waiting, 0 given up" in out
    assert re.search(r"Calls to the providers: (\d+) in the outbox, \1 in the sandbox: they agree, call by call\.", out)
    assert int(re.search(r"delivered +│.*│ +(\d+) │", out)[1]) >= 4
    assert tokens_left(running) == "0"


def test_ctrl_c_ends_a_rush_cleanly(running):
    process = start_simulate(running, "--rate", "5", "--minutes", "2", "--no-staff")
    while tokens_left(running) == "0" and process.poll() is None:
        pass
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "Stopped. " in out
    assert tokens_left(running) == "0"
