"""The audit trail: entries are added, and neither changed nor deleted but with their company."""

from __future__ import annotations

import pytest
from django.db import Error, connection, transaction

from orders.audit import record_act, record_for_person
from orders.models import AuditEntry, Company, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry(company, user) -> AuditEntry:
    return record_act("order.exported", company=company, user=user, target="all")


def rows() -> list[tuple]:
    return list(AuditEntry.objects.order_by("created_at", "id").values_list("action", "actor", "target"))


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry.save(),
        lambda entry: entry.delete(),
        lambda entry: AuditEntry.objects.update(action="nothing"),
        lambda entry: AuditEntry.objects.filter(pk=entry.pk).delete(),
        lambda entry: AuditEntry.objects.bulk_update([entry], ["action"]),
        lambda entry: entry.company.audit_entries.all().delete(),
    ],
    ids=["save", "delete", "update", "delete many", "bulk update", "delete of a company"],
)
def test_the_application_refuses_to_change_an_entry(entry, change):
    entry.action = "nothing"
    with pytest.raises(TypeError, match="append-only"):
        change(entry)
    assert rows() == [("order.exported", "cook", "all")]


@pytest.mark.parametrize("column", ["action", "actor", "target", "details", "created_at", "company_id", "address"])
def test_the_database_refuses_to_change_an_entry(entry, column):
    value = {"details": "'{}'", "created_at": "'2020-01-01 00:00:00'", "company_id": "NULL", "address": "'192.0.2.1'"}
    if column == "details":
        value["details"] = "'{\"x\": 1}'"
    with pytest.raises(Error, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE audit_entries SET {column} = {value.get(column, repr('nothing'))}")
    assert rows() == [("order.exported", "cook", "all")]


def test_postgres_refuses_to_delete_an_entry(entry):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no transaction to name the company that goes: there the application alone refuses")
    with pytest.raises(Error, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_entries")
    assert rows() == [("order.exported", "cook", "all")]


def test_an_entry_outlives_its_person_with_their_name(entry, user):
    user.delete()
    entry.refresh_from_db()
    assert (entry.user, entry.actor) == (None, "cook")


def test_the_trails_of_companies_go_with_them(entry, company, other_company):
    record_act("order.exported", company=other_company)
    record_act("company.deleted", company=None, target="petra")
    Company.objects.filter(pk__in=[company.pk, other_company.pk]).delete()
    assert rows() == [("company.deleted", "system", "petra")]


def test_one_companys_end_takes_no_entry_of_another(entry, other_company):
    other_company.delete()
    assert rows() == [("order.exported", "cook", "all")]


def test_what_somebody_typed_has_no_lines_and_no_nul(company):
    made = record_act("person.sign_in_failed", company=company, target="a\nb\x00c\ud800d")
    made.refresh_from_db()
    assert made.target == "a\ufffdb\ufffdc\ufffdd"


def test_somebody_without_a_company_stands_in_the_trail_of_the_installation():
    record_for_person("person.signed_in", User.objects.create_user("root"), target="root")
    assert AuditEntry.objects.get().company is None
