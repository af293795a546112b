"""Each metric moves when its cause happens."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
import responses
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from integration import breaker, gauges, heartbeat, inbox, sweep
from integration.admission import Admission
from integration.alerts import raise_alert
from integration.models import Alert, AlertChannel, AlertNotice, HealthSample, WebhookLog, WebhookStatus
from integration.tests.metrics import gauge, moves, names, value
from integration.tests.outbound import JAHEZ, jahez_token, move, received, work
from integration.tests.test_outbox import STATUS_URL
from integration.views import webhook
from orders.metrics import REGISTRY

pytestmark = pytest.mark.django_db


def requests(answer: str, code: str, provider: str = "careem", by: float = 1):
    return moves("integration_webhook_requests_total", by, provider=provider, answer=answer, code=code)


# -- what comes in -----------------------------------------------------------------------------------------------------


def test_a_request_is_counted_by_its_answer(amman):
    sample = amman.sample("careem")
    with requests("processed", "200"):
        amman.post("careem", sample)
    with requests("duplicate", "200"):
        amman.post("careem", sample)
    with requests("quarantined", "202"):
        amman.send_payload("careem", b"{")


def test_a_refused_request_is_counted(amman):
    url = f"/api/integration/webhook/careem/{amman.company.id}"
    with requests("invalid_signature", "401"):
        Client().post(url, "{}", content_type="application/json")


def test_a_request_that_finds_no_database_is_counted(amman, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("no server")

    monkeypatch.setattr(inbox, "record", away)
    with requests("unavailable", "503"):
        amman.send("careem")


def test_a_delivery_that_finds_no_place_is_counted(amman, monkeypatch):
    monkeypatch.setattr(webhook, "admission", Admission(places=0, queue=0))
    with moves("integration_webhooks_postponed_total", provider="careem"):
        amman.send("careem")


def test_a_request_that_fails_here_is_counted(amman, monkeypatch):
    monkeypatch.setattr(inbox, "record", lambda *args, **kwargs: 1 / 0)
    client = Client(raise_request_exception=False)
    with requests("internal_error", "500"):
        assert amman.post("careem", amman.sample("careem"), client=client).status_code == 500


@pytest.mark.parametrize("name", ["nobody", "x" * 200, "lina@example.com"])
def test_a_provider_that_nobody_has_is_no_label(name):
    with requests("unknown_provider", "404", "unknown"):
        Client().post(f"/api/integration/webhook/{name}", "{}", content_type="application/json")


def test_an_envelope_is_counted_for_its_provider(amman):
    body = {"eventType": "order.created", "provider": "jahez", "companyId": str(amman.company.id)}
    with requests("invalid_signature", "401", "jahez"):
        Client().post("/api/integration/webhook", body, content_type="application/json")


def test_every_step_and_the_answer_are_timed(amman):
    before = {step: value("integration_webhook_step_seconds_count", provider="careem", step=step) for step in STEPS}
    with moves("integration_webhook_seconds_count", provider="careem"):
        amman.send("careem")
    after = {step: value("integration_webhook_step_seconds_count", provider="careem", step=step) for step in STEPS}
    assert {step: after[step] - before[step] for step in STEPS} == dict.fromkeys(STEPS, 1)


STEPS = ("verify", "record", "parse", "apply")


def test_each_try_is_counted_by_who_asked(amman, monkeypatch):
    tries = "integration_webhook_attempts_total"
    real = inbox.get_adapter
    monkeypatch.setattr(inbox, "get_adapter", lambda slug: 1 / 0)
    with moves(tries, provider="careem", trigger="live", outcome="failed"):
        amman.send("careem")
    monkeypatch.setattr(inbox, "get_adapter", real)
    WebhookLog.objects.update(next_attempt_at=timezone.now())
    with moves(tries, provider="careem", trigger="retry", outcome="processed"):
        sweep.Sweeper(has_broker=False).sweep()
    with moves(tries, provider="careem", trigger="replay", outcome="ignored"):
        inbox.replay(WebhookLog.objects.get(), user=None, force=True)


@pytest.mark.parametrize(("taken", "by"), [(True, "worker"), (False, "sweeper")])
def test_due_rows_are_counted_by_who_works_them(amman, monkeypatch, taken, by):
    amman.send("careem")
    WebhookLog.objects.update(status=WebhookStatus.FAILED, next_attempt_at=timezone.now(), claim_token=None)
    monkeypatch.setattr(sweep.Sweeper, "_hand_over", lambda self, task, pks, token: taken)
    with moves("integration_swept_rows_total", queue="webhooks", worked_by=by):
        sweep.Sweeper().sweep()


# -- what goes out -----------------------------------------------------------------------------------------------------


@responses.activate
@pytest.mark.parametrize(
    ("status", "outcome", "became"), [(200, "2xx", "sent"), (503, "5xx", "failed"), (404, "4xx", "dead")]
)
def test_a_call_and_its_push_are_counted(amman, status, outcome, became):
    jahez_token()
    responses.post(STATUS_URL, json={"success": status == 200}, status=status)
    push = move(received(amman), "confirmed")
    calls = value("integration_outbound_calls_total", peer="jahez", outcome=outcome)
    with (
        moves("integration_push_attempts_total", provider="jahez", outcome=became),
        moves("integration_outbound_call_seconds_count", 2, peer="jahez"),
    ):
        assert work(push).status == became
    told = value("integration_outbound_calls_total", peer="jahez", outcome=outcome) - calls
    assert told == (2 if status == 200 else 1), "the token is a call as well"


@responses.activate
def test_a_call_without_an_answer_is_counted_by_its_reason(amman):
    responses.post(f"{JAHEZ}/token", body=TimeoutError())
    push = move(received(amman), "confirmed")
    with moves("integration_outbound_calls_total", peer="jahez", outcome="timeout"):
        work(push)


# -- what the database tells -------------------------------------------------------------------------------------------


def test_rows_that_are_not_done_are_told_by_status(amman):
    amman.send("careem", external_id="1")
    amman.send_payload("careem", b"{")
    amman.send("jahez", external_id="2")
    WebhookLog.objects.filter(provider="jahez").update(
        status=WebhookStatus.FAILED, received_at=timezone.now() - timedelta(seconds=90),
        next_attempt_at=timezone.now() - timedelta(seconds=40),
    )  # fmt: skip
    rows = "integration_queue_rows"
    assert gauge(rows, queue="webhooks", provider="jahez", status="failed") == 1
    assert gauge(rows, queue="webhooks", provider="careem", status="quarantined") == 1
    assert gauge(rows, queue="webhooks", provider="careem", status="processed") is None
    assert 90 <= gauge("integration_queue_oldest_seconds", queue="webhooks") < 150
    assert 40 <= gauge("integration_queue_overdue_seconds", queue="webhooks") < 100
    assert gauge("integration_queue_overdue_seconds", queue="pushes") == 0


def test_what_providers_are_to_be_told_is_told_by_status(amman):
    push = move(received(amman), "confirmed")
    assert gauge("integration_queue_rows", queue="pushes", provider="jahez", status="pending") == 1
    type(push).objects.update(status="dead", next_attempt_at=None)
    assert gauge("integration_queue_rows", queue="pushes", provider="jahez", status="dead") == 1
    assert gauge("integration_queue_rows", queue="pushes", provider="jahez", status="pending") is None


def test_messages_of_alerts_that_do_not_leave_are_told(amman):
    channel = AlertChannel.objects.create(company=amman.company, kind="email", name="Owner")
    late = timezone.now() - timedelta(seconds=400)
    AlertNotice.objects.create(channel=channel, kind="opened", status="failed", next_attempt_at=late)
    assert gauge("integration_queue_rows", queue="notices", provider="email", status="failed") == 1
    assert 400 <= gauge("integration_queue_overdue_seconds", queue="notices") < 460


def test_a_breaker_that_opens_is_told(amman):
    assert gauge("integration_breakers", peer="jahez", state="open") is None
    for _ in range(breaker.FAILURES_TO_OPEN):
        breaker.failed(amman.company, "jahez")
    assert gauge("integration_breakers", peer="jahez", state="open") == 1


def test_an_open_alert_is_told_until_it_is_resolved(amman):
    raise_alert(amman.company, "event_dead", "It could not be processed.", severity=Alert.Severity.CRITICAL)
    assert gauge("integration_alerts_open", cause="event_dead", severity="critical") == 1
    Alert.objects.update(state=Alert.State.RESOLVED)
    assert gauge("integration_alerts_open", cause="event_dead", severity="critical") is None


def test_a_process_gives_signs_of_life():
    assert gauge("integration_heartbeat_age_seconds", process="worker") == float("inf")
    heartbeat.beat("worker", timezone.now() - timedelta(seconds=30))
    assert 30 <= gauge("integration_heartbeat_age_seconds", process="worker") < 90


@pytest.mark.parametrize(("status", "healthy"), [("healthy", 1), ("degraded", 0), ("unhealthy", 0)])
def test_the_hub_is_told_as_it_was_when_asked_last(status, healthy):
    assert gauge("integration_hub_healthy") is None
    HealthSample.objects.create(provider="nexara", started_at=timezone.now(), status=status)
    assert gauge("integration_hub_healthy") == healthy


def test_an_answer_of_the_hub_that_is_old_is_not_told():
    asked_at = timezone.now() - timedelta(minutes=20)
    HealthSample.objects.create(provider="nexara", started_at=asked_at, status="healthy")
    assert gauge("integration_hub_healthy") is None


def test_the_busiest_companies_have_figures_of_their_own(amman, dubai, settings):
    settings.METRICS_TOP_COMPANIES = 1
    now = timezone.now() - timedelta(minutes=5)
    for here, number in ((amman, 9), (dubai, 4)):
        HealthSample.objects.create(
            company=here.company,
            provider="careem",
            started_at=now,
            status="healthy",
            deliveries=number,
            deliveries_failed=3,
        )
    told = "integration_company_deliveries"
    assert gauge(told, company=str(amman.company.id), provider="careem", outcome="well") == 6
    assert gauge(told, company="other", provider="careem", outcome="well") == 1
    assert gauge(told, company="other", provider="careem", outcome="failed") == 3
    assert gauge(told, company=str(dubai.company.id), provider="careem", outcome="well") is None


def test_a_database_that_is_away_is_told_and_nothing_else_of_it(monkeypatch):
    assert gauge("integration_database_up") == 1

    def away(now):
        raise OperationalError("no server")

    monkeypatch.setattr(gauges, "_breakers", lambda: away(None))
    assert gauge("integration_database_up") == 0
    assert gauge("integration_queue_oldest_seconds", queue="webhooks") is None


def test_a_scrape_asks_few_questions(amman, django_assert_num_queries):
    amman.send("careem")
    with django_assert_num_queries(10):
        list(gauges.Database().collect())


# -- who may read it ---------------------------------------------------------------------------------------------------

TOKEN = "a-token-for-the-metrics-0001"


@pytest.fixture
def with_token(settings):
    settings.METRICS_TOKEN = TOKEN


def scrape(path: str = "/metrics", **headers: str):
    return Client().get(path, headers=headers)


def test_there_is_no_such_page_where_nobody_may_read_it():
    answer = scrape(Authorization="Bearer anything")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


@pytest.mark.parametrize("given", ["", f"Bearer {TOKEN}x", "Bearer ", f"Token {TOKEN}", f"Basic {TOKEN}", "Bearer é"])
def test_a_wrong_token_is_refused(with_token, given):
    answer = scrape(Authorization=given)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json()["error"] == "not_authenticated"
    assert b"integration_" not in answer.content


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_the_token_opens_it(with_token, path):
    answer = scrape(path, Authorization=f"Bearer {TOKEN}")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")
    assert b"\nintegration_database_up 1.0\n" in answer.content
    assert b"# TYPE integration_webhook_requests_total counter" in answer.content


def test_a_network_that_is_allowed_needs_no_token(settings):
    settings.METRICS_ALLOWED_NETWORKS = ["10.0.0.0/8", "127.0.0.1"]
    assert scrape().status_code == 200
    assert Client(REMOTE_ADDR="10.9.8.7").get("/metrics").status_code == 200
    assert Client(REMOTE_ADDR="192.0.2.1").get("/metrics").status_code == 404


def test_an_address_that_somebody_claims_opens_nothing(settings):
    settings.METRICS_ALLOWED_NETWORKS = ["10.0.0.0/8"]
    answer = Client(REMOTE_ADDR="192.0.2.1").get("/metrics", headers={"X-Forwarded-For": "10.9.8.7"})
    assert answer.status_code == 404


def test_only_reading_is_possible(with_token):
    assert Client().post("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 405


def test_no_label_holds_anybodys_data(amman, dubai, with_token):
    order = {"id": "SAME-1", "customer": {"name": "Lina Haddad", "phone": "+962790123456", "email": "lina@example.com"}}
    for here in (amman, dubai):
        here.send("careem", external_id="0790123456")
        here.send_payload("careem", {"event_type": "order.created", "order": order})
    said = scrape(Authorization=f"Bearer {TOKEN}").content.decode()
    labels = set(re.findall(r'="([^"]*)"', said))
    assert all(re.fullmatch(r"[a-z0-9_:]+|[0-9.]+|\+Inf|[0-9a-f-]{36}", label) for label in labels), labels
    for private in ("Lina", "790123456", "lina@", amman.company.name, amman.company.slug, "SAME-1"):
        assert private not in said


# -- every metric ------------------------------------------------------------------------------------------------------


def test_every_metric_has_a_test_that_moves_it():
    here = Path(__file__).parent
    tests = [*here.glob("test_metrics*.py"), here.parents[1] / "orders/tests/test_socket_metrics.py"]
    text = "\n".join(path.read_text() for path in tests)
    assert len(names()) > 20
    assert [name for name in sorted(names()) if not re.search(rf'"{name}(_total|_count)?"', text)] == []


def test_a_series_that_an_alert_needs_begins_at_nothing():
    # A counter that comes into being with its first event hides that event from a rate.
    assert REGISTRY.get_sample_value(
        "integration_webhook_requests_total", {"provider": "talabat", "answer": "unavailable", "code": "503"}
    ) is not None  # fmt: skip


def test_counting_asks_no_database(amman, django_assert_num_queries):
    with django_assert_num_queries(0), mock.patch("integration.metrics.REQUESTS.failed") as failed:
        from integration.metrics import count_call, count_request

        count_request("careem", 200, {"status": "processed"}, 0.01)
        count_call("careem", 200, 0.01)
    failed.assert_not_called()
