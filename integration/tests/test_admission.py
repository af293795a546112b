"""Beyond its places a process stores deliveries, and leaves them to the sweeper: none is lost, and answers stay quick."""

from __future__ import annotations

import threading
from unittest import mock

import pytest

from integration.admission import Admission
from integration.models import WebhookAttempt, WebhookBody, WebhookLog
from integration.sweep import Sweeper
from integration.views import webhook
from orders.models import Order

FULL = Admission(places=0, queue=0)


@pytest.fixture
def full():
    """No place is free, and nobody may wait for one."""
    with mock.patch.object(webhook, "admission", FULL):
        yield


# -- places ------------------------------------------------------------------------------------------------------------


def test_a_place_is_free_again_after_its_delivery():
    admission = Admission(places=1, queue=0)
    with admission.ask() as first, admission.ask() as second:
        assert (first, second) == (True, False)
    with admission.ask() as third:
        assert third is True


def test_a_place_is_free_again_after_an_error():
    admission = Admission(places=1, queue=0)
    with pytest.raises(KeyError), admission.ask():
        raise KeyError
    with admission.ask() as again:
        assert again is True


def test_who_waits_too_long_goes_without_a_place_and_leaves_the_queue():
    admission = Admission(places=1, queue=1)
    with admission.ask():
        with admission.ask(wait_s=0) as second:
            assert second is False
        assert not admission._waiting
    with admission.ask() as again:
        assert again is True


def test_places_are_given_in_the_order_of_asking():
    admission, came, served = Admission(places=1, queue=3), threading.Semaphore(0), []

    def ask(name: int) -> None:
        came.release()
        with admission.ask(wait_s=30) as has_place:
            served.append((name, has_place))

    threads = [threading.Thread(target=ask, args=(name,)) for name in range(3)]
    with admission.ask():
        for at, thread in enumerate(threads):
            thread.start()
            came.acquire()
            while len(admission._waiting) <= at:
                threading.Event().wait(0.001)
        with admission.ask(wait_s=30) as fourth:
            assert fourth is False
    for thread in threads:
        thread.join(30)
    assert served == [(0, True), (1, True), (2, True)]


# -- deliveries --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "status"), [("careem", 202), ("talabat", 202), ("deliveroo", 200), ("jahez", 202)]
)
def test_without_a_place_a_delivery_is_stored_and_its_answer_names_the_order(amman, full, provider, status):
    request = amman.sample(provider)
    response = amman.post(provider, request)
    log = WebhookLog.objects.get()
    assert (response.status_code, response.json()["status"]) == (status, "queued")
    assert response.json()["orderId"] == str(log.order_id)
    assert response.json()["externalOrderId"] == log.external_id != ""
    assert (log.status, log.attempts, log.next_attempt_at) == ("received", 0, log.received_at)
    assert bytes(WebhookBody.objects.get(log=log).body) == request.body
    assert Order.objects.count() == 0


def test_the_answer_without_a_place_names_our_order_as_talabat_wants_it(amman, full):
    answer = amman.send("talabat").json()
    assert answer["remoteResponse"] == {"remoteOrderId": answer["orderId"]}


def test_what_was_only_stored_is_worked_by_the_next_sweep(amman, full):
    answer = amman.send("careem").json()
    assert Sweeper(has_broker=False).sweep() == 1
    log, order = WebhookLog.objects.get(), Order.objects.get()
    assert (log.status, log.attempts, str(order.id)) == ("processed", 1, answer["orderId"])
    assert WebhookAttempt.objects.count() == 0, "its row tells its first try"


def test_the_same_delivery_again_is_the_one_that_waits(amman, full):
    request = amman.sample("careem")
    first, again = amman.post("careem", request).json(), amman.post("careem", request).json()
    assert (again["status"], again["eventId"]) == ("queued", first["eventId"])
    assert WebhookLog.objects.get().duplicates == 1


def test_what_cannot_be_used_is_stored_and_found_out_by_the_sweep(amman, full):
    assert amman.send_payload("careem", b"[]").json()["status"] == "queued"
    Sweeper(has_broker=False).sweep()
    assert WebhookLog.objects.get().error_code == "invalid_payload"


def test_what_is_not_authentic_is_refused_without_a_place_too(amman, full):
    request = amman.sample("careem")
    request.headers["x-careem-signature"] = "0" * 64
    assert amman.post("careem", request).status_code == 401
    assert list(WebhookLog.objects.values_list("status", "error")) == [("rejected", "wrong_signature")]


def test_an_update_that_overtakes_its_waiting_order_is_applied_with_it(amman):
    with mock.patch.object(webhook, "admission", FULL):
        amman.send("careem")
    order = amman.sample("careem", "cancelled")
    assert amman.post("careem", order).json()["status"] == "parked"
    Sweeper(has_broker=False).sweep()
    assert Order.objects.get().status == "cancelled"
