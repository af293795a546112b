"""Which commits wait for the disk: nothing is acknowledged before one of them did."""

from __future__ import annotations

from unittest import mock

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from integration import inbox
from integration.admission import Admission
from integration.models import WebhookBody, WebhookLog
from integration.views import webhook
from orders import inserts
from orders.inserts import insert

NORMAL, FULL = 1, 2
"""What SQLite calls a commit that does not wait for the disk, and one that does."""


def test_a_row_that_the_database_has_lost_meanwhile_is_not_acknowledged(amman):
    def crash(log, error, this):
        WebhookLog.objects.filter(pk=log.pk).delete()
        raise OperationalError("gone")

    with (
        mock.patch.object(inbox, "apply_event", side_effect=OperationalError("gone")),
        mock.patch.object(inbox, "_fail", side_effect=crash),
    ):
        response = amman.send("careem")
    assert (response.status_code, response.json()["error"]) == (503, "unavailable")
    assert response.headers["Retry-After"] == "5"
    assert WebhookLog.objects.count() == 0


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="Postgres has a setting of the transaction, not of the connection"
)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_known", [False, True])
def test_only_the_commit_of_a_delivery_does_not_wait_on_sqlite(amman, is_known):
    levels: dict[str, int] = {}

    def level() -> int:
        with connection.cursor() as cursor:
            return int(cursor.execute("PRAGMA synchronous").fetchone()[0])

    def noted(row, **options):
        levels.setdefault(type(row).__name__, level())
        return insert(row, **options)

    request = amman.sample("careem")
    if is_known:
        amman.post("careem", request)
    with mock.patch.object(inserts, "insert", noted):
        assert amman.post("careem", request).status_code == 200
    assert levels == {"WebhookLog": NORMAL} | ({} if is_known else {"WebhookBody": NORMAL})
    assert level() == FULL


@pytest.fixture
def waiting(transactional_db):
    """A session whose commits wait for the disk, whatever the server of the tests is told."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET synchronous_commit")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no commit that does not wait")
@pytest.mark.parametrize(("fails", "ends"), [(False, {"result": "on"}), (True, {"result": "on", "failure": "on"})])
def test_only_the_first_of_two_commits_does_not_wait_for_the_disk(waiting, amman, fails, ends):
    waits: dict[str, str] = {}

    def noted(at, wrapped):
        def call(*args, **kwargs):
            with connection.cursor() as cursor:
                cursor.execute("SHOW synchronous_commit")
                waits[at] = cursor.fetchone()[0]
            if at == "result" and fails:
                raise ValueError("a fault")
            return wrapped(*args, **kwargs)

        return call

    with (
        mock.patch.object(inbox, "apply_event", noted("result", inbox.apply_event)),
        mock.patch.object(inbox._Try, "write", noted("failure", inbox._Try.write)) if fails else mock.MagicMock(),
        CaptureQueriesContext(connection) as captured,
    ):
        assert amman.send("careem").status_code == (202 if fails else 200)
    hurried = [each["sql"] for each in captured if "set_config" in each["sql"]]
    assert [sql.startswith("WITH setting") and "webhook_bodies" in sql for sql in hurried] == [True]
    assert waits == ends
    assert (WebhookLog.objects.count(), WebhookBody.objects.count()) == (1, 1)


def test_the_commit_of_a_delivery_that_is_only_stored_waits_for_the_disk(amman, monkeypatch):
    monkeypatch.setattr(webhook, "admission", Admission(places=0, queue=0))
    with (
        mock.patch.object(inserts, "_no_wait", side_effect=AssertionError),
        CaptureQueriesContext(connection) as captured,
    ):
        assert amman.send("careem").json()["status"] == "queued"
    assert [each["sql"] for each in captured if "set_config" in each["sql"]] == []
    assert (WebhookLog.objects.count(), WebhookBody.objects.count()) == (1, 1)
