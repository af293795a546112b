"""What an operator reaches in the admin, page by page, for every model that stands in it."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from integration.alerts import raise_alert
from integration.models import (
    Alert,
    AlertChannel,
    AlertNotice,
    AlertThreshold,
    AutoAcceptPolicy,
    IntegrationWebhook,
    ProviderCredential,
    WebhookLog,
)
from integration.tests.alerting import SECRET, SLACK, make_channel
from integration.tests.factories import SECRETS, Installation, make_installation
from orders.audit import record_act
from orders.models import (
    ApiToken,
    AuditEntry,
    Branch,
    Company,
    Customer,
    Membership,
    MenuProduct,
    Order,
    Role,
    User,
)
from orders.services import change_status
from providers.events import Status

pytestmark = pytest.mark.django_db

MODELS = sorted((m for m in admin.site._registry if m._meta.app_label in {"orders", "integration"}), key=str)
SUPERUSER_ONLY = {User}
ADDABLE_BY_OWNER = {AlertChannel, AlertThreshold, AutoAcceptPolicy, Branch, Membership, MenuProduct, ProviderCredential}
DELETABLE_BY_OWNER = ADDABLE_BY_OWNER | {ApiToken}
EDITABLE_BY_OWNER = ADDABLE_BY_OWNER | {Company}
KEYS = {
    SECRET, SLACK, "careem-hub-secret-0001", "jahez-bearer-token-0001", "hub-gave-this-key-0001",
    *(value for fields in SECRETS.values() for value in fields.values()),
}  # fmt: skip


def fill(slug: str, country: str = "JO") -> Installation:
    """Make a company with a row of everything that the admin shows."""
    made = make_installation(slug, country=country)
    made.send("careem")
    ApiToken.issue(user=made.owner, company=made.company, name="till")
    raise_alert(made.company, "event_dead", f"Something of {slug} is dead.", subject="careem")
    IntegrationWebhook.objects.create(
        company=made.company, provider="careem", url=f"https://{slug}.example.com/hook",
        secrets={"secretKey": "hub-gave-this-key-0001"},
    )  # fmt: skip
    AutoAcceptPolicy.objects.create(company=made.company)
    channel = make_channel(made.company, secrets={"secret": SECRET})
    AlertNotice.objects.create(channel=channel, kind="opened", next_attempt_at=timezone.now())
    AlertThreshold.objects.create(company=made.company, name="slowP95Ms", value=900)
    change_status(made.company.orders.get(), Status.CONFIRMED, user=made.owner)
    record_act("credential.changed", company=made.company, user=made.owner, target="careem")
    if not Customer.objects.filter(company=made.company).exists():
        Customer.objects.create(company=made.company, name="Lina", phone="+962790000001", phone_key="+962790000001")
    return made


@pytest.fixture
def ours() -> Installation:
    return fill("amman-grill")


@pytest.fixture
def theirs() -> Installation:
    return fill("dubai-diner", "AE")


@pytest.fixture
def superuser() -> User:
    return User.objects.create_superuser("root", password="correct horse battery")


def row_of(model, installation: Installation):
    company = installation.company
    if model is Company:
        return company
    if model is User:
        return installation.staff
    if model is Membership:
        return Membership.objects.get(user=installation.staff)
    if model is AlertNotice:
        return model.objects.get(channel__company=company)
    return model.objects.filter(company=company).order_by("pk").first()


def url(model, page: str, *args) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def pages(model, row) -> dict[str, str]:
    return {page: url(model, page, row.pk) for page in ("change", "delete", "history")}


def without_csrf(answer) -> str:
    """Return a page without the token that differs from answer to answer."""
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_every_model_of_the_admin_is_behind_the_border():
    from orders.admin_scope import CompanyScopedAdmin

    assert {model.__name__ for model in MODELS} == {
        "Alert", "AlertChannel", "AlertNotice", "AlertThreshold",
        "ApiToken", "AuditEntry", "AutoAcceptPolicy", "Branch", "Company", "Customer", "IntegrationWebhook",
        "Membership", "MenuProduct", "Order", "OutboundPush", "ProviderCredential", "User", "WebhookLog",
    }  # fmt: skip
    assert all(isinstance(admin.site._registry[model], CompanyScopedAdmin) for model in MODELS)
    assert set(admin.site._registry) == set(MODELS)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_superuser_sees_the_rows_of_all_companies(model, ours, theirs, superuser):
    client = signed_in(superuser)
    assert client.get(url(model, "changelist")).status_code == 200
    for made in (ours, theirs):
        row = row_of(model, made)
        found = pages(model, row)
        assert client.get(found["change"]).status_code == 200
        assert client.get(found["history"]).status_code == 200
        listed = client.get(url(model, "changelist")).content.decode()
        assert f'value="{row.pk}"' in listed or url(model, "change", row.pk) in listed


@pytest.mark.any_database
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_superuser_adds_and_deletes_what_is_not_history(model, ours, superuser):
    client = signed_in(superuser)
    allowed_add = model in ADDABLE_BY_OWNER | {Company, User}
    allowed_delete = model in DELETABLE_BY_OWNER | {Company, User}
    assert client.get(url(model, "add")).status_code == (200 if allowed_add else 404)
    assert client.get(pages(model, row_of(model, ours))["delete"]).status_code == (200 if allowed_delete else 404)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_owner_sees_their_own_rows_alone(model, ours, theirs):
    client = ours.client()
    listing = client.get(url(model, "changelist"))
    own, foreign = row_of(model, ours), row_of(model, theirs)
    if model in SUPERUSER_ONLY:
        assert listing.status_code == 404
        assert client.get(pages(model, own)["change"]).status_code == 404
        return
    assert listing.status_code == 200
    assert url(model, "change", own.pk) in listing.content.decode()
    assert str(foreign.pk) not in re.findall(r'/([^/"]+)/change/|value="([^"]+)"', listing.content.decode())
    assert url(model, "change", foreign.pk) not in listing.content.decode()
    found = pages(model, own)
    assert client.get(found["change"]).status_code == 200
    assert client.get(found["history"]).status_code == 200
    assert client.get(found["delete"]).status_code == (200 if model in DELETABLE_BY_OWNER else 404)
    assert client.get(url(model, "add")).status_code == (200 if model in ADDABLE_BY_OWNER else 404)


@pytest.mark.any_database
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_row_of_another_company_answers_like_one_that_is_not_there(model, ours, theirs):
    client = ours.client()
    foreign = row_of(model, theirs)
    missing = "00000000-0000-4000-8000-000000000000" if model not in {Membership, User} else "987654"
    for page, path in pages(model, foreign).items():
        for method in (client.get, client.post):
            there, gone = method(path), method(url(model, page, missing))
            assert (there.status_code, gone.status_code) == (404, 404), page
            assert without_csrf(there) == without_csrf(gone)
    assert type(foreign).objects.filter(pk=foreign.pk).exists()


@pytest.mark.any_database
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_forged_post_changes_nothing_of_another_company(model, ours, theirs):
    foreign = row_of(model, theirs)
    before = type(foreign).objects.filter(pk=foreign.pk).values().get()
    client = ours.client()
    client.post(url(model, "change", foreign.pk), {"name": "stolen", "company": ours.company.pk, "is_enabled": ""})
    client.post(url(model, "delete", foreign.pk), {"post": "yes"})
    actions = {"action": "delete_selected", "_selected_action": [str(foreign.pk)], "post": "yes"}
    client.post(url(model, "changelist"), actions)
    assert type(foreign).objects.filter(pk=foreign.pk).values().get() == before


@pytest.mark.any_database
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_staff_member_without_ownership_finds_nothing(model, ours):
    operator = User.objects.create_user("nobody", password="correct horse battery", is_staff=True)
    client = signed_in(operator)
    row = row_of(model, ours)
    for path in (url(model, "changelist"), url(model, "add"), *pages(model, row).values()):
        assert client.get(path).status_code == 404
    index = client.get(reverse("admin:index"))
    assert index.status_code == 200
    assert index.context["app_list"] == []


@pytest.mark.any_database
@pytest.mark.parametrize("person", ["manager", "staff"])
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_those_who_own_nothing_are_asked_to_sign_in(model, person, ours):
    client = ours.client(getattr(ours, person))
    for path in (url(model, "changelist"), url(model, "add"), *pages(model, row_of(model, ours)).values()):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")


def test_owner_who_is_limited_to_branches_is_no_operator(ours):
    Membership.objects.filter(user=ours.owner).update(is_limited=True)
    assert ours.client().get(url(Order, "changelist")).status_code == 404


def test_owner_of_two_companies_sees_both(ours, theirs):
    Membership.objects.create(user=ours.owner, company=theirs.company, role=Role.OWNER)
    client = ours.client()
    for made in (ours, theirs):
        assert client.get(url(Branch, "change", made.branch.pk)).status_code == 200
    assert "dubai-diner" not in client.get(url(Branch, "changelist")).content.decode()
    assert "Dubai Diner" in client.get(url(Branch, "changelist")).content.decode()


def test_manager_of_a_second_company_owns_nothing_there(ours, theirs):
    Membership.objects.create(user=ours.owner, company=theirs.company, role=Role.MANAGER)
    assert ours.client().get(url(Branch, "change", theirs.branch.pk)).status_code == 404


SOURCES = [
    ("orders", "branch", "company"), ("orders", "membership", "branches"), ("orders", "menuproduct", "company"),
    ("orders", "order", "branch"), ("orders", "order", "customer"), ("orders", "orderitem", "menu_product"),
    ("integration", "providercredential", "company"), ("integration", "webhookattempt", "log"),
]  # fmt: skip


@pytest.mark.parametrize("source", SOURCES, ids="-".join)
def test_autocomplete_offers_no_row_of_another_company(source, ours, theirs):
    names = dict(zip(("app_label", "model_name", "field_name"), source, strict=True))
    answer = ours.client().get(reverse("admin:autocomplete"), {**names, "term": ""})
    assert answer.status_code == 200
    ids = {row["id"] for row in answer.json()["results"]}
    remote = type(ours.company)._meta.apps.get_model(*source[:2])._meta.get_field(source[2]).remote_field.model
    own = {str(row.pk) for row in remote.objects.all() if (row if remote is Company else row.company) == ours.company}
    assert ids
    assert ids <= own


@pytest.mark.parametrize("person", ["owner", "outsider"])
def test_autocomplete_of_users_is_for_superusers(person, ours):
    outsider = User.objects.create_user("outsider", is_staff=True)
    client = ours.client() if person == "owner" else signed_in(outsider)
    names = {"app_label": "orders", "model_name": "membership", "field_name": "user", "term": ""}
    assert client.get(reverse("admin:autocomplete"), names).status_code == 403


def test_autocomplete_finds_any_row_for_a_superuser(ours, theirs, superuser):
    names = {"app_label": "orders", "model_name": "branch", "field_name": "company", "term": "dubai"}
    answer = signed_in(superuser).get(reverse("admin:autocomplete"), names)
    assert answer.json()["results"] == [{"id": str(theirs.company.pk), "text": "Dubai Diner"}]


def test_filters_offer_no_row_of_another_company(ours, theirs):
    theirs.branch.name = "Marina of the others"
    theirs.branch.save()
    Branch.objects.create(company=ours.company, name="Second")
    page = ours.client().get(url(Order, "changelist")).content.decode()
    assert "Second" in page
    assert "Marina" not in page
    assert "Dubai" not in page


@pytest.mark.any_database
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_no_page_shows_a_secret(model, ours, theirs, superuser):
    key = ours.token()
    for client in (signed_in(superuser), ours.client()):
        row = row_of(model, ours)
        for path in (url(model, "changelist"), url(model, "add"), *pages(model, row).values()):
            shown = client.get(path).content.decode()
            assert not [secret for secret in KEYS | {key} if secret in shown], path


@pytest.mark.parametrize("column", ["secrets__startswith", "headers__icontains", "company__slug", "digest__startswith"])
def test_columns_cannot_be_probed_through_the_address(column, ours):
    for model in (ProviderCredential, WebhookLog, ApiToken, Order):
        if column.split("__")[0] in {field.name for field in model._meta.get_fields()}:
            assert ours.client().get(url(model, "changelist"), {column: "a"}).status_code == 400


def test_unknown_word_in_the_address_is_an_error_on_the_list(ours):
    answer = ours.client().get(url(Order, "changelist"), {"colour": "red"})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/orders/order/?e=1")


def test_another_companys_history_stays_theirs(ours, theirs, superuser):
    product = MenuProduct.objects.filter(company=theirs.company).first()
    LogEntry.objects.log_actions(user_id=superuser.pk, queryset=[product], action_flag=2, change_message="secret plans",
                                 single_object=True)  # fmt: skip
    assert ours.client().get(url(MenuProduct, "history", product.pk)).status_code == 404
    assert "secret plans" not in ours.client().get(reverse("admin:index")).content.decode()


LARGE = (Order, WebhookLog, AuditEntry, Customer, Alert, Branch, MenuProduct, Membership, ApiToken)


def grow(model, made: Installation, count: int) -> None:
    """Add rows, each with related rows of its own where it can have them."""
    now = timezone.now()
    for number in range(count):
        if model is Order:
            made.send("careem", external_id=f"{2000000 + number}")
        elif model is WebhookLog:
            WebhookLog.objects.create(
                company=made.company, provider="careem", received_at=now, delivery_key=f"k{number}"
            )
        elif model is AuditEntry:
            record_act("event.replayed", company=made.company, user=made.owner, target=number)
        elif model is Customer:
            Customer.objects.create(company=made.company, name=f"Guest {number}")
        elif model is Alert:
            raise_alert(made.company, "event_dead", "Dead.", subject=f"{number}")
        elif model is Branch:
            Branch.objects.create(company=made.company, name=f"Branch {number}")
        elif model is MenuProduct:
            MenuProduct.objects.create(company=made.company, name=f"Dish {number}")
        elif model is Membership:
            user = User.objects.create_user(f"cook-{number}")
            Membership.objects.create(user=user, company=made.company)
        elif model is ApiToken:
            ApiToken.issue(user=made.staff, company=made.company, name=f"till {number}")


def questions(client: Client, model) -> tuple[int, int]:
    """Return how many queries a list takes, and how many rows it shows."""
    with CaptureQueriesContext(connection) as asked:
        page = client.get(url(model, "changelist"))
    assert page.status_code == 200
    return len(asked), len(page.context["cl"].result_list)


@pytest.mark.parametrize("person", ["owner", "superuser"])
@pytest.mark.parametrize("model", LARGE, ids=lambda m: m.__name__)
def test_list_asks_as_many_questions_for_many_rows_as_for_few(model, person, ours, superuser):
    client = ours.client() if person == "owner" else signed_in(superuser)
    few, _ = questions(client, model)
    grow(model, ours, 49)
    many, rows = questions(client, model)
    assert rows >= 49
    assert many == few
    assert many <= 14


@pytest.mark.parametrize("model", [Order, WebhookLog, AuditEntry, Customer, Alert], ids=lambda m: m.__name__)
def test_long_list_is_read_without_a_count(model, ours):
    with CaptureQueriesContext(connection) as asked:
        assert ours.client().get(url(model, "changelist")).status_code == 200
    assert not [query["sql"] for query in asked if "COUNT(" in query["sql"].upper()]
