"""The sandbox's record of calls against the outbox: what agrees, and how each difference is named."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from integration.management.commands import simulate
from integration.models import OutboundAttempt, OutboundPush, SandboxCall
from integration.sandbox.comparison import compare_calls
from integration.sandbox.floor import Placed
from integration.sandbox.outcome import read_outcome
from integration.sandbox.rush import plan_rush
from integration.tests.outbound import move, received
from orders.models import Order, OrderEvent

BODY = '{"status":"accepted"}'
URL = "http://localhost:3001/sandbox/deliveroo/order/v1/orders/gb%3A1"
PATH = "/sandbox/deliveroo/order/v1/orders/gb:1"


@pytest.fixture
def order(amman) -> Order:
    return received(amman, "deliveroo", "gb:1")


def placed(order: Order) -> Placed:
    planned = plan_rush(seed=1, rate=1, minutes=0.05, providers=["deliveroo"], speed=20)[0]
    return Placed(planned, str(order.id), order.external_id, carried_by_provider=True, is_scheduled=False)


def went_out(order: Order, *statuses: int | None, status: str = "sent") -> OutboundPush:
    push = move(order, "confirmed")
    OutboundPush.objects.filter(pk=push.pk).update(status=status, next_attempt_at=None)
    for number, answered in enumerate(statuses, start=1):
        OutboundAttempt.objects.create(
            push=push, number=number, outcome="done", method="PATCH", url=URL, request_body=BODY,
            response_status=answered, started_at=timezone.now() + timedelta(seconds=number),
        )  # fmt: skip
    return push


def came_in(order: Order, *statuses: int, **changes) -> None:
    for status in statuses:
        fields = {
            "company": order.company, "provider": order.provider, "external_id": order.external_id, "method": "PATCH",
            "path": PATH, "body": {"status": "accepted"}, "answer_status": status, "received_at": timezone.now(),
        } | changes  # fmt: skip
        SandboxCall.objects.create(**fields)


def differences(order: Order) -> list[str]:
    return compare_calls(order.company, [placed(order)]).differences


@pytest.mark.parametrize(
    ("sent", "got"),
    [([204], [204]), ([503, 204], [503, 204]), ([None, 204], [204]), ([None, 409], [204, 409]), ([401, 204], [204])],
)
def test_both_sides_agree(order, sent, got):
    went_out(order, *sent)
    came_in(order, *got)
    found = compare_calls(order.company, [placed(order)])
    assert (found.differences, found.theirs) == ([], len(got))


def test_a_call_that_never_arrived(order):
    went_out(order, 204)
    assert differences(order) == [
        f'deliveroo gb:1: the outbox has, and the sandbox has not: PATCH {PATH} {{"status": "accepted"}}, answered 204'
    ]


@pytest.mark.parametrize("change", [{"body": {"status": "rejected"}}, {"method": "POST"}, {"path": PATH + "/x"}])
def test_a_call_that_says_something_else(order, change):
    went_out(order, 204)
    came_in(order, 204, **change)
    assert [text.split(":")[2] for text in differences(order)] == [
        " the outbox has, and the sandbox has not", " the sandbox has, and the outbox has not",
    ]  # fmt: skip


def test_a_call_that_came_twice(order):
    went_out(order, 204)
    came_in(order, 204, 204)
    assert len(differences(order)) == 1
    assert "the sandbox has, and the outbox has not: PATCH" in differences(order)[0]


def test_calls_in_another_order(order):
    went_out(order, 503, 204)
    came_in(order, 204, 503)
    assert differences(order)[0].startswith("deliveroo gb:1: the order of the calls differs: PATCH")


def test_a_question_about_an_order_is_no_difference(order):
    went_out(order, 204)
    came_in(order, 204)
    came_in(order, 200, method="GET", body=None)
    assert differences(order) == []


def test_a_push_without_a_call(order):
    went_out(order)
    assert differences(order) == ["deliveroo gb:1: confirmed counts as sent, and no call was made"]


def test_a_push_that_still_waits(order):
    move(order, "confirmed")
    assert differences(order) == ["deliveroo gb:1: confirmed still waits: pending"]


def test_what_is_not_sent_is_no_difference(order):
    went_out(order, status="not_sent")
    assert differences(order) == []


def test_the_calls_of_the_hub_are_its_own(order):
    Order.objects.filter(pk=order.pk).update(via_hub=True)
    came_in(order, 204)
    found = compare_calls(order.company, [placed(order)])
    assert (found.ours, found.theirs, found.by_hub, found.differences) == (0, 0, 1, [])


def test_the_command_names_the_differences_and_fails(amman, order, monkeypatch):
    went_out(order, 204)
    monkeypatch.setattr(simulate.SandboxLoop, "run", lambda self, stop: stop.wait())
    monkeypatch.setattr(simulate.Floor, "play", lambda self, plan, **kwargs: self.on_placed(placed(order)))
    out = StringIO()
    with pytest.raises(CommandError, match=r"^The outbox and the sandbox differ in 1 calls\.$"):
        call_command("simulate", "--minutes", "0.05", "--company", amman.company.slug, stdout=out)
    assert "Calls to the providers: 1 in the outbox, 0 in the sandbox: 1 differences." in out.getvalue()
    assert "the outbox has, and the sandbox has not" in out.getvalue()


@pytest.mark.parametrize(
    ("provider", "event", "note"),
    [
        ("jahez", "failed", "nobody had answered it; the provider gave no reason"),
        ("deliveroo", "cancelled", "nobody had answered it; the provider gave no reason"),
        ("careem", "cancelled", "nobody had answered it"),
    ],
)
def test_the_timeline_says_how_an_order_ended(amman, provider, event, note):
    external_id = {"deliveroo": "gb:2"}.get(provider, "1000002")
    order = received(amman, provider, external_id)
    amman.send(provider, event, "native", external_id=external_id)
    entry = OrderEvent.objects.filter(order=order).latest("seq")
    assert (entry.status, entry.note) == (event, note)
    assert read_outcome(amman.company, [placed(order)]).unexplained == []


def test_an_end_without_a_word_is_named(order):
    Order.objects.filter(pk=order.pk).update(status="confirmed")
    move(Order.objects.get(pk=order.pk), "cancelled")
    assert read_outcome(order.company, [placed(order)]).unexplained == ["deliveroo gb:1 is cancelled"]
