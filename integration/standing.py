"""How each provider and the hub stand, in one word: what the integrations' page and the dashboard show."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings

from integration.models import CircuitBreaker
from integration.silence import silences
from integration.stats import provider_status
from orders.models import Company
from providers.payload import parse_time

TIMES = ("lastEventAt", "lastSuccessAt", "lastFailureAt", "lastRejectedAt", "credentialExpiresAt")


def standings(company: Company, now: datetime) -> list[dict[str, Any]]:
    """Return the state of each provider and of the hub, as ``provider_status`` tells it, with its times as times.

    Besides: ``silence`` (None for the hub), ``retryAt``, ``isOffHere``, ``credentialMissing`` and ``state``.
    """
    statuses, quiet = provider_status(company, now), silences(company, now)
    retries = dict(CircuitBreaker.objects.filter(company=company).values_list("provider", "retry_at"))
    for status in statuses:
        slug = status["provider"]
        # The API's times are texts; a page writes them in the company's own zone.
        status |= {name: parse_time(status[name] or "") for name in TIMES}
        status["silence"] = quiet.get(slug)
        status["retryAt"] = retries.get(slug)
        status["isOffHere"] = not settings.PROVIDER_ENABLED.get(slug, True)
        # One that was never used needs none; where the installation's own stands in, none is missed.
        stands_in = status["credentialSet"] or settings.PROVIDER_FALLBACK_SECRETS.get(slug)
        status["credentialMissing"] = bool(status["lastSuccessAt"]) and not stands_in
        status["state"] = _state(status)
    return statuses


def _state(status: dict[str, Any]) -> str:
    """Return the one word that a glance has to find: off, bad, warn, good, or idle where nothing has come yet."""
    quiet = status["silence"]
    if not status["enabled"]:
        return "off"
    if status["breaker"] == "open" or status["credentialMissing"] or (quiet and quiet.is_silent):
        return "bad"
    waiting = status["last24h"]["dead"] or status["last24h"]["quarantined"]
    if status["breaker"] == "half_open" or status["credentialExpiring"] or waiting:
        return "warn"
    return "good" if status["lastSuccessAt"] else "idle"
