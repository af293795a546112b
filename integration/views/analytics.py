"""``/analytics/``: the figures of some business days, as a chart and as tables."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone

from integration.analytics import words
from integration.analytics.query import GROUPS, PERIODS, Query, read_query
from integration.analytics.report import report
from integration.performance import table
from orders.access import Access
from orders.errors import ApiError
from orders.held import held
from orders.pages import member_page
from orders.revenue import visible_branches
from orders.timeline import last_seq
from providers.registry import ADAPTERS

HOLD_S = 15
"""So long the tables are the same for all who ask for the same."""
FIELDS = ("period", "from", "to", "groupBy", "provider", "branch")
NEWEST_FIRST = ("day", "week", "month")
TABLES = ("reasons", "errors", "products", "unmapped")


@member_page
def analytics(request: HttpRequest, access: Access) -> HttpResponse:
    """Show the tables; what cannot be read in the address is named, and the usual days are shown."""
    now, faults = timezone.now(), {}
    given = _given(request.GET)
    try:
        query = read_query(access, given, now)
    except ApiError as error:
        faults = error.details
        query = read_query(access, QueryDict(), now)
    key = f"analytics:{access.company.id}:{access.scope}:{given.urlencode() if not faults else ''}"
    version = (last_seq(access.company.id), now.replace(second=0, microsecond=0))
    found = held(key, version, lambda: _count(query), hold_s=HOLD_S)
    figures, providers = found.value["figures"], found.value["providers"]
    columns = words.columns(figures["whole"])
    whole = words.cells(figures["whole"], columns)
    measured = words.performances(providers["results"])
    context = {
        "faults": faults,
        "query": query,
        "given": {name: given.get(name, "") for name in FIELDS},
        "periods": [(name, words.PERIOD_WORDS[name]) for name in PERIODS],
        "groups": [(name, words.GROUP_WORDS[name]) for name in GROUPS],
        "group_word": words.GROUP_WORDS[query.group_by],
        "adapters": ADAPTERS.values(),
        "branches": visible_branches(access),
        "columns": columns,
        "whole": whole,
        "tiles": [(column, cell) for column, cell in zip(columns, whole, strict=True) if "95" not in column.code],
        "rows": _rows(figures["results"], query.group_by, columns),
        "is_newest_first": query.group_by in NEWEST_FIRST,
        "measures": table(measured),
        "providers": [each.provider for each in measured],
        "reasons": [words.reason_row(row) for row in found.value["reasons"]["results"]],
        "errors": [words.error_row(row) for row in found.value["errors"]["results"]],
        "products": found.value["products"]["results"],
        "unmapped": found.value["unmapped"]["results"],
        "files": _files(request, given, faults),
        "counted_at": datetime.fromtimestamp(found.counted_at, UTC),
    }
    return render(request, "integration/analytics.html", context)


def _rows(
    found: list[words.Row], group_by: str, columns: list[words.Column]
) -> list[tuple[str, str, list[words.Cell]]]:
    """Return each group with its name, the one for the chart, and its figures; of days the newest first."""
    rows = [
        (words.label_of(row, group_by), words.short_label_of(row, group_by), words.cells(row, columns)) for row in found
    ]
    return rows[::-1] if group_by in NEWEST_FIRST else rows


def _given(asked: QueryDict) -> QueryDict:
    """Return what the page knows of an address. Days go before a period, and blank ones are not said."""
    given = QueryDict(mutable=True)
    for name in FIELDS:
        if value := asked.get(name, "").strip():
            given[name] = value
    if given.get("period") != "days" and "period" in given:
        given.pop("from", None)
        given.pop("to", None)
    elif given.get("period") == "days":
        given.pop("period")
    return given


def _count(query: Query) -> dict[str, Any]:
    figures = report(query, "figures")
    by_provider = dataclasses.replace(query, group_by="provider")
    return {
        "figures": figures,
        "providers": figures if query.group_by == "provider" else report(by_provider, "figures"),
        **{name: report(query, name) for name in TABLES},
    }


def _files(request: HttpRequest, given: QueryDict, faults: dict[str, Any]) -> str:
    """Return the query of the files of these tables, which the API tells."""
    wanted = QueryDict(mutable=True) if faults else given.copy()
    if company := request.GET.get("company"):
        wanted["company"] = company
    return wanted.urlencode()
