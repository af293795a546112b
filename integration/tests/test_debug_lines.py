"""LOG_LEVEL=DEBUG tells what was decided, and nothing of anybody's: no secret, phone, e-mail, name or address."""

from __future__ import annotations

import logging
import re

import pytest
import responses
from django.test import Client

from integration.models import OutboundPush
from integration.tests.factories import SECRETS
from integration.tests.outbound import JAHEZ, OUT_SECRETS, jahez_token, move, received, work
from integration.tests.test_outbox import STATUS_URL
from providers.registry import ADAPTERS
from providers.samples import sample_events

pytestmark = pytest.mark.django_db
PRIVATE = {
    "name": "Zubaida Al-Qasimi", "phone": "+962791239876", "email": "zubaida.q@example.org", "street": "Wadi Saqra Lane",
    "building": "Tower Yasmin", "notes": "ring twice at the blue door",
}  # fmt: skip


@pytest.fixture
def said(caplog):
    """What our own loggers said, before any filter has had a look at it."""
    for name in ("providers", "orders", "integration", "restaurant_integration"):
        caplog.set_level(logging.DEBUG, name)
    return caplog


def lines(said) -> list[str]:
    return [record.getMessage() for record in said.records]


def careem_order(external_id: str = "5550001", **more) -> dict:
    return {
        "event_type": "order.created",
        "order": {
            "id": external_id, "order_number": "77", "notes": PRIVATE["notes"], "total_amount": "9.750",
            "customer": {key: PRIVATE[key] for key in ("name", "phone", "email")},
            "delivery_address": {"street": PRIVATE["street"], "building": PRIVATE["building"]},
            "items": [{"id": "MANSAF", "name": "Lamb Mansaf", "quantity": 1, "unit_price": "9.750"}], **more,
        },
    }  # fmt: skip


def test_each_step_tells_its_decision(amman, said):
    assert amman.send_payload("careem", careem_order()).status_code == 200
    told = "\n".join(lines(said))
    for decision in (
        r"A request of careem for company [0-9a-f-]{36} is proven by its webhookSecret",
        r"Event [0-9a-f-]{36} of careem is new: \d+ bytes, known by its (id|sha256)",
        r"says order\.created, status \w*, ?of order|says order\.created, status \S+, of order [0-9a-f-]{36}; it names",
        r"it names [a-z_, ]*customer[a-z_, ]*; 1 lines, 0 warnings",
        r"No customer matches by phone or e-mail: a new one",
        r"opens as received: branch [0-9a-f-]{36} \(",
        r"is processed at attempt 1",
        r"Answered a request of careem with 200 in [\d.]+ ms",
    ):
        assert re.search(decision, told), decision


def test_a_transition_and_one_that_is_none_are_told(amman, said):
    amman.send("careem")
    amman.send("careem", "confirmed" if "confirmed" in sample_events("careem", "hub") else "ready")
    told = "\n".join(lines(said))
    assert re.search(r"Order [0-9a-f-]{36} goes from received to \w+, number 2", told)


def test_why_a_request_is_refused_is_told(amman, said):
    url = f"/api/integration/webhook/careem/{amman.company.id}"
    Client().post(url, "{}", content_type="application/json", headers={"X-Careem-Signature": "f" * 64})
    assert any(re.match(r"Refused a request of careem for company \S+: \w+$", line) for line in lines(said))


@responses.activate
def test_a_call_is_told_with_its_host_and_its_answer(amman, said):
    jahez_token()
    responses.post(STATUS_URL, json={"success": True})
    work(move(received(amman), "confirmed"))
    host = JAHEZ.removeprefix("https://")
    assert any(re.match(rf"Called jahez at {host} \(POST\): 200 in \d+ ms$", line) for line in lines(said))
    assert any(
        re.search(r"^Push \S+ \(confirmed of order \S+ to jahez by provider\) is sent", line) for line in lines(said)
    )


def use_everything(here) -> None:
    """Send whatever the providers have, damaged and forged ones as well, and answer some of it."""
    for provider in ADAPTERS:
        for dialect in ("hub", "native"):
            for event in sample_events(provider, dialect):
                here.send(provider, event, dialect, external_id=f"{provider}-{dialect}")
    here.send_payload("careem", careem_order())
    here.send_payload("careem", careem_order(total_amount="none of it"))
    here.send_payload("careem", careem_order(external_id=PRIVATE["email"]))
    here.send_payload("careem", {"event_type": PRIVATE["phone"], "order": {"id": "5550001"}})
    url = f"/api/integration/webhook/careem/{here.company.id}"
    Client().post(
        url, careem_order(), content_type="application/json", headers={"Authorization": "Bearer forged-token-1"}
    )
    Client().post(f"/api/integration/webhook/{PRIVATE['email']}", "{}", content_type="application/json")
    jahez_token()
    responses.post(STATUS_URL, status=503)
    work(move(received(here, external_id="700001"), "confirmed"))
    here.client().get("/api/orders", {"search": PRIVATE["phone"]})


@responses.activate
@pytest.mark.parametrize("fails", [False, True], ids=["well", "failing"])
def test_no_line_holds_anybodys_data_or_a_secret(amman, said, monkeypatch, fails):
    if fails:
        monkeypatch.setattr("integration.inbox.apply_event", lambda *args: 1 / 0)
        monkeypatch.setattr("integration.tests.test_debug_lines.received", lambda *args, **kwargs: None)
        monkeypatch.setattr("integration.tests.test_debug_lines.move", lambda *args: None)
        monkeypatch.setattr("integration.tests.test_debug_lines.work", lambda push: None)
    use_everything(amman)
    told = "\n".join(str(vars(record)) + record.getMessage() for record in said.records)
    assert len(said.records) > 50
    secrets = [value for kept in (SECRETS, OUT_SECRETS) for fields in kept.values() for value in fields.values()]
    sought = [
        *PRIVATE.values(),
        "962791239876",
        "791239876",
        "0791239876",
        "zubaida",
        "forged-token-1",
        "jahez-token",
        *secrets,
    ]
    assert [word for word in sought if word.lower() in told.lower()] == []
    messages = "\n".join(lines(said))
    assert not re.search(r"[\w.+-]+@[\w-]+\.\w", messages), "an e-mail address of a sample"
    assert not re.search(r"(?<![\w.-])\+\d[\d ]{7,}", messages), "a phone of a sample"


def test_nothing_of_it_is_said_at_the_usual_level(amman, caplog):
    for name in ("orders", "integration"):
        caplog.set_level(logging.INFO, name)
    amman.send("careem")
    assert [record for record in caplog.records if record.levelno < logging.INFO] == []
    assert not OutboundPush.objects.exists()
