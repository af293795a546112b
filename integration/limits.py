"""How many webhook requests are taken, and how many refused ones are answered."""

from __future__ import annotations

import math
import re
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from orders.audit import record_act
from orders.counters import Window, counters
from orders.models import Company


@lru_cache(maxsize=8)
def parse_limit(text: str) -> tuple[Window, ...]:
    """Return the windows of ``count/seconds``: the limit, and a burst of a quarter of it in a sixth of the time.

    ``off`` gives none. Raises ImproperlyConfigured for anything else.
    """
    if text.strip().lower() == "off":
        return ()
    match = re.fullmatch(r"\s*([1-9][0-9]{0,8})\s*/\s*([1-9][0-9]{0,5})\s*", text, re.ASCII)
    if match is None:
        raise ImproperlyConfigured("WEBHOOK_RATE_LIMIT is count/seconds, such as 6000/60, or off.")
    count, seconds = int(match[1]), int(match[2])
    return Window(count, seconds), Window(math.ceil(count / 4), math.ceil(seconds / 6))


def webhook_limit(company: Company, provider: str) -> int:
    """Count an authentic request; return 0, or how many seconds its sender has to wait."""
    wait_s = _exceeded(f"webhook:{company.id}:{provider}")
    if wait_s:
        _note(company, provider, "authentic")
    return wait_s


def refused_limit(company: Company | None, provider: str, address: str) -> int:
    """Count a refused request in a bucket of its own: a forger cannot starve the real sender."""
    wait_s = _exceeded(f"refused:{company.id if company else '-'}:{provider}:{address}")
    if wait_s:
        _note(company, provider, "refused")
    return wait_s


def _exceeded(key: str) -> int:
    windows = parse_limit(settings.WEBHOOK_RATE_LIMIT)
    return counters.exceeded(key, windows) if windows else 0


def _note(company: Company | None, provider: str, kind: str) -> None:
    """Write into the audit trail that the limit was exceeded: once a minute, not once a request."""
    if not counters.exceeded(f"noted:{company.id if company else '-'}:{provider}:{kind}", [Window(1, 60)]):
        details = {"requests": kind, "limit": settings.WEBHOOK_RATE_LIMIT}
        record_act("webhook.rate_limited", company=company, target=provider, details=details)
