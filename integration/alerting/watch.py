"""The watch: evaluates the rules and plans what people are told, in whichever process has the turn.

A worker does it, called by beat. While the worker is missing the sweeper does: a dead worker must not keep its own alert back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from django.utils import timezone

from integration.alerting import installation, objective, planning, rules
from integration.alerting.steady import Finding, keep_in_step
from integration.alerting.thresholds import Thresholds
from integration.alerting.turns import expect, forgive_pause, is_worker_missed, take_turn
from integration.availability import measure
from integration.heartbeat import WORKER
from orders.models import Company

logger = logging.getLogger(__name__)

PLAN_EVERY_S, QUICK_EVERY_S, SLOW_EVERY_S = 5, 30, 300


def sweeper_tick(*, has_broker: bool, now: datetime | None = None) -> None:
    """Stand in, from the sweeper, for a worker that is late or that there is none of."""
    now = now or timezone.now()
    if not has_broker:
        # The sweeper does the worker's part here, so nobody misses one.
        expect(WORKER, now)
    if not has_broker or is_worker_missed(now):
        tick(now)


def tick(now: datetime) -> None:
    """Do each part that is due; one that fails is logged, and keeps no other back."""
    forgive_pause("quick_rules", now)
    for job, every_s, work in (
        ("quick_rules", QUICK_EVERY_S, watch_quickly),
        ("slow_rules", SLOW_EVERY_S, watch_slowly),
        ("notices", PLAN_EVERY_S, planning.plan),
    ):
        if take_turn(job, every_s, now):
            _guarded(job, work, now)


def watch_quickly(now: datetime) -> None:
    """Evaluate the rules that have to be quick: rates, times, backlogs, processes; resolve what is mended."""
    limits = Thresholds()
    failing: list[Finding] = []
    slow: list[Finding] = []
    for company_id in rules.companies():
        failing += rules.deliveries_that_fail(company_id, limits, now)
        slow += rules.deliveries_that_are_slow(company_id, limits, now)
    keep_in_step(rules.ERROR_RATE, failing, now)
    keep_in_step(rules.SLOW, slow, now)
    keep_in_step(installation.BACKLOG, installation.backlogs(limits, now), now)
    keep_in_step(installation.MISSING, installation.missing_processes(limits, now), now)
    rules.resolve_what_is_mended(now)


def watch_slowly(now: datetime) -> None:
    """Evaluate the rules that cost more or change slowly: silence, credentials, objective, disk, retention, certificate."""
    limits = Thresholds()
    silent: list[Finding] = []
    for company in Company.objects.order_by("pk"):
        silent += rules.providers_that_are_silent(company, limits, now)
    keep_in_step(rules.SILENT, silent, now)
    keep_in_step(rules.EXPIRING, rules.credentials_that_expire(limits, now), now)
    available = measure(now)
    keep_in_step(objective.BURNING, objective.burning_budgets(available), now)
    keep_in_step(objective.SPENT, objective.spent_budgets(available), now)
    keep_in_step(objective.SILENT, objective.silent_probes(available), now)
    keep_in_step(installation.DISK, installation.full_disks(limits), now)
    keep_in_step(installation.RETENTION, installation.overdue_retention(limits, now), now)
    if take_turn("certificate", installation.CERTIFICATE_EVERY_S, now):
        certificate = installation.expiring_certificate(limits, now)
        if certificate is not None:
            keep_in_step(installation.CERTIFICATE, certificate, now)


def _guarded(job: str, work: Callable[[datetime], object], now: datetime) -> None:
    try:
        work(now)
    except Exception:
        logger.exception("The watch failed at %s; the next turn follows", job)
