"""Orders that nobody answers: alerts at half and at four fifths of the time there is, and policies that accept alone."""

from __future__ import annotations

import logging
import uuid
import zoneinfo
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from integration.alerts import announce_alert, raise_alert, resolve_alert
from integration.models import Alert, AutoAcceptPolicy
from orders.models import Branch, Order
from orders.services import change_status
from orders.times import iso_time
from orders.transitions import InvalidTransitionError
from providers.events import Status

logger = logging.getLogger(__name__)

CAUSE = "order_unanswered"
HALF, FOUR_FIFTHS = 0.5, 0.8
LOOK_BACK = timedelta(hours=24)
MISSED_FOR = timedelta(minutes=30)
"""How long an order whose deadline has passed without a word is still spoken of."""
LIMIT = 1_000
SHOWN = 20
SCHEDULED_AHEAD = timedelta(hours=2)
"""An order for later than this waits for a person: the kitchen may not be able to say yes yet."""


def watch(now: datetime | None = None) -> None:
    """Accept what a policy accepts, then tell people of what is still unanswered. Safe to run twice, and at once."""
    now = now or timezone.now()
    orders = unanswered(now)
    accepted = _accept_by_policy(orders, now)
    tell([order for order in orders if order.id not in accepted], now)


def unanswered(now: datetime) -> list[Order]:
    """Return orders that wait for an answer: a thousand at most, the most urgent first, then those without a deadline.

    What was missed longer ago than anybody speaks of it, or waits without a deadline for more than a day, is left out.
    """
    urgent, endless = waiting(now)
    found = list(urgent.select_related("company", "branch")[:LIMIT])
    return found + list(endless.select_related("company", "branch")[: LIMIT - len(found)])


def waiting(now: datetime) -> tuple[QuerySet[Order], QuerySet[Order]]:
    """Return the queries of the watch: each a range of the index by deadline, which holds unanswered orders alone."""
    rows = Order.objects.filter(status=Status.RECEIVED)
    urgent = rows.filter(accept_by__gt=now - MISSED_FOR).order_by("accept_by")
    return urgent, rows.filter(accept_by__isnull=True, created_at__gte=now - LOOK_BACK)


# -- alerts ------------------------------------------------------------------------------------------------------------


def tell(orders: Iterable[Order], now: datetime) -> None:
    """Keep one alert per company and provider in step with the orders that are running out of time."""
    late: dict[tuple[uuid.UUID, str], list[Order]] = defaultdict(list)
    for order in orders:
        if not order.is_test and used_part(order, now) >= HALF and order.accept_by > now - MISSED_FOR:  # type: ignore[operator]
            late[order.company_id, order.provider].append(order)
    standing = {
        (alert.company_id, alert.subject): alert
        for alert in Alert.objects.filter(cause=CAUSE, company__isnull=False)
        .exclude(state=Alert.State.RESOLVED)
        .select_related("company")
    }
    for key, found in late.items():
        _tell(found, standing.get(key), now)
    for of, alert in standing.items():
        if of not in late:
            resolve_alert(alert, None)


def used_part(order: Order, now: datetime) -> float:
    """Return which part of the time for an answer has gone, from 0 to over 1; 0 where there is no deadline."""
    if order.accept_by is None:
        return 0.0
    whole = (order.accept_by - order.received_at).total_seconds()
    return (now - order.received_at).total_seconds() / whole if whole > 0 else 1.0


def _tell(orders: list[Order], standing: Alert | None, now: datetime) -> None:
    urgent = [order for order in orders if used_part(order, now) >= FOUR_FIFTHS]
    severity = Alert.Severity.CRITICAL if urgent else Alert.Severity.WARNING
    first = min(orders, key=lambda order: order.accept_by or now)
    levels = {str(order.id): "urgent" if order in urgent else "half" for order in orders}
    known: dict[str, Any] = (standing.details.get("orders") or {}) if standing else {}
    details = {
        "orders": dict(list(levels.items())[:SHOWN]),
        "waiting": len(orders),
        "firstOrderId": str(first.id),
        "firstDeadline": iso_time(first.accept_by),
    }
    worse = any(known.get(order_id) != level for order_id, level in details["orders"].items())  # type: ignore[attr-defined]
    if standing is not None and not worse:
        if standing.details != details:
            # Some were answered: no cause to ring again.
            Alert.objects.filter(pk=standing.pk).update(details=details)
        return
    number = (
        f"{len(orders)} orders of {first.provider} wait" if len(orders) > 1 else f"An order of {first.provider} waits"
    )
    alert = raise_alert(
        first.company, CAUSE, f"{number} for an answer.", subject=first.provider, severity=severity, details=details,
        now=now,
    )  # fmt: skip
    if alert.severity != severity:
        Alert.objects.filter(pk=alert.pk).update(severity=severity)
        alert.severity = severity
        announce_alert(alert)


# -- accepting alone ---------------------------------------------------------------------------------------------------


def _accept_by_policy(orders: list[Order], now: datetime) -> set[uuid.UUID]:
    policies = list(AutoAcceptPolicy.objects.filter(company_id__in={order.company_id for order in orders}))
    accepted: set[uuid.UUID] = set()
    for order in orders if policies else []:
        policy = policy_for(order, policies)
        if policy is None or not policy.enabled or why_not(order, now):
            continue
        try:
            change_status(order, Status.CONFIRMED, user=None, prep_minutes=policy.prep_minutes)
        except InvalidTransitionError:
            continue  # somebody was quicker
        except Exception:
            logger.exception("Order %s could not be accepted by its policy", order.id)
            continue
        accepted.add(order.id)
    return accepted


def policy_for(order: Order, policies: Iterable[AutoAcceptPolicy]) -> AutoAcceptPolicy | None:
    """Return the nearest policy: of branch and provider, of the branch, of the provider, of the company."""
    fitting = [
        policy
        for policy in policies
        if policy.company_id == order.company_id
        and policy.branch_id in (None, order.branch_id)
        and policy.provider in ("", order.provider)
    ]
    return max(fitting, key=lambda policy: (policy.branch_id is not None, bool(policy.provider)), default=None)


def why_not(order: Order, now: datetime) -> str:
    """Return why an order needs a person; ``""`` where it does not."""
    if order.is_test:
        return "a test"
    if order.needs_attention or order.attention_reasons:
        return "needs attention"
    if order.accept_by is not None and now >= order.accept_by:
        return "too late"
    if order.scheduled_for is not None and order.scheduled_for > now + SCHEDULED_AHEAD:
        return "scheduled far ahead"
    if order.branch is None or not is_open(order.branch, order.company.time_zone, now):
        return "closed"
    return ""


def is_open(branch: Branch, time_zone: str, now: datetime) -> bool:
    """Tell whether a branch is open, in its company's time zone. Hours that close before they open run past midnight.

    No hours at all: always. Hours that cannot be read count as closed: a person decides then.
    """
    if not branch.opening_hours:
        return True
    local = now.astimezone(zoneinfo.ZoneInfo(time_zone))
    today, yesterday, clock = local.weekday(), (local.weekday() - 1) % 7, local.time()
    for entry in branch.opening_hours:
        try:
            day, opens, closes = int(entry["day"]), _clock(entry["opens"]), _clock(entry["closes"])
        except (KeyError, TypeError, ValueError):
            continue
        # 00:00 to 00:00 is the whole day, and so is any time to itself.
        past_midnight = closes <= opens
        if day == today and opens <= clock and (past_midnight or clock < closes):
            return True
        if day == yesterday and past_midnight and clock < closes:
            return True
    return False


def _clock(text: str) -> time:
    return time(0, 0) if text == "24:00" else time.fromisoformat(text)
