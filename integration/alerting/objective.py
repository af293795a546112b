"""The rules about the objective: how fast the budget of thirty days burns, whether it is spent, and whether probes report.

They are for the time after an outage, and for small faults that add up: who is away cannot tell that he is. For that somebody
outside has to watch as well, as the rules for Prometheus do.
"""

from __future__ import annotations

from collections.abc import Iterator

from integration.alerting.steady import Finding
from integration.availability import FAST, PROBES, SLOW, Availability, Measure
from integration.models import Alert

BURNING, SPENT, SILENT = "budget_burning", "budget_spent", "probe_silent"
_SAID = {
    PROBES: ("Probes from outside fail", "the minutes that probes from outside saw it away"),
    "webhooks": ("Webhook requests are answered 5xx", "webhook requests that were answered 5xx"),
}


def burning_budgets(found: Availability) -> Iterator[Finding]:
    """Yield each measure by which the budget burns too fast: critical where it is gone within days, else a warning."""
    for measure in found.measures:
        is_fast = measure.is_burning(FAST)
        if not is_fast and not measure.is_burning(SLOW):
            continue
        what = _SAID[measure.name][0]
        how = (
            "that the budget of 30 days is gone within days."
            if is_fast
            else "that the budget of 30 days does not last."
        )
        severity = Alert.Severity.CRITICAL if is_fast else Alert.Severity.WARNING
        yield Finding(None, measure.name, f"{what} so often {how}", severity.value, _figures(measure))


def spent_budgets(found: Availability) -> Iterator[Finding]:
    """Yield each measure by which nothing is left of the budget."""
    for measure in found.measures:
        if measure.left_minutes < 0:
            said = f"The 21.6 minutes of the last 30 days are used up by {_SAID[measure.name][1]}."
            yield Finding(None, measure.name, said, details=_figures(measure))


def silent_probes(found: Availability) -> Iterator[Finding]:
    """Yield each probe that has reported within thirty days, and not of late."""
    for name in found.silent_probes:
        yield Finding(None, name, f"The probe {name} does not report any more.")


def _figures(measure: Measure) -> dict[str, object]:
    burns = {window: round(burn, 1) for window, burn in measure.burns().items() if burn is not None}
    return {"burn": burns, "leftMinutes": round(measure.left_minutes, 1)}
