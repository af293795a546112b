"""A platform reads its own company's figures at the hub with the proof by which it registers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from integration.hub.callers import SIGNATURE
from integration.hub.envelopes import envelope_of
from integration.models import WebhookBody, WebhookLog
from integration.tests.hub.calls import KEY, OTHER_KEY, forwards, subscribed

pytestmark = pytest.mark.django_db
PATHS = ("/api/webhooks/stats?period=day", "/api/webhooks/logs")


def read(path, installation, key="", *, age_s=0, **headers):
    if key:
        headers |= SIGNATURE.sign(b"", key, timezone.now() - timedelta(seconds=age_s), "")
    return Client().get(path, headers={"X-Company-Id": str(installation.company.id), **headers})


@pytest.mark.parametrize("path", PATHS)
def test_the_companys_key_reads_the_companys_figures(amman, path):
    subscribed(amman)
    amman.send("careem")
    response = read(path, amman, KEY)
    assert response.status_code == 200
    body = response.json()
    assert body["data"]["total"] == 1 if "stats" in path else len(body["results"]) == 1


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("key", "age_s", "headers"),
    [(OTHER_KEY, 0, {}), (KEY, 3_600, {}), ("", 0, {"Authorization": "Bearer nobodys-key"}),
     ("", 0, {"X-Nexara-Signature": "x", "X-Timestamp": "now"})],
)  # fmt: skip
def test_another_proof_reads_nothing_and_is_counted(amman, path, key, age_s, headers):
    subscribed(amman)
    response = read(path, amman, key, age_s=age_s, **headers)
    assert (response.status_code, response.json()["success"]) == (401, False)
    assert WebhookLog.objects.get().status == "rejected"


def test_one_companys_key_does_not_read_anothers(amman, dubai):
    subscribed(amman)
    dubai.company.credentials.all().delete()
    assert read(PATHS[0], dubai, KEY).status_code == 401


def test_the_deployers_key_reads_any_company_and_none_that_is_not_there(amman, settings):
    settings.NEXARA_API_KEY = "deployers-key"
    bearer = {"Authorization": "Bearer deployers-key"}
    assert read(PATHS[0], amman, **bearer).status_code == 200
    nobody = Client().get(PATHS[0], headers=bearer)
    assert nobody.status_code == 401


def test_without_any_proof_nobody_reads(amman):
    assert read(PATHS[0], amman).status_code == 401


@pytest.mark.parametrize("path", ["/api/webhooks/config/{}", "/api/integration/logs"])
def test_the_proof_opens_nothing_else(amman, path):
    subscribed(amman)
    assert read(path.format(amman.company.id), amman, KEY).status_code == 401


def test_a_platform_reads_what_was_to_reach_it_byte_for_byte(amman):
    subscribed(amman)
    amman.send("careem", dialect="native")
    (forward,) = forwards(amman)
    answer = read(f"/api/webhooks/forwards/{forward.id}", amman, KEY)
    assert (answer.status_code, answer["Content-Type"], answer.content) == (
        200,
        "application/json",
        envelope_of(forward),
    )


def test_anothers_forward_is_not_there_and_staff_read_none(amman, dubai):
    subscribed(amman)
    amman.send("careem")
    path = f"/api/webhooks/forwards/{forwards(amman)[0].id}"
    assert dubai.client().get(path).status_code == 404
    assert read(path, dubai, KEY).status_code == 404
    assert amman.client(amman.staff).get(path).status_code == 403
    assert amman.client(amman.manager).get(path).status_code == 200


def test_a_forward_whose_bytes_are_past_their_retention_is_gone(amman):
    subscribed(amman)
    amman.send("careem")
    WebhookBody.objects.all().delete()
    assert read(f"/api/webhooks/forwards/{forwards(amman)[0].id}", amman, KEY).status_code == 410
