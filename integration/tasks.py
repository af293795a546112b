"""Celery tasks: thin, short, and taking ids. Each is safe to run twice; the rows hold the truth."""

from __future__ import annotations

import uuid

from django.core.management import call_command
from django.utils import timezone

from integration import (
    deadlines,
    health_history,
    heartbeat,
    housekeeping,
    hub_watch,
    inbox,
    outbox,
    personal_data,
    retention,
    rollup,
)
from integration.alerting import notices, watch
from integration.broker import app
from integration.reconciliation import report
from integration.reconciliation.companies import compare_with, to_compare
from orders.security.sign_in import forget_old_tries


@app.task(name="integration.process_events", time_limit=40, soft_time_limit=30)
def process_events(log_ids: list[str], token: str) -> None:
    """Work deliveries that are claimed together. What it does not come to is due again when its lease ends."""
    for log_id in log_ids:
        inbox.process_claimed(uuid.UUID(log_id), uuid.UUID(token))


@app.task(name="integration.push_order", time_limit=180, soft_time_limit=170)
def push_order(order_id: str) -> None:
    """Send what an order's provider is to be told."""
    outbox.work_order(uuid.UUID(order_id))


@app.task(name="integration.push_claimed", time_limit=180, soft_time_limit=170)
def push_claimed(push_id: str, token: str) -> None:
    """Send one claimed push."""
    outbox.work_claimed(uuid.UUID(push_id), uuid.UUID(token))


@app.task(name="integration.send_notice", time_limit=40, soft_time_limit=30)
def send_notice(notice_id: str, token: str) -> None:
    """Send one claimed notice of an alert."""
    notices.work_claimed(uuid.UUID(notice_id), uuid.UUID(token))


@app.task(name="integration.watch_alerts")
def watch_alerts() -> None:
    """Evaluate the rules that are due, and plan what people are told."""
    watch.tick(timezone.now())


@app.task(name="integration.watch_deadlines")
def watch_deadlines() -> None:
    """Tell people of orders that nobody answers, and accept what a policy accepts."""
    deadlines.watch()


@app.task(name="integration.ask_hub")
def ask_hub() -> None:
    """Ask the hub for its figures of every company that somebody looks at."""
    hub_watch.ask_for_all()


@app.task(name="integration.ask_hub_for")
def ask_hub_for(company_id: str) -> None:
    """Ask the hub for its figures of one company, where they are due."""
    hub_watch.ask_for(uuid.UUID(company_id))


@app.task(name="integration.watch_parked")
def watch_parked() -> None:
    """Tell people of events that have waited for their order for more than ten minutes."""
    housekeeping.watch_parked()


@app.task(name="integration.prune_logs", time_limit=600, soft_time_limit=570)
def prune_logs() -> None:
    """Take out what is past its retention; what is left after eight minutes the next run takes."""
    retention.clean(within_s=480)


@app.task(name="integration.reconcile")
def reconcile() -> None:
    """Have every company compared with each list that there is."""
    for company_id, source in to_compare():
        reconcile_with.delay(str(company_id), source)


@app.task(name="integration.reconcile_with", time_limit=300, soft_time_limit=270)
def reconcile_with(company_id: str, source: str) -> None:
    """Compare one company with one list, and take what never came."""
    compare_with(uuid.UUID(company_id), source)


@app.task(name="integration.report_days", time_limit=300, soft_time_limit=270)
def report_days() -> None:
    """Write the report of each company's last business day, where it is over."""
    report.report_finished_days()


@app.task(name="integration.give_sign")
def give_sign() -> None:
    """Show that a worker works and that beat, or whoever asked, reaches it."""
    heartbeat.beat(heartbeat.WORKER)


@app.task(name="integration.record_health")
def record_health() -> None:
    """Write how each integration was in the last minutes."""
    health_history.record_health()


@app.task(name="integration.roll_up")
def roll_up() -> None:
    """Count the closed business days that are not in step with their rows."""
    rollup.roll_up()


@app.task(name="integration.prune_personal_data", time_limit=600, soft_time_limit=570)
def prune_personal_data() -> None:
    """Take customers' data out of old orders, and delete sessions and counts of sign-ins whose time is over."""
    personal_data.prune_personal_data()
    forget_old_tries(timezone.now())
    call_command("clearsessions")
