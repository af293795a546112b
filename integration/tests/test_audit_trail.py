"""Everything that somebody may later ask about leaves its entry in the company's trail."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from integration import inbox
from integration.alerts import raise_alert
from integration.models import ProviderCredential, WebhookLog
from integration.tests.api import API
from integration.tests.factories import SECRETS, make_installation
from orders.models import ApiToken, AuditEntry, Branch, Membership, MenuProduct, Order

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture
def here():
    return make_installation()


def trail(here=None) -> list[tuple]:
    entries = AuditEntry.objects.filter(company=here.company if here else None).order_by("created_at", "id")
    return list(entries.values_list("action", "actor", "target", "details"))


def post(here, path: str, data: dict | None = None, method: str = "post"):
    answer = getattr(here.client(), method)(f"{API}/{path}", data or {}, content_type=JSON)
    assert answer.status_code in (200, 201), answer.content
    return answer.json()


# -- what people do ----------------------------------------------------------------------------------------------------


def test_an_order_that_is_moved_by_hand(here):
    here.send("careem")
    order = Order.objects.get()
    here.client().post(f"/api/orders/{order.id}/status", {"status": "confirmed"}, content_type=JSON)
    assert trail(here) == [
        ("order.status_changed", here.owner.username, str(order.id), {"from": "received", "to": "confirmed"})
    ]


def test_an_export(here):
    list(here.client().get("/api/orders/export.csv"))
    assert [(entry[0], entry[3]) for entry in trail(here)] == [("order.exported", {"filters": {}})]


def test_people_and_tokens(here):
    member = post(here, "members", {"username": "new-cook", "role": "staff"})["data"]["id"]
    post(here, f"members/{member}", {"role": "manager"}, "patch")
    post(here, f"members/{member}", method="delete")
    token = post(here, "tokens", {"name": "till"})["data"]["id"]
    post(here, f"tokens/{token}", method="delete")
    assert [entry[0] for entry in trail(here)] == [
        "member.added", "member.changed", "member.removed", "token.issued", "token.revoked",
    ]  # fmt: skip


def test_credentials(here):
    post(here, "credentials/jahez", {"bearerToken": "another-bearer-token-0002"})
    post(here, "credentials/jahez", method="delete")
    assert [entry[0] for entry in trail(here)] == ["credential.rotated", "credential.deleted"]


@pytest.mark.parametrize("enabled", [False, True])
def test_a_provider_that_is_switched_says_which_way(here, enabled):
    ProviderCredential.objects.filter(provider="careem").update(is_enabled=not enabled)
    post(here, "credentials/careem", {"enabled": enabled})
    details = {"fields": ["enabled"], "enabled": enabled}
    assert trail(here) == [("credential.changed", here.owner.username, "careem", details)]


def test_a_provider_that_is_switched_off_in_the_admin(here):
    careem = ProviderCredential.objects.get(provider="careem")
    data = {"environment": "production", "base_url": "", "allowed_addresses": "", "overlap_hours": "24"}
    here.client().post(reverse("admin:integration_providercredential_change", args=[careem.pk]), data)
    details = {"fields": ["enabled"], "enabled": False}
    assert trail(here) == [("credential.changed", here.owner.username, "careem", details)]


def test_a_replay(here):
    here.send_payload("careem", {"nothing": "useful"})
    log = WebhookLog.objects.get()
    post(here, f"logs/{log.id}/replay")
    assert [entry[0] for entry in trail(here)] == ["event.replayed"]


def test_an_alert_that_is_handled(here):
    alert = raise_alert(here.company, "event_dead", "An event waits.", subject="careem")
    post(here, f"alerts/{alert.id}/acknowledge")
    post(here, f"alerts/{alert.id}/resolve")
    details = {"cause": "event_dead", "subject": "careem"}
    assert [entry[0::3] for entry in trail(here)] == [("alert.acknowledged", details), ("alert.resolved", details)]


def admin_save(here, model: str, row, data: dict) -> None:
    answer = here.client().post(reverse(f"admin:orders_{model}_change", args=[row.pk]), data)
    assert answer.status_code == 302, answer.context["errors"]


def test_the_mapping_of_a_menu(here):
    product = MenuProduct.objects.order_by("name").first()
    code = product.codes.get(provider="careem")
    rows = [*product.codes.order_by("pk")]
    data = {"name": product.name, "name_ar": product.name_ar, "price": product.price, "is_active": "on",
            "codes-TOTAL_FORMS": str(len(rows)), "codes-INITIAL_FORMS": str(len(rows))}  # fmt: skip
    for index, row in enumerate(rows):
        changed = "NEW-ID" if row == code else row.external_id
        data |= {f"codes-{index}-id": row.pk, f"codes-{index}-product": product.pk,
                 f"codes-{index}-provider": row.provider, f"codes-{index}-external_id": changed}  # fmt: skip
    admin_save(here, "menuproduct", product, data)
    assert [entry[:3] for entry in trail(here)] == [("menuproduct.changed", here.owner.username, str(product.pk))]
    assert "External id" in trail(here)[0][3]["fields"]


def test_the_settings_of_a_company(here):
    branches = {"branches-TOTAL_FORMS": "1", "branches-INITIAL_FORMS": "1",
                "branches-0-id": str(Branch.objects.get().pk), "branches-0-company": str(here.company.pk),
                "branches-0-name": "Main"}  # fmt: skip
    data = {"name": "New name", "country": "JO", "currency": "JOD", "time_zone": "Asia/Amman",
            "business_day_cutoff": "00:00:00"}  # fmt: skip
    admin_save(here, "company", here.company, data | branches)
    assert trail(here)[-1][0] == "company.changed"
    assert "Name" in trail(here)[-1][3]["fields"]


def test_the_same_acts_in_the_admin(here):
    member = Membership.objects.get(user=here.staff)
    admin_save(here, "membership", member, {"role": "manager"})
    here.token(here.manager)
    token = ApiToken.objects.get()
    here.client().post(reverse("admin:orders_apitoken_delete", args=[token.pk]), {"post": "yes"})
    assert [entry[0] for entry in trail(here)] == ["membership.changed", "apitoken.revoked"]


# -- what befalls us ---------------------------------------------------------------------------------------------------


def refuse(here, times: int) -> None:
    for _ in range(times):
        here.post("careem", here.sample("careem").__class__(body=b"{}", headers={"content-type": JSON}, path=""))


def test_refused_signatures_that_cluster_stand_there_once(here):
    refuse(here, inbox.REFUSALS_THAT_CLUSTER + 5)
    assert trail(here) == [("webhook.signatures_failing", "system", "careem", {"reason": trail(here)[0][3]["reason"]})]


def test_an_exceeded_limit_stands_there_once_a_minute(here, settings):
    settings.WEBHOOK_RATE_LIMIT = "4/60"
    answers = [here.send("careem", external_id=f"a{number}").status_code for number in range(4)]
    assert answers[0] == 200
    assert answers[-1] == 429
    expected = ("webhook.rate_limited", "system", "careem", {"requests": "authentic", "limit": "4/60"})
    assert trail(here) == [expected]
    here.send("jahez", external_id="b1")
    here.send("jahez", external_id="b2")
    assert [entry[2] for entry in trail(here)] == ["careem", "jahez"]


def test_a_forger_who_is_slowed_down_stands_there_once(settings):
    settings.WEBHOOK_RATE_LIMIT = "1/60"
    unknown = "/api/integration/webhook/careem/00000000-0000-0000-0000-000000000000"
    answers = [Client().post(unknown, "{}", content_type=JSON).status_code for _ in range(4)]
    assert answers == [401, 429, 429, 429]
    expected = ("webhook.rate_limited", "system", "careem", {"requests": "refused", "limit": "1/60"})
    assert trail() == [expected]


def test_no_entry_holds_a_secret(here):
    post(here, "credentials/jahez", {"bearerToken": "another-bearer-token-0002"})
    kept = str(trail(here))
    assert "another-bearer" not in kept
    assert not [value for fields in SECRETS.values() for value in fields.values() if value in kept]
