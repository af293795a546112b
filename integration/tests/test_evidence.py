"""The evidence of one order: whole, byte for byte, without a secret, for those who may, with a trace."""

from __future__ import annotations

import hashlib
import io
import json
import uuid
import zipfile

import pytest
import responses
from django.test import Client

from integration.models import WebhookBody, WebhookLog
from integration.tests.api import acts
from integration.tests.factories import SECRETS
from integration.tests.outbound import JAHEZ, OUT_SECRETS, jahez_token, move, received, work
from orders.models import Branch, Order

pytestmark = pytest.mark.django_db


def get(here, order_id, query: str = "", user=None):
    return here.client(user or here.manager).get(f"/api/orders/{order_id}/evidence{query}")


@pytest.fixture
@responses.activate
def told(amman) -> Order:
    """An order that came natively, was accepted by a person, and whose provider was told."""
    jahez_token()
    responses.post(f"{JAHEZ}/webhooks/status_update", json={"success": True})
    responses.post(f"{JAHEZ}/webhooks/update_order", json={"success": True})
    order = received(amman)
    work(move(order, "confirmed"))
    return order


def test_everything_of_an_order_stands_in_one_file(amman, told):
    answer = get(amman, told.id)
    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (200, "application/zip", "no-store")
    assert answer["Content-Disposition"] == f'attachment; filename="order-{told.id}-evidence.zip"'
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    document = json.loads(archive.read("evidence.json"))
    log = WebhookLog.objects.get()
    name = f"received/001-{log.id}.bin"
    assert archive.namelist() == ["README.txt", "evidence.json", name, "SHA256SUMS"]
    assert archive.read(name) == bytes(log.body.body)
    assert document["order"]["id"] == str(told.id)
    assert [entry["status"] for entry in document["timeline"]] == ["received", "confirmed"]
    (delivery,) = document["deliveries"]
    assert (delivery["file"], delivery["bodySha256"]) == (name, hashlib.sha256(archive.read(name)).hexdigest())
    push = document["pushes"][-1]
    assert push["action"] == "confirmed"
    assert push["calls"], "each call to the provider"
    sums = dict(line.split("  ")[::-1] for line in archive.read("SHA256SUMS").decode().splitlines())
    assert sums == {each: hashlib.sha256(archive.read(each)).hexdigest() for each in archive.namelist()[:-1]}


def test_no_secret_stands_in_it(amman, told):
    archive = zipfile.ZipFile(io.BytesIO(get(amman, told.id).content))
    whole = b"".join(archive.read(name) for name in archive.namelist()).decode()
    secrets = [*SECRETS["jahez"].values(), *OUT_SECRETS["jahez"].values(), "jahez-token"]
    assert [secret for secret in secrets if secret in whole] == []
    assert "[redacted]" in whole


def test_as_json_the_bodies_stand_inside(amman, told):
    answer = get(amman, told.id, "?as=json")
    assert answer["Content-Type"] == "application/json"
    (delivery,) = answer.json()["deliveries"]
    assert delivery["body"].encode() == bytes(WebhookBody.objects.get().body)


def test_a_body_past_its_retention_is_named_as_gone(amman, told):
    WebhookBody.objects.all().delete()
    (delivery,) = get(amman, told.id, "?as=json").json()["deliveries"]
    assert (delivery["file"], delivery["body"], delivery["bodyMissing"]) == (None, None, "past_retention")
    assert delivery["bodySha256"] == WebhookLog.objects.get().body_sha256


def test_what_people_did_stands_in_it(amman, told):
    amman.client(amman.manager).post(
        f"/api/orders/{told.id}/status", json.dumps({"status": "preparing"}), content_type="application/json"
    )
    document = get(amman, told.id, "?as=json").json()
    assert [(act["actor"], act["action"]) for act in document["acts"]] == [
        ("amman-grill-manager", "order.status_changed")
    ]


def test_each_export_leaves_a_trace(amman, told):
    get(amman, told.id)
    get(amman, told.id, "?as=json", amman.owner)
    assert [act for act in acts(amman) if act[1] == "order.evidence_exported"] == [
        ("amman-grill-manager", "order.evidence_exported", str(told.id), {"as": "zip"}),
        ("amman-grill-owner", "order.evidence_exported", str(told.id), {"as": "json"}),
    ]


def test_it_is_for_managers_of_the_company_alone(amman, dubai, told):
    assert get(amman, told.id, user=amman.staff).status_code == 403
    assert get(dubai, told.id).status_code == 404
    assert get(amman, uuid.uuid4()).status_code == 404
    assert get(amman, "no-id").status_code == 404
    assert Client().get(f"/api/orders/{told.id}/evidence").status_code == 401
    assert get(amman, told.id, "?as=pdf").json()["details"] == {"as": "expected one of zip, json"}
    assert [act for act in acts(amman) if act[1] == "order.evidence_exported"] == []


def test_a_manager_of_another_branch_finds_no_such_order(amman, told):
    membership = amman.company.memberships.get(user=amman.manager)
    membership.is_limited = True
    membership.save()
    membership.branches.set([Branch.objects.create(company=amman.company, name="Abdoun")])
    assert get(amman, told.id).status_code == 404


@pytest.mark.parametrize(("person", "expected"), [("owner", True), ("manager", True), ("staff", False)])
def test_the_order_page_offers_it_to_those_who_may(amman, told, person, expected):
    html = amman.client(getattr(amman, person)).get(f"/orders/{told.id}/").content.decode()
    assert (f'href="/api/orders/{told.id}/evidence"' in html) is expected
