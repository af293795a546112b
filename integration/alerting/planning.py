"""What each channel is told: once when a cause begins, once an hour while it goes on, once when it is gone.

Sooner only where it grows worse; and a second channel where nobody acknowledges it in time. Rows are written here and sent
elsewhere, so that a channel that does not answer keeps nobody.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max

from integration.alert_centre import group_alerts, order_ids_of
from integration.alerting import messages
from integration.models import Alert, AlertChannel, AlertNotice, AlertThread
from orders.models import Order

AGAIN_AFTER = timedelta(hours=1)
GONE_FOR = timedelta(minutes=2)
"""So long a cause has to be gone before anybody is told: what comes and goes is one matter, not twenty messages."""
LIMIT = 5_000
CHANNEL_FAILING = "channel_failing"
RANKS = {severity: rank for rank, severity in enumerate(Alert.Severity.values)}
Kind = AlertNotice.Kind


@dataclass(frozen=True, slots=True)
class Matter:
    """The unresolved alerts of one cause that concern one channel."""

    cause: str
    alerts: list[Alert]

    @property
    def severity(self) -> str:
        return max((alert.severity for alert in self.alerts), key=RANKS.__getitem__)

    @property
    def unseen(self) -> list[Alert]:
        """Those that nobody has acknowledged."""
        return [alert for alert in self.alerts if alert.state == Alert.State.OPEN]


def plan(now: datetime) -> int:
    """Write the notices that are due; return how many. Safe to run twice, and at once: a thread's row is the lock."""
    channels = list(AlertChannel.objects.filter(enabled=True).select_related("company", "escalate_to"))
    threads: dict[uuid.UUID, dict[str, AlertThread]] = defaultdict(dict)
    for thread in AlertThread.objects.filter(closed_at__isnull=True).select_related("escalated_to"):
        threads[thread.channel_id][thread.cause] = thread
    alerts: dict[uuid.UUID | None, list[Alert]] = defaultdict(list)
    unresolved = Alert.objects.exclude(state=Alert.State.RESOLVED).select_related("company")
    for alert in unresolved.order_by("last_seen_at")[:LIMIT] if channels else ():
        alerts[alert.company_id].append(alert)
    branches = _branches_of_orders(channels, alerts)
    planned = 0
    for channel in channels:
        own = threads.pop(channel.pk, {})
        if not channel.only_escalations:
            matters = matters_for(channel, alerts[channel.company_id], branches)
            planned += sum(_tell(channel, matter, own.pop(matter.cause, None), now) for matter in matters)
        planned += sum(_close(channel, thread, now) for thread in own.values())
    # Of channels that are switched off: when one is switched on again, it is told anew.
    AlertThread.objects.filter(channel__in=list(threads), closed_at__isnull=True).update(closed_at=now)
    return planned


def matters_for(
    channel: AlertChannel, alerts: Iterable[Alert], branches: Mapping[uuid.UUID, uuid.UUID | None]
) -> list[Matter]:
    """Return what of its company's unresolved alerts a channel wants to hear of, by cause."""
    found: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        if RANKS[alert.severity] < RANKS[channel.least_severity]:
            continue
        if channel.causes and alert.cause not in channel.causes:
            continue
        if alert.cause == CHANNEL_FAILING and alert.subject == channel.name:
            continue  # it would only add to what does not get through
        named = {branches.get(order_id) for order_id in order_ids_of(alert)} - {None}
        if channel.branch_id is not None and named and channel.branch_id not in named:
            continue
        found[alert.cause].append(alert)
    return [Matter(cause, of_cause) for cause, of_cause in found.items()]


def _branches_of_orders(
    channels: Iterable[AlertChannel], alerts: Mapping[uuid.UUID | None, list[Alert]]
) -> dict[uuid.UUID, uuid.UUID | None]:
    """Return the branch of each order that an alert names, where any channel asks for one."""
    companies = {channel.company_id for channel in channels if channel.branch_id is not None}
    ids = {order_id for company in companies for alert in alerts[company] for order_id in order_ids_of(alert)}
    return dict(Order.objects.filter(pk__in=ids).values_list("pk", "branch_id")) if ids else {}


# -- what is due -------------------------------------------------------------------------------------------------------


def _tell(channel: AlertChannel, matter: Matter, thread: AlertThread | None, now: datetime) -> int:
    if thread is None:
        return _open(channel, matter, now)
    told = 0
    is_worse = RANKS[matter.severity] > RANKS.get(thread.severity, 0)
    is_news = any(alert.last_seen_at > thread.told_at for alert in matter.unseen)
    if matter.unseen and (is_worse or (is_news and now >= thread.told_at + AGAIN_AFTER)):
        told += _say_again(channel, matter, thread, now)
    return told + _escalate(channel, matter, thread, now)


def _open(channel: AlertChannel, matter: Matter, now: datetime) -> int:
    """Begin a thread and tell of it; nothing where somebody else just did, or people know of everything already."""
    if not matter.unseen:
        return 0
    thread = AlertThread(channel=channel, cause=matter.cause, severity=matter.severity, opened_at=now, told_at=now)
    with transaction.atomic():
        AlertThread.objects.bulk_create([thread], ignore_conflicts=True)
        # Whose row it is: the insert of the second one did nothing.
        mine = AlertThread.objects.filter(channel=channel, cause=matter.cause, closed_at__isnull=True, opened_at=now)
        if not mine.exists():
            return 0
        _write(channel, Kind.OPENED, matter, now)
    return 1


def _say_again(channel: AlertChannel, matter: Matter, thread: AlertThread, now: datetime) -> int:
    rows = AlertThread.objects.filter(pk=thread.pk, closed_at__isnull=True, told_at=thread.told_at)
    with transaction.atomic():
        if not rows.update(told_at=now, severity=matter.severity):
            return 0
        _write(channel, Kind.REPEATED, matter, now)
    return 1


def _escalate(channel: AlertChannel, matter: Matter, thread: AlertThread, now: datetime) -> int:
    """Tell the second channel, once, of what nobody has acknowledged in time."""
    second = channel.escalate_to
    if second is None or not second.enabled or thread.escalated_at is not None or not matter.unseen:
        return 0
    since = max(thread.opened_at, min(alert.first_seen_at for alert in matter.unseen))
    if now < since + timedelta(minutes=channel.escalate_after_minutes):
        return 0
    rows = AlertThread.objects.filter(pk=thread.pk, closed_at__isnull=True, escalated_at__isnull=True)
    with transaction.atomic():
        if not rows.update(escalated_at=now, escalated_to=second):
            return 0
        _write(second, Kind.ESCALATED, matter, now)
    return 1


def _close(channel: AlertChannel, thread: AlertThread, now: datetime) -> int:
    """Tell those who were told that the cause is gone, once it has been for a while."""
    gone = Alert.objects.filter(company=channel.company, cause=thread.cause, state=Alert.State.RESOLVED)
    gone_at = gone.aggregate(last=Max("resolved_at"))["last"]
    if gone_at is not None and now < gone_at + GONE_FOR:
        return 0
    told = [channel]
    if thread.escalated_to is not None and thread.escalated_to.enabled:
        told.append(thread.escalated_to)
    with transaction.atomic():
        if not AlertThread.objects.filter(pk=thread.pk, closed_at__isnull=True).update(closed_at=now):
            return 0
        content = messages.gone(channel.company, thread.cause, thread.severity, thread.opened_at, gone_at or now)
        for each in told:
            AlertNotice.objects.create(
                channel=each,
                kind=Kind.RESOLVED,
                cause=thread.cause,
                content=content,
                next_attempt_at=now,
                created_at=now,
            )
    return len(told)


def _write(channel: AlertChannel, kind: Kind, matter: Matter, now: datetime) -> None:
    (group,) = group_alerts(matter.alerts)
    AlertNotice.objects.create(
        channel=channel, kind=kind, cause=matter.cause, next_attempt_at=now, created_at=now,
        content=messages.standing(channel.company, group, matter.severity),
    )  # fmt: skip
