"""From when on something is worth an alert: the defaults in one table, and what a company or the operators set instead."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from integration.models import AlertThreshold
from orders.audit import record_act
from orders.models import Company, User
from orders.pages import Text


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold with its unit, default and greatest value. Zero always turns its rule off."""

    name: str
    title: Text
    unit: Text
    default: int
    most: int
    of_installation: bool = False


THRESHOLDS = {
    entry.name: entry
    for entry in (
        Threshold("errorRatePercent", _("Deliveries of a provider that fail"), _("percent"), 20, 100),
        Threshold("slowP95Ms", _("Processing of the slowest twentieth takes"), _("ms"), 2_000, 600_000),
        Threshold("credentialExpiringDays", _("A credential expires within"), _("days"), 14, 365),
        Threshold(
            "silentUsualDeliveries", _("Silence where there usually are"), _("deliveries in two hours"), 3, 10_000
        ),
        Threshold("backlogDepth", _("Rows that are overdue"), _("rows"), 500, 1_000_000, True),
        Threshold("backlogAgeSeconds", _("The oldest overdue row waits"), _("seconds"), 120, 86_400, True),
        Threshold("processMissingSeconds", _("A process is not heard of for"), _("seconds"), 90, 86_400, True),
        Threshold("diskFreePercent", _("Free space on the disk is below"), _("percent"), 10, 100, True),
        Threshold("retentionOverdueHours", _("Old bodies were not deleted for"), _("hours"), 24, 8_760, True),
        Threshold("certificateDays", _("The certificate expires within"), _("days"), 14, 365, True),
    )
}


def of_companies() -> list[Threshold]:
    """Return the thresholds that each company sets for itself."""
    return [entry for entry in THRESHOLDS.values() if not entry.of_installation]


class Thresholds:
    """Every threshold that differs from its default, read once."""

    def __init__(self) -> None:
        rows = AlertThreshold.objects.values_list("company_id", "name", "value")
        self._set: dict[tuple[uuid.UUID | None, str], int] = {(company, name): value for company, name, value in rows}

    def get(self, name: str, company_id: uuid.UUID | None = None) -> int:
        """Return a threshold; 0 where its rule is off."""
        return self._set.get((company_id, name), THRESHOLDS[name].default)

    def greatest(self, name: str) -> int:
        """Return the greatest value that anybody has."""
        return max([THRESHOLDS[name].default, *(value for (_, each), value in self._set.items() if each == name)])


def thresholds_of(company: Company) -> dict[str, int]:
    """Return a company's thresholds by name."""
    own = dict(AlertThreshold.objects.filter(company=company).values_list("name", "value"))
    return {entry.name: own.get(entry.name, entry.default) for entry in of_companies()}


def set_thresholds(
    company: Company, wanted: Mapping[str, int | None], *, user: User, request: HttpRequest
) -> dict[str, int]:
    """Set thresholds by name, None for the default, with a trace in the trail; return all that then hold."""
    before = thresholds_of(company)
    with transaction.atomic():
        for name, value in wanted.items():
            rows = AlertThreshold.objects.filter(company=company, name=name)
            if value is None or value == THRESHOLDS[name].default:
                rows.delete()
            else:
                AlertThreshold.objects.update_or_create(company=company, name=name, defaults={"value": value})
        after = thresholds_of(company)
        changed: dict[str, Any] = {name: after[name] for name in after if after[name] != before[name]}
        if changed:
            record_act("alert_threshold.changed", company=company, details=changed, user=user, request=request)
    return after
