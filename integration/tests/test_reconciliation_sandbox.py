"""Reconciliation against the played providers over real HTTP, and against a hub's own log."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from integration.models import ListedOrder, ReconciliationRun, WebhookLog
from integration.reconciliation.companies import compare_with, sources_of
from integration.reconciliation.report import day_figures
from integration.sandbox.loop import SandboxLoop
from integration.sandbox.orders import Placing, accept, change, place_order
from integration.tests import sandboxed
from orders.business_day import business_date
from orders.models import Order, OrderItemModifier

pytestmark = pytest.mark.django_db(transaction=True)
here = sandboxed.here


def settle(here, provider):
    """Let a first order have come a day ago, so that what never came is missed."""
    place_order(here.company, provider, Placing(speed=1.0), timezone.now())
    SandboxLoop(workers=0).tick()
    WebhookLog.objects.update(received_at=timezone.now() - timedelta(days=1))


def lost(here, provider):
    """Place an order a while ago whose webhook never leaves the provider."""
    return place_order(here.company, provider, Placing(speed=1.0, is_lost=True), timezone.now() - timedelta(minutes=5))


@pytest.mark.parametrize("provider", ["careem", "talabat"])
def test_an_order_whose_webhook_is_lost_is_found_at_the_provider(here, provider):
    settle(here, provider)
    theirs = lost(here, provider)
    if provider == "talabat":
        change(theirs.pk, lambda row: accept(row, timezone.now()))  # nobody's yet stands in no list of theirs
    SandboxLoop(workers=0).tick()
    assert not Order.objects.filter(external_id=theirs.external_id).exists()
    done = compare_with(here.company.id, provider)
    assert done is not None
    assert (done.error, [listed.external_id for listed, _ in done.imported]) == ("", [theirs.external_id])
    order = Order.objects.get(external_id=theirs.external_id)
    assert (order.provider, order.branch, order.rings) == (provider, here.branch, "new")
    assert OrderItemModifier.objects.filter(item__order=order).exists()  # the list leaves them out
    again = compare_with(here.company.id, provider)
    assert again is not None
    assert (again.missing, again.failed) == ([], [])
    assert ListedOrder.objects.get(external_id=theirs.external_id).total == order.total


def reported(here):
    """Return today's sums of the providers with a list, and how each order differs, once both lists were followed."""
    for provider in ("careem", "talabat"):
        done = compare_with(here.company.id, provider)
        assert done is not None
        assert (done.error, done.missing) == ("", [])
    now = timezone.now()
    found = day_figures(here.company, business_date(here.company, now), now + timedelta(minutes=1))
    rows = [row for row in found["rows"] if row["source"] in {"careem", "talabat"}]
    sums = {row["provider"]: (row["theirCount"], row["theirSum"]) for row in rows}
    ours = {row["provider"]: (row["ourCount"], row["ourSum"]) for row in rows}
    return sums, ours, found["differences"]


@pytest.mark.parametrize("dialect", ["hub", "native"])
@time_machine.travel("2026-02-03T12:00:00Z", tick=False)
def test_a_sample_that_was_sent_by_hand_stands_in_its_providers_list(here, dialect):
    for provider in ("careem", "talabat"):
        settle(here, provider)
        for number, status in enumerate(("received", "preparing", "delivered", "cancelled")):
            assert here.send(provider, dialect=dialect, external_id=f"471{number}").status_code == 200
            Order.objects.filter(provider=provider, external_id=f"471{number}").update(status=status)
    ReconciliationRun.objects.all().delete()
    sums, ours, differences = reported(here)
    # Nobody's yet stands in no list of Talabat's: the first sample, and the order of the sandbox itself.
    assert differences == []
    assert sums["careem"] == ours["careem"]
    assert (sums["careem"][0], sums["talabat"][0]) == (5, 3)
    assert sums["talabat"][1] is not None
    assert not ListedOrder.objects.filter(outcome="imported").exists()


def test_a_test_is_nobodys_and_stands_in_no_list(here):
    settle(here, "careem")
    here.send("careem", external_id="4711")
    Order.objects.filter(external_id="4711").update(is_test=True)
    compare_with(here.company.id, "careem")
    assert not ListedOrder.objects.filter(external_id="4711").exists()


def test_lists_are_asked_for_where_there_are_some(here):
    assert {name: isinstance(source, str) for name, source in sources_of(here.company).items()} == {
        "careem": False, "talabat": False, "deliveroo": True, "jahez": True,
    }  # fmt: skip


def test_another_chain_of_talabat_is_not_shown(here):
    credential = here.company.credentials.get(provider="talabat")
    token = Client().post(
        "/sandbox/talabat/v2/login",
        {"username": credential.value("username"), "password": credential.value("password"),
         "grant_type": "client_credentials"},
    ).json()["access_token"]  # fmt: skip
    bearer = {"Authorization": f"Bearer {token}"}
    own = f"/sandbox/talabat/v2/chains/{credential.value('chainCode')}/orders/ids?status=accepted"
    assert Client().get(own, headers=bearer).json() == {"orderIdentifiers": [], "count": 0}
    assert Client().get(own.replace(credential.value("chainCode"), "x"), headers=bearer).status_code == 404
    assert Client().get(own.replace("accepted", "new"), headers=bearer).status_code == 400
