"""``/integrations/reconciliation/``: a business day beside what the providers list of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integration.api.reconciliation import read_day
from integration.models import ReconciliationReport
from integration.reconciliation.report import COMPARED, NOT_COMPARED, PARTLY, figures_of
from orders.access import Access
from orders.business_day import business_date
from orders.errors import ApiError, permission_denied
from orders.models import Role
from orders.pages import Text, page_for
from orders.timeline import last_seq
from providers.payload import parse_time

SHOWN_DAYS = 14
STATES: dict[str, Text] = {
    COMPARED: _("Compared"),
    PARTLY: _("Only partly compared"),
    NOT_COMPARED: _("Could not be compared"),
}
KINDS: dict[str, Text] = {
    "imported": _("Never came, imported"),
    "missing": _("Never came, not imported"),
    "not_listed": _("Only here, not in their list"),
    "total": _("Another total"),
    "called_off": _("Called off there, not here"),
}


@page_for(Role.MANAGER, "GET", "HEAD")
def day(request: HttpRequest, access: Access) -> HttpResponse:
    """Show one day, by default the last one that was reported, and the days before."""
    if access.branch_ids is not None:
        return permission_denied(request)
    now, company = timezone.now(), access.company
    today = business_date(company, now)
    reports = list(ReconciliationReport.objects.filter(company=company)[:SHOWN_DAYS])
    wanted, has_fault = today, False
    try:
        wanted = read_day(company, request.GET.get("day", ""))
    except ApiError:
        has_fault = True
    figures = figures_of(company, wanted, now)
    context = {
        "seq": last_seq(company.id),
        "day": wanted,
        "before": wanted - timedelta(days=1),
        "after": wanted + timedelta(days=1) if wanted < today else None,
        "today": today,
        "fault": has_fault,
        "figures": figures,
        "made_at": parse_time(figures["madeAt"] or ""),
        "rows": [_row(row) for row in figures["rows"]],
        "differences": [{**entry, "title": KINDS[entry["kind"]]} for entry in figures["differences"]],
        "days": [_listed(report) for report in reports],
    }
    return render(request, "integration/reconciliation.html", context, status=400 if has_fault else 200)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    gaps = [(parse_time(gap["from"]), parse_time(gap["to"])) for gap in row["gaps"]]
    is_off = bool(row["countDifference"]) or (row["sumDifference"] or "0").strip("-0.") != ""
    return {**row, "state_word": STATES[row["state"]], "gap_times": gaps, "is_off": is_off}


def _listed(report: ReconciliationReport) -> dict[str, date | int | bool]:
    return {
        "day": report.day,
        "differences": report.figures["differenceCount"],
        "is_compared": report.figures["isCompared"],
    }
