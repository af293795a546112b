"""What ``/metrics`` tells of the database, asked anew at each scrape: a handful of queries, each along an index."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import Count, Min, Model, Q, QuerySet, Sum
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from integration import heartbeat
from integration.claims import WAITING
from integration.models import (
    Alert,
    AlertNotice,
    CircuitBreaker,
    HealthSample,
    OutboundPush,
    PushStatus,
    WebhookLog,
    WebhookStatus,
)
from integration.models.channel import NOTICE_UNFINISHED
from integration.models.credential import NEXARA
from integration.models.outbound import UNFINISHED

logger = logging.getLogger(__name__)

COMPANIES_OVER = timedelta(hours=1)
HUB_ASKED_WITHIN = timedelta(minutes=15)
_FOR_A_PERSON = (WebhookStatus.DEAD, WebhookStatus.QUARANTINED, WebhookStatus.PARKED)


class Database(Collector):
    """The gauges of the database. One that is away is told by ``integration_database_up`` alone."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("integration_database_up", "1 while the database answered every question of this page.")
        try:
            found = list(self._ask(timezone.now()))
        except (OperationalError, InterfaceError) as error:
            logger.warning("The database did not answer the metrics: %s", type(error).__name__)
            found = []
        up.add_metric([], float(bool(found)))
        yield up
        yield from found

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name them without asking anybody."""
        yield from ()

    def _ask(self, now: datetime) -> Iterator[GaugeMetricFamily]:
        yield from _queues(now)
        yield _breakers()
        yield _alerts()
        yield _heartbeats(now)
        yield _hub(now)
        yield _companies(now)


def _queues(now: datetime) -> Iterator[GaugeMetricFamily]:
    rows = GaugeMetricFamily(
        "integration_queue_rows",
        "Rows that are not done: deliveries (webhooks), what providers are to be told (pushes), messages of alerts (notices).",
        labels=["queue", "provider", "status"],
    )
    oldest = GaugeMetricFamily(
        "integration_queue_oldest_seconds", "Age of the oldest row that is worked by itself.", labels=["queue"]
    )
    overdue = GaugeMetricFamily(
        "integration_queue_overdue_seconds",
        "How long the row that is most overdue has been so: somebody sweeps as long as it is little.",
        labels=["queue"],
    )
    queues: tuple[tuple[str, QuerySet[Any], str, tuple[str, ...], tuple[str, ...], str], ...] = (
        ("webhooks", WebhookLog.objects.all(), "provider", WAITING, _FOR_A_PERSON, "received_at"),
        ("pushes", OutboundPush.objects.all(), "provider", UNFINISHED, (PushStatus.DEAD,), "created_at"),
        ("notices", AlertNotice.objects.all(), "channel__kind", NOTICE_UNFINISHED, (), "created_at"),
    )
    for queue, table, whose, waiting, for_a_person, came in queues:
        first, due = now, now
        # Two questions: each has an index of its own.
        unfinished = _counted(table.filter(status__in=waiting), whose, came=Min(came), due=Min("next_attempt_at"))
        for row in unfinished:
            first, due = min(first, row["came"]), min(due, row["due"] or now)
        for_people = _counted(table.filter(status__in=for_a_person), whose) if for_a_person else []
        for row in (*unfinished, *for_people):
            rows.add_metric([queue, row[whose], row["status"]], row["number"])
        oldest.add_metric([queue], (now - first).total_seconds())
        overdue.add_metric([queue], (now - due).total_seconds())
    yield from (rows, oldest, overdue)


def _counted(rows: QuerySet[Model], whose: str, **more: Any) -> list[dict[str, Any]]:
    return list(rows.order_by().values(whose, "status").annotate(number=Count("pk"), **more))


def _breakers() -> GaugeMetricFamily:
    found = GaugeMetricFamily(
        "integration_breakers", "Companies whose breaker for a peer is not closed.", labels=["peer", "state"]
    )
    rows = CircuitBreaker.objects.exclude(state=CircuitBreaker.State.CLOSED).values("provider", "state")
    for row in rows.annotate(number=Count("pk")):
        found.add_metric([row["provider"], row["state"]], row["number"])
    return found


def _alerts() -> GaugeMetricFamily:
    found = GaugeMetricFamily(
        "integration_alerts_open", "Alerts that nobody has resolved, of all companies.", labels=["cause", "severity"]
    )
    rows = Alert.objects.filter(~Q(state=Alert.State.RESOLVED)).order_by().values("cause", "severity")
    for row in rows.annotate(number=Count("pk")):
        found.add_metric([row["cause"], row["severity"]], row["number"])
    return found


def _heartbeats(now: datetime) -> GaugeMetricFamily:
    found = GaugeMetricFamily(
        "integration_heartbeat_age_seconds", "Time since the last sign of life of a process.", labels=["process"]
    )
    for name, age_s in heartbeat.ages(now).items():
        # One that never gave a sign is as late as can be.
        found.add_metric([name], float("inf") if age_s is None else age_s)
    return found


def _hub(now: datetime) -> GaugeMetricFamily:
    found = GaugeMetricFamily(
        "integration_hub_healthy", "1 where NEXARA was well when it was asked last, 0 where it was not."
    )
    asked = HealthSample.objects.filter(company=None, provider=NEXARA, started_at__gte=now - HUB_ASKED_WITHIN)
    status = asked.order_by("-started_at").values_list("status", flat=True).first()
    if status is not None:
        found.add_metric([], float(status == HealthSample.Status.HEALTHY))
    return found


def _companies(now: datetime) -> GaugeMetricFamily:
    """Return the last hour by company: of those with the most, ``METRICS_TOP_COMPANIES`` of them; the rest is ``other``."""
    found = GaugeMetricFamily(
        "integration_company_deliveries",
        "Deliveries of the last hour by company: of the busiest ones; the rest is other.",
        labels=["company", "provider", "outcome"],
    )
    samples = HealthSample.objects.filter(company__isnull=False, started_at__gte=now - COMPANIES_OVER, deliveries__gt=0)
    rows = samples.order_by().values("company_id", "provider")
    sums: dict[tuple[str, str], list[int]] = {}
    totals: dict[str, int] = {}
    for row in rows.annotate(came=Sum("deliveries"), failed=Sum("deliveries_failed")):
        company = str(row["company_id"])
        totals[company] = totals.get(company, 0) + row["came"]
        sums[company, row["provider"]] = [row["came"] - row["failed"], row["failed"]]
    named = set(sorted(totals, key=lambda each: (-totals[each], each))[: settings.METRICS_TOP_COMPANIES])
    told: dict[tuple[str, str, str], int] = {}
    for (company, provider), counts in sums.items():
        for outcome, number in zip(("well", "failed"), counts, strict=True):
            key = (company if company in named else "other", provider, outcome)
            told[key] = told.get(key, 0) + number
    for labels, number in sorted(told.items()):
        found.add_metric(list(labels), number)
    return found
