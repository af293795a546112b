"""``/alerts/channels/``: how alerts reach people, and from when on something is one. For owners."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integration.alert_centre import cause_choices
from integration.alerting.channels import (
    add_channel,
    change_channel,
    channels_of,
    find_channel,
    remove_channel,
)
from integration.alerting.thresholds import of_companies, set_thresholds, thresholds_of
from integration.alerting.trying import try_channel
from integration.api.alert_channels import read_thresholds
from integration.api.outbound import is_ok
from integration.models import Alert, AlertChannel, AlertNotice
from integration.views.acting import acted, missing
from orders.access import Access
from orders.errors import ApiError
from orders.models import Role
from orders.pages import Text, page_for, uuid_or_none
from orders.timeline import last_seq

NOTICES_SHOWN = 20
KIND_WORDS: dict[str, Text] = {
    AlertChannel.Kind.EMAIL: gettext_lazy("E-mail"),
    AlertChannel.Kind.WEBHOOK: gettext_lazy("Signed webhook"),
    AlertChannel.Kind.SLACK: gettext_lazy("Slack or compatible"),
}
SEVERITY_WORDS: dict[str, Text] = {
    Alert.Severity.INFO: gettext_lazy("Info"),
    Alert.Severity.WARNING: gettext_lazy("Warning"),
    Alert.Severity.CRITICAL: gettext_lazy("Critical"),
}
NOTICE_WORDS: dict[str, Text] = {
    AlertNotice.Kind.OPENED: gettext_lazy("Opened"),
    AlertNotice.Kind.REPEATED: gettext_lazy("Still open"),
    AlertNotice.Kind.ESCALATED: gettext_lazy("Escalated"),
    AlertNotice.Kind.RESOLVED: gettext_lazy("Resolved"),
    AlertNotice.Kind.TEST: gettext_lazy("Test"),
}
STATUS_WORDS: dict[str, Text] = {
    "pending": gettext_lazy("waits"),
    "sending": gettext_lazy("is under way"),
    "failed": gettext_lazy("failed, is tried again"),
    "sent": gettext_lazy("taken"),
    "dead": gettext_lazy("given up"),
}


@page_for(Role.OWNER, "GET", "HEAD", "POST")
def channels(request: HttpRequest, access: Access) -> HttpResponse:
    """Show the channels and thresholds, with the form of one to add or change; with POST, save that one."""
    named = uuid_or_none(request.GET.get("change", ""))
    channel = find_channel(access.company, named) if named else None
    if "change" in request.GET and channel is None:
        return missing(request)
    if request.method != "POST":
        kind = channel.kind if channel else request.GET.get("add", "")
        form = _form(channel, kind) if kind in KIND_WORDS else None
        return _page(request, access, {"form": form})
    kind = channel.kind if channel else request.POST.get("kind", "")
    data = _data(request, kind, is_new=channel is None)
    try:
        if channel is None:
            written = add_channel(access.company, data, user=access.user, request=request)
        else:
            written = change_channel(channel, data, user=access.user, request=request)
    except ApiError as error:
        faults = error.details or {"body": error.message}
        return _page(request, access, {"form": _form(channel, kind) | {"given": data, "faults": faults}}, 400)
    if written.secret:
        # Shown this once, on the answer itself: a message in the session would keep it.
        return _page(request, access, {"form": None, "new_secret": written.secret, "secret_of": written.channel})
    return acted(request, "alert-channels", message=_("The channel is saved."))


def _form(channel: AlertChannel | None, kind: str) -> dict[str, Any]:
    """Return what the form shows: a channel's own values, or those of a new one. A secret is never among them."""
    source = channel or AlertChannel(kind=kind)
    return {
        "channel": channel,
        "kind": kind,
        "title": KIND_WORDS.get(kind, ""),
        "faults": {},
        "given": {
            "name": source.name,
            "emails": source.emails,
            "leastSeverity": source.least_severity,
            "causes": source.causes,
            "branchId": str(source.branch_id or ""),
            "onlyEscalations": source.only_escalations,
            "escalateTo": str(source.escalate_to_id or ""),
            "escalateAfterMinutes": source.escalate_after_minutes,
        },
    }


def _data(request: HttpRequest, kind: str, *, is_new: bool) -> dict[str, Any]:
    """Return a posted form as the API takes it. What is left empty of a secret stays as it is."""
    given = request.POST
    minutes = given.get("escalateAfterMinutes", "").strip()
    data: dict[str, Any] = {
        "name": given.get("name", ""),
        "leastSeverity": given.get("leastSeverity", ""),
        "causes": given.getlist("causes"),
        "branchId": given.get("branchId") or None,
        "onlyEscalations": given.get("onlyEscalations") == "true",
        "escalateTo": given.get("escalateTo") or None,
        "escalateAfterMinutes": int(minutes) if minutes.isascii() and minutes.isdigit() and len(minutes) < 6 else 0,
    }
    if is_new:
        data["kind"] = kind
    if kind == AlertChannel.Kind.EMAIL:
        data["emails"] = given.get("emails", "").replace(",", " ").split()
        return data
    if is_new or given.get("url"):
        data["url"] = given.get("url", "")
    if given.get("secret"):
        data["secret"] = given["secret"]
    return data


def _page(request: HttpRequest, access: Access, more: dict[str, Any], status: int = 200) -> HttpResponse:
    company = access.company
    values = thresholds_of(company)
    notices = AlertNotice.objects.filter(channel__company=company).select_related("channel")
    context = {
        "seq": last_seq(company.id),
        "channels": [(each, KIND_WORDS[each.kind]) for each in channels_of(company)],
        "kinds": KIND_WORDS.items(),
        "severities": SEVERITY_WORDS.items(),
        "causes": cause_choices(),
        "branches": company.branches.order_by("name"),
        "thresholds": [(entry, values[entry.name]) for entry in of_companies()],
        "notices": [
            (notice, NOTICE_WORDS[notice.kind], STATUS_WORDS[notice.status])
            for notice in notices.order_by("-created_at", "-id")[:NOTICES_SHOWN]
        ],
        "has_mail": bool(settings.EMAIL_HOST),
        "form": None,
        "threshold_faults": {},
    }
    return render(request, "integration/alert_channels.html", context | more, status=status)


@page_for(Role.OWNER, "POST")
def thresholds(request: HttpRequest, access: Access) -> HttpResponse:
    """Set the thresholds; an empty one is the default."""
    data: dict[str, Any] = {}
    for entry in of_companies():
        text = request.POST.get(entry.name, "").strip()
        # A word is told as a fault by the reader of numbers.
        data[entry.name] = (
            None if not text else int(text) if text.isascii() and text.isdigit() and len(text) < 8 else text
        )
    try:
        set_thresholds(access.company, read_thresholds(data), user=access.user, request=request)
    except ApiError as error:
        return _page(request, access, {"threshold_faults": error.details}, 400)
    return acted(request, "alert-channels", message=_("The thresholds are saved."))


@page_for(Role.OWNER, "POST")
def test(request: HttpRequest, access: Access, channel_id: uuid.UUID) -> HttpResponse:
    """Test a channel, and show each step."""
    channel = find_channel(access.company, channel_id)
    if channel is None:
        return missing(request)
    steps = try_channel(channel, user=access.user, request=request)
    return _page(request, access, {"tested": {"channel": channel, "steps": steps, "ok": is_ok(steps)}})


@page_for(Role.OWNER, "POST")
def switch(request: HttpRequest, access: Access, channel_id: uuid.UUID) -> HttpResponse:
    """Switch a channel on or off."""
    channel = find_channel(access.company, channel_id)
    if channel is None or request.POST.get("enabled") not in ("true", "false"):
        return missing(request)
    on = request.POST["enabled"] == "true"
    change_channel(channel, {"enabled": on}, user=access.user, request=request)
    return acted(request, "alert-channels", message=_("The channel is on.") if on else _("The channel is off."))


@page_for(Role.OWNER, "POST")
def remove(request: HttpRequest, access: Access, channel_id: uuid.UUID) -> HttpResponse:
    """Forget a channel."""
    channel = find_channel(access.company, channel_id)
    if channel is None:
        return missing(request)
    remove_channel(channel, user=access.user, request=request)
    return acted(request, "alert-channels", message=_("The channel is removed."))
