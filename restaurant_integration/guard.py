"""What a server asks itself before its first request."""

from __future__ import annotations

import logging

from django.core.checks import ERROR, run_checks
from django.core.exceptions import ImproperlyConfigured

from integration.checks import SAFE_START

logger = logging.getLogger(__name__)


def refuse_unsafe_start() -> None:
    """Raise ImproperlyConfigured, naming every fault, where the settings would leave a door open; log what is doubtful.

    Needs Django to be set up; asks no database.
    """
    found = run_checks(tags=[SAFE_START])
    faults = [message for message in found if message.level >= ERROR]
    if faults:
        raise ImproperlyConfigured(" ".join(f"{fault.msg} {fault.hint or ''}".strip() for fault in faults))
    for message in found:
        logger.warning("%s %s", message.msg, message.hint or "")
