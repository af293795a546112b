"""What people are told of a comparison: what never came, and that nothing could be compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from integration.alerts import raise_alert, resolve_alerts
from integration.models import Alert, ReconciliationRun, WebhookLog
from integration.reconciliation.source import Listed, Source
from orders.models import Company, Order

if TYPE_CHECKING:
    from integration.reconciliation.runs import Comparison

NEVER_CAME, NOT_IMPORTED, NEVER_CANCELLED = "orders_never_came", "orders_not_imported", "cancellations_never_came"
FAILING = "reconciliation_failing"
DIFFERENT = "reconciliation_different"
ALERT_AFTER = 4
"""So many runs in a row that could not compare, and somebody is told: an hour."""
NAMED = 20


def tell(source: Source, done: Comparison, now: datetime) -> None:
    """Raise what has to be looked at; resolve that nothing could be compared when it can again."""
    company = source.company
    if done.error:
        _tell_of_failure(source, done.error, now)
        return
    resolve_alerts(company.id, FAILING, source.name)
    off = {(each.provider, each.external_id) for each in done.called_off}
    taken = [pair for pair in done.imported if (pair[0].provider, pair[0].external_id) not in off]
    cancelled = [pair for pair in done.imported if (pair[0].provider, pair[0].external_id) in off]
    for provider, logs in _by_provider(taken):
        number = len(logs)
        said = (
            f"{number} orders of {provider} never came by themselves and were imported."
            if number > 1
            else f"An order of {provider} never came by itself and was imported."
        )
        rings = Order.objects.filter(pk__in=[log.order_id for log in logs if log.order_id]).exclude(rings="").exists()
        severity = Alert.Severity.CRITICAL if rings else Alert.Severity.WARNING
        _raise(company, NEVER_CAME, said, provider, severity, _details(logs), now)
    for provider, logs in _by_provider(cancelled):
        number = len(logs)
        said = (
            f"{number} cancellations of {provider} never came by themselves and were imported."
            if number > 1
            else f"A cancellation of {provider} never came by itself and was imported."
        )
        _raise(company, NEVER_CANCELLED, said, provider, Alert.Severity.CRITICAL, _details(logs), now)
    lost: dict[str, list[tuple[Listed, str]]] = defaultdict(list)
    for listed, error in done.failed:
        lost[listed.provider].append((listed, error))
    for provider, found in lost.items():
        said = (
            f"{len(found)} orders of {provider} never came and could not be imported: {found[0][1]}"
            if len(found) > 1
            else f"An order of {provider} never came and could not be imported: {found[0][1]}"
        )
        details = {"externalOrderIds": [listed.external_id for listed, _ in found[:NAMED]]}
        _raise(company, NOT_IMPORTED, said, provider, Alert.Severity.CRITICAL, details, now)


def tell_of_day(company: Company, day: str, differences: int, now: datetime) -> None:
    """Say that a day's figures differ."""
    said = (
        f"The orders of {day} differ from what the providers list, in {differences} cases."
        if differences > 1
        else f"The orders of {day} differ from what the providers list, in one case."
    )
    details = {"day": day, "differences": differences}
    raise_alert(company, DIFFERENT, said, subject=day, details=details, now=now)


def _tell_of_failure(source: Source, error: str, now: datetime) -> None:
    runs = ReconciliationRun.objects.filter(company=source.company, source=source.name)
    last = list(runs.values_list("status", flat=True)[:ALERT_AFTER])
    if len(last) < ALERT_AFTER or any(status != ReconciliationRun.Status.FAILED for status in last):
        return
    standing = Alert.objects.filter(company=source.company, cause=FAILING, subject=source.name)
    if not standing.exclude(state=Alert.State.RESOLVED).exists():
        said = f"The orders of {source.name} could not be compared for an hour: {error}"
        raise_alert(source.company, FAILING, said, subject=source.name, now=now)


def _by_provider(pairs: Iterable[tuple[Listed, WebhookLog]]) -> Iterable[tuple[str, list[WebhookLog]]]:
    found: dict[str, list[WebhookLog]] = defaultdict(list)
    for listed, log in pairs:
        found[listed.provider].append(log)
    return found.items()


def _details(logs: list[WebhookLog]) -> dict[str, Any]:
    return {
        "orders": {str(log.order_id): log.order_status or log.status for log in logs[:NAMED] if log.order_id},
        "eventId": str(logs[0].id),
        "externalOrderIds": [log.external_id for log in logs[:NAMED]],
    }


def _raise(
    company: Company, cause: str, said: str, provider: str, severity: str, details: dict[str, Any], now: datetime
) -> None:
    raise_alert(company, cause, said, subject=provider, severity=severity, details=details, now=now)
