"""Every call that goes out, against the played providers over real HTTP: taken, written down once, and with its effect."""

from __future__ import annotations

import pytest
from django.utils import timezone

from integration.models import SandboxCall, SandboxOrder
from integration.sandbox.comparison import compare_calls
from integration.sandbox.floor import Placed
from integration.sandbox.loop import SandboxLoop
from integration.sandbox.orders import Placing, place_order
from integration.sandbox.payloads import Wish
from integration.sandbox.rush import plan_rush
from integration.tests import sandboxed
from integration.tests.outbound import take
from orders.models import Order
from providers.outbound import ACKNOWLEDGE

pytestmark = pytest.mark.django_db(transaction=True)
here = sandboxed.here
NOT_SENT = "not_sent"


def ordered(here, provider: str, kind: str, number: int) -> tuple[SandboxOrder, Order]:
    """Place an order at the provider, which sends it to us."""
    theirs = place_order(here.company, provider, Placing(wish=Wish(kind, number), speed=1.0), timezone.now())
    SandboxLoop(workers=0).tick()
    theirs.refresh_from_db()
    return theirs, Order.objects.get(company=here.company, provider=provider, external_id=theirs.external_id)


# Provider, kind and number of the order; each step with its reason and the answers to its calls; what the provider has then.
STORIES = [
    ("careem", "created", 1,
     [("confirmed", "", [200]), ("prep_time", "", [200]), ("preparing", "", NOT_SENT), ("ready", "", [200])], "accepted"),
    ("careem", "created", 1, [("rejected", "OUTLET_CLOSED", [200])], "rejected"),
    ("careem", "created", 1, [("confirmed", "", [200]), ("cancelled", "OTHER", [200])], "cancelled"),
    ("talabat", "created", 1,
     [("confirmed", "", [200]), ("prep_time", "", [204]), ("preparing", "", NOT_SENT), ("ready", "", [200])], "accepted"),
    ("talabat", "own_delivery", 2,
     [("confirmed", "", [200]), ("preparing", "", NOT_SENT), ("ready", "", NOT_SENT), ("out_for_delivery", "", [200])],
     "picked_up"),
    ("talabat", "created", 1, [("rejected", "TOO_BUSY", [200])], "rejected"),
    ("talabat", "created", 1, [("confirmed", "", [200]), ("cancelled", "BAD_WEATHER", [200])], "cancelled"),
    ("deliveroo", "created", 1,
     [("confirmed", "", [204]), ("preparing", "", [200]), ("prep_time", "", [200]), ("ready", "", [200]),
      ("out_for_delivery", "", [200])], "picked_up"),
    ("deliveroo", "scheduled", 1, [("confirmed", "", [204]), ("preparing", "", [204, 200])], "accepted"),
    ("deliveroo", "created", 1, [("rejected", "busy", [204])], "rejected"),
    ("deliveroo", "created", 1, [(ACKNOWLEDGE, "", [200])], "placed"),
    ("jahez", "created", 1, [("confirmed", "", [200]), ("preparing", "", NOT_SENT)], "accepted"),
    ("jahez", "created", 1, [("rejected", "CLOSED", [200])], "rejected"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("provider", "kind", "number", "steps", "ends"),
    STORIES,
    ids=lambda value: "" if isinstance(value, list) else str(value),
)
def test_the_provider_takes_every_call(here, provider, kind, number, steps, ends):
    theirs, order = ordered(here, provider, kind, number)
    answers = []
    for step, reason, expected in steps:
        push = take(order, step, reason)
        assert (step, push.status) == (step, NOT_SENT if expected == NOT_SENT else "sent"), push.error
        answers += [] if expected == NOT_SENT else expected
    calls = SandboxCall.objects.filter(provider=provider, external_id=theirs.external_id).order_by("id")
    assert list(calls.values_list("answer_status", flat=True)) == answers
    theirs.refresh_from_db()
    assert theirs.status == ends
    planned = plan_rush(seed=1, rate=1, minutes=0.05, providers=[provider], speed=1)[0]
    placed = Placed(planned, str(order.id), theirs.external_id, theirs.carried_by_provider, theirs.is_scheduled)
    assert compare_calls(here.company, [placed]).differences == []
    assert SandboxCall.objects.filter(external_id="", provider=provider).count() == 1  # one token for all of it
