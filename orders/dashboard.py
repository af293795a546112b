"""The company's day at a glance: one snapshot, the same for everybody who sees the same branches."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count

from orders.access import Access
from orders.analytics import Totals, received_in, sum_up, totals_by
from orders.business_day import Span, business_date, day_span, day_start
from orders.models.order import FINISHED
from orders.serializers import money
from orders.timeline import last_seq
from orders.times import iso_time
from providers.events import Status
from providers.money import currency_digits
from providers.registry import ADAPTERS

KEEP_S = 90
"""A snapshot is good until its minute ends or an order moves; its tag tells both."""
OPEN = [status for status in Status if status not in FINISHED]


def snapshot_tag(access: Access, seq: int, now: datetime, *, with_tests: bool = False) -> str:
    """Return a tag that changes when the snapshot may: with an order, the minute, the company's clock or the branches."""
    company = access.company
    parts = (
        company.id,
        seq,
        f"{now:%Y-%m-%dT%H:%M}",
        company.time_zone,
        company.business_day_cutoff,
        with_tests,
        access.scope,
    )
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]


def snapshot(access: Access, now: datetime, *, with_tests: bool = False) -> tuple[str, dict[str, Any]]:
    """Return the tag and the snapshot of today so far, to the minute; counted once however many ask for it."""
    seq = last_seq(access.company.id)
    now = now.replace(second=0, microsecond=0)
    tag = snapshot_tag(access, seq, now, with_tests=with_tests)
    body: dict[str, Any] | None = cache.get(f"dashboard:{tag}") if settings.DASHBOARD_CACHE else None
    if body is None:
        body = _count(access, seq, now, with_tests=with_tests)
        cache.set(f"dashboard:{tag}", body, KEEP_S)
    return tag, body


def _count(access: Access, seq: int, now: datetime, *, with_tests: bool) -> dict[str, Any]:
    company, orders = access.company, access.orders()
    today = business_date(company, now)
    before = today - timedelta(days=7)
    begun = day_start(company, today)
    # To the end of this minute, and a week ago just as far into the day: half a day is not compared with a whole one.
    spans = {
        "today": Span(begun, now + timedelta(minutes=1)),
        "lastWeek": Span(
            day_start(company, before),
            min(day_start(company, before) + (now + timedelta(minutes=1) - begun), day_span(company, before).until),
        ),
    }
    totals = {
        name: totals_by(company, received_in(orders, span, with_tests=with_tests), "provider")
        for name, span in spans.items()
    }
    open_orders = orders.filter(status__in=OPEN)
    by_status = dict(open_orders.values_list("status").annotate(count=Count("pk")).order_by())
    tests = received_in(orders, spans["today"], with_tests=True).filter(is_test=True)
    return {
        "companyId": str(company.id),
        "timeZone": company.time_zone,
        "currency": company.currency,
        "businessDay": today.isoformat(),
        "since": iso_time(spans["today"].since),
        "until": iso_time(spans["today"].until),
        "today": _totals_json(sum_up(totals["today"].values())),
        "lastWeek": {
            "businessDay": before.isoformat(),
            "since": iso_time(spans["lastWeek"].since),
            "until": iso_time(spans["lastWeek"].until),
            **_totals_json(sum_up(totals["lastWeek"].values())),
        },
        "providers": [
            {"provider": slug, "name": adapter.name, **_totals_json(totals["today"].get(slug) or Totals())}
            for slug, adapter in ADAPTERS.items()
        ],
        "openOrders": {
            "total": sum(by_status.values()),
            "byStatus": {status.value: by_status.get(status.value, 0) for status in OPEN},
        },
        "needsAttention": open_orders.filter(needs_attention=True).count(),
        "testOrders": tests.count(),
        "lastSeq": seq,
    }


def _totals_json(totals: Totals) -> dict[str, Any]:
    return {
        "orders": totals.orders,
        "cancelled": totals.lost,
        "cancellationRate": totals.cancellation_rate,
        "averageAcceptanceSeconds": totals.acceptance_s,
        "revenue": [
            {"currency": currency, "amount": money(amount, currency_digits(currency))}
            for currency, amount in sorted(totals.revenue.items())
        ],
    }
