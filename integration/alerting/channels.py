"""Setting, changing and removing the ways by which alerts reach people, with a trace in the trail."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from integration.addresses import AddressError, check_url
from integration.alert_centre import cause_choices
from integration.api.reading import Fields
from integration.models import Alert, AlertChannel
from integration.models.credential import DEFAULT_OVERLAP_HOURS
from integration.webhook_signing import key_of, new_secret
from orders.audit import record_act
from orders.errors import ApiError
from orders.models import Branch, Company, User
from orders.times import iso_time

Kind = AlertChannel.Kind
NAMES = (
    "name", "kind", "enabled", "url", "secret", "emails", "leastSeverity", "causes", "branchId", "onlyEscalations",
    "escalateTo", "escalateAfterMinutes",
)  # fmt: skip
MOST_CHANNELS, MOST_EMAILS, MOST_MINUTES = 20, 20, 1_440
NEW = "new"
"""As a ``secret``: one is made here."""


@dataclass(frozen=True, slots=True)
class Written:
    """A channel as it now is. ``secret`` is the signing secret where it is new: shown once."""

    channel: AlertChannel
    secret: str = ""


def channels_of(company: Company | None) -> list[AlertChannel]:
    """Return a company's channels by name; of the operators for None."""
    return list(AlertChannel.objects.filter(company=company).select_related("branch", "escalate_to"))


def add_channel(company: Company, data: Mapping[str, Any], *, user: User, request: HttpRequest) -> Written:
    """Make a channel. Raises ApiError with every fault by field, and 409 where there are enough of them."""
    written = write_channel(AlertChannel(company=company), data)
    with transaction.atomic():
        if AlertChannel.objects.filter(company=company).count() >= MOST_CHANNELS:
            raise ApiError(409, "too_many_channels", f"A company has at most {MOST_CHANNELS} channels.")
        written.channel.save()
        _record("added", written.channel, sorted(set(data) & set(NAMES)), user, request)
    return written


def change_channel(channel: AlertChannel, data: Mapping[str, Any], *, user: User, request: HttpRequest) -> Written:
    """Change what is named and leave the rest. Raises ApiError with every fault by field."""
    with transaction.atomic():
        channel = AlertChannel.objects.select_for_update(of=("self",)).get(pk=channel.pk)
        written = write_channel(channel, data)
        channel.save()
        _record("changed", channel, sorted(set(data) & set(NAMES)), user, request)
    return written


def remove_channel(channel: AlertChannel, *, user: User, request: HttpRequest) -> None:
    """Forget a channel with its secrets and all that it was sent."""
    with transaction.atomic():
        _record("removed", channel, [], user, request)
        channel.delete()


def _record(act: str, channel: AlertChannel, names: list[str], user: User, request: HttpRequest) -> None:
    details = {"name": channel.name, "kind": channel.kind, "fields": names}
    record_act(f"alert_channel.{act}", company=channel.company, target=channel.id, details=details, user=user,
               request=request)  # fmt: skip


# -- reading -----------------------------------------------------------------------------------------------------------


def write_channel(channel: AlertChannel, data: Mapping[str, Any], now: datetime | None = None) -> Written:
    """Put what is named into a channel, which is not saved. Raises ApiError with every fault, and without any secret."""
    fields, is_new = Fields(data, NAMES), channel._state.adding
    if not is_new and not data:
        fields.fault("body", "expected at least one field to set")
    if is_new or fields.has("name"):
        channel.name = _name(fields, channel)
    if is_new:
        channel.kind = fields.choice("kind", Kind.values)
        if not channel.kind:
            fields.fault("kind", f"expected one of {', '.join(Kind.values)}")
    elif fields.has("kind") and data["kind"] != channel.kind:
        fields.fault("kind", "a channel keeps its kind; make another one")
    if fields.has("enabled"):
        channel.enabled = fields.flag("enabled", default=True)
    if fields.has("leastSeverity"):
        channel.least_severity = fields.choice("leastSeverity", Alert.Severity.values) or channel.least_severity
    if fields.has("causes"):
        channel.causes = fields.words("causes", [code for code, _ in cause_choices()])
    if fields.has("onlyEscalations"):
        channel.only_escalations = fields.flag("onlyEscalations", default=False)
    if fields.has("escalateAfterMinutes"):
        channel.escalate_after_minutes = fields.whole("escalateAfterMinutes", 1, MOST_MINUTES, 15)
    if fields.has("branchId"):
        channel.branch = _branch(fields, channel)
    if fields.has("escalateTo"):
        channel.escalate_to = _second(fields, channel)
    secret = _read_way(fields, channel, now or timezone.now())
    fields.check()
    return Written(channel, secret)


def _read_way(fields: Fields, channel: AlertChannel, now: datetime) -> str:
    """Read where a channel leads; return its signing secret where that is new."""
    is_new, is_mail = channel._state.adding, channel.kind == Kind.EMAIL
    if not channel.kind:
        return ""
    for name, fits in (("url", not is_mail), ("secret", channel.kind == Kind.WEBHOOK), ("emails", is_mail)):
        if fields.data.get(name) and not fits:
            fields.fault(name, f"a channel of the kind {channel.kind} has none")
    if is_mail:
        if is_new or fields.has("emails"):
            channel.emails = _emails(fields)
        return ""
    if is_new or fields.has("url"):
        channel.secrets = {**channel.secrets, "url": _url(fields)}  # type: ignore[assignment]
    if channel.kind != Kind.WEBHOOK or not (is_new or fields.data.get("secret")):
        return ""
    return _rotate(fields, channel, now)


def _rotate(fields: Fields, channel: AlertChannel, now: datetime) -> str:
    """Set a webhook's signing secret; the one before signs beside it for a day."""
    secret = fields.text("secret", 120)
    if not secret or secret == NEW:
        secret = new_secret()
    try:
        key_of(secret)
    except ValueError as error:
        fields.fault("secret", str(error))
        return ""
    before = str(channel.secrets.get("secret", ""))
    kept = {"url": channel.url, "secret": secret}
    if before and before != secret:
        until = now + timedelta(hours=DEFAULT_OVERLAP_HOURS)
        kept |= {"previous": before, "previousUntil": until.isoformat()}
    channel.secrets = kept  # type: ignore[assignment]
    return secret if secret != before else ""


def _name(fields: Fields, channel: AlertChannel) -> str:
    name = fields.text("name", 80, required=True)
    same = AlertChannel.objects.filter(company=channel.company, name=name).exclude(pk=channel.pk)
    if name and same.exists():
        fields.fault("name", "another channel has this name")
    return name


def _url(fields: Fields) -> str:
    url = fields.text("url", 2_000, required=True)
    try:
        return check_url(url) if url else ""
    except AddressError as error:
        fields.fault("url", str(error))
    return ""


def _emails(fields: Fields) -> list[str]:
    given = fields.data.get("emails")
    emails = (
        [each.strip() for each in given] if isinstance(given, list) and all(isinstance(e, str) for e in given) else []
    )
    if not 1 <= len(emails) <= MOST_EMAILS:
        fields.fault("emails", f"expected a list of 1 to {MOST_EMAILS} addresses")
        return []
    for index, each in enumerate(emails):
        try:
            validate_email(each)
        except ValidationError:
            fields.fault(f"emails[{index}]", "expected an e-mail address")
    return list(dict.fromkeys(emails))


def _branch(fields: Fields, channel: AlertChannel) -> Branch | None:
    branch_id = fields.uuid("branchId")
    if branch_id is None:
        return None
    branch = Branch.objects.filter(company=channel.company, pk=branch_id).first() if channel.company else None
    if branch is None:
        fields.fault("branchId", "expected the id of a branch")
    return branch


def _second(fields: Fields, channel: AlertChannel) -> AlertChannel | None:
    """Return the channel that is told next: another one of the same company."""
    channel_id = fields.uuid("escalateTo")
    if channel_id is None:
        return None
    second = AlertChannel.objects.filter(company=channel.company, pk=channel_id).exclude(pk=channel.pk).first()
    if second is None:
        fields.fault("escalateTo", "expected the id of another channel")
    return second


# -- showing -----------------------------------------------------------------------------------------------------------


def channel_json(channel: AlertChannel) -> dict[str, Any]:
    """Return a channel as the API tells it: its secrets masked."""
    last = channel.notices.order_by("-created_at", "-id").first() if not channel._state.adding else None
    return {
        "id": str(channel.id),
        "name": channel.name,
        "kind": channel.kind,
        "enabled": channel.enabled,
        "url": channel.masked_url or None,
        "secret": channel.masked_secret or None,
        "emails": channel.emails,
        "leastSeverity": channel.least_severity,
        "causes": channel.causes,
        "branchId": str(channel.branch_id) if channel.branch_id else None,
        "onlyEscalations": channel.only_escalations,
        "escalateTo": str(channel.escalate_to_id) if channel.escalate_to_id else None,
        "escalateAfterMinutes": channel.escalate_after_minutes,
        "lastNotice": last
        and {
            "kind": last.kind,
            "status": last.status,
            "error": last.error or None,
            "createdAt": iso_time(last.created_at),
        },
    }


def find_channel(company: Company, channel_id: uuid.UUID) -> AlertChannel | None:
    """Return a channel of the company; None for any other."""
    found = AlertChannel.objects.filter(company=company, pk=channel_id)
    return found.select_related("company", "branch", "escalate_to").first()
