"""A request's id follows an order: through the web, the rows, the tasks and the calls that go out."""

from __future__ import annotations

import logging
import re
import threading
import uuid

import pytest
import responses
from celery import Celery, current_app
from django.test import Client
from django.utils import timezone

from integration import inbox, nudge, outbox, sweep, tracing
from integration.models import OutboundPush, WebhookLog
from integration.tasks import push_order
from integration.tests.hub.calls import PLATFORM, subscribed
from integration.tests.outbound import jahez_token, received
from integration.tests.test_outbox import STATUS_URL
from orders.logs import following, request_id_var

ID = "an-id-of-the-proxy-1"


@pytest.fixture
def lines(caplog):
    """The ids that were current when lines were written, by the line."""
    seen: list[tuple[str, str]] = []

    class Note(logging.Filter):
        def filter(self, record):
            seen.append((request_id_var.get(), record.getMessage()))
            return True

    caplog.set_level(logging.DEBUG, "integration")
    caplog.handler.addFilter(note := Note())
    yield seen
    caplog.handler.removeFilter(note)


@pytest.mark.django_db
def test_a_retry_goes_on_under_the_id_of_its_delivery(amman, monkeypatch, lines):
    real = inbox.get_adapter
    monkeypatch.setattr(inbox, "get_adapter", lambda slug: 1 / 0)
    sample = amman.sample("careem")
    url = f"/api/integration/webhook/careem/{amman.company.id}"
    headers = {name: value for name, value in sample.headers.items() if name != "content-type"}
    Client().post(url, sample.body, content_type="application/json", headers={**headers, "X-Request-Id": ID})
    assert WebhookLog.objects.get().request_id == ID
    monkeypatch.setattr(inbox, "get_adapter", real)
    WebhookLog.objects.update(next_attempt_at=timezone.now())
    lines.clear()
    sweep.Sweeper(has_broker=False).sweep()
    said = [request_id for request_id, line in lines if re.search("is processed at attempt 2", line)]
    assert said == [ID]
    assert request_id_var.get() == ""


@pytest.mark.django_db
@responses.activate
def test_a_push_goes_out_under_the_id_of_the_step_that_caused_it(amman, lines):
    jahez_token()
    responses.post(STATUS_URL, json={"success": True})
    order = received(amman)
    step = amman.client().post(
        f"/api/orders/{order.id}/status", {"status": "confirmed"}, content_type="application/json",
        headers={"X-Request-Id": ID},
    )  # fmt: skip
    assert step.status_code == 200, step.content
    push = OutboundPush.objects.get()
    assert push.request_id == ID
    outbox.work_order(order.id)
    assert {call.request.headers["X-Request-Id"] for call in responses.calls} == {ID}
    assert {request_id for request_id, line in lines if line.startswith(("Called jahez", "Push "))} == {ID}


@pytest.mark.django_db
@responses.activate
def test_a_forward_of_the_hub_goes_out_under_the_id_of_its_delivery(amman, settings):
    settings.ROLE = "hub"
    responses.post(PLATFORM, json={"success": True})
    subscribed(amman)
    with following(ID):
        pass
    sample = amman.sample("careem")
    headers = {name: value for name, value in sample.headers.items() if name != "content-type"}
    url = f"/api/integration/webhook/careem/{amman.company.id}"
    Client().post(url, sample.body, content_type="application/json", headers={**headers, "X-Request-Id": ID})
    push = OutboundPush.objects.get(subscription__isnull=False)
    outbox.work_order(push.order_id)
    assert responses.calls[-1].request.headers["X-Request-Id"] == ID


@pytest.mark.django_db
@responses.activate
def test_a_call_that_nobody_asked_for_names_no_id(amman):
    jahez_token()
    responses.post(STATUS_URL, json={"success": True})
    order = received(amman)
    push = OutboundPush.objects.filter(order=order)
    assert not push.exists()
    from integration.tests.outbound import move, work

    work(move(order, "confirmed"))
    assert "X-Request-Id" not in responses.calls[-1].request.headers


def test_a_message_carries_the_id_as_a_header():
    headers: dict[str, object] = {"task": "x"}
    with following(ID):
        tracing.send_along(headers=headers)
    assert headers == {"task": "x", "request_id": ID}
    tracing.send_along(headers=(none := {"task": "x"}))
    assert none == {"task": "x"}


class Task:
    def __init__(self, **headers):
        self.request = type("Request", (), headers)()


def test_a_worker_takes_the_id_up_and_lays_it_down():
    tracing.take_up(task=Task(request_id=ID))
    assert request_id_var.get() == ID
    tracing.lay_down()
    assert request_id_var.get() == ""


def test_a_task_that_nobody_asked_for_has_an_id_of_its_own():
    tracing.take_up(task=Task())
    assert re.fullmatch("[0-9a-f]{32}", request_id_var.get())
    tracing.lay_down()


@pytest.fixture
def another_app():
    """An application with a broker of its own in memory: ours may have made its connections already, to any broker."""
    ours = current_app._get_current_object()
    yield Celery("tracing", broker="memory://", set_as_current=False)
    # A worker makes its application everybody's.
    ours.set_current()
    ours.set_default()


def test_a_real_worker_does_a_task_under_the_id_of_its_sender(another_app):
    from celery.contrib.testing.worker import start_worker

    found: list[str] = []
    done = threading.Event()

    @another_app.task(name="tracing.note")
    def note():
        found.append(request_id_var.get())
        done.set()

    with start_worker(another_app, perform_ping_check=False, pool="solo", concurrency=1, logfile=None):
        with following(ID):
            note.apply_async(retry=False)
        assert done.wait(30)
    assert found == [ID]


def test_a_hint_to_a_worker_carries_the_id_to_its_own_thread(monkeypatch):
    found: list[tuple[str, tuple[str, ...]]] = []
    done = threading.Event()

    def publish(args, **kwargs):
        found.append((request_id_var.get(), args))
        done.set()

    monkeypatch.setattr(push_order, "apply_async", publish)
    order_id = uuid.uuid4()
    with following(ID):
        nudge.Nudger(lambda: push_order).send(order_id)
    assert done.wait(30)
    assert found == [(ID, (str(order_id),))]
