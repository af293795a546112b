"""Channels and the running of the watch, for tests of alerts that reach people."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from integration.alerting import notices
from integration.models import AlertChannel, AlertNotice
from orders.models import Company

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SLACK, HOOK = "https://hooks.slack.example.com/services/T0/B0/aaaa1111", "https://alerts.example.com/in"
SECRET = "whsec_" + base64.b64encode(b"a signing secret of 32 bytes....").decode()


def at(**later: float) -> datetime:
    return T0 + timedelta(**later)


def make_channel(company: Company | None, name: str = "Kitchen", kind: str = "slack", **fields: Any) -> AlertChannel:
    if kind == "email":
        fields.setdefault("emails", ["chef@example.com"])
    else:
        secrets = {"url": SLACK} if kind == "slack" else {"url": HOOK, "secret": SECRET}
        fields["secrets"] = {**secrets, **fields.get("secrets", {})}
    return AlertChannel.objects.create(company=company, name=name, kind=kind, **fields)


def told(channel: AlertChannel) -> list[tuple[str, str]]:
    """Return what a channel is, or was, to be told: kind and cause, oldest first."""
    return list(AlertNotice.objects.filter(channel=channel).order_by("created_at", "kind").values_list("kind", "cause"))


def work_due(now: datetime | None = None) -> int:
    """Send every notice that is due now, as the sweeper and a worker do; return how many were tried."""
    now = now or timezone.now()
    tried = 0
    while due := notices.due_notices(now, 100):
        for notice in due:
            token = notices.claim(notice, now)
            assert token is not None
            notices.work_claimed(notice.pk, token)
            tried += 1
    return tried
