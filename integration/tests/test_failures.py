"""Failures by cause: one fingerprint for what failed alike, on the page and by the API, and a group replayed at once."""

from __future__ import annotations

import pytest

from integration import inbox
from integration.fingerprints import describe, normalised, of_failure, of_fault
from integration.models import WebhookLog
from integration.tests.api import acts, call, missing
from orders.models import Branch, Order

pytestmark = pytest.mark.django_db


def fail(here, monkeypatch, error: Exception, *external_ids: str) -> None:
    """Take orders in that fail for good with an error."""

    def raise_it(*args, **kwargs):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(inbox, "apply_event", raise_it)
        patched.setattr(inbox, "next_delay", lambda attempts: None)
        for external_id in external_ids:
            here.send("careem", external_id=external_id)


def groups(here, user=None) -> list[dict]:
    status, answer = call(here, "GET", "failures", user=user)
    assert status == 200
    assert answer["next"] is None
    return answer["results"]


# -- fingerprints --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no product 'Lamb Mansaf' in menu 17", "no product … in menu N"),
        ('"a" is not "b"\nsecond line', "… is not …"),
        ("order 0b51a8e0-95b2-4c0a-9f46-000000000001 is locked", "order <id> is locked"),
        ("key ABC12345678 at 12.500", "key <id> at N"),
        ("", ""),
    ],
)
def test_a_message_is_kept_without_its_values(text, expected):
    assert normalised(text) == expected


def test_a_failure_is_known_by_its_class_its_place_and_its_message():
    def thrown(error: Exception) -> dict[str, str]:
        try:
            raise error
        except Exception as caught:
            return describe(caught)

    first, second = thrown(ValueError("order 17")), thrown(ValueError("order 18"))
    assert first == {"place": "integration/tests/test_failures.py:thrown", "message": "order N"}
    assert of_failure("careem", "ValueError", first) == of_failure("careem", "ValueError", second)
    others = {
        of_failure("jahez", "ValueError", first),
        of_failure("careem", "KeyError", first),
        of_failure("careem", "ValueError", {**first, "place": "integration/inbox.py:_apply"}),
        of_failure("careem", "ValueError", {**first, "message": "menu N"}),
    }
    assert len(others | {of_failure("careem", "ValueError", first)}) == 5


def test_a_fault_is_known_by_its_path_whichever_line_it_is_in():
    one = of_fault("careem", "invalid_payload", {"items[2].quantity": 'expected a positive integer, got "x"'})
    assert one == of_fault("careem", "invalid_payload", {"items[7].quantity": "expected a positive integer, got 0"})
    assert one != of_fault("careem", "invalid_payload", {"items[2].price": "expected an amount"})


def test_a_database_error_leaves_its_values_out():
    from django.db import IntegrityError

    assert describe(IntegrityError("Key (phone)=(+962790000001) already exists")) == {}


# -- groups --------------------------------------------------------------------------------------------------------------


def test_what_failed_alike_is_one_group_with_its_newest_examples(amman, monkeypatch):
    fail(amman, monkeypatch, RuntimeError("store 17 is closed"), "1", "2", "3", "4")
    fail(amman, monkeypatch, KeyError("x"), "5")
    first, second = groups(amman, amman.staff)
    assert (first["count"], first["errorMessage"], first["message"]) == (4, "RuntimeError", "store N is closed")
    assert first["place"] == "integration/tests/test_failures.py:raise_it"
    assert [example["externalOrderId"] for example in first["examples"]] == ["4", "3", "2"]
    assert first["remedy"].startswith("A fault of this program")
    assert (second["count"], second["errorMessage"]) == (1, "KeyError")
    assert len({first["fingerprint"], second["fingerprint"]}) == 2


def test_payloads_with_the_same_fault_are_one_group(amman):
    for event in (b'{"event": "order_created"}', b'{"event": "order_created", "x": 1}'):
        amman.send_payload("careem", event)
    (group,) = groups(amman)
    assert (group["status"], group["count"], group["place"]) == ("quarantined", 2, None)
    assert group["paths"] == sorted(group["paths"]) != []
    assert group["remedy"].startswith("The provider sends something new or broken")


def test_what_is_mended_has_no_fingerprint_any_more(amman, monkeypatch):
    fail(amman, monkeypatch, RuntimeError("no"), "1")
    inbox.replay(WebhookLog.objects.get(), user=amman.manager)
    log = WebhookLog.objects.get()
    assert (log.status, log.fingerprint, log.details) == ("processed", "", {})
    assert groups(amman) == []


def test_nobody_sees_the_failures_of_another_company(amman, dubai, monkeypatch):
    fail(dubai, monkeypatch, RuntimeError("no"), "1")
    (theirs,) = groups(dubai)
    assert groups(amman) == []
    path = f"failures/{theirs['fingerprint']}/replay"
    assert call(amman, "POST", path, {}) == missing("This group")
    assert not Order.objects.exists()


def test_who_is_limited_to_branches_sees_the_failures_of_their_orders(amman, monkeypatch):
    fail(amman, monkeypatch, RuntimeError("no"), "1")
    membership = amman.company.memberships.get(user=amman.staff)
    membership.is_limited = True
    membership.save()
    membership.branches.set([Branch.objects.create(company=amman.company, name="Abdoun")])
    assert groups(amman, amman.staff) == []


# -- replaying a group -----------------------------------------------------------------------------------------------------


def test_a_group_is_counted_then_replayed_and_no_other(amman, monkeypatch):
    fail(amman, monkeypatch, RuntimeError("no"), "1", "2")
    fail(amman, monkeypatch, KeyError("x"), "3")
    path = f"failures/{groups(amman)[0]['fingerprint']}/replay"
    status, answer = call(amman, "POST", path, {"dryRun": True}, user=amman.manager)
    assert (status, answer["data"]) == (200, {"dryRun": True, "count": 2, "skipped": 0})
    assert not Order.objects.exists()
    status, answer = call(amman, "POST", path, user=amman.manager)
    assert (status, answer["data"]["replayed"], answer["data"]["outcomes"]) == (200, 2, {"processed": 2})
    assert sorted(Order.objects.values_list("external_id", flat=True)) == ["1", "2"]
    assert [group["count"] for group in groups(amman)] == [1]
    assert acts(amman)[-1][1] == "events.replayed"


@pytest.mark.parametrize("fingerprint", ["0" * 16, "nonsense", "0" * 17])
def test_a_group_that_is_not_there(amman, fingerprint):
    assert call(amman, "POST", f"failures/{fingerprint}/replay", {}) == missing("This group")


def test_staff_replay_no_group(amman):
    assert call(amman, "POST", f"failures/{'0' * 16}/replay", {}, user=amman.staff)[0] == 403


def test_the_log_is_narrowed_to_a_group(amman, monkeypatch):
    fail(amman, monkeypatch, RuntimeError("no"), "1")
    fail(amman, monkeypatch, KeyError("x"), "2")
    fingerprint = WebhookLog.objects.get(external_id="2").fingerprint
    status, answer = call(amman, "GET", f"logs?fingerprint={fingerprint}")
    assert [row["fingerprint"] for row in answer["results"]] == [fingerprint]
    assert status == 200


def test_the_page_says_where_what_to_do_and_leads_to_examples(amman, monkeypatch):
    fail(amman, monkeypatch, RuntimeError("store <17> is closed"), "1", "2")
    html = amman.client(amman.manager).get("/webhooks/waiting/").content.decode()
    log = WebhookLog.objects.order_by("-received_at").first()
    assert "<code>integration/tests/test_failures.py:raise_it</code>" in html
    assert "store &lt;N&gt; is closed" in html
    assert "A fault of this program" in html
    assert f'href="/webhooks/{log.id}/"' in html
    assert f"fingerprint={log.fingerprint}" in html


def test_a_group_is_replayed_from_the_page(amman, monkeypatch):
    fail(amman, monkeypatch, RuntimeError("no"), "1")
    fail(amman, monkeypatch, KeyError("x"), "2")
    fingerprint = WebhookLog.objects.get(error="RuntimeError").fingerprint
    page = amman.client(amman.manager).post(f"/webhooks/replay/?fingerprint={fingerprint}")
    assert page.status_code == 200
    assert Order.objects.get().external_id == "1"
