"""Whether a provider has fallen silent: no delivery for a while in which, on this weekday, there usually are some."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.db.models import Count, Q

from integration.deadlines import is_open
from integration.models import WebhookLog, WebhookStatus
from orders.models import Branch, Company
from providers.registry import ADAPTERS

WINDOW = timedelta(hours=2)
WEEKS = 4
LEAST_USUAL = 3
"""Fewer deliveries than this in a usual window are no habit whose absence means anything."""


@dataclass(frozen=True, slots=True)
class Silence:
    """The last two hours of a provider beside the median of the same hours of the four weeks before."""

    recent: int
    usual: float
    is_open: bool
    """Whether a branch is open now."""

    @property
    def is_silent(self) -> bool:
        return self.is_open and not self.recent and self.usual >= LEAST_USUAL


def silences(company: Company, now: datetime) -> dict[str, Silence]:
    """Return each provider's last hours beside the usual; tests and refused requests do not count."""
    windows = [(now - timedelta(weeks=week) - WINDOW, now - timedelta(weeks=week)) for week in range(WEEKS + 1)]
    within = [Q(received_at__gt=start, received_at__lte=end) for start, end in windows]
    anywhere = Q()
    for each in within:
        anywhere |= each
    logs = WebhookLog.objects.filter(anywhere, company=company, is_test=False).exclude(status=WebhookStatus.REJECTED)
    counts = {f"week{week}": Count("pk", filter=each) for week, each in enumerate(within)}
    rows: dict[str, Any] = {row["provider"]: row for row in logs.order_by().values("provider").annotate(**counts)}
    branches = Branch.objects.filter(company=company)
    open_now = any(is_open(branch, company.time_zone, now) for branch in branches)
    found = {}
    for slug in ADAPTERS:
        recent, *before = (rows.get(slug, {}).get(name, 0) for name in counts)
        found[slug] = Silence(recent, median(before), open_now)
    return found
