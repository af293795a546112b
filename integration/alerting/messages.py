"""What a notice says: as facts when it is planned, and in each kind's own form when it is sent.

Alerts' sentences name providers, ids and counts; nothing of a customer and no secret stands in them.
"""

from __future__ import annotations

import json
import zoneinfo
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from integration.alert_centre import Group, cause_of
from integration.alert_words import alert_words
from integration.models import Alert, AlertNotice
from orders.models import Company
from orders.times import iso_time

SHOWN = 10
Kind = AlertNotice.Kind


def standing(company: Company | None, group: Group, severity: str) -> dict[str, Any]:
    """Return what is said of a cause that stands; the ten alerts raised last are quoted."""
    alerts = sorted((shown.alert for shown in group.alerts), key=lambda alert: alert.last_seen_at, reverse=True)
    return {
        **_head(company, group.code, severity),
        "meaning": str(group.cause.meaning),
        "remedy": str(group.cause.remedy),
        "count": group.count,
        "alerts": [_alert(alert, company) for alert in alerts[:SHOWN]],
        "more": max(0, len(alerts) - SHOWN),
    }


def gone(company: Company | None, cause: str, severity: str, opened_at: datetime, gone_at: datetime) -> dict[str, Any]:
    """Return what is said of a cause that is gone."""
    return {**_head(company, cause, severity), "openedAt": iso_time(opened_at), "resolvedAt": iso_time(gone_at)}


def trial(company: Company | None) -> dict[str, Any]:
    """Return what a test says."""
    return _head(company, "", Alert.Severity.INFO.value) | {"title": _("Test of an alert channel")}


def _head(company: Company | None, cause: str, severity: str) -> dict[str, Any]:
    path = f"/alerts/?{urlencode({'company': str(company.id)})}" if company else "/admin/integration/alert/"
    return {
        "cause": cause,
        "title": str(cause_of(cause).title) if cause else "",
        "severity": severity,
        "company": {"id": str(company.id), "name": company.name} if company else None,
        "url": f"{settings.APP_BASE_URL}{path}",
    }


def _alert(alert: Alert, company: Company | None) -> dict[str, Any]:
    with timezone.override(_zone_of(company)):
        message = alert_words(alert)
    return {
        "id": str(alert.id),
        "subject": alert.subject or None,
        "severity": alert.severity,
        "message": message,
        "count": alert.count,
        "state": alert.state,
        "firstSeenAt": iso_time(alert.first_seen_at),
        "lastSeenAt": iso_time(alert.last_seen_at),
    }


def _zone_of(company: Company | None) -> tzinfo:
    return zoneinfo.ZoneInfo(company.time_zone) if company else UTC


# -- the forms of it ---------------------------------------------------------------------------------------------------


def subject_line(notice: AlertNotice) -> str:
    """Return one line that says the most: what it is about, how bad it is, whose it is."""
    words = {
        Kind.OPENED: _("{severity}: {title}"),
        Kind.REPEATED: _("{severity}, still open: {title}"),
        Kind.ESCALATED: _("{severity}, nobody has acknowledged it: {title}"),
        Kind.RESOLVED: _("Resolved: {title}"),
        Kind.TEST: "{title}",
    }
    content = notice.content
    severity = {"info": _("Info"), "warning": _("Warning"), "critical": _("Critical")}.get(content["severity"], "")
    line = words[Kind(notice.kind)].format(severity=severity, title=content["title"])
    whose = content["company"]["name"] if content["company"] else _("the installation")
    return " ".join(f"{line} – {whose}".split())


def text_of(notice: AlertNotice) -> str:
    """Return a notice as plain text, without its subject line."""
    content = notice.content
    parts: list[str] = []
    for alert in content.get("alerts", ()):
        times = f" ({alert['count']}×)" if alert["count"] > 1 else ""
        parts.append(f"• {alert['message']}{times}")
    if content.get("more"):
        parts.append(_("… and {number} more.").format(number=content["more"]))
    if content.get("remedy"):
        parts += ["", f"{content['meaning']} {content['remedy']}".strip()]
    if content.get("resolvedAt"):
        opened, gone_at = (_local(content[name], notice) for name in ("openedAt", "resolvedAt"))
        parts.append(_("Open since {opened}, gone at {gone}.").format(opened=opened, gone=gone_at))
    if notice.kind == Kind.TEST:
        parts.append(_("This channel works: alerts arrive here."))
    return "\n".join([*parts, "", content["url"]]).strip()


def _local(text: str, notice: AlertNotice) -> str:
    """Return an instant of a notice's facts as the channel's company reads its clocks."""
    moment = datetime.fromisoformat(text).astimezone(_zone_of(notice.channel.company))
    return f"{moment:%Y-%m-%d %H:%M}"


def webhook_body(notice: AlertNotice) -> bytes:
    """Return the body of a signed webhook, as the Standard Webhooks specification lays it out."""
    document = {
        "type": f"alert.{notice.kind}",
        "timestamp": iso_time(notice.created_at),
        "data": {"noticeId": str(notice.id), **notice.content},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def slack_body(notice: AlertNotice) -> bytes:
    """Return the body for an incoming webhook as Slack has them; Mattermost and others take the same."""
    text = f"*{_plain(subject_line(notice))}*\n{_plain(text_of(notice))}"
    return json.dumps({"text": text}, ensure_ascii=False).encode()


def _plain(text: str) -> str:
    """Return text without what Slack reads as a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
