"""The commands an operator types: what they print, what they store, how they end."""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import responses
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from integration.addresses import AddressError
from integration.demo import BRANCHES
from integration.diagnosis import _certificate
from integration.management.commands import send_sample
from integration.management.commands.replay import read_since
from integration.models import ProviderCredential, WebhookBody, WebhookLog
from integration.models.credential import NEXARA
from integration.sandbox.loop import SandboxLoop
from integration.sweep import Sweeper
from integration.tests.factories import make_installation
from orders.authentication import token_of
from orders.models import (
    AuditEntry,
    Branch,
    BranchStore,
    Company,
    Membership,
    MenuProduct,
    MenuProductCode,
    Order,
    User,
)
from providers.registry import ADAPTERS
from providers.samples import DEMO_MENU, SampleOrder, build_sample

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def bootstrap(*arguments: str) -> dict:
    return json.loads(run("bootstrap_company", "--json", *arguments))


# -- bootstrap_company -------------------------------------------------------------------------------------------------


def test_bootstrap_prints_exactly_the_promised_object():
    made = bootstrap("--name", "Petra Kitchens")
    company = Company.objects.get()
    assert set(made) == {"companyId", "slug", "username", "password", "apiToken", "branches", "credentials"}
    assert (made["companyId"], made["slug"]) == (str(company.id), "petra-kitchens")
    assert made["branches"] == [{"id": str(Branch.objects.get().id), "name": "Main"}]
    assert {provider: list(fields) for provider, fields in made["credentials"].items()} == {
        "careem": ["webhookSecret"],
        "talabat": ["apiKey"],
        "deliveroo": ["webhookSecret"],
        "jahez": ["bearerToken"],
        "nexara": ["secretKey"],
    }


def test_bootstrap_stores_what_it_prints():
    made = bootstrap("--name", "Petra Kitchens")
    user = User.objects.get(username=made["username"])
    assert user.check_password(made["password"])
    assert user.is_staff
    assert not user.is_superuser
    membership = Membership.objects.get(user=user)
    assert (str(membership.company_id), membership.role) == (made["companyId"], "owner")
    token = token_of(made["apiToken"])
    assert token is not None
    assert str(token.company_id) == made["companyId"]
    for provider, fields in made["credentials"].items():
        credential = ProviderCredential.objects.get(provider=provider)
        assert {name: credential.value(name) for name in fields} == fields
    assert Branch.objects.get().is_default
    assert not BranchStore.objects.exists()


def test_bootstrap_makes_secrets_nobody_can_guess():
    made = [bootstrap("--name", name) for name in ("One", "Two")]
    values = [value for one in made for fields in one["credentials"].values() for value in fields.values()]
    assert len(set(values)) == 10
    assert min(map(len, values)) >= 43


def test_bootstrap_takes_only_the_named_providers_and_always_the_hub():
    assert set(bootstrap("--name", "Petra", "--providers", "jahez,careem")["credentials"]) == {
        "jahez",
        "careem",
        NEXARA,
    }


def test_bootstrap_gives_a_country_its_currency_and_time_zone():
    bootstrap("--name", "Riyadh Grill", "--country", "SA")
    company = Company.objects.get()
    assert (company.currency, company.time_zone) == ("SAR", "Asia/Riyadh")


def test_bootstrap_takes_a_currency_over_the_countrys():
    bootstrap("--name", "Dubai Grill", "--country", "AE", "--currency", "USD")
    assert Company.objects.get().currency == "USD"


def test_bootstrap_finds_a_slug_for_an_arabic_name():
    made = bootstrap("--name", "مطعم البتراء")
    assert made["slug"].startswith("company-")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--providers", "careem,ubereats"], "No provider is called ubereats"),
        (["--currency", "XXQ"], "--currency"),
        (["--country", "Jordan"], "--country"),
        (["--slug", "not a slug"], "--slug"),
        (["--time-zone", "Mars/Olympus"], "--time-zone"),
    ],
)
def test_bootstrap_refuses_what_is_not_valid_and_makes_nothing(arguments, says):
    with pytest.raises(CommandError, match=says):
        bootstrap("--name", "Petra", *arguments)
    assert not Company.objects.exists()
    assert not User.objects.exists()


def test_bootstrap_says_what_to_do_about_a_taken_slug():
    bootstrap("--name", "Petra")
    with pytest.raises(CommandError, match="--slug"):
        bootstrap("--name", "Petra")
    assert Company.objects.count() == 1


def test_bootstrap_gives_a_taken_username_a_number():
    User.objects.create_user("petra-owner")
    assert bootstrap("--name", "Petra")["username"] == "petra-owner-2"


def test_bootstrap_tells_a_person_where_to_register():
    text = run("bootstrap_company", "--name", "Petra")
    assert f"/api/integration/webhook/careem/{Company.objects.get().id}" in text


# -- seed_demo ---------------------------------------------------------------------------------------------------------


def test_seed_demo_makes_all_that_samples_need(tmp_path, settings):
    settings.DATA_DIR = tmp_path
    run("seed_demo")
    company = Company.objects.get(slug="demo")
    assert set(BranchStore.objects.values_list("store_id", flat=True)) == {
        f"demo-{provider}-{number}" for provider in ADAPTERS for number in (1, 2)
    }
    assert [branch.is_default for branch in company.branches.order_by("created_at")] == [True, False]
    assert MenuProduct.objects.count() == len(DEMO_MENU)
    assert MenuProductCode.objects.count() == len(DEMO_MENU) * len(ADAPTERS)
    for slug, adapter in ADAPTERS.items():
        credential = ProviderCredential.objects.get(company=company, provider=slug)
        assert credential.value(adapter.hub_secret)
        assert credential.value(adapter.native_secret)


def test_seed_demo_again_changes_nothing_and_mends_what_lacks(tmp_path, settings):
    settings.DATA_DIR = tmp_path
    run("seed_demo")
    secret = ProviderCredential.objects.get(provider="careem").value("webhookSecret")
    ProviderCredential.objects.filter(provider="jahez").delete()
    run("seed_demo")
    assert ProviderCredential.objects.get(provider="careem").value("webhookSecret") == secret
    assert ProviderCredential.objects.filter(provider="jahez").exists()
    assert Company.objects.count() == 1
    assert Branch.objects.count() == len(BRANCHES)
    assert User.objects.count() == 1


def test_seed_demo_keeps_the_password_for_its_owner_alone(tmp_path, settings):
    settings.DATA_DIR = tmp_path
    first = run("seed_demo")
    path = tmp_path / "demo_password"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() in first
    assert run("seed_demo") == first


def test_seed_demo_does_not_claim_a_password_that_was_changed(tmp_path, settings):
    settings.DATA_DIR = tmp_path
    run("seed_demo")
    user = User.objects.get(username="demo")
    user.set_password("another one")
    user.save()
    said = run("seed_demo")
    assert (tmp_path / "demo_password").read_text() not in said
    assert "set since" in said


# -- validate_mapping --------------------------------------------------------------------------------------------------


def payload_file(folder: Path, provider: str = "careem", **order) -> Path:
    order = SampleOrder(external_id="V-1", store_id=order.pop("store_id", "x"), now=timezone.now())
    path = folder / "payload.json"
    path.write_bytes(build_sample(provider, "hub", "created", order).body())
    return path


def lines_of(value: dict) -> list:
    if "items" in value:
        return value["items"]
    children = (lines_of(child) for child in value.values() if isinstance(child, dict))
    return next((lines for lines in children if lines), [])


def test_validate_mapping_prints_the_order_and_writes_nothing(tmp_path):
    installation = make_installation()
    path = payload_file(tmp_path, store_id=f"{installation.company.slug}-careem-main")
    order = json.loads(run("validate_mapping", str(path), "--provider", "careem"))
    assert (order["externalOrderId"], order["branch"]["name"], order["status"]) == ("V-1", "Main", "received")
    assert not Order.objects.exists()
    assert not WebhookLog.objects.exists()


def test_validate_mapping_names_what_needs_attention(tmp_path):
    make_installation()
    err = StringIO()
    call_command("validate_mapping", str(payload_file(tmp_path)), provider="careem", stdout=StringIO(), stderr=err)
    assert "needs attention: unknown_branch" in err.getvalue()


def test_validate_mapping_names_each_fault_by_its_path(tmp_path):
    make_installation()
    path = payload_file(tmp_path)
    payload = json.loads(path.read_text())
    lines_of(payload)[1]["quantity"] = "x"
    path.write_text(json.dumps(payload))
    with pytest.raises(CommandError, match=r"items\[1\]\.quantity: expected"):
        run("validate_mapping", str(path), "--provider", "careem")


def test_validate_mapping_says_that_a_file_is_not_there(tmp_path):
    make_installation()
    with pytest.raises(CommandError, match="cannot be read"):
        run("validate_mapping", str(tmp_path / "nothing.json"), "--provider", "careem")


def test_commands_name_the_companies_that_there_are():
    make_installation("one")
    make_installation("two")
    with pytest.raises(CommandError, match="There are: one, two"):
        run("validate_mapping", "x", "--provider", "careem")
    with pytest.raises(CommandError, match="There is no company 'three'"):
        run("validate_mapping", "x", "--provider", "careem", "--company", "three")


def test_commands_say_how_to_make_the_first_company():
    with pytest.raises(CommandError, match="bootstrap_company"):
        run("send_sample", "careem")


# -- replay ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def dead(monkeypatch):
    """A delivery that gave up, of a company whose cause has been mended since."""
    installation = make_installation()
    with monkeypatch.context() as broken:
        broken.setattr("integration.inbox.apply_event", lambda *args, **options: 1 / 0)
        installation.send("careem")
    WebhookLog.objects.update(status="dead", next_attempt_at=None)
    return WebhookLog.objects.get()


def test_replay_processes_the_dead_and_leaves_a_trail(dead):
    said = run("replay")
    dead.refresh_from_db()
    assert dead.status == "processed"
    assert Order.objects.count() == 1
    assert "1 processed." in said
    entry = AuditEntry.objects.get(action="events.replayed")
    assert (entry.company, entry.actor, entry.details) == (dead.company, "system", {"status": "dead", "replayed": 1})


def test_replay_dry_run_only_counts(dead):
    assert run("replay", "--dry-run") == "1 deliveries would be replayed.\n"
    dead.refresh_from_db()
    assert dead.status == "dead"
    assert not AuditEntry.objects.filter(action="events.replayed").exists()


@pytest.mark.parametrize("narrowed", [["--provider", "jahez"], ["--since", "1m"], ["--status", "quarantined"]])
def test_replay_is_narrowed(dead, narrowed):
    WebhookLog.objects.update(received_at=timezone.now() - timedelta(hours=1))
    run("replay", *narrowed)
    dead.refresh_from_db()
    assert dead.status == "dead"


def test_replay_of_another_company_leaves_this_one_alone(dead):
    make_installation("other")
    run("replay", "--company", "other")
    dead.refresh_from_db()
    assert dead.status == "dead"


def test_replay_that_fails_again_ends_with_an_error(dead):
    WebhookBody.objects.update(body=b"{}")
    with pytest.raises(CommandError, match="1 did not succeed"):
        run("replay")


def test_replay_reads_ages_and_times():
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert read_since("90m", now) == datetime(2026, 1, 31, 10, 30, tzinfo=UTC)
    assert read_since("2d", now) == datetime(2026, 1, 29, 12, tzinfo=UTC)
    assert read_since("2026-01-30T10:00", now) == datetime(2026, 1, 30, 10, tzinfo=UTC)
    assert read_since("2026-01-30T10:00+03:00", now) == datetime(2026, 1, 30, 7, tzinfo=UTC)
    with pytest.raises(CommandError, match="--since"):
        read_since("yesterday", now)


# -- prune_logs --------------------------------------------------------------------------------------------------------


def test_prune_logs_takes_old_bytes_and_leaves_the_rows():
    make_installation().send("careem")
    WebhookLog.objects.update(received_at=timezone.now() - timedelta(days=31))
    counted, *rest = run("prune_logs", "--dry-run").splitlines()
    assert counted == "webhook_bodies               1 bodies of settled deliveries would go"
    assert [line.split()[:2] for line in rest] == [
        ["outbound_attempts", "0"], ["health_samples", "0"], ["availability_samples", "0"], ["alert_notices", "0"],
        ["reconciliation_runs", "0"],
        ["listed_orders", "0"],
    ]  # fmt: skip
    assert WebhookBody.objects.count() == 1
    assert run("prune_logs").splitlines()[0] == "webhook_bodies               1 bodies of settled deliveries are gone"
    assert WebhookBody.objects.count() == 0
    assert WebhookLog.objects.count() == 1


# -- diagnose ----------------------------------------------------------------------------------------------------------


def diagnosis(*arguments: str) -> dict[str, str]:
    lines = run("diagnose", *arguments).splitlines()
    return {line[6:34].strip(): line[:5].strip() for line in lines}


def test_diagnose_finds_a_whole_installation_well():
    make_installation()
    found = diagnosis()
    assert set(found) == {
        "redis", "broker", "disk", "certificate", "database", "migrations", "encryption key", "sweeper",
        *(f"amman-grill: {slug}" for slug in ADAPTERS),
    }  # fmt: skip
    assert set(found.values()) == {"ok"}


def test_diagnose_looks_at_one_company():
    make_installation()
    make_installation("other")
    assert "amman-grill: careem" not in diagnosis("--company", "other")


def failing(*arguments: str) -> str:
    out = StringIO()
    with pytest.raises(CommandError, match="1 of the checks failed"):
        call_command("diagnose", *arguments, stdout=out)
    return next(line for line in out.getvalue().splitlines() if line.startswith("FAIL"))


def test_diagnose_fails_for_an_expired_credential():
    make_installation()
    ProviderCredential.objects.filter(provider="jahez").update(expires_at=timezone.now() - timedelta(days=1))
    assert "jahez" in failing()


def test_diagnose_notes_a_credential_that_is_missing_or_expires_soon():
    make_installation()
    ProviderCredential.objects.filter(provider="jahez").update(expires_at=timezone.now() + timedelta(days=1))
    ProviderCredential.objects.filter(provider="careem").delete()
    ProviderCredential.objects.filter(provider="talabat").update(is_enabled=False)
    found = diagnosis()
    assert [found[f"amman-grill: {slug}"] for slug in ("jahez", "careem", "talabat", "deliveroo")] == [
        "note", "note", "note", "ok"
    ]  # fmt: skip


def test_diagnose_fails_where_nobody_sweeps():
    make_installation().send("careem")
    WebhookLog.objects.update(status="failed", next_attempt_at=timezone.now() - timedelta(minutes=2))
    assert "1 deliveries are overdue" in failing()


def test_diagnose_fails_for_a_key_that_opens_nothing():
    make_installation()
    table = ProviderCredential._meta.db_table
    foreign = Fernet(Fernet.generate_key()).encrypt(b"{}")
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET secrets = %s WHERE provider = 'careem'", [foreign])
    assert "CREDENTIAL_ENCRYPTION_KEY" in failing()


def test_diagnose_fails_for_a_redis_that_does_not_answer(settings):
    make_installation()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert "redis" in failing()


# -- send_sample -------------------------------------------------------------------------------------------------------

URL = "http://server.test"


@pytest.fixture
def server():
    """Our own webhook endpoints behind the HTTP client of the command."""

    def answer(request):
        response = Client().generic(
            request.method, urlsplit(request.url).path, request.body or b"", content_type="application/json",
            headers={name: value for name, value in request.headers.items() if name.lower() != "content-type"},
        )  # fmt: skip
        return response.status_code, {}, response.content

    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for method in (responses.GET, responses.POST, responses.PUT):
            mock.add_callback(method, re.compile(f"{URL}/.*"), callback=answer)
        yield mock


@pytest.fixture(autouse=True)
def _samples_on_this_thread(monkeypatch):
    """Send from the test's own thread, which alone sees its transaction."""

    class Here:
        def __init__(self, **options):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *args):
            pass

        def submit(self, function, *arguments):
            future = Future()
            try:
                future.set_result(function(*arguments))
            except Exception as error:
                future.set_exception(error)
            return future

        def shutdown(self, **options):
            pass

    monkeypatch.setattr(send_sample, "ThreadPoolExecutor", Here)


@pytest.mark.parametrize("dialect", ["hub", "native"])
def test_send_sample_sends_every_event_of_every_provider(server, dialect):
    make_installation()
    lines = run("send_sample", "all", "--event", "all", "--dialect", dialect, "--url", URL).splitlines()
    assert {line.split()[0] for line in lines} == set(ADAPTERS)
    assert {line.split()[2] for line in lines} <= {"200", "202"}
    assert {line.split()[3] for line in lines} <= {"processed", "ignored"}


def test_send_sample_moves_an_order_that_it_made_first(server):
    make_installation()
    lines = run("send_sample", "careem", "--event", "cancelled", "--url", URL).splitlines()
    assert [line.split()[1:3] for line in lines] == [["created", "200"], ["cancelled", "200"]]
    assert Order.objects.get().status == "cancelled"


def test_send_sample_counts(server):
    make_installation()
    assert len(run("send_sample", "jahez", "--count", "3", "--rate", "1000", "--url", URL).splitlines()) == 3
    assert Order.objects.count() == 3


def test_send_sample_says_that_an_answer_was_no_2xx(server):
    installation = make_installation()
    installation.company.credentials.filter(provider="careem").update(is_enabled=False)
    with pytest.raises(CommandError, match=r"1 of 1 answers were no 2xx"):
        run("send_sample", "careem", "--url", URL)


def test_send_sample_says_how_to_start_the_server():
    make_installation()
    with pytest.raises(CommandError, match="make run"):
        run("send_sample", "careem", "--url", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ubereats"], "No provider is called ubereats"),
        (["careem", "--event", "exploded"], "it sends: created"),
        (["careem", "--count", "0"], "--count"),
        (["careem", "--ca", "/nowhere.pem"], "There is no file /nowhere.pem"),
    ],
)
def test_send_sample_refuses_what_is_not_there(arguments, says):
    make_installation()
    with pytest.raises(CommandError, match=says):
        run("send_sample", *arguments)


def test_send_sample_names_the_secret_that_is_missing():
    bootstrap("--name", "Petra")
    with pytest.raises(CommandError, match="no apiKey for careem"):
        run("send_sample", "careem", "--dialect", "native")


# -- prepare and the loops ---------------------------------------------------------------------------------------------


def test_prepare_seeds_a_demo_only_where_there_is_no_company(tmp_path, settings):
    settings.DATA_DIR = tmp_path
    make_installation()
    run("prepare", "--demo")
    assert list(Company.objects.values_list("slug", flat=True)) == ["amman-grill"]


def test_prepare_seeds_an_empty_installation(tmp_path, settings):
    settings.DATA_DIR = tmp_path
    assert run("prepare", "--demo") == "The database is up to date.\n"
    assert Company.objects.get().slug == "demo"


@pytest.mark.parametrize(("command", "loops"), [("run_sweeper", Sweeper), ("run_sandbox", SandboxLoop)])
def test_a_loop_ends_at_a_signal(command, loops, monkeypatch, settings):
    settings.SANDBOX_ENABLED = True

    def loop(self, stop):
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(5)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(loops, "run", loop)
    run(command)
    assert signal.getsignal(signal.SIGTERM) == before


def test_run_sandbox_refuses_where_the_sandbox_is_off(monkeypatch, settings):
    settings.SANDBOX_ENABLED = False
    monkeypatch.setattr(SandboxLoop, "run", lambda self, stop: pytest.fail("it ran"))
    with pytest.raises(CommandError, match="The sandbox is off"):
        run("run_sandbox")


# -- the certificate of our own address -----------------------------------------------------------------------------------


def certificate_line(settings, monkeypatch, end) -> str:
    settings.APP_BASE_URL = "https://orders.example.com"

    def ends(host, port):
        assert (host, port) == ("orders.example.com", 443)
        if isinstance(end, Exception):
            raise end
        return end

    monkeypatch.setattr("integration.diagnosis.certificate_end", ends)
    finding = _certificate()
    return f"{finding.state.value} {finding.says}"


def test_diagnose_tells_until_when_the_certificate_holds(settings, monkeypatch):
    end = timezone.now() + timedelta(days=60)
    line = certificate_line(settings, monkeypatch, end)
    assert line == f"ok of orders.example.com holds until {end:%Y-%m-%d}"


def test_diagnose_notes_a_certificate_that_ends_soon(settings, monkeypatch):
    line = certificate_line(settings, monkeypatch, timezone.now() + timedelta(days=13))
    assert line.startswith("note of orders.example.com ends on ")


def test_diagnose_fails_for_a_certificate_that_callers_refuse(settings, monkeypatch):
    error = ssl.SSLCertVerificationError("no")
    error.verify_message = "self-signed certificate"
    line = certificate_line(settings, monkeypatch, error)
    assert line == "FAIL of orders.example.com is refused by those who call: self-signed certificate"


def test_diagnose_says_why_a_certificate_cannot_be_seen(settings, monkeypatch):
    says = certificate_line(settings, monkeypatch, ConnectionRefusedError())
    assert says == "note of orders.example.com cannot be seen from here (ConnectionRefusedError)"
    says = certificate_line(settings, monkeypatch, AddressError("private"))
    assert says.endswith("OUTBOUND_ALLOWED_ORIGINS=https://orders.example.com allows it")
