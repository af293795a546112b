"""The border between companies on every path that the URLs, the schema, the sockets and the tasks name: none is forgotten."""

from __future__ import annotations

import inspect
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.db.models import Model
from django.test import Client
from django.urls import get_resolver

from integration.models import AlertNotice, OutboundPush, ProviderCredential, WebhookLog
from integration.tests.factories import Installation
from integration.tests.test_admin_border import fill, row_of, without_csrf
from integration.tests.test_border import METHODS, PARAMETER, objects_of, walk
from orders.api.docs import schema
from orders.models import Branch, Company, User
from orders.routing import websocket_urlpatterns
from restaurant_integration.celery import app as celery
from restaurant_integration.tests import every_url

pytestmark = [pytest.mark.django_db, pytest.mark.repeats]

NOTE = "their words alone"
OPEN = {
    "livez", "readyz", "api/schema", "api/docs", "providers.css", "sign-in/", "sign-out/", "preferences/",
    "admin/login/", "admin/logout/", "admin/jsi18n/", "admin/password_change/", "admin/password_change/done/",
}  # fmt: skip
"""Nothing of any company stands there."""
ADMIN_ROW = re.compile(r"admin/(\w+)/(\w+)/<(?:path:object_id|id)>/")


@pytest.fixture
def ours() -> Installation:
    return fill("amman-grill")


@pytest.fixture
def theirs() -> Installation:
    made = fill("dubai-diner", "AE")
    Branch.objects.filter(company=made.company).update(name=NOTE, name_ar=NOTE)
    Company.objects.filter(pk=made.company.pk).update(name=NOTE)
    made.company.orders.update(notes=NOTE, external_id="THEIRS-1")
    return made


@pytest.fixture(autouse=True)
def _with_sandbox(settings):
    # The schema is kept by the process: it is of these paths here, and of the usual ones for the tests behind.
    schema.cache_clear()
    settings.SANDBOX_ENABLED, settings.ROOT_URLCONF = True, every_url.__name__
    yield
    schema.cache_clear()


def all_paths() -> list[str]:
    return sorted({path for path, _ in walk(get_resolver())})


def is_pattern(path: str) -> bool:
    return "(?P<" in path


def is_door(path: str) -> bool:
    """Tell whether a provider or the played one proves itself there by a secret of its own, and no person."""
    return path.startswith(("api/integration/webhook", "webhooks/", "sandbox/"))


def belonging(company: Company) -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table that hangs on a company; the counts of what was refused at its door left out."""
    rows = {
        model._meta.label: list(model._default_manager.filter(**{way: company.pk}).order_by("pk").values())
        for model, way in ways_to_company().items()
    }
    rows["integration.WebhookLog"] = [row for row in rows["integration.WebhookLog"] if row["status"] != "rejected"]
    return rows


def ways_to_company() -> dict[type[Model], str]:
    """Return the shortest way of foreign keys from each table to the company."""
    ways: dict[type[Model], str] = {Company: "pk", User: "memberships__company"}
    models = [model for label in ("orders", "integration") for model in apps.get_app_config(label).get_models()]
    ways |= {model: "company" for model in models if any(f.name == "company" for f in model._meta.concrete_fields)}
    for _ in range(3):
        for model in models:
            for field in model._meta.concrete_fields:
                if model not in ways and field.related_model in ways:
                    ways[model] = f"{field.name}__{ways[field.related_model]}"
    return ways


def values_for(path: str, owner: Installation) -> Iterator[dict[str, str]]:
    """Yield what may stand for the parameters of a path: each id of a company that fits its name."""
    names = PARAMETER.findall(path)
    company_id = [str(owner.company.id)]
    known = objects_of(owner) | {"company_id": company_id, "client_id": company_id, "path": ["order/AMM-1"]}
    known["log_id"] = known["event_id"]
    known["forward_id"] = [str(push.pk) for push in OutboundPush.objects.filter(company=owner.company)]
    row = ADMIN_ROW.match(path)
    if row:
        known["id"] = known["object_id"] = [str(row_of(apps.get_model(row[1], row[2]), owner).pk)]
    if path.startswith("admin/r/"):
        yield {"content_type_id": "1", "object_id": str(owner.company.id)}
        return
    if path.startswith("sandbox/"):
        known |= {name: ["THEIRS-1"] for name in ("external_id", "token", "chain")}
    if not names:
        yield {}
        return
    *fixed, last = names
    for value in known[last]:
        yield {**{name: known[name][0] for name in fixed}, last: value}


def filled(path: str, values: dict[str, str]) -> str:
    return "/" + PARAMETER.sub(lambda found: values[found[1]], path)


def answer_of(client: Client, method: str, path: str, body: str = "{}") -> tuple[int, bytes]:
    answer = client.generic(method, path, body, content_type="application/json")
    content = b"".join(answer) if answer.streaming else answer.content
    return answer.status_code, content


@pytest.mark.any_database
def test_every_table_hangs_on_a_company_or_is_of_all():
    hanging = {model.__name__ for model in ways_to_company()}
    every = {model.__name__ for label in ("orders", "integration") for model in apps.get_app_config(label).get_models()}
    assert every - hanging == {"SignInTries", "Heartbeat", "AvailabilitySample"}
    assert len(hanging) > 20


@pytest.mark.any_database
@pytest.mark.parametrize("method", METHODS)
def test_no_call_with_ids_of_another_company_shows_or_changes_anything_of_it(ours, theirs, method):
    before, client, called = belonging(theirs.company), ours.client(), 0
    secret = {NOTE.encode(), *(each.encode() for ids in objects_of(theirs).values() for each in ids if len(each) > 10)}
    for path in all_paths():
        if is_pattern(path) or path in OPEN:
            continue
        for values in values_for(path, theirs):
            url = filled(path, values)
            status, content = answer_of(client, method, url)
            assert status < 500, (method, url)
            told = {each for each in secret if each in content and each.decode() not in url}
            assert not told, (method, url)
            names = set(PARAMETER.findall(path))
            if names and not names & {"provider", "table"} and not is_door(path):
                assert status in {401, 404, 405, 302}, (method, url)
            called += 1
    assert belonging(theirs.company) == before
    assert called > 90


@pytest.mark.any_database
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_row_of_another_company_on_an_admin_path_answers_like_none(ours, theirs, method):
    client, seen = ours.client(), 0
    for path in all_paths():
        row = ADMIN_ROW.match(path)
        if row is None:
            continue
        (there,) = values_for(path, theirs)
        (name, foreign), *_ = there.items()
        shown = []
        for each in (foreign, str(uuid.uuid4()) if "-" in foreign else "987654"):
            answer = client.generic(method, filled(path, {name: each}))
            shown.append((answer.status_code, answer.get("Location", "").replace(each, ""), without_csrf(answer)))
        assert shown[0] == shown[1], path
        assert shown[0][0] in {302, 404}, path
        seen += 1
    assert seen >= 45


def test_no_filter_search_or_order_of_an_admin_list_shows_anything_of_another_company(ours, theirs):
    client, seen = ours.client(), 0
    foreign = {str(row["id"]) for rows in belonging(theirs.company).values() for row in rows if "id" in row}
    lists = [path for path, entry in walk(get_resolver()) if str(entry.name).endswith("_changelist")]
    assert len(lists) >= 15
    for path in lists:
        company, branch = theirs.company.pk, theirs.branch.pk
        for query in ("", "q=THEIRS-1", f"q={NOTE}", f"company__id__exact={company}", f"branch__id__exact={branch}",
                      f"company={company}", *(f"o={number}" for number in range(1, 8)), "o=-1", "all="):  # fmt: skip
            status, content = answer_of(client, "GET", f"/{path}?{query}")
            text = content.decode()
            assert status in {200, 302, 400, 404}, (path, query)
            assert NOTE not in text.replace(f'value="{NOTE}"', ""), (path, query)
            linked = set(re.findall(r"/([^/\"]+)/change/", text)) | set(
                re.findall(r'_selected_action" value="([^"]+)"', text)
            )
            assert not {each for each in linked & foreign if len(each) > 10}, (path, query)
            seen += status == 200
    assert seen > 60


def reading_calls() -> list[tuple[str, str]]:
    """Return each path of the published schema that is read without an id, with each of its query parameters."""
    schema = Client().get("/api/schema?format=json").json()
    return [
        (path, parameter["name"])
        for path, operations in sorted(schema["paths"].items())
        for parameter in operations.get("get", {}).get("parameters", [])
        if parameter["in"] == "query" and "{" not in path
    ]


@time_machine.travel("2026-01-10T12:00:00Z", tick=False)
def test_a_filter_with_a_value_of_another_company_answers_like_one_that_is_nobodys(ours, theirs):
    client = ours.client()
    calls = reading_calls()
    assert {path for path, _ in calls} >= {
        "/api/orders",
        "/api/integration/logs",
        "/api/analytics",
        "/api/orders/export.csv",
    }
    pairs = [
        (str(theirs.company.pk), str(uuid.uuid4())),
        (str(theirs.branch.pk), str(uuid.uuid4())),
        ("THEIRS-1", "NOBODY-1"),
        (NOTE, "nobodys words"),
    ]
    for path, name in calls:
        for there, missing in pairs:
            url = f"{path}?{name}="
            answers = [
                (status, content.replace(value.encode(), b"VALUE"))
                for value in (there, missing)
                for status, content in [answer_of(client, "GET", url + value)]
            ]
            assert answers[0] == answers[1], (path, name, there)


@pytest.mark.any_database
def test_signing_for_another_company_is_refused_like_signing_for_none(ours, theirs):
    # The factory gives every company the same secrets.
    ProviderCredential.objects.filter(company=theirs.company, provider="careem").delete()
    credential = ProviderCredential(company=theirs.company, provider="careem")
    credential.rotate("webhookSecret", "dubai-secret-0001")
    credential.save()
    signed = ours.sample("careem", external_id="STOLEN-1")
    headers = {name: value for name, value in signed.headers.items() if name != "content-type"}
    before = belonging(theirs.company)
    doors = [path for path in all_paths() if path.startswith("api/") and path.endswith("/<str:company_id>")]
    answers = set()
    for company_id in (theirs.company.id, uuid.uuid4()):
        for path in doors:
            url = filled(path, {"provider": "careem", "company_id": str(company_id)})
            answer = Client().post(url, signed.body, content_type="application/json", headers=headers)
            answers.add((answer.status_code, answer.content))
    assert doors == ["api/integration/webhook/<str:provider>/<str:company_id>"]
    assert [status for status, _ in answers] == [401]
    assert belonging(theirs.company) == before


@pytest.mark.any_database
def test_every_socket_is_one_whose_border_is_tested():
    # orders/tests/test_sockets.py: another company, an unknown one, none, branches, a wrong path.
    assert [str(entry.pattern) for entry in websocket_urlpatterns] == ["ws/orders/", "ws/orders", ""]


TAKES = {
    "integration.ask_hub_for": ["company_id"],
    "integration.process_events": ["log_ids", "token"],
    "integration.push_claimed": ["push_id", "token"],
    "integration.push_order": ["order_id"],
    "integration.reconcile_with": ["company_id", "source"],
    "integration.send_notice": ["notice_id", "token"],
}


def our_tasks() -> dict[str, Any]:
    return {name: task for name, task in celery.tasks.items() if not name.startswith("celery.")}


@pytest.mark.any_database
def test_tasks_take_ids_and_claims_alone():
    celery.loader.import_default_modules()
    takes = {name: list(inspect.signature(task.run).parameters) for name, task in our_tasks().items()}
    assert {name: arguments for name, arguments in takes.items() if arguments} == TAKES


@pytest.mark.any_database
@pytest.mark.parametrize("name", [name for name, takes in TAKES.items() if "token" in takes])
def test_a_task_with_a_claim_of_another_row_does_nothing(ours, theirs, name):
    celery.loader.import_default_modules()
    task = our_tasks()[name]
    rows = objects_of(theirs)["event_id"] if "event" in name else [str(theirs.company.orders.get().pushes.first().pk)]
    if "notice" in name:
        rows = [str(row_of(AlertNotice, theirs).pk)]
    claim = uuid.uuid4()
    WebhookLog.objects.filter(company=ours.company).update(status="processing", claim_token=claim)
    OutboundPush.objects.filter(order__company=ours.company).update(status="sending", claim_token=claim)
    AlertNotice.objects.filter(channel__company=ours.company).update(status="sending", claim_token=claim)
    before = belonging(theirs.company)
    for row in rows:
        task.run([row] if "log_ids" in TAKES[name] else row, str(claim))
    assert belonging(theirs.company) == before
